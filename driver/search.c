/* See search.h. */
#include "driver/search.h"

#include <string.h>

#include "driver/account.h"
#include "driver/budget.h"
#include "driver/data.h"
#include "driver/engine.h"
#include "driver/gauge.h"
#include "driver/graph_file.h"
#include "driver/plot.h"
#include "driver/session.h"
#include "support/file.h"

/* Of Search.ctx. */
typedef struct Session {
  Cli *cli;
  const char *metric;
} Session;

/* ---- options ---- */

/* What a search decides itself. */
static const OptId decided[] = {
    OPT_weights,      OPT_activations, OPT_per_tensor,
    OPT_symmetric,    OPT_scale_bits,  OPT_group,
    OPT_layer,        OPT_keep_float,  OPT_asymmetric_weights,
    OPT_mixed,        OPT_recover,     OPT_calibration,
    OPT_method,       OPT_ratio,       OPT_params,
    OPT_macs,         OPT_threshold,   OPT_scope,
    OPT_unstructured, OPT_nm,          OPT_block,
    OPT_reconstruct};

static bool check_decided(Cli *cli) {
  bool ok = true;
  for (size_t i = 0; i < sizeof decided / sizeof *decided; i++)
    if (cli_has(cli, decided[i]) &&
        !(cli->command == CMD_compress && decided[i] == OPT_params))
      ok = diag_error(cli->diag, E0001, (Loc){0},
                      "--%s is what --max-drop searches for",
                      cli_spelling(decided[i]));
  return ok;
}

bool search_is_asked(Cli *cli) { return cli_has(cli, OPT_max_drop); }

static bool read_bound(Cli *cli, Bound *out) {
  Budgets limits;
  bool ok = check_decided(cli);
  if (cli_has(cli, OPT_max_drop))
    ok = cli_part(cli, OPT_max_drop, &out->max_drop) && ok;
  else
    ok = diag_error(cli->diag, E0001, (Loc){0}, "%s needs --max-drop",
                    command_name(cli->command));
  ok = budget_read(cli, &limits) && ok;
  if (!ok)
    return false;
  out->max_flash = limits.limit[BUDGET_flash];
  out->max_ram = limits.limit[BUDGET_ram];
  out->max_macs = limits.limit[BUDGET_macs];
  const char *path = cli->value[OPT_output];
  return (path && strcmp(path, "-") != 0) ||
         diag_error(cli->diag, E0001, (Loc){0}, "%s needs --output, a file",
                    command_name(cli->command));
}

/* ---- what is shown ---- */

static const char *score_text(const Search *s, const Figures *f) {
  return metric_is_part(s->metric)
             ? arena_printf(s->arena, "%.2f %%", 100 * f->score)
             : arena_printf(s->arena, "%.6g", f->score);
}

static void print_form(const Search *s, const char *name, const Figures *f,
                       const char *remark) {
  printf("%-50s %10s %10lld %10lld %12lld%s\n", name, score_text(s, f),
         (long long)f->flash, (long long)f->ram, (long long)f->macs, remark);
}

static void tell(Search *s, const Candidate *c) {
  const Session *own = s->ctx;
  if (cli_has(own->cli, OPT_json))
    return;
  if (s->tried.n == 1)
    printf("%-50s %10s %10s %10s %12s\n", "form", own->metric, "flash", "RAM",
           "MACs");
  if (c->failed)
    printf("%-50s cannot be made\n", c->recipe.name);
  else
    print_form(s, c->recipe.name, &c->figures, c->within ? "" : "  no");
  fflush(stdout);
}

/* All forms; what is better comes later, and shows. */
typedef ARRAY(PlotPoint) PlotPoints;

static PlotPoints points_of(const Search *s) {
  static const char marks[] = ".*@";
  PlotPoints points = {0};
  for (int pass = 0; marks[pass]; pass++)
    for (int i = 0; i < s->tried.n; i++) {
      const Candidate *c = &s->tried.v[i];
      int mark = i == s->best ? 2 : c->front;
      PlotPoint p = {(double)c->figures.flash, c->figures.score, marks[mark],
                     c->recipe.name};
      if (!c->failed && mark == pass)
        ARRAY_PUSH(s->arena, &points, p);
    }
  return points;
}

static void print_plot(const Search *s) {
  const Session *own = s->ctx;
  PlotPoints points = points_of(s);
  const char *y = arena_printf(
      s->arena, "%s; * nothing beats it in everything, @ the one that is kept",
      own->metric);
  plot_print(s->arena, stdout, points.v, points.n, "bytes of flash", y);
}

/* --plot. */
static bool write_plot(Cli *cli, const Search *s) {
  const char *path = cli->value[OPT_plot];
  const Session *own = s->ctx;
  PlotPoints points = points_of(s);
  Str svg = str_new(cli->arena);
  if (!path)
    return true;
  plot_svg(&svg, points.v, points.n, "bytes of flash", own->metric,
           "filled: nothing beats it in score, flash, RAM and MACs; large: the "
           "one that is kept");
  return file_write(path, svg.s, svg.n, cli->diag);
}

static json_object *candidate_json(const Search *s, int i) {
  const Candidate *c = &s->tried.v[i];
  const Figures *f = &c->figures;
  json_object *o = json_object_new_object();
  json_object_object_add(o, "form", json_text(c->recipe.name));
  json_object_object_add(o, "failed", json_object_new_boolean(c->failed));
  if (c->failed)
    return o;
  json_object_object_add(o, "score", json_real(f->score));
  json_object_object_add(o, "flash", json_object_new_int64(f->flash));
  json_object_object_add(o, "ram", json_object_new_int64(f->ram));
  json_object_object_add(o, "macs", json_object_new_int64(f->macs));
  json_object_object_add(o, "parameters", json_object_new_int64(f->parameters));
  json_object_object_add(o, "within", json_object_new_boolean(c->within));
  json_object_object_add(o, "front", json_object_new_boolean(c->front));
  json_object_object_add(o, "best", json_object_new_boolean(i == s->best));
  return o;
}

static void print_json(const Search *s, const Table *account) {
  json_object *o = json_object_new_object(), *all = json_object_new_array();
  for (int i = 0; i < s->tried.n; i++)
    json_object_array_add(all, candidate_json(s, i));
  json_object_object_add(o, "candidates", all);
  json_object_object_add(o, "account", table_json(account));
  json_print(o, stdout);
}

/* Written when something was made, also when that breaks the bound. */
static bool finish(Cli *cli, const Search *s) {
  const char *path = cli->value[OPT_output];
  const Session *own = s->ctx;
  if (!s->graph || !graph_file_write(cli, s->graph, path, TEXT_LARGE) ||
      !write_plot(cli, s))
    return false;
  Account account = {s->reference, s->tried.v[s->best].figures,
                     model_file_bytes(cli, cli->args.v[0]),
                     model_file_bytes(cli, path), own->metric};
  Table table = account_table(cli->arena, &account);
  if (cli_has(cli, OPT_json)) {
    print_json(s, &table);
    return true;
  }
  printf("\n");
  print_plot(s);
  printf("\n%s\n", s->tried.v[s->best].recipe.name);
  table_print(&table, stdout);
  return true;
}

/* ---- the command ---- */

/* By classes where there are any; else how often it decides as the model. */
static bool read_metric(Cli *cli, const Labels *labels, int64_t classes,
                        MetricSpec *out) {
  const char *name = cli->value[OPT_metric];
  *out = labels->n ? (MetricSpec){METRIC_top, 1}
                   : (MetricSpec){.kind = METRIC_agreement};
  if (name && !metric_find(name, strlen(name), out))
    return diag_error(cli->diag, E0001, (Loc){0},
                      "--metric: '%s' is none of %s", name,
                      metric_names(cli->arena));
  if (!metric_fits(*out, classes))
    return diag_error(cli->diag, E0001, (Loc){0},
                      "--metric: %s of only %lld classes", name,
                      (long long)classes);
  return labels->n || !metric_wants_labels(*out) ||
         diag_error(cli->diag, E0001, (Loc){0},
                    "--metric: %s needs --labels with classes", name);
}

/* What the score is measured with. */
static bool read_score(Cli *cli, Search *s, Feed *scored, Labels *labels) {
  const Graph *g = s->model;
  if (g->outputs.n != 1)
    return diag_error(cli->diag, E0302, (Loc){.file = g->file},
                      "%s is for models of one output",
                      command_name(cli->command));
  int64_t classes = metric_classes(type_count(g->outputs.v[0]->type));
  if (!data_open_eval(cli, g, scored) || !data_labels(cli, scored, labels) ||
      !data_classes(cli, labels, classes) ||
      !read_metric(cli, labels, classes, &s->metric))
    return false;
  s->scored = scored;
  s->truth.label = labels->n ? labels->v : NULL;
  return true;
}

bool search_command(Cli *cli, unsigned uses) {
  Feed feed, scored;
  Labels labels;
  PassOptions passes;
  Session own = {.cli = cli};
  Search s = {.arena = cli->arena,
              .feed = &feed,
              .passes = &passes,
              .uses = uses,
              .tell = tell,
              .ctx = &own};
  if (!read_bound(cli, &s.bound) ||
      (cli_has(cli, OPT_params) && !cli_part(cli, OPT_params, &s.pruned)) ||
      !session_passes(cli, &passes))
    return false;
  s.model = session_float(cli);
  if (!s.model || !data_open(cli, s.model, &feed) ||
      !read_score(cli, &s, &scored, &labels))
    return false;
  own.metric = metric_name(cli->arena, s.metric);
  s.engine = engine_new(cli);
  s.gauge = gauge_new(cli);
  bool ok = search_run(&s);
  ok = finish(cli, &s) && ok;
  search_free(&s);
  return ok;
}
