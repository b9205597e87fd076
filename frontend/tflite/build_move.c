/* Makers of ops that move elements. */
#include "frontend/tflite/build.h"

Value *t_retype(TflOp *o, Value *x, const QuantParams *q) {
  if (!x || quant_equal(x->type->q, q))
    return x;
  const Type *t = type_with_dtype(o->im->arena, x->type, x->type->dtype, q);
  return t_op(o, OP_bitcast, NULL, 1, &x, t);
}

Value *t_reshape(TflOp *o, Value *x, Dims d) {
  if (!x)
    return NULL;
  const Type *t = t_like(o, x, d);
  return type_equal(t, x->type) ? x : t_op(o, OP_reshape, NULL, 1, &x, t);
}

Value *t_transpose(TflOp *o, Value *x, const int *perm) {
  if (!x)
    return NULL;
  Attrs a = attrs_default(OP_transpose);
  Dims d = t_dims(x);
  a.perm.perm.n = d.rank;
  for (int i = 0; i < d.rank; i++) {
    a.perm.perm.v[i] = perm[i];
    d.v[i] = x->type->dim[perm[i]];
  }
  return t_op(o, OP_transpose, &a, 1, &x, t_like(o, x, d));
}

Value *t_concat(TflOp *o, int axis, int n, Value *const *v) {
  Attrs a = attrs_default(OP_concat);
  Dims d = t_dims(v[0]);
  for (int i = 1; i < n; i++)
    if (v[i] && v[i]->type->rank == d.rank)
      d.v[axis] += v[i]->type->dim[axis];
  a.axis.axis = axis;
  return n == 1 ? v[0] : t_op(o, OP_concat, &a, n, v, t_like(o, v[0], d));
}

Value *t_slice(TflOp *o, Value *x, const int64_t *begin, Dims extent,
               const int64_t *stride) {
  Attrs a = attrs_default(OP_strided_slice);
  a.slice.begin.n = a.slice.stride.n = extent.rank;
  for (int i = 0; i < extent.rank; i++) {
    a.slice.begin.v[i] = begin[i];
    a.slice.stride.v[i] = stride ? stride[i] : 1;
  }
  return t_op(o, OP_strided_slice, &a, 1, &x, t_like(o, x, extent));
}

Value *t_reverse(TflOp *o, Value *x, unsigned axes) {
  Dims d = t_dims(x);
  int64_t begin[MAX_RANK], stride[MAX_RANK];
  for (int i = 0; i < d.rank; i++) {
    bool reversed = axes >> i & 1 && d.v[i] > 1;
    begin[i] = reversed ? d.v[i] - 1 : 0;
    stride[i] = reversed ? -1 : 1;
  }
  return t_slice(o, x, begin, d, stride);
}

Value *t_broadcast(TflOp *o, Value *x, Dims d) {
  if (!x)
    return NULL;
  const Type *t = t_like(o, x, d);
  return type_equal(t, x->type) ? x : t_op(o, OP_broadcast, NULL, 1, &x, t);
}

Value *t_pad(TflOp *o, Value *x, const int64_t *before, const int64_t *after,
             int64_t value) {
  Attrs a = attrs_default(OP_pad);
  Dims d = t_dims(x);
  a.pad.before.n = a.pad.after.n = d.rank;
  a.pad.value = value;
  for (int i = 0; i < d.rank; i++) {
    a.pad.before.v[i] = before[i];
    a.pad.after.v[i] = after[i];
    d.v[i] += before[i] + after[i];
  }
  return t_op(o, OP_pad, &a, 1, &x, t_like(o, x, d));
}
