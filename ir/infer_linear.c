/* Shapes and types of the ops that multiply by weights: activations NHWC,
 * weights OHWI, 1HWM or [N, K], one scale for all of the weights or one per
 * output channel, bias in the accumulator's unit (scale_x * scale_w). */
#include "ir/infer.h"

static bool check_weight_type(const Op *op, Form form, int axis) {
  const Value *w = op->in[1];
  const Type *t = w->type;
  if (form == FORM_f32)
    return t->dtype == DT_f32 ||
           op_error(op, E0201, "weight %s: expected f32", value_text(op, w));
  if (t->dtype != DT_i8 && (t->dtype != DT_u8 || form == FORM_q16))
    return op_error(op, E0201, "weight %s: expected i8%s", value_text(op, w),
                    form == FORM_q16 ? "" : " or u8");
  if (!t->q)
    return op_error(op, E0202, "weight %s has no quantization",
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

static bool check_linear(const Op *op, int axis, int64_t channels) {
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

bool infer_conv2d(const Op *op, Shape *out) {
  const Value *x = op->in[0], *w = op->in[1];
  if (!check_rank(op, x, 4) || !check_rank(op, w, 4))
    return false;
  int64_t c = x->type->dim[3], i = w->type->dim[3], o = w->type->dim[0];
  if (c % i != 0)
    return op_error(op, E0201,
                    "the weight has %lld input channels, the input has %lld",
                    (long long)i, (long long)c);
  if (o % (c / i) != 0)
    return op_error(op, E0201, "%lld output channels in %lld groups",
                    (long long)o, (long long)(c / i));
  bool ok = check_linear(op, 0, o);
  return conv_extent(op, o, out) && ok;
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
