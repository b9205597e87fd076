/* Layer by layer: the model with that one quantized and all else on floats
 * runs on a few samples, beside the float model. */
#include "compress/sensitivity.h"

#include <string.h>

#include "compress/quantize_roles.h"
#include "passes/pass.h"

/* The f32 outputs of all samples, one behind the other. */
typedef struct Record {
  float *v;
  int64_t n; /* of a sample */
} Record;

static int64_t count_outputs(const Graph *g) {
  int64_t n = 0;
  for (int i = 0; i < g->outputs.n; i++)
    if (g->outputs.v[i]->type->dtype == DT_f32)
      n += type_count(g->outputs.v[i]->type);
  return n;
}

static void keep(const Graph *g, void *const *out, float *to) {
  for (int i = 0; i < g->outputs.n; i++) {
    const Type *t = g->outputs.v[i]->type;
    if (t->dtype != DT_f32)
      continue;
    memcpy(to, out[i], (size_t)type_bytes(t));
    to += type_count(t);
  }
}

static bool run_all(Arena *a, const SensitivityScan *s, const Graph *g,
                    Record *r) {
  Executor *e = s->engine->make(s->engine, g);
  if (!e)
    return false;
  void **in = exec_buffers(a, g->inputs.v, g->inputs.n);
  void **out = exec_buffers(a, g->outputs.v, g->outputs.n);
  r->n = count_outputs(g);
  r->v = ARENA_ARRAY(a, float, r->n * s->samples);
  bool ok = true;
  for (int64_t k = 0; k < s->samples && ok; k++) {
    ok = feed_run(s->feed, k, e, in, out);
    keep(g, out, r->v + k * r->n);
  }
  e->free(e);
  return ok;
}

static double relative_error(const Record *want, const Record *got,
                             int64_t samples) {
  double error = 0, power = 0;
  for (int64_t i = 0; i < want->n * samples; i++) {
    double x = (double)want->v[i], d = (double)got->v[i] - x;
    error += d * d;
    power += x * x;
  }
  return power > 0 ? error / power : error;
}

static bool measure(const SensitivityScan *s, const Op *op, const Record *want,
                    double *error) {
  Arena *scratch = arena_new();
  Scheme alone = {.base = {WEIGHTS_f32, ACTIVATIONS_f32, .per_tensor = false},
                  .rule = s->scheme->rule};
  SchemeRow row = {op->out[0]->name, *scheme_of(s->scheme, op)};
  ARRAY_PUSH(scratch, &alone.rows, row);
  Graph *g = quantize_graph(scratch, s->f, &alone, s->ranges, NULL);
  Record got;
  bool ok = g && passes_run(g, &(PassOptions){0}, NULL) &&
            run_all(scratch, s, g, &got);
  if (ok)
    *error = relative_error(want, &got, s->samples);
  arena_free(scratch);
  return ok;
}

/* Of equal ones the first stays the first. */
static void sort_worst_first(LayerErrors *e) {
  for (int i = 1; i < e->n; i++)
    for (int k = i; k > 0 && e->v[k].error > e->v[k - 1].error; k--) {
      LayerError t = e->v[k];
      e->v[k] = e->v[k - 1];
      e->v[k - 1] = t;
    }
}

int64_t sensitivity_layers(const Graph *f) {
  int64_t n = 0;
  for (const Op *op = f->first; op; op = op->next)
    n += op_weights(op) >= 0;
  return n;
}

bool sensitivity_scan(Arena *a, const SensitivityScan *s, LayerErrors *out) {
  Arena *scratch = arena_new();
  Record want;
  bool ok = run_all(scratch, s, s->f, &want);
  int64_t layers = sensitivity_layers(s->f), done = 0;
  for (const Op *op = s->f->first; op && ok; op = op->next) {
    LayerError e = {.layer = op->out[0]->name};
    if (op_weights(op) < 0)
      continue;
    ok = measure(s, op, &want, &e.error);
    ARRAY_PUSH(a, out, e);
    if (s->step)
      s->step(s->ctx, ++done, layers);
  }
  sort_worst_first(out);
  arena_free(scratch);
  return ok;
}

static bool is_narrow(WeightForm w) {
  return w == WEIGHTS_i4 || w == WEIGHTS_code4 || w == WEIGHTS_code16;
}

static LayerScheme with_more_bits(const LayerScheme *s) {
  LayerScheme wide = *s;
  if (is_narrow(wide.weights))
    wide.weights = WEIGHTS_i8;
  else
    wide.activations = ACTIVATIONS_i16;
  return wide;
}

static const Op *layer_of(const Graph *f, const LayerErrors *errors, int i) {
  return graph_find(f, errors->v[i].layer)->def;
}

static void set_layer(Arena *a, Scheme *s, const Op *op, LayerScheme scheme) {
  SchemeRow row = {op->out[0]->name, scheme};
  ARRAY_PUSH(a, &s->rows, row);
}

void scheme_spare(Arena *a, Scheme *s, const Graph *f,
                  const LayerErrors *errors, int64_t n) {
  for (int i = 0; i < errors->n && i < n; i++) {
    const Op *op = layer_of(f, errors, i);
    set_layer(a, s, op, with_more_bits(scheme_of(s, op)));
  }
}

void scheme_mix(Arena *a, Scheme *s, const Scheme *wide, const Graph *f,
                const LayerErrors *errors, int64_t n) {
  for (int i = 0; i < errors->n && i < n; i++) {
    const Op *op = layer_of(f, errors, i);
    set_layer(a, s, op, *scheme_of(wide, op));
  }
}
