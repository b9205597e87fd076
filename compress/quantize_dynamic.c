/* A layer on floats becomes what ONNX calls dynamically quantized
 * (DynamicQuantizeLinear, then ConvInteger or MatMulInteger):
 *
 *   lo, hi = least and largest of x and 0
 *   scale  = (hi - lo) / 255, or 1 for 0;  zero = round(0 - lo / scale)
 *   bytes  = saturate(round(x / scale) + zero)
 *   y      = act(sum (bytes - zero) w * (scale * scale_w) + bias)
 *
 * The sums are integers, all else is floats. */
#include "compress/quantize_dynamic.h"

#include "compress/quantize_roles.h"
#include "compress/quantize_weights.h"

/* What makes the ops of one layer: all in front of `at`. */
typedef struct Maker {
  Graph *g;
  Op *at;
} Maker;

static Value *emit(const Maker *m, OpKind kind, const Attrs *a, int nin,
                   Value *const *in, const Type *t) {
  Op *op = graph_op(m->g, m->at, kind, a, nin, in, 1, &t, NULL, m->at->loc);
  op->index = NEW_OP;
  return op->out[0];
}

static const Type *plain(const Maker *m, const Value *like, DType t) {
  return type_with_dtype(m->g->arena, like->type, t, NULL);
}

static Value *number(const Maker *m, float x) {
  return graph_const(m->g, NULL, type_new(m->g->arena, DT_f32, 0, NULL, NULL),
                     arena_dup(m->g->arena, &x, sizeof x));
}

/* a's shape: b broadcasts. */
static Value *binary(const Maker *m, OpKind k, Value *a, Value *b) {
  Value *in[] = {a, b};
  return emit(m, k, NULL, 2, in, a->type);
}

static Value *cast(const Maker *m, Value *x, DType t) {
  Attrs a = attrs_default(OP_cast);
  a.cast.saturate = t == DT_u8;
  return emit(m, OP_cast, &a, 1, &x, plain(m, x, t));
}

static Value *over_all(const Maker *m, OpKind k, Value *x) {
  Attrs a = attrs_default(k);
  for (int i = 0; i < x->type->rank; i++)
    a.axes.axes.v[a.axes.axes.n++] = i;
  return emit(m, k, &a, 1, &x, type_new(m->g->arena, DT_f32, 0, NULL, NULL));
}

/* ---- the input ---- */

static void set_params(const Maker *m, DynamicTensor *t, Value *x) {
  Value *none = number(m, 0), *most = number(m, 255);
  Value *lo = binary(m, OP_min, over_all(m, OP_reduce_min, x), none);
  Value *hi = binary(m, OP_max, over_all(m, OP_reduce_max, x), none);
  Value *range = binary(m, OP_sub, hi, lo);
  Value *is_none[] = {range, none};
  Value *scale[] = {
      emit(m, OP_equal, NULL, 2, is_none, plain(m, range, DT_bool)),
      number(m, 1), binary(m, OP_div, range, most)};
  t->scale = emit(m, OP_select, NULL, 3, scale, range->type);
  Value *zero = binary(m, OP_sub, none, binary(m, OP_div, lo, t->scale));
  zero = binary(m, OP_min, binary(m, OP_max, zero, none), most);
  zero = emit(m, OP_round, NULL, 1, &zero, zero->type);
  t->zero = cast(m, zero, DT_u8);
}

static DynamicTensor tensor_of(Dynamic *d, const Maker *m, Value *x) {
  for (int i = 0; i < d->tensors.n; i++)
    if (d->tensors.v[i].x == x)
      return d->tensors.v[i];
  DynamicTensor t = {.x = x};
  set_params(m, &t, x);
  Value *steps = binary(m, OP_div, x, t.scale);
  steps = emit(m, OP_round, NULL, 1, &steps, x->type);
  t.bytes = cast(m, binary(m, OP_add, steps, cast(m, t.zero, DT_f32)), DT_u8);
  ARRAY_PUSH(d->scratch, &d->tensors, t);
  return t;
}

/* ---- the weights ---- */

/* Element (row, column) of w as `rows` by `columns` goes to (column, row). */
static Value *turned(const Maker *m, Value *w, int64_t rows, int64_t columns,
                     int rank, const int64_t *dim) {
  const int8_t *from = w->init->data;
  int8_t *to = arena_alloc(m->g->arena, (size_t)(rows * columns));
  for (int64_t r = 0; r < rows; r++)
    for (int64_t c = 0; c < columns; c++)
      to[c * rows + r] = from[r * columns + c];
  return graph_const(m->g, w->name,
                     type_new(m->g->arena, DT_i8, rank, dim, NULL), to);
}

/* The numbers of w in the layout that products of bytes want. */
static Value *factor(const Maker *m, const Op *op, Value *w) {
  const int64_t *d = w->type->dim;
  int64_t matrix[] = {d[1], d[0]}, outer[] = {d[3], d[1], d[2], 1};
  switch ((int)op->kind) {
  case OP_fully_connected:
    return turned(m, w, d[0], d[1], 2, matrix);
  case OP_depthwise_conv2d:
    return turned(m, w, d[1] * d[2], d[3], 4, outer);
  }
  return graph_const(m->g, w->name, plain(m, w, DT_i8), w->init->data);
}

/* The zero points of w, NULL where all are 0; one vector of the scales. */
static Value *weight_zero(const Maker *m, const Value *w) {
  const QuantParams *q = w->type->q;
  int64_t n = q->nscale;
  int8_t *zero = arena_alloc(m->g->arena, (size_t)n);
  bool any = false;
  for (int64_t i = 0; i < n; i++) {
    zero[i] = (int8_t)q->zero_point[i];
    any |= zero[i] != 0;
  }
  const Type *t = type_new(m->g->arena, DT_i8, 1, &n, NULL);
  return any ? graph_const(m->g, NULL, t, zero) : NULL;
}

static Value *weight_scale(const Maker *m, const Value *w) {
  int64_t n = w->type->q->nscale;
  return graph_const(
      m->g, NULL, type_new(m->g->arena, DT_f32, 1, &n, NULL),
      arena_dup(m->g->arena, w->type->q->scale, (size_t)n * sizeof(float)));
}

/* ---- the layer ---- */

static Value *conv_sums(const Maker *m, const Op *op, const DynamicTensor *x,
                        Value *w, Value *zero) {
  Attrs a = op->attrs;
  a.conv.act = ACT_none;
  Value *in[] = {x->bytes, w, NULL, x->zero, zero};
  return emit(m, OP_conv2d, &a, 5, in, plain(m, op->out[0], DT_i32));
}

static Value *reshaped(const Maker *m, Value *x, int rank, const int64_t *dim) {
  return emit(m, OP_reshape, NULL, 1, &x,
              type_with_shape(m->g->arena, x->type, rank, dim));
}

/* A dense layer is a product of two matrices. */
static Value *matrix_sums(const Maker *m, const Op *op, const DynamicTensor *x,
                          Value *w, Value *zero) {
  const Type *y = op->out[0]->type;
  bool dense = op->kind == OP_fully_connected;
  int64_t k = w->type->dim[0], n = w->type->dim[1];
  int64_t rows = type_count(x->bytes->type) / k;
  const int64_t from[] = {rows, k}, to[] = {rows, n};
  Value *in[] = {dense ? reshaped(m, x->bytes, 2, from) : x->bytes, w, x->zero,
                 zero};
  const Type *t = dense ? type_new(m->g->arena, DT_i32, 2, to, NULL)
                        : plain(m, op->out[0], DT_i32);
  Value *sums = emit(m, OP_matmul, NULL, 4, in, t);
  return dense ? reshaped(m, sums, y->rank, y->dim) : sums;
}

static bool is_matrix(const Op *op) {
  return op->kind == OP_fully_connected || op->kind == OP_matmul;
}

static Act act_of(const Op *op) {
  return op->kind == OP_fully_connected ? op->attrs.dense.act
         : op->kind == OP_matmul        ? ACT_none
                                        : op->attrs.conv.act;
}

static Value *clamped(const Maker *m, Value *y, Act act) {
  switch (act) {
  case ACT_relu:
    return emit(m, OP_relu, NULL, 1, &y, y->type);
  case ACT_relu6:
    return emit(m, OP_relu6, NULL, 1, &y, y->type);
  case ACT_relu_n1_1:
  case ACT_relu_0_1:
    y = binary(m, OP_max, y, number(m, act == ACT_relu_0_1 ? 0 : -1));
    return binary(m, OP_min, y, number(m, 1));
  case ACT_none:
  case ACT_COUNT:
    break;
  }
  return y;
}

Value *dynamic_layer(Dynamic *d, Op *op, int axis, const LayerScheme *s) {
  Maker m = {d->g, op};
  LayerScheme whole = *s;
  whole.group = 0;
  Value *w = weights_stored(d->g, op->in[1], axis, &whole, 0, NULL, NULL);
  DynamicTensor x = tensor_of(d, &m, op->in[0]);
  Value *by = factor(&m, op, w), *zero = weight_zero(&m, w);
  Value *sums = (is_matrix(op) ? matrix_sums : conv_sums)(&m, op, &x, by, zero);
  Value *unit = binary(&m, OP_mul, weight_scale(&m, w), x.scale);
  Value *y = binary(&m, OP_mul, cast(&m, sums, DT_f32), unit);
  if (op_in(op, 2))
    y = binary(&m, OP_add, y, op->in[2]);
  y = clamped(&m, y, act_of(op));
  graph_replace_uses(d->g, op->out[0], y);
  if (!value_is_output(d->g, y))
    graph_swap_names(d->g, op->out[0], y);
  return by;
}
