/* Ops and constants that lead to no output go. */
#include "passes/rewrite.h"

static int remove_constants(Graph *g) {
  int removed = 0;
  for (int i = 0; i < g->values.n; i++) {
    Value *v = g->values.v[i];
    if (!v || !v->init || value_use_count(g, v))
      continue;
    graph_remove_value(g, v);
    removed++;
  }
  return removed;
}

bool pass_dce(Graph *g, PassCtx *c) {
  pass_stat(c, "ops removed", rewrite_sweep(g));
  pass_stat(c, "constants removed", remove_constants(g));
  return true;
}
