/* See search.h. Forms are tried in this order:
 *
 *   0  the model as it is;
 *   1  rungs of the ladder below, each with more effort or more bits than the
 *      one before, until one keeps the score;
 *   2  narrower weights, with all that recovers accuracy;
 *   3  the smallest form so far with channels taken out, 10 % of the
 *      parameters more each time, until that breaks the bound; then between
 *      the last two.
 *
 * A candidate's graphs live in an arena of its own, which goes with it unless
 * it is the best so far. */
#include "compress/search.h"

#include "compress/calibration.h"
#include "compress/prune/prune.h"
#include "compress/quantize.h"
#include "compress/recover/recover.h"
#include "compress/sensitivity.h"

enum { HALVINGS = 2, FIRST_STEPS = 9, SCANNED = 32 };
static const double PRUNE_STEP = 0.1;

/* ---- the ladder ---- */

typedef struct Rung {
  const char *name;
  WeightForm weights;
  ActivationForm activations;
  const char *ranges; /* as range_rule_parse takes it */
  const char *recover;
  int spare; /* layers that get activations of 16 bits */
} Rung;

/* clang-format off */
static const Rung ladder[] = {
    {"int8", WEIGHTS_i8, ACTIVATIONS_i8, "minmax", "none", 0},
    {"int8, auto ranges", WEIGHTS_i8, ACTIVATIONS_i8, "auto", "none", 0},
    {"int8, recovered", WEIGHTS_i8, ACTIVATIONS_i8, "auto", "auto", 0},
    {"int8, 2 layers x int16, recovered", WEIGHTS_i8, ACTIVATIONS_i8, "auto", "auto", 2},
    {"int8 x int16", WEIGHTS_i8, ACTIVATIONS_i16, "minmax", "none", 0},
    {"int8 x int16, recovered", WEIGHTS_i8, ACTIVATIONS_i16, "minmax", "auto", 0},
    {"f16", WEIGHTS_f16, ACTIVATIONS_f32, "minmax", "none", 0},
};
static const Rung narrow[] = {
    {"16-entry codebooks, recovered", WEIGHTS_code16, ACTIVATIONS_i8, "auto", "auto", 0},
    {"int4, recovered", WEIGHTS_i4, ACTIVATIONS_i8, "auto", "auto", 0},
};
/* clang-format on */
enum {
  LADDER = sizeof ladder / sizeof *ladder,
  NARROW = sizeof narrow / sizeof *narrow
};

static Recipe recipe_of(Search *s, const Rung *r) {
  Scheme *scheme = ARENA_NEW(s->arena, Scheme);
  *scheme = scheme_default();
  scheme->base.weights = r->weights;
  scheme->base.activations = r->activations;
  range_rule_parse(r->ranges, &scheme->rule);
  return (Recipe){r->name, r->name, 0, scheme, r->recover, r->spare};
}

/* ---- one candidate ---- */

/* A candidate while it is made. */
typedef struct Making {
  const Search *s;
  const Recipe *recipe;
  const Graph *model; /* floats, pruned; NULL: that failed */
  Arena *arena;
  const Scheme *scheme; /* NULL until layers to spare are found */
} Making;

/* The recipe's scheme, with more bits for the layers that want them. */
static bool find_scheme(Making *m, const Graph *f, const Calibration *c) {
  const Search *s = m->s;
  Scheme *own = ARENA_NEW(m->arena, Scheme);
  *own = *m->recipe->scheme;
  int64_t samples = s->feed->samples;
  SensitivityScan scan = {
      .f = f,
      .scheme = own,
      .ranges = c,
      .engine = s->engine,
      .feed = s->feed,
      .samples = samples < SCANNED ? samples : SCANNED,
  };
  LayerErrors errors = {0};
  if (m->recipe->spare && !sensitivity_scan(m->arena, &scan, &errors))
    return false;
  if (m->recipe->spare)
    scheme_spare(m->arena, own, f, &errors, m->recipe->spare);
  m->scheme = own;
  return true;
}

/* Recovery.quantize */
static Graph *quantize(void *ctx, const Graph *f) {
  Making *m = ctx;
  const Search *s = m->s;
  Calibration c;
  if (!calibrate(m->arena, f, s->engine, s->feed, (Shard){1, 1}, NULL, &c) ||
      (!m->scheme && !find_scheme(m, f, &c)))
    return NULL;
  return quantize_graph(m->arena, f, m->scheme, &c, NULL);
}

static const Graph *make(Making *m) {
  const Graph *f = m->model;
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

static bool measure(const Search *s, const Graph *g, Figures *out) {
  return g && s->gauge->measure(s->gauge, g, out) && score(s, g, &out->score);
}

/* ---- comparing ---- */

static double lost(const Search *s, const Figures *f) {
  return metric_drop(s->metric, s->reference.score, f->score);
}

static bool keeps(const Search *s, const Figures *f) {
  const Bound *b = &s->bound;
  return lost(s, f) <= b->max_drop && f->flash <= b->max_flash &&
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
  double x = lost(s, &a->figures), y = lost(s, &b->figures);
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

/* At least as good in everything, and better in something. */
static bool beats(const Search *s, const Figures *a, const Figures *b) {
  double x = lost(s, a), y = lost(s, b);
  bool not_worse =
      x <= y && a->flash <= b->flash && a->ram <= b->ram && a->macs <= b->macs;
  return not_worse &&
         (x < y || a->flash < b->flash || a->ram < b->ram || a->macs < b->macs);
}

static void find_front(Search *s) {
  for (int i = 0; i < s->tried.n; i++) {
    Candidate *c = &s->tried.v[i];
    c->front = !c->failed;
    for (int k = 0; k < s->tried.n; k++)
      if (!s->tried.v[k].failed &&
          beats(s, &s->tried.v[k].figures, &c->figures))
        c->front = false;
  }
}

/* ---- trying ---- */

typedef struct Run {
  Search *s;
  Pruner *pruner; /* NULL until something is to be pruned */
  Diag *why;      /* the first candidate that failed did */
} Run;

/* A copy of the model whose errors are nobody's: what can't be made is just no
 * candidate. */
static Graph *quiet_model(const Search *s, Arena *a) {
  Graph *copy = graph_clone(a, s->model);
  copy->diag = diag_new(a);
  return copy;
}

/* In a. What is measured for it is measured once, and kept with the search. */
static const Graph *prune(Run *r, Arena *a, double part) {
  static const PruneOptions options = {.method = METHOD_obs,
                                       .scope = SCOPE_scan,
                                       .goal = GOAL_params,
                                       .reconstruct = true};
  const Search *s = r->s;
  PruneReport report;
  if (!r->pruner)
    r->pruner = prune_open(s->arena, quiet_model(s, s->arena), &options,
                           s->engine, s->feed);
  return r->pruner ? prune_to(r->pruner, a, part, &report) : NULL;
}

/* Keeps the graph when it is the best so far; of one that failed, why. */
static void keep_best(Run *r, const Making *m, const Graph *g) {
  Search *s = r->s;
  int last = s->tried.n - 1;
  Arena *loser = m->arena;
  if (s->tried.v[last].failed) {
    if (!r->why && m->model) {
      r->why = diag_new(s->arena);
      diag_append(r->why, m->model->diag);
    }
  } else if (is_better(s, &s->tried.v[last], &s->tried.v[s->best])) {
    s->best = last;
    s->graph = g;
    loser = s->kept;
    s->kept = m->arena;
  }
  if (loser)
    arena_free(loser);
}

/* The recipe's name and scheme live in the search's arena. */
static void try_recipe(Run *r, Recipe recipe) {
  Search *s = r->s;
  Making m = {s, &recipe, NULL, arena_new(), NULL};
  m.model = recipe.prune > 0 ? prune(r, m.arena, recipe.prune)
                             : quiet_model(s, m.arena);
  Candidate c = {.recipe = recipe};
  const Graph *g = make(&m);
  c.failed = !measure(s, g, &c.figures);
  c.within = !c.failed && keeps(s, &c.figures);
  ARRAY_PUSH(s->arena, &s->tried, c);
  if (s->tell)
    s->tell(s, &c);
  keep_best(r, &m, g);
}

/* Does the candidate tried last keep the score? Budgets may want less than
 * it. */
static bool score_holds(const Search *s) {
  const Candidate *c = &s->tried.v[s->tried.n - 1];
  return !c->failed && lost(s, &c->figures) <= s->bound.max_drop;
}

/* The recipe with `part` of the parameters gone. */
static Recipe pruned(Search *s, const Recipe *recipe, double part) {
  Recipe out = *recipe;
  if (!(part > 0))
    return out;
  out.prune = part;
  if (out.scheme)
    out.recover = "auto";
  out.name = arena_printf(s->arena, "%.1f %% fewer parameters%s%s", part * 100,
                          recipe->scheme ? ", " : "",
                          recipe->scheme ? recipe->form : "");
  return out;
}

static void try_rung(Run *r, const Rung *rung) {
  Search *s = r->s;
  Recipe whole = recipe_of(s, rung), thin = pruned(s, &whole, s->pruned);
  thin.recover = rung->recover;
  try_recipe(r, thin);
}

static void climb(Run *r) {
  bool holds = false;
  for (int i = 0; i < LADDER && !holds; i++) {
    try_rung(r, &ladder[i]);
    holds = score_holds(r->s);
  }
  for (int i = 0; i < NARROW && holds; i++)
    try_rung(r, &narrow[i]);
}

/* Does the form with `part` gone keep the score? */
static bool survives(Run *r, const Recipe *base, double part) {
  try_recipe(r, pruned(r->s, base, part));
  return score_holds(r->s);
}

/* From the smallest form so far on. */
static void thin_out(Run *r) {
  Recipe base = r->s->tried.v[r->s->best].recipe;
  double good = r->s->pruned, bad = 1;
  for (int i = 1; i <= FIRST_STEPS && bad == 1; i++)
    if (PRUNE_STEP * i > r->s->pruned)
      *(survives(r, &base, PRUNE_STEP * i) ? &good : &bad) = PRUNE_STEP * i;
  for (int i = 0; i < HALVINGS; i++) {
    double part = (good + bad) / 2;
    *(survives(r, &base, part) ? &good : &bad) = part;
  }
}

/* Where the score holds without it; budgets may be kept by a pruned form
 * alone. */
static bool is_worth_pruning(const Search *s) {
  if (!(s->uses & SEARCH_quantize))
    return true;
  return lost(s, &s->tried.v[s->best].figures) <= s->bound.max_drop;
}

static bool refuse(const Search *s) {
  const Graph *g = s->model;
  const Candidate *c = &s->tried.v[s->best];
  diag_error(g->diag, E0601, (Loc){.file = g->file},
             "none of %d forms keeps the bound; the best, %s, has %s %.4f, the "
             "model %.4f",
             s->tried.n, c->recipe.name, metric_name(s->arena, s->metric),
             c->figures.score, s->reference.score);
  diag_hint(g->diag, "allow more with --max-drop and the budgets, or give more "
                     "samples with --data");
  return false;
}

/* The model's own outputs, where the metric compares with outputs and none
 * are given. */
static bool find_truth(Search *s) {
  if (metric_wants_labels(s->metric) || s->truth.want)
    return true;
  Evaluation e = {.g = s->model,
                  .engine = s->engine,
                  .feed = s->scored,
                  .output = s->output};
  double *want =
      ARENA_ARRAY(s->arena, double, s->scored->samples *evaluation_outputs(&e));
  s->truth.want = want;
  return evaluate_outputs(&e, want);
}

/* The model itself is the first candidate. */
static void start(Search *s) {
  Candidate c = {.recipe = {.name = "the model", .recover = "none"},
                 .figures = s->reference,
                 .within = !(s->pruned > 0) && keeps(s, &s->reference)};
  ARRAY_PUSH(s->arena, &s->tried, c);
  s->best = 0;
  s->graph = s->model;
  if (s->tell)
    s->tell(s, &c);
}

/* Could any form but the model itself be made? */
static bool is_made(const Search *s) {
  for (int i = 1; i < s->tried.n; i++)
    if (!s->tried.v[i].failed)
      return true;
  return false;
}

bool search_run(Search *s) {
  Run r = {.s = s};
  if (!find_truth(s) || !measure(s, s->model, &s->reference))
    return false;
  start(s);
  if (s->uses & SEARCH_quantize)
    climb(&r);
  if (s->uses & SEARCH_prune && is_worth_pruning(s))
    thin_out(&r);
  prune_close(r.pruner);
  find_front(s);
  if (r.why && !is_made(s)) {
    s->graph = NULL;
    diag_append(s->model->diag, r.why);
    return false;
  }
  return s->tried.v[s->best].within || refuse(s);
}

void search_free(Search *s) {
  if (s->kept)
    arena_free(s->kept);
  s->kept = NULL;
}
