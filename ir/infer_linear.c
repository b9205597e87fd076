/* Shapes and types of the ops that multiply by weights: activations NHWC,
 * weights OHWI, 1HWM or [N, K], one scale for all of the weights or one per
 * output channel, bias in the accumulator's unit (scale_x * scale_w). conv2d
 * also takes plain bytes, with zero points as operands; the sums are its
 * output. On floats it takes a bias for each border class. */
#include "ir/border.h"
#include "ir/infer_map.h"

static bool check_weight_type(const Op *op, Form form, int axis) {
  const Value *w = op->in[1];
  const Type *t = w->type;
  if (form == FORM_f32)
    return t->dtype == DT_f32 ||
           op_error(op, E0201, "weight %s: expected f32", value_text(op, w));
  bool only_signed = form == FORM_q16 && op->rounding != ROUND_onnx;
  bool words = form == FORM_q16 && t->dtype == DT_i16 && !only_signed;
  if (t->dtype != DT_i8 && !words && (t->dtype != DT_u8 || only_signed))
    return op_error(op, E0201, "weight %s: expected i8%s", value_text(op, w),
                    only_signed ? "" : " or u8");
  if (!t->q)
    return op_error(op, E0202, "weight %s has no quantization",
                    value_text(op, w));
  for (int i = 0; words && i < t->q->nscale; i++)
    if (t->q->zero_point[i])
      return op_error(op, E0202, "weight %s: the zero point of i16 must be 0",
                      value_text(op, w));
  if (t->q->block || t->q->codebook || (t->q->axis >= 0 && t->q->axis != axis))
    return op_error(op, E0202,
                    "weight %s: expected one scale, or one per index of axis "
                    "%d",
                    value_text(op, w), axis);
  return true;
}

static bool is_bias_dtype(DType t, Form form) {
  switch (form) {
  case FORM_f32:
    return t == DT_f32;
  case FORM_q8:
    return t == DT_i32;
  case FORM_q16:
    return t == DT_i64 || t == DT_i32;
  case FORM_bad:
    break;
  }
  return false;
}

static bool check_bias(const Op *op, Form form, int64_t channels) {
  static const char *const expected[] = {[FORM_bad] = "",
                                         [FORM_f32] = "f32",
                                         [FORM_q8] = "i32",
                                         [FORM_q16] = "i64 or i32"};
  const Value *b = op_in(op, 2);
  if (!b)
    return true;
  if (form != FORM_f32 && op->rounding == ROUND_onnx && b->init)
    form = b->type->dtype == DT_f32 ? FORM_f32 : form;
  if (!is_bias_dtype(b->type->dtype, form))
    return op_error(op, E0201, "bias %s: expected %s", value_text(op, b),
                    expected[form]);
  if (b->type->rank != 1 || b->type->dim[0] != channels)
    return op_error(op, E0201, "bias %s: expected [%lld]", value_text(op, b),
                    (long long)channels);
  for (int i = 0; b->type->q && i < b->type->q->nscale; i++)
    if (b->type->q->zero_point[i] != 0)
      return op_error(op, E0202, "the zero point of the bias must be 0");
  return true;
}

static bool check_no_zero_points(const Op *op) {
  return (!op_in(op, 3) && !op_in(op, 4)) ||
         op_error(op, E0201, "only plain i8 and u8 take zero points");
}

static bool check_linear(const Op *op, int axis, int64_t channels) {
  if (!check_no_zero_points(op))
    return false;
  Form form = check_form(op, 1);
  if (form == FORM_bad)
    return false;
  bool ok = check_weight_type(op, form, axis);
  return check_bias(op, form, channels) && ok;
}

/* Output extent of a window of k taps over n elements. */
static bool window_extent(const Op *op, const char *what, int64_t n, int64_t k,
                          int64_t stride, int64_t dilation, int64_t pads,
                          int64_t *out) {
  int64_t reach = mul_saturating(k - 1, dilation);
  if (reach >= n + pads)
    return op_error(op, E0201,
                    "the window's %s is %lld (dilation %lld), larger than "
                    "the padded input's %lld",
                    what, (long long)k, (long long)dilation,
                    (long long)(n + pads));
  *out = (n + pads - (reach + 1)) / stride + 1;
  return true;
}

/* [N, OH, OW, channels] of a convolution with a kh x kw window. */
static bool conv_extent(const Op *op, int64_t channels, Shape *out) {
  const ConvAttrs *a = &op->attrs.conv;
  const int64_t *x = op->in[0]->type->dim, *w = op->in[1]->type->dim;
  if (!check_min(op, "stride", a->stride.v, 2, 1) ||
      !check_min(op, "dilation", a->dilation.v, 2, 1) ||
      !check_min(op, "pad", a->pad.v, 4, 0))
    return false;
  *out = (Shape){4, {x[0], 0, 0, channels}};
  bool ok =
      window_extent(op, "height", x[1], w[1], a->stride.v[0], a->dilation.v[0],
                    a->pad.v[0] + a->pad.v[1], &out->dim[1]);
  return window_extent(op, "width", x[2], w[2], a->stride.v[1],
                       a->dilation.v[1], a->pad.v[2] + a->pad.v[3],
                       &out->dim[2]) &&
         ok;
}

/* x NHWC and w OHWI with groups of I channels. */
static bool check_groups(const Op *op) {
  const Value *x = op->in[0], *w = op->in[1];
  if (!check_rank(op, x, 4) || !check_rank(op, w, 4))
    return false;
  int64_t c = x->type->dim[3], i = w->type->dim[3], o = w->type->dim[0];
  if (c % i != 0)
    return op_error(op, E0201,
                    "the weight has %lld input channels, the input has %lld",
                    (long long)i, (long long)c);
  return o % (c / i) == 0 ||
         op_error(op, E0201, "%lld output channels in %lld groups",
                  (long long)o, (long long)(c / i));
}

static bool is_byte(DType t) { return t == DT_i8 || t == DT_u8; }

/* Operand `zero` is of the type of operand `of`, one number or [n]. */
static bool check_zero_point(const Op *op, int zero, int of, int64_t n) {
  const Value *z = op_in(op, zero);
  if (!z)
    return true;
  int64_t count = type_count(z->type);
  return (z->type->dtype == op->in[of]->type->dtype && z->type->rank <= 1 &&
          (count == 1 || count == n)) ||
         op_error(op, E0201, "zero point %s does not go with %s",
                  value_text(op, z), value_text(op, op->in[of]));
}

static bool makes_sums(const Op *op) {
  return is_byte(op->in[0]->type->dtype) && op_is_plain(op);
}

/* Bytes times bytes, summed up in i32. */
static bool check_byte_conv(const Op *op, int64_t channels) {
  const Value *w = op->in[1];
  if (!is_byte(w->type->dtype))
    return op_error(op, E0201, "weight %s: expected i8 or u8",
                    value_text(op, w));
  if (op->attrs.conv.act != ACT_none)
    return op_error(op, E0201, "sums take no activation");
  return check_dtype(op, op->out[0], DT_i32) &&
         check_bias(op, FORM_q8, channels) && check_zero_point(op, 3, 0, 1) &&
         check_zero_point(op, 4, 1, channels);
}

/* [rows, columns, channels], a bias for each border class; the op's output has
 * the extent that it must have. */
static bool check_border_bias(const Op *op, int64_t channels) {
  const Value *b = op->in[2];
  const int64_t *d = b->type->dim;
  Border e;
  if (!check_no_zero_points(op) || check_form(op, 1) != FORM_f32)
    return op_error(op, E0201, "bias %s: expected [%lld]", value_text(op, b),
                    (long long)channels);
  bool ok = border_of(op, &e) && d[0] == border_classes(&e.y) &&
            d[1] == border_classes(&e.x) && d[2] == channels &&
            b->type->dtype == DT_f32 && b->init;
  return (ok || op_error(op, E0201,
                         "bias %s: expected a constant f32[%lld], or one for "
                         "each border class",
                         value_text(op, b), (long long)channels)) &&
         check_weight_type(op, FORM_f32, 0);
}

static bool check_conv(const Op *op, int64_t channels) {
  return makes_sums(op) ? check_byte_conv(op, channels)
                        : check_linear(op, 0, channels);
}

bool infer_conv2d(const Op *op, Shape *out) {
  if (!check_groups(op))
    return false;
  int64_t o = op->in[1]->type->dim[0];
  bool border = border_is_bias(op);
  bool ok = border || check_conv(op, o);
  if (!conv_extent(op, o, out))
    return false;
  Shape y = shape_of(op->out[0]);
  return ok && (!border || !shape_equal(&y, out) || check_border_bias(op, o));
}

/* Any extent has a meaning: where no tap falls there is the bias alone. */
bool infer_conv_transpose2d(const Op *op, Shape *out) {
  const ConvTransposeAttrs *a = &op->attrs.conv_transpose;
  const Value *y = op->out[0];
  if (!check_groups(op) || !check_rank(op, y, 4) ||
      !check_min(op, "stride", a->stride.v, 2, 1) ||
      !check_min(op, "dilation", a->dilation.v, 2, 1))
    return false;
  int64_t o = op->in[1]->type->dim[0];
  *out = (Shape){
      4, {op->in[0]->type->dim[0], y->type->dim[1], y->type->dim[2], o}};
  Form form = check_form(op, 1);
  if (form == FORM_q8 || form == FORM_q16)
    return op_error(op, E0201, "%s: expected f32", value_text(op, op->in[0]));
  return form == FORM_f32 && check_weight_type(op, form, 0) &&
         check_bias(op, form, o);
}

bool infer_depthwise_conv2d(const Op *op, Shape *out) {
  const Value *x = op->in[0], *w = op->in[1];
  if (!check_rank(op, x, 4) || !check_rank(op, w, 4))
    return false;
  int64_t c = x->type->dim[3], m = w->type->dim[3];
  if (w->type->dim[0] != 1)
    return op_error(op, E0201, "weight %s: expected [1,H,W,M]",
                    value_text(op, w));
  if (m % c != 0)
    return op_error(op, E0201,
                    "the weight has %lld channels, no multiple of the "
                    "input's %lld",
                    (long long)m, (long long)c);
  bool ok = check_linear(op, 3, m);
  return conv_extent(op, m, out) && ok;
}

/* x is viewed as [count / K, K], as TFLite does; the output may have any
 * leading dimensions with that many rows. */
bool infer_fully_connected(const Op *op, Shape *out) {
  const Value *x = op->in[0], *w = op->in[1], *y = op->out[0];
  if (!check_rank(op, w, 2))
    return false;
  int64_t n = w->type->dim[0], k = w->type->dim[1];
  int64_t count = type_count(x->type);
  bool ok = check_linear(op, 0, n);
  if (count % k != 0)
    return op_error(op, E0201,
                    "the weight has rows of %lld, the input has %lld elements",
                    (long long)k, (long long)count);
  *out = shape_of(y);
  if (y->type->rank == 0 || y->type->dim[y->type->rank - 1] != n ||
      type_count(y->type) != mul_saturating(count / k, n))
    *out = (Shape){2, {count / k, n}};
  return ok;
}

/* Leading dimensions broadcast, [M, K] times [K, N]. */
static bool matmul_shape(const Op *op, Shape *out) {
  Shape a = shape_of(op->in[0]), b = shape_of(op->in[1]);
  bool ok =
      a.rank >= 2 && b.rank >= 2 && a.dim[a.rank - 1] == b.dim[b.rank - 2];
  *out = a.rank > b.rank ? a : b;
  for (int d = 3; d <= out->rank && ok; d++) {
    int64_t da = d <= a.rank ? a.dim[a.rank - d] : 1;
    int64_t db = d <= b.rank ? b.dim[b.rank - d] : 1;
    ok = da == db || da == 1 || db == 1;
    out->dim[out->rank - d] = da == 1 ? db : da;
  }
  if (!ok)
    return op_error(op, E0201, "%s and %s do not go together",
                    value_text(op, op->in[0]), value_text(op, op->in[1]));
  out->dim[out->rank - 2] = a.dim[a.rank - 2];
  out->dim[out->rank - 1] = b.dim[b.rank - 1];
  return true;
}

/* Operand `zero` broadcasts to operand `of`, whose dimension k it does not
 * vary along. */
static bool check_zero_points(const Op *op, int zero, int of, int k) {
  const Value *z = op_in(op, zero), *x = op->in[of];
  if (!z)
    return true;
  int lead = x->type->rank - z->type->rank;
  bool ok = z->type->dtype == x->type->dtype && lead >= 0;
  for (int d = 0; d < z->type->rank && ok; d++)
    ok = z->type->dim[d] == 1 ||
         (z->type->dim[d] == x->type->dim[lead + d] && lead + d != k);
  return ok || op_error(op, E0201, "zero point %s does not go with %s",
                        value_text(op, z), value_text(op, x));
}

/* Bytes to sums in i32; any other number type to itself. */
static bool check_plain_matmul(const Op *op) {
  const Value *a = op->in[0], *b = op->in[1];
  DType t = a->type->dtype;
  if (!is_byte(t))
    return check_number(op, a) && check_dtype(op, b, t) &&
           check_dtype(op, op->out[0], t) &&
           ((!op_in(op, 2) && !op_in(op, 3)) ||
            op_error(op, E0201, "only plain i8 and u8 take zero points"));
  if (!is_byte(b->type->dtype))
    return op_error(op, E0201, "%s: expected i8 or u8", value_text(op, b));
  return check_dtype(op, op->out[0], DT_i32) &&
         check_zero_points(op, 2, 0, a->type->rank - 1) &&
         check_zero_points(op, 3, 1, b->type->rank - 2);
}

/* One scale, or for b one per column. */
static bool check_quantized_matmul(const Op *op) {
  const Value *b = op->in[1];
  if (op_in(op, 2) || op_in(op, 3))
    return op_error(op, E0201, "only plain i8 and u8 take zero points");
  Form form = check_form(op, 1);
  bool known = form == FORM_q8 || op->rounding == ROUND_onnx;
  if (form == FORM_f32 || (form == FORM_q16 && !known))
    return op_error(op, E0201, "%s: expected i8 or u8",
                    value_text(op, op->in[0]));
  return form != FORM_bad && check_weight_type(op, form, b->type->rank - 1);
}

bool infer_matmul(const Op *op, Shape *out) {
  return matmul_shape(op, out) &&
         (op_is_plain(op) ? check_plain_matmul(op)
                          : check_quantized_matmul(op));
}
