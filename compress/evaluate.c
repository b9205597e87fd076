/* See evaluate.h. */
#include "compress/evaluate.h"

#include "ir/element.h"
#include "support/clock.h"

static const Type *output_type(const Evaluation *e) {
  return e->g->outputs.v[e->output]->type;
}

int64_t evaluation_outputs(const Evaluation *e) {
  return type_count(output_type(e));
}

/* ---- running ---- */

/* What is done with each sample's outputs. */
typedef void Visit(void *ctx, int64_t sample, const double *out);

static void to_reals(const Type *t, const void *data, double *out) {
  double scale = (double)type_scale(t), zero = type_zero_point(t);
  for (int64_t i = 0; i < type_count(t); i++)
    out[i] = scale * (element_real(t->dtype, data, i) - zero);
}

static bool run_samples(const Evaluation *e, Arena *a, Executor *x,
                        Visit *visit, void *ctx, RunTime *time) {
  void **in = exec_buffers(a, e->g->inputs.v, e->g->inputs.n);
  void **out = exec_buffers(a, e->g->outputs.v, e->g->outputs.n);
  const void **from = ARENA_ARRAY(a, const void *, e->g->inputs.n);
  double *reals = ARENA_ARRAY(a, double, evaluation_outputs(e));
  for (int i = 0; i < e->g->inputs.n; i++)
    from[i] = in[i];
  for (int64_t s = 0; s < e->feed->samples; s++) {
    feed_sample(e->feed, s, in);
    x->reset(x);
    double start = clock_seconds();
    if (!x->run(x, from, out))
      return false;
    time->seconds += clock_seconds() - start;
    to_reals(output_type(e), out[e->output], reals);
    visit(ctx, s, reals);
    if (e->progress)
      e->progress(e->ctx, s + 1, e->feed->samples);
  }
  return true;
}

static bool run_all(const Evaluation *e, Visit *visit, void *ctx,
                    RunTime *time) {
  Executor *x = e->engine->make(e->engine, e->g);
  if (!x)
    return false;
  Arena *scratch = arena_new();
  *time = (RunTime){.executor = x->name};
  bool ok = run_samples(e, scratch, x, visit, ctx, time);
  arena_free(scratch);
  x->free(x);
  return ok;
}

/* ---- measuring ---- */

typedef struct Measures {
  const Truth *truth;
  int64_t outputs;
  int n;
  Metric **metric; /* (n) */
} Measures;

static Measures measures_begin(Arena *a, const Truth *t, int64_t outputs,
                               const MetricSpec *metrics, int n) {
  Measures m = {t, outputs, n, ARENA_ARRAY(a, Metric *, n)};
  for (int i = 0; i < n; i++)
    m.metric[i] = metric_begin(a, metrics[i], outputs);
  return m;
}

static void measure(void *ctx, int64_t s, const double *out) {
  const Measures *m = ctx;
  const Truth *t = m->truth;
  for (int i = 0; i < m->n; i++)
    metric_add(m->metric[i], out, t->label ? t->label[s] : 0,
               t->want ? t->want + s * m->outputs : NULL);
}

static void measures_end(const Measures *m, Measured *out) {
  for (int i = 0; i < m->n; i++)
    out[i] = (Measured){metric_value(m->metric[i]), metric_hits(m->metric[i])};
}

bool evaluate(const Evaluation *e, const Truth *t, const MetricSpec *metrics,
              int n, Measured *out, RunTime *time) {
  RunTime unused;
  Arena *a = arena_new();
  Measures m = measures_begin(a, t, evaluation_outputs(e), metrics, n);
  bool ok = run_all(e, measure, &m, time ? time : &unused);
  if (ok)
    measures_end(&m, out);
  arena_free(a);
  return ok;
}

void evaluate_known(int64_t samples, int64_t outputs, const double *known,
                    const Truth *t, const MetricSpec *metrics, int n,
                    Measured *out) {
  Arena *a = arena_new();
  Measures m = measures_begin(a, t, outputs, metrics, n);
  for (int64_t s = 0; s < samples; s++)
    measure(&m, s, known + s * outputs);
  measures_end(&m, out);
  arena_free(a);
}

typedef struct Kept {
  double *out;
  int64_t outputs;
} Kept;

static void keep(void *ctx, int64_t s, const double *out) {
  const Kept *k = ctx;
  for (int64_t i = 0; i < k->outputs; i++)
    k->out[s * k->outputs + i] = out[i];
}

bool evaluate_outputs(const Evaluation *e, double *out) {
  RunTime unused;
  Kept k = {out, evaluation_outputs(e)};
  return run_all(e, keep, &k, &unused);
}

typedef struct Decisions {
  int64_t *of, outputs;
} Decisions;

static void decide(void *ctx, int64_t s, const double *out) {
  const Decisions *d = ctx;
  d->of[s] = metric_decision(out, d->outputs);
}

bool evaluate_decisions(const Evaluation *e, int64_t *out) {
  RunTime unused;
  Decisions d = {out, evaluation_outputs(e)};
  return run_all(e, decide, &d, &unused);
}
