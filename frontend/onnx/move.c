/* Operators that move elements as a whole: Transpose, Concat, Split, Tile,
 * Pad. Slice is in slice.c, what only changes a shape in shape.c. */
#include <string.h>

#include "frontend/onnx/build.h"

void onnx_identity(Node *n) { node_out(n, 0, node_in(n, 0)); }

/* Nothing is dropped at inference. */
void onnx_dropout(Node *n) {
  attr_ignore(n, "ratio");
  attr_ignore(n, "seed");
  if (const_int(n, node_in(n, 2), "training_mode", 0) &&
      const_number(n, node_in(n, 1), "ratio", 0.5) != 0)
    node_refuse(n, "training mode is not supported");
  node_out(n, 0, node_in(n, 0));
  if (node_has_out(n, 1))
    node_out(n, 1, b_fill(n, DT_bool, dims_of(node_in(n, 0)), 1));
}

void onnx_dropout_1(Node *n) {
  attr_ignore(n, "is_test");
  onnx_dropout(n);
}

void onnx_transpose(Node *n) {
  Value *x = node_in(n, 0);
  int rank = x->type->rank, perm[MAX_RANK] = {0};
  bool given = attr_has(n, "perm");
  Ints p = attr_ints(n, "perm");
  unsigned seen = 0;
  for (int i = 0; i < rank && !n->bad; i++) {
    int64_t from = !given ? rank - 1 - i : i < p.n ? p.v[i] : -1;
    if (from < 0 || from >= rank || seen >> from & 1 || p.n > rank) {
      node_invalid(n, "perm is no permutation of %d dimensions", rank);
      return;
    }
    seen |= 1u << from;
    perm[i] = (int)from;
  }
  node_out(n, 0, b_transpose(n, x, perm));
}

void onnx_concat(Node *n) {
  int64_t axis = attr_int(n, "axis", n->in[0] ? n->in[0]->type->rank : 0);
  for (int i = 0; i < n->nin; i++)
    if (!n->in[i])
      node_invalid(n, "input %d is absent", i);
  if (n->bad)
    return;
  int k = axis_of(n, axis, n->in[0]->type->rank);
  node_out(n, 0, b_concat(n, k, n->nin, n->in));
}

/* --- Split ------------------------------------------------------------- */

/* Sizes of the outputs: as given, else equal ones but for the last. */
static void split_sizes(Node *n, int64_t extent, int64_t *size) {
  bool given;
  Ints sizes = ints_of(n, 1, "split", &given);
  int64_t count = attr_int(n, "num_outputs", n->nout), sum = 0;
  if (given && sizes.n != n->nout)
    node_invalid(n, "%d sizes for %d outputs", sizes.n, n->nout);
  if (count != n->nout)
    node_invalid(n, "num_outputs is %lld, not %d", (long long)count, n->nout);
  if (n->bad)
    return;
  int64_t even = (extent + count - 1) / count;
  for (int i = 0; i < n->nout; i++) {
    int64_t left = extent - sum;
    size[i] = given ? sizes.v[i] : left < even ? left : even;
    if (size[i] < 0 || size[i] > left)
      node_invalid(n, "output %d has size %lld of the %lld that are left", i,
                   (long long)size[i], (long long)left);
    sum += n->bad ? 0 : size[i];
  }
  if (sum != extent && !n->bad)
    node_invalid(n, "the outputs take %lld of %lld", (long long)sum,
                 (long long)extent);
}

void onnx_split(Node *n) {
  Value *x = node_in(n, 0);
  int64_t axis = attr_int(n, "axis", 0), from = 0;
  int k = n->bad ? 0 : axis_of(n, axis, x->type->rank);
  int64_t *size = ARENA_ARRAY(n->im->arena, int64_t, n->nout);
  if (n->bad)
    return;
  split_sizes(n, x->type->dim[k], size);
  for (int i = 0; i < n->nout && !n->bad; from += size[i++])
    if (node_has_out(n, i))
      node_out(n, i, b_slice1(n, x, k, from, size[i]));
}

/* --- Tile -------------------------------------------------------------- */

/* [outer, axis * inner] -> [outer, times, axis * inner] */
static Value *repeat(Node *n, Value *x, int axis, int64_t times) {
  Dims d = dims_of(x);
  if (n->bad || times == 1)
    return x;
  Value *m = b_unsqueeze(n, b_matrix(n, x, axis), 1);
  Dims wide = dims_of(m);
  wide.v[1] = times;
  if (__builtin_mul_overflow(d.v[axis], times, &d.v[axis]))
    node_refuse(n, "%lld copies are too many", (long long)times);
  return b_reshape(n, b_expand(n, m, wide), d);
}

void onnx_tile(Node *n) {
  Value *x = node_in(n, 0);
  Ints times = const_ints(n, node_in(n, 1), "the repeats");
  if (!n->bad && times.n != x->type->rank)
    node_invalid(n, "%d repeats of %d dimensions", times.n, x->type->rank);
  for (int i = 0; i < times.n && !n->bad; i++) {
    if (times.v[i] < 0)
      node_invalid(n, "%lld copies", (long long)times.v[i]);
    x = repeat(n, x, i, times.v[i]);
  }
  node_out(n, 0, x);
}

/* --- Pad --------------------------------------------------------------- */

typedef enum PadMode { PAD_constant, PAD_reflect, PAD_edge, PAD_wrap } PadMode;

/* Which element of an axis of n stands at place i, by mode. */
static int64_t pad_source(PadMode mode, int64_t i, int64_t n) {
  int64_t period = mode == PAD_wrap ? n : 2 * (n - 1);
  if (mode == PAD_edge || !period)
    return i < 0 ? 0 : i >= n ? n - 1 : i;
  int64_t k = i % period + (i % period < 0 ? period : 0);
  return k < n ? k : period - k;
}

/* Elements `at` of an axis, run by run: runs go up, down, or stay. */
static Value *pick(Node *n, Value *x, int axis, int64_t count,
                   const int64_t *at) {
  ARRAY(Value *) parts = {0};
  int64_t begin[MAX_RANK] = {0}, stride[MAX_RANK];
  Dims d = dims_of(x);
  for (int i = 0; i < MAX_RANK; i++)
    stride[i] = 1;
  for (int64_t i = 0, end; i < count && !n->bad; i = end) {
    int64_t step = i + 1 < count ? at[i + 1] - at[i] : 0;
    for (end = i + 1; end < count && at[end] - at[end - 1] == step;)
      end++;
    begin[axis] = at[i];
    stride[axis] = step ? step : 1;
    d.v[axis] = step ? end - i : 1;
    Value *run = b_slice(n, x, begin, d, stride);
    Dims wide = d;
    wide.v[axis] = end - i;
    ARRAY_PUSH(n->im->arena, &parts, b_expand(n, run, wide));
  }
  return b_concat(n, axis, parts.n, parts.v);
}

enum { MAX_PAD = 1 << 20 };

static Value *pad_repeating(Node *n, Value *x, int axis, PadMode mode,
                            int64_t before, int64_t after) {
  int64_t extent = dims_of(x).v[axis], count = before + extent + after;
  if (n->bad || (!before && !after))
    return x;
  if (!extent || count > MAX_PAD) {
    node_refuse(n, "padding of %lld elements to %lld", (long long)extent,
                (long long)count);
    return NULL;
  }
  int64_t *at = ARENA_ARRAY(n->im->arena, int64_t, count);
  for (int64_t i = 0; i < count; i++)
    at[i] = pad_source(mode, i - before, extent);
  return pick(n, x, axis, count, at);
}

/* With copies of a scalar on both sides. */
static Value *pad_value(Node *n, Value *x, int axis, Value *value,
                        int64_t before, int64_t after) {
  Dims lo = dims_of(x), hi = lo;
  if (n->bad || (!before && !after))
    return x;
  lo.v[axis] = before;
  hi.v[axis] = after;
  Value *v[] = {b_expand(n, value, lo), x, b_expand(n, value, hi)};
  return b_concat(n, axis, 3, v);
}

/* Pads of every dimension: those that crop have been taken off x. */
typedef struct Pads {
  Value *x;
  int64_t before[MAX_RANK], after[MAX_RANK];
} Pads;

/* Pads are given for all axes, or for those that are listed. */
static void assign_pads(Node *n, Ints pads, Ints axes, Pads *p) {
  int rank = p->x->type->rank, count = axes.v ? axes.n : rank;
  if (pads.n != 2 * count)
    node_invalid(n, "%d pads for %d dimensions", pads.n, count);
  for (int i = 0; i < count && !n->bad; i++) {
    int k = axes.v ? axis_of(n, axes.v[i], rank) : i;
    p->before[k] = pads.v[i];
    p->after[k] = pads.v[count + i];
    if (pads.v[i] > INT32_MAX || pads.v[count + i] > INT32_MAX)
      node_refuse(n, "more padding than supported");
  }
}

static void crop(Node *n, Pads *p) {
  int64_t begin[MAX_RANK] = {0};
  Dims d = dims_of(p->x);
  for (int i = 0; i < d.rank && !n->bad; i++) {
    int64_t lo = p->before[i] < 0 ? p->before[i] : 0;
    int64_t hi = p->after[i] < 0 ? p->after[i] : 0;
    if (lo < -d.v[i] || hi < -d.v[i] || d.v[i] + lo + hi < 0) {
      node_invalid(n, "more than all is cut off dimension %d", i);
      return;
    }
    begin[i] = -lo;
    d.v[i] += lo + hi;
    p->before[i] -= lo;
    p->after[i] -= hi;
  }
  p->x = b_slice(n, p->x, begin, d, NULL);
}

static Pads read_pads(Node *n) {
  Pads p = {.x = node_in(n, 0)};
  bool given;
  Ints pads = ints_of(n, 1, "pads", &given);
  Ints axes = const_ints(n, node_in(n, 3), "axes");
  if (n->bad)
    return p;
  assign_pads(n, pads, axes, &p);
  if (!n->bad)
    crop(n, &p);
  return p;
}

/* What padding holds, as a scalar; NULL: zeros. */
static Value *read_pad_value(Node *n, DType t) {
  if (node_in(n, 2))
    return b_reshape(n, b_cast(n, node_in(n, 2), t), (Dims){0});
  float x = attr_float(n, "value", 0);
  return x != 0 && !n->bad ? b_scalar(n, t, (double)x) : NULL;
}

/* The stored element that pads, where the IR's op can have it. */
static bool is_stored(const Value *v, DType t, int64_t *bits) {
  uint64_t u = 0;
  *bits = 0;
  if (!v)
    return true;
  if (!v->init || (!dtype_is_float(t) && t != DT_i64 && t != DT_i32))
    return false;
  memcpy(&u, v->init->data, (size_t)dtype_bits(t) / 8);
  *bits = t == DT_i32 ? (int32_t)u : (int64_t)u;
  return true;
}

static Value *pad_axes(Node *n, PadMode mode, Value *value, const Pads *p) {
  Value *x = p->x;
  int rank = x->type->rank;
  for (int i = 0; i < rank && !n->bad; i++)
    x = mode == PAD_constant
            ? pad_value(n, x, i, value, p->before[i], p->after[i])
            : pad_repeating(n, x, i, mode, p->before[i], p->after[i]);
  return x;
}

void onnx_pad(Node *n) {
  static const char *const modes[] = {"constant", "reflect", "edge", "wrap",
                                      NULL};
  DType t = node_in(n, 0)->type->dtype;
  PadMode mode = (PadMode)attr_choice(n, "mode", modes);
  Value *value = read_pad_value(n, t);
  Pads p = read_pads(n);
  int64_t bits;
  if (n->bad)
    return;
  if (mode == PAD_constant && is_stored(value, t, &bits))
    node_out(n, 0, b_pad(n, p.x, p.before, p.after, bits));
  else
    node_out(n, 0, pad_axes(n, mode, value, &p));
}
