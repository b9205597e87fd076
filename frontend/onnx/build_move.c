/* Makers of ops that move elements. What changes nothing makes no op. */
#include "frontend/onnx/build.h"

#include <string.h>

/* v's type, and nothing else of it, changes. */
static Value *retype(Node *n, Value *x, const Type *t) {
  if (n->bad || type_equal(x->type, t))
    return n->bad ? NULL : x;
  return b_op1(n, OP_bitcast, NULL, 1, &x, t);
}

Value *b_plain(Node *n, Value *x) {
  if (n->bad || !x->type->q)
    return n->bad ? NULL : x;
  return b_quant(n, x, NULL);
}

Value *b_quant(Node *n, Value *x, const QuantParams *q) {
  if (n->bad)
    return NULL;
  return retype(n, x,
                type_with_dtype(n->im->arena, x->type, x->type->dtype, q));
}

/* A scale per channel has no meaning in another shape. */
static Value *per_tensor(Node *n, Value *x) {
  bool by_axis = !n->bad && x->type->q && x->type->q->axis >= 0;
  return by_axis ? b_plain(n, x) : x;
}

Value *b_reshape(Node *n, Value *x, Dims d) {
  if (n->bad || dims_equal(dims_of(x), d))
    return n->bad ? NULL : x;
  if (dims_count(d) != type_count(x->type)) {
    node_invalid(n, "a shape of %s cannot become %s", dims_text(n, dims_of(x)),
                 dims_text(n, d));
    return NULL;
  }
  x = per_tensor(n, x);
  return b_op1(n, OP_reshape, NULL, 1, &x, b_like(n, x, d));
}

Value *b_squeeze(Node *n, Value *x, unsigned axes) {
  return n->bad ? NULL : b_reshape(n, x, dims_reduce(dims_of(x), axes, false));
}

Value *b_unsqueeze(Node *n, Value *x, int axis) {
  if (n->bad)
    return NULL;
  if (x->type->rank == MAX_RANK) {
    node_refuse(n, "more than %d dimensions", MAX_RANK);
    return NULL;
  }
  return b_reshape(n, x, dims_insert(dims_of(x), axis, 1));
}

Value *b_rank(Node *n, Value *x, int rank) {
  Dims d = dims_of(x);
  while (!n->bad && d.rank < rank)
    d = dims_insert(d, 0, 1);
  return b_reshape(n, x, d);
}

Value *b_matrix(Node *n, Value *x, int axis) {
  Dims d = dims_of(x), m = {2, {1, 1}};
  for (int i = 0; i < d.rank; i++)
    m.v[i >= axis] *= d.v[i];
  return b_reshape(n, x, m);
}

Value *b_transpose(Node *n, Value *x, const int *perm) {
  if (n->bad)
    return NULL;
  Attrs a = attrs_default(OP_transpose);
  Dims from = dims_of(x), d = from;
  const QuantParams *q = x->type->q;
  QuantParams moved = q ? *q : (QuantParams){0};
  bool same = true;
  a.perm.perm.n = d.rank;
  for (int i = 0; i < d.rank; i++) {
    a.perm.perm.v[i] = perm[i];
    d.v[i] = from.v[perm[i]];
    same &= perm[i] == i;
    if (q && q->axis == perm[i])
      moved.axis = i;
  }
  const Type *t =
      type_new(n->im->arena, x->type->dtype, d.rank, d.v, q ? &moved : NULL);
  return same ? x : b_op1(n, OP_transpose, &a, 1, &x, t);
}

Value *b_swap(Node *n, Value *x, int a, int b) {
  int perm[MAX_RANK];
  for (int i = 0; i < MAX_RANK; i++)
    perm[i] = i == a ? b : i == b ? a : i;
  return b_transpose(n, x, perm);
}

static bool same_quant(int count, Value *const *v) {
  for (int i = 1; i < count; i++)
    if (!quant_equal(v[0]->type->q, v[i]->type->q))
      return false;
  return true;
}

Value *b_concat(Node *n, int axis, int count, Value *const *v) {
  if (n->bad)
    return NULL;
  Value **kept = ARENA_ARRAY(n->im->arena, Value *, count);
  Attrs a = attrs_default(OP_concat);
  Dims d = dims_of(v[0]);
  bool plain =
      !same_quant(count, v) || (v[0]->type->q && v[0]->type->q->axis >= 0);
  int k = 0;
  a.axis.axis = axis;
  d.v[axis] = 0;
  for (int i = 0; i < count && !n->bad; i++) {
    Dims e = dims_of(v[i]);
    d.v[axis] += e.rank == d.rank ? e.v[axis] : 0;
    if (e.rank != d.rank || v[i]->type->dtype != v[0]->type->dtype)
      node_invalid(n, "input %d does not go with input 0", i);
    else if (type_count(v[i]->type))
      kept[k++] = plain ? b_plain(n, v[i]) : v[i];
  }
  if (n->bad || k == 1)
    return n->bad ? NULL : kept[0];
  return b_op1(n, OP_concat, &a, k, kept, b_like(n, k ? kept[0] : v[0], d));
}

Value *b_slice(Node *n, Value *x, const int64_t *begin, Dims extent,
               const int64_t *stride) {
  if (n->bad)
    return NULL;
  Attrs a = attrs_default(OP_strided_slice);
  bool same = dims_equal(extent, dims_of(x));
  a.slice.begin.n = a.slice.stride.n = extent.rank;
  for (int i = 0; i < extent.rank; i++) {
    a.slice.begin.v[i] = begin[i];
    a.slice.stride.v[i] = stride ? stride[i] : 1;
    if (extent.v[i] == 1)
      a.slice.stride.v[i] = 1; /* of no effect, and might be enormous */
    same &= a.slice.stride.v[i] > 0 && !begin[i];
  }
  if (same)
    return x;
  x = per_tensor(n, x);
  return b_op1(n, OP_strided_slice, &a, 1, &x, b_like(n, x, extent));
}

Value *b_slice1(Node *n, Value *x, int axis, int64_t begin, int64_t extent) {
  int64_t from[MAX_RANK] = {0};
  Dims d = dims_of(x);
  from[axis] = begin;
  d.v[axis] = extent;
  return b_slice(n, x, from, d, NULL);
}

Value *b_reverse(Node *n, Value *x, int axis) {
  int64_t begin[MAX_RANK] = {0}, stride[MAX_RANK];
  Dims d = dims_of(x);
  for (int i = 0; i < MAX_RANK; i++)
    stride[i] = 1;
  begin[axis] = d.v[axis] - 1;
  stride[axis] = -1;
  return b_slice(n, x, begin, d, stride);
}

Value *b_pad(Node *n, Value *x, const int64_t *before, const int64_t *after,
             int64_t value) {
  if (n->bad)
    return NULL;
  Attrs a = attrs_default(OP_pad);
  Dims d = dims_of(x);
  bool same = true;
  a.pad.before.n = a.pad.after.n = d.rank;
  a.pad.value = value;
  for (int i = 0; i < d.rank; i++) {
    a.pad.before.v[i] = before[i];
    a.pad.after.v[i] = after[i];
    d.v[i] += before[i] + after[i];
    same &= !before[i] && !after[i];
  }
  if (same)
    return x;
  x = per_tensor(n, x);
  return b_op1(n, OP_pad, &a, 1, &x, b_like(n, x, d));
}

Value *b_expand(Node *n, Value *x, Dims d) {
  Dims to;
  if (n->bad || dims_equal(dims_of(x), d))
    return n->bad ? NULL : x;
  if (!b_broadcast_dims(n, dims_of(x), d, &to))
    return NULL;
  if (!dims_equal(to, d)) {
    node_invalid(n, "a shape of %s does not broadcast to %s",
                 dims_text(n, dims_of(x)), dims_text(n, d));
    return NULL;
  }
  if (dims_count(d) == type_count(x->type))
    return b_reshape(n, x, d);
  x = per_tensor(n, x);
  return b_op1(n, OP_broadcast, NULL, 1, &x, b_like(n, x, d));
}
