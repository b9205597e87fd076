/* Shape arithmetic. Converters write shapes that depend on the batch as
 * operators on small integer tensors (SHAPE, STRIDED_SLICE, PACK, ...), which
 * end in an operand that must be known: a new shape, a begin, a fill count.
 * Here shapes are known, so these operators have constant operands, and what
 * they compute becomes a constant as soon as they are imported. */
#include "frontend/tflite/import.h"
#include "ir/exec.h"

enum { SHAPE_BYTES = 4096 };

static bool is_shape_arithmetic(const Op *op) {
  for (int i = 0; i < op->nin; i++)
    if (op->in[i] && !op->in[i]->init)
      return false;
  for (int i = 0; i < op->nout; i++) {
    const Type *t = op->out[i]->type;
    if (dtype_is_float(t->dtype) || t->q || type_bytes(t) > SHAPE_BYTES)
      return false;
  }
  return true;
}

static void fold(Graph *g, Op *op, Value **out) {
  const void **in = ARENA_ARRAY(g->arena, const void *, op->nin);
  void **data = ARENA_ARRAY(g->arena, void *, op->nout);
  for (int i = 0; i < op->nin; i++)
    in[i] = op->in[i] ? op->in[i]->init->data : NULL;
  for (int i = 0; i < op->nout; i++)
    data[i] = arena_alloc(g->arena, (size_t)type_bytes(op->out[i]->type));
  op_eval(op, in, data);
  for (int i = 0; i < op->nout; i++) {
    out[i] = graph_const(g, NULL, op->out[i]->type, data[i]);
    graph_swap_names(g, out[i], op->out[i]);
  }
  graph_remove_op(g, op);
}

Value *op_fold(Graph *g, Value *v) {
  fold(g, v->def, &v);
  return v;
}

/* A bad op goes, so that it is not reported twice. */
static bool drop_bad(Graph *g, Op *op, Value **out) {
  for (int i = 0; i < op->nout; i++)
    out[i] = NULL;
  graph_remove_op(g, op);
  return false;
}

bool op_fold_shapes(Graph *g, Op *op, Value **out) {
  if (!is_shape_arithmetic(op))
    return true;
  if (!op_verify(op))
    return drop_bad(g, op, out);
  fold(g, op, out);
  return true;
}
