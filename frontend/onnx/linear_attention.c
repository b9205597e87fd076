/* LinearAttention, unrolled: a state S [batch, kv heads, size, value size]
 * that takes in one key and value after another.
 *
 *   for t:
 *     S = e^decay[t] S                                    "gated.."
 *     S = S + k v^T, or S + beta k (v - S^T k)^T          "..delta"
 *     y[t] = scale * S^T q, for each query head of the group
 *
 * 16-bit floats compute in f32. */
#include <math.h>

#include "frontend/onnx/index.h"
#include "frontend/onnx/spatial.h"

typedef struct LinearAttention {
  int64_t batch, length, kv_heads, group, size, value_size;
  bool decays, is_delta;
  Value *q;           /* [length, batch, kv heads, group, size], scaled */
  Value *k;           /* [length, batch, kv heads, size, 1] */
  Value *v;           /* [length, batch, kv heads, 1, value size] */
  Value *keep, *beta; /* [length, batch, heads or 1, size or 1, 1] or NULL */
  Value *state;
} LinearAttention;

enum { MAX_STEPS = 4096 };

static Value *mul(Node *n, Value *a, Value *b) {
  return b_binary(n, OP_mul, a, b);
}

/* [batch, length, a * b] as [length, batch, a, b] with 1s up to rank 5:
 * after, or before the last. */
static Value *unpack(Node *n, Value *x, int64_t a, bool as_row) {
  Dims d = dims_of(x);
  if (n->bad || d.rank != 3 || a < 1 || d.v[2] % a) {
    node_invalid(n, "%s is no [batch, length, %lld heads * size]",
                 dims_text(n, d), (long long)a);
    return NULL;
  }
  int64_t b = d.v[2] / a;
  Dims y = {5, {d.v[0], d.v[1], a, as_row ? 1 : b, as_row ? b : 1}};
  return b_swap(n, b_reshape(n, b_widen(n, x), y), 0, 1);
}

static bool read_heads(Node *n, LinearAttention *l) {
  int64_t q_heads = attr_int(n, "q_num_heads", 0);
  l->kv_heads = attr_int(n, "kv_num_heads", 0);
  Dims q = dims_of(node_in(n, 0)), v = dims_of(node_in(n, 2));
  if (n->bad)
    return false;
  if (l->kv_heads < 1 || q_heads < l->kv_heads || q_heads % l->kv_heads ||
      q.rank != 3 || v.rank != 3 || q.v[2] % q_heads || v.v[2] % l->kv_heads)
    return node_invalid(n, "%s and %s cannot have %lld and %lld heads",
                        dims_text(n, q), dims_text(n, v), (long long)q_heads,
                        (long long)l->kv_heads);
  if (q.v[1] > MAX_STEPS)
    return node_refuse(n, "%lld steps are too many to unroll",
                       (long long)q.v[1]);
  l->batch = q.v[0];
  l->length = q.v[1];
  l->group = q_heads / l->kv_heads;
  l->size = q.v[2] / q_heads;
  l->value_size = v.v[2] / l->kv_heads;
  return true;
}

static Value *first_state(Node *n, const LinearAttention *l) {
  Dims d = {4, {l->batch, l->kv_heads, l->size, l->value_size}};
  Value *past = node_in(n, 3);
  if (past)
    return b_widen(n, past);
  return n->bad ? NULL : b_fill(n, l->q->type->dtype, d, 0);
}

static bool read_operands(Node *n, LinearAttention *l) {
  static const char *const rules[] = {"gated_delta", "linear", "gated", "delta",
                                      NULL};
  int rule = attr_choice(n, "update_rule", rules);
  double scale = (double)attr_float(n, "scale", 0);
  attr_ignore(n, "chunk_size");
  if (!read_heads(n, l))
    return false;
  l->decays = rule == 0 || rule == 2;
  l->is_delta = rule == 0 || rule == 3;
  if ((l->decays && !node_in(n, 4)) || (l->is_delta && !node_in(n, 5)))
    return node_invalid(n, "%s needs inputs 4 (decay) and 5 (beta)",
                        rules[rule]);
  Dims q = {5, {l->batch, l->length, l->kv_heads, l->group, l->size}};
  Value *x = b_swap(n, b_reshape(n, b_widen(n, node_in(n, 0)), q), 0, 1);
  l->q =
      b_binary_k(n, OP_mul, x, scale != 0 ? scale : 1 / sqrt((double)l->size));
  l->k = unpack(n, node_in(n, 1), l->kv_heads, false);
  l->v = unpack(n, node_in(n, 2), l->kv_heads, true);
  if (l->decays)
    l->keep = b_unary(n, OP_exp, unpack(n, node_in(n, 4), l->kv_heads, false));
  if (l->is_delta && !n->bad) {
    bool shared =
        node_in(n, 5)->type->rank == 3 && node_in(n, 5)->type->dim[2] == 1;
    l->beta = unpack(n, node_in(n, 5), shared ? 1 : l->kv_heads, false);
  }
  l->state = first_state(n, l);
  return !n->bad;
}

static Value *at(Node *n, Value *x, int64_t t) {
  return b_squeeze(n, b_slice1(n, x, 0, t, 1), 1);
}

/* What goes out at step t, [1, batch, kv heads, group, value size]. */
static Value *step(Node *n, LinearAttention *l, int64_t t) {
  Value *k = at(n, l->k, t), *v = at(n, l->v, t);
  if (l->decays)
    l->state = mul(n, l->state, at(n, l->keep, t));
  if (l->is_delta) {
    Value *known =
        b_reduce(n, OP_reduce_sum, mul(n, l->state, k), 1u << 2, true);
    v = mul(n, b_binary(n, OP_sub, v, known), at(n, l->beta, t));
  }
  l->state = b_binary(n, OP_add, l->state, mul(n, k, v));
  return b_unsqueeze(n, b_matmul(n, at(n, l->q, t), l->state), 0);
}

void onnx_linear_attention(Node *n) {
  LinearAttention l = {0};
  if (!read_operands(n, &l))
    return;
  DType t = node_in(n, 0)->type->dtype;
  DType kept = node_in(n, 3) ? node_in(n, 3)->type->dtype : t;
  Value **y = ARENA_ARRAY(n->im->arena, Value *, l.length);
  for (int64_t i = 0; i < l.length && !n->bad; i++)
    y[i] = step(n, &l, i);
  if (n->bad || !l.length)
    return;
  Value *all = b_swap(n, b_concat(n, 0, (int)l.length, y), 0, 1);
  int64_t width = l.kv_heads * l.group * l.value_size;
  Dims d = {3, {l.batch, l.length, width}};
  node_out(n, 0, b_cast(n, b_reshape(n, all, d), t));
  node_out(n, 1, b_cast(n, l.state, kept));
}
