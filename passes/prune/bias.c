/* Biases with what goes folded in. A removed channel of constants k added to
 * the sum of output o
 *
 *   sum over taps inside and removed i of (k[i] - zx) * w[o, tap, i]
 *
 * With no padding, or where padding looks like k, all taps count alike and one
 * bias takes it in:
 *
 *   bias'[o] = bias[o] + that
 *
 * Else, of floats, there is one bias for each border class of the output
 * (ir/border.h), whose outputs see the same taps inside. Integers are exact;
 * floats are summed up in double and rounded once, where the layer added them
 * one by one. */
#include "ir/border.h"
#include "ir/element.h"
#include "ir/requant.h"
#include "passes/prune/channels.h"

/* Is the channel of column i of output o folded? */
static const Channel *folded(const Prune *p, const Linear *l, int64_t o,
                             int64_t i) {
  int64_t c = linear_channel(l, o, i);
  const Channel *x = &channels_of(p, l->op->in[0])->v[c];
  return !x->keep && linear_verdicts(p, l)[c].fate == FATE_folded ? x : NULL;
}

static Value *make(const Prune *p, const Linear *l, const Type *t,
                   const void *data) {
  const Value *old = op_in(l->op, 2);
  return graph_const(
      p->g,
      old ? old->name
          : arena_printf(p->g->arena, "%s/bias", l->op->out[0]->name),
      t, data);
}

/* --- integers ------------------------------------------------------------ */

static int64_t folded_int(const Prune *p, const Linear *l, int64_t o) {
  int64_t sum = requant_bias(l->op, o);
  for (int64_t i = 0; i < l->inputs; i++) {
    const Channel *k = folded(p, l, o, i);
    for (int64_t t = 0; k && t < l->taps; t++)
      sum +=
          ((int64_t)k->lo - l->zero) * linear_int(l, o, linear_at(l, o, t, i));
  }
  return sum;
}

static const QuantParams *cut_quant(Arena *a, const QuantParams *q, int64_t n,
                                    const int64_t *at) {
  if (!q || q->axis < 0)
    return q;
  QuantParams *cut = arena_dup(a, q, sizeof *q);
  float *scale = ARENA_ARRAY(a, float, n);
  int32_t *zero = ARENA_ARRAY(a, int32_t, n);
  for (int64_t i = 0; i < n; i++) {
    scale[i] = q->scale[at[i]];
    zero[i] = q->zero_point[at[i]];
  }
  cut->nscale = (int)n;
  cut->scale = scale;
  cut->zero_point = zero;
  return cut;
}

static Value *int_bias(const Prune *p, const Linear *l, int64_t n,
                       const int64_t *at) {
  const Value *old = op_in(l->op, 2);
  Arena *a = p->g->arena;
  int32_t *data = ARENA_ARRAY(a, int32_t, n);
  bool any = old != NULL;
  for (int64_t k = 0; k < n; k++) {
    data[k] = (int32_t)(l->depthwise ? requant_bias(l->op, at[k])
                                     : folded_int(p, l, at[k]));
    any |= data[k] != 0;
  }
  const QuantParams *q = old ? cut_quant(a, old->type->q, n, at) : NULL;
  return any ? make(p, l, type_new(a, DT_i32, 1, &n, q), data) : NULL;
}

/* --- floats -------------------------------------------------------------- */

/* Does more than zeros go into the biases? Into those of an integer layer that
 * are floats nothing does. */
static bool folds_any(const Prune *p, const Linear *l) {
  if (!dtype_is_float(l->x->dtype))
    return false;
  const Channels *x = channels_of(p, l->op->in[0]);
  const Verdict *v = l->depthwise ? NULL : linear_verdicts(p, l);
  for (int64_t c = 0; v && c < x->n; c++)
    if (!x->v[c].keep && v[c].fate == FATE_folded &&
        element_to_double(l->x->dtype, x->v[c].bits) != 0)
      return true;
  return false;
}

/* What is folded into the bias of output o at that place. */
static double folded_float(const Prune *p, const Linear *l, int64_t o,
                           int64_t oy, int64_t ox) {
  double sum = 0;
  for (int64_t i = 0; i < l->inputs; i++) {
    const Channel *k = folded(p, l, o, i);
    for (int64_t t = 0; k && t < l->taps; t++)
      if (!l->pads || border_sees(l->op, t, oy, ox))
        sum += element_to_double(l->x->dtype, k->bits) *
               linear_float(l, linear_at(l, o, t, i));
  }
  return sum;
}

/* The classes, of what has no border: one. */
static Border classes_of(const Linear *l, bool border) {
  Border b = {.y.outputs = 1, .x.outputs = 1};
  if (border)
    (void)border_of(l->op, &b);
  return b;
}

static Value *float_bias(const Prune *p, const Linear *l, int64_t n,
                         const int64_t *at) {
  const Value *old = op_in(l->op, 2);
  bool folds = folds_any(p, l), had = border_is_bias(l->op);
  bool border = had || (folds && l->pads);
  Border b = classes_of(l, border);
  int64_t dim[] = {border_classes(&b.y), border_classes(&b.x), n};
  if (!old && !folds)
    return NULL;
  Arena *a = p->g->arena;
  float *data = ARENA_ARRAY(a, float, dim[0] * dim[1] * n), *next = data;
  for (int64_t c = 0; c < dim[0] * dim[1]; c++)
    for (int64_t k = 0; k < n; k++) {
      const float *was = old ? old->init->data : NULL;
      float bias = was ? was[(had ? c * l->outputs : 0) + at[k]] : 0;
      double more =
          folds ? folded_float(p, l, at[k], border_output(&b.y, c / dim[1]),
                               border_output(&b.x, c % dim[1]))
                : 0;
      *next++ = more != 0 ? (float)((double)bias + more) : bias;
    }
  return make(p, l,
              border ? type_new(a, DT_f32, 3, dim, NULL)
                     : type_new(a, DT_f32, 1, &n, NULL),
              data);
}

Value *prune_bias(const Prune *p, const Linear *l, int64_t n,
                  const int64_t *at) {
  const Value *old = op_in(l->op, 2);
  bool real = dtype_is_float(old ? old->type->dtype : l->x->dtype);
  return real ? float_bias(p, l, n, at) : int_bias(p, l, n, at);
}
