/* See gauge.h. */
#include "driver/gauge.h"

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
      !session_build(own, copy, t, BUILD_product, EMIT_object, NULL, &b))
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
