/* Operators that move elements: pads, reshapes, transposes, joins, slices
 * and resizing. The output shapes are the file's; where operands decide them
 * as well, the two are held against each other. */
#include <string.h>

#include "frontend/tflite/import.h"

/* --- padding ----------------------------------------------------------- */

/* paddings[rank][2] = {before, after} */
static bool read_paddings(TflOp *o, PadAttrs *p) {
  Ints v;
  int rank = o->in[0]->type->rank;
  if (!op_ints(o, 1, "the paddings", &v))
    return false;
  if (v.n != 2 * rank)
    return op_invalid(o, "%d paddings for a tensor of rank %d", v.n, rank);
  p->before.n = p->after.n = rank;
  for (int i = 0; i < rank; i++) {
    p->before.v[i] = v.v[2 * i];
    p->after.v[i] = v.v[2 * i + 1];
    if (p->before.v[i] < 0 || p->after.v[i] < 0 || p->before.v[i] > INT32_MAX ||
        p->after.v[i] > INT32_MAX)
      return op_invalid(o, "paddings of dimension %d are out of range", i);
  }
  return true;
}

bool import_pad(TflOp *o) {
  Attrs a = attrs_default(OP_pad);
  a.pad.value = type_zero_point(o->in[0]->type);
  return read_paddings(o, &a.pad) && op_emit(o, OP_pad, &a, 1, o->in);
}

/* The bytes of one little-endian element, sign extended. */
static int64_t stored_element(const uint8_t *data, const Type *t) {
  int bits = dtype_bits(t->dtype);
  uint64_t x = 0;
  for (int i = 0; i < bits / 8; i++)
    x |= (uint64_t)data[i] << (8 * i);
  bool negative = x >> (bits - 1) & 1;
  if (negative && bits < 64 && dtype_is_signed(t->dtype))
    x |= ~(uint64_t)0 << bits;
  return (int64_t)x;
}

/* The third operand is one element of the input's type and parameters. */
bool import_padv2(TflOp *o) {
  Import *im = o->im;
  Attrs a = attrs_default(OP_pad);
  const Type *t = tensor_type(im, o->tin[2], o->loc);
  if (!t || !read_paddings(o, &a.pad))
    return false;
  FbVec v = tensor_bytes(im, o->tin[2]);
  if (t->dtype != o->in[0]->type->dtype || type_count(t) != 1)
    return op_invalid(o, "the padding value is not one %s",
                      dtype_name(o->in[0]->type->dtype));
  if (o->tin[2]->produced || v.n != (size_t)type_bytes(t))
    return op_refuse(o, "a padding value that is no constant");
  a.pad.value = stored_element(im->fb.data + v.pos, t);
  return op_emit(o, OP_pad, &a, 1, o->in);
}

/* --- other shapes of the same elements --------------------------------- */

/* -1 stands for whatever is left; the single 0 of old files for a scalar. */
static bool check_new_shape(TflOp *o, const Ints *shape) {
  const Type *y = o->out[0];
  if (shape->n == 1 && shape->v[0] == 0 && y->rank == 0)
    return true;
  int64_t dim[2 * MAX_RANK], rest = 1, count = type_count(o->in[0]->type);
  for (int i = 0; i < shape->n; i++)
    rest = shape->v[i] > 0 ? mul_saturating(rest, shape->v[i]) : rest;
  for (int i = 0; i < shape->n; i++)
    dim[i] =
        shape->v[i] == -1 && count % rest == 0 ? count / rest : shape->v[i];
  return op_check_shape(o, shape->n, dim, "the new shape");
}

bool import_reshape(TflOp *o) {
  Ints shape = {0};
  if (o->nin > 1 && o->tin[1] &&
      (!op_ints(o, 1, "the new shape", &shape) || !check_new_shape(o, &shape)))
    return false;
  return op_emit_reshape(o, o->in[0]);
}

static bool read_squeeze_mask(TflOp *o, unsigned *mask) {
  Fb *fb = &o->im->fb;
  const Type *x = o->in[0]->type;
  FbVec v = fb_vec(fb, o->options, TFL_F(SqueezeOptions, squeeze_dims), 4);
  *mask = 0;
  for (size_t i = 0; i < v.n; i++) {
    int64_t axis = fb_vec_i32(fb, v, i);
    if (!op_axis(o, &axis, x->rank))
      return false;
    if (x->dim[axis] != 1)
      return op_invalid(o, "dimension %lld is %lld, only 1 can be squeezed",
                        (long long)axis, (long long)x->dim[axis]);
    *mask |= 1u << axis;
  }
  for (int i = 0; i < x->rank && !v.n; i++)
    *mask |= x->dim[i] == 1 ? 1u << i : 0;
  return !fb->bad;
}

bool import_squeeze(TflOp *o) {
  const Type *x = o->in[0]->type;
  unsigned mask;
  int rank = 0;
  int64_t dim[MAX_RANK];
  if (!read_squeeze_mask(o, &mask))
    return false;
  for (int i = 0; i < x->rank; i++)
    if (!(mask >> i & 1))
      dim[rank++] = x->dim[i];
  return op_check_shape(o, rank, dim, "squeezing") &&
         op_emit_reshape(o, o->in[0]);
}

bool import_expand_dims(TflOp *o) {
  const Type *x = o->in[0]->type;
  int64_t axis, dim[MAX_RANK + 1];
  if (!op_int(o, 1, "the axis", &axis) || !op_axis(o, &axis, x->rank + 1))
    return false;
  for (int i = 0; i <= x->rank; i++)
    dim[i] = i < axis ? x->dim[i] : i == axis ? 1 : x->dim[i - 1];
  return op_check_shape(o, x->rank + 1, dim, "expanding") &&
         op_emit_reshape(o, o->in[0]);
}

/* --- other orders ------------------------------------------------------ */

bool import_transpose(TflOp *o) {
  Attrs a = attrs_default(OP_transpose);
  Ints perm;
  int rank = o->in[0]->type->rank;
  if (!op_ints(o, 1, "the permutation", &perm))
    return false;
  if (perm.n != rank)
    return op_invalid(o, "a permutation of %d for a tensor of rank %d", perm.n,
                      rank);
  a.perm.perm.n = rank;
  for (int i = 0; i < rank; i++) {
    if (!op_axis(o, &perm.v[i], rank))
      return false;
    a.perm.perm.v[i] = perm.v[i];
  }
  return op_emit(o, OP_transpose, &a, 1, o->in);
}

/* LiteRT requantizes u8 inputs and demands equal parameters of i8 ones. */
static bool check_concat_quant(TflOp *o) {
  for (int i = 0; i < o->nin; i++)
    if (o->out[0]->dtype == DT_i8 &&
        !quant_equal(o->in[i]->type->q, o->out[0]->q))
      return op_refuse(o,
                       "i8 input %d with other parameters than the "
                       "output's is not supported",
                       i);
  return true;
}

bool import_concat(TflOp *o) {
  Attrs a = attrs_default(OP_concat);
  Act act;
  a.axis.axis =
      fb_i32(&o->im->fb, o->options, TFL_F(ConcatenationOptions, axis), 0);
  if (!op_axis(o, &a.axis.axis, o->out[0]->rank) ||
      !op_act(o, TFL_F(ConcatenationOptions, fused_activation_function), &act))
    return false;
  if (act != ACT_none)
    return op_refuse(o, "a fused activation is not supported here");
  return check_concat_quant(o) && op_emit(o, OP_concat, &a, o->nin, o->in);
}

bool import_split(TflOp *o) {
  Attrs a = attrs_default(OP_split);
  const FbField *f = TFL_F(SplitOptions, num_splits);
  int32_t n = fb_i32(&o->im->fb, o->options, f, 0);
  if (n != o->nout)
    return op_invalid(o, "%d parts in %d outputs", n, o->nout);
  if (!op_int(o, 0, "the axis", &a.axis.axis) ||
      !op_axis(o, &a.axis.axis, o->in[1]->type->rank))
    return false;
  for (int i = 1; i < o->nout; i++)
    if (!type_same_shape(o->out[0], o->out[i]))
      return op_invalid(o, "the parts are not equal");
  return op_emit(o, OP_split, &a, 1, &o->in[1]);
}

bool import_resize_nearest(TflOp *o) {
  Fb *fb = &o->im->fb;
  Attrs a = attrs_default(OP_resize_nearest);
  const Type *x = o->in[0]->type;
  Ints size;
  if (!op_ints(o, 1, "the size", &size))
    return false;
  if (size.n != 2 || x->rank != 4)
    return op_invalid(o, "%d sizes for a tensor of rank %d", size.n, x->rank);
  int64_t dim[4] = {x->dim[0], size.v[0], size.v[1], x->dim[3]};
  a.resize.align_corners = fb_bool(
      fb, o->options, TFL_F(ResizeNearestNeighborOptions, align_corners));
  a.resize.half_pixel_centers = fb_bool(
      fb, o->options, TFL_F(ResizeNearestNeighborOptions, half_pixel_centers));
  return op_check_shape(o, 4, dim, "resizing") &&
         op_emit(o, OP_resize_nearest, &a, 1, o->in);
}
