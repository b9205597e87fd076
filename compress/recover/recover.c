/* See recover.h. A list of steps is run as it stands, in the order of the
 * table; "auto" tries one step after the other on top of those that were kept
 * and keeps what makes the outputs' error on samples that no step saw smaller.
 *
 * Steps on floats come first, and the graph is quantized again behind each;
 * those on integers all share one walk over the layers. */
#include "compress/recover/recover.h"

#include <math.h>
#include <string.h>

#include "compress/recover/step.h"
#include "compress/recover/stored.h"

enum { HELD_OUT = 4, MOST_SAMPLES = 512, MOST_MEASURED = 128 };

static const int64_t default_memory = (int64_t)384 << 20;

typedef struct Step {
  RecoveryStep step;
  bool (*on_floats)(const Fit *fit, Graph *g, int *changed);
  unsigned tune;
} Step;

/* clang-format off */
static const Step steps[] = {
    {{"equalize", "evens the ranges of channels between layers"},
     recover_equalize, 0},
    {{"absorb", "moves what channels have at least into the next layer's biases"},
     recover_absorb, 0},
    {{"bias", "takes the mean error of each channel back by its bias"},
     NULL, TUNE_bias},
    {{"round", "chooses scales, and how weights are rounded, by what layers read"},
     NULL, TUNE_round},
    {{"refine", "moves single weights up or down"},
     NULL, TUNE_refine},
    {{"bn", "gives each channel its mean and its spread again"},
     NULL, TUNE_bn},
};
/* clang-format on */
enum { STEPS = sizeof steps / sizeof *steps };

const RecoveryStep *recover_step(int i) {
  return i < STEPS ? &steps[i].step : NULL;
}

/* ---- lists ---- */

static bool name_is(const char *name, const char *from, size_t n) {
  return strlen(name) == n && memcmp(name, from, n) == 0;
}

static bool set_step(const char *name, size_t n, bool *asked) {
  for (int i = 0; i < STEPS; i++)
    if (name_is(steps[i].step.name, name, n)) {
      asked[i] = true;
      return true;
    }
  return false;
}

/* Which steps a list that is neither auto nor none asks for; *bad: the part
 * that is no step. */
static bool parse(const char *list, bool asked[STEPS], const char **bad) {
  for (const char *p = list;; p++) {
    size_t n = strcspn(p, ",");
    *bad = p;
    if (!set_step(p, n, asked))
      return false;
    p += n;
    if (!*p)
      return true;
  }
}

bool recover_check(Diag *d, const char *list) {
  bool asked[STEPS] = {false};
  const char *bad;
  if (!strcmp(list, "auto") || !strcmp(list, "none") ||
      parse(list, asked, &bad))
    return true;
  diag_error(d, E0001, (Loc){0}, "--recover: no step is called '%.*s'",
             (int)strcspn(bad, ","), bad);
  diag_hint(d, "auto, none, or any of equalize, absorb, bias, round, refine, "
               "bn, joined by commas");
  return false;
}

/* ---- the samples ---- */

/* What a run works on. */
typedef struct Run {
  Recovery *r;
  Fit fit;
  Fit measure;
  Graph *f;    /* the float graph with the steps that were kept */
  void **want; /* (outputs) what the float model makes of measure's */
} Run;

static int64_t largest_value(const Graph *f) {
  int64_t most = 0;
  for (int i = 0; i < f->values.n; i++) {
    const Value *v = f->values.v[i];
    int64_t own = v && !v->init ? type_bytes(v->type) : 0;
    most = own > most ? own : most;
  }
  return most;
}

static int64_t output_bytes(const Graph *f) {
  int64_t sum = 0;
  for (int i = 0; i < f->outputs.n; i++)
    sum += type_bytes(f->outputs.v[i]->type);
  return sum;
}

/* As many samples of so many bytes as `wanted`, fewer where they would take
 * more memory than they may, but one. */
static int64_t affordable(const Run *u, int64_t wanted, int64_t bytes) {
  int64_t memory = u->r->memory > 0 ? u->r->memory : default_memory;
  int64_t most = memory / (bytes > 0 ? bytes : 1);
  return most < 1 ? 1 : most < wanted ? most : wanted;
}

/* The samples fit.n and measure.n are for the steps, and for measuring. Steps
 * keep about three values at a time, measuring the outputs twice. */
static void divide_samples(Run *u, const Graph *f) {
  const Feed *feed = u->r->feed;
  int64_t most = affordable(u, MOST_SAMPLES, 3 * largest_value(f)), s[2] = {0};
  int64_t measured = affordable(u, MOST_MEASURED, 2 * output_bytes(f));
  int64_t *fit = ARENA_ARRAY(u->r->arena, int64_t, feed->samples);
  int64_t *measure = ARENA_ARRAY(u->r->arena, int64_t, feed->samples);
  for (int64_t i = 0; i < feed->samples; i++) {
    bool is_held_out = i % HELD_OUT == HELD_OUT - 1;
    if (!is_held_out && s[0] < most)
      fit[s[0]++] = i;
    else if (is_held_out && s[1] < measured)
      measure[s[1]++] = i;
  }
  u->fit = (Fit){u->r->engine, feed, fit, s[0]};
  u->measure = (Fit){u->r->engine, feed, measure, s[1]};
  if (!s[1])
    u->measure =
        (Fit){u->r->engine, feed, fit, s[0] < measured ? s[0] : measured};
}

/* ---- measuring ---- */

static void add_error(const Type *t, const void *want, const void *got,
                      double *off, double *all) {
  Arena *a = arena_new();
  const float *x = stored_reals(a, t, want), *y = stored_reals(a, t, got);
  for (int64_t i = 0; i < type_count(t); i++) {
    double d = (double)y[i] - (double)x[i];
    *off += d * d;
    *all += (double)x[i] * (double)x[i];
  }
  arena_free(a);
}

static bool is_measured(const Value *v) {
  return dtype_is_float(v->type->dtype) || v->type->q;
}

/* Runs g on all samples that are for measuring; out[i] gets those of output
 * i, one behind the other. */
static bool run_all(const Run *u, const Graph *g, void *const *out) {
  Executor *x = u->r->engine->make(u->r->engine, g);
  if (!x)
    return false;
  Arena *a = arena_new();
  void **in = exec_buffers(a, g->inputs.v, g->inputs.n);
  void **to = ARENA_ARRAY(a, void *, g->outputs.n);
  bool ok = true;
  for (int64_t s = 0; s < u->measure.n && ok; s++) {
    for (int i = 0; i < g->outputs.n; i++)
      to[i] = (char *)out[i] + s * type_bytes(g->outputs.v[i]->type);
    ok = feed_run(u->measure.feed, u->measure.sample[s], x, in, to);
  }
  x->free(x);
  arena_free(a);
  return ok;
}

static void **output_room(Arena *a, const Run *u, const Graph *g) {
  void **out = ARENA_ARRAY(a, void *, g->outputs.n);
  for (int i = 0; i < g->outputs.n; i++)
    out[i] = arena_alloc(
        a, (size_t)(u->measure.n * type_bytes(g->outputs.v[i]->type)));
  return out;
}

/* The error of the quantized graph q; negative: it does not run. */
static double error_of(const Run *u, const Graph *q) {
  Arena *a = arena_new();
  const Graph *twin = layer_float_twin(a, q);
  void **got = output_room(a, u, twin);
  double off = 0, all = 0;
  bool ok = run_all(u, twin, got);
  for (int i = 0; i < q->outputs.n && ok; i++) {
    const Type *t = q->outputs.v[i]->type;
    for (int64_t s = 0; s < u->measure.n && is_measured(q->outputs.v[i]); s++)
      add_error(t, (char *)u->want[i] + s * type_bytes(t),
                (char *)got[i] + s * type_bytes(t), &off, &all);
  }
  arena_free(a);
  return !ok ? -1 : all > 0 ? off / all : off;
}

/* ---- running ---- */

static RecoveryNote *note(Run *u, const Step *s, double before) {
  RecoveryNote n = {.step = s->step.name, .before = before};
  ARRAY_PUSH(u->r->arena, &u->r->notes, n);
  return &u->r->notes.v[u->r->notes.n - 1];
}

/* Does the step help enough to be kept? */
static bool helps(const RecoveryNote *n, bool is_auto) {
  return !is_auto || n->after < n->before * 0.999;
}

/* Steps before quantizing; *q and *error are the graph quantized with those
 * that were kept. */
static bool run_on_floats(Run *u, const bool *asked, bool is_auto, Graph **q,
                          double *error) {
  for (int i = 0; i < STEPS; i++) {
    int changed = 0;
    if (!asked[i] || !steps[i].on_floats)
      continue;
    Graph *f = graph_clone(u->r->arena, u->f);
    if (!steps[i].on_floats(&u->fit, f, &changed))
      return false;
    Graph *made = changed ? u->r->quantize(u->r->ctx, f) : *q;
    RecoveryNote *n = note(u, &steps[i], *error);
    n->changed = changed;
    n->after = made ? error_of(u, made) : -1;
    if (n->after < 0)
      return false;
    n->kept = changed && helps(n, is_auto);
    if (!n->kept)
      continue;
    u->f = f;
    *q = made;
    *error = n->after;
  }
  return true;
}

/* Tunes a copy of the graph q with the steps; NULL: errors reported. */
static Graph *tuned(Run *u, const Models *m, const Graph *q, unsigned with,
                    RecoveryNote *n) {
  Graph *made = graph_clone(u->r->arena, q);
  if (!recover_tune(&u->fit, m, made, with, &n->changed))
    return NULL;
  n->after = error_of(u, made);
  return n->after < 0 ? NULL : made;
}

/* Those of a list, all in one walk. */
static Graph *run_tuning(Run *u, const bool *asked, const Models *m, Graph *q,
                         double error) {
  unsigned with = 0;
  int first = u->r->notes.n;
  for (int i = 0; i < STEPS; i++)
    if (asked[i] && steps[i].tune) {
      with |= steps[i].tune;
      note(u, &steps[i], error)->kept = true;
    }
  Graph *made = with ? tuned(u, m, q, with, &u->r->notes.v[first]) : q;
  for (int i = first; made && i < u->r->notes.n; i++) {
    u->r->notes.v[i].changed = u->r->notes.v[first].changed;
    u->r->notes.v[i].after = u->r->notes.v[first].after;
  }
  return made;
}

/* One after the other, on top of those that were kept. */
static Graph *try_tuning(Run *u, const Models *m, Graph *q, double error) {
  Graph *best = q;
  unsigned with = 0;
  for (int i = 0; i < STEPS; i++) {
    if (!steps[i].tune)
      continue;
    RecoveryNote *n = note(u, &steps[i], error);
    Graph *made = tuned(u, m, q, with | steps[i].tune, n);
    if (!made)
      return NULL;
    n->kept = n->changed && helps(n, true);
    if (!n->kept)
      continue;
    with |= steps[i].tune;
    best = made;
    error = n->after;
  }
  return best;
}

static bool check_graph(const Recovery *r, const Graph *f) {
  Loc loc = {.file = f->file};
  if (f->states.n)
    return diag_error(f->diag, E0302, loc,
                      "recovery is for models without state");
  return r->feed->samples > 0 ||
         diag_error(f->diag, E0701, loc, "recovery needs samples");
}

static Graph *run_steps(Run *u, const bool *asked, bool is_auto) {
  Graph *q = u->r->quantize(u->r->ctx, u->f);
  double error = q ? error_of(u, q) : -1;
  Models m;
  if (error < 0 || !run_on_floats(u, asked, is_auto, &q, &error) ||
      !models_of(u->r->arena, &u->fit, u->f, &m))
    return NULL;
  return is_auto ? try_tuning(u, &m, q, error)
                 : run_tuning(u, asked, &m, q, error);
}

Graph *recover_run(Recovery *r, const Graph *f, const char *list) {
  bool asked[STEPS] = {false}, is_auto = !strcmp(list, "auto");
  const char *bad;
  if (!strcmp(list, "none"))
    return r->quantize(r->ctx, f);
  if (!recover_check(f->diag, list) || !check_graph(r, f))
    return NULL;
  if (!is_auto)
    (void)parse(list, asked, &bad);
  for (int i = 0; i < STEPS && is_auto; i++)
    asked[i] = true;
  Run u = {.r = r, .f = graph_clone(r->arena, f)};
  divide_samples(&u, f);
  u.want = output_room(r->arena, &u, f);
  return run_all(&u, f, u.want) ? run_steps(&u, asked, is_auto) : NULL;
}
