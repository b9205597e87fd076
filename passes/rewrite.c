#include "passes/rewrite.h"

bool rewrite_replace(Graph *g, Value *old, Value *with) {
  bool is_root = value_use_count(g, old) > old->uses.n;
  if (old == with ||
      (is_root && (!with->def || value_use_count(g, with) > with->uses.n)))
    return false;
  graph_replace_uses(g, old, with);
  return true;
}

static bool is_dead(const Graph *g, const Op *op) {
  for (int i = 0; i < op->nout; i++)
    if (value_use_count(g, op->out[i]))
      return false;
  return true;
}

bool rewrite_remove_if_dead(Graph *g, Op *op) {
  if (!is_dead(g, op))
    return false;
  graph_remove_op(g, op);
  return true;
}

int rewrite_sweep(Graph *g) {
  int removed = 0;
  for (Op *op = g->last, *prev; op; op = prev) {
    prev = op->prev;
    removed += rewrite_remove_if_dead(g, op);
  }
  return removed;
}

Op *rewrite_only_def(const Graph *g, const Value *v, OpKind kind) {
  bool fits = v->def && v->def->kind == kind && value_use_count(g, v) == 1;
  return fits ? v->def : NULL;
}

static bool apply_rules(Graph *g, PassCtx *c, const Rule *rules, int nrule,
                        Op *op) {
  for (int r = 0; r < nrule; r++)
    if (rules[r].kind == op->kind && !is_dead(g, op) && rules[r].apply(g, op)) {
      pass_stat(c, rules[r].what, 1);
      return true;
    }
  return false;
}

/* Round by round: an op replaced in one still reads its operands until the
 * sweep, and so keeps them from having one use only. */
void rewrite_graph(Graph *g, PassCtx *c, const Rule *rules, int nrule) {
  for (bool again = true; again;) {
    again = false;
    for (Op *op = g->first; op; op = op->next)
      while (apply_rules(g, c, rules, nrule, op))
        again = true;
    if (again)
      rewrite_sweep(g);
  }
}

Act *rewrite_activation(Op *op) {
  switch ((int)op->kind) {
  case OP_conv2d:
  case OP_depthwise_conv2d:
    return &op->attrs.conv.act;
  case OP_fully_connected:
    return &op->attrs.dense.act;
  case OP_add:
  case OP_sub:
  case OP_mul:
    return &op->attrs.act.act;
  case OP_avg_pool2d:
  case OP_max_pool2d:
    return &op->attrs.pool.act;
  }
  return NULL;
}
