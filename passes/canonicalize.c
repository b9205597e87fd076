/* Ops that change nothing go, chains of views and moves become one op, and
 * constant operands stand last. Every rule below moves bytes or drops a step
 * function that is the identity: the results are the same bytes. */
#include "ir/requant.h"
#include "passes/rewrite.h"

static const Type *in_type(const Op *op) { return op->in[0]->type; }
static const Type *out_type(const Op *op) { return op->out[0]->type; }

static bool same_type(const Op *op) {
  return type_equal(in_type(op), out_type(op));
}

/* y = op(x), y of x's type and bytes  ->  x */
static bool drop(Graph *g, Op *op) {
  return rewrite_replace(g, op->out[0], op->in[0]);
}

/* Any op whose result has its input's type and which is then the identity:
 * reshape, resize to the same size (nearest picks i for i), quantize to the
 * same parameters (multiplier 1). */
static bool drop_same_type(Graph *g, Op *op) {
  return same_type(op) && drop(g, op);
}

/* The producer of x when it is an op of op's own kind. */
static Op *inner_of(const Op *op) {
  Op *inner = op->in[0]->def;
  return inner && inner->kind == op->kind ? inner : NULL;
}

/* reshape(reshape(x)) -> reshape(x), and bitcasts likewise */
static bool join_reshapes(Graph *g, Op *op) {
  Op *inner = inner_of(op);
  (void)g;
  if (!inner)
    return false;
  op_set_input(op, 0, inner->in[0]);
  return true;
}

static bool is_identity_perm(const IntList *perm) {
  for (int i = 0; i < perm->n; i++)
    if (perm->v[i] != i)
      return false;
  return true;
}

/* transpose(x, identity) -> x */
static bool drop_transpose(Graph *g, Op *op) {
  return is_identity_perm(&op->attrs.perm.perm) && drop(g, op);
}

/* transpose(transpose(x, p), q) -> transpose(x, r): output dim i is dim q[i]
 * of the middle, which is dim p[q[i]] of x. */
static bool join_transposes(Graph *g, Op *op) {
  Op *inner = inner_of(op);
  IntList *perm = &op->attrs.perm.perm;
  (void)g;
  if (!inner)
    return false;
  for (int i = 0; i < perm->n; i++)
    perm->v[i] = inner->attrs.perm.perm.v[perm->v[i]];
  op_set_input(op, 0, inner->in[0]);
  return true;
}

/* Dims other than 1 keep their order: then no byte moves. */
static bool keeps_order(const Op *op) {
  const IntList *perm = &op->attrs.perm.perm;
  int64_t last = -1;
  for (int i = 0; i < perm->n; i++) {
    if (in_type(op)->dim[perm->v[i]] == 1)
      continue;
    if (perm->v[i] < last)
      return false;
    last = perm->v[i];
  }
  return true;
}

/* transpose(x) that only moves dims of 1 -> reshape(x). Quantization along
 * an axis would have to move with it: left alone. */
static bool transpose_to_reshape(Graph *g, Op *op) {
  const Type *t = out_type(op);
  if (!keeps_order(op) || (t->q && t->q->axis >= 0))
    return false;
  Op *view = graph_op(g, op, OP_reshape, NULL, 1, op->in, 1, &t, NULL, op->loc);
  graph_replace_uses(g, op->out[0], view->out[0]);
  if (!value_is_output(g, view->out[0]))
    graph_swap_names(g, op->out[0], view->out[0]);
  return true;
}

static bool all_zero(const IntList *list) {
  for (int i = 0; i < list->n; i++)
    if (list->v[i])
      return false;
  return true;
}

/* pad by nothing -> x */
static bool drop_pad(Graph *g, Op *op) {
  const PadAttrs *a = &op->attrs.pad;
  return all_zero(&a->before) && all_zero(&a->after) && drop(g, op);
}

/* pad(pad(x, a), b) of the same value -> pad(x, a + b) */
static bool join_pads(Graph *g, Op *op) {
  Op *inner = inner_of(op);
  if (!inner || inner->attrs.pad.value != op->attrs.pad.value ||
      value_use_count(g, op->in[0]) != 1)
    return false;
  PadAttrs *a = &op->attrs.pad;
  for (int i = 0; i < a->before.n; i++) {
    a->before.v[i] += inner->attrs.pad.before.v[i];
    a->after.v[i] += inner->attrs.pad.after.v[i];
  }
  op_set_input(op, 0, inner->in[0]);
  return true;
}

/* A slice of everything, forwards -> x. The shape says that it is everything
 * only together with the steps. */
static bool drop_slice(Graph *g, Op *op) {
  const SliceAttrs *a = &op->attrs.slice;
  for (int i = 0; i < a->stride.n; i++)
    if (a->stride.v[i] != 1)
      return false;
  return all_zero(&a->begin) && same_type(op) && drop(g, op);
}

/* Element i of a list that may be empty: then all are `otherwise`. */
static int64_t item(const IntList *list, int i, int64_t otherwise) {
  return i < list->n ? list->v[i] : otherwise;
}

/* slice(slice(x, b, s), c, t) -> slice(x, b + c s, s t), dim by dim. The
 * step of an extent of one means nothing, so it need not stay in range. */
static bool join_slices(Graph *g, Op *op) {
  Op *inner = inner_of(op);
  (void)g;
  if (!inner)
    return false;
  SliceAttrs *a = &op->attrs.slice, *b = &inner->attrs.slice;
  SliceAttrs joined = {.begin.n = out_type(op)->rank,
                       .stride.n = out_type(op)->rank};
  for (int i = 0; i < joined.begin.n; i++) {
    int64_t s = item(&b->stride, i, 1), t = item(&a->stride, i, 1);
    joined.begin.v[i] = item(&b->begin, i, 0) + item(&a->begin, i, 0) * s;
    joined.stride.v[i] = out_type(op)->dim[i] > 1 ? s * t : 1;
  }
  *a = joined;
  op_set_input(op, 0, inner->in[0]);
  return true;
}

/* concat of one, split into one -> x */
static bool drop_concat(Graph *g, Op *op) {
  return op->nin == 1 && op->attrs.axis.act == ACT_none &&
         drop_same_type(g, op);
}

static bool drop_split(Graph *g, Op *op) {
  return op->nout == 1 && drop_same_type(g, op);
}

/* concat(split(x)) of all parts in order -> x */
static bool drop_split_concat(Graph *g, Op *op) {
  const Op *split = op->in[0]->def;
  if (!split || split->kind != OP_split || split->nout != op->nin ||
      split->attrs.axis.axis != op->attrs.axis.axis ||
      op->attrs.axis.act != ACT_none ||
      !type_equal(split->in[0]->type, out_type(op)))
    return false;
  for (int i = 0; i < op->nin; i++)
    if (op->in[i] != split->out[i])
      return false;
  return rewrite_replace(g, op->out[0], split->in[0]);
}

/* Clamping to `act` takes nothing from a value stored as t. */
static bool clamps_nothing(Act act, const Type *t) {
  int32_t lo, hi;
  if (act == ACT_none)
    return true;
  if (!type_is_q8(t))
    return false;
  act_range(act, t, &lo, &hi);
  return lo <= dtype_min(t->dtype) && hi >= dtype_max(t->dtype);
}

/* relu(x), relu6(x) where every stored x is in range already, to the same
 * parameters (multiplier 1) -> x */
static bool drop_relu(Graph *g, Op *op) {
  Act act = op->kind == OP_relu ? ACT_relu : ACT_relu6;
  return same_type(op) && clamps_nothing(act, out_type(op)) && drop(g, op);
}

/* A window of one element: its mean, rounded, and its maximum are it. */
static bool drop_pool(Graph *g, Op *op) {
  const PoolAttrs *a = &op->attrs.pool;
  for (int i = 0; i < 2; i++)
    if (a->window.v[i] != 1 || a->stride.v[i] != 1)
      return false;
  return same_type(op) && clamps_nothing(a->act, out_type(op)) && drop(g, op);
}

/* A sum of 8-bit values under rounding=onnx is rounded operand by operand. */
static bool commutes(const Op *op) {
  return op->kind != OP_add || op->rounding != ROUND_onnx ||
         !type_is_quantized(out_type(op));
}

/* op(constant, x) -> op(x, constant) of a commutative op */
static bool constant_last(Graph *g, Op *op) {
  Value *a = op->in[0], *b = op->in[1];
  (void)g;
  if (!a->init || b->init || !commutes(op))
    return false;
  op_set_input(op, 0, b);
  op_set_input(op, 1, a);
  return true;
}

static const Rule rules[] = {
    {OP_reshape, drop_same_type, "reshapes removed"},
    {OP_reshape, join_reshapes, "reshapes joined"},
    {OP_bitcast, drop_same_type, "bitcasts removed"},
    {OP_bitcast, join_reshapes, "bitcasts joined"},
    {OP_transpose, drop_transpose, "transposes removed"},
    {OP_transpose, join_transposes, "transposes joined"},
    {OP_transpose, transpose_to_reshape, "transposes made reshapes"},
    {OP_pad, drop_pad, "pads removed"},
    {OP_pad, join_pads, "pads joined"},
    {OP_strided_slice, drop_slice, "slices removed"},
    {OP_strided_slice, join_slices, "slices joined"},
    {OP_concat, drop_concat, "concats removed"},
    {OP_concat, drop_split_concat, "concats of splits removed"},
    {OP_split, drop_split, "splits removed"},
    {OP_resize_nearest, drop_same_type, "resizes removed"},
    {OP_quantize, drop_same_type, "quantizes removed"},
    {OP_relu, drop_relu, "relus removed"},
    {OP_relu6, drop_relu, "relus removed"},
    {OP_max_pool2d, drop_pool, "pools removed"},
    {OP_avg_pool2d, drop_pool, "pools removed"},
    {OP_add, constant_last, "operands exchanged"},
    {OP_mul, constant_last, "operands exchanged"},
};

bool pass_canonicalize(Graph *g, PassCtx *c) {
  rewrite_graph(g, c, rules, sizeof rules / sizeof *rules);
  return true;
}
