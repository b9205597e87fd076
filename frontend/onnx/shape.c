/* Operators whose values are known from shapes and attributes alone. */
#include <math.h>

#include "frontend/onnx/build.h"

/* A constant of Constant's scalar and list attributes; NULL: not given. */
static Value *number_attr(Node *n) {
  Dims scalar = {0};
  if (attr_has(n, "value_float")) {
    float x = attr_float(n, "value_float", 0);
    return b_floats(n, scalar, &x);
  }
  if (attr_has(n, "value_int")) {
    int64_t x = attr_int(n, "value_int", 0);
    return b_reshape(n, b_ints(n, 1, &x), scalar);
  }
  if (attr_has(n, "value_floats")) {
    Floats f = attr_floats(n, "value_floats");
    return b_floats(n, (Dims){1, {f.n}}, f.v);
  }
  if (attr_has(n, "value_ints")) {
    Ints x = attr_ints(n, "value_ints");
    return b_ints(n, x.n, x.v);
  }
  return NULL;
}

void onnx_constant(Node *n) {
  Value *v = attr_tensor(n, "value");
  v = v || n->bad ? v : number_attr(n);
  if (!v && !n->bad)
    node_refuse(n, "the constant has no value of numbers");
  node_out(n, 0, v);
}

/* The shape that a constant lists. */
static Dims const_dims(Node *n, const Value *v, const char *what) {
  Ints x = const_ints(n, v, what);
  Dims d = {0};
  if (x.n > MAX_RANK)
    node_refuse(n, "%s has more than %d dimensions", what, MAX_RANK);
  for (int i = 0; i < x.n && !n->bad; i++) {
    d.v[d.rank++] = x.v[i];
    if (x.v[i] < 0)
      node_invalid(n, "%s has a negative dimension", what);
  }
  return n->bad ? (Dims){0} : d;
}

void onnx_constant_of_shape(Node *n) {
  Dims d = const_dims(n, node_in(n, 0), "the shape");
  Value *v = attr_tensor(n, "value");
  v = v || n->bad ? v : b_scalar(n, DT_f32, 0);
  node_out(n, 0, b_expand(n, b_reshape(n, v, (Dims){0}), d));
}

/* Python's rule: from the end when negative, clamped. */
static int64_t clamp_index(int64_t i, int64_t count) {
  int64_t k = i < 0 ? i + count : i;
  return k < 0 ? 0 : k > count ? count : k;
}

void onnx_shape(Node *n) {
  const Type *t = node_in(n, 0)->type;
  int64_t begin = clamp_index(attr_int(n, "start", 0), t->rank);
  int64_t end = clamp_index(attr_int(n, "end", t->rank), t->rank);
  node_out(n, 0,
           b_ints(n, end > begin ? (int)(end - begin) : 0, t->dim + begin));
}

void onnx_size(Node *n) {
  int64_t count = type_count(node_in(n, 0)->type);
  node_out(n, 0, b_reshape(n, b_ints(n, 1, &count), (Dims){0}));
}

/* ceil((limit - start) / delta) numbers from start on by delta. */
void onnx_range(Node *n) {
  double start = const_number(n, node_in(n, 0), "the start", 0);
  double limit = const_number(n, node_in(n, 1), "the limit", 0);
  double delta = const_number(n, node_in(n, 2), "the step", 1);
  DType t = node_in(n, 0)->type->dtype;
  double count = n->bad ? 0 : ceil((limit - start) / delta);
  if (n->bad)
    return;
  if (delta == 0 || !(count < 0x1p31)) {
    node_invalid(n, "a range from %g to %g by %g", start, limit, delta);
    return;
  }
  Value *i = b_cast(n, b_iota(n, count > 0 ? (int64_t)count : 0), t);
  Value *step = b_reshape(n, node_in(n, 2), (Dims){0});
  Value *from = b_reshape(n, node_in(n, 0), (Dims){0});
  node_out(n, 0, b_binary(n, OP_add, b_binary(n, OP_mul, i, step), from));
}

/* --- Reshape and its kin ----------------------------------------------- */

/* 0 copies a dimension of x, -1 is what is left over. */
static Dims resolve(Node *n, Ints want, Dims x, bool allow_zero) {
  Dims d = {.rank = want.n};
  int left_over = -1;
  int64_t known = 1, count = dims_count(x);
  for (int i = 0; i < want.n; i++) {
    bool copied = want.v[i] == 0 && !allow_zero;
    d.v[i] = copied && i < x.rank ? x.v[i] : want.v[i];
    if (want.v[i] < -1 || (copied && i >= x.rank) ||
        (want.v[i] == -1 && left_over >= 0))
      node_invalid(n, "dimension %d of the new shape is %lld", i,
                   (long long)want.v[i]);
    left_over = want.v[i] == -1 ? i : left_over;
    known =
        d.v[i] == -1 ? known : mul_saturating(known, d.v[i] < 0 ? 0 : d.v[i]);
  }
  if (left_over >= 0)
    d.v[left_over] = known ? count / known : 0;
  return d;
}

void onnx_reshape(Node *n) {
  Value *x = node_in(n, 0);
  bool allow_zero = attr_bool(n, "allowzero", false);
  Ints want = const_ints(n, node_in(n, 1), "the new shape");
  if (want.n > MAX_RANK)
    node_refuse(n, "more than %d dimensions", MAX_RANK);
  if (!n->bad)
    node_out(n, 0, b_reshape(n, x, resolve(n, want, dims_of(x), allow_zero)));
}

void onnx_flatten(Node *n) {
  Value *x = node_in(n, 0);
  int64_t axis = attr_int(n, "axis", 1);
  int rank = x->type->rank;
  if (n->bad)
    return;
  node_out(n, 0, b_matrix(n, x, axis == rank ? rank : axis_of(n, axis, rank)));
}

void onnx_squeeze(Node *n) {
  Value *x = node_in(n, 0);
  bool given;
  Ints axes = ints_of(n, 1, "axes", &given);
  const Type *t = x->type;
  unsigned mask = 0;
  if (n->bad)
    return;
  if (axes.n)
    mask = axes_of(n, axes, t->rank);
  for (int i = 0; i < t->rank; i++) {
    if (!given && t->dim[i] == 1)
      mask |= 1u << i;
    if (mask >> i & 1 && t->dim[i] != 1)
      node_invalid(n, "dimension %d is %lld, not 1", i, (long long)t->dim[i]);
  }
  node_out(n, 0, b_squeeze(n, x, mask));
}

void onnx_unsqueeze(Node *n) {
  Value *x = node_in(n, 0);
  bool given;
  Ints axes = ints_of(n, 1, "axes", &given);
  int64_t rank = x->type->rank + (int64_t)axes.n;
  if (rank > MAX_RANK)
    node_refuse(n, "more than %d dimensions", MAX_RANK);
  if (n->bad)
    return;
  unsigned mask = axes.n ? axes_of(n, axes, (int)rank) : 0;
  for (int i = 0; i < rank && !n->bad; i++)
    if (mask >> i & 1)
      x = b_unsqueeze(n, x, i);
  if (!n->bad && x->type->rank != rank)
    node_invalid(n, "an axis is listed twice");
  node_out(n, 0, x);
}

void onnx_expand(Node *n) {
  Value *x = node_in(n, 0);
  Dims want = const_dims(n, node_in(n, 1), "the new shape"), d;
  if (!n->bad && b_broadcast_dims(n, dims_of(x), want, &d))
    node_out(n, 0, b_expand(n, x, d));
}
