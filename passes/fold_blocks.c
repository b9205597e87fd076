/* Weights in blocks as bytes, where their scales allow it (ir/blocks.h):
 *
 *   dequantize(w in blocks)  ->  dequantize(w' in i8, one scale a channel)
 *
 * Both are q (m s) of floats, and exact but for that last product: the same
 * numbers. What scales are no small multiples stays, for floats. */
#include "ir/blocks.h"
#include "passes/fold_scales.h"

static bool as_bytes(Graph *g, Op *dequantize) {
  Value *w = dequantize->in[0];
  const int8_t *bytes;
  const Type *t = blocks_as_bytes(g->arena, w->type, w->init->data, &bytes);
  if (!t)
    return false;
  op_set_input(dequantize, 0, graph_const(g, w->name, t, bytes));
  return true;
}

int fold_blocks(Graph *g) {
  int folded = 0;
  for (Op *op = g->first; op; op = op->next) {
    const Op *dq = op->nout ? dequantize_of(op->out[0]) : NULL;
    folded += dq && dq->in[0]->type->q->block && as_bytes(g, op);
  }
  return folded;
}
