/* One candidate of a search: made, compiled, scored, compared. Its graphs live
 * in an arena of its own, which goes with it unless it is the best so far. */
#include <stdlib.h>

#include "compress/calibration.h"
#include "compress/quantize.h"
#include "compress/recover/recover.h"
#include "compress/search_private.h"

/* ---- one candidate ---- */

/* A candidate while it is made. */
typedef struct Making {
  const Search *s;
  const Recipe *recipe;
  Graph *model; /* floats, pruned; NULL: that failed */
  Arena *arena;
} Making;

/* Recovery.quantize */
static Graph *quantize(void *ctx, const Graph *f) {
  const Making *m = ctx;
  const Search *s = m->s;
  Arena *scratch = arena_new();
  Calibration c;
  Graph *g = calibrate(scratch, f, s->engine, s->feed, (Shard){1, 1}, NULL, &c)
                 ? quantize_graph(m->arena, f, m->recipe->scheme, &c, NULL)
                 : NULL;
  arena_free(scratch);
  return g;
}

static Graph *make(Making *m) {
  Graph *f = m->model;
  if (!f || !m->recipe->scheme)
    return f;
  Recovery r = {.arena = m->arena,
                .engine = m->s->engine,
                .feed = m->s->feed,
                .quantize = quantize,
                .ctx = m};
  return recover_run(&r, f, m->recipe->recover);
}

/* What g's results are worth, compiled as it will be. */
static bool score(const Search *s, const Graph *g, double *out) {
  Arena *a = arena_new();
  Graph *copy = graph_clone(a, g);
  Evaluation e = {
      .g = copy, .engine = s->engine, .feed = s->scored, .output = s->output};
  Measured m = {0};
  bool ok = passes_run(copy, s->passes, NULL) &&
            evaluate(&e, &s->truth, &s->metric, 1, &m, NULL);
  *out = m.value;
  arena_free(a);
  return ok;
}

bool search_measure(const Search *s, const Graph *g, Figures *out) {
  return g && s->gauge->measure(s->gauge, g, out) && score(s, g, &out->score);
}

/* ---- comparing ---- */

double search_lost(const Search *s, const Figures *f) {
  return metric_drop(s->metric, s->reference.score, f->score);
}

bool search_holds(const Search *s, int i) {
  const Candidate *c = &s->tried.v[i];
  return !c->failed && search_lost(s, &c->figures) <= s->bound.max_drop;
}

bool search_keeps(const Search *s, const Figures *f) {
  const Bound *b = &s->bound;
  return search_lost(s, f) <= b->max_drop && f->flash <= b->max_flash &&
         f->ram <= b->max_ram && f->macs <= b->max_macs;
}

/* How far above the budget that it exceeds most; 0: it keeps all. */
static double overshoot(const Search *s, const Figures *f) {
  const Bound *b = &s->bound;
  double flash = (double)f->flash / (double)b->max_flash;
  double ram = (double)f->ram / (double)b->max_ram;
  double macs = (double)f->macs / (double)b->max_macs;
  double most = flash > ram ? flash : ram;
  most = macs > most ? macs : most;
  return most > 1 ? most : 0;
}

static bool is_thin(const Search *s, const Candidate *c) {
  return c->recipe.prune >= s->pruned;
}

/* What has lost enough parameters; of these what keeps the score; of these what
 * comes nearest to the budgets; of these the smallest. Of what does not keep
 * it, what loses least. */
static bool is_better(const Search *s, const Candidate *a, const Candidate *b) {
  if (is_thin(s, a) != is_thin(s, b))
    return is_thin(s, a);
  double x = search_lost(s, &a->figures), y = search_lost(s, &b->figures);
  double over = overshoot(s, &a->figures), other = overshoot(s, &b->figures);
  bool good = x <= s->bound.max_drop;
  if (good != (y <= s->bound.max_drop))
    return good;
  if (good && over != other)
    return over < other;
  if (good && a->figures.flash != b->figures.flash)
    return a->figures.flash < b->figures.flash;
  return x < y;
}

/* ---- trying ---- */

Graph *search_model(const Search *s, Arena *a) {
  Graph *copy = graph_clone(a, s->model);
  copy->diag = diag_new(a);
  return copy;
}

/* What goes of the model, and how much of it is asked for later. */
static PruneOptions *options_of(Arena *a, const Recipe *recipe) {
  PruneOptions *o = ARENA_NEW(a, PruneOptions);
  *o = (PruneOptions){.method = METHOD_obs,
                      .scope = SCOPE_scan,
                      .goal = recipe->prune > 0 ? GOAL_params : GOAL_none,
                      .zeros.part = recipe->zeros,
                      .reconstruct = true};
  return o;
}

/* In a. What is measured for it is measured once for all parts, and kept with
 * the search. */
static Graph *prune(SearchRun *r, Arena *a, const Recipe *recipe) {
  const Search *s = r->s;
  PruneReport report;
  PruneOptions *o = options_of(s->arena, recipe);
  if (!r->pruner || r->pruning->goal != o->goal ||
      r->pruning->zeros.part != o->zeros.part) {
    prune_close(r->pruner);
    r->pruning = o;
    Graph *copy = search_model(s, s->arena);
    r->refusals = copy->diag;
    r->pruner = prune_open(s->arena, copy, o, s->engine, s->feed);
  }
  return r->pruner ? prune_to(r->pruner, a, recipe->prune, &report) : NULL;
}

/* That a part can't be pruned is no news, unless it has to go. */
static void keep_why(SearchRun *r, const Making *m) {
  const Diag *why = m->model           ? m->model->diag
                    : r->s->pruned > 0 ? r->refusals
                                       : NULL;
  if (r->why || !why)
    return;
  r->why = diag_new(r->s->arena);
  diag_append(r->why, why);
}

/* Keeps the graph when it is the best so far; of one that failed, why. */
static void keep_best(SearchRun *r, const Making *m, const Graph *g) {
  Search *s = r->s;
  int last = s->tried.n - 1;
  Arena *loser = m->arena;
  if (s->tried.v[last].failed) {
    keep_why(r, m);
  } else if (is_better(s, &s->tried.v[last], &s->tried.v[s->best])) {
    s->best = last;
    s->graph = g;
    loser = s->kept;
    s->kept = m->arena;
  }
  if (loser)
    arena_free(loser);
}

bool search_try(SearchRun *r, Recipe recipe) {
  Search *s = r->s;
  Making m = {s, &recipe, NULL, arena_new()};
  bool changed = recipe.prune > 0 || recipe.zeros > 0;
  m.model = changed ? prune(r, m.arena, &recipe) : search_model(s, m.arena);
  Candidate c = {.recipe = recipe};
  const Graph *g = make(&m);
  c.failed = !search_measure(s, g, &c.figures);
  c.within = !c.failed && search_keeps(s, &c.figures);
  ARRAY_PUSH(s->arena, &s->tried, c);
  if (s->tell)
    s->tell(s, &c);
  keep_best(r, &m, g);
  return !c.failed && search_holds(s, s->tried.n - 1);
}

/* ---- what zeros would save ---- */

/* The largest magnitude that goes when `part` of the n weights do. */
static int magnitude_of(const int8_t *w, int64_t n, int zero, double part) {
  int64_t count[256] = {0}, gone = 0;
  for (int64_t i = 0; i < n; i++)
    count[abs(w[i] - zero)]++;
  int m = 0;
  while (m < 255 && (double)(gone += count[m]) < part * (double)n)
    m++;
  return m;
}

/* Stored weights, the smallest of which are zero. */
static void empty_weights(Graph *g, Value *v, double part) {
  int64_t n = type_count(v->type);
  int zero = type_zero_point(v->type);
  int8_t *w = arena_dup(g->arena, v->init->data, (size_t)n);
  int most = magnitude_of(w, n, zero, part);
  for (int64_t i = 0; i < n; i++)
    w[i] = (int8_t)(abs(w[i] - zero) <= most ? zero : w[i]);
  graph_replace_uses(g, v, graph_const(g, v->name, v->type, w));
}

double search_flash_left(const Search *s, const Recipe *recipe, int i) {
  Arena *scratch = arena_new();
  Recipe plain = *recipe;
  plain.recover = "none";
  Making m = {s, &plain, search_model(s, scratch), scratch};
  Figures f;
  Graph *g = make(&m);
  int n = g ? g->values.n : 0; /* those that are made come behind */
  for (int k = 0; k < n; k++) {
    Value *v = g->values.v[k];
    if (v && v->init && v->type->q && v->type->dtype == DT_i8)
      empty_weights(g, v, recipe->zeros);
  }
  bool ok = g && s->gauge->measure(s->gauge, g, &f);
  arena_free(scratch);
  return ok ? (double)f.flash / (double)s->tried.v[i].figures.flash : 1;
}
