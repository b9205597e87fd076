/* Attention and RotaryEmbedding of ai.onnx.
 *
 *   scores = softcap(q * scale @ k^T)              [batch, heads, q, kv]
 *   y = softmax(scores + bias, where allowed) @ v
 *
 * q has `group` heads to each one of k and v: it is taken as
 * [batch, kv heads, group, q, size], over which k and v broadcast. 16-bit
 * floats compute in f32. */
#include <math.h>

#include "frontend/onnx/index.h"
#include "frontend/onnx/spatial.h"

typedef struct Attention {
  Value *q;     /* [batch, kv heads, group, q, size] */
  Value *k, *v; /* [batch, kv heads, kv, size], those of the past first */
  Dims scores;  /* [batch, kv heads * group, q, kv] */
  int64_t past; /* keys of the past */
  bool is_flat; /* the heads are side by side in [batch, length, all] */
} Attention;

/* [batch, length, heads * size] as [batch, heads, length, size]. */
static Value *split_heads(Node *n, Value *x, int64_t heads) {
  Dims d = dims_of(x);
  if (n->bad || d.rank == 4)
    return n->bad ? NULL : x;
  if (d.rank != 3 || heads < 1 || d.v[2] % heads) {
    node_invalid(n, "a tensor of %s cannot have %lld heads", dims_text(n, d),
                 (long long)heads);
    return NULL;
  }
  Dims split = {4, {d.v[0], d.v[1], heads, d.v[2] / heads}};
  return b_swap(n, b_reshape(n, x, split), 1, 2);
}

static Value *join_heads(Node *n, Value *x) {
  Dims d = dims_of(x), flat = {3, {d.v[0], d.v[2], d.v[1] * d.v[3]}};
  return b_reshape(n, b_swap(n, x, 1, 2), flat);
}

/* Key or value, behind those of the past. */
static Value *with_past(Node *n, int input, int past, int64_t heads) {
  Value *x = split_heads(n, node_in(n, input), heads);
  Value *v[] = {node_in(n, past), x};
  if (n->bad || !v[0])
    return x;
  if (v[0]->type->rank != 4) {
    node_invalid(n, "input %d must have 4 dimensions", past);
    return NULL;
  }
  return b_concat(n, 2, 2, v);
}

static bool check_heads(Node *n, const Dims *q, const Dims *k, const Dims *v) {
  return k->v[1] == v->v[1] && k->v[2] == v->v[2] && q->v[0] == k->v[0] &&
                 k->v[0] == v->v[0] && q->v[3] == k->v[3] && k->v[1] &&
                 q->v[1] % k->v[1] == 0
             ? true
             : node_invalid(n, "query, key and value are %s, %s and %s",
                            dims_text(n, *q), dims_text(n, *k),
                            dims_text(n, *v));
}

static bool read_operands(Node *n, Attention *a) {
  int64_t q_heads = attr_int(n, "q_num_heads", 0);
  int64_t kv_heads = attr_int(n, "kv_num_heads", 0);
  a->is_flat = node_in(n, 0)->type->rank == 3;
  Value *q = split_heads(n, node_in(n, 0), q_heads);
  a->k = with_past(n, 1, 4, kv_heads);
  a->v = with_past(n, 2, 5, kv_heads);
  Dims dq = dims_of(q), dk = dims_of(a->k), dv = dims_of(a->v);
  if (n->bad || !check_heads(n, &dq, &dk, &dv))
    return false;
  Dims grouped = {5, {dq.v[0], dk.v[1], dq.v[1] / dk.v[1], dq.v[2], dq.v[3]}};
  a->past = node_in(n, 4) ? node_in(n, 4)->type->dim[2] : 0;
  a->scores = (Dims){4, {dq.v[0], dq.v[1], dq.v[2], dk.v[2]}};
  a->q = b_reshape(n, b_widen(n, q), grouped);
  return !n->bad;
}

/* --- what may be seen -------------------------------------------------- */

/* One that holds for fewer keys than there are does not hold for the rest. */
static Value *pad_mask(Node *n, Value *mask, int64_t keys) {
  Dims d = dims_of(mask);
  if (n->bad || !d.rank || d.v[d.rank - 1] >= keys || d.v[d.rank - 1] == 1)
    return mask;
  DType t = mask->type->dtype;
  d.v[d.rank - 1] = keys - d.v[d.rank - 1];
  Value *v[] = {mask, b_fill(n, t, d, t == DT_bool ? 0 : -HUGE_VAL)};
  return b_concat(n, d.rank - 1, 2, v);
}

static Value *both(Node *n, Value *a, Value *b) {
  return a && b ? b_binary(n, OP_and, a, b) : a ? a : b;
}

/* Where each query stands among the keys: behind those of the past, or last
 * of those that there are. */
static Value *places(Node *n, const Attention *a, Value *length) {
  Value *query = b_positions(n, DT_i64, a->scores.v[2], 2, 4);
  if (!length || node_in(n, 4))
    return b_binary_k(n, OP_add, query, (double)a->past);
  Value *first = b_binary_k(n, OP_sub, length, (double)a->scores.v[2]);
  return b_binary(n, OP_add, query, first);
}

/* Which keys each query may see, [.., q, kv]; NULL: all. */
static Value *allowed(Node *n, const Attention *a, Value *mask) {
  Value *length = node_in(n, 6), *seen = NULL;
  Value *key = b_positions(n, DT_i64, a->scores.v[3], 3, 4);
  int64_t left = attr_int(n, "left_window_size", -1);
  int64_t right = attr_int(n, "right_window_size", -1);
  bool is_causal = attr_bool(n, "is_causal", false);
  if (mask && mask->type->dtype == DT_bool)
    seen = mask;
  if (length) {
    Dims d = {4, {a->scores.v[0], 1, 1, 1}};
    length = b_reshape(n, b_index(n, length), d);
    seen = both(n, seen, b_binary(n, OP_less, key, length));
  }
  if (!is_causal && left < 0 && right < 0)
    return seen;
  Value *place = places(n, a, length);
  if (is_causal)
    seen = both(n, seen, b_binary(n, OP_less_equal, key, place));
  if (right >= 0) {
    Value *last = b_binary_k(n, OP_add, place, (double)right);
    seen = both(n, seen, b_binary(n, OP_less_equal, key, last));
  }
  if (left >= 0) {
    Value *first = b_binary_k(n, OP_sub, place, (double)left);
    seen = both(n, seen, b_binary(n, OP_less_equal, first, key));
  }
  return seen;
}

/* --- scores ------------------------------------------------------------ */

static Value *products(Node *n, const Attention *a) {
  Dims d = dims_of(a->q);
  double scale = 1 / sqrt((double)d.v[4]);
  if (attr_has(n, "scale"))
    scale = (double)attr_float(n, "scale", 1);
  Value *k = b_swap(n, b_unsqueeze(n, b_widen(n, a->k), 2), 3, 4);
  Value *s = b_matmul(n, b_binary_k(n, OP_mul, a->q, scale), k);
  return b_reshape(n, s, a->scores);
}

static Value *soft_capped(Node *n, Value *s) {
  double cap = (double)attr_float(n, "softcap", 0);
  if (!(cap > 0))
    return s;
  Value *t = b_unary(n, OP_tanh, b_binary_k(n, OP_div, s, cap));
  return b_binary_k(n, OP_mul, t, cap);
}

static Value *weighted(Node *n, const Attention *a, Value *weights) {
  Dims d = dims_of(a->q), y = a->scores;
  d.v[4] = y.v[3];
  y.v[3] = dims_of(a->v).v[3];
  Value *v = b_unsqueeze(n, b_widen(n, a->v), 2);
  return b_reshape(n, b_matmul(n, b_reshape(n, weights, d), v), y);
}

/* A query that may see nothing takes nothing. */
static Value *softmax_of_seen(Node *n, Value *s) {
  Value *top = b_reduce(n, OP_reduce_max, s, 1u << 3, true);
  Value *none = b_binary_k(n, OP_equal, top, -HUGE_VAL);
  Value *zero = n->bad ? NULL : b_scalar(n, s->type->dtype, 0);
  return b_select(n, none, zero, b_softmax(n, s, 3));
}

/* Output 3 is one of the stages. */
static void out_stage(Node *n, int stage, Value *x) {
  DType t = node_in(n, 0)->type->dtype;
  if (attr_int(n, "qk_matmul_output_mode", 0) == stage)
    node_out(n, 3, b_cast(n, x, t));
}

void onnx_attention(Node *n) {
  Attention a = {0};
  attr_ignore(n, "softmax_precision"); /* at least f32 always */
  if (!read_operands(n, &a))
    return;
  DType t = node_in(n, 0)->type->dtype;
  Value *mask = pad_mask(n, node_in(n, 3), a.scores.v[3]);
  Value *seen = allowed(n, &a, mask), *s = products(n, &a);
  out_stage(n, 0, s);
  s = soft_capped(n, s);
  out_stage(n, 1, s);
  if (mask && !n->bad && mask->type->dtype != DT_bool)
    s = b_binary(n, OP_add, s, b_widen(n, mask));
  if (seen && !n->bad)
    s = b_select(n, seen, s, b_scalar(n, s->type->dtype, -HUGE_VAL));
  out_stage(n, 2, s);
  s = mask || node_in(n, 6) ? softmax_of_seen(n, s) : b_softmax(n, s, 3);
  out_stage(n, 3, s);
  Value *y = weighted(n, &a, s);
  node_out(n, 0, b_cast(n, a.is_flat ? join_heads(n, y) : y, t));
  node_out(n, 1, a.k);
  node_out(n, 2, a.v);
}

/* --- RotaryEmbedding --------------------------------------------------- */

/* What turns: pairs (x1, x2) become (c x1 - s x2, s x1 + c x2). In
 * `interleaved` form the pairs are neighbours, else in two halves. */
typedef struct Rotary {
  Value *x;         /* [batch, length, heads, size] */
  Value *cos, *sin; /* [batch or 1, length, 1, turned / 2] */
  int64_t turned;   /* of size */
  bool interleaved;
} Rotary;

/* Rows of a table by position, or all of them in order. */
static Value *angles(Node *n, Value *table, Value *position, Dims x,
                     int64_t half) {
  if (n->bad)
    return NULL;
  Value *rows = table;
  if (position && table->type->rank == 2) {
    Dims d = dims_of(position);
    if (d.rank == 1) /* an offset, or the same for all of the batch */
      position = b_unsqueeze(n, position, 0);
    if (d.rank == 1 && d.v[0] == 1)
      position = b_binary(n, OP_add, position,
                          b_cast(n, b_positions(n, DT_i64, x.v[1], 1, 2),
                                 position->type->dtype));
    rows = b_gather(n, table, 0, position);
  }
  rows = b_rank(n, rows, 3);
  Dims d = dims_of(rows);
  if (n->bad || d.rank != 3 || d.v[1] != x.v[1] || d.v[2] != half) {
    node_invalid(n, "the angles are %s, %lld of %lld are needed",
                 dims_text(n, d), (long long)half, (long long)x.v[1]);
    return NULL;
  }
  return b_unsqueeze(n, b_widen(n, rows), 2);
}

/* Every second element from `first` on, or the first or second half. */
static Value *half_of(Node *n, const Rotary *r, Value *x, int first) {
  int64_t half = r->turned / 2, begin[MAX_RANK] = {0};
  int64_t stride[MAX_RANK] = {1, 1, 1, 2};
  Dims d = dims_of(x);
  d.v[3] = half;
  begin[3] = r->interleaved ? first : first * half;
  return b_slice(n, x, begin, d, r->interleaved ? stride : NULL);
}

static Value *turn(Node *n, const Rotary *r) {
  Value *x = b_widen(n, r->x);
  Value *x1 = half_of(n, r, x, 0), *x2 = half_of(n, r, x, 1);
  Value *y[] = {b_binary(n, OP_sub, b_binary(n, OP_mul, r->cos, x1),
                         b_binary(n, OP_mul, r->sin, x2)),
                b_binary(n, OP_add, b_binary(n, OP_mul, r->sin, x1),
                         b_binary(n, OP_mul, r->cos, x2))};
  if (n->bad || !r->interleaved)
    return b_concat(n, 3, 2, y);
  Dims d = dims_of(y[0]);
  d.v[3] *= 2;
  y[0] = b_unsqueeze(n, y[0], 4);
  y[1] = b_unsqueeze(n, y[1], 4);
  return b_reshape(n, b_concat(n, 4, 2, y), d);
}

static void rotary(Node *n, Value *cos, Value *sin, Value *position) {
  Rotary r = {.interleaved = attr_bool(n, "interleaved", false)};
  int64_t heads = attr_int(n, "num_heads", 0);
  Value *in = node_in(n, 0);
  bool is_flat = in->type->rank == 3;
  r.turned = attr_int(n, "rotary_embedding_dim", 0);
  if (is_flat && !heads && r.turned == 0 && cos->type->rank) /* all in one */
    heads = in->type->dim[2] / (2 * cos->type->dim[cos->type->rank - 1]);
  r.x = b_swap(n, split_heads(n, in, heads), 1, 2);
  Dims d = dims_of(r.x);
  if (n->bad)
    return;
  r.turned = r.turned ? r.turned : d.v[3];
  if (r.turned < 2 || r.turned > d.v[3] || r.turned % 2) {
    node_invalid(n, "%lld of %lld elements turn", (long long)r.turned,
                 (long long)d.v[3]);
    return;
  }
  r.cos = angles(n, cos, position, d, r.turned / 2);
  r.sin = angles(n, sin, position, d, r.turned / 2);
  Value *y[] = {b_cast(n, turn(n, &r), in->type->dtype),
                b_slice1(n, r.x, 3, r.turned, d.v[3] - r.turned)};
  Value *all = b_swap(n, b_concat(n, 3, 2, y), 1, 2);
  node_out(n, 0, is_flat ? join_heads(n, all) : all);
}

void onnx_rotary_embedding(Node *n) {
  rotary(n, node_in(n, 1), node_in(n, 2), node_in(n, 3));
}

void onnx_rotary_embedding_microsoft(Node *n) {
  attr_ignore(n, "scale");
  if (attr_bool(n, "is_packed_batching", false))
    node_refuse(n, "packed batches are not supported");
  else
    rotary(n, node_in(n, 2), node_in(n, 3), node_in(n, 1));
}
