/* What is known of channels, forward through the graph.
 *
 * A convolution or dense layer: each weight times the range of its channel,
 * summed, bounds the accumulator, and as the step function is monotone, its
 * values at the bounds bound the result; where they are equal it is a
 * constant. So all-zero weights, constant inputs and clamps that saturate
 * whatever comes in are one case. Padding adds nothing, so where there is
 * some, every term may also be 0. Of floats only sums of constants are known;
 * what meets padding and is not zero makes no constant.
 *
 * An op that pairs channels is evaluated by the reference interpreter on
 * operands filled with their constants: a channel of the result is constant
 * when its operands' were and all of its elements came out the same. One that
 * is monotone is evaluated on the lower and on the upper ends of its operands'
 * ranges, which gives those of the result. */
#include <math.h>
#include <string.h>

#include "ir/border.h"
#include "ir/element.h"
#include "ir/exec.h"
#include "ir/ops/eval.h"
#include "ir/requant.h"
#include "passes/prune/channels.h"

static void set_constant(const Type *t, Channel *c, uint64_t bits) {
  c->constant = true;
  c->bits = bits;
  if (dtype_is_integer(t->dtype))
    c->lo = c->hi = dtype_is_signed(t->dtype) ? element_to_int(t->dtype, bits)
                                              : (int64_t)bits;
}

static void set_range(const Type *t, Channel *c, int64_t lo, int64_t hi) {
  c->lo = lo;
  c->hi = hi;
  if (lo == hi)
    set_constant(t, c,
                 (uint64_t)lo & ((UINT64_C(1) << dtype_bits(t->dtype)) - 1));
}

/* --- sums -------------------------------------------------------------- */

static void add_term(const Linear *l, const Channel *x, int64_t w, int64_t *lo,
                     int64_t *hi) {
  int64_t a = (x->lo - l->zero) * w, b = (x->hi - l->zero) * w;
  int64_t least = a < b ? a : b, most = a < b ? b : a;
  if (l->pads) {
    least = least < 0 ? least : 0;
    most = most > 0 ? most : 0;
  }
  *lo += least;
  *hi += most;
}

static void int_output(const Linear *l, const Channel *x, int64_t o,
                       Channel *y) {
  int64_t lo = requant_bias(l->op, o), hi = lo;
  for (int64_t tap = 0; tap < l->taps; tap++)
    for (int64_t i = 0; i < l->inputs; i++) {
      int64_t w = linear_int(l, o, linear_at(l, o, tap, i));
      if (w)
        add_term(l, &x[linear_channel(l, o, i)], w, &lo, &hi);
    }
  if (lo < INT32_MIN || hi > INT32_MAX)
    return; /* the accumulator might wrap */
  Requant r = requant_of(l->op, o);
  set_range(l->op->out[0]->type, y, requant_apply(&r, lo),
            requant_apply(&r, hi));
}

/* In the order of the interpreter, which is that of the sum without the
 * terms that are 0. */
static void float_output(const Linear *l, const Channel *x, int64_t o,
                         Channel *y) {
  const Value *b = op_in(l->op, 2);
  float sum = b ? ((const float *)b->init->data)[o] : 0;
  if (border_is_bias(l->op))
    return;
  for (int64_t tap = 0; tap < l->taps; tap++)
    for (int64_t i = 0; i < l->inputs; i++) {
      int64_t at = linear_at(l, o, tap, i);
      const Channel *c = &x[linear_channel(l, o, i)];
      if (linear_is_zero(l, o, at))
        continue;
      if (!linear_uniform(l, c))
        return;
      sum = fmaf((float)element_to_double(l->x->dtype, c->bits),
                 (float)linear_float(l, at), sum);
    }
  Act act = l->op->kind == OP_fully_connected ? l->op->attrs.dense.act
                                              : l->op->attrs.conv.act;
  set_constant(l->op->out[0]->type, y,
               element_from_double(l->op->out[0]->type->dtype,
                                   (double)eval_act(act, sum)));
}

static void linear_facts(const Prune *p, const Linear *l) {
  const Channel *x = channels_of(p, l->op->in[0])->v;
  Channels *y = channels_of(p, l->op->out[0]);
  bool is_float = dtype_is_float(l->x->dtype);
  for (int64_t o = 0; o < y->n; o++)
    (is_float ? float_output : int_output)(l, x, o, &y->v[o]);
}

/* --- ops that pair channels -------------------------------------------- */

/* Operand i with its constant channels filled in, zeros elsewhere. */
static const void *filled(const Prune *p, const Op *op, int i) {
  const Value *v = op->in[i];
  if (!v || v->init)
    return v ? v->init->data : NULL;
  const Channels *c = channels_of(p, v);
  int64_t count = type_count(v->type);
  void *x = ARENA_ARRAY(p->scratch, char, type_bytes(v->type));
  for (int64_t k = 0; k < count; k++) {
    const Channel *of = &c->v[k / c->inner % c->n];
    if (of->constant)
      element_store(v->type->dtype, x, k, of->bits);
  }
  return x;
}

static bool is_constant(const Channels *x) {
  for (int64_t j = 0; j < x->n; j++)
    if (!x->v[j].constant)
      return false;
  return x->n > 0;
}

/* Are all of the operands' channels that go into channel j constants? */
static bool comes_from_constants(const Prune *p, const Op *op, int o,
                                 int64_t j) {
  for (int i = 0; i < op->nin; i++) {
    if (!op->in[i] || op->in[i]->init)
      continue;
    const Channels *x = channels_of(p, op->in[i]);
    int64_t k = channel_pair(p, op, i, o, j);
    if (channels_spread(p, op, i) ? !is_constant(x)
                                  : k >= 0 && !x->v[k].constant)
      return false;
  }
  return true;
}

static bool any_comes_from_constants(const Prune *p, const Op *op) {
  for (int o = 0; o < op->nout; o++)
    for (int64_t j = 0; j < channels_of(p, op->out[o])->n; j++)
      if (comes_from_constants(p, op, o, j))
        return true;
  return false;
}

static void mark_uniform(const Type *t, const void *data, const Channels *y,
                         int64_t j) {
  int64_t block = y->inner * y->n, count = type_count(t);
  uint64_t bits = element_load(t->dtype, data, j * y->inner);
  for (int64_t k = j * y->inner; k < count; k += block)
    for (int64_t i = 0; i < y->inner; i++)
      if (element_load(t->dtype, data, k + i) != bits)
        return;
  set_constant(t, &y->v[j], bits);
}

static void pair_facts(const Prune *p, const Op *op) {
  if (!any_comes_from_constants(p, op))
    return;
  const void **in = ARENA_ARRAY(p->scratch, const void *, op->nin);
  void **out = ARENA_ARRAY(p->scratch, void *, op->nout);
  for (int i = 0; i < op->nin; i++)
    in[i] = filled(p, op, i);
  for (int o = 0; o < op->nout; o++)
    out[o] = ARENA_ARRAY(p->scratch, char, type_bytes(op->out[o]->type));
  op_eval(op, in, out);
  for (int o = 0; o < op->nout; o++) {
    const Channels *y = channels_of(p, op->out[o]);
    for (int64_t j = 0; type_count(op->out[o]->type) && j < y->n; j++)
      if (comes_from_constants(p, op, o, j))
        mark_uniform(op->out[o]->type, out[o], y, j);
  }
}

/* --- ranges behind ops that pair ---------------------------------------- */

/* More in any operand never gives less. */
static bool is_monotone(const Op *op) {
  switch (op->kind) {
  case OP_add:
  case OP_min:
  case OP_max:
  case OP_relu:
  case OP_relu6:
  case OP_logistic:
  case OP_tanh:
  case OP_quantize:
  case OP_avg_pool2d:
  case OP_max_pool2d:
  case OP_mean:
  case OP_pad:
  case OP_reshape:
  case OP_transpose:
  case OP_concat:
  case OP_split:
  case OP_strided_slice:
  case OP_resize_nearest:
  case OP_broadcast:
    return true;
  case OP_leaky_relu:
    return op->attrs.leaky.alpha >= 0;
  default:
    return false;
  }
}

static bool is_byte(const Value *v) {
  return v->type->dtype == DT_i8 || v->type->dtype == DT_u8;
}

/* Bytes in, bytes out, of which something is known. */
static bool has_ranges(const Prune *p, const Op *op) {
  bool any = false;
  for (int i = 0; i < op->nin; i++) {
    const Value *v = op->in[i];
    if (!v || !is_byte(v))
      return false;
    const Channels *x = v->init ? NULL : channels_of(p, v);
    for (int64_t j = 0; x && j < x->n && !any; j++)
      any = x->v[j].lo > dtype_min(v->type->dtype) ||
            x->v[j].hi < dtype_max(v->type->dtype);
  }
  for (int o = 0; o < op->nout; o++)
    if (!is_byte(op->out[o]))
      return false;
  return any;
}

/* Operand i at its channels' upper, or lower, ends. */
static const void *at_end(const Prune *p, const Value *v, bool upper) {
  if (v->init)
    return v->init->data;
  const Channels *c = channels_of(p, v);
  int64_t count = type_count(v->type);
  uint8_t *x = ARENA_ARRAY(p->scratch, uint8_t, count);
  for (int64_t k = 0; k < count; k++) {
    const Channel *of = &c->v[k / c->inner % c->n];
    x[k] = (uint8_t)(upper ? of->hi : of->lo);
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

static int64_t byte_at(const Type *t, const void *data, int64_t k) {
  return t->dtype == DT_i8 ? ((const int8_t *)data)[k]
                           : ((const uint8_t *)data)[k];
}

/* Of output o: the least of `lower`, the most of `upper` in each channel. */
static void take_ends(const Prune *p, const Value *v, const void *lower,
                      const void *upper) {
  const Channels *y = channels_of(p, v);
  int64_t count = type_count(v->type);
  for (int64_t j = 0; j < y->n; j++) {
    y->v[j].lo = dtype_max(v->type->dtype);
    y->v[j].hi = dtype_min(v->type->dtype);
  }
  for (int64_t k = 0; k < count; k++) {
    Channel *c = &y->v[k / y->inner % y->n];
    int64_t lo = byte_at(v->type, lower, k), hi = byte_at(v->type, upper, k);
    c->lo = lo < c->lo ? lo : c->lo;
    c->hi = hi > c->hi ? hi : c->hi;
  }
  for (int64_t j = 0; j < y->n; j++)
    set_range(v->type, &y->v[j], y->v[j].lo, y->v[j].hi);
}

/* A monotone op lies between what it makes of its operands' ends. */
static void end_facts(const Prune *p, const Op *op) {
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

/* ----------------------------------------------------------------------- */

void prune_facts(Prune *p) {
  for (const Op *op = p->g->first; op; op = op->next) {
    Linear l;
    if (linear_of(p, op, &l)) {
      linear_facts(p, &l);
    } else if (channels_pair(p, op)) {
      end_facts(p, op);
      pair_facts(p, op);
    }
  }
}
