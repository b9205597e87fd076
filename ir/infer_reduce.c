/* Shapes and types of the ops that go along axes: reductions, indices of
 * extremes, running sums and products. */
#include "ir/infer_map.h"

bool check_axes(const Op *op, const IntList *axes, int rank, unsigned *mask) {
  if (axes->n == 0)
    return op_error(op, E0201, "no axes are given");
  for (int i = 0; i < axes->n; i++) {
    if (!check_axis(op, axes->v[i], rank))
      return false;
    if (*mask >> axes->v[i] & 1)
      return op_error(op, E0201, "axis %lld is given twice",
                      (long long)axes->v[i]);
    *mask |= 1u << axes->v[i];
  }
  return true;
}

void infer_reduced(const Op *op, unsigned mask, Shape *out) {
  Shape x = shape_of(op->in[0]);
  bool keep = op->out[0]->type->rank == x.rank;
  *out = (Shape){0};
  for (int i = 0; i < x.rank; i++) {
    bool reduced = mask >> i & 1;
    if (!reduced || keep)
      out->dim[out->rank++] = reduced ? 1 : x.dim[i];
  }
}

bool check_number(const Op *op, const Value *v) {
  DType t = v->type->dtype;
  return dtype_is_float(t) || (dtype_is_integer(t) && dtype_bits(t) >= 8) ||
         op_error(op, E0201,
                  "%s: expected floats or integers of 8 bits and more",
                  value_text(op, v));
}

static bool reduced_shape(const Op *op, Shape *out) {
  unsigned mask = 0;
  if (!check_axes(op, &op->attrs.axes.axes, op->in[0]->type->rank, &mask))
    return false;
  infer_reduced(op, mask, out);
  return true;
}

static bool infer_fold(const Op *op, Shape *out) {
  return reduced_shape(op, out) && check_plain(op) &&
         check_number(op, op->in[0]) &&
         check_dtype(op, op->out[0], op->in[0]->type->dtype);
}

bool infer_reduce_sum(const Op *op, Shape *out) { return infer_fold(op, out); }
bool infer_reduce_prod(const Op *op, Shape *out) { return infer_fold(op, out); }

/* Stored values of one scale are in the order of the real ones. */
static bool infer_extreme(const Op *op, Shape *out) {
  const Type *t = op->in[0]->type;
  if (t->q && (t->q->axis >= 0 || t->q->codebook))
    return op_error(op, E0202, "%s: expected one scale and zero point",
                    value_text(op, op->in[0]));
  return reduced_shape(op, out) &&
         (t->dtype == DT_bool || check_number(op, op->in[0])) &&
         check_same_element(op, op->in[0], op->out[0]);
}

bool infer_reduce_max(const Op *op, Shape *out) {
  return infer_extreme(op, out);
}
bool infer_reduce_min(const Op *op, Shape *out) {
  return infer_extreme(op, out);
}

bool infer_mean(const Op *op, Shape *out) {
  return reduced_shape(op, out) && check_float_form(op, 1) != FORM_bad;
}

static bool infer_arg(const Op *op, Shape *out) {
  int64_t axis = op->attrs.arg.axis;
  if (!check_axis(op, axis, op->in[0]->type->rank))
    return false;
  infer_reduced(op, 1u << axis, out);
  const QuantParams *q = op->in[0]->type->q;
  if (q && (q->axis >= 0 || q->codebook))
    return op_error(op, E0202, "%s: expected one scale and zero point",
                    value_text(op, op->in[0]));
  DType y = op->out[0]->type->dtype;
  return check_number(op, op->in[0]) &&
         (y == DT_i32 || check_dtype(op, op->out[0], DT_i64));
}

bool infer_argmax(const Op *op, Shape *out) { return infer_arg(op, out); }
bool infer_argmin(const Op *op, Shape *out) { return infer_arg(op, out); }

static bool infer_cum(const Op *op, Shape *out) {
  *out = shape_of(op->in[0]);
  return check_axis(op, op->attrs.cum.axis, out->rank) && check_plain(op) &&
         check_number(op, op->in[0]) &&
         check_dtype(op, op->out[0], op->in[0]->type->dtype);
}

bool infer_cumsum(const Op *op, Shape *out) { return infer_cum(op, out); }
bool infer_cumprod(const Op *op, Shape *out) { return infer_cum(op, out); }
