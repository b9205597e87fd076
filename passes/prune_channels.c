/* Channels that nobody depends on go, physically, and with them their weights
 * and their arithmetic (passes/prune/): those that no weight reads; those that
 * are one constant, which the biases behind them take in; twins of another
 * channel, whose weights are added to its. Of floats, where sums keep their
 * order, only zeros and what is not read; prune-channels-float, which takes
 * the rest, is of class reassoc: a constant that enters the bias instead of
 * its place in the sum, and two weights rounded to one, move a sum by the
 * rounding of its terms. Each round may show more (a clamp that saturates
 * now), so there are rounds until nothing goes. A graph with very many
 * channels is left alone. */
#include "passes/prune/channels.h"

/* Facts are kept of every channel: their number bounds memory and time. */
enum { CHANNELS_MAX = 1 << 20 };

/* As many as could be: whatever the axis. */
static bool is_small(const Graph *g) {
  int64_t n = 0;
  for (int i = 0; i < g->values.n; i++) {
    const Value *v = g->values.v[i];
    int64_t most = 0;
    for (int d = 0; v && !v->init && d < v->type->rank; d++)
      most = v->type->dim[d] > most ? v->type->dim[d] : most;
    n += most;
    if (n > CHANNELS_MAX)
      return false;
  }
  return true;
}

static int64_t prune_round(Graph *g, bool reassoc) {
  Arena *scratch = arena_new();
  Prune p = {.g = g, .scratch = scratch, .reassoc = reassoc};
  p.of = ARENA_ARRAY(scratch, Channels, g->values.n);
  p.pairs = ARENA_ARRAY(scratch, bool, g->values.n);
  p.verdicts = ARENA_ARRAY(scratch, const Verdict *, g->values.n);
  prune_axes(&p);
  prune_facts(&p);
  prune_twins(&p);
  prune_needs(&p);
  int64_t removed = prune_cut(&p);
  if (!removed)
    prune_account(&p);
  arena_free(scratch);
  return removed;
}

static bool prune(Graph *g, PassCtx *c, bool reassoc) {
  prune_account_begin(g);
  if (!is_small(g))
    prune_account_refusal(g, "the graph has more than 2^20 channels");
  for (bool again = is_small(g); again;) {
    int64_t removed = prune_round(g, reassoc);
    pass_stat(c, "channels removed", removed);
    again = removed > 0;
  }
  return true;
}

bool pass_prune_channels(Graph *g, PassCtx *c) { return prune(g, c, false); }

bool pass_prune_channels_float(Graph *g, PassCtx *c) {
  return prune(g, c, true);
}
