/* Channels that nobody depends on go, physically, and with them their weights
 * and their arithmetic (passes/prune/): those that no weight reads, and those
 * that are one constant, which the biases behind them take in; of floats only
 * zeros, so that no sum changes. Each round may show more (a clamp that
 * saturates now), so there are rounds until nothing goes. */
#include "passes/prune/channels.h"

bool pass_prune_channels(Graph *g, PassCtx *c) {
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
