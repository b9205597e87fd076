/* Layers: x channels first, weights [O, I / groups, H, W]; dense ones [N, K].
 *
 * A layer's bias on quantized types counts in steps of sx sw[c], whatever
 * its own scale says: i32 stays and is dequantized with these, i64, which
 * DequantizeLinear does not take, becomes the real numbers. */
#include "export/onnx/constant.h"
#include "export/onnx/exporter.h"
#include "ir/border.h"
#include "ir/element.h"

/* --- biases ------------------------------------------------------------ */

/* b's type with the scale of the sums. */
static const Type *sum_type(Exporter *x, const Op *op, const Type *b) {
  const Type *t = op->in[0]->type, *w = op->in[1]->type;
  int n = w->q->axis < 0 ? 1 : w->q->nscale;
  float *scale = ARENA_ARRAY(x->arena, float, n);
  int32_t *zero = ARENA_ARRAY(x->arena, int32_t, n);
  for (int i = 0; i < n; i++)
    scale[i] = type_scale(t) * w->q->scale[i];
  QuantParams q = {.axis = w->q->axis < 0 ? -1 : 0,
                   .nscale = n,
                   .scale = scale,
                   .zero_point = zero,
                   .qmin = dtype_min(b->dtype),
                   .qmax = dtype_max(b->dtype)};
  return type_with_dtype(x->arena, b, b->dtype, &q);
}

static const char *real_bias(Exporter *x, const Value *b, const Type *t,
                             const char *out) {
  int64_t n = type_count(t);
  float *to = ARENA_ARRAY(x->arena, float, n);
  for (int64_t i = 0; i < n; i++) {
    int64_t q =
        element_to_int(t->dtype, element_load(t->dtype, b->init->data, i));
    to[i] = (float)((double)q * (double)type_channel_scale(t, i));
  }
  graph_add_tensor(&x->tensors, out, DT_f32, t->rank, t->dim, to,
                   (size_t)n * sizeof *to);
  return out;
}

/* The bias of op, [O], as real numbers. */
static const char *bias_of(Exporter *x, const Op *op) {
  Value *b = op->in[2];
  Perm p = perm_identity(b->type->rank);
  if (dtype_is_float(b->type->dtype))
    return form_stored(x, b, &p);
  const Type *t = sum_type(x, op, b->type);
  const char *out = form_word(x, op->out[0]->name, "bias");
  if (t->dtype != DT_i32 && b->init)
    return real_bias(x, b, t, out);
  dequantize_as(x, t, form_stored(x, b, &p), out);
  return out;
}

/* A bias for each border class, as a constant [1, O, H, W]. */
static const char *border_bias(Exporter *x, const Op *op) {
  const Type *y = op->out[0]->type, *b = op->in[2]->type;
  const float *from = op->in[2]->init->data;
  int64_t dim[] = {1, y->dim[3], y->dim[1], y->dim[2]}, k = 0;
  int64_t n = dim[1] * dim[2] * dim[3];
  float *to = ARENA_ARRAY(x->arena, float, n);
  Border border;
  border_of(op, &border);
  for (int64_t c = 0; c < dim[1]; c++)
    for (int64_t i = 0; i < dim[2]; i++)
      for (int64_t j = 0; j < dim[3]; j++) {
        int64_t row = border_class(&border.y, i);
        int64_t column = border_class(&border.x, j);
        to[k++] = from[(row * b->dim[1] + column) * dim[1] + c];
      }
  const char *name = form_word(x, op->out[0]->name, "bias");
  graph_add_tensor(&x->tensors, name, DT_f32, 4, dim, to,
                   (size_t)n * sizeof *to);
  return name;
}

/* --- convolutions ------------------------------------------------------ */

enum { CONV_ATTRS = 5 };

static void conv_attrs(const Op *op, int64_t groups, int64_t *pads,
                       int64_t *kernel, Attr *out) {
  const ConvAttrs *a = &op->attrs.conv;
  const int64_t order[] = {a->pad.v[0], a->pad.v[2], a->pad.v[1], a->pad.v[3]};
  for (int i = 0; i < 4; i++)
    pads[i] = order[i];
  kernel[0] = op->in[1]->type->dim[1];
  kernel[1] = op->in[1]->type->dim[2];
  out[0] = (Attr)A_INTS("kernel_shape", kernel, 2);
  out[1] = (Attr)A_INTS("strides", a->stride.v, 2);
  out[2] = (Attr)A_INTS("dilations", a->dilation.v, 2);
  out[3] = (Attr)A_INTS("pads", pads, 4);
  out[4] = (Attr)A_INT("group", groups);
}

/* Zero point i of op, a scalar where it is one number; "" where absent. */
static const char *zero_of(Exporter *x, const Op *op, int i) {
  Value *v = op_in(op, i);
  if (!v)
    return "";
  Perm p = perm_identity(v->type->rank);
  if (!v->init || type_count(v->type) > 1)
    return form_stored(x, v, &p);
  const char *word = arena_printf(x->arena, "zero_point_%d", i);
  return tensor_element(x, op->out[0]->name, word, v->type->dtype,
                        element_load(v->type->dtype, v->init->data, 0));
}

/* Sums of plain bytes less their zero points, operands `zero` and the next. */
static bool integer_node(Exporter *x, const Op *op, const char *name,
                         const Perm *p, int zero, int nattr,
                         const Attr *attrs) {
  Perm a = *p, b = *p;
  if (op->kind == OP_matmul) {
    a = perm_identity(op->in[0]->type->rank);
    b = perm_identity(op->in[1]->type->rank);
  }
  const char *in[] = {form_stored(x, op->in[0], &a),
                      form_stored(x, op->in[1], &b), zero_of(x, op, zero),
                      zero_of(x, op, zero + 1)};
  const char *out = form_name(x, op->out[0], p);
  node(x, name, in[3][0] ? 4 : in[2][0] ? 3 : 2, in, out, nattr, attrs);
  form_bind(x, op->out[0], out, p);
  return true;
}

/* The layer without its border classes' biases, and these behind it. */
static void conv_and_border(Exporter *x, const Op *op, const char *const *in,
                            const Result *r, const Attr *attrs) {
  const char *sums = form_word(x, r->end, "sums");
  node(x, "Conv", 2, in, sums, CONV_ATTRS, attrs);
  const char *both[] = {sums, border_bias(x, op)};
  node(x, "Add", 2, both, r->name, 0, NULL);
}

bool export_conv(Exporter *x, const Op *op) {
  static const Perm depthwise = {4, {3, 0, 1, 2}};
  bool dw = op->kind == OP_depthwise_conv2d;
  Perm p = perm_channels_first();
  int64_t channels = op->in[0]->type->dim[3], pads[4], kernel[2];
  Attr attrs[CONV_ATTRS];
  conv_attrs(op, dw ? channels : channels / op->in[1]->type->dim[3], pads,
             kernel, attrs);
  if (op->out[0]->type->dtype == DT_i32)
    return op_in(op, 2)
               ? export_refuse(x, op, "ConvInteger has no bias")
               : integer_node(x, op, "ConvInteger", &p, 3, CONV_ATTRS, attrs);
  const char *in[] = {form_real(x, op->in[0], &p),
                      form_real(x, op->in[1], dw ? &depthwise : &p), ""};
  if (!border_is_bias(op)) {
    if (op_in(op, 2))
      in[2] = bias_of(x, op);
    return result_node(x, op, &p, op_in(op, 2) ? 3 : 2, in, CONV_ATTRS, attrs);
  }
  Result r = result_begin(x, op->out[0], &p, act_of(op));
  conv_and_border(x, op, in, &r, attrs);
  result_end(x, &r);
  return true;
}

/* Weights [O, H, W, I] of g groups as [g I, O / g, H, W]; of more than one
 * group constants only. */
static const char *spread_weights(Exporter *x, const Op *op, int64_t groups) {
  static const Perm plain = {4, {3, 0, 1, 2}}, inner = {5, {0, 4, 1, 2, 3}};
  Value *w = op->in[1];
  const int64_t *d = w->type->dim;
  if (groups == 1)
    return form_real(x, w, &plain);
  if (!w->init)
    return NULL;
  int64_t split[] = {groups, d[0] / groups, d[1], d[2], d[3]};
  int64_t joined[] = {groups * d[3], d[0] / groups, d[1], d[2]};
  const Type *t = type_with_shape(x->arena, w->type, 5, split);
  const char *base = op->out[0]->name, *name = form_word(x, base, "weight");
  const char *deep = form_word(x, base, "weight_by_group");
  constant_add(x, deep, t, w->init->data, &inner);
  const char *in[] = {deep, tensor_ints(x, base, "weight_shape", 4, joined)};
  node(x, "Reshape", 2, in, name, 0, NULL);
  return name;
}

bool export_conv_transpose(Exporter *x, const Op *op) {
  const ConvTransposeAttrs *a = &op->attrs.conv_transpose;
  const int64_t *in = op->in[0]->type->dim, *out = op->out[0]->type->dim;
  const int64_t *w = op->in[1]->type->dim;
  int64_t pads[4], more[2], groups = in[3] / w[3];
  for (int i = 0; i < 2; i++) {
    int64_t full = (in[1 + i] - 1) * a->stride.v[i] +
                   (w[1 + i] - 1) * a->dilation.v[i] + 1;
    int64_t after = full - a->pad.v[i] - out[1 + i];
    pads[i] = a->pad.v[i];
    pads[2 + i] = after < 0 ? 0 : after;
    more[i] = after < 0 ? -after : 0;
    if (pads[i] < 0 ||
        (more[i] >= a->stride.v[i] && more[i] >= a->dilation.v[i] && more[i]))
      return export_refuse(x, op, "no padding of ONNX gives this size");
  }
  Perm p = perm_channels_first();
  const char *weights = spread_weights(x, op, groups);
  if (!weights)
    return export_refuse(x, op, "weights of several groups must be constant");
  const char *operands[] = {form_real(x, op->in[0], &p), weights, ""};
  if (op_in(op, 2))
    operands[2] = bias_of(x, op);
  Attr attrs[] = {
      A_INTS("kernel_shape", w + 1, 2),      A_INTS("strides", a->stride.v, 2),
      A_INTS("dilations", a->dilation.v, 2), A_INTS("pads", pads, 4),
      A_INTS("output_padding", more, 2),     A_INT("group", groups)};
  return result_node(x, op, &p, op_in(op, 2) ? 3 : 2, operands,
                     sizeof attrs / sizeof *attrs, attrs);
}

/* --- products ---------------------------------------------------------- */

/* [.., K] to [.., N], the dimensions before alike. */
static bool keeps_rows(const Op *op) {
  const Type *t = op->in[0]->type, *y = op->out[0]->type;
  if (t->rank != y->rank || !t->rank ||
      t->dim[t->rank - 1] != op->in[1]->type->dim[1])
    return false;
  for (int i = 0; i < t->rank - 1; i++)
    if (t->dim[i] != y->dim[i])
      return false;
  return true;
}

/* x as rows of K. */
static const char *as_rows(Exporter *x, const Op *op, const char *in) {
  int64_t k = op->in[1]->type->dim[1];
  int64_t shape[] = {type_count(op->in[0]->type) / k, k};
  const char *base = op->out[0]->name, *out = form_word(x, base, "rows");
  const char *operands[] = {in, tensor_ints(x, base, "rows_shape", 2, shape)};
  node(x, "Reshape", 2, operands, out, 0, NULL);
  return out;
}

/* Gemm on rows, between two views. */
static void dense_of_rows(Exporter *x, const Op *op, int nin, const char **in,
                          const Attr *trans_b, const char *out) {
  const Type *y = op->out[0]->type;
  const char *base = op->out[0]->name, *flat = form_word(x, base, "flat");
  in[0] = as_rows(x, op, in[0]);
  node(x, "Gemm", nin, in, flat, 1, trans_b);
  const char *view[] = {flat,
                        tensor_ints(x, base, "flat_shape", y->rank, y->dim)};
  node(x, "Reshape", 2, view, out, 0, NULL);
}

/* MatMul and Add, for more than two dimensions. */
static void dense_of_matrices(Exporter *x, const Op *op, const char *in,
                              const char *bias, const char *out) {
  static const Perm swapped = {2, {1, 0}};
  const char *operands[] = {in, form_real(x, op->in[1], &swapped)};
  const char *sums = bias ? form_word(x, op->out[0]->name, "sums") : out;
  node(x, "MatMul", 2, operands, sums, 0, NULL);
  const char *both[] = {sums, bias};
  if (bias)
    node(x, "Add", 2, both, out, 0, NULL);
}

bool export_dense(Exporter *x, const Op *op) {
  const Type *t = op->in[0]->type, *y = op->out[0]->type;
  Perm in_order = perm_identity(t->rank), p = perm_identity(y->rank);
  Perm w = perm_identity(2);
  const char *bias = op_in(op, 2) ? bias_of(x, op) : NULL;
  const char *data = form_real(x, op->in[0], &in_order);
  Result r = result_begin(x, op->out[0], &p, act_of(op));
  if (keeps_rows(op) && t->rank != 2) {
    dense_of_matrices(x, op, data, bias, r.name);
  } else {
    const char *in[] = {data, form_real(x, op->in[1], &w), bias};
    Attr trans_b = A_INT("transB", 1);
    if (keeps_rows(op))
      node(x, "Gemm", bias ? 3 : 2, in, r.name, 1, &trans_b);
    else
      dense_of_rows(x, op, bias ? 3 : 2, in, &trans_b, r.name);
  }
  result_end(x, &r);
  return true;
}

bool export_matmul(Exporter *x, const Op *op) {
  Perm p = perm_identity(op->out[0]->type->rank);
  DType t = op->in[0]->type->dtype;
  if (op->out[0]->type->dtype == DT_i32 && t != DT_i32)
    return integer_node(x, op, "MatMulInteger", &p, 2, 0, NULL);
  const char *in[2];
  for (int i = 0; i < 2; i++) {
    Perm own = perm_identity(op->in[i]->type->rank);
    in[i] = form_real(x, op->in[i], &own);
  }
  return result_node(x, op, &p, 2, in, 0, NULL);
}
