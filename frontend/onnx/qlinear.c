/* Operators on quantized tensors with their scales and zero points as
 * inputs: the QLinear family of ai.onnx and com.microsoft, QGemm, and the
 * integer products. Where parameters are known, types carry them and the ops
 * are the IR's own; products with others are sums in i32, scaled in floats:
 *
 *   y = saturate(round(float(acc) * (sx * sw / sy)) + zy) */
#include "frontend/onnx/quant.h"

#include <float.h>
#include <math.h>

#include "frontend/onnx/spatial.h"
#include "ir/float_step.h"

/* An op of one or two quantized inputs, whose parameters follow each, to the
 * type that the inputs behind them give. */
static void pointwise(Node *n, OpKind kind, const Attrs *a, int nin) {
  Value *in[2] = {quant_input(n, 0, -1), NULL};
  Dims d = n->bad ? (Dims){0} : dims_of(in[0]);
  if (nin == 2) {
    in[1] = quant_input(n, 3, -1);
    if (n->bad || !b_broadcast_dims(n, dims_of(in[0]), dims_of(in[1]), &d))
      return;
  }
  const Type *y = n->bad ? NULL : quant_like(n, in[0], 3 * nin, 3 * nin + 1);
  if (y)
    node_out(n, 0,
             b_op1(n, kind, a, nin, in,
                   type_with_shape(n->im->arena, y, d.rank, d.v)));
}

void onnx_qlinear_binary(Node *n) { pointwise(n, n->row->kind, NULL, 2); }
void onnx_qlinear_unary(Node *n) { pointwise(n, n->row->kind, NULL, 1); }

void onnx_qlinear_leaky_relu(Node *n) {
  Attrs a = attrs_default(OP_leaky_relu);
  a.leaky.alpha = attr_float(n, "alpha", 0.01f);
  pointwise(n, OP_leaky_relu, &a, 1);
}

/* Inputs: scale and zero point of the output, then three for each part. */
void onnx_qlinear_concat(Node *n) {
  int64_t axis = attr_int(n, "axis", 0);
  int count = (n->nin - 2) / 3;
  Value **part = ARENA_ARRAY(n->im->arena, Value *, count);
  if (n->bad || (n->nin - 2) % 3 != 0) {
    node_invalid(n, "%d inputs, expected 2 and 3 for each part", n->nin);
    return;
  }
  for (int i = 0; i < count && !n->bad; i++) {
    Value *x = quant_input(n, 2 + 3 * i, -1);
    const Type *t = n->bad ? NULL : quant_like(n, x, 0, 1);
    if (t)
      part[i] =
          type_equal(t, x->type) ? x : b_op1(n, OP_quantize, NULL, 1, &x, t);
  }
  if (!n->bad)
    node_out(n, 0,
             b_concat(n, axis_of(n, axis, part[0]->type->rank), count, part));
}

/* --- averages ---------------------------------------------------------- */

/* Channels first, in which the rest is written. */
static Value *averaged_input(Node *n, bool last) {
  Value *x = quant_input(n, 0, -1);
  if (!n->bad && x->type->rank < 3)
    node_invalid(n, "an input of rank %d has no spatial dimensions",
                 x->type->rank);
  return n->bad || !last ? x : b_channels_first(n, x);
}

void onnx_qlinear_global_average_pool(Node *n) {
  bool last = attr_bool(n, "channels_last", false);
  Value *x = averaged_input(n, last);
  const Type *y = n->bad ? NULL : quant_like(n, x, 3, 4);
  if (!y)
    return;
  Attrs a = attrs_default(OP_mean);
  Dims d = dims_of(x);
  for (int i = 2; i < d.rank; i++) {
    a.axes.axes.v[a.axes.axes.n++] = i;
    d.v[i] = 1;
  }
  Value *mean = b_op1(n, OP_mean, &a, 1, &x,
                      type_with_shape(n->im->arena, y, d.rank, d.v));
  node_out(n, 0, last ? b_channels_last(n, mean) : mean);
}

/* Added, divided and scaled in float, with the zero point added before
 * rounding. */
static Value *average_float(Node *n, Value *x, const Type *y, bool with_pads,
                            Spatial *s) {
  const Type *f = b_type(n, DT_f32, dims_of(x));
  Value *sum = b_op1(n, OP_dequantize, NULL, 1, &x, f);
  Value *v = b_average_pool(n, sum, with_pads, s);
  v = b_binary_k(n, OP_div, v, (double)type_scale(y));
  v = b_binary_k(n, OP_add, v, type_zero_point(y));
  v = b_cast_saturate(n, b_unary(n, OP_round, v), y->dtype);
  return b_quant(n, v, y->q);
}

static bool average_is_integer(const Value *x, const Type *y, bool with_pads,
                               const Spatial *s) {
  int64_t count = 1;
  bool pads = false;
  for (int i = 0; i < s->n; i++) {
    count = mul_saturating(count, s->kernel[i]);
    pads |= s->before[i] || s->after[i];
  }
  return pool_is_flat(x, s) && type_is_q8(x->type) && (with_pads || !pads) &&
         !average_makes_ties(x->type, y, count);
}

void onnx_qlinear_average_pool(Node *n) {
  Spatial s;
  bool last = attr_bool(n, "channels_last", false);
  bool ceil_mode = attr_bool(n, "ceil_mode", false);
  bool with_pads = attr_bool(n, "count_include_pad", false);
  Value *x = averaged_input(n, last), *v;
  const Type *y = n->bad ? NULL : quant_like(n, x, 3, 4);
  if (!y || !spatial_read(n, x, NULL, ceil_mode, &s))
    return;
  if (average_is_integer(x, y, with_pads, &s)) {
    if (with_pads)
      x = b_pool_pads(n, x, type_zero_point(x->type), &s);
    v = b_pool_flat(n, OP_avg_pool2d, x, y->q, &s);
  } else {
    v = average_float(n, x, y, with_pads, &s);
  }
  node_out(n, 0, last && !n->bad ? b_channels_last(n, v) : v);
}

/* --- softmax ----------------------------------------------------------- */

/* e^(scale (i - 255)) times the largest power of e that sums of `count` of
 * them bear in float, as ONNX Runtime tabulates it; i = 0 .. 255. */
static Value *exp_table(Node *n, float scale, int64_t count) {
  float *table = ARENA_ARRAY(n->im->arena, float, 256);
  double room = log((double)(FLT_MAX / (float)count)) - 5;
  double shift = (room > 0 ? room : 0) / (double)scale;
  for (int i = 0; i < 256; i++)
    table[i] = (float)exp((i - 255 + shift) * (double)scale);
  return b_floats(n, (Dims){1, {256}}, table);
}

/* Rows of the last dimension: e by table, divided by its sum. */
static Value *softmax_rows(Node *n, Value *x, const Type *y) {
  int last = x->type->rank - 1;
  Value *table = exp_table(n, type_scale(x->type), x->type->dim[last]);
  Value *wide = b_cast(n, b_plain(n, x), DT_i32);
  Value *max = b_reduce(n, OP_reduce_max, wide, 1u << last, true);
  Value *at = b_binary_k(n, OP_add, b_binary(n, OP_sub, wide, max), 255);
  Value *in[] = {table, at};
  if (n->bad)
    return NULL;
  Attrs a = attrs_default(OP_gather);
  Value *e = b_op1(n, OP_gather, &a, 2, in, b_type(n, DT_f32, dims_of(x)));
  Value *sum = b_reduce(n, OP_reduce_sum, e, 1u << last, true);
  float steps = floorf(1.0f / type_scale(y));
  Value *v = b_binary(n, OP_div, b_binary_k(n, OP_mul, e, (double)steps), sum);
  v = b_binary_k(n, OP_add, b_unary(n, OP_round, v), type_zero_point(y));
  return b_quant(n, b_cast_saturate(n, v, y->dtype), y->q);
}

void onnx_qlinear_softmax(Node *n) {
  int64_t opset = attr_int(n, "opset", 13);
  int64_t axis = attr_int(n, "axis", opset < 13 ? 1 : -1);
  Value *x = quant_input(n, 0, -1);
  const Type *y = n->bad ? NULL : quant_like(n, x, 3, 4);
  int k = y ? axis_of(n, axis, x->type->rank) : 0;
  if (n->bad)
    return;
  Dims d = dims_of(x);
  if (opset < 13) {
    Value *flat = b_matrix(n, x, k);
    Value *v = n->bad ? NULL : softmax_rows(n, flat, y);
    node_out(n, 0, n->bad ? NULL : b_reshape(n, v, d));
    return;
  }
  Value *moved = b_swap(n, x, k, d.rank - 1);
  node_out(n, 0,
           n->bad ? NULL : b_swap(n, softmax_rows(n, moved, y), k, d.rank - 1));
}

/* --- products ---------------------------------------------------------- */

/* Inputs i .. of a product: x, its scale, its zero point. */
typedef struct Factor {
  Value *x, *scale, *zero;
} Factor;

static Factor factor_at(Node *n, int i) {
  return (Factor){b_plain(n, node_in(n, i)), node_in(n, i + 1),
                  node_in(n, i + 2)};
}

/* v, of one element or [k], along dimension `axis` of a tensor of `rank`. */
static Value *along(Node *n, Value *v, int axis, int rank) {
  Dims d = {.rank = rank};
  if (n->bad || type_count(v->type) == 1)
    return n->bad ? NULL : b_reshape(n, v, (Dims){0});
  if (v->type->rank != 1)
    return v;
  for (int i = 0; i < rank; i++)
    d.v[i] = i == axis ? v->type->dim[0] : 1;
  return b_reshape(n, v, d);
}

/* sx * sw, of which sw may lie along an axis. */
static Value *product_scale(Node *n, Value *sx, Value *sw, int axis, int rank) {
  sx = b_cast(n, sx, DT_f32);
  sw = b_cast(n, sw, DT_f32);
  if (n->bad)
    return NULL;
  return b_binary(n, OP_mul, along(n, sx, rank - 2, rank),
                  along(n, sw, axis, rank));
}

/* Sums to what the inputs from `scale` on describe. */
static Value *rescaled(Node *n, Value *acc, Value *product, int scale) {
  Value *sy = b_cast(n, node_in(n, scale), DT_f32);
  Value *zero = node_in(n, scale + 1);
  if (n->bad)
    return NULL;
  Value *factor = b_binary(n, OP_div, product, b_reshape(n, sy, (Dims){0}));
  Value *v =
      b_unary(n, OP_round, b_binary(n, OP_mul, b_cast(n, acc, DT_f32), factor));
  v = b_binary(n, OP_add, v, b_reshape(n, b_cast(n, zero, DT_f32), (Dims){0}));
  return b_cast_saturate(n, v, n->bad ? DT_u8 : zero->type->dtype);
}

/* A zero point as the IR's ops have it: a scalar, or one per dimension. */
static Value *zero_scalar(Node *n, Value *z) {
  return n->bad || !z || type_count(z->type) != 1 ? z
                                                  : b_reshape(n, z, (Dims){0});
}

static Value *zero_rows(Node *n, Value *z, int axis, int rank) {
  return n->bad || !z ? NULL : along(n, z, axis, rank);
}

/* --- QLinearConv, ConvInteger ------------------------------------------ */

static bool conv_read(Node *n, Conv *c, Value *x, Value *w) {
  c->x = x;
  c->w = w;
  c->group = attr_int(n, "group", 1);
  return !n->bad && spatial_read(n, x, w, false, &c->s);
}

/* Sums of bytes; in three spatial dimensions refused. */
static Value *conv_sums(Node *n, Conv *c, Value *x_zero, Value *w_zero) {
  c->x_zero = zero_scalar(n, x_zero);
  c->w_zero = zero_scalar(n, w_zero);
  c->dtype = DT_i32;
  c->q = NULL;
  return n->bad ? NULL : b_conv(n, c);
}

void onnx_conv_integer(Node *n) {
  Conv c = {0};
  if (conv_read(n, &c, b_plain(n, node_in(n, 0)), b_plain(n, node_in(n, 1))))
    node_out(n, 0, conv_sums(n, &c, node_in(n, 2), node_in(n, 3)));
}

static bool all_known(Node *n, int from, int count) {
  for (int i = from; i < from + count; i++)
    if (node_in(n, i) && !node_in(n, i)->init)
      return false;
  return true;
}

/* The output of a product, typed; NULL: not known. */
static const Type *known_output(Node *n, int scale) {
  const Value *zero = node_in(n, scale + 1);
  if (n->bad || !zero || !all_known(n, scale, 2))
    return NULL;
  const Type *t = type_new(n->im->arena, zero->type->dtype, 0, NULL, NULL);
  const QuantParams *q = quant_known(n, scale, scale + 1, t, -1);
  return q ? type_with_dtype(n->im->arena, t, t->dtype, q) : NULL;
}

/* x and w with their parameters in their types; false: not known. */
static bool known_factors(Node *n, int x, int w, int w_axis, Value **out) {
  const int at[] = {x, w};
  for (int i = 0; i < 2; i++) {
    Value *v = node_in(n, at[i]);
    int axis = i && w_axis < v->type->rank ? w_axis : -1;
    const QuantParams *q =
        n->bad ? NULL : quant_known(n, at[i] + 1, at[i] + 2, v->type, axis);
    if (!q)
      return false;
    out[i] = b_quant(n, v, q);
  }
  return !n->bad;
}

static Value *plain_bias(Node *n, Value *b) { return b ? b_plain(n, b) : NULL; }

/* --- QLinearConv ------------------------------------------------------- */

void onnx_qlinear_conv(Node *n) {
  Conv c = {0};
  Value *in[2];
  const Type *y = known_output(n, 6);
  bool known = y && node_in(n, 3)->init && node_in(n, 0)->type->rank < 5 &&
               (!node_in(n, 8) || node_in(n, 8)->init) &&
               known_factors(n, 0, 3, 0, in);
  Factor x = factor_at(n, 0), w = factor_at(n, 3);
  if (!conv_read(n, &c, known ? in[0] : x.x, known ? in[1] : w.x))
    return;
  c.bias = plain_bias(n, node_in(n, 8));
  if (known) {
    c.dtype = y->dtype;
    c.q = y->q;
    node_out(n, 0, b_conv(n, &c));
    return;
  }
  Value *acc = conv_sums(n, &c, x.zero, w.zero);
  if (!n->bad)
    node_out(n, 0,
             rescaled(n, acc,
                      product_scale(n, x.scale, w.scale, 1, acc->type->rank),
                      6));
}

/* --- products of matrices ---------------------------------------------- */

/* Rows times columns to sums, with the zero points; of plain bytes. */
static Value *matmul_sums(Node *n, Factor a, Factor b) {
  bool row = !n->bad && a.x->type->rank == 1;
  bool column = !n->bad && b.x->type->rank == 1;
  if (row)
    a.x = b_unsqueeze(n, a.x, 0);
  if (column)
    b.x = b_unsqueeze(n, b.x, 1);
  if (n->bad)
    return NULL;
  int ra = a.x->type->rank, rb = b.x->type->rank;
  Dims d;
  if (!b_product_dims(n, dims_of(a.x), dims_of(b.x), &d))
    return NULL;
  Value *in[] = {a.x, b.x, zero_rows(n, a.zero, ra - 2, ra),
                 zero_rows(n, b.zero, rb - 1, rb)};
  int nin = in[3] ? 4 : in[2] ? 3 : 2;
  Value *y = b_op1(n, OP_matmul, NULL, nin, in, b_type(n, DT_i32, d));
  unsigned gone =
      n->bad || (!row && !column)
          ? 0
          : (row ? 1u << (d.rank - 2) : 0) | (column ? 1u << (d.rank - 1) : 0);
  return gone ? b_squeeze(n, y, gone) : y;
}

void onnx_matmul_integer(Node *n) {
  Factor a = {b_plain(n, node_in(n, 0)), NULL, node_in(n, 2)};
  Factor b = {b_plain(n, node_in(n, 1)), NULL, node_in(n, 3)};
  node_out(n, 0, matmul_sums(n, a, b));
}

/* x [.., K] times w [K, N], both typed, as a dense layer. */
static Value *dense(Node *n, Value *x, Value *w, Value *bias, const Type *y) {
  w = b_swap(n, w, 0, 1);
  if (n->bad)
    return NULL;
  Dims d = dims_of(x);
  d.v[d.rank - 1] = w->type->dim[0];
  Value *in[] = {x, w, bias};
  return b_op1(n, OP_fully_connected, NULL, bias ? 3 : 2, in,
               type_with_shape(n->im->arena, y, d.rank, d.v));
}

static bool is_dense(const Value *x, const Value *w) {
  return w->init && w->type->rank == 2 && x->type->rank >= 1 && !x->init &&
         x->type->dim[x->type->rank - 1] == w->type->dim[0] &&
         type_is_q8(x->type);
}

/* x times w, both typed; of matrices without a constant on the right. */
static Value *product(Node *n, Value *x, Value *w, const Type *y) {
  Dims d;
  if (!b_product_dims(n, dims_of(x), dims_of(w), &d))
    return NULL;
  Value *in[] = {x, w};
  return b_op1(n, OP_matmul, NULL, 2, in,
               type_with_shape(n->im->arena, y, d.rank, d.v));
}

static bool is_product(const Value *x, const Value *w) {
  return type_is_q8(x->type) && type_is_q8(w->type) && x->type->rank >= 2 &&
         w->type->rank >= 2 &&
         x->type->dim[x->type->rank - 1] == w->type->dim[w->type->rank - 2];
}

void onnx_qlinear_matmul(Node *n) {
  Value *in[2];
  const Type *y = known_output(n, 6);
  bool known = y && known_factors(n, 0, 3, node_in(n, 3)->type->rank - 1, in);
  if (known && (is_dense(in[0], in[1]) || is_product(in[0], in[1]))) {
    node_out(n, 0,
             is_dense(in[0], in[1]) ? dense(n, in[0], in[1], NULL, y)
                                    : product(n, in[0], in[1], y));
    return;
  }
  Factor a = factor_at(n, 0), b = factor_at(n, 3);
  Value *acc = matmul_sums(n, a, b);
  if (n->bad)
    return;
  int rank = acc->type->rank;
  node_out(
      n, 0,
      rescaled(n, acc, product_scale(n, a.scale, b.scale, rank - 1, rank), 6));
}

/* --- QGemm ------------------------------------------------------------- */

static Value *row_bias(Node *n, Value *c, int64_t columns) {
  if (n->bad || !c)
    return NULL;
  if (c->type->rank == 2 && c->type->dim[0] == 1)
    c = b_squeeze(n, c, 1);
  if (n->bad || c->type->rank > 1) {
    node_refuse(n, "a bias that varies along the rows is not supported");
    return NULL;
  }
  return b_expand(n, c, (Dims){1, {columns}});
}

/* The sums in floats, where no output scale is given. */
static void gemm_float(Node *n, Value *a, Value *b, Value *bias) {
  Factor fa = {b_plain(n, a), node_in(n, 1),
               b_scalar(n, a->type->dtype, type_zero_point(a->type))};
  Factor fb = {b_plain(n, b), node_in(n, 4), node_in(n, 5)};
  Value *acc = matmul_sums(n, fa, fb);
  if (bias)
    acc = b_binary(n, OP_add, acc, bias);
  Value *scale =
      b_scalar(n, DT_f32, (double)type_scale(a->type)); /* with alpha */
  node_out(n, 0,
           n->bad ? NULL
                  : b_binary(n, OP_mul, b_cast(n, acc, DT_f32),
                             product_scale(n, scale, fb.scale, 1, 2)));
}

void onnx_qgemm(Node *n) {
  float alpha = attr_float(n, "alpha", 1);
  bool ta = attr_bool(n, "transA", false), tb = attr_bool(n, "transB", false);
  Value *in[2];
  if (!n->bad &&
      (node_in(n, 0)->type->rank != 2 || node_in(n, 3)->type->rank != 2))
    node_invalid(n, "the operands must be matrices");
  if (n->bad)
    return;
  if (!(alpha > 0) || !known_factors(n, 0, 3, tb ? 0 : 1, in)) {
    node_refuse(n, "scales and zero points that are not known, or do not suit "
                   "their matrices, are not supported");
    return;
  }
  QuantParams *q = arena_dup(n->im->arena, in[0]->type->q, sizeof *q);
  float scale = alpha * q->scale[0];
  q->scale = arena_dup(n->im->arena, &scale, sizeof scale);
  Value *a = b_quant(n, in[0], q);
  a = ta ? b_swap(n, a, 0, 1) : a;
  Value *b = tb ? b_swap(n, in[1], 0, 1) : in[1];
  if (n->bad)
    return;
  Value *bias = row_bias(n, node_in(n, 6), b->type->dim[1]);
  const Type *y = node_in(n, 7) ? known_output(n, 7) : NULL;
  if (y && is_dense(a, b))
    node_out(n, 0, dense(n, a, b, bias, y));
  else if (node_in(n, 7))
    node_refuse(n, "a matrix or scale that is not known is not supported");
  else
    gemm_float(n, a, b, bias);
}

/* --- to floats --------------------------------------------------------- */

static void product_float(Node *n, Factor a, Factor b, Value *bias) {
  Value *acc = matmul_sums(n, a, b);
  if (n->bad)
    return;
  int rank = acc->type->rank;
  Value *scale = product_scale(n, a.scale, b.scale, rank - 1, rank);
  Value *y = b_binary(n, OP_mul, b_cast(n, acc, DT_f32), scale);
  node_out(n, 0, bias ? b_binary(n, OP_add, y, bias) : y);
}

void onnx_matmul_integer_to_float(Node *n) {
  Factor a = {b_plain(n, node_in(n, 0)), node_in(n, 2), node_in(n, 4)};
  Factor b = {b_plain(n, node_in(n, 1)), node_in(n, 3), node_in(n, 5)};
  product_float(n, a, b, node_in(n, 6));
}

void onnx_dynamic_quantize_matmul(Node *n) {
  Factor a;
  Factor b = {b_plain(n, node_in(n, 1)), node_in(n, 2), node_in(n, 3)};
  if (b_quantize_dynamic(n, b_plain(n, node_in(n, 0)), &a.x, &a.scale, &a.zero))
    product_float(n, a, b, node_in(n, 4));
}
