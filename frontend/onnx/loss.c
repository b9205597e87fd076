/* NegativeLogLikelihoodLoss and SoftmaxCrossEntropyLoss at static shapes:
 * x [N, C, ..], target [N, ..], weight [C]. */
#include "frontend/onnx/index.h"
#include "frontend/onnx/spatial.h"

static Value *reduce_all(Node *n, Value *x) {
  return n->bad
             ? NULL
             : b_reduce(n, OP_reduce_sum, x, (1u << x->type->rank) - 1, false);
}

/* -w[t] * x[t], 0 where t is ignored, reduced. */
static Value *picked_loss(Node *n, Value *x, Value *target, Value *weight) {
  static const char *const kinds[] = {"mean", "none", "sum", NULL};
  int kind = attr_choice(n, "reduction", kinds);
  bool ignores = attr_has(n, "ignore_index");
  int64_t ignored = attr_int(n, "ignore_index", 0);
  Value *t = b_cast(n, target, DT_i64), *factor = NULL;
  if (n->bad)
    return NULL;
  if (ignores) { /* any class in its place: its weight is 0 */
    Value *gone = b_binary_k(n, OP_equal, t, (double)ignored);
    factor = b_cast(n, b_unary(n, OP_not, gone), x->type->dtype);
    t = b_select(n, gone, b_scalar(n, DT_i64, 0), t);
  }
  if (weight) {
    Value *w = b_gather(n, b_widen(n, weight), 0, t);
    factor = factor ? b_binary(n, OP_mul, w, factor) : w;
  }
  Value *at = b_gather_elements(n, x, 1, b_unsqueeze(n, t, 1));
  Value *loss = b_unary(n, OP_neg, b_squeeze(n, at, 1u << 1));
  if (factor)
    loss = b_binary(n, OP_mul, loss, factor);
  if (kind == 1 || n->bad)
    return loss;
  Value *sum = reduce_all(n, loss);
  if (kind == 2)
    return sum;
  return factor ? b_binary(n, OP_div, sum, reduce_all(n, factor))
                : b_binary_k(n, OP_div, sum, (double)type_count(t->type));
}

static bool check_loss(Node *n, const Value *x, const Value *t) {
  bool ok = x->type->rank >= 2 && t->type->rank == x->type->rank - 1;
  for (int i = 0; ok && i < t->type->rank; i++)
    ok = t->type->dim[i] == x->type->dim[i ? i + 1 : 0];
  return ok || node_invalid(n, "targets of %s for scores of %s",
                            dims_text(n, dims_of(t)), dims_text(n, dims_of(x)));
}

void onnx_nll_loss(Node *n) {
  Value *x = node_in(n, 0);
  if (!check_loss(n, x, node_in(n, 1)))
    return;
  Value *y = picked_loss(n, b_widen(n, x), node_in(n, 1), node_in(n, 2));
  node_out(n, 0, b_cast(n, y, x->type->dtype));
}

/* x - max - log(sum(exp(x - max))) over the classes */
static Value *log_softmax(Node *n, Value *x) {
  Value *top = b_reduce(n, OP_reduce_max, x, 1u << 1, true);
  Value *d = b_binary(n, OP_sub, x, top);
  Value *sum = b_reduce(n, OP_reduce_sum, b_unary(n, OP_exp, d), 1u << 1, true);
  return b_binary(n, OP_sub, d, b_unary(n, OP_log, sum));
}

void onnx_softmax_cross_entropy_loss(Node *n) {
  Value *x = node_in(n, 0);
  if (!check_loss(n, x, node_in(n, 1)))
    return;
  Value *p = log_softmax(n, b_widen(n, x));
  Value *y = picked_loss(n, p, node_in(n, 1), node_in(n, 2));
  node_out(n, 0, b_cast(n, y, x->type->dtype));
  if (node_has_out(n, 1))
    node_out(n, 1, b_cast(n, p, x->type->dtype));
}
