/* Over a budget, what is worth knowing is what would help, and that is not
 * guessed: the model is compiled again with each option that may help, and
 * the hint says what that came to. Nothing is written meanwhile. */
#include "driver/budget.h"

#include <string.h>

static const struct {
  OptId option;
  int64_t kilo;
} options[BUDGET_COUNT] = {
    [BUDGET_ram] = {OPT_max_ram, 1024},
    [BUDGET_flash] = {OPT_max_flash, 1024},
    [BUDGET_stack] = {OPT_max_stack, 1024},
    [BUDGET_macs] = {OPT_max_macs, 1000},
};

bool budget_read(Cli *cli, Budgets *out) {
  bool ok = true;
  for (int k = 0; k < BUDGET_COUNT; k++)
    ok = cli_amount(cli, options[k].option, options[k].kilo, NO_LIMIT,
                    &out->limit[k]) &&
         ok;
  return ok;
}

/* A row of the same kind of machine with narrower vectors, whose code this
 * target runs too; NULL: there is none. */
static const char *narrower_target(const Target *t) {
  const char *name = NULL;
  for (int i = 0; i < target_count; i++) {
    const Target *n = &target_table[i];
    if (n->arch == t->arch && n->pointer_bits == t->pointer_bits &&
        n->position_independent == t->position_independent &&
        n->fpu == t->fpu && n->f64 <= t->f64 &&
        n->vector_bytes < t->vector_bytes)
      name = n->name;
  }
  return name;
}

/* The same command with one option more, other or less. */
typedef struct Trial {
  OptId option;
  const char *value; /* NULL: without it */
  const char *text;  /* as the hint calls it */
} Trial;

enum { TRIALS = 6 };

/* Those that change anything; returns how many. */
static int list_trials(Cli *cli, const Target *t, Trial *out) {
  const char *level = cli->value[OPT_level];
  const char *narrower = cli_has(cli, OPT_mcpu) ? NULL : narrower_target(t);
  int n = 0;
  if (!level || strcmp(level, "s") != 0)
    out[n++] = (Trial){OPT_level, "s", "-Os"};
  if (cli_has(cli, OPT_disable_pass))
    out[n++] = (Trial){OPT_disable_pass, NULL, "without --disable-pass"};
  if (cli_has(cli, OPT_passes))
    out[n++] = (Trial){OPT_passes, NULL, "without --passes"};
  if (!cli_has(cli, OPT_allow))
    out[n++] = (Trial){OPT_allow, "requant", "--allow=requant"};
  if (t->ntiers > 1)
    out[n++] =
        (Trial){OPT_tiers, t->tiers[0].name,
                arena_printf(cli->arena, "--tiers=%s", t->tiers[0].name)};
  else if (narrower)
    out[n++] = (Trial){OPT_target, narrower,
                       arena_printf(cli->arena, "--target=%s", narrower)};
  return n;
}

/* Compiles under a trial; its errors are nobody's. */
static bool build_trial(const Cli *cli, const Trial *t, Built *out) {
  Cli other = *cli;
  other.diag = diag_new(cli->arena);
  other.value[t->option] = t->value;
  const Target *target = session_target(&other);
  Graph *g = target ? session_load(&other) : NULL;
  return g && session_optimize(&other, g, NULL) &&
         session_build(&other, g, target, BUILD_product, EMIT_object, NULL,
                       out);
}

static const char *grouped(Arena *a, int64_t x) {
  Str s = str_new(a);
  str_add_grouped(&s, x);
  return str_cstr(&s);
}

static void add_hint(Str *out, const char *line) {
  str_printf(out, "%s%s", out->n ? "\n" : "", line);
}

/* Bytes of f32 among the constants, or in the arena. */
static int64_t float_bytes(const Plan *p, Place place) {
  int64_t bytes = 0;
  for (int i = 0; i < p->buffers.n; i++) {
    const Buffer *b = p->buffers.v[i];
    if (b->place == place && !b->base && b->type->dtype == DT_f32)
      bytes += b->bytes;
  }
  return bytes;
}

/* What no option does. */
static const char *advice(BudgetKind k, const Plan *p) {
  switch (k) {
  case BUDGET_ram:
    return float_bytes(p, PLACE_arena)
               ? "a model quantized to 8 bits has activations of a quarter"
               : NULL;
  case BUDGET_flash:
    return float_bytes(p, PLACE_const)
               ? arena_printf(p->arena,
                              "a model quantized to 8 bits: %s bytes of f32 "
                              "constants become a quarter",
                              grouped(p->arena, float_bytes(p, PLACE_const)))
               : NULL;
  case BUDGET_macs:
    return "the model itself has to shrink: fewer channels in the layers "
           "above, or a smaller input";
  case BUDGET_stack:
  case BUDGET_COUNT:
    break;
  }
  return NULL;
}

/* One that is exceeded. */
typedef struct Excess {
  BudgetKind kind;
  int64_t used, limit;
  Str hint;
} Excess;

static void try_options(Cli *cli, const Built *b, Excess *e, int n) {
  Trial trials[TRIALS];
  Built built;
  int ntrial = list_trials(cli, b->plan->whole, trials);
  for (int t = 0; t < ntrial; t++) {
    if (!build_trial(cli, &trials[t], &built))
      continue;
    for (int i = 0; i < n; i++) {
      int64_t used = budget_figure(e[i].kind, built.plan, &built.emitted.sizes);
      if (used < e[i].used)
        add_hint(&e[i].hint,
                 arena_printf(cli->arena, "%s makes it %s%s", trials[t].text,
                              grouped(cli->arena, used),
                              used <= e[i].limit ? ", within the budget"
                                                 : ", still over the budget"));
    }
  }
}

static void report_excess(Cli *cli, const Built *b, Excess *e) {
  const Plan *p = b->plan;
  const BudgetRow *row = &budget_table[e->kind];
  Str consumers = str_new(cli->arena);
  budget_consumers(&consumers, e->kind, p, &b->emitted.sizes);
  diag_error(cli->diag, row->code, (Loc){.file = p->graph->file},
             "--max-%s: %s takes %s%s, %s more than the %s allowed (%s)",
             row->name, p->name, grouped(cli->arena, e->used), row->unit,
             grouped(cli->arena, e->used - e->limit),
             grouped(cli->arena, e->limit), row->about);
  diag_excerpt(cli->diag, "%s", str_cstr(&consumers));
  if (advice(e->kind, p))
    add_hint(&e->hint, advice(e->kind, p));
  if (e->hint.n)
    diag_hint(cli->diag, "%s", str_cstr(&e->hint));
}

bool budget_check(Cli *cli, const Built *b, const Budgets *limits) {
  Excess excess[BUDGET_COUNT];
  int n = 0;
  for (int k = 0; k < BUDGET_COUNT; k++) {
    int64_t used = budget_figure((BudgetKind)k, b->plan, &b->emitted.sizes);
    if (used > limits->limit[k])
      excess[n++] =
          (Excess){(BudgetKind)k, used, limits->limit[k], str_new(cli->arena)};
  }
  if (n)
    try_options(cli, b, excess, n);
  for (int i = 0; i < n; i++)
    report_excess(cli, b, &excess[i]);
  return n == 0;
}
