/* kiln prune: takes channels, neurons, heads, or single weights out of a
 * float model, solves for what stays, writes the rest. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compress/prune/prune.h"
#include "driver/account.h"
#include "driver/data.h"
#include "driver/engine.h"
#include "driver/graph_file.h"
#include "driver/search.h"
#include "driver/session.h"
#include "driver/table.h"

/* ---- options ---- */

static bool bad_value(Cli *cli, OptId id, const char *expected) {
  return diag_error(cli->diag, E0001, (Loc){0}, "--%s: '%s' is not %s",
                    cli_spelling(id), cli->value[id], expected);
}

/* Neither nothing nor all. */
static bool get_part(Cli *cli, OptId id, double *out) {
  return cli_part(cli, id, out) &&
         ((*out > 0 && *out < 1) || bad_value(cli, id, "between 0 and 100%"));
}

static bool get_number(Cli *cli, OptId id, double *out) {
  char *end;
  *out = strtod(cli->value[id], &end);
  return (end != cli->value[id] && !*end && isfinite(*out)) ||
         bad_value(cli, id, "a number");
}

/* A:B or AxB of small numbers. */
static bool get_pair(Cli *cli, OptId id, char between, int *a, int *b) {
  enum { MOST = 1024 };
  const char *s = cli->value[id];
  char *end, *last = NULL;
  long x = strtol(s, &end, 10), y = 0;
  if (end != s && *end == between)
    y = strtol(end + 1, &last, 10);
  *a = (int)x;
  *b = (int)y;
  return (last && !*last && x > 0 && y > 0 && x <= MOST && y <= MOST) ||
         bad_value(cli, id, between == ':' ? "like 2:4" : "like 4x1");
}

/* Options of which at most one is given; false: E0001. */
static bool get_goal(Cli *cli, PruneOptions *out) {
  static const struct {
    OptId id;
    PruneGoal goal;
  } rows[] = {{OPT_ratio, GOAL_units},
              {OPT_params, GOAL_params},
              {OPT_macs, GOAL_macs},
              {OPT_threshold, GOAL_threshold}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    if (!cli_has(cli, rows[i].id))
      continue;
    if (out->goal != GOAL_none)
      return diag_error(cli->diag, E0001, (Loc){0},
                        "--ratio, --params, --macs and --threshold exclude "
                        "each other");
    out->goal = rows[i].goal;
    if (!(out->goal == GOAL_threshold
              ? get_number(cli, rows[i].id, &out->amount)
              : get_part(cli, rows[i].id, &out->amount)))
      return false;
  }
  return true;
}

static bool get_zeros(Cli *cli, PruneZeros *z) {
  if (cli_has(cli, OPT_nm)) {
    if (!get_pair(cli, OPT_nm, ':', &z->n, &z->m))
      return false;
    if (z->n >= z->m)
      return bad_value(cli, OPT_nm, "fewer of more, like 2:4");
    z->part = 1 - (double)z->n / z->m;
  }
  if (cli_has(cli, OPT_nm) && cli_has(cli, OPT_unstructured))
    return diag_error(cli->diag, E0001, (Loc){0},
                      "--nm says how much goes, --unstructured too");
  if (cli_has(cli, OPT_unstructured) &&
      !get_part(cli, OPT_unstructured, &z->part))
    return false;
  if (!cli_has(cli, OPT_block))
    return true;
  return cli_has(cli, OPT_unstructured)
             ? get_pair(cli, OPT_block, 'x', &z->rows, &z->cols)
             : diag_error(cli->diag, E0001, (Loc){0},
                          "--block goes with --unstructured");
}

static bool get_switch(Cli *cli, bool otherwise, bool *out) {
  const char *s = cli->value[OPT_reconstruct];
  *out = s ? strcmp(s, "on") == 0 : otherwise;
  return !s || *out || strcmp(s, "off") == 0 ||
         bad_value(cli, OPT_reconstruct, "on or off");
}

static bool get_words(Cli *cli, bool data, PruneOptions *out) {
  const char *method = cli->value[OPT_method], *scope = cli->value[OPT_scope];
  out->method = method ? prune_method_find(method)
                : data ? METHOD_obs
                       : METHOD_l2;
  out->scope = scope  ? prune_scope_find(scope)
               : data ? SCOPE_scan
                      : SCOPE_global;
  if (out->method == METHOD_COUNT)
    return bad_value(
        cli, OPT_method,
        arena_printf(cli->arena, "one of %s", prune_method_names(cli->arena)));
  return out->scope != SCOPE_COUNT ||
         bad_value(cli, OPT_scope, "one of layer, global, scan");
}

static bool get_options(Cli *cli, PruneOptions *out) {
  bool data = cli_has(cli, OPT_data);
  *out = (PruneOptions){0};
  if (!get_goal(cli, out) || !get_zeros(cli, &out->zeros) ||
      !get_words(cli, data, out) || !get_switch(cli, data, &out->reconstruct))
    return false;
  if (out->goal == GOAL_none && !(out->zeros.part > 0))
    return diag_error(cli->diag, E0001, (Loc){0},
                      "prune needs --ratio, --params, --macs, --threshold, "
                      "--unstructured or --nm");
  if (!data && cli_has(cli, OPT_labels))
    return diag_error(cli->diag, E0001, (Loc){0}, "--labels goes with --data");
  if (!data && prune_needs_data(out))
    return diag_error(cli->diag, E0001, (Loc){0},
                      "--data is needed: of what is asked, only --method=l1, "
                      "l2 or fpgm with --scope=layer or global do without");
  return true;
}

/* ---- the account ---- */

static double percent(int64_t part, int64_t whole) {
  return whole ? 100 * (double)part / (double)whole : 0;
}

static void add_cost(PruneCost *to, const PruneCost *c) {
  to->channels += c->channels;
  to->params += c->params;
  to->zeros += c->zeros;
  to->macs += c->macs;
}

static const char *const heading[] = {
    "name",         ">channels",     ">channels_left", ">params",
    ">params_left", ">zeros",        ">zeros_left",    ">macs",
    ">macs_left",   ">found_masked", "remark"};
enum { COLUMNS = 11 };

static void add_row(Table *t, const PruneRow *r) {
  Arena *a = t->arena;
  table_add(
      t,
      (const char *[]){
          r->name, table_number(a, r->model.channels),
          table_number(a, r->after.channels), table_number(a, r->model.params),
          table_number(a, r->after.params), table_number(a, r->before.zeros),
          table_number(a, r->after.zeros), table_number(a, r->model.macs),
          table_number(a, r->after.macs),
          table_number(a, r->model.channels - r->before.channels), r->remark});
}

static Table make_table(Cli *cli, const PruneReport *report, bool clipped) {
  Table t = table_new(cli->arena, COLUMNS, heading);
  PruneRow all = {.name = "all"};
  for (int i = 0; i < report->rows.n; i++) {
    PruneRow r = report->rows.v[i];
    if (clipped)
      r.name = table_name(cli->arena, r.name);
    add_row(&t, &r);
    add_cost(&all.model, &r.model);
    add_cost(&all.before, &r.before);
    add_cost(&all.after, &r.after);
  }
  if (clipped)
    add_row(&t, &all);
  return t;
}

static void print_text(Cli *cli, const PruneReport *report,
                       const Account *account) {
  Table t = make_table(cli, report, true);
  PruneCost model = {0}, after = {0};
  for (int i = 0; i < report->rows.n; i++) {
    add_cost(&model, &report->rows.v[i].model);
    add_cost(&after, &report->rows.v[i].after);
  }
  table_print(&t, stdout);
  printf("%lld of %lld units gone: %.1f %% fewer parameters, %.1f %% fewer "
         "MACs\n",
         (long long)report->gone, (long long)report->units,
         percent(model.params - after.params, model.params),
         percent(model.macs - after.macs, model.macs));
  if (after.zeros)
    printf("%.1f %% of what stays is zero\n",
           percent(after.zeros, after.params));
  if (!isnan(report->error))
    printf("the outputs changed by %.3f %% of their variance\n",
           100 * report->error);
  printf("\n");
  t = account_table(cli->arena, account);
  table_print(&t, stdout);
}

static void print_json(Cli *cli, const PruneReport *report,
                       const Account *account) {
  Table t = make_table(cli, report, false);
  Table sums = account_table(cli->arena, account);
  json_object *o = json_object_new_object();
  json_object_object_add(o, "units", json_object_new_int64(report->units));
  json_object_object_add(o, "gone", json_object_new_int64(report->gone));
  if (!isnan(report->error))
    json_object_object_add(o, "error", json_real(report->error));
  json_object_object_add(o, "layers", table_json(&t));
  json_object_object_add(o, "account", table_json(&sums));
  json_print(o, stdout);
}

/* ------------------------------------------------------------------------- */

/* The float graph behind the passes, as deep as pruning looks at it. */
static bool make_float(Cli *cli, Graph *g) {
  PassOptions passes;
  if (!session_passes(cli, &passes))
    return false;
  passes.allow = PASS_reassoc;
  return passes_run(g, &passes, NULL);
}

bool command_prune(Cli *cli) {
  if (search_is_asked(cli))
    return search_command(cli, SEARCH_prune);
  const char *path = cli->value[OPT_output];
  PruneOptions options;
  PruneReport report;
  Account account;
  bool data = cli_has(cli, OPT_data);
  Feed feed;
  if (!path)
    return diag_error(cli->diag, E0001, (Loc){0},
                      "prune needs --output, a file");
  if (!get_options(cli, &options))
    return false;
  Graph *g = session_load(cli);
  if (!g || !session_has_memory(cli, g) || !make_float(cli, g) ||
      (data && !data_open(cli, g, &feed)))
    return false;
  Graph *pruned = prune_graph(cli->arena, g, &options, engine_new(cli),
                              data ? &feed : NULL, &report);
  if (!pruned || !graph_file_write(cli, pruned, path, TEXT_LARGE))
    return false;
  if (strcmp(path, "-") == 0)
    return true;
  if (!account_make(cli, g, pruned, data ? &feed : NULL, path, &account))
    return false;
  (cli_has(cli, OPT_json) ? print_json : print_text)(cli, &report, &account);
  return true;
}
