/* Values that are a contiguous part of another one. A tensor is cut in
 * contiguous parts along its outermost dimension of more than one element:
 *
 *   concat   operand i is bytes offset .. offset + bytes of the output
 *   split    output i is such a part of the input
 *   slice    so is the output, if the dimensions inside are taken whole
 *   pad      the input is such a part of the output
 *
 * Along any other dimension parts are strided: kernels know no pitch of
 * rows, so these are copied. */
#include "plan/place.h"

static int64_t extent(const Type *t, int from, int to) {
  int64_t n = 1;
  for (int d = from; d < to; d++)
    n *= t->dim[d];
  return n;
}

/* Bytes of one step along `axis`; -1 where those before it have several
 * elements, or elements are smaller than bytes. */
static int64_t outer_step(const Type *t, int axis) {
  int bits = dtype_bits(t->dtype);
  if (bits < 8 || extent(t, 0, axis) != 1)
    return -1;
  return extent(t, axis + 1, t->rank) * (bits / 8);
}

/* What is stored is the same, byte for byte. */
static bool same_elements(const Type *a, const Type *b) {
  return a->dtype == b->dtype && quant_equal(a->q, b->q) &&
         (!a->q || a->q->nscale == 1);
}

/* Where operand or part i of a row of tensors begins. */
static int64_t joined_at(Value *const *v, int i, int axis, int64_t step) {
  int64_t at = 0;
  for (int k = 0; k < i; k++)
    at += v[k]->type->dim[axis];
  return step < 0 ? -1 : at * step;
}

static int64_t pad_at(const Op *op) {
  const Type *y = op->out[0]->type;
  const PadAttrs *a = &op->attrs.pad;
  int axis = 0;
  while (axis < y->rank && !a->before.v[axis] && !a->after.v[axis])
    axis++;
  for (int d = axis + 1; d < y->rank; d++)
    if (a->before.v[d] || a->after.v[d])
      return -1;
  int64_t step = axis < y->rank ? outer_step(y, axis) : -1;
  return step < 0 ? -1 : a->before.v[axis] * step;
}

static int64_t slice_at(const Op *op) {
  const Type *x = op->in[0]->type, *y = op->out[0]->type;
  const SliceAttrs *a = &op->attrs.slice;
  int64_t at = 0, step = dtype_bits(x->dtype) / 8;
  bool whole = step > 0; /* all dimensions further in */
  for (int d = x->rank - 1; d >= 0; d--) {
    int64_t stride = a->stride.n ? a->stride.v[d] : 1;
    if (y->dim[d] > 1 && (!whole || stride != 1))
      return -1;
    whole = whole && y->dim[d] == x->dim[d];
    at += (a->begin.n ? a->begin.v[d] : 0) * step;
    step *= x->dim[d];
  }
  return dtype_bits(x->dtype) < 8 ? -1 : at;
}

int64_t part_of_output(const Op *op, int i) {
  const Type *x = op->in[i]->type, *y = op->out[0]->type;
  if (!same_elements(x, y))
    return -1;
  int axis = (int)op->attrs.axis.axis;
  if (op->kind == OP_concat)
    return joined_at(op->in, i, axis, outer_step(y, axis));
  return op->kind == OP_pad ? pad_at(op) : -1;
}

int64_t part_of_input(const Op *op, int i) {
  const Type *x = op->in[0]->type;
  if (!same_elements(x, op->out[i]->type))
    return -1;
  int axis = (int)op->attrs.axis.axis;
  if (op->kind == OP_split)
    return joined_at(op->out, i, axis, outer_step(x, axis));
  return op->kind == OP_strided_slice ? slice_at(op) : -1;
}

bool buffer_is_part(const Buffer *part, const Buffer *of, int64_t at) {
  const Buffer *a = part->base ? part->base : part;
  const Buffer *b = of->base ? of->base : of;
  return at >= 0 && a == b && part->base_offset == of->base_offset + at;
}

bool op_is_view(const Plan *p, const Op *op) {
  Buffer *const *of = p->of_value;
  bool placed = op->nin > 0 && op->nout > 0;
  if (op_info(op->kind)->traits & T_VIEW)
    return buffer_is_part(of[op->out[0]->id], of[op->in[0]->id], 0);
  if (op->kind == OP_concat)
    for (int i = 0; i < op->nin && placed; i++)
      placed = buffer_is_part(of[op->in[i]->id], of[op->out[0]->id],
                              part_of_output(op, i));
  else if (op->kind == OP_split || op->kind == OP_strided_slice)
    for (int i = 0; i < op->nout && placed; i++)
      placed = buffer_is_part(of[op->out[i]->id], of[op->in[0]->id],
                              part_of_input(op, i));
  else
    placed = false;
  return placed;
}
