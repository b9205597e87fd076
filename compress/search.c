/* See search.h. Forms are tried in this order:
 *
 *   0  the model as it is;
 *   1  rungs of the ladder below, each with more effort or more bits than the
 *      one before, until one keeps the score;
 *   2  narrower weights, with all that recovers accuracy;
 *   3  zeros in place, where the object for the target gets smaller by them;
 *   4  the smallest form so far with channels taken out, 10 % of the
 *      parameters more each time, until that breaks the bound; then between
 *      the last two.
 *
 * Where a form breaks the bound and a larger one keeps it, the layers that the
 * outputs feel most take the larger one's form, as few as the score needs:
 * their number is found by bisection. */
#include "compress/search_private.h"

#include <string.h>

#include "compress/sensitivity.h"

enum { HALVINGS = 2, FIRST_STEPS = 9, MIXTURES = 5, SCANNED = 32 };
static const double PRUNE_STEP = 0.1;
/* What is to be tried for its size has to save so much of the flash. */
static const double SAVING = 0.05;

/* ---- tables ---- */

typedef struct Rung {
  const char *name;
  WeightForm weights;
  ActivationForm activations;
  const char *ranges; /* as range_rule_parse takes it */
  const char *recover;
  const char *mixes; /* the rung some of whose layers take this form, where
                        that is enough */
} Rung;

/* clang-format off */
static const Rung ladder[] = {
    {"int8", WEIGHTS_i8, ACTIVATIONS_i8, "minmax", "none", NULL},
    {"int8, auto ranges", WEIGHTS_i8, ACTIVATIONS_i8, "auto", "none", NULL},
    {"int8, recovered", WEIGHTS_i8, ACTIVATIONS_i8, "auto", "auto", NULL},
    {"int8 x int16", WEIGHTS_i8, ACTIVATIONS_i16, "minmax", "none", "int8, recovered"},
    {"int8 x int16, recovered", WEIGHTS_i8, ACTIVATIONS_i16, "minmax", "auto", "int8, recovered"},
    {"int12 x int16", WEIGHTS_i12, ACTIVATIONS_i16, "minmax", "none", "int8 x int16, recovered"},
    {"f16", WEIGHTS_f16, ACTIVATIONS_f32, "minmax", "none", "int8 x int16, recovered"},
};

/* Weights of what the ladder found. */
static const struct {
  const char *name;
  WeightForm weights;
} narrower[] = {
    {"code16, recovered", WEIGHTS_code16},
    {"int4, recovered", WEIGHTS_i4},
    {"code4, recovered", WEIGHTS_code4},
};

/* Parts of the weights that become zero. */
static const double zeros[] = {0.5, 0.8};
/* clang-format on */
enum {
  LADDER = sizeof ladder / sizeof *ladder,
  NARROWER = sizeof narrower / sizeof *narrower,
  ZEROS = sizeof zeros / sizeof *zeros
};

/* The recipe, which has a form, with `part` of the parameters gone. */
static Recipe with_part(Search *s, Recipe r, double part) {
  r.prune = part;
  r.name = part > 0 ? arena_printf(s->arena, "%.1f %% pruned, %s", part * 100,
                                   r.form)
                    : r.form;
  return r;
}

static Recipe recipe_of(Search *s, const Rung *r) {
  Scheme *scheme = ARENA_NEW(s->arena, Scheme);
  *scheme = scheme_default();
  scheme->base.weights = r->weights;
  scheme->base.activations = r->activations;
  range_rule_parse(r->ranges, &scheme->rule);
  Recipe out = {.form = r->name, .scheme = scheme, .recover = r->recover};
  return with_part(s, out, s->pruned);
}

/* The recipe with layers of integer weights in another form. */
static Recipe narrowed(Search *s, const Recipe *wide, int k) {
  Scheme *scheme = ARENA_NEW(s->arena, Scheme);
  *scheme = scheme_default();
  scheme->base = wide->scheme->base;
  scheme->base.weights = narrower[k].weights;
  for (int i = 0; i < wide->scheme->rows.n; i++) {
    SchemeRow row = wide->scheme->rows.v[i];
    if (row.scheme.weights == WEIGHTS_i8)
      row.scheme.weights = narrower[k].weights;
    ARRAY_PUSH(s->arena, &scheme->rows, row);
  }
  Recipe out = {.form = narrower[k].name, .scheme = scheme, .recover = "auto"};
  return with_part(s, out, s->pruned);
}

/* ---- the front ---- */

/* At least as good in everything, and better in something. */
static bool beats(const Search *s, const Figures *a, const Figures *b) {
  double x = search_lost(s, a), y = search_lost(s, b);
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

/* ---- mixtures ---- */

/* A form that breaks the bound, a larger one that keeps it, and the layers of
 * the first, the worst first. */
typedef struct Mixture {
  const Recipe *narrow, *wide;
  LayerErrors errors;
} Mixture;

static bool find_errors(const Search *s, Mixture *m) {
  Arena *scratch = arena_new();
  Graph *g = search_model(s, scratch);
  Calibration c;
  int64_t n = s->feed->samples;
  SensitivityScan scan = {.f = g,
                          .scheme = m->narrow->scheme,
                          .ranges = &c,
                          .engine = s->engine,
                          .feed = s->feed,
                          .samples = n < SCANNED ? n : SCANNED};
  bool ok =
      calibrate(scratch, g, s->engine, s->feed, (Shard){1, 1}, NULL, &c) &&
      sensitivity_scan(s->arena, &scan, &m->errors);
  for (int i = 0; i < m->errors.n; i++)
    m->errors.v[i].layer = arena_strdup(s->arena, m->errors.v[i].layer);
  arena_free(scratch);
  return ok;
}

/* What tells the two forms apart. */
static const char *form_of(const LayerScheme *wide, const LayerScheme *narrow) {
  return wide->weights != narrow->weights
             ? weight_form_name(wide->weights)
             : activation_form_name(wide->activations);
}

static Recipe mixed(Search *s, const Mixture *m, int64_t n) {
  Recipe out = *m->narrow;
  Scheme *scheme = ARENA_NEW(s->arena, Scheme);
  *scheme = scheme_copy(s->arena, m->narrow->scheme);
  scheme_mix(s->arena, scheme, m->wide->scheme, s->model, &m->errors, n);
  out.scheme = scheme;
  out.form =
      arena_printf(s->arena, "%s, %lld layer%s %s", m->narrow->form,
                   (long long)n, n == 1 ? "" : "s",
                   form_of(&m->wide->scheme->base, &m->narrow->scheme->base));
  return with_part(s, out, out.prune);
}

/* Does candidate i save what makes it worth a mixture with k? */
static bool is_smaller(const Search *s, int i, int k) {
  const Candidate *a = &s->tried.v[i], *b = &s->tried.v[k];
  const Figures *x = &a->figures, *y = &b->figures;
  return !a->failed && ((double)x->flash < (1 - SAVING) * (double)y->flash ||
                        (double)x->ram < (1 - SAVING) * (double)y->ram);
}

/* Candidate `narrow` breaks the bound, `wide` keeps it. */
static void mix(SearchRun *r, int narrow, int wide) {
  Search *s = r->s;
  if (!is_smaller(s, narrow, wide))
    return;
  Recipe a = s->tried.v[narrow].recipe, b = s->tried.v[wide].recipe;
  Mixture m = {.narrow = &a, .wide = &b};
  if (!find_errors(s, &m))
    return;
  int64_t bad = 0, good = m.errors.n;
  for (int i = 0; i < MIXTURES && good - bad > 1; i++) {
    int64_t n = (bad + good) / 2;
    *(search_try(r, mixed(s, &m, n)) ? &good : &bad) = n;
  }
}

/* ---- trying ---- */

/* -1: it was not tried. */
static int find_tried(const Search *s, const char *form) {
  for (int i = 0; i < s->tried.n; i++)
    if (form && strcmp(s->tried.v[i].recipe.form, form) == 0)
      return i;
  return -1;
}

static void climb(SearchRun *r) {
  Search *s = r->s;
  for (int i = 0; i < LADDER; i++) {
    bool holds = search_try(r, recipe_of(s, &ladder[i]));
    int other = find_tried(s, ladder[i].mixes);
    if (holds && other >= 0)
      mix(r, other, s->tried.n - 1);
    if (holds)
      return;
  }
}

/* The smallest form but the model itself that keeps the score; 0: none. */
static int find_smallest(const Search *s) {
  int best = 0;
  for (int i = 1; i < s->tried.n; i++)
    if (search_holds(s, i) &&
        (!best || s->tried.v[i].figures.flash < s->tried.v[best].figures.flash))
      best = i;
  return best;
}

/* From the smallest form with integers so far. */
static void narrow(SearchRun *r) {
  Search *s = r->s;
  const Recipe wide = s->tried.v[find_smallest(s)].recipe;
  if (!wide.scheme || !activation_is_integer(wide.scheme->base.activations))
    return;
  for (int i = 0; i < NARROWER; i++)
    if (!search_try(r, narrowed(s, &wide, i)))
      mix(r, s->tried.n - 1, find_smallest(s));
}

/* ---- zeros ---- */

/* Recovery by other weights would fill them again. */
static const char *const keeps_zeros = "bias";

static Recipe emptied(Search *s, const Recipe *recipe, double part) {
  Recipe out = *recipe;
  out.zeros = part;
  out.recover = keeps_zeros;
  out.form =
      arena_printf(s->arena, "%.0f %% zeros, %s", part * 100, recipe->form);
  return with_part(s, out, out.prune);
}

/* The first quantized form that keeps the score, else the model. */
static int find_widest(const Search *s) {
  for (int i = 1; i < s->tried.n; i++)
    if (search_holds(s, i))
      return i;
  return 0;
}

/* Weights of few bits leave zeros little to save: the widest ones get them.
 * Objects store floats with all their zeros. */
static void empty(SearchRun *r) {
  Search *s = r->s;
  int widest = find_widest(s);
  const Recipe base = s->tried.v[widest].recipe;
  for (int k = 0; k < ZEROS && base.scheme; k++) {
    Recipe recipe = emptied(s, &base, zeros[k]);
    if (search_flash_left(s, &recipe, widest) < 1 - SAVING &&
        !search_try(r, recipe))
      return;
  }
}

/* ---- pruning ---- */

/* The recipe with `part` of the parameters gone. */
static Recipe pruned(Search *s, const Recipe *recipe, double part) {
  Recipe out = *recipe;
  if (out.scheme)
    out.recover = out.zeros > 0 ? keeps_zeros : "auto";
  else
    out.form = "floats";
  return with_part(s, out, part);
}

/* From the smallest form so far on. */
static void thin_out(SearchRun *r) {
  Search *s = r->s;
  const Recipe base = s->tried.v[s->best].recipe;
  double good = s->pruned, bad = 1;
  for (int i = 1; i <= FIRST_STEPS && bad == 1; i++) {
    double part = PRUNE_STEP * i;
    if (part > s->pruned)
      *(search_try(r, pruned(s, &base, part)) ? &good : &bad) = part;
  }
  for (int i = 0; i < HALVINGS; i++) {
    double part = (good + bad) / 2;
    *(search_try(r, pruned(s, &base, part)) ? &good : &bad) = part;
  }
}

/* Where the score holds without it; budgets may be kept by a pruned form
 * alone. */
static bool is_worth_pruning(const Search *s) {
  return !(s->uses & SEARCH_quantize) || search_holds(s, s->best);
}

/* ---- all ---- */

static void add_excess(Str *out, const char *what, int64_t is, int64_t most) {
  if (is > most)
    str_printf(out, "; %s %lld of %lld", what, (long long)is, (long long)most);
}

/* "; flash 938 of 100": all of the bound that is broken. */
static const char *broken(const Search *s, const Candidate *c) {
  const Figures *f = &c->figures;
  Str out = str_new(s->arena);
  double lost = search_lost(s, f);
  if (!(lost <= s->bound.max_drop))
    str_printf(&out, "; it loses %.4f of %.4f", lost, s->bound.max_drop);
  add_excess(&out, "flash", f->flash, s->bound.max_flash);
  add_excess(&out, "RAM", f->ram, s->bound.max_ram);
  add_excess(&out, "MACs", f->macs, s->bound.max_macs);
  if (c->recipe.prune < s->pruned)
    str_printf(&out, "; none of it pruned, of %.1f %%", 100 * s->pruned);
  return str_cstr(&out);
}

static bool refuse(const Search *s) {
  const Graph *g = s->model;
  const Candidate *c = &s->tried.v[s->best];
  diag_error(g->diag, E0601, (Loc){.file = g->file},
             "none of %d forms keeps the bound; the best, %s, has %s %.4f, the "
             "model %.4f%s",
             s->tried.n, c->recipe.name, metric_name(s->arena, s->metric),
             c->figures.score, s->reference.score, broken(s, c));
  diag_hint(g->diag, "allow more with --max-drop and the budgets, or give more "
                     "samples with --data");
  return false;
}

/* The model's own outputs, where the metric compares with outputs and none
 * are given; its decisions alone where they are all that counts. */
static bool find_truth(Search *s) {
  if (metric_wants_labels(s->metric) || s->truth.want)
    return true;
  Evaluation e = {.g = s->model,
                  .engine = s->engine,
                  .feed = s->scored,
                  .output = s->output};
  int64_t samples = s->scored->samples;
  if (s->metric.kind == METRIC_agreement) {
    int64_t *decided = ARENA_ARRAY(s->arena, int64_t, samples);
    s->truth.label = decided;
    return evaluate_decisions(&e, decided);
  }
  double *want = ARENA_ARRAY(s->arena, double, samples *evaluation_outputs(&e));
  s->truth.want = want;
  return evaluate_outputs(&e, want);
}

/* The model itself is the first candidate. */
static void start(Search *s) {
  Candidate c = {
      .recipe = {.name = "the model", .form = "the model", .recover = "none"},
      .figures = s->reference,
      .within = !(s->pruned > 0) && search_keeps(s, &s->reference)};
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
  SearchRun r = {.s = s};
  if (!find_truth(s) || !search_measure(s, s->model, &s->reference))
    return false;
  start(s);
  if (s->uses & SEARCH_quantize) {
    climb(&r);
    narrow(&r);
  }
  if (s->uses & SEARCH_prune && is_worth_pruning(s)) {
    empty(&r);
    thin_out(&r);
  }
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
