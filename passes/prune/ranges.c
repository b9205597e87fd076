/* Ranges of channels, and those behind ops that pair channels. More, or less,
 * in an operand of a monotone op never gives less: so its results on the lower
 * and on the upper ends of its operands' ranges, as the reference interpreter
 * computes them, are the ends of each element. NaN, of infinite ends, is any
 * number. */
#include <math.h>

#include "ir/element.h"
#include "ir/exec.h"
#include "passes/prune/channels.h"

/* --- one channel -------------------------------------------------------- */

void channel_constant(const Type *t, Channel *c, uint64_t bits) {
  c->constant = true;
  c->bits = bits;
  if (dtype_is_integer(t->dtype))
    c->lo = dtype_is_signed(t->dtype) ? (double)element_to_int(t->dtype, bits)
                                      : (double)bits;
  else if (dtype_is_float(t->dtype))
    c->lo = element_to_double(t->dtype, bits);
  c->hi = c->lo;
}

static uint64_t bits_of(DType t, double x) {
  uint64_t mask = (UINT64_C(1) << dtype_bits(t)) - 1;
  return dtype_is_float(t) ? element_from_double(t, x)
                           : (uint64_t)(int64_t)x & mask;
}

void channel_range(const Type *t, Channel *c, double lo, double hi) {
  c->lo = isnan(lo) ? -(double)INFINITY : lo;
  c->hi = isnan(hi) ? (double)INFINITY : hi;
  if (c->lo == c->hi && isfinite(lo))
    channel_constant(t, c, bits_of(t->dtype, lo));
}

static bool channel_has_range(DType t) {
  return t == DT_f32 || (dtype_is_integer(t) && dtype_bits(t) <= 32);
}

void channel_any(DType t, Channel *c) {
  bool real = dtype_is_float(t), known = channel_has_range(t) && !real;
  c->lo = known ? (double)dtype_min(t) : -(double)INFINITY;
  c->hi = known ? (double)dtype_max(t) : (double)INFINITY;
}

/* --- ops ------------------------------------------------------------------ */

static bool has_constant(const Op *op) {
  return op->nin == 2 &&
         ((op->in[0] && op->in[0]->init) || (op->in[1] && op->in[1]->init));
}

/* In every operand, up or down for each element. */
static bool is_monotone(const Op *op) {
  static const OpKind always[] = {
      OP_add,        OP_min,           OP_max,
      OP_relu,       OP_relu6,         OP_leaky_relu,
      OP_neg,        OP_logistic,      OP_tanh,
      OP_quantize,   OP_dequantize,    OP_avg_pool2d,
      OP_max_pool2d, OP_mean,          OP_pad,
      OP_reshape,    OP_transpose,     OP_concat,
      OP_split,      OP_strided_slice, OP_resize_nearest,
      OP_broadcast};
  for (size_t i = 0; i < sizeof always / sizeof *always; i++)
    if (always[i] == op->kind)
      return true;
  return (op->kind == OP_mul || op->kind == OP_sub) && has_constant(op);
}

static bool is_ranged(const Value *v) {
  DType t = v->type->dtype;
  return t == DT_f32 || t == DT_i8 || t == DT_u8;
}

/* Is anything known of the operands, all of types with ranges? */
static bool has_ranges(const Prune *p, const Op *op) {
  bool any = false;
  for (int i = 0; i < op->nin; i++) {
    const Value *v = op->in[i];
    if (!v || !is_ranged(v))
      return false;
    Channel all;
    channel_any(v->type->dtype, &all);
    const Channels *x = v->init ? NULL : channels_of(p, v);
    for (int64_t j = 0; x && j < x->n && !any; j++)
      any = x->v[j].lo > all.lo || x->v[j].hi < all.hi;
  }
  for (int o = 0; o < op->nout; o++)
    if (!is_ranged(op->out[o]))
      return false;
  return any;
}

/* Operand v at its channels' upper, or lower, ends. */
static const void *at_end(const Prune *p, const Value *v, bool upper) {
  if (v->init)
    return v->init->data;
  const Channels *c = channels_of(p, v);
  DType t = v->type->dtype;
  int64_t count = type_count(v->type);
  void *x = ARENA_ARRAY(p->scratch, char, type_bytes(v->type));
  for (int64_t k = 0; k < count; k++) {
    const Channel *of = &c->v[k / c->inner % c->n];
    element_store(t, x, k, bits_of(t, upper ? of->hi : of->lo));
  }
  return x;
}

static void eval_end(const Prune *p, const Op *op, bool upper, void **out) {
  const void **in = ARENA_ARRAY(p->scratch, const void *, op->nin);
  for (int i = 0; i < op->nin; i++)
    in[i] = at_end(p, op->in[i], upper);
  for (int o = 0; o < op->nout; o++)
    out[o] = ARENA_ARRAY(p->scratch, char, type_bytes(op->out[o]->type));
  op_eval(op, in, out);
}

static double number_at(DType t, const void *data, int64_t k) {
  uint64_t bits = element_load(t, data, k);
  return dtype_is_float(t)    ? element_to_double(t, bits)
         : dtype_is_signed(t) ? (double)element_to_int(t, bits)
                              : (double)bits;
}

/* Of a channel: the least and the most of its elements' ends. */
static void take_ends(const Prune *p, const Value *v, const void *a,
                      const void *b) {
  const Channels *y = channels_of(p, v);
  DType t = v->type->dtype;
  int64_t count = type_count(v->type);
  for (int64_t j = 0; j < y->n; j++) {
    y->v[j].lo = (double)INFINITY;
    y->v[j].hi = -(double)INFINITY;
  }
  for (int64_t k = 0; k < count; k++) {
    Channel *c = &y->v[k / y->inner % y->n];
    double m = number_at(t, a, k), n = number_at(t, b, k);
    bool any = isnan(m) || isnan(n);
    c->lo = any ? -(double)INFINITY : fmin(c->lo, fmin(m, n));
    c->hi = any ? (double)INFINITY : fmax(c->hi, fmax(m, n));
  }
  for (int64_t j = 0; j < y->n; j++)
    channel_range(v->type, &y->v[j], y->v[j].lo, y->v[j].hi);
}

void prune_range_facts(const Prune *p, const Op *op) {
  if (!is_monotone(op) || !has_ranges(p, op))
    return;
  void **lower = ARENA_ARRAY(p->scratch, void *, op->nout);
  void **upper = ARENA_ARRAY(p->scratch, void *, op->nout);
  eval_end(p, op, false, lower);
  eval_end(p, op, true, upper);
  for (int o = 0; o < op->nout; o++)
    if (type_count(op->out[o]->type))
      take_ends(p, op->out[o], lower[o], upper[o]);
}
