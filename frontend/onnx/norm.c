/* Normalizations, as elementwise ops and means. All compute in f32 at
 * least; channels are dimension 1. */
#include "frontend/onnx/index.h"
#include "frontend/onnx/spatial.h"

static Value *add(Node *n, Value *a, Value *b) {
  return b_binary(n, OP_add, a, b);
}
static Value *sub(Node *n, Value *a, Value *b) {
  return b_binary(n, OP_sub, a, b);
}
static Value *mul(Node *n, Value *a, Value *b) {
  return b_binary(n, OP_mul, a, b);
}

/* 1 / sqrt(x + epsilon) */
static Value *inverse_root(Node *n, Value *x, float epsilon) {
  Value *s = b_unary(n, OP_sqrt, b_binary_k(n, OP_add, x, (double)epsilon));
  return b_k_binary(n, OP_div, 1, s);
}

/* (x - mean) / sqrt(variance + epsilon) over axes, and the two factors. */
typedef struct Normal {
  Value *y, *mean, *factor;
} Normal;

static Normal normalize(Node *n, Value *x, unsigned axes, float epsilon) {
  Normal r;
  r.mean = b_mean(n, x, axes, true);
  Value *d = sub(n, x, r.mean);
  r.factor = inverse_root(n, b_mean(n, mul(n, d, d), axes, true), epsilon);
  r.y = mul(n, d, r.factor);
  return r;
}

/* A value per channel as [C, 1, ..] for x [N, C, ..]. */
static Value *per_channel(Node *n, Value *v, int rank) {
  if (n->bad)
    return NULL;
  Dims d = {rank > 1 ? rank - 1 : 1, {0}};
  for (int i = 0; i < d.rank; i++)
    d.v[i] = 1;
  d.v[0] = type_count(v->type);
  return b_reshape(n, v, d);
}

static unsigned axes_from(int first, int rank) {
  return ((1u << rank) - 1) & ~((1u << first) - 1);
}

/* --- BatchNormalization ------------------------------------------------ */

/* Mean and variance of the batch, and what they make of the running ones. */
static void train(Node *n, Value *x, Value **mean, Value **var) {
  double keep = (double)attr_float(n, "momentum", 0.9f);
  unsigned axes = axes_from(0, x->type->rank) & ~2u;
  Value *now = b_mean(n, x, axes, true), *d = sub(n, x, now);
  Value *spread = b_mean(n, mul(n, d, d), axes, true);
  Value *given[] = {*mean, *var}, *made[] = {now, spread};
  for (int i = 0; i < 2 && !n->bad; i++) {
    Value *m = b_reshape(n, made[i], dims_of(given[i]));
    Value *old = b_binary_k(n, OP_mul, given[i], keep);
    Value *y = add(n, old, b_binary_k(n, OP_mul, m, 1 - keep));
    if (node_has_out(n, 1 + i))
      node_out(n, 1 + i, b_cast(n, y, node_in(n, 3 + i)->type->dtype));
    made[i] = m;
  }
  *mean = made[0];
  *var = made[1];
}

/* x * a + b with a = scale / sqrt(var + epsilon), b = bias - mean * a: known
 * at compile time for a trained model. */
void onnx_batch_normalization(Node *n) {
  Value *x = b_widen(n, b_plain(n, node_in(n, 0))), *in[5];
  float epsilon = attr_float(n, "epsilon", 1e-5f);
  bool training = attr_bool(n, "training_mode", false);
  bool per_plane = attr_bool(n, "spatial", true);
  attr_ignore(n, "momentum");
  if (n->bad)
    return;
  int rank = x->type->rank;
  if (rank < 1 || (!training && n->nout > 1)) {
    node_refuse(n, "outputs for training are not supported");
    return;
  }
  for (int i = 1; i < 5; i++)
    in[i] = b_widen(n, b_plain(n, node_in(n, i)));
  if (!n->bad && !per_plane && type_count(in[1]->type) != x->type->dim[1])
    node_refuse(n, "statistics per element (spatial = 0) are not supported");
  if (training && !n->bad)
    train(n, x, &in[3], &in[4]);
  for (int i = 1; i < 5; i++)
    in[i] = per_channel(n, in[i], rank);
  Value *a = mul(n, in[1], inverse_root(n, in[4], epsilon));
  Value *b = sub(n, in[2], mul(n, in[3], a));
  Value *y = add(n, mul(n, x, a), b);
  node_out(n, 0, b_cast(n, y, node_in(n, 0)->type->dtype));
}

void onnx_batch_normalization_1(Node *n) {
  attr_ignore(n, "is_test");
  onnx_batch_normalization(n);
}

/* --- over parts of the dimensions -------------------------------------- */

static void out_widened(Node *n, int i, Value *v, DType t) {
  if (node_has_out(n, i))
    node_out(n, i, b_cast(n, v, t));
}

/* The type that mean and deviation are computed in and, here, x as well. */
static Value *stash(Node *n, Value *x) {
  int64_t to = attr_int(n, "stash_type", 1);
  if (to != 1 && to != 11 && to != 10 && to != 16)
    node_refuse(n, "stash_type %lld is not supported", (long long)to);
  return b_widen(n, b_plain(n, x));
}

/* The result in type t is output 0; the statistics are outputs from
 * first_stat on, or none when that is 0. */
static void layer_norm(Node *n, Value *x, Value *scale, Value *bias, DType t,
                       int first_stat) {
  float epsilon = attr_float(n, "epsilon", 1e-5f);
  int64_t from = attr_int(n, "axis", -1);
  x = stash(n, x);
  if (n->bad)
    return;
  int axis = axis_of(n, from, x->type->rank);
  Normal r = normalize(n, x, axes_from(axis, x->type->rank), epsilon);
  Value *y = mul(n, r.y, b_widen(n, scale));
  if (bias)
    y = add(n, y, b_widen(n, bias));
  out_widened(n, 0, y, t);
  if (!first_stat)
    return;
  out_widened(n, first_stat, r.mean, DT_f32);
  out_widened(n, first_stat + 1, r.factor, DT_f32);
}

void onnx_layer_normalization(Node *n) {
  Value *x = node_in(n, 0);
  layer_norm(n, x, node_in(n, 1), node_in(n, 2), x->type->dtype, 1);
}

/* x times the inverse of its root mean square, by a scale. */
static void rms_norm(Node *n, Value *x, Value *scale, int factor_out) {
  DType t = n->bad ? DT_f32 : node_in(n, 0)->type->dtype;
  float epsilon = attr_float(n, "epsilon", 1e-5f);
  int64_t from = attr_int(n, "axis", -1);
  x = stash(n, x);
  if (n->bad)
    return;
  unsigned axes = axes_from(axis_of(n, from, x->type->rank), x->type->rank);
  Value *f = inverse_root(n, b_mean(n, mul(n, x, x), axes, true), epsilon);
  out_widened(n, 0, mul(n, mul(n, x, f), b_widen(n, scale)), t);
  if (factor_out)
    out_widened(n, factor_out, f, DT_f32);
}

void onnx_rms_normalization(Node *n) {
  rms_norm(n, node_in(n, 0), node_in(n, 1), 0);
}

/* com.microsoft: the same with the inverse root as second output. */
void onnx_simplified_layer_normalization(Node *n) {
  rms_norm(n, node_in(n, 0), node_in(n, 1), 1);
}

/* com.microsoft: x + skip (+ bias), normalized; the sum is output 3. */
static Value *skip_sum(Node *n, Value *bias) {
  Value *x = b_widen(n, node_in(n, 0)), *skip = b_widen(n, node_in(n, 1));
  Value *sum = add(n, x, skip);
  if (bias)
    sum = add(n, sum, b_widen(n, bias));
  if (!n->bad)
    out_widened(n, 3, sum, node_in(n, 0)->type->dtype);
  return sum;
}

void onnx_skip_layer_normalization(Node *n) {
  Value *sum = skip_sum(n, node_in(n, 4));
  layer_norm(n, sum, node_in(n, 2), node_in(n, 3), node_in(n, 0)->type->dtype,
             1);
}

void onnx_skip_simplified_layer_normalization(Node *n) {
  Value *sum = skip_sum(n, node_in(n, 3));
  rms_norm(n, sum, node_in(n, 2), 2);
}

/* com.microsoft: the sum of what words, positions and segments stand for,
 * normalized; how much of each mask is not 0; the sum itself. */
void onnx_embed_layer_normalization(Node *n) {
  Value *words = node_in(n, 0), *segments = node_in(n, 1);
  Value *mask = node_in(n, 7), *places = node_in(n, 8);
  attr_ignore(n, "mask_index_type");
  static const int needed[] = {2, 3, 5, 6};
  for (int i = 0; i < 4; i++)
    if (!node_in(n, needed[i])) {
      node_invalid(n, "input %d is absent", needed[i]);
      return;
    }
  if (words->type->rank != 2) {
    node_invalid(n, "input_ids has rank %d", words->type->rank);
    return;
  }
  if (!places)
    places = b_positions(n, DT_i64, words->type->dim[1], 1, 2);
  Value *sum = add(n, b_gather(n, b_widen(n, node_in(n, 2)), 0, words),
                   b_gather(n, b_widen(n, node_in(n, 3)), 0, places));
  if (node_in(n, 4)) { /* all are of segment 0 when not told otherwise */
    Value *all = b_widen(n, node_in(n, 4));
    sum = add(n, sum,
              segments ? b_gather(n, all, 0, segments)
                       : b_slice1(n, all, 0, 0, 1));
  }
  DType t = node_in(n, 2)->type->dtype;
  layer_norm(n, sum, node_in(n, 5), node_in(n, 6), t, 0);
  Dims batch = {1, {words->type->dim[0]}};
  if (node_has_out(n, 1))
    node_out(n, 1,
             mask ? b_reduce(n, OP_reduce_sum, b_cast(n, mask, DT_i32), 1u << 1,
                             false)
                  : b_fill(n, DT_i32, batch, 0));
  out_widened(n, 2, sum, t);
}

void onnx_instance_normalization(Node *n) {
  Value *x = b_widen(n, node_in(n, 0));
  float epsilon = attr_float(n, "epsilon", 1e-5f);
  if (n->bad)
    return;
  int rank = x->type->rank;
  if (rank < 3) {
    node_invalid(n, "the input has no spatial dimensions");
    return;
  }
  Normal r = normalize(n, x, axes_from(2, rank), epsilon);
  Value *scale = per_channel(n, b_widen(n, node_in(n, 1)), rank);
  Value *bias = per_channel(n, b_widen(n, node_in(n, 2)), rank);
  out_widened(n, 0, add(n, mul(n, r.y, scale), bias),
              node_in(n, 0)->type->dtype);
}

/* x [N, C, ..] as [N, G, C / G * ..]; scale and bias are per group up to
 * opset 20, per channel from then on. */
void onnx_group_normalization(Node *n) {
  float epsilon = attr_float(n, "epsilon", 1e-5f);
  int64_t groups = attr_int(n, "num_groups", 0);
  Value *x = stash(n, node_in(n, 0));
  if (n->bad)
    return;
  Dims d = dims_of(x), split;
  if (d.rank < 2 || groups < 1 || d.v[1] % groups) {
    node_invalid(n, "%s in %lld groups", dims_text(n, d), (long long)groups);
    return;
  }
  split = (Dims){3, {d.v[0], groups, type_count(x->type) / (d.v[0] * groups)}};
  Value *y = normalize(n, b_reshape(n, x, split), 4, epsilon).y;
  bool by_group = n->opset < 21;
  if (!by_group)
    y = b_reshape(n, y, d);
  int rank = by_group ? 3 : d.rank;
  Value *scale = per_channel(n, b_widen(n, node_in(n, 1)), rank);
  Value *bias = per_channel(n, b_widen(n, node_in(n, 2)), rank);
  y = b_reshape(n, add(n, mul(n, y, scale), bias), d);
  out_widened(n, 0, y, node_in(n, 0)->type->dtype);
}

void onnx_mean_variance_normalization(Node *n) {
  static const int64_t usual[] = {0, 2, 3};
  Value *x = b_widen(n, node_in(n, 0));
  Ints axes = attr_ints(n, "axes");
  if (n->bad)
    return;
  if (!axes.v)
    axes = (Ints){3, usual};
  unsigned mask = axes_of(n, axes, x->type->rank);
  Value *mean = b_mean(n, x, mask, true), *d = sub(n, x, mean);
  Value *var = b_mean(n, mul(n, d, d), mask, true);
  Value *s = b_binary_k(n, OP_add, b_unary(n, OP_sqrt, var), 1e-9);
  out_widened(n, 0, b_binary(n, OP_div, d, s), node_in(n, 0)->type->dtype);
}

/* --- by sums of powers ------------------------------------------------- */

void onnx_lp_normalization(Node *n) {
  int64_t p = attr_int(n, "p", 2), at = attr_int(n, "axis", -1);
  Value *x = b_widen(n, node_in(n, 0));
  if (n->bad)
    return;
  unsigned axes = 1u << axis_of(n, at, x->type->rank);
  if (p != 1 && p != 2)
    node_refuse(n, "p = %lld is not supported", (long long)p);
  Value *part = p == 1 ? b_unary(n, OP_abs, x) : mul(n, x, x);
  Value *sum = b_reduce(n, OP_reduce_sum, part, axes, true);
  Value *norm = p == 1 ? sum : b_unary(n, OP_sqrt, sum);
  /* A norm of 0 gives 0, not NaN. */
  Value *none = n->bad ? NULL : b_binary_k(n, OP_equal, norm, 0);
  Value *safe =
      n->bad ? NULL
             : b_select(n, none, b_scalar(n, norm->type->dtype, 1), norm);
  out_widened(n, 0, b_binary(n, OP_div, x, safe), node_in(n, 0)->type->dtype);
}

/* x / (bias + alpha / size * sum of squares of the channels around)^beta */
void onnx_lrn(Node *n) {
  double alpha = (double)attr_float(n, "alpha", 1e-4f);
  double beta = (double)attr_float(n, "beta", 0.75f);
  double bias = (double)attr_float(n, "bias", 1);
  int64_t size = attr_int(n, "size", 0);
  Value *x = b_widen(n, node_in(n, 0));
  if (n->bad)
    return;
  if (x->type->rank < 2 || size < 1 || size > INT32_MAX) {
    node_invalid(n, "size %lld of %s", (long long)size,
                 dims_text(n, dims_of(x)));
    return;
  }
  Attrs a = attrs_default(OP_window_sum);
  IntList *lists[] = {&a.window.window, &a.window.before, &a.window.after};
  for (int i = 0; i < 3; i++)
    lists[i]->n = x->type->rank;
  for (int i = 0; i < x->type->rank; i++)
    a.window.window.v[i] = 1;
  a.window.window.v[1] = size;
  a.window.before.v[1] = (size - 1) / 2;
  a.window.after.v[1] = size / 2;
  Value *sq = mul(n, x, x);
  Value *sum = b_op1(n, OP_window_sum, &a, 1, &sq, x->type);
  Value *base = b_binary_k(
      n, OP_add, b_binary_k(n, OP_mul, sum, alpha / (double)size), bias);
  out_widened(n, 0, b_binary(n, OP_div, x, b_binary_k(n, OP_pow, base, beta)),
              node_in(n, 0)->type->dtype);
}
