/* See account.h. */
#include "driver/account.h"

#include <math.h>
#include <string.h>
#include <sys/stat.h>

#include "compress/evaluate.h"
#include "driver/data.h"
#include "driver/engine.h"
#include "driver/gauge.h"

/* ---- files ---- */

static int64_t file_bytes(const char *path) {
  struct stat s;
  return stat(path, &s) == 0 ? (int64_t)s.st_size : 0;
}

int64_t model_file_bytes(Cli *cli, const char *path) {
  int64_t beside = 0;
  size_t n = strlen(path);
  if (str_has_suffix(path, ".kiln"))
    beside = file_bytes(
        arena_printf(cli->arena, "%.*s.bin", (int)(n - strlen(".kiln")), path));
  return file_bytes(path) + beside;
}

/* ---- the table ---- */

static double bits_a_weight(const Figures *f) {
  return f->weights ? (double)f->weight_bits / (double)f->weights : 0;
}

static const char *real(Arena *a, double x, int digits) {
  return isnan(x) ? "" : arena_printf(a, "%.*f", digits, x);
}

static void add_row(Table *t, const char *what, const char *before,
                    const char *after, double ratio) {
  bool known = isfinite(ratio) && ratio > 0;
  const char *cells[] = {what, before, after,
                         known ? real(t->arena, ratio, 2) : ""};
  table_add(t, cells);
}

static void add_count(Table *t, const char *what, int64_t before,
                      int64_t after) {
  add_row(t, what, table_number(t->arena, before),
          table_number(t->arena, after), (double)before / (double)after);
}

Table account_table(Arena *a, const Account *c) {
  static const char *const headings[] = {"figure", ">before", ">after",
                                         ">ratio"};
  const Figures *x = &c->before, *y = &c->after;
  double bits = bits_a_weight(x), bits_now = bits_a_weight(y);
  Table t = table_new(a, 4, headings);
  add_count(&t, "parameters", x->parameters, y->parameters);
  add_row(&t, "bits a weight", real(a, bits, 2), real(a, bits_now, 2),
          bits / bits_now);
  if (c->file_before && c->file_after)
    add_count(&t, "file bytes", c->file_before, c->file_after);
  if (x->flash && y->flash) {
    add_count(&t, "flash bytes", x->flash, y->flash);
    add_count(&t, "RAM bytes", x->ram, y->ram);
    add_count(&t, "MACs", x->macs, y->macs);
  }
  if (c->score)
    add_row(&t, c->score, real(a, x->score, 4), real(a, y->score, 4), NAN);
  return t;
}

/* ---- what is measured ---- */

/* A target that has no form of it is no error of the compression. */
static void weigh(Cli *cli, const Graph *g, Figures *out) {
  Gauge *gauge = gauge_new(cli);
  Graph *copy = graph_clone(cli->arena, g);
  copy->diag = diag_new(cli->arena);
  if (gauge->measure(gauge, copy, out))
    return;
  *out = (Figures){0};
  figures_count(g, out);
}

static bool score(Cli *cli, const Graph *g, const Feed *samples,
                  const Truth *truth, double *out) {
  static const MetricSpec top1 = {METRIC_top, 1};
  Evaluation e = {.g = g, .engine = engine_new(cli), .feed = samples};
  Measured m;
  bool ok = evaluate(&e, truth, &top1, 1, &m, NULL);
  *out = ok ? m.value : NAN;
  return ok;
}

static bool score_both(Cli *cli, const Graph *before, const Graph *after,
                       const Feed *samples, Account *out) {
  Labels labels = {0};
  if (before->outputs.n != 1)
    return diag_error(cli->diag, E0302, (Loc){.file = before->file},
                      "--labels is for models of one output");
  int64_t classes = metric_classes(type_count(before->outputs.v[0]->type));
  if (!data_labels(cli, samples, &labels) ||
      !data_classes(cli, &labels, classes))
    return false;
  Truth truth = {.label = labels.v};
  out->score = "top-1";
  return score(cli, before, samples, &truth, &out->before.score) &&
         score(cli, after, samples, &truth, &out->after.score);
}

bool account_make(Cli *cli, const Graph *before, const Graph *after,
                  const Feed *samples, const char *path, Account *out) {
  *out = (Account){.file_before = model_file_bytes(cli, cli->args.v[0]),
                   .file_after = model_file_bytes(cli, path)};
  weigh(cli, before, &out->before);
  weigh(cli, after, &out->after);
  return !samples || !cli_has(cli, OPT_labels) ||
         score_both(cli, before, after, samples, out);
}
