/* Shapes and types of the ops that move elements: any element type, and the
 * output has the input's element type and quantization (but for concat of
 * 8-bit inputs, which requantizes, and resize_nearest, which copies bytes
 * whatever the parameters say). */
#include "ir/infer.h"

#include <string.h>

bool infer_pad(const Op *op, Shape *out) {
  const PadAttrs *a = &op->attrs.pad;
  const Type *t = op->in[0]->type;
  *out = shape_of(op->in[0]);
  if (a->before.n != out->rank || a->after.n != out->rank)
    return op_error(op, E0201, "before and after need %d elements", out->rank);
  if (!check_min(op, "before", a->before.v, a->before.n, 0) ||
      !check_min(op, "after", a->after.v, a->after.n, 0))
    return false;
  for (int i = 0; i < out->rank; i++)
    out->dim[i] += a->before.v[i] + a->after.v[i];
  if (!dtype_is_float(t->dtype) &&
      (a->value < dtype_min(t->dtype) || a->value > dtype_max(t->dtype)))
    return op_error(op, E0201, "value %lld does not fit %s",
                    (long long)a->value, dtype_name(t->dtype));
  return check_same_element(op, op->in[0], op->out[0]);
}

bool infer_reshape(const Op *op, Shape *out) {
  const Value *x = op->in[0], *y = op->out[0];
  *out = shape_of(y);
  if (type_count(x->type) != type_count(y->type))
    return op_error(op, E0201, "%s and %s differ in their number of elements",
                    value_text(op, x), value_text(op, y));
  return check_same_element(op, x, y);
}

static bool check_perm(const Op *op, const IntList *perm, int rank) {
  unsigned seen = 0;
  for (int i = 0; i < perm->n; i++)
    if (perm->v[i] >= 0 && perm->v[i] < rank)
      seen |= 1u << perm->v[i];
  return (perm->n == rank && seen == (1u << rank) - 1) ||
         op_error(op, E0201, "perm is no permutation of %d dimensions", rank);
}

/* A quantized axis moves along with its dimension. */
static bool check_permuted_element(const Op *op, const IntList *perm) {
  const QuantParams *q = op->in[0]->type->q;
  int to = -1;
  for (int i = 0; q && i < perm->n; i++)
    if (perm->v[i] == q->axis)
      to = i;
  return check_moved_element(op, to);
}

bool infer_transpose(const Op *op, Shape *out) {
  const IntList *perm = &op->attrs.perm.perm;
  Shape x = shape_of(op->in[0]);
  *out = x;
  if (!check_perm(op, perm, x.rank))
    return false;
  for (int i = 0; i < x.rank; i++)
    out->dim[i] = x.dim[perm->v[i]];
  return check_permuted_element(op, perm);
}

/* A quantized axis is one that is not repeated. */
bool infer_broadcast(const Op *op, Shape *out) {
  const Value *x = op->in[0], *y = op->out[0];
  int lead = y->type->rank - x->type->rank;
  bool ok = lead >= 0;
  for (int d = 0; d < x->type->rank && ok; d++)
    ok = x->type->dim[d] == 1 || x->type->dim[d] == y->type->dim[lead + d];
  if (!ok)
    return op_error(op, E0201, "%s does not broadcast to %s", value_text(op, x),
                    value_text(op, y));
  *out = shape_of(y);
  return check_moved_element(op, x->type->q ? x->type->q->axis + lead : -1);
}

static bool check_no_act(const Op *op) {
  return op->attrs.axis.act == ACT_none ||
         op_error(op, E0201, "takes no activation");
}

/* Equal but for dimension `axis`. */
static bool same_but(const Shape *a, const Shape *b, int64_t axis) {
  Shape c = *b;
  if (a->rank == b->rank)
    c.dim[axis] = a->dim[axis];
  return shape_equal(a, &c);
}

static bool check_concat_element(const Op *op, const Value *x) {
  const Type *t = x->type, *y = op->out[0]->type;
  if (t->dtype == y->dtype && type_is_q8(t) && type_is_q8(y))
    return true;
  return check_same_element(op, x, op->out[0]);
}

bool infer_concat(const Op *op, Shape *out) {
  int64_t axis = op->attrs.axis.axis;
  *out = shape_of(op->in[0]);
  if (!check_axis(op, axis, out->rank) || !check_no_act(op))
    return false;
  bool ok = check_concat_element(op, op->in[0]);
  for (int i = 1; i < op->nin; i++) {
    Shape s = shape_of(op->in[i]);
    if (!same_but(out, &s, axis))
      return op_error(op, E0201, "%s and %s differ in more than axis %lld",
                      value_text(op, op->in[0]), value_text(op, op->in[i]),
                      (long long)axis);
    if (__builtin_add_overflow(out->dim[axis], s.dim[axis], &out->dim[axis]))
      return op_error(op, E0201, "the output is too large");
    ok &= check_concat_element(op, op->in[i]);
  }
  return ok;
}

bool infer_split(const Op *op, Shape *out) {
  int64_t axis = op->attrs.axis.axis, sum = 0;
  Shape x = shape_of(op->in[0]);
  *out = shape_of(op->out[0]);
  if (!check_axis(op, axis, x.rank) || !check_no_act(op))
    return false;
  bool ok = true;
  for (int i = 0; i < op->nout; i++) {
    Shape part = shape_of(op->out[i]);
    if (!same_but(&x, &part, axis))
      return op_error(op, E0201, "%s and %s differ in more than axis %lld",
                      value_text(op, op->in[0]), value_text(op, op->out[i]),
                      (long long)axis);
    if (__builtin_add_overflow(sum, part.dim[axis], &sum))
      sum = INT64_MAX;
    ok &= check_same_element(op, op->in[0], op->out[i]);
  }
  return (sum == x.dim[axis] ||
          op_error(op, E0201, "the parts have %lld of %lld along axis %lld",
                   (long long)sum, (long long)x.dim[axis], (long long)axis)) &&
         ok;
}

/* First and last index must be inside; those between are then. */
static bool check_slice(const Op *op, int i, int64_t n, int64_t extent) {
  int64_t begin = op->attrs.slice.begin.v[i];
  int64_t stride = op->attrs.slice.stride.v[i], last;
  if (stride == 0)
    return op_error(op, E0201, "stride is 0");
  bool inside = begin >= 0 && begin < n &&
                !__builtin_mul_overflow(extent - 1, stride, &last) &&
                !__builtin_add_overflow(last, begin, &last) && last >= 0 &&
                last < n;
  return inside ||
         op_error(op, E0201,
                  "dimension %d: %lld elements from %lld by %lld leave 0..%lld",
                  i, (long long)extent, (long long)begin, (long long)stride,
                  (long long)(n - 1));
}

/* An empty list stands for zeros (begin) or ones (stride). */
bool infer_strided_slice(const Op *op, Shape *out) {
  const SliceAttrs *a = &op->attrs.slice;
  Shape x = shape_of(op->in[0]);
  *out = shape_of(op->out[0]);
  if ((a->begin.n && a->begin.n != x.rank) ||
      (a->stride.n && a->stride.n != x.rank))
    return op_error(op, E0201, "begin and stride need %d elements", x.rank);
  if (!check_rank(op, op->out[0], x.rank))
    return false;
  bool ok = check_same_element(op, op->in[0], op->out[0]);
  for (int i = 0; i < x.rank; i++)
    ok &= check_slice(op, i, x.dim[i], out->dim[i]);
  return ok;
}

bool infer_resize_nearest(const Op *op, Shape *out) {
  const ResizeAttrs *a = &op->attrs.resize;
  const Value *x = op->in[0], *y = op->out[0];
  if (!check_rank(op, x, 4) || !check_rank(op, y, 4))
    return false;
  *out = shape_of(y);
  out->dim[0] = x->type->dim[0];
  out->dim[3] = x->type->dim[3];
  if (a->align_corners && a->half_pixel_centers)
    return op_error(op, E0201,
                    "align_corners and half_pixel_centers exclude each other");
  return x->type->dtype == y->type->dtype ||
         op_error(op, E0201, "%s and %s must have the same element type",
                  value_text(op, x), value_text(op, y));
}
