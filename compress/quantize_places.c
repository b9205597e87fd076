/* The values that are stored as integers, their places: what integer
 * operators make and read. Behind an operator that only moves elements there
 * is none: its operand's serves both. What is joined shares one range.
 *
 * The padding of a convolution, which is real 0, needs no mention: 0 is
 * representable everywhere (compress/range.h). */
#include "compress/quantize_places.h"

#include <math.h>

#include "compress/quantize_ties.h"
#include "compress/quantize_weights.h"

static bool is_data(const Value *v) {
  return v && !v->init && v->type->dtype == DT_f32;
}

static const LayerScheme *layer_of(const Places *p, const Op *op) {
  return p->roles->layer[op->index];
}

static bool computes_integers(const Places *p, const Op *op) {
  return role_is_integer(role_of(p->roles, op));
}

void place_roots(const Places *p, Value *v, Values *out) {
  if (!is_data(v))
    return;
  Role role = role_of(p->roles, v->def);
  if (role == ROLE_inner) {
    place_roots(p, p->roles->source[v->id], out);
  } else if (role == ROLE_move) {
    for (int i = 0; i < v->def->nin; i++)
      place_roots(p, v->def->in[i], out);
  } else {
    ARRAY_PUSH(p->scratch, out, v);
  }
}

const Place *place_at(const Places *p, const Value *v) {
  return v->id < p->n && p->at[v->id].used ? &p->at[v->id] : NULL;
}

static void use(Places *p, const Value *v, const LayerScheme *s, bool whole) {
  Place *at = &p->at[v->id];
  if (!at->used)
    *at = (Place){.used = true, .scheme = s, .whole = whole};
}

static void use_result(Places *p, const Op *op) {
  for (int i = 0; i < op->nout; i++)
    if (!value_is_inner(p->roles, op->out[i]))
      use(p, op->out[i], layer_of(p, op), true);
}

static void use_operands(Places *p, const Op *op) {
  for (int i = 0; i < op->nin; i++) {
    Values roots = {0};
    if (op->in[i] && !value_is_clamped(p->roles, op->in[i]))
      place_roots(p, op->in[i], &roots);
    for (int k = 0; k < roots.n; k++)
      use(p, roots.v[k], layer_of(p, op), false);
  }
}

static const LayerScheme *scheme_at(const Places *p, Value *v) {
  Values roots = {0};
  place_roots(p, v, &roots);
  const Place *at = roots.n == 1 ? place_at(p, roots.v[0]) : NULL;
  return at ? at->scheme : NULL;
}

/* What a softmax gives out is stored as what it was made of is. */
static void use_output(Places *p, Value *output) {
  Values roots = {0};
  place_roots(p, output, &roots);
  Op *op = roots.n == 1 ? roots.v[0]->def : NULL;
  const LayerScheme *s =
      op && op->kind == OP_softmax ? scheme_at(p, op->in[0]) : NULL;
  if (s)
    use(p, roots.v[0], s, true);
}

/* Results first: who makes a value has the say about its type. */
static void use_all(Places *p) {
  for (Op *op = p->g->first; op; op = op->next)
    if (computes_integers(p, op))
      use_result(p, op);
  for (Op *op = p->g->first; op; op = op->next)
    if (computes_integers(p, op))
      use_operands(p, op);
  for (int i = 0; i < p->g->outputs.n; i++)
    use_output(p, p->g->outputs.v[i]);
}

/* ---- ranges ---- */

static Range range_union(Range a, Range b) {
  return (Range){fminf(a.lo, b.lo), fmaxf(a.hi, b.hi)};
}

static Range calibrated(Places *p, const Value *v, const LayerScheme *s) {
  const TensorStats *t =
      p->ranges ? calibration_find(p->ranges, v->name) : NULL;
  QuantForm form = activation_form(s);
  if (t)
    return calibration_range(t, &p->scheme->rule, &form);
  p->ok = diag_error(p->g->diag, E0701, (Loc){.file = p->g->file},
                     "the calibration has no tensor '%s'", v->name);
  return (Range){0, 1};
}

/* The range of a function that is known: all of it is representable, and the
 * scale a power of two. */
static bool known_range(const Op *op, DType t, Range *r) {
  float below = 1 - ldexpf(1, t == DT_i16 ? -15 : -8);
  if (!op)
    return false;
  switch ((int)op->kind) {
  case OP_softmax:
  case OP_logistic:
    *r = (Range){0, below};
    return true;
  case OP_tanh:
    *r = t == DT_i16 ? (Range){-below, below} : (Range){-1, 1 - ldexpf(1, -7)};
    return true;
  }
  return false;
}

Range place_range(Places *p, const Value *v, const LayerScheme *s) {
  Range r;
  bool known = known_range(v->def, activation_dtype(s->activations), &r);
  return known ? r : calibrated(p, v, s);
}

const QuantParams *place_read(Places *p, Value *v, const LayerScheme *s,
                              bool *own) {
  Values roots = {0};
  place_roots(p, v, &roots);
  const Place *first = roots.n ? place_at(p, roots.v[0]) : NULL;
  *own = first != NULL;
  for (int k = 0; k < roots.n; k++) {
    const Place *at = place_at(p, roots.v[k]);
    *own = *own && at && at->scheme->activations == s->activations &&
           quant_equal(at->q, first->q);
  }
  if (*own)
    return first->q;
  const Value *from = roots.n == 1 ? roots.v[0] : v;
  return activation_quant(p->g->arena, place_range(p, from, s), s);
}

static Place *leader(Place *at) {
  while (at->shares)
    at = at->shares;
  return at;
}

/* Can all that is joined have one type? */
static bool are_alike(const Places *p, const Values *roots) {
  const Place *first = roots->n ? &p->at[roots->v[0]->id] : NULL;
  for (int i = 0; i < roots->n; i++) {
    const Place *at = &p->at[roots->v[i]->id];
    if (!at->used || at->scheme->activations != first->scheme->activations)
      return false;
  }
  return first != NULL;
}

/* Gives `at` the range of `with` too. */
static void unite(Place *at, Place *with) {
  if (at == with)
    return;
  with->shares = at;
  if (with->joined)
    at->range = at->joined ? range_union(at->range, with->range) : with->range;
  at->joined |= with->joined;
}

/* What `concat` joins has one scale, for the range of the whole. */
static void join(Places *p, const Op *concat) {
  Values roots = {0};
  place_roots(p, concat->out[0], &roots);
  if (!are_alike(p, &roots))
    return;
  Place *at = leader(&p->at[roots.v[0]->id]);
  for (int i = 1; i < roots.n; i++)
    unite(at, leader(&p->at[roots.v[i]->id]));
  Range whole = calibrated(p, concat->out[0], at->scheme);
  at->range = at->joined ? range_union(at->range, whole) : whole;
  at->joined = true;
}

static void set_params(Places *p, const Value *v) {
  Place *at = &p->at[v->id], *from = leader(at);
  if (!at->used)
    return;
  if (!from->joined)
    at->q = activation_quant(p->g->arena, place_range(p, v, at->scheme),
                             at->scheme);
  else
    at->q = activation_quant(p->g->arena, from->range, from->scheme);
}

bool places_find(Arena *scratch, Graph *g, const Scheme *s,
                 const Calibration *c, const Roles *r, Places *out) {
  *out = (Places){.scratch = scratch,
                  .g = g,
                  .scheme = s,
                  .ranges = c,
                  .roles = r,
                  .n = g->values.n,
                  .at = ARENA_ARRAY(scratch, Place, g->values.n),
                  .ok = true};
  use_all(out);
  for (const Op *op = g->first; op; op = op->next)
    if (op->kind == OP_concat && role_of(r, op) == ROLE_move)
      join(out, op);
  for (int i = 0; i < out->n; i++)
    if (g->values.v[i])
      set_params(out, g->values.v[i]);
  if (out->ok)
    ties_settle(out);
  return out->ok;
}
