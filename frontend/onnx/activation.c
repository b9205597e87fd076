/* Activations that are made of other ops. Those on 16-bit floats compute in
 * f32 from end to end, as one op would. */
#include <float.h>
#include <math.h>

#include "frontend/onnx/spatial.h"

/* The first input in a type to compute in. */
static Value *wide_input(Node *n) {
  Value *x = node_in(n, 0);
  bool half = dtype_is_float(x->type->dtype) && dtype_bits(x->type->dtype) < 32;
  return half ? b_cast(n, x, DT_f32) : b_plain(n, x);
}

static void out_narrow(Node *n, Value *y) {
  node_out(n, 0, b_cast(n, y, node_in(n, 0)->type->dtype));
}

static Value *add(Node *n, Value *a, Value *b) {
  return b_binary(n, OP_add, a, b);
}
static Value *mul(Node *n, Value *a, Value *b) {
  return b_binary(n, OP_mul, a, b);
}
static Value *add_k(Node *n, Value *a, double b) {
  return b_binary_k(n, OP_add, a, b);
}
static Value *mul_k(Node *n, Value *a, double b) {
  return b_binary_k(n, OP_mul, a, b);
}
static Value *positive(Node *n, Value *x) {
  return b_k_binary(n, OP_less, 0, x);
}
/* e^x - 1 */
static Value *exp_minus_1(Node *n, Value *x) {
  return add_k(n, b_unary(n, OP_exp, x), -1);
}

/* --- Clip -------------------------------------------------------------- */

static bool is_relu6(const Value *x, Value *lo, Value *hi, Node *n) {
  return x->type->dtype == DT_f32 && lo && hi && lo->init && hi->init &&
         const_number(n, lo, "min", 0) == 0 &&
         const_number(n, hi, "max", 0) == 6;
}

static void clip(Node *n, Value *lo, Value *hi) {
  Value *x = b_plain(n, node_in(n, 0));
  if (n->bad)
    return;
  if (is_relu6(x, lo, hi, n)) {
    node_out(n, 0, b_unary(n, OP_relu6, x));
    return;
  }
  Value *y = lo ? b_binary(n, OP_max, x, lo) : x;
  node_out(n, 0, hi ? b_binary(n, OP_min, y, hi) : y);
}

void onnx_clip(Node *n) { clip(n, node_in(n, 1), node_in(n, 2)); }

static Value *bound(Node *n, const char *name) {
  if (!attr_has(n, name))
    return NULL;
  return b_scalar(n, node_in(n, 0)->type->dtype,
                  (double)attr_float(n, name, 0));
}

void onnx_clip_6(Node *n) {
  Value *lo = bound(n, "min"), *hi = bound(n, "max");
  clip(n, lo, hi);
}

/* --- of the exponential ------------------------------------------------ */

void onnx_elu(Node *n) {
  double alpha = (double)attr_float(n, "alpha", 1);
  Value *x = wide_input(n);
  Value *below = mul_k(n, exp_minus_1(n, x), alpha);
  out_narrow(n, b_select(n, positive(n, x), x, below));
}

void onnx_selu(Node *n) {
  double alpha = (double)attr_float(n, "alpha", 1.67326319217681884765625f);
  double gamma = (double)attr_float(n, "gamma", 1.05070102214813232421875f);
  Value *x = wide_input(n);
  Value *below = mul_k(n, exp_minus_1(n, x), alpha);
  out_narrow(n, mul_k(n, b_select(n, positive(n, x), x, below), gamma));
}

void onnx_celu(Node *n) {
  double alpha = (double)attr_float(n, "alpha", 1);
  Value *x = wide_input(n);
  Value *scaled = b_binary_k(n, OP_div, x, alpha);
  Value *below = mul_k(n, exp_minus_1(n, scaled), alpha);
  out_narrow(
      n, add(n, b_binary_k(n, OP_max, x, 0), b_binary_k(n, OP_min, below, 0)));
}

/* log(1 + e^x), whose exponential would overflow, as
 * max(x, 0) + log(1 + e^-|x|). */
static Value *softplus(Node *n, Value *x) {
  Value *small = b_unary(n, OP_exp, b_unary(n, OP_neg, b_unary(n, OP_abs, x)));
  return add(n, b_binary_k(n, OP_max, x, 0),
             b_unary(n, OP_log, add_k(n, small, 1)));
}

void onnx_softplus(Node *n) { out_narrow(n, softplus(n, wide_input(n))); }

void onnx_mish(Node *n) {
  Value *x = wide_input(n);
  out_narrow(n, mul(n, x, b_unary(n, OP_tanh, softplus(n, x))));
}

static Value *swish(Node *n) {
  double alpha = (double)attr_float(n, "alpha", 1);
  Value *x = wide_input(n);
  Value *scaled = alpha == 1 ? x : mul_k(n, x, alpha);
  return mul(n, x, b_unary(n, OP_logistic, scaled));
}

void onnx_swish(Node *n) { out_narrow(n, swish(n)); }

void onnx_swiglu(Node *n) {
  Value *y = swish(n);
  if (!n->bad)
    out_narrow(n, mul(n, y, b_cast(n, node_in(n, 1), y->type->dtype)));
}

static Value *gelu_tanh(Node *n, Value *x) {
  Value *cube = mul(n, mul(n, x, x), x);
  Value *t = add(n, x, mul_k(n, cube, 0.044715));
  return b_unary(n, OP_tanh, mul_k(n, t, 0.79788456080286535588));
}

void onnx_gelu(Node *n) {
  static const char *const kinds[] = {"none", "tanh", NULL};
  bool by_tanh = attr_choice(n, "approximate", kinds) == 1;
  Value *x = wide_input(n);
  Value *t = by_tanh ? gelu_tanh(n, x)
                     : b_unary(n, OP_erf, mul_k(n, x, 0.70710678118654752440));
  out_narrow(n, mul(n, mul_k(n, x, 0.5), add_k(n, t, 1)));
}

/* --- of straight lines ------------------------------------------------- */

static void prelu(Node *n, Value *slope) {
  Value *x = node_in(n, 0);
  Value *above = b_k_binary(n, OP_less, 0, x);
  node_out(n, 0, b_select(n, above, x, mul(n, x, slope)));
}

void onnx_prelu(Node *n) { prelu(n, node_in(n, 1)); }

/* Before version 7: one slope for all, or one a channel. */
void onnx_prelu_1(Node *n) {
  Dims d = dims_of(node_in(n, 1));
  int rank = node_in(n, 0)->type->rank;
  bool per_channel = d.rank == 1 && d.v[0] != 1;
  while (per_channel && d.rank < rank - 1)
    d = dims_insert(d, d.rank, 1);
  prelu(n, b_reshape(n, node_in(n, 1), d));
}

void onnx_thresholded_relu(Node *n) {
  double alpha = (double)attr_float(n, "alpha", 1);
  Value *x = b_plain(n, node_in(n, 0));
  Value *above = b_k_binary(n, OP_less, alpha, x);
  Value *zero = n->bad ? NULL : b_scalar(n, x->type->dtype, 0);
  node_out(n, 0, b_select(n, above, x, zero));
}

void onnx_hard_sigmoid(Node *n) {
  double alpha = (double)attr_float(n, "alpha", 0.2f);
  double beta = (double)attr_float(n, "beta", 0.5f);
  Value *x = wide_input(n);
  out_narrow(n, b_clamp(n, add_k(n, mul_k(n, x, alpha), beta), 0, 1));
}

void onnx_hard_swish(Node *n) {
  Value *x = wide_input(n);
  Value *gate = b_clamp(n, add_k(n, mul_k(n, x, 1.0 / 6), 0.5), 0, 1);
  out_narrow(n, mul(n, x, gate));
}

void onnx_softsign(Node *n) {
  Value *x = wide_input(n);
  out_narrow(n, b_binary(n, OP_div, x, add_k(n, b_unary(n, OP_abs, x), 1)));
}

/* The threshold is a float, also for integers. */
void onnx_shrink(Node *n) {
  double bias = (double)attr_float(n, "bias", 0);
  double lambda = (double)attr_float(n, "lambd", 0.5f);
  DType t = node_in(n, 0)->type->dtype;
  Value *x =
      dtype_is_float(t) ? wide_input(n) : b_cast(n, node_in(n, 0), DT_f64);
  Value *zero = n->bad ? NULL : b_scalar(n, x->type->dtype, 0);
  Value *below = b_binary_k(n, OP_less, x, -lambda);
  Value *above = b_k_binary(n, OP_less, lambda, x);
  Value *y = b_select(n, above, add_k(n, x, -bias), zero);
  out_narrow(n, b_select(n, below, add_k(n, x, bias), y));
}

void onnx_reciprocal(Node *n) {
  node_out(n, 0, b_k_binary(n, OP_div, 1, node_in(n, 0)));
}

/* --- Softmax and its kin ----------------------------------------------- */

/* From version 13 on they go along one axis, before over all from it on:
 * then x becomes a matrix. */
typedef struct Rows {
  Value *x;
  int axis;
} Rows;

static Rows rows_of(Node *n) {
  bool one = n->opset >= 13;
  Value *x = wide_input(n);
  int64_t axis = attr_int(n, "axis", one ? -1 : 1);
  if (n->bad)
    return (Rows){x, 0};
  if (!one && axis == x->type->rank) /* nothing in a row */
    return (Rows){b_matrix(n, x, x->type->rank), 1};
  int k = axis_of(n, axis, x->type->rank);
  return one ? (Rows){x, k} : (Rows){b_matrix(n, x, k), 1};
}

static void rows_out(Node *n, Value *y) {
  out_narrow(n, b_reshape(n, y, dims_of(node_in(n, 0))));
}

void onnx_softmax(Node *n) {
  Rows r = rows_of(n);
  rows_out(n, b_softmax(n, r.x, r.axis));
}

void onnx_log_softmax(Node *n) {
  Rows r = rows_of(n);
  unsigned mask = 1u << r.axis;
  Value *top = b_reduce(n, OP_reduce_max, r.x, mask, true);
  Value *d = b_binary(n, OP_sub, r.x, top);
  Value *sum = b_reduce(n, OP_reduce_sum, b_unary(n, OP_exp, d), mask, true);
  rows_out(n, b_binary(n, OP_sub, d, b_unary(n, OP_log, sum)));
}

/* 1 at the first maximum, else 0. */
void onnx_hardmax(Node *n) {
  Rows r = rows_of(n);
  if (n->bad)
    return;
  Dims d = dims_of(r.x), line = {d.rank, {0}};
  Attrs a = attrs_default(OP_argmax);
  a.arg.axis = r.axis;
  for (int i = 0; i < d.rank; i++)
    line.v[i] = i == r.axis ? d.v[i] : 1;
  const Type *t = b_type(n, DT_i64, dims_reduce(d, 1u << r.axis, true));
  Value *best = b_op1(n, OP_argmax, &a, 1, &r.x, t);
  Value *at = b_reshape(n, b_iota(n, d.v[r.axis]), line);
  Value *hit = b_binary(n, OP_equal, at, best);
  rows_out(n, n->bad ? NULL : b_cast(n, hit, r.x->type->dtype));
}
