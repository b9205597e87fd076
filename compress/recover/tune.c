/* The steps that go from layer to layer: round, refine, bias, bn.
 *
 * A float twin of the graph is walked (walk.h). When all that a layer reads is
 * known, its weights and biases are chosen and put into the graph and the twin,
 * so that the layers behind see what it will make. Layers that share their
 * weights, as the steps of a recurrent network do, are done when the last of
 * them comes: the weights over what all of them read, each bias over what those
 * read that have it. */
#include "compress/recover/round.h"
#include "compress/recover/step.h"
#include "compress/recover/stored.h"

Walk *fit_walk(const Fit *fit, Graph *g) {
  return walk_new(g, fit->engine, fit->feed, fit->sample, fit->n);
}

const float *fit_input(void *ctx, int64_t i) {
  const FitInput *in = ctx;
  return walk_value(in->walk, in->v, i);
}

/* ---- the float model ---- */

static Model model_of(Arena *a, const Fit *fit, const Walk *w, const Layer *l) {
  FitInput in = {w, l->op->in[0]};
  Model m = {.l = *l, .w = layer_weights(a, l)};
  m.b = layer_biases(a, l, &m.biases);
  m.mean = means_of(a, l, fit_input, &in, fit->n).mean;
  m.out = outputs_of(a, l, m.w, fit_input, &in, fit->n);
  return m;
}

bool models_of(Arena *a, const Fit *fit, Graph *f, Models *out) {
  Layers layers = layers_of(a, f);
  Walk *w = fit_walk(fit, f);
  bool ok = true;
  *out = (Models){.f = f};
  for (int i = 0; i < layers.all.n && ok; i++) {
    ok = walk_to(w, layers.all.v[i].op);
    if (ok)
      ARRAY_PUSH(a, &out->all, model_of(a, fit, w, &layers.all.v[i]));
  }
  walk_free(w);
  return ok;
}

/* ---- layers that share their weights ---- */

/* All layers that have a weight. What each of them has for itself is what it
 * reads, and its bias. */
typedef struct Unit {
  const Value *weight;
  ARRAY(int) layers; /* their numbers, in order */
  Arena *arena;      /* while some are seen and not all */
  int seen;
  Moments moments; /* mean over the layers seen; those with products */
  double **mean;   /* (layers) [groups][k] of what it reads, over all rows */
} Unit;

typedef struct Tune {
  Arena *a;
  const Fit *fit;
  const Models *m;
  unsigned steps;
  Graph *g, *twin;
  Walk *walk;
  Walk *model; /* of the float model; NULL: it isn't looked at */
  Layers layers;
  Unit *unit; /* [layers] */
  int *which; /* (layers) unit of each */
  int changed;
} Tune;

static void find_units(Tune *t) {
  int n = 0;
  t->unit = ARENA_ARRAY(t->a, Unit, t->layers.all.n);
  t->which = ARENA_ARRAY(t->a, int, t->layers.all.n);
  for (int i = 0; i < t->layers.all.n; i++) {
    const Value *w = t->layers.all.v[i].weight;
    int u = 0;
    while (u < n && t->unit[u].weight != w)
      u++;
    n += u == n;
    t->unit[u].weight = w;
    ARRAY_PUSH(t->a, &t->unit[u].layers, i);
    t->which[i] = u;
  }
}

/* to becomes the mean of `seen` vectors, x the last of them. */
static void add_mean(double *to, const double *x, int64_t n, int seen) {
  for (int64_t i = 0; i < n; i++)
    to[i] += (x[i] - to[i]) / (double)seen;
}

static void add_moments(Unit *u, const Moments *m) {
  if (u->seen == 1) {
    u->moments = *m;
    return;
  }
  u->moments.rows += m->rows;
  for (int64_t i = 0; i < m->groups * m->nblock; i++) {
    int64_t n = m->block[i].n;
    add_mean(u->moments.block[i].gram, m->block[i].gram, n * n, u->seen);
    if (m->block[i].drift)
      add_mean(u->moments.block[i].drift, m->block[i].drift, n * n, u->seen);
  }
}

static bool rounds(const Tune *t, const Unit *u) {
  const Type *type = u->weight->type;
  return (t->steps & (TUNE_round | TUNE_refine)) && type->q;
}

/* What steps of a recurrence read is off by what the steps before them made
 * with the weights that are about to be chosen: that is not theirs to make
 * up for, it goes with these weights. */
static bool answers_for_drift(int sharers) { return sharers == 1; }

/* Takes in what layer i reads. */
static void see(Tune *t, Unit *u, int i, const Layer *twin) {
  FitInput in = {t->walk, twin->op->in[0]};
  FitInput model = {t->model, t->m->all.v[i].l.op->in[0]};
  if (!u->arena) {
    u->arena = arena_new();
    u->mean = ARENA_ARRAY(u->arena, double *, u->layers.n);
  }
  u->mean[u->seen++] = means_of(u->arena, twin, fit_input, &in, t->fit->n).mean;
  if (!rounds(t, u))
    return;
  bool drifts = t->model && answers_for_drift(u->layers.n);
  Moments seen = moments_of(u->arena, twin, fit_input, &in,
                            drifts ? &model : NULL, t->fit->n);
  add_moments(u, &seen);
}

/* ---- weights ---- */

/* What the biases are in units of, but for the weights' scales; 0: floats. */
static double bias_unit(const Layer *l) {
  const Type *x = layer_input_type(l);
  return l->bias && l->bias->type->q && x ? (double)x->q->scale[0] : 0;
}

/* Those of all layers that share them. */
static void round_weights(Tune *t, const Unit *u, Layer *l) {
  const Model *m = &t->m->all.v[u->layers.v[0]];
  Arena *a = t->g->arena;
  Rounded r = rounded_of(u->arena, l, &u->moments, m->w);
  if (t->steps & TUNE_round) {
    if (answers_for_drift(u->layers.n))
      rounded_retarget(u->arena, &r);
    rounded_fit_codebook(a, &r);
    if (u->layers.n == 1)
      rounded_fit_scales(a, &r, m->b, bias_unit(l));
    rounded_propagate(&r);
  }
  if (t->steps & TUNE_refine)
    rounded_descend(&r);
  layer_set_weight(l, r.t, stored_bytes(a, r.t, r.level));
}

/* ---- biases ---- */

/* Layers of a unit that have a bias in common, as the steps of a recurrence
 * do. */
typedef struct Sharers {
  ARRAY(Layer) layers;
  Model model;  /* of the first, with the mean over all */
  double *mean; /* [groups][k] of what they read, over all */
} Sharers;

/* The layers of a unit with the bias of its layer `first`, which are marked in
 * done[]. */
static Sharers find_sharers(Tune *t, const Unit *u, int first, bool *done) {
  Sharers s = {.model = t->m->all.v[u->layers.v[first]]};
  int64_t n = s.model.l.groups * s.model.l.k;
  double *model_mean = ARENA_ARRAY(u->arena, double, n);
  s.mean = ARENA_ARRAY(u->arena, double, n);
  for (int i = first; i < u->layers.n; i++) {
    Layer l;
    (void)layer_of(t->layers.all.v[u->layers.v[i]].op, &l);
    if (done[i] || (s.layers.n && s.layers.v[0].bias != l.bias))
      continue;
    done[i] = true;
    ARRAY_PUSH(u->arena, &s.layers, l);
    add_mean(s.mean, u->mean[i], n, s.layers.n);
    add_mean(model_mean, t->m->all.v[u->layers.v[i]].mean, n, s.layers.n);
  }
  s.model.mean = model_mean;
  if (!answers_for_drift(s.layers.n))
    s.mean = model_mean;
  return s;
}

/* The step bn, of weights that one layer has. */
static bool normalize(Tune *t, const Unit *u, Sharers *s) {
  Layer twin = layer_twin(t->twin, &s->layers.v[0]);
  FitInput in = {t->walk, twin.op->in[0]};
  const float *w = layer_weights(u->arena, &twin);
  Outputs out = outputs_of(u->arena, &twin, w, fit_input, &in, t->fit->n);
  return recover_norm(&s->model, &s->layers.v[0], &out);
}

/* Biases for weights that have changed, if `rounded`. */
static bool set_biases(Tune *t, const Unit *u, Sharers *s, bool rounded) {
  const Model *m = &s->model;
  Layer *l = &s->layers.v[0];
  bool changed = rounded;
  if (rounded && l->bias)
    layer_set_biases(l, m->b, m->biases);
  if (rounded)
    layer_update_twin(t->twin, l);
  if ((t->steps & TUNE_bn) && u->layers.n == 1) {
    changed |= normalize(t, u, s);
  } else if (t->steps & (TUNE_bias | TUNE_bn)) {
    Layer twin = layer_twin(t->twin, l);
    changed |= recover_bias(m, l, layer_weights(u->arena, &twin), s->mean);
  }
  for (int i = 1; changed && i < s->layers.n; i++)
    layer_share_bias(&s->layers.v[i], l);
  for (int i = 0; changed && i < s->layers.n; i++)
    layer_update_twin(t->twin, &s->layers.v[i]);
  return changed;
}

/* ---- one layer after the other ---- */

static void finish(Tune *t, const Unit *u) {
  bool *done = ARENA_ARRAY(u->arena, bool, u->layers.n);
  bool rounded = rounds(t, u);
  Layer l;
  (void)layer_of(t->layers.all.v[u->layers.v[0]].op, &l);
  if (rounded)
    round_weights(t, u, &l);
  for (int i = 0; i < u->layers.n; i++) {
    if (done[i])
      continue;
    Sharers s = find_sharers(t, u, i, done);
    if (set_biases(t, u, &s, rounded))
      t->changed += s.layers.n;
  }
}

static bool tune_layer(Tune *t, int i) {
  Unit *u = &t->unit[t->which[i]];
  Layer twin = layer_twin(t->twin, &t->layers.all.v[i]);
  if (!walk_to(t->walk, twin.op) ||
      (t->model && !walk_to(t->model, t->m->all.v[i].l.op)))
    return false;
  see(t, u, i, &twin);
  if (u->seen == u->layers.n) {
    finish(t, u);
    arena_free(u->arena);
    u->arena = NULL;
  }
  return true;
}

/* Has g the models' layers? */
static bool fits(const Tune *t) {
  bool ok = t->layers.all.n == t->m->all.n;
  for (int i = 0; ok && i < t->layers.all.n; i++) {
    const Layer *l = &t->layers.all.v[i], *f = &t->m->all.v[i].l;
    ok = l->op->kind == f->op->kind && l->outputs == f->outputs &&
         l->k == f->k && l->groups == f->groups;
  }
  return ok || diag_error(t->g->diag, E0901, (Loc){.file = t->g->file},
                          "the layers are not those of the float model");
}

bool recover_tune(const Fit *fit, const Models *m, Graph *g, unsigned steps,
                  int *changed) {
  Arena *a = arena_new();
  Tune t = {.a = a, .fit = fit, .m = m, .steps = steps, .g = g};
  t.layers = layers_of(a, g);
  t.twin = layer_float_twin(a, g);
  find_units(&t);
  bool ok = fits(&t);
  t.walk = fit_walk(fit, t.twin);
  if (steps & TUNE_round)
    t.model = fit_walk(fit, m->f);
  for (int i = 0; i < t.layers.all.n && ok; i++)
    ok = tune_layer(&t, i);
  for (int i = 0; i < t.layers.all.n; i++)
    if (t.unit[i].arena)
      arena_free(t.unit[i].arena);
  walk_free(t.walk);
  if (t.model)
    walk_free(t.model);
  *changed = t.changed;
  arena_free(a);
  return ok;
}
