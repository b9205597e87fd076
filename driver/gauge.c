/* See gauge.h. */
#include "driver/gauge.h"

#include <math.h>
#include <string.h>
#include <sys/stat.h>

#include "driver/session.h"
#include "plan/budget.h"

/* ---- the gauge ---- */

typedef struct CompilerGauge {
  Gauge base;
  Cli *cli;
} CompilerGauge;

/* In an arena of its own: a search measures many. */
static bool measure_in(Cli *own, const Graph *g, Figures *out) {
  const Target *t = session_target(own);
  Graph *copy = graph_clone(own->arena, g);
  Built b;
  copy->diag = own->diag;
  if (!t || !session_optimize(own, copy, NULL) ||
      !session_build(own, copy, t, false, EMIT_object, NULL, &b))
    return false;
  figures_count(g, out); /* passes widen what the object packs again */
  out->flash = budget_figure(BUDGET_flash, b.plan, &b.emitted.sizes);
  out->ram = budget_figure(BUDGET_ram, b.plan, &b.emitted.sizes);
  out->macs = budget_figure(BUDGET_macs, b.plan, &b.emitted.sizes);
  return true;
}

static bool gauge_measure(Gauge *gauge, const Graph *g, Figures *out) {
  Cli own = *((CompilerGauge *)gauge)->cli;
  own.arena = arena_new();
  own.diag = g->diag;
  bool ok = measure_in(&own, g, out);
  arena_free(own.arena);
  return ok;
}

Gauge *gauge_new(Cli *cli) {
  CompilerGauge *g = ARENA_NEW(cli->arena, CompilerGauge);
  *g = (CompilerGauge){{gauge_measure}, cli};
  return &g->base;
}

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

/* ---- the account ---- */

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
  static const char *const headings[] = {"", ">before", ">after", ">ratio"};
  const Figures *x = &c->before, *y = &c->after;
  double bits = bits_a_weight(x), bits_now = bits_a_weight(y);
  Table t = table_new(a, 4, headings);
  add_count(&t, "parameters", x->parameters, y->parameters);
  add_row(&t, "bits a weight", real(a, bits, 2), real(a, bits_now, 2),
          bits / bits_now);
  if (c->file_before && c->file_after)
    add_count(&t, "file bytes", c->file_before, c->file_after);
  add_count(&t, "flash bytes", x->flash, y->flash);
  add_count(&t, "RAM bytes", x->ram, y->ram);
  add_count(&t, "MACs", x->macs, y->macs);
  if (c->score)
    add_row(&t, c->score, real(a, x->score, 4), real(a, y->score, 4), NAN);
  return t;
}
