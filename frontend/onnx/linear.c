/* Gemm, MatMul and com.microsoft FusedMatMul. A constant matrix on the right
 * makes a dense layer, whose weights are [N, K]; anything else a matmul. */
#include "frontend/onnx/spatial.h"

static Dims replace_last(const Value *x, int64_t last) {
  Dims d = dims_of(x);
  d.v[d.rank - 1] = last;
  return d;
}

/* x [.., K] times w [N, K], constant, plus bias [N] or NULL. */
static Value *dense(Node *n, Value *x, Value *w, Value *bias) {
  if (n->bad)
    return NULL;
  Value *in[] = {x, w, bias};
  Dims d = replace_last(x, w->type->dim[0]);
  return b_op1(n, OP_fully_connected, NULL, bias ? 3 : 2, in,
               b_type(n, DT_f32, d));
}

static Value *transposed(Node *n, Value *x, bool yes) {
  if (n->bad || !yes)
    return n->bad ? NULL : x;
  if (x->type->rank < 2) {
    node_invalid(n, "a matrix has less than two dimensions");
    return NULL;
  }
  return b_swap(n, x, x->type->rank - 2, x->type->rank - 1);
}

static Value *multiply(Node *n, Value *a, Value *b) {
  Dims da = dims_of(a), db = dims_of(b), d;
  if (n->bad)
    return NULL;
  if (a->type->dtype != b->type->dtype) {
    node_invalid(n, "%s times %s", dims_text(n, da), dims_text(n, db));
    return NULL;
  }
  if (!b_product_dims(n, da, db, &d))
    return NULL;
  if (!type_count(a->type) && dims_count(d)) /* sums of nothing */
    return b_fill(n, a->type->dtype, d, 0);
  Value *in[] = {a, b};
  return b_op1(n, OP_matmul, NULL, 2, in, b_type(n, a->type->dtype, d));
}

/* f32 by a matrix that is known, [K, N] or [N, K]: dense. */
static bool is_dense(const Value *a, const Value *b, bool swapped) {
  return b_is_known(b) && b->type->rank == 2 && a->type->dtype == DT_f32 &&
         b->type->dtype == DT_f32 && a->type->rank >= 1 &&
         a->type->dim[a->type->rank - 1] == b->type->dim[swapped] &&
         !b_is_known(a) && type_count(a->type) && type_count(b->type);
}

Value *b_matmul(Node *n, Value *a, Value *b) {
  if (n->bad)
    return NULL;
  DType t = a->type->dtype;
  if (t == b->type->dtype && b_widen(n, a) != a) /* summed in f32 */
    return b_cast(n, b_matmul(n, b_widen(n, a), b_widen(n, b)), t);
  a = b_plain(n, a);
  b = b_plain(n, b);
  if (n->bad)
    return NULL;
  if (!a->type->rank || !b->type->rank) {
    node_invalid(n, "a scalar is no matrix");
    return NULL;
  }
  bool row = a->type->rank == 1, column = b->type->rank == 1;
  if (row)
    a = b_unsqueeze(n, a, 0);
  if (column)
    b = b_unsqueeze(n, b, 1);
  if (n->bad)
    return NULL;
  Value *y = is_dense(a, b, false) ? dense(n, a, b_swap(n, b, 0, 1), NULL)
                                   : multiply(n, a, b);
  unsigned gone = 0;
  if (!n->bad && row)
    gone |= 1u << (y->type->rank - 2);
  if (!n->bad && column)
    gone |= 1u << (y->type->rank - 1);
  return gone ? b_squeeze(n, y, gone) : y;
}

Value *b_dense(Node *n, Value *x, Value *w, Value *bias) {
  if (n->bad)
    return NULL;
  bool f32 = x->type->dtype == DT_f32 && w->type->dtype == DT_f32;
  if (f32 && w->init && !x->init && (!bias || bias->init) &&
      x->type->dim[x->type->rank - 1] == w->type->dim[1])
    return dense(n, x, w, bias);
  Value *y = multiply(n, x, b_swap(n, w, 0, 1));
  return bias ? b_binary(n, OP_add, y, bias) : y;
}

void onnx_matmul(Node *n) {
  node_out(n, 0, b_matmul(n, node_in(n, 0), node_in(n, 1)));
}

/* --- Gemm -------------------------------------------------------------- */

static Value *scaled(Node *n, Value *x, float by) {
  return by == 1.0f ? x : b_binary_k(n, OP_mul, x, (double)by);
}

/* c as [N]; NULL: it varies along the rows. */
static Value *as_bias(Node *n, Value *c, int64_t columns) {
  Dims d = {1, {columns}};
  if (n->bad || !c || (c->type->rank == 2 && c->type->dim[0] != 1) ||
      c->type->rank > 2)
    return NULL;
  if (c->type->rank == 2)
    c = b_squeeze(n, c, 1);
  return b_expand(n, c, d);
}

void onnx_gemm(Node *n) {
  float alpha = attr_float(n, "alpha", 1), beta = attr_float(n, "beta", 1);
  bool ta = attr_bool(n, "transA", false), tb = attr_bool(n, "transB", false);
  Value *a = b_widen(n, b_plain(n, node_in(n, 0)));
  Value *b = b_widen(n, b_plain(n, node_in(n, 1)));
  Value *c = node_in(n, 2) ? b_widen(n, b_plain(n, node_in(n, 2))) : NULL;
  if (!n->bad && (a->type->rank != 2 || b->type->rank != 2))
    node_invalid(n, "the operands must be matrices");
  a = transposed(n, a, ta);
  c = c && beta != 0.0f ? scaled(n, c, beta) : NULL;
  if (n->bad)
    return;
  if (!is_dense(a, b, tb)) {
    Value *y = scaled(n, multiply(n, a, transposed(n, b, tb)), alpha);
    y = c ? b_binary(n, OP_add, y, c) : y;
    node_out(n, 0, b_cast(n, y, node_in(n, 0)->type->dtype));
    return;
  }
  Value *w = scaled(n, transposed(n, b, !tb), alpha);
  Value *bias = c && !n->bad ? as_bias(n, c, w->type->dim[0]) : NULL;
  Value *y = dense(n, a, w, bias);
  y = c && !bias ? b_binary(n, OP_add, y, c) : y;
  node_out(n, 0, b_cast(n, y, node_in(n, 0)->type->dtype));
}

void onnx_gemm_1(Node *n) {
  attr_ignore(n, "broadcast"); /* it does so anyway */
  onnx_gemm(n);
}

/* --- FusedMatMul ------------------------------------------------------- */

/* transBatch: the first dimension comes last but one: [M, B.., K]. */
static Value *batch_first(Node *n, Value *x, bool yes) {
  int perm[MAX_RANK];
  if (n->bad || !yes || x->type->rank < 3)
    return n->bad ? NULL : x;
  int rank = x->type->rank;
  for (int i = 0; i < rank; i++)
    perm[i] = i < rank - 2 ? i + 1 : i == rank - 2 ? 0 : i;
  return b_transpose(n, x, perm);
}

void onnx_fused_matmul(Node *n) {
  Value *a = b_plain(n, node_in(n, 0)), *b = b_plain(n, node_in(n, 1));
  float alpha = attr_float(n, "alpha", 1);
  bool batch_a = attr_bool(n, "transBatchA", false);
  bool batch_b = attr_bool(n, "transBatchB", false);
  bool ta = attr_bool(n, "transA", false), tb = attr_bool(n, "transB", false);
  a = batch_first(n, a, batch_a);
  b = batch_first(n, b, batch_b);
  if (n->bad)
    return;
  if (a->type->rank > 1)
    a = transposed(n, a, ta);
  if (!n->bad && b->type->rank > 1)
    b = transposed(n, b, tb);
  node_out(n, 0, scaled(n, b_matmul(n, a, b), alpha));
}
