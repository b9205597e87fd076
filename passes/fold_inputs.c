/* Layers read their input as it comes: in the order of channels and with the
 * signedness that it has. With w the weights of a convolution or dense layer
 * L, o outputs, t taps and i inputs:
 *
 *   L(order(x)), channel i of order(x) being from[i] of x, each once
 *                    ->  L'(x): w'[o, t, from[i]] = w[o, t, i]
 *   L(flip(x)), flip(x) = x + 128 stored in the other 8-bit type with a zero
 *   point of 128 more, or both less
 *                    ->  L(x): x - zx is what it was
 *
 * order is a gather by a constant, a slice that runs backwards, or slices and
 * parts of a split joined again. The sum over channels is in another order
 * then: exact for integers, which fold-inputs does, of class reassoc for
 * floats, which fold-inputs-float does. flip is any quantize op that maps all
 * 256 values so, and is exact where the layer's requantization is the same for
 * both types.
 *
 * Between the two may stand what treats all channels alike: for an order
 * elementwise ops, with constants that are one number or one for each channel,
 * and transposes, for a flip reshapes and transposes. They are made again, of
 * x, constants in its order. Where others read anything of it, it is made
 * anyway and stays as it is; so do weights that others read, which would be
 * stored twice. Depthwise layers keep an order, which is that of their results,
 * too; so do groups, which have channels of their own. */
#include <string.h>

#include "ir/exec.h"
#include "ir/requant.h"
#include "passes/rewrite.h"

enum { PATTERNS = 256, LONGEST_CHAIN = 8 };

/* What stands between a layer and the op that is to go, the layer's side
 * first. */
typedef struct Chain {
  Op *op[LONGEST_CHAIN];
  int n;
  Value *top; /* what the last of them reads */
  int axis;   /* of top: the channels that the layer sees */
} Chain;

/* Channel i of a value is from[i] of x. */
typedef struct Order {
  Value *x;
  int64_t n, *from;
} Order;

static bool is_alike(const Value *v) {
  const QuantParams *q = v->type->q;
  return !q || (q->axis < 0 && !q->codebook && !q->block);
}

/* A constant of one number, or one for each channel of op's result. */
static bool is_parameter(const Value *c, const Value *y, int axis) {
  int64_t count = type_count(c->type);
  int own = axis - y->type->rank + c->type->rank;
  return c->init && is_alike(c) && dtype_bits(c->type->dtype) >= 8 &&
         (count == 1 || (own >= 0 && count == c->type->dim[own] &&
                         count == y->type->dim[axis]));
}

/* Does op the same to every channel of its result along that axis, but for
 * constants? */
static bool is_elementwise(const Op *op, int axis) {
  unsigned traits = op_info(op->kind)->traits;
  if (op->kind == OP_transpose)
    return true;
  if (op->nout != 1 || !is_alike(op->out[0]) || !is_alike(op->in[0]) ||
      !type_same_shape(op->in[0]->type, op->out[0]->type))
    return false;
  return op->nin == 1 ? (traits & (T_UNARY | T_MAP)) != 0
                      : op->nin == 2 && (traits & T_MAP) &&
                            is_parameter(op->in[1], op->out[0], axis);
}

static bool is_view_or_transpose(const Op *op, int axis) {
  (void)axis;
  return op->kind == OP_transpose || op->kind == OP_reshape;
}

/* The dimension of op's input that is its output's; -1: none. */
static int axis_above(const Op *op, int axis) {
  if (op->kind == OP_transpose && axis >= 0)
    return (int)op->attrs.perm.perm.v[axis];
  return op->kind == OP_reshape ? -1 : axis;
}

typedef bool PassesFn(const Op *op, int axis);

/* From the layer's input up through what `passes`, as long as one op reads
 * each value. False: others read the last one, too. */
static bool chain_of(const Graph *g, const Op *layer, PassesFn *passes,
                     Chain *c) {
  *c = (Chain){.top = layer->in[0], .axis = layer->in[0]->type->rank - 1};
  while (value_use_count(g, c->top) == 1) {
    Op *op = c->top->def;
    if (!op || c->n == LONGEST_CHAIN || !passes(op, c->axis))
      return true;
    c->axis = axis_above(op, c->axis);
    c->top = op->in[0];
    c->op[c->n++] = op;
  }
  return false;
}

/* Bytes of [outer][n][inner] elements, element i of n at from[i]. */
static Value *ordered(Graph *g, const Value *v, int64_t inner, const Order *o) {
  size_t size = (size_t)dtype_bits(v->type->dtype) / 8;
  int64_t n = type_count(v->type);
  const char *data = v->init->data;
  char *to = arena_alloc(g->arena, (size_t)n * size);
  for (int64_t at = 0; at < n; at++) {
    int64_t i = at / inner % o->n;
    int64_t moved = at + (o->from[i] - i) * inner;
    memcpy(to + (size_t)moved * size, data + (size_t)at * size, size);
  }
  return graph_const(g, v->name, v->type, to);
}

/* The layer reads x through the chain made again: of x's type of elements, or
 * (o not NULL) in the order of its channels. */
static void read_instead(Graph *g, Op *layer, const Chain *c, Value *x,
                         const Order *o) {
  const Type *element = x->type;
  for (int i = c->n - 1; i >= 0; i--) {
    const Op *op = c->op[i];
    const Type *t = op->out[0]->type;
    Value *in[] = {x, op_in(op, 1)};
    if (!o)
      t = type_with_dtype(g->arena, t, element->dtype, element->q);
    if (o && in[1] && type_count(in[1]->type) == o->n)
      in[1] = ordered(g, in[1], 1, o);
    Op *made = graph_op(g, layer, op->kind, &op->attrs, op->nin, in, 1, &t,
                        NULL, op->loc);
    made->rounding = op->rounding;
    x = made->out[0];
  }
  op_set_input(layer, 0, x);
}

/* --- orders of channels ------------------------------------------------ */

/* gather(x, constant) */
static bool order_of_gather(const Op *op, int axis, Order *o) {
  const Value *at = op->in[1];
  if (!at->init || op->attrs.gather.axis != axis || at->type->rank != 1)
    return false;
  for (int64_t i = 0; i < o->n; i++) {
    int64_t from = at->type->dtype == DT_i64
                       ? ((const int64_t *)at->init->data)[i]
                       : ((const int32_t *)at->init->data)[i];
    o->from[i] = from < 0 ? from + o->n : from;
  }
  return true;
}

static int64_t item(const IntList *list, int i, int64_t otherwise) {
  return i < list->n ? list->v[i] : otherwise;
}

/* The channels of a slice that takes all of the other dimensions. */
static bool slice_channels(const Op *op, int axis, int64_t *from) {
  const SliceAttrs *a = &op->attrs.slice;
  const Type *x = op->in[0]->type, *y = op->out[0]->type;
  for (int i = 0; i < x->rank; i++)
    if (i != axis && (item(&a->begin, i, 0) || item(&a->stride, i, 1) != 1 ||
                      x->dim[i] != y->dim[i]))
      return false;
  for (int64_t i = 0; i < y->dim[axis]; i++)
    from[i] = item(&a->begin, axis, 0) + i * item(&a->stride, axis, 1);
  return true;
}

/* Those of one output of a split. */
static bool split_channels(const Value *v, int axis, int64_t *from) {
  const Op *split = v->def;
  int64_t first = 0;
  if (split->attrs.axis.axis != axis)
    return false;
  for (int i = 0; i < v->def_index; i++)
    first += split->out[i]->type->dim[axis];
  for (int64_t i = 0; i < v->type->dim[axis]; i++)
    from[i] = first + i;
  return true;
}

static bool part_channels(const Value *v, int axis, int64_t *from) {
  if (v->def->kind == OP_strided_slice)
    return slice_channels(v->def, axis, from);
  return v->def->kind == OP_split && split_channels(v, axis, from);
}

/* concat of parts of the same x */
static bool order_of_concat(const Op *op, int axis, Order *o) {
  int64_t *from = o->from;
  if (op->attrs.axis.axis != axis || op->attrs.axis.act != ACT_none)
    return false;
  for (int i = 0; i < op->nin; i++) {
    const Value *v = op->in[i];
    if (!v->def || !v->def->nin || v->def->in[0] != op->in[0]->def->in[0] ||
        !part_channels(v, axis, from))
      return false;
    from += v->type->dim[axis];
  }
  o->x = op->in[0]->def->in[0];
  return true;
}

/* Does `from` have every channel once? */
static bool is_permutation(Arena *a, const Order *o) {
  bool *seen = ARENA_ARRAY(a, bool, o->n);
  for (int64_t i = 0; i < o->n; i++) {
    int64_t at = o->from[i];
    if (at < 0 || at >= o->n || seen[at])
      return false;
    seen[at] = true;
  }
  return true;
}

/* Is v another value's channels in another order? */
static bool order_of(Graph *g, const Value *v, int axis, Order *o) {
  const Op *op = v->def;
  if (!op || !op->nin)
    return false;
  *o = (Order){op->in[0], v->type->dim[axis], NULL};
  o->from = ARENA_ARRAY(g->arena, int64_t, o->n);
  bool is =
      (op->kind == OP_gather && order_of_gather(op, axis, o)) ||
      (op->kind == OP_strided_slice && slice_channels(op, axis, o->from)) ||
      (op->kind == OP_concat && order_of_concat(op, axis, o));
  return is && o->n && is_alike(v) && type_equal(o->x->type, v->type) &&
         is_permutation(g->arena, o);
}

/* Elements between one channel's weight and the next one's. */
static int64_t weight_step(const Op *layer) {
  return layer->kind == OP_matmul ? layer->in[1]->type->dim[1] : 1;
}

/* Channels of the weights; 0: this is no layer that sums over all channels
 * with weights that can be put in order. */
static int64_t weight_channels(const Graph *g, const Op *layer) {
  const Value *w = layer->nin > 1 ? layer->in[1] : NULL;
  bool is = layer->kind == OP_conv2d || layer->kind == OP_fully_connected ||
            (layer->kind == OP_matmul && w->type->rank == 2);
  if (!is || !w->init || layer->in[0]->init || !layer->in[0]->type->rank ||
      dtype_bits(w->type->dtype) < 8 || value_use_count(g, w) != 1)
    return 0;
  return w->type->dim[layer->kind == OP_matmul ? 0 : w->type->rank - 1];
}

/* L(order(x)); rows of dense layers may hold several pixels. */
static bool fold_order(Graph *g, Op *layer) {
  int64_t depth = weight_channels(g, layer);
  Chain c;
  Order o;
  if (!depth || !chain_of(g, layer, is_elementwise, &c) ||
      !order_of(g, c.top, c.axis, &o) || depth % o.n ||
      (layer->kind == OP_matmul && depth != o.n))
    return false;
  op_set_input(layer, 1, ordered(g, layer->in[1], weight_step(layer), &o));
  read_instead(g, layer, &c, o.x, &o);
  return true;
}

static bool fold_integer_order(Graph *g, Op *layer) {
  return !dtype_is_float(layer->in[0]->type->dtype) && fold_order(g, layer);
}

/* --- signedness -------------------------------------------------------- */

/* The same step, of the other 8-bit type. */
static bool is_flipped(const Type *x, const Type *y) {
  return type_is_q8(x) && type_is_q8(y) && x->dtype != y->dtype &&
         type_scale(x) == type_scale(y) &&
         type_zero_point(y) - type_zero_point(x) ==
             (y->dtype == DT_u8 ? 128 : -128);
}

/* Does it map each of the 256 values to the same of the other type? */
static bool keeps_values(Graph *g, const Op *quantize) {
  const int64_t n = PATTERNS;
  const Type *x = type_with_shape(g->arena, quantize->in[0]->type, 1, &n);
  const Type *y = type_with_shape(g->arena, quantize->out[0]->type, 1, &n);
  Value vx = {.type = x}, vy = {.type = y}, *in[] = {&vx}, *out[] = {&vy};
  uint8_t from[PATTERNS], to[PATTERNS];
  const void *from_data = from;
  void *to_data = to;
  Op probe = *quantize;
  probe.in = in;
  probe.out = out;
  for (int i = 0; i < PATTERNS; i++)
    from[i] = (uint8_t)i;
  op_eval(&probe, &from_data, &to_data);
  for (int i = 0; i < PATTERNS; i++)
    if (to[i] != (uint8_t)(i ^ 0x80))
      return false;
  return true;
}

static bool same_step(const Requant *a, const Requant *b) {
  return a->kind == b->kind && a->multiplier == b->multiplier &&
         a->shift == b->shift && a->real == b->real && a->bias == b->bias;
}

/* Is the layer's requantization the same when it reads elements of t? TFLite
 * works out multipliers in floats for u8, in doubles for i8. */
static bool keeps_steps(Graph *g, const Op *layer, const Type *t) {
  Value x = *layer->in[0],
        **in = arena_dup(g->arena, layer->in, (size_t)layer->nin * sizeof *in);
  Op probe = *layer;
  x.type = type_with_dtype(g->arena, x.type, t->dtype, t->q);
  in[0] = &x;
  probe.in = in;
  const Type *y = layer->out[0]->type;
  for (int64_t c = 0; c < y->dim[y->rank - 1]; c++) {
    Requant before = requant_of(layer, c), now = requant_of(&probe, c);
    if (!same_step(&before, &now))
      return false;
  }
  return true;
}

/* L(flip(x)) */
static bool fold_flip(Graph *g, Op *layer) {
  Chain c;
  if (!type_is_q8(layer->in[0]->type) || layer->in[0]->init ||
      !chain_of(g, layer, is_view_or_transpose, &c))
    return false;
  const Op *flip = c.top->def;
  if (!flip || flip->kind != OP_quantize ||
      !is_flipped(flip->in[0]->type, c.top->type) || !keeps_values(g, flip) ||
      !keeps_steps(g, layer, flip->in[0]->type))
    return false;
  read_instead(g, layer, &c, flip->in[0], NULL);
  return true;
}

/* clang-format off */
static const Rule integer_rules[] = {
    {OP_conv2d, fold_integer_order, "orders folded"},
    {OP_fully_connected, fold_integer_order, "orders folded"},
    {OP_matmul, fold_integer_order, "orders folded"},
    {OP_conv2d, fold_flip, "signs folded"},
    {OP_depthwise_conv2d, fold_flip, "signs folded"},
    {OP_fully_connected, fold_flip, "signs folded"},
};

static const Rule all_rules[] = {
    {OP_conv2d, fold_order, "orders folded"},
    {OP_fully_connected, fold_order, "orders folded"},
    {OP_matmul, fold_order, "orders folded"},
};
/* clang-format on */

bool pass_fold_inputs(Graph *g, PassCtx *c) {
  rewrite_graph(g, c, integer_rules,
                sizeof integer_rules / sizeof *integer_rules);
  return true;
}

bool pass_fold_inputs_float(Graph *g, PassCtx *c) {
  rewrite_graph(g, c, all_rules, sizeof all_rules / sizeof *all_rules);
  return true;
}
