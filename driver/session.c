#include "driver/session.h"

#include <string.h>
#include <unistd.h>

#include "compress/prepare.h"
#include "driver/progress.h"
#include "driver/tune.h"

/* A row of a small table of words that an option may have. */
static bool bad_word(Cli *cli, OptId id, const char *expected) {
  return diag_error(cli->diag, E0001, (Loc){0}, "--%s: '%s' is none of %s",
                    cli_spelling(id), cli->value[id], expected);
}

static bool get_class(Cli *cli, PassClass *out) {
  const char *s = cli->value[OPT_allow];
  *out = PASS_exact;
  if (!s)
    return true;
  for (int c = PASS_exact; c <= PASS_requant; c++)
    if (strcmp(s, pass_class_name((PassClass)c)) == 0) {
      *out = (PassClass)c;
      return true;
    }
  return bad_word(cli, OPT_allow, "exact, reassoc, requant");
}

bool session_passes(Cli *cli, PassOptions *out) {
#ifdef NDEBUG
  bool verify_each = cli_has(cli, OPT_verify_each);
#else
  bool verify_each = true;
#endif
  *out = (PassOptions){
      .passes = cli->value[OPT_passes],
      .disable = cli->value[OPT_disable_pass],
      .print_after = cli->value[OPT_print_after],
      .print_after_all = cli_has(cli, OPT_print_after_all),
      .stop_after = cli->value[OPT_stop_after],
      .verify_each = verify_each,
      .time_passes = cli_has(cli, OPT_time_passes),
      .stats = cli_has(cli, OPT_stats),
  };
  return get_class(cli, &out->allow);
}

bool session_optimize(Cli *cli, Graph *g, bool *stopped) {
  PassOptions opt;
  return session_passes(cli, &opt) && passes_run(g, &opt, stopped);
}

/* Constants may be: their reals are what is quantized. */
static bool is_of_floats(Cli *cli, const Graph *g) {
  for (int i = 0; i < g->values.n; i++) {
    const Value *v = g->values.v[i];
    if (!v || v->init || !v->type->q)
      continue;
    (void)diag_error(cli->diag, E0307,
                     v->def ? v->def->loc : (Loc){.file = g->file},
                     "'%s' is quantized already, to %s", v->name,
                     dtype_name(v->type->dtype));
    diag_hint(cli->diag, "give the float model that this one was made from");
    return false;
  }
  return true;
}

Graph *session_float(Cli *cli) {
  Graph *g = session_load(cli);
  PassOptions opt;
  return g && is_of_floats(cli, g) && session_has_memory(cli, g) &&
                 session_passes(cli, &opt) && prepare_float(g, &opt)
             ? g
             : NULL;
}

const Target *session_target(Cli *cli) {
  const char *preset = cli->value[OPT_target];
  const char *cpu = cli->value[OPT_mcpu];
  const Target *t =
      target_find(cli->arena, cli->diag, preset || cpu ? preset : "host", cpu,
                  cli->value[OPT_mfpu], cli->value[OPT_mfloat_abi]);
  return t ? target_pick_tiers(cli->arena, cli->diag, t, cli->value[OPT_tiers])
           : NULL;
}

bool session_codegen(Cli *cli, CodegenOptions *out) {
  const char *s = cli->value[OPT_level];
  *out = (CodegenOptions){.opt_level = 2};
  if (!s)
    return true;
  if (!*s || s[1] || !strchr("0123s", *s))
    return diag_error(cli->diag, E0001, (Loc){0},
                      "-O: '%s' is none of 0, 1, 2, 3, s", s);
  out->for_size = *s == 's';
  if (*s != 's')
    out->opt_level = *s - '0';
  return true;
}

static bool get_sparse(Cli *cli, SparseMode *out) {
  static const char *const names[] = {[SPARSE_auto] = "auto",
                                      [SPARSE_off] = "off",
                                      [SPARSE_size] = "size",
                                      [SPARSE_speed] = "speed"};
  const char *s = cli->value[OPT_sparse];
  *out = SPARSE_auto;
  if (!s)
    return true;
  for (int i = SPARSE_auto; i <= SPARSE_speed; i++)
    if (strcmp(s, names[i]) == 0) {
      *out = (SparseMode)i;
      return true;
    }
  return bad_word(cli, OPT_sparse, "auto, off, size, speed");
}

static bool get_polly(Cli *cli, const Target *t, PollyMode *out) {
  static const char *const names[] = {
      [POLLY_off] = "off", [POLLY_auto] = "auto", [POLLY_on] = "on"};
  const char *s = cli->value[OPT_polly];
  int mode = POLLY_off;
  while (s && mode <= POLLY_on && strcmp(s, names[mode]) != 0)
    mode++;
  if (mode > POLLY_on)
    return bad_word(cli, OPT_polly, "off, auto, on");
  *out = (PollyMode)mode;
  if (mode == POLLY_off || t->position_independent)
    return true;
  diag_error(cli->diag, E0304, (Loc){0}, "--polly=%s: not for %s", s, t->name);
  diag_hint(cli->diag, "it makes frames of kilobytes; for hosts only");
  return false;
}

static bool get_tier_by(Cli *cli, const Target *t, bool *caller) {
  const char *s = cli->value[OPT_tier_by];
  *caller = s && strcmp(s, "caller") == 0;
  if (s && !*caller && strcmp(s, "machine") != 0)
    return bad_word(cli, OPT_tier_by, "machine, caller");
  if (!*caller || t->ntiers > 1)
    return true;
  diag_error(cli->diag, E0304, (Loc){0},
             "--tier-by=caller: of %s there is one tier, and no choice",
             t->name);
  diag_hint(cli->diag, "pick several, as --target=aarch64 "
                       "--tiers=neon,dotprod does");
  return false;
}

static bool get_threads(Cli *cli, int *out) {
  int64_t n;
  if (!cli_int(cli, OPT_threads, 0, &n))
    return false;
  *out = (int)n;
  return !cli_has(cli, OPT_threads) || (n > 0 && n <= SPLIT_MOST) ||
         diag_error(cli->diag, E0001, (Loc){0},
                    "--threads: '%s' is no number from 1 to %d",
                    cli->value[OPT_threads], SPLIT_MOST);
}

/* There a function's address is an index into a table that is not ours. */
static bool may_have_threads(Cli *cli, const Target *t, const PlanOptions *p) {
  if (!p->threads || t->arch != ARCH_wasm32)
    return true;
  diag_error(cli->diag, E0304, (Loc){0}, "--threads: not on %s", t->name);
  diag_hint(cli->diag, "objects for it have no function pointers");
  return false;
}

/* What -O, --sparse, --tier-by and --threads say to both. */
static bool session_options(Cli *cli, const Target *t, CodegenOptions *codegen,
                            PlanOptions *plan) {
  *plan = (PlanOptions){.name = NULL};
  if (!session_codegen(cli, codegen) || !get_sparse(cli, &plan->sparse) ||
      !get_polly(cli, t, &plan->polly) ||
      !get_tier_by(cli, t, &plan->caller_tier) ||
      !get_threads(cli, &plan->threads) || !may_have_threads(cli, t, plan))
    return false;
  plan->for_size = codegen->for_size;
  return true;
}

Plan *session_plan(Cli *cli, Graph *g) {
  CodegenOptions codegen;
  PlanOptions opt;
  const Target *t = session_target(cli);
  if (!t || !session_options(cli, t, &codegen, &opt) ||
      !session_optimize(cli, g, NULL))
    return NULL;
  return plan_new(cli->arena, g, t, &opt);
}

bool session_build(Cli *cli, const Graph *g, const Target *t, BuildKind kind,
                   unsigned what, const char *name, Built *out) {
  CodegenOptions codegen;
  PlanOptions plan;
  if (!session_options(cli, t, &codegen, &plan))
    return false;
  plan.name = name;
  plan.keep_all = kind == BUILD_keep_all;
  plan.clocks = kind == BUILD_clocks;
  codegen.open_tier = kind == BUILD_open_tier;
  if (!session_tune(cli, g, t, &codegen, &plan))
    return false;
  Progress progress = progress_begin("compiling");
  out->plan = plan_new(cli->arena, g, t, &plan);
  bool ok = out->plan && codegen_emit(out->plan, &codegen, what, &out->emitted);
  progress_end(&progress);
  return ok;
}

static const Value *largest_value(const Graph *g) {
  const Value *largest = NULL;
  for (int i = 0; i < g->values.n; i++) {
    const Value *v = g->values.v[i];
    if (v && !v->init &&
        (!largest || type_bytes(v->type) > type_bytes(largest->type)))
      largest = v;
  }
  return largest;
}

/* Values are at most 2^40 bytes each: their sum can't overflow. */
static int64_t value_bytes(const Graph *g) {
  int64_t sum = 0;
  for (int i = 0; i < g->values.n; i++)
    if (g->values.v[i] && !g->values.v[i]->init)
      sum += type_bytes(g->values.v[i]->type);
  return sum;
}

bool session_has_memory(Cli *cli, const Graph *g) {
  int64_t have = (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
  const Value *v = largest_value(g);
  if (!v || have <= 0 || value_bytes(g) <= have)
    return true;
  Str type = str_new(cli->arena);
  type_print(&type, v->type);
  Loc loc = v->def ? v->def->loc : (Loc){.file = g->file, .what = v->name};
  return diag_error(cli->diag, E0005, loc,
                    "to run the model takes %lld bytes, more than this machine "
                    "has; the largest part is '%s' : %s",
                    (long long)value_bytes(g), v->name, str_cstr(&type));
}
