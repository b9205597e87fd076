/* Tuning: the network is compiled with every layer's first candidate, then
 * with every layer's second, and so on, and each time all steps are timed.
 * So a choice is measured among the layers that it will run among, with their
 * caches, and a network takes as many compilations as the layer with most
 * candidates has of them.
 *
 * A candidate counts where the step is made of the same ops as with the cost
 * model's choice, and wins where it is faster by more than noise.
 *
 * Of an object with several tiers each that runs here is tuned by itself. */
#include "driver/tune.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "driver/bench.h"
#include "driver/samples.h"
#include "support/file.h"

static const double seconds_a_trial = 0.4;
/* Part of the usual time that a choice has to save. */
static const double noise = 0.03;

/* A layer that the file does not know. */
typedef struct Unknown {
  const char *layer, *ops;
  Choice choice[TUNE_MOST];
  int n;
  double seconds[TUNE_MOST]; /* least of its steps; 0: none */
} Unknown;

typedef struct Trials {
  Cli *cli;
  const Graph *g;
  const Target *t;
  const CodegenOptions *codegen;
  PlanOptions plan;
  ARRAY(Unknown) unknown;
  int most; /* candidates of a layer */
} Trials;

/* "model name : Intel(R) Xeon(R)" as a word; "cpu" where there is none. */
static const char *cpu_word(Arena *a) {
  char line[256], word[48] = "cpu";
  FILE *f = fopen("/proc/cpuinfo", "r");
  while (f && fgets(line, sizeof line, f)) {
    const char *at = strchr(line, ':');
    if (strncmp(line, "model name", 10) != 0 || !at)
      continue;
    size_t n = 0;
    for (at += 1; *at && n < sizeof word - 1; at++)
      if (isalnum((unsigned char)*at))
        word[n++] = *at;
      else if (n && word[n - 1] != '-')
        word[n++] = '-';
    word[n] = 0;
    break;
  }
  if (f)
    fclose(f);
  size_t n = strlen(word);
  if (n && word[n - 1] == '-')
    word[n - 1] = 0;
  return arena_strdup(a, *word ? word : "cpu");
}

static Unknown *find(Trials *x, const char *layer) {
  for (int i = 0; i < x->unknown.n; i++)
    if (strcmp(x->unknown.v[i].layer, layer) == 0)
      return &x->unknown.v[i];
  return NULL;
}

static void list_unknown(Trials *x) {
  Arena *a = x->cli->arena;
  for (const Op *op = x->g->first; op; op = op->next) {
    Unknown u = {.layer = tune_layer(a, op)};
    if (tune_find(a, x->plan.tuning, x->t, op) || find(x, u.layer))
      continue;
    u.n = tune_candidates(op, x->t, u.choice);
    if (u.n < 2)
      continue;
    x->most = u.n > x->most ? u.n : x->most;
    ARRAY_PUSH(a, &x->unknown, u);
  }
}

/* What the steps of trial number k took. */
static void note_steps(Trials *x, const Bench *b, int k) {
  Arena *a = x->cli->arena;
  for (int i = 0; i < b->plan->steps.n; i++) {
    const Step *s = b->plan->steps.v[i];
    Unknown *u = find(x, tune_layer(a, s->op));
    if (!u || k >= u->n)
      continue;
    const char *ops = step_op_name(a, s);
    if (!u->ops)
      u->ops = ops;
    double *best = &u->seconds[k];
    if (strcmp(ops, u->ops) == 0 && (*best <= 0 || b->step[i] < *best))
      *best = b->step[i];
  }
}

static bool try_one(Trials *x, int k, const void *const *in, void *const *out) {
  Cli *cli = x->cli;
  PlanOptions opt = x->plan;
  opt.trial = k + 1;
  opt.clocks = true;
  Emitted e;
  Plan *plan = plan_new(cli->arena, x->g, x->t, &opt);
  bool made = plan && codegen_emit(plan, x->codegen, EMIT_object, &e);
  Executor *run = made ? jit_new(plan, &e) : NULL;
  if (!run)
    return false;
  Bench b = {.plan = plan};
  b.step = ARENA_ARRAY(cli->arena, double, plan->steps.n + 1);
  bool ok = bench_time_steps(run, in, out, seconds_a_trial, &b);
  run->free(run);
  if (ok)
    note_steps(x, &b, k);
  return ok;
}

static TunedLayer winner(const Trials *x, const Unknown *u) {
  int best = 0;
  for (int k = 1; k < u->n; k++) {
    double least = u->seconds[best] * (best ? 1 : 1 - noise);
    if (u->seconds[k] > 0 && u->seconds[k] < least)
      best = k;
  }
  return (TunedLayer){x->t->name,
                      u->layer,
                      x->plan.tuning->cpu,
                      u->choice[best],
                      1e6 * u->seconds[best],
                      1e6 * u->seconds[0]};
}

static bool measure(Trials *x, Tuning *found) {
  Arena *a = x->cli->arena;
  void **in = exec_buffers(a, x->g->inputs.v, x->g->inputs.n);
  void **out = exec_buffers(a, x->g->outputs.v, x->g->outputs.n);
  sample_random(x->g, 1, in);
  for (int k = 0; k < x->most; k++)
    if (!try_one(x, k, (const void *const *)in, out))
      return false;
  for (int i = 0; i < x->unknown.n; i++)
    if (x->unknown.v[i].seconds[0] > 0) {
      TunedLayer l = winner(x, &x->unknown.v[i]);
      tune_put(a, found, &l);
    }
  return true;
}

/* A file that is not there yet knows nothing. */
static bool read_file(Cli *cli, const char *path, Tuning *out) {
  MappedFile f;
  if (access(path, F_OK) != 0)
    return true;
  if (!file_map(path, &f, cli->diag))
    return false;
  bool ok = tune_read(cli->arena, path, (const char *)f.data, f.bytes,
                      cli->diag, out);
  file_unmap(&f);
  return ok;
}

/* Measures what is not known of g's layers on t, a row. */
static bool tune_row(Trials x, const Target *t, Tuning *found) {
  x.t = t;
  list_unknown(&x);
  return !x.unknown.n || measure(&x, found);
}

static bool tune_rows(const Trials *x, const Target *t, Tuning *found) {
  if (!t->ntiers)
    return tune_row(*x, t, found);
  for (int i = 0; i < t->ntiers; i++)
    if (target_runs_here(t->tiers[i].row) &&
        !tune_row(*x, t->tiers[i].row, found))
      return false;
  return true;
}

/* Adds what was found to the file as it is by now: others may have written
 * to it meanwhile. */
static bool write_file(Cli *cli, const char *path, const Tuning *found) {
  Tuning now = {.cpu = found->cpu};
  if (!read_file(cli, path, &now))
    return false;
  for (int i = 0; i < found->layers.n; i++)
    tune_put(cli->arena, &now, &found->layers.v[i]);
  Str text = str_new(cli->arena);
  tune_print(&text, &now);
  return file_write(path, str_cstr(&text), text.n, cli->diag);
}

static bool runs_here(Cli *cli, const Target *t) {
  if (target_best_tier(t))
    return true;
  diag_error(cli->diag, E0304, (Loc){0},
             "--tune: this machine can't run code for %s itself", t->name);
  diag_hint(cli->diag, "measure on one that can, with Kiln there");
  return false;
}

bool session_tune(Cli *cli, const Graph *g, const Target *t,
                  const CodegenOptions *codegen, PlanOptions *plan) {
  const char *path = cli->value[OPT_tune];
  if (!path || plan->tuning)
    return true;
  if (!*path)
    return diag_error(cli->diag, E0001, (Loc){0}, "--tune: '' is no file");
  Tuning *all = ARENA_NEW(cli->arena, Tuning), found = {0};
  *all = (Tuning){.cpu = cpu_word(cli->arena)};
  found.cpu = all->cpu;
  if (!runs_here(cli, t) || !read_file(cli, path, all))
    return false;
  plan->tuning = all;
  Trials x = {.cli = cli, .g = g, .codegen = codegen, .plan = *plan};
  x.plan.threads = 0; /* parts of a step are like the step */
  if (!tune_rows(&x, t, &found))
    return false;
  for (int i = 0; i < found.layers.n; i++)
    tune_put(cli->arena, all, &found.layers.v[i]);
  return !found.layers.n || write_file(cli, path, &found);
}
