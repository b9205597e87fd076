/* Operators of com.microsoft, ONNX Runtime's own: variants of Gelu, and the
 * attention of transformers. */
#include <float.h>
#include <math.h>

#include "frontend/onnx/index.h"
#include "frontend/onnx/spatial.h"

static Value *add(Node *n, Value *a, Value *b) {
  return b_binary(n, OP_add, a, b);
}
static Value *mul(Node *n, Value *a, Value *b) {
  return b_binary(n, OP_mul, a, b);
}
static Value *mul_k(Node *n, Value *x, double k) {
  return b_binary_k(n, OP_mul, x, k);
}
static Value *add_k(Node *n, Value *x, double k) {
  return b_binary_k(n, OP_add, x, k);
}

/* --- Gelu -------------------------------------------------------------- */

/* The first input plus the second one, where there is one, widened. */
static Value *biased(Node *n) {
  Value *x = b_widen(n, b_plain(n, node_in(n, 0)));
  return node_in(n, 1) ? add(n, x, b_widen(n, node_in(n, 1))) : x;
}

static void out_half(Node *n, Value *x, Value *factor) {
  Value *y = mul_k(n, mul(n, x, add_k(n, factor, 1)), 0.5);
  node_out(n, 0, b_cast(n, y, node_in(n, 0)->type->dtype));
}

/* x / 2 (1 + erf(x / sqrt(2))) */
void onnx_bias_gelu(Node *n) {
  Value *x = biased(n);
  out_half(n, x, b_unary(n, OP_erf, mul_k(n, x, sqrt(0.5))));
}

/* x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) */
void onnx_fast_gelu(Node *n) {
  const double c = 0.797884560802865356;
  Value *x = biased(n);
  Value *inner = add_k(n, mul_k(n, mul(n, x, x), 0.044715 * c), c);
  out_half(n, x, b_unary(n, OP_tanh, mul(n, x, inner)));
}

/* x / (1 + e^(-alpha x)) */
void onnx_quick_gelu(Node *n) {
  double alpha = (double)attr_float(n, "alpha", 1.702f);
  Value *x = biased(n);
  Value *y = mul(n, x, b_unary(n, OP_logistic, mul_k(n, x, alpha)));
  node_out(n, 0, b_cast(n, y, node_in(n, 0)->type->dtype));
}

/* 1 - erf(x): no operator of ONNX, but tf2onnx writes it. */
void onnx_erfc(Node *n) {
  Value *x = b_widen(n, node_in(n, 0));
  Value *y = b_k_binary(n, OP_sub, 1, b_unary(n, OP_erf, x));
  node_out(n, 0, b_cast(n, y, node_in(n, 0)->type->dtype));
}

/* --- Attention --------------------------------------------------------- */

typedef struct Heads {
  int64_t batch, length, past, n, size; /* total = past + length */
  double filter;                        /* is added to what is masked */
  float scale;
  bool causal;
} Heads;

static bool read_heads(Node *n, const Value *x, const Value *w, Heads *h) {
  const Value *past = node_in(n, 4);
  h->n = attr_int(n, "num_heads", 1);
  h->causal = attr_bool(n, "unidirectional", false);
  h->filter = (double)attr_float(n, "mask_filter_value", -10000);
  if (attr_bool(n, "do_rotary", false) || attr_has(n, "qkv_hidden_sizes"))
    return node_refuse(n, "do_rotary and qkv_hidden_sizes are not supported");
  attr_ignore(n, "past_present_share_buffer");
  if (n->bad || x->type->rank != 3 || w->type->rank != 2 || h->n < 1 ||
      w->type->dim[1] % (3 * h->n))
    return !n->bad && node_invalid(n, "%lld heads of %s", (long long)h->n,
                                   dims_text(n, dims_of(w)));
  h->batch = x->type->dim[0];
  h->length = x->type->dim[1];
  h->size = w->type->dim[1] / (3 * h->n);
  h->past = past && past->type->rank == 5 ? past->type->dim[3] : 0;
  h->scale = attr_float(n, "scale", (float)(1 / sqrt((double)h->size)));
  return true;
}

/* Query, key or value (i) of all [B, S, 3, N, H] as [B, N, S, H]. */
static Value *part(Node *n, Value *all, int64_t i) {
  static const int perm[] = {0, 2, 1, 3};
  return b_transpose(n, b_squeeze(n, b_slice1(n, all, 2, i, 1), 1u << 2), perm);
}

/* With past [2, B, N, P, H] at i in front. */
static Value *with_past(Node *n, Value *x, int64_t i) {
  Value *past = node_in(n, 4);
  if (!past || n->bad)
    return x;
  Value *both[] = {
      b_squeeze(n, b_slice1(n, b_widen(n, past), 0, i, 1), 1u << 0), x};
  return b_concat(n, 2, 2, both);
}

/* What is added to scores [B, N, S, total] for a mask of [B, total] or
 * [B, S, total], which is 0 where nothing may be seen. */
static Value *mask_of(Node *n, const Heads *h, Value *mask) {
  int64_t total = h->past + h->length;
  Dims d = dims_of(mask), four = {4, {h->batch, 1, 1, total}};
  if (d.rank == 3)
    four.v[2] = h->length;
  if ((d.rank != 2 && d.rank != 3) || dims_count(d) != dims_count(four)) {
    node_refuse(n, "a mask of %s is not supported", dims_text(n, d));
    return NULL;
  }
  Value *seen = b_k_binary(n, OP_less, 0, b_reshape(n, mask, four));
  return b_select(n, seen, b_scalar(n, DT_f32, 0),
                  b_scalar(n, DT_f32, h->filter));
}

/* What lies ahead is hidden more than what the mask hides. */
static Value *causal_mask(Node *n, const Heads *h) {
  Value *row =
      add_k(n, b_positions(n, DT_i64, h->length, 0, 2), (double)h->past);
  Value *column = b_positions(n, DT_i64, h->past + h->length, 1, 2);
  return b_select(n, b_binary(n, OP_less, row, column),
                  b_scalar(n, DT_f32, -(double)FLT_MAX),
                  b_scalar(n, DT_f32, 0));
}

static Value *present(Node *n, Value *k, Value *v) {
  Value *both[] = {b_unsqueeze(n, k, 0), b_unsqueeze(n, v, 0)};
  return b_concat(n, 0, 2, both);
}

void onnx_attention_packed(Node *n) {
  static const int perm[] = {0, 2, 1, 3};
  Value *x = b_widen(n, node_in(n, 0)), *w = b_widen(n, node_in(n, 1));
  Value *bias = node_in(n, 2), *mask = node_in(n, 3), *extra = node_in(n, 5);
  DType t = node_in(n, 0)->type->dtype;
  Heads h = {0};
  if (n->bad || !read_heads(n, x, w, &h))
    return;
  Value *all = b_matmul(n, x, w);
  if (bias)
    all = add(n, all, b_widen(n, bias));
  Dims split = {5, {h.batch, h.length, 3, h.n, h.size}};
  all = b_reshape(n, all, split);
  Value *q = part(n, all, 0), *k = with_past(n, part(n, all, 1), 0);
  Value *v = with_past(n, part(n, all, 2), 1);
  Value *scores = mul_k(n, b_matmul(n, q, n->bad ? NULL : b_swap(n, k, 2, 3)),
                        (double)h.scale);
  if (mask)
    scores = add(n, scores, mask_of(n, &h, mask));
  if (h.causal)
    scores = add(n, scores, causal_mask(n, &h));
  if (extra)
    scores = add(n, scores, b_widen(n, extra));
  Value *y = b_matmul(n, b_softmax(n, scores, 3), v);
  Dims out = {3, {h.batch, h.length, h.n * h.size}};
  y = b_reshape(n, b_transpose(n, y, perm), out);
  node_out(n, 0, b_cast(n, y, t));
  if (node_has_out(n, 1))
    node_out(n, 1, b_cast(n, present(n, k, v), t));
}
