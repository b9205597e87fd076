/* Channels that nobody depends on go, physically, and with them their weights
 * and their arithmetic (passes/prune/): those that no weight reads, and those
 * that are one constant, which the biases behind them take in; of floats only
 * zeros, so that no sum changes. Each round may show more (a clamp that
 * saturates now), so there are rounds until nothing goes. A graph with
 * very many channels is left alone. */
#include "passes/prune/channels.h"

/* Facts are kept of every channel: their number bounds memory and time. */
enum { CHANNELS_MAX = 1 << 20 };

static bool is_small(const Graph *g) {
  int64_t n = 0;
  for (int i = 0; i < g->values.n; i++) {
    const Value *v = g->values.v[i];
    if (!v || v->init || !v->type->rank)
      continue;
    n += v->type->dim[v->type->rank - 1];
    if (n > CHANNELS_MAX)
      return false;
  }
  return true;
}

bool pass_prune_channels(Graph *g, PassCtx *c) {
  if (!is_small(g))
    return true;
  for (bool again = true; again;) {
    Arena *scratch = arena_new();
    Prune p = {.g = g, .scratch = scratch};
    p.of = ARENA_ARRAY(scratch, Channels, g->values.n);
    prune_facts(&p);
    prune_needs(&p);
    int64_t removed = prune_cut(&p);
    pass_stat(c, "channels removed", removed);
    again = removed > 0;
    arena_free(scratch);
  }
  return true;
}
