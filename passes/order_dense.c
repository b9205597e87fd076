/* A dense layer behind channels-first features that are flattened:
 *
 *   fully_connected(reshape(transpose(x, p)), w)
 *     -> fully_connected(reshape(x), w')
 *   matmul(reshape(transpose(x, p)), w), alike
 *
 * w' has its columns (its rows in matmul) in the order of x's elements: the
 * transpose is done at compile time. The sum over them is in another order
 * then, which is exact for integers, and for floats is not. */
#include <string.h>

#include "passes/permute.h"
#include "passes/rewrite.h"

/* The transpose that a row of k elements is read through, with at most a
 * reshape behind it; NULL when there is none, or when it moves more than
 * what lies within rows. *first: the dim of the transpose where rows begin. */
static Op *row_transpose(const Op *op, int64_t k, int *first) {
  Op *t = op->in[0]->def;
  if (t && t->kind == OP_reshape)
    t = t->in[0]->def;
  if (!t || t->kind != OP_transpose)
    return NULL;
  const Type *y = t->out[0]->type;
  int64_t n = 1;
  *first = y->rank;
  while (n < k && *first > 0)
    n *= y->dim[--*first];
  if (n != k)
    return NULL;
  for (int i = 0; i < *first; i++)
    if (t->attrs.perm.perm.v[i] != i)
      return NULL;
  return t;
}

/* order[i]: which element of a transposed row is element i of x's. */
static int64_t *row_order(Arena *a, const Op *t, int first, int64_t k) {
  const Type *x = t->in[0]->type, *y = t->out[0]->type;
  const IntList *p = &t->attrs.perm.perm;
  int64_t *order = ARENA_ARRAY(a, int64_t, k), step[MAX_RANK] = {0};
  int64_t at[MAX_RANK] = {0}, n = 1;
  for (int i = y->rank - 1; i >= first; i--) {
    step[p->v[i]] = n;
    n *= y->dim[i];
  }
  for (int64_t i = 0, here = 0; i < k; i++) {
    order[i] = here;
    for (int d = x->rank - 1; d >= first; d--) {
      here += step[d];
      if (++at[d] < x->dim[d])
        break;
      here -= step[d] * x->dim[d];
      at[d] = 0;
    }
  }
  return order;
}

/* w as [outer][k][inner bytes] with k in that order. */
static Value *ordered_weight(Graph *g, const Value *w, const int64_t *order,
                             int64_t outer, int64_t k) {
  size_t bytes = (size_t)type_bytes(w->type);
  size_t inner = bytes / (size_t)(outer * k);
  const char *from = w->init->data;
  char *data = arena_alloc(g->arena, bytes);
  for (int64_t o = 0; o < outer; o++)
    for (int64_t i = 0; i < k; i++)
      memcpy(data + (size_t)(o * k + i) * inner,
             from + (size_t)(o * k + order[i]) * inner, inner);
  return graph_const(g, w->name, w->type, data);
}

static bool order_rows(Graph *g, Op *op, int64_t outer, int64_t k) {
  Value *w = op->in[1];
  int first;
  Op *t = row_transpose(op, k, &first);
  if (!t || !w->init || dtype_bits(w->type->dtype) < 8)
    return false;
  int64_t *order = row_order(g->arena, t, first, k);
  Value *x = t->in[0];
  if (op->in[0]->def != t) {
    const Type *rows = op->in[0]->type;
    x = graph_op(g, op, OP_reshape, NULL, 1, &x, 1, &rows, NULL, op->loc)
            ->out[0];
  }
  op_set_input(op, 1, ordered_weight(g, w, order, outer, k));
  op_set_input(op, 0, x);
  return true;
}

static bool is_float(const Op *op) {
  return dtype_is_float(op->in[0]->type->dtype);
}

static bool order_dense(Graph *g, Op *op) {
  const int64_t *d = op->in[1]->type->dim;
  return order_rows(g, op, d[0], d[1]);
}

/* One matrix of weights for all, of one type of elements. */
static bool order_matmul(Graph *g, Op *op) {
  const Type *w = op->in[1]->type;
  return w->rank == 2 && order_rows(g, op, 1, w->dim[0]);
}

static bool dense_of_integers(Graph *g, Op *op) {
  return !is_float(op) && order_dense(g, op);
}

static bool matmul_of_integers(Graph *g, Op *op) {
  return !is_float(op) && order_matmul(g, op);
}

static const Rule integer_rules[] = {
    {OP_fully_connected, dense_of_integers, "layers put in order"},
    {OP_matmul, matmul_of_integers, "layers put in order"},
};

static const Rule all_rules[] = {
    {OP_fully_connected, order_dense, "layers put in order"},
    {OP_matmul, order_matmul, "layers put in order"},
};

bool pass_order_dense(Graph *g, PassCtx *c) {
  rewrite_graph(g, c, integer_rules,
                sizeof integer_rules / sizeof *integer_rules);
  return true;
}

bool pass_order_dense_float(Graph *g, PassCtx *c) {
  rewrite_graph(g, c, all_rules, sizeof all_rules / sizeof *all_rules);
  return true;
}
