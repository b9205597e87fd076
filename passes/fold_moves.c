/* Conversions trade places with ops that only move or choose elements:
 *
 *   move(dequantize(x))       -> dequantize(move(x))
 *   quantize(move(x))         -> move(quantize(x))
 *   relu(move(x)) behind which a quantize stands -> move(relu(x))
 *
 * Each of these is the same elementwise function of the same elements. What
 * moves is a byte then instead of a float, and conversions come to stand
 * beside the ops that compute. Padding with 0 becomes padding with the zero
 * point. Scales along an axis, which only weights have, go along through
 * transposes and through reshapes that keep the axis whole. */
#include "passes/fold_scales.h"

#include "ir/exec.h"

Op *dequantize_of(const Value *v) {
  Op *op = v ? v->def : NULL;
  return op && op->kind == OP_dequantize && type_is_quantized(op->in[0]->type)
             ? op
             : NULL;
}

bool read_once(const Graph *g, const Value *v) {
  return v->uses.n == 1 && value_use_count(g, v) == 1;
}

Value *insert_op(Graph *g, Op *at, OpKind kind, const Attrs *attrs, int nin,
                 Value *const *in, const Type *type) {
  Op *op = graph_op(g, at, kind, attrs, nin, in, 1, &type, NULL, at->loc);
  op->rounding = at->rounding;
  return op->out[0];
}

void replace_output(Graph *g, Op *op, Value *v) {
  graph_replace_uses(g, op->out[0], v);
  if (!value_is_output(g, v))
    graph_swap_names(g, op->out[0], v);
}

static bool is_per_tensor(const QuantParams *q) {
  return q && q->axis < 0 && !q->codebook;
}

/* Ops of one operand that give every output element one of its elements, or
 * the largest of some. */
static bool is_move(const Op *op) {
  if (op->nout != 1 || op->nin != 1)
    return false;
  if (op->kind == OP_max_pool2d)
    return op->attrs.pool.act == ACT_none;
  return op_info(op->kind)->traits & T_MOVE;
}

/* The move's type and attributes on quantized elements. */
static const Type *moved_type(const Graph *g, const Op *move, DType t,
                              const QuantParams *q) {
  return type_with_dtype(g->arena, move->out[0]->type, t, q);
}

static Attrs moved_attrs(const Op *move, const QuantParams *q) {
  Attrs a = move->attrs;
  if (move->kind == OP_pad)
    a.pad.value = q->zero_point[0];
  return a;
}

/* --- scales along an axis ---------------------------------------------- */

static int64_t product(const Type *t, int from, int to) {
  int64_t n = 1;
  for (int i = from; i < to; i++)
    n *= t->dim[i];
  return n;
}

/* The dimension of the reshaped type that is x's axis; -1: none. */
static int reshaped_axis(const Type *x, const Type *y, int axis) {
  int64_t outer = product(x, 0, axis);
  for (int i = 0; i < y->rank; i++)
    if (y->dim[i] == x->dim[axis] && product(y, 0, i) == outer)
      return i;
  return -1;
}

static int axis_behind(const Op *move, int axis) {
  const IntList *perm = &move->attrs.perm.perm;
  if (move->kind == OP_reshape)
    return reshaped_axis(move->in[0]->type, move->out[0]->type, axis);
  for (int i = 0; move->kind == OP_transpose && i < perm->n; i++)
    if (perm->v[i] == axis)
      return i;
  return -1;
}

/* The quantization behind the move; NULL: there is no such. */
static const QuantParams *moved_quant(const Graph *g, const Op *move,
                                      const QuantParams *q) {
  if (q->axis < 0 || q->codebook || q->block)
    return is_per_tensor(q) ? q : NULL;
  int axis = axis_behind(move, q->axis);
  if (axis < 0)
    return NULL;
  QuantParams *moved = arena_dup(g->arena, q, sizeof *q);
  moved->axis = axis;
  return moved;
}

/* --- the rules --------------------------------------------------------- */

/* A constant moved now: its scales, which may lie along an axis, are put on
 * behind the move. */
static Value *moved_constant(Graph *g, const Op *move, const Attrs *a,
                             const Value *x, const Type *t) {
  const Type *plain = type_with_dtype(g->arena, x->type, t->dtype, NULL);
  const Type *to = type_with_dtype(g->arena, t, t->dtype, NULL);
  Value vx = {.type = plain}, vy = {.type = to};
  Value *in[] = {&vx}, *out[] = {&vy};
  Op probe = *move;
  probe.attrs = *a;
  probe.in = in;
  probe.out = out;
  void *data = arena_alloc(g->arena, (size_t)type_bytes(t));
  op_eval(&probe, &x->init->data, &data);
  return graph_const(g, x->name, t, data);
}

/* move(dequantize(x)) */
static bool sink_dequantize(Graph *g, Op *move) {
  Op *dq = move->nin ? dequantize_of(move->in[0]) : NULL;
  if (!dq || !is_move(move))
    return false;
  Value *x = dq->in[0];
  const QuantParams *q = moved_quant(g, move, x->type->q);
  if (!q || (q->axis >= 0 && !x->init) ||
      (x->init && !(op_info(move->kind)->traits & T_MOVE)))
    return false;
  Attrs a = moved_attrs(move, q);
  const Type *t = moved_type(g, move, x->type->dtype, q);
  x = x->init ? moved_constant(g, move, &a, x, t)
              : insert_op(g, move, move->kind, &a, 1, &x, t);
  Value *y = insert_op(g, move, OP_dequantize, NULL, 1, &x, move->out[0]->type);
  y->def->rounding = dq->rounding;
  replace_output(g, move, y);
  return true;
}

/* split(dequantize(x)) */
static bool sink_through_split(Graph *g, Op *split) {
  Op *dq = dequantize_of(split->in[0]);
  if (!dq || !is_per_tensor(dq->in[0]->type->q))
    return false;
  const Type **types = ARENA_ARRAY(g->arena, const Type *, split->nout);
  for (int i = 0; i < split->nout; i++)
    types[i] = type_with_dtype(g->arena, split->out[i]->type,
                               dq->in[0]->type->dtype, dq->in[0]->type->q);
  Op *parts = graph_op(g, split, OP_split, &split->attrs, 1, dq->in,
                       split->nout, types, NULL, split->loc);
  for (int i = 0; i < split->nout; i++) {
    Value *y = insert_op(g, split, OP_dequantize, NULL, 1, &parts->out[i],
                         split->out[i]->type);
    y->def->rounding = dq->rounding;
    graph_replace_uses(g, split->out[i], y);
    if (!value_is_output(g, y))
      graph_swap_names(g, split->out[i], y);
  }
  return true;
}

/* concat(dequantize(a), dequantize(b)) of the same parameters */
static bool sink_through_concat(Graph *g, Op *concat) {
  Value **in = ARENA_ARRAY(g->arena, Value *, concat->nin);
  for (int i = 0; i < concat->nin; i++) {
    Op *dq = dequantize_of(concat->in[i]);
    if (!dq || !is_per_tensor(dq->in[0]->type->q) ||
        (i && (dq->in[0]->type->dtype != in[0]->type->dtype ||
               !quant_equal(dq->in[0]->type->q, in[0]->type->q))))
      return false;
    in[i] = dq->in[0];
  }
  if (concat->attrs.axis.act != ACT_none)
    return false;
  const Type *t = moved_type(g, concat, in[0]->type->dtype, in[0]->type->q);
  Value *y =
      insert_op(g, concat, OP_concat, &concat->attrs, concat->nin, in, t);
  y = insert_op(g, concat, OP_dequantize, NULL, 1, &y, concat->out[0]->type);
  y->def->rounding = concat->in[0]->def->rounding;
  replace_output(g, concat, y);
  return true;
}

/* quantize(move(x)); conversions that meet from above go down instead. */
static bool hoist_quantize(Graph *g, Op *quantize) {
  Op *move = quantize->in[0]->def;
  const Type *t = quantize->out[0]->type;
  if (!move || !is_move(move) || !read_once(g, move->out[0]) ||
      move->in[0]->init || !read_once(g, move->in[0]) ||
      dequantize_of(move->in[0]) || !is_per_tensor(t->q) ||
      move->in[0]->type->dtype != DT_f32)
    return false;
  const Type *narrow =
      type_with_dtype(g->arena, move->in[0]->type, t->dtype, t->q);
  Attrs a = moved_attrs(move, t->q);
  Value *x = insert_op(g, quantize, OP_quantize, NULL, 1, move->in, narrow);
  replace_output(g, quantize, insert_op(g, quantize, move->kind, &a, 1, &x, t));
  return true;
}

/* quantize(concat(a, b)) -> concat(quantize(a), quantize(b)) */
static bool hoist_through_concat(Graph *g, Op *quantize) {
  Op *concat = quantize->in[0]->def;
  const Type *t = quantize->out[0]->type;
  if (!concat || concat->kind != OP_concat || !is_per_tensor(t->q) ||
      concat->attrs.axis.act != ACT_none || !read_once(g, concat->out[0]) ||
      concat->out[0]->type->dtype != DT_f32)
    return false;
  Value **in = ARENA_ARRAY(g->arena, Value *, concat->nin);
  for (int i = 0; i < concat->nin; i++)
    in[i] = insert_op(
        g, quantize, OP_quantize, NULL, 1, &concat->in[i],
        type_with_dtype(g->arena, concat->in[i]->type, t->dtype, t->q));
  replace_output(
      g, quantize,
      insert_op(g, quantize, OP_concat, &concat->attrs, concat->nin, in, t));
  return true;
}

static bool hoist(Graph *g, Op *quantize) {
  return quantize->in[0]->type->dtype == DT_f32 &&
         (hoist_quantize(g, quantize) || hoist_through_concat(g, quantize));
}

/* Does v end, perhaps by way of other activations and moves, in a quantize? */
static bool ends_quantized(const Graph *g, const Value *v) {
  while (read_once(g, v)) {
    const Op *op = v->uses.v[0].op;
    bool passes = op->kind == OP_relu || op->kind == OP_relu6 ||
                  op->kind == OP_min || op->kind == OP_max || is_move(op);
    if (op->kind == OP_quantize)
      return true;
    if (!passes)
      return false;
    v = op->out[0];
  }
  return false;
}

/* relu(move(x)), also clamps: op(move(x), scalar constant) */
static bool hoist_activation(Graph *g, Op *act) {
  Op *move = act->in[0]->def;
  if (!move || !is_move(move) || move->kind == OP_pad ||
      act->out[0]->type->dtype != DT_f32 || !read_once(g, move->out[0]) ||
      !read_once(g, move->in[0]) || dequantize_of(move->in[0]) ||
      !ends_quantized(g, act->out[0]))
    return false;
  if (act->nin == 2 &&
      (!act->in[1]->init || type_count(act->in[1]->type) != 1 ||
       act->in[1]->type->rank > move->in[0]->type->rank))
    return false;
  Value *in[] = {move->in[0], act->nin == 2 ? act->in[1] : NULL};
  Value *x = insert_op(g, act, act->kind, &act->attrs, act->nin, in,
                       move->in[0]->type);
  replace_output(
      g, act,
      insert_op(g, act, move->kind, &move->attrs, 1, &x, act->out[0]->type));
  return true;
}

static bool move_once(Graph *g, Op *op) {
  switch ((int)op->kind) {
  case OP_quantize:
    return hoist(g, op);
  case OP_relu:
  case OP_relu6:
  case OP_min:
  case OP_max:
    return hoist_activation(g, op);
  case OP_concat:
    return sink_through_concat(g, op);
  case OP_split:
    return sink_through_split(g, op);
  }
  return sink_dequantize(g, op);
}

static bool is_used(const Graph *g, const Op *op) {
  for (int i = 0; i < op->nout; i++)
    if (value_use_count(g, op->out[i]))
      return true;
  return false;
}

int fold_moves(Graph *g) {
  int moved = 0;
  for (int before = -1; before != moved;) {
    before = moved;
    for (Op *op = g->first; op; op = op->next)
      moved += is_used(g, op) && move_once(g, op);
    rewrite_sweep(g);
  }
  return moved;
}
