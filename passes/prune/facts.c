/* What is known of channels, forward through the graph.
 *
 * A convolution or dense layer: each weight times the range of its channel,
 * summed, bounds the accumulator, and as the step function is monotone, its
 * values at the bounds bound the result; where they are equal it is a
 * constant. So all-zero weights, constant inputs and clamps that saturate
 * whatever comes in are one case. Padding adds nothing, so where there is
 * some, every term may also be 0. Floats take the very steps of the layer at
 * both bounds: a fused multiply-add is monotone in its operands, rounding
 * included. NaN is not thought of.
 *
 * An op that pairs channels is evaluated by the reference interpreter on
 * operands filled with their constants: a channel of the result is constant
 * when its operands' were and all of its elements came out the same. Its
 * range: ranges.c. */
#include <math.h>
#include <string.h>

#include "ir/border.h"
#include "ir/element.h"
#include "ir/exec.h"
#include "ir/ops/eval.h"
#include "ir/requant.h"
#include "passes/prune/channels.h"

/* --- sums -------------------------------------------------------------- */

static void add_term(const Linear *l, const Channel *x, int64_t w, int64_t *lo,
                     int64_t *hi) {
  int64_t a = ((int64_t)x->lo - l->zero) * w;
  int64_t b = ((int64_t)x->hi - l->zero) * w;
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
  channel_range(l->op->out[0]->type, y, requant_apply(&r, lo),
                requant_apply(&r, hi));
}

/* [lo, hi] of what bounds a sum of floats. */
typedef struct Bounds {
  float lo, hi;
} Bounds;

static Bounds bias_bounds(const Linear *l, int64_t o) {
  const Value *b = op_in(l->op, 2);
  const float *data = b ? b->init->data : NULL;
  Bounds s = {b ? data[o] : 0, b ? data[o] : 0};
  for (int64_t i = o; b && i < type_count(b->type); i += l->outputs) {
    s.lo = fminf(s.lo, data[i]);
    s.hi = fmaxf(s.hi, data[i]);
  }
  return s;
}

static void add_float_term(const Linear *l, const Channel *x, float w,
                           Bounds *s) {
  float lo = (float)x->lo, hi = (float)x->hi;
  if (l->pads) {
    lo = fminf(lo, 0);
    hi = fmaxf(hi, 0);
  }
  s->lo = fmaf(w > 0 ? lo : hi, w, s->lo);
  s->hi = fmaf(w > 0 ? hi : lo, w, s->hi);
}

static Act act_of(const Op *op) {
  return op->kind == OP_matmul             ? ACT_none
         : op->kind == OP_conv_transpose2d ? op->attrs.conv_transpose.act
         : op->kind == OP_fully_connected  ? op->attrs.dense.act
                                           : op->attrs.conv.act;
}

/* Terms that are 0 change no sum. */
static void float_output(const Linear *l, const Channel *x, int64_t o,
                         Channel *y) {
  Bounds s = bias_bounds(l, o);
  for (int64_t tap = 0; tap < l->taps; tap++)
    for (int64_t i = 0; i < l->inputs; i++) {
      float w = (float)linear_float(l, linear_at(l, o, tap, i));
      if (w != 0)
        add_float_term(l, &x[linear_channel(l, o, i)], w, &s);
    }
  Act act = act_of(l->op);
  channel_range(l->op->out[0]->type, y, (double)eval_act(act, s.lo),
                (double)eval_act(act, s.hi));
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

/* Are `span` channels from k on? */
static bool are_constant(const Channels *x, int64_t k, int64_t span) {
  for (int64_t n = 0; n < span; n++)
    if (!x->v[k + n].constant)
      return false;
  return true;
}

/* Are all of the operands' channels that go into channel j constants? */
static bool comes_from_constants(const Prune *p, const Op *op, int o,
                                 int64_t j) {
  for (int i = 0; i < op->nin; i++) {
    if (!op->in[i] || op->in[i]->init)
      continue;
    const Channels *x = channels_of(p, op->in[i]);
    int64_t k = channel_pair(p, op, i, o, j);
    if (channels_spread(p, op, i)
            ? !is_constant(x)
            : k >= 0 && !are_constant(x, k, channel_span(p, op)))
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
  channel_constant(t, &y->v[j], bits);
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

/* ----------------------------------------------------------------------- */

void prune_facts(Prune *p) {
  for (const Op *op = p->g->first; op; op = op->next) {
    Linear l;
    if (linear_of(p, op, &l)) {
      linear_facts(p, &l);
    } else if (channels_pair(p, op)) {
      prune_range_facts(p, op);
      pair_facts(p, op);
    }
  }
}
