/* First order: how far the model's outputs move when a unit is scaled down a
 * little, the mean of its square over samples: the Fisher information of the
 * unit's scale for outputs of unit variance, without labels. Molchanov et al.,
 * "Importance Estimation for Neural Network Pruning", 2019, take it from
 * back-propagation; here it is a finite difference. One clone of the graph
 * multiplies what each layer makes by a scale for each channel, and the scales
 * are inputs. */
#include "compress/prune/score.h"

#define STEP 0.0625f

enum { RUNS_MOST = 16384, SAMPLES_LEAST = 2, SAMPLES_MOST = 64 };

typedef struct Scaled {
  Pruner *p;
  Graph *g;
  Executor *x;
  float **scale; /* (layers) of outputs; NULL: nothing of it may go */
  void **in, **out;
  double *base; /* (all outputs' elements) */
} Scaled;

static bool makes_units(const Pruner *p, int layer) {
  for (int k = 0; k < p->groups.n; k++)
    for (int i = 0; i < p->groups.v[k].makers.n; i++)
      if (p->groups.v[k].makers.v[i] == layer)
        return true;
  return false;
}

/* y becomes y * scale. */
static void scale_layer(Scaled *s, int layer) {
  const Layer *l = &s->p->layers.v[layer];
  Arena *a = s->g->arena;
  Value *y = graph_find(s->g, l->name);
  const Type *t = type_new(a, DT_f32, 1, &l->tied->outputs, NULL);
  Value *in[] = {y, graph_input(s->g, "scale", t)};
  Attrs attrs = attrs_default(OP_mul);
  Op *op = graph_op(s->g, y->def->next, OP_mul, &attrs, 2, in, 1, &y->type,
                    NULL, (Loc){0});
  graph_replace_uses(s->g, y, op->out[0]);
  op_set_input(op, 0, y);
}

static void make_buffers(Scaled *s) {
  Arena *a = s->p->arena;
  const Graph *g = s->g;
  int64_t all = 0;
  s->in = ARENA_ARRAY(a, void *, g->inputs.n);
  s->out = ARENA_ARRAY(a, void *, g->outputs.n);
  for (int i = 0; i < g->inputs.n; i++)
    s->in[i] = arena_alloc(a, (size_t)type_bytes(g->inputs.v[i]->type));
  for (int i = 0; i < g->outputs.n; i++) {
    s->out[i] = arena_alloc(a, (size_t)type_bytes(g->outputs.v[i]->type));
    all += type_count(g->outputs.v[i]->type);
  }
  s->base = ARENA_ARRAY(a, double, all);
}

static bool open_scaled(Scaled *s) {
  Pruner *p = s->p;
  s->g = graph_clone(p->arena, p->g);
  s->scale = ARENA_ARRAY(p->arena, float *, p->layers.n);
  int next = s->g->inputs.n;
  for (int i = 0; i < p->layers.n; i++)
    if (makes_units(p, i))
      scale_layer(s, i);
  make_buffers(s);
  for (int i = 0; i < p->layers.n; i++) {
    s->scale[i] = makes_units(p, i) ? s->in[next++] : NULL;
    for (int64_t o = 0; s->scale[i] && o < p->layers.v[i].tied->outputs; o++)
      s->scale[i][o] = 1;
  }
  s->x = p->engine->make(p->engine, s->g);
  return s->x != NULL;
}

static void set_scale(Scaled *s, const Unit *u, float scale) {
  for (int i = 0; i < u->outputs.n; i++)
    s->scale[u->outputs.v[i].layer][u->outputs.v[i].i] = scale;
}

static bool run(Scaled *s) {
  s->x->reset(s->x);
  return s->x->run(s->x, (const void *const *)s->in, s->out);
}

/* Keeps the outputs as `base`, or gives their squared distance from it. */
static double compare(Scaled *s, bool keep) {
  double sum = 0, *base = s->base;
  for (int i = 0; i < s->g->outputs.n; i++) {
    const Type *t = s->g->outputs.v[i]->type;
    const float *y = s->out[i];
    for (int64_t k = 0; t->dtype == DT_f32 && k < type_count(t); k++, base++) {
      double d = (double)y[k] - *base;
      sum += d * d;
      if (keep)
        *base = (double)y[k];
    }
  }
  return sum;
}

static bool add_sample(Scaled *s, int64_t sample) {
  Pruner *p = s->p;
  feed_sample(p->feed, sample, s->in);
  if (!run(s))
    return false;
  compare(s, true);
  for (int k = 0; k < p->units.n; k++) {
    Unit *u = &p->units.v[k];
    set_scale(s, u, 1 - STEP);
    if (!run(s))
      return false;
    u->worth += compare(s, false) / (double)(STEP * STEP);
    set_scale(s, u, 1);
  }
  return true;
}

static int64_t sample_count(const Pruner *p) {
  int64_t n = RUNS_MOST / (p->units.n + 1);
  n = n < SAMPLES_LEAST ? SAMPLES_LEAST : n > SAMPLES_MOST ? SAMPLES_MOST : n;
  return n < p->feed->samples ? n : p->feed->samples;
}

bool prune_score_taylor(Pruner *p) {
  Scaled s = {.p = p};
  bool ok = open_scaled(&s);
  int64_t n = sample_count(p);
  for (int i = 0; i < p->units.n; i++)
    p->units.v[i].worth = 0;
  for (int64_t i = 0; ok && i < n; i++)
    ok = add_sample(&s, i * p->feed->samples / n);
  if (s.x)
    s.x->free(s.x);
  return ok;
}
