/* The account of prune-channels: what a layer was before, and of the channels
 * of its result that nobody needs (constants, twins, such that are not read)
 * those that had to stay, counted by the reason. */
#include <string.h>

#include "passes/prune/channels.h"

static bool is_layer(const Op *op) {
  return op->nout && op->out[0]->type->rank &&
         (op_weight_bytes(op) || op_macs(op));
}

static int64_t bias_bytes(const Op *op) {
  const Value *b = op->kind == OP_matmul ? NULL : op_in(op, 2);
  return b && b->init ? type_bytes(b->type) : 0;
}

void prune_account_begin(Graph *g) {
  for (Op *op = g->first; op; op = op->next) {
    if (op->pruned || !is_layer(op))
      continue;
    const Type *y = op->out[0]->type;
    op->pruned = ARENA_NEW(g->arena, Pruned);
    *op->pruned = (Pruned){.channels = y->dim[y->rank - 1],
                           .macs = op_macs(op),
                           .weight_bytes = op_weight_bytes(op),
                           .bias_bytes = bias_bytes(op)};
  }
}

static void add(Arena *a, Pruned *to, Stay s) {
  for (int i = 0; i < to->stays.n; i++) {
    Stay *have = &to->stays.v[i];
    if (have->what == s.what && strcmp(have->why, s.why) == 0 &&
        have->at == s.at) {
      have->channels += s.channels;
      return;
    }
  }
  ARRAY_PUSH(a, &to->stays, s);
}

void prune_account_refusal(Graph *g, const char *why) {
  for (Op *op = g->first; op; op = op->next)
    if (op->pruned)
      add(g->arena, op->pruned,
          (Stay){op->pruned->channels, "unknown", why, NULL});
}

/* NULL: somebody needs it. */
static const char *what_of(const Channels *c, int64_t j) {
  if (c->v[j].constant)
    return "constant";
  if (c->v[j].twin != j)
    return "twin";
  return c->v[j].keep < CAUSE_need ? "unread" : NULL;
}

static void account_layer(const Prune *p, Op *op) {
  const Channels *y = channels_of(p, op->out[0]);
  op->pruned->stays.n = 0;
  for (int64_t j = 0; j < y->n; j++) {
    const Channel *c = &y->v[j];
    const char *what = what_of(y, j);
    if (what)
      add(p->g->arena, op->pruned,
          (Stay){1, what, c->why, c->by ? c->by->out[0]->name : NULL});
  }
}

void prune_account(const Prune *p) {
  for (Op *op = p->g->first; op; op = op->next)
    if (op->pruned)
      account_layer(p, op);
}
