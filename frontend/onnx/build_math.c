/* Makers of ops that compute. */
#include <math.h>

#include "frontend/onnx/build.h"

Value *b_unary(Node *n, OpKind kind, Value *x) {
  x = b_plain(n, x);
  if (n->bad)
    return NULL;
  DType t = kind == OP_is_nan || kind == OP_is_inf ? DT_bool : x->type->dtype;
  return b_op1(n, kind, NULL, 1, &x, b_type(n, t, dims_of(x)));
}

static bool compares(OpKind k) {
  return k == OP_equal || k == OP_less || k == OP_less_equal;
}

Value *b_binary(Node *n, OpKind kind, Value *a, Value *b) {
  Dims d;
  a = b_plain(n, a);
  b = b_plain(n, b);
  if (!b_broadcast_dims(n, dims_of(a), dims_of(b), &d))
    return NULL;
  Value *in[] = {a, b};
  DType t = compares(kind) ? DT_bool : a->type->dtype;
  return b_op1(n, kind, NULL, 2, in, b_type(n, t, d));
}

Value *b_binary_k(Node *n, OpKind kind, Value *a, double b) {
  return n->bad ? NULL : b_binary(n, kind, a, b_scalar(n, a->type->dtype, b));
}

Value *b_k_binary(Node *n, OpKind kind, double a, Value *b) {
  return n->bad ? NULL : b_binary(n, kind, b_scalar(n, b->type->dtype, a), b);
}

Value *b_select(Node *n, Value *c, Value *a, Value *b) {
  Dims d, all;
  a = b_plain(n, a);
  b = b_plain(n, b);
  if (!b_broadcast_dims(n, dims_of(a), dims_of(b), &d) ||
      !b_broadcast_dims(n, dims_of(c), d, &all))
    return NULL;
  Value *in[] = {c, a, b};
  return b_op1(n, OP_select, NULL, 3, in, b_like(n, a, all));
}

static Value *cast(Node *n, Value *x, DType to, bool saturate) {
  x = b_plain(n, x);
  if (n->bad || x->type->dtype == to)
    return x;
  Attrs a = attrs_default(OP_cast);
  a.cast.saturate = saturate;
  return b_op1(n, OP_cast, &a, 1, &x, b_type(n, to, dims_of(x)));
}

Value *b_cast(Node *n, Value *x, DType to) { return cast(n, x, to, false); }

Value *b_cast_saturate(Node *n, Value *x, DType to) {
  return cast(n, x, to, true);
}

Value *b_clamp(Node *n, Value *x, double lo, double hi) {
  return b_binary_k(n, OP_min, b_binary_k(n, OP_max, x, lo), hi);
}

static Attrs axes_attrs(OpKind kind, unsigned axes) {
  Attrs a = attrs_default(kind);
  for (int i = 0; i < MAX_RANK; i++)
    if (axes >> i & 1)
      a.axes.axes.v[a.axes.axes.n++] = i;
  return a;
}

/* What a reduction of nothing gives. */
static double neutral(OpKind kind) {
  switch (kind) {
  case OP_reduce_prod:
    return 1;
  case OP_reduce_max:
    return -HUGE_VAL;
  case OP_reduce_min:
    return HUGE_VAL;
  default:
    return 0;
  }
}

Value *b_reduce(Node *n, OpKind kind, Value *x, unsigned axes, bool keep) {
  x = b_plain(n, x);
  if (n->bad || !axes)
    return x;
  Dims d = dims_reduce(dims_of(x), axes, keep);
  if (!type_count(x->type) && dims_count(d))
    return b_fill(n, x->type->dtype, d, neutral(kind));
  Attrs a = axes_attrs(kind, axes);
  return b_op1(n, kind, &a, 1, &x, b_type(n, x->type->dtype, d));
}

Value *b_mean(Node *n, Value *x, unsigned axes, bool keep) {
  if (n->bad || dtype_is_float(x->type->dtype))
    return b_reduce(n, OP_mean, x, axes, keep);
  int64_t count = 1;
  for (int i = 0; i < x->type->rank; i++)
    count *= axes >> i & 1 ? x->type->dim[i] : 1;
  return b_binary_k(n, OP_div, b_reduce(n, OP_reduce_sum, x, axes, keep),
                    (double)count);
}

Value *b_softmax(Node *n, Value *x, int axis) {
  if (n->bad)
    return NULL;
  int last = x->type->rank - 1;
  Value *moved = b_swap(n, x, axis, last);
  Value *y = b_op1(n, OP_softmax, NULL, 1, &moved, moved->type);
  return b_swap(n, y, axis, last);
}
