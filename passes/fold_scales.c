/* Quantize-dequantize islands become integer ops:
 *
 *   quantize(clamps(op(dequantize(a), dequantize(b), ...)))  ->  op(a, b, ...)
 *
 * with the quantized types on op's operands and result, and with the clamps
 * as its activation, or as the range that its result is stored in. First,
 * weights in blocks become bytes (fold_blocks.c), and conversions are brought
 * together with the ops that compute (fold_moves.c).
 *
 * The float definition of an island and the integer op's (rounding=onnx) are
 * the same real function, rounded differently before the step: they may
 * differ by one step where that function comes within 2^-16 or so of a tie.
 * Where parameters make ties frequent (averages of an even count in the scale
 * of the input, say), the island is left alone; so is what has no integer
 * form. The reason is kept with the op for the report.
 *
 * Of 16 bits an add, sub, mul or leaky_relu is the float one itself; the
 * average's other rounding is half of one of 65 536 steps, and is not asked
 * for. */
#include "passes/fold_scales.h"

#include <math.h>
#include <string.h>

#include "ir/element.h"
#include "ir/float_step.h"
#include "ir/island.h"

typedef struct Clamp {
  float lo, hi;
} Clamp;

typedef struct Island {
  Graph *g;
  Op *quantize;
  Op *op; /* the one that computes */
  Clamp clamp;
  const Type *y; /* of the result */
  Act act;
} Island;

/* Folds the island, or says why it does not. */
typedef const char *FoldFn(Island *i);

/* One element in 10 000 may differ. */
enum { TIES_PER = 10000 };

/* --- clamps ------------------------------------------------------------ */

static const Clamp act_clamp[ACT_COUNT] = {
    [ACT_none] = {-INFINITY, INFINITY},
    [ACT_relu] = {0, INFINITY},
    [ACT_relu6] = {0, 6},
    [ACT_relu_n1_1] = {-1, 1},
    [ACT_relu_0_1] = {0, 1},
};

static float limit(Clamp c, float x) {
  return x < c.lo ? c.lo : x > c.hi ? c.hi : x;
}

/* What `outer` makes of what `inner` lets through. */
static Clamp inside(Clamp inner, Clamp outer) {
  return (Clamp){limit(outer, inner.lo), limit(outer, inner.hi)};
}

/* Is op a clamp of its first operand? */
static bool clamp_of(const Op *op, Clamp *c) {
  *c = act_clamp[ACT_none];
  if (op->kind == OP_relu || op->kind == OP_relu6) {
    *c = act_clamp[op->kind == OP_relu ? ACT_relu : ACT_relu6];
    return true;
  }
  if ((op->kind != OP_min && op->kind != OP_max) || !op->in[1]->init ||
      type_count(op->in[1]->type) != 1 || op->in[1]->type->dtype != DT_f32 ||
      op->in[1]->type->rank > op->in[0]->type->rank)
    return false;
  float bound = *(const float *)op->in[1]->init->data;
  *(op->kind == OP_min ? &c->hi : &c->lo) = bound;
  return !isnan(bound);
}

/* The clamp as a narrower range of the type that results are stored in. */
static void narrow(Island *i) {
  const Type *t = i->quantize->out[0]->type;
  int32_t lo, hi;
  act_range(ACT_none, t, &lo, &hi);
  QuantParams *q = arena_dup(i->g->arena, t->q, sizeof *q);
  q->qmin = isinf(i->clamp.lo) ? lo : float_quantize(t, 0, i->clamp.lo);
  q->qmax = isinf(i->clamp.hi) ? hi : float_quantize(t, 0, i->clamp.hi);
  i->act = ACT_none;
  i->y = q->qmin == lo && q->qmax == hi
             ? t
             : type_with_dtype(i->g->arena, t, t->dtype, q);
}

/* The clamp as an activation, where it is one on stored values. */
static void set_clamp(Island *i) {
  const Type *t = i->quantize->out[0]->type;
  narrow(i);
  for (int act = 0; act < ACT_COUNT && rewrite_activation(i->op); act++) {
    int32_t lo, hi;
    act_range((Act)act, t, &lo, &hi);
    if (lo != i->y->q->qmin || hi != i->y->q->qmax)
      continue;
    i->y = t;
    i->act = (Act)act;
    return;
  }
}

/* From the quantize op up to what computes; NULL: nothing does. */
static Op *island_op(const Graph *g, const Op *quantize, Clamp *clamp) {
  Clamp c;
  Op *op = quantize->in[0]->def;
  *clamp = act_clamp[ACT_none];
  while (op && clamp_of(op, &c) && read_once(g, op->out[0])) {
    *clamp = inside(c, *clamp);
    op = op->in[0]->def;
  }
  if (op && rewrite_activation(op))
    *clamp = inside(act_clamp[*rewrite_activation(op)], *clamp);
  return op;
}

/* --- results ----------------------------------------------------------- */

/* The integer op in the island's place. */
static const char *become(Island *i, OpKind kind, const Attrs *attrs, int nin,
                          Value *const *in) {
  Value *y = insert_op(i->g, i->quantize, kind, attrs, nin, in, i->y);
  y->def->rounding = ROUND_onnx;
  y->def->loc = i->op->loc;
  replace_output(i->g, i->quantize, y);
  return NULL;
}

static const char *become_same(Island *i, int nin, Value *const *in) {
  Op probe = *i->op;
  Act *act = rewrite_activation(&probe);
  if (act)
    *act = i->act;
  return become(i, i->op->kind, &probe.attrs, nin, in);
}

static bool is_word(const Value *v) {
  const Type *t = v->type;
  return t->dtype == DT_i16 && t->q && t->q->axis < 0 && !t->q->block &&
         !t->q->codebook && type_zero_point(t) == 0;
}

static bool has_one_scale(const Value *v) {
  return type_is_q8(v->type) || is_word(v);
}

/* The quantized operand n; NULL: it is none of 8 or 16 bits and one scale. */
static Value *quantized_operand(const Island *i, int n) {
  const Op *dq = dequantize_of(i->op->in[n]);
  return dq && has_one_scale(dq->in[0]) ? dq->in[0] : NULL;
}

static const char *const no_operand =
    "an operand is no dequantized tensor of 8 or 16 bits and one scale";
static const char *const no_mixture =
    "some of its operands and result have 8 bits and some 16";

/* Have operand and result both 8 bits, or both 16? */
static bool is_alike(const Island *i, const Value *x) {
  return is_word(x) == (i->y->dtype == DT_i16);
}

/* --- what has weights -------------------------------------------------- */

/* 4-bit weights and indices of a codebook as i8: how few bits they take is
 * found again where they are packed (plan/packed.h). */
static Value *widened_weights(Graph *g, Value *w) {
  const Type *t = w->type;
  if (dtype_bits(t->dtype) >= 8 && !t->q->codebook)
    return w;
  QuantParams q = *t->q;
  if (q.codebook) {
    q.codebook = NULL;
    q.ncode = 0;
    q.qmin = INT8_MIN;
    q.qmax = INT8_MAX;
  }
  int64_t n = type_count(t);
  int8_t *to = arena_alloc(g->arena, (size_t)n);
  for (int64_t i = 0; i < n; i++)
    to[i] = (int8_t)element_quantized(t, w->init->data, i);
  return graph_const(g, w->name, type_with_dtype(g->arena, t, DT_i8, &q), to);
}

static bool zeros_are_zero(const Type *t) {
  for (int i = 0; i < t->q->nscale; i++)
    if (t->q->zero_point[i])
      return false;
  return true;
}

/* `words`: the layer has activations of 16 bits. */
static const char *weights_fault(const Value *v, int axis, bool words) {
  const Op *dq = dequantize_of(v);
  if (!dq || !dq->in[0]->init)
    return "the weights are no dequantized constant";
  const Type *t = dq->in[0]->type;
  if (dtype_bits(t->dtype) > 8 && !(t->dtype == DT_i16 && words))
    return "weights of more than 8 bits want activations of 16";
  if (t->dtype == DT_i16 && !zeros_are_zero(t))
    return "16-bit weights have a zero point";
  if (t->q->block)
    return "the scales of the weights' blocks are no small multiples of one "
           "per output channel";
  if (t->q->axis >= 0 && t->q->axis != axis)
    return "the weights' scales are not one, nor one per output channel";
  return NULL;
}

static bool near_one(double x) { return fabs(x - 1) < 1e-6; }

/* The stored bias when it is of i32 in the accumulator's unit. */
static Value *stored_bias(const Value *bias, const Type *x, const Type *w) {
  const Op *dq = dequantize_of(bias);
  Value *b = dq ? dq->in[0] : NULL;
  if (!b || !b->init || b->type->dtype != DT_i32)
    return NULL;
  for (int64_t c = 0; c < b->type->dim[0]; c++) {
    double unit = (double)type_scale(x) * (double)type_channel_scale(w, c);
    double scale = (double)type_channel_scale(b->type, c);
    if (type_channel_zero_point(b->type, c) != 0 || !near_one(scale / unit))
      return NULL;
  }
  return b;
}

/* The bias as i32 where that is what it is, else as f32, which is added
 * behind the scaling; NULL in *out: none, or (false) not known. */
static bool fold_bias(Graph *g, Value *bias, const Type *x, const Type *w,
                      Value **out) {
  *out = NULL;
  if (!bias)
    return true;
  *out = stored_bias(bias, x, w);
  if (*out)
    return true;
  const Op *dq = dequantize_of(bias);
  if (dq && dq->in[0]->init && dq->in[0]->type->dtype == DT_i32) {
    const Type *t = dq->in[0]->type;
    const int32_t *from = dq->in[0]->init->data;
    float *to = ARENA_ARRAY(g->arena, float, type_count(t));
    for (int64_t c = 0; c < type_count(t); c++)
      to[c] = float_dequantize(t, c, from[c]);
    *out = graph_const(g, bias->name, bias->type, to);
  } else if (bias->init && bias->type->dtype == DT_f32) {
    *out = bias;
  }
  return *out != NULL;
}

static const char *fold_linear(Island *i, int axis) {
  Value *x = quantized_operand(i, 0), *in[3];
  if (!x)
    return no_operand;
  bool words = is_word(x) || i->y->dtype == DT_i16;
  const char *fault = weights_fault(i->op->in[1], axis, words);
  if (fault)
    return fault;
  if (i->op->nin > 3)
    return "it has operands that no integer form has";
  Value *w = dequantize_of(i->op->in[1])->in[0], *bias;
  if (!fold_bias(i->g, op_in(i->op, 2), x->type, w->type, &bias))
    return "the bias is not known at compile time";
  in[0] = x;
  in[1] = widened_weights(i->g, w);
  in[2] = bias;
  return become_same(i, bias ? 3 : 2, in);
}

static const char *fold_conv(Island *i) { return fold_linear(i, 0); }
static const char *fold_depthwise(Island *i) { return fold_linear(i, 3); }

/* What is multiplied by: weights, one scale a column, or what is known at run
 * time only. */
static Value *second_factor(const Island *i) {
  const Value *v = i->op->in[1];
  const Op *dq = dequantize_of(v);
  bool words = i->y->dtype == DT_i16;
  if (dq && dq->in[0]->init && !weights_fault(v, v->type->rank - 1, words))
    return widened_weights(i->g, dq->in[0]);
  return quantized_operand(i, 1);
}

/* With 16 bits the second operand is of weights. */
static const char *fold_matmul(Island *i) {
  Value *in[] = {quantized_operand(i, 0), second_factor(i)};
  if (i->op->nin > 2 || !in[0] || !in[1])
    return no_operand;
  bool words = is_word(in[0]) || i->y->dtype == DT_i16;
  if (words ? !in[1]->init : is_word(in[1]))
    return "products of 16 bits want constant weights";
  return become_same(i, 2, in);
}

/* --- add, sub, mul ----------------------------------------------------- */

/* A float scalar c is 1 in the scale c, or -1 in the scale -c. */
static Value *quantized_scalar(Graph *g, const Value *v, DType like) {
  if (!v->init || type_count(v->type) != 1 || v->type->dtype != DT_f32)
    return NULL;
  float c = *(const float *)v->init->data;
  if (!(fabsf(c) > 1e-30f) || isinf(c))
    return NULL;
  DType t = like == DT_i16 ? DT_i16 : DT_i8;
  int16_t word = c < 0 ? -1 : 1;
  int8_t byte = (int8_t)word;
  void *one = t == DT_i16 ? arena_dup(g->arena, &word, sizeof word)
                          : arena_dup(g->arena, &byte, sizeof byte);
  const QuantParams *q = quant_per_tensor(g->arena, fabsf(c), 0, t);
  return graph_const(g, v->name, type_with_dtype(g->arena, v->type, t, q), one);
}

static const char *fold_binary(Island *i) {
  Value *in[2];
  for (int k = 0; k < 2; k++) {
    in[k] = quantized_operand(i, k);
    if (!in[k])
      in[k] = quantized_scalar(i->g, i->op->in[k], i->y->dtype);
    if (!in[k])
      return no_operand;
    if (!is_alike(i, in[k]))
      return no_mixture;
  }
  Value y = {.type = i->y}, *out[] = {&y};
  Op probe = {.kind = i->op->kind,
              .rounding = ROUND_onnx,
              .nin = 2,
              .nout = 1,
              .in = in,
              .out = out};
  probe.attrs = attrs_default(probe.kind);
  probe.attrs.act.act = i->act;
  int pairs;
  if (!float_is_pair(&probe) &&
      island_pair_differences(&probe, &pairs) > pairs / TIES_PER)
    return "its scales make ties, which floats break by their own rounding";
  return become_same(i, 2, in);
}

/* --- averages ---------------------------------------------------------- */

static const char *const even_average =
    "averages of this count make ties, which floats break by their own "
    "rounding";

static const char *fold_mean(Island *i) {
  Value *x = quantized_operand(i, 0);
  if (!x)
    return no_operand;
  if (!is_alike(i, x))
    return no_mixture;
  int64_t count = type_count(x->type) / type_count(i->y);
  if (!is_word(x) && !island_average_is_exact(x->type, i->y, count) &&
      average_makes_ties(x->type, i->y, count))
    return even_average;
  return become_same(i, 1, &x);
}

/* Cells of a window that lie inside, along one axis; by position. */
static int64_t cells_at(const Op *op, int axis, int64_t o) {
  const PoolAttrs *a = &op->attrs.pool;
  int64_t n = op->in[0]->type->dim[1 + axis];
  int64_t lo = o * a->stride.v[axis] - a->pad.v[2 * axis];
  int64_t hi = lo + a->window.v[axis];
  return (hi > n ? n : hi) - (lo < 0 ? 0 : lo);
}

/* No multiplication of integers breaks ties to even: does some window make
 * any? */
static bool windows_make_ties(const Island *i, const Type *x) {
  const int64_t *d = i->op->out[0]->type->dim;
  int64_t last_h = 0;
  for (int64_t h = 0; h < d[1]; h++) {
    int64_t rows = cells_at(i->op, 0, h), last_w = 0;
    for (int64_t w = 0; w < d[2] && rows != last_h; w++) {
      int64_t columns = cells_at(i->op, 1, w);
      if (columns != last_w && average_makes_ties(x, i->y, rows * columns))
        return true;
      last_w = columns;
    }
    last_h = rows;
  }
  return false;
}

/* A window over the whole of x is a mean, whose step can do that. */
static const char *fold_average(Island *i) {
  Value *x = quantized_operand(i, 0);
  if (!x)
    return no_operand;
  if (!is_alike(i, x))
    return no_mixture;
  if (is_word(x) || !windows_make_ties(i, x->type))
    return become_same(i, 1, &x);
  const int64_t *d = x->type->dim;
  if (!window_is_whole(i->op) ||
      !island_average_is_exact(x->type, i->y, d[1] * d[2]))
    return even_average;
  Attrs mean = attrs_default(OP_mean);
  mean.axes.axes = (IntList){.n = 2, .v = {1, 2}};
  return become(i, OP_mean, &mean, 1, &x);
}

/* --- one operand ------------------------------------------------------- */

static const char *fold_unary(Island *i) {
  Value *x = quantized_operand(i, 0);
  if (!x)
    return no_operand;
  if (!is_alike(i, x))
    return no_mixture;
  return is_word(x) && i->op->kind != OP_leaky_relu
             ? "it has no integer form on 16 bits"
             : become_same(i, 1, &x);
}

/* quantize(dequantize(x)), perhaps with clamps between the two */
static const char *fold_conversion(Island *i) {
  Value *x = i->op->in[0];
  return has_one_scale(x) ? become(i, OP_quantize, NULL, 1, &x) : no_operand;
}

/* --- all of them ------------------------------------------------------- */

static const struct {
  OpKind kind;
  FoldFn *fold;
} folds[] = {
    {OP_conv2d, fold_conv},
    {OP_depthwise_conv2d, fold_depthwise},
    {OP_fully_connected, fold_conv},
    {OP_matmul, fold_matmul},
    {OP_add, fold_binary},
    {OP_sub, fold_binary},
    {OP_mul, fold_binary},
    {OP_mean, fold_mean},
    {OP_avg_pool2d, fold_average},
    {OP_leaky_relu, fold_unary},
    {OP_logistic, fold_unary},
    {OP_tanh, fold_unary},
    {OP_dequantize, fold_conversion},
};

static FoldFn *fold_for(OpKind k) {
  for (size_t i = 0; i < sizeof folds / sizeof *folds; i++)
    if (folds[i].kind == k)
      return folds[i].fold;
  return NULL;
}

static bool fold_island(Graph *g, Op *quantize) {
  Island i = {.g = g, .quantize = quantize};
  if (quantize->in[0]->type->dtype != DT_f32 ||
      !has_one_scale(quantize->out[0]) || !value_use_count(g, quantize->out[0]))
    return false;
  Op *op = island_op(g, quantize, &i.clamp);
  FoldFn *fold =
      op && op->out[0]->type->dtype == DT_f32 ? fold_for(op->kind) : NULL;
  if (!fold)
    return false;
  i.op = op;
  if (op->kind != OP_dequantize && !read_once(g, op->out[0])) {
    op->remark = "its float result is read by other ops, too";
    return false;
  }
  set_clamp(&i);
  const char *reason = fold(&i);
  if (reason && op->kind != OP_dequantize)
    op->remark = reason;
  return !reason;
}

/* --- what stays float -------------------------------------------------- */

static bool reads_dequantized(const Op *op) {
  for (int i = 0; i < op->nin; i++)
    if (dequantize_of(op->in[i]))
      return true;
  return false;
}

static void remark(Op *op) {
  bool converts = op->kind == OP_dequantize || op->kind == OP_quantize;
  if (op->remark || converts || !op->nout ||
      !dtype_is_float(op->out[0]->type->dtype) || !reads_dequantized(op))
    return;
  op->remark = fold_for(op->kind) ? "its result is not quantized"
                                  : "it has no integer form";
}

bool pass_fold_scales(Graph *g, PassCtx *c) {
  int folded = 0, moved = 0;
  if (g->rounding != ROUND_onnx)
    return true;
  int blocks = fold_blocks(g);
  for (int before = -1; before != folded + moved;) {
    before = folded + moved;
    moved += fold_moves(g);
    for (Op *op = g->first; op; op = op->next)
      folded += op->kind == OP_quantize && fold_island(g, op);
    rewrite_sweep(g);
  }
  for (Op *op = g->first; op; op = op->next)
    remark(op);
  if (blocks)
    pass_stat(c, "weights in blocks made bytes", blocks);
  if (folded)
    pass_stat(c, "islands folded", folded);
  if (moved)
    pass_stat(c, "conversions moved", moved);
  return true;
}
