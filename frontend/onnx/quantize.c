/* QuantizeLinear, DequantizeLinear (also of com.microsoft) and
 * DynamicQuantizeLinear. With parameters that are known, one per tensor or
 * one per index of an axis, or of weights one per block, they are the IR's own
 * ops; with any others arithmetic:
 *
 *   y = saturate(round(x / scale) + zero)      x = (y - zero) * scale */
#include "frontend/onnx/quant.h"

#include <math.h>

/* --- parameters -------------------------------------------------------- */

static Value *input(const Node *n, int i) {
  return i < 0 ? NULL : node_in(n, i);
}

static bool sound(const float *scale, int n) {
  for (int i = 0; i < n; i++)
    if (!(scale[i] > 0) || isinf(scale[i]))
      return false;
  return true;
}

static bool fits(const int32_t *zero, int n, DType t) {
  for (int i = 0; i < n; i++)
    if (zero[i] < dtype_min(t) || zero[i] > dtype_max(t))
      return false;
  return true;
}

/* From constants, `count` of each along the axis, or of its blocks. */
static const QuantParams *make_params(Node *n, Value *scale, Value *zero,
                                      const Type *t, int axis, int64_t block) {
  Arena *a = n->im->arena;
  int count = (int)type_count(scale->type);
  Floats s = const_floats(n, b_cast(n, scale, DT_f32), "the scale");
  Ints z = zero ? const_ints(n, b_cast(n, zero, DT_i64), "the zero point")
                : (Ints){0};
  if (n->bad || (zero && z.n != count))
    return NULL;
  float *scales = ARENA_ARRAY(a, float, count);
  int32_t *zeros = ARENA_ARRAY(a, int32_t, count);
  for (int i = 0; i < count; i++) {
    scales[i] = s.v[i];
    zeros[i] = zero ? (int32_t)z.v[i] : 0;
  }
  if (!sound(scales, count) || !fits(zeros, count, t->dtype))
    return NULL;
  QuantParams *q = ARENA_NEW(a, QuantParams);
  *q = (QuantParams){.axis = count > 1 || block ? axis : -1,
                     .block = (int)block,
                     .nscale = count,
                     .scale = scales,
                     .zero_point = zeros,
                     .qmin = dtype_min(t->dtype),
                     .qmax = dtype_max(t->dtype)};
  return q;
}

const QuantParams *quant_known(Node *n, int scale, int zero, const Type *t,
                               int axis) {
  Value *s = input(n, scale), *z = input(n, zero);
  if (n->bad || !s || !s->init || (z && !z->init) || s->type->rank > 1 ||
      !type_count(s->type) || type_count(s->type) > INT32_MAX)
    return NULL;
  int64_t count = type_count(s->type);
  if (count > 1 && (axis < 0 || t->dim[axis] != count))
    return NULL;
  return make_params(n, s, z, t, axis, 0);
}

/* Do scales s have the shape of x's blocks? */
static bool suits_blocks(const Type *s, const Type *x, int axis,
                         int64_t block) {
  bool ok = s->rank == x->rank && block > 0;
  for (int i = 0; ok && i < x->rank; i++)
    ok = s->dim[i] ==
         (i == axis ? (x->dim[axis] + block - 1) / block : x->dim[i]);
  return ok;
}

/* Of the blocks of a constant x, where they are known; else NULL. */
static const QuantParams *blocks_known(Node *n, const Value *x, int axis,
                                       int64_t block) {
  Value *s = input(n, 1), *z = input(n, 2);
  if (n->bad || !x->init || !s->init || (z && !z->init) || block > INT32_MAX ||
      type_count(s->type) > INT32_MAX ||
      !suits_blocks(s->type, x->type, axis, block))
    return NULL;
  return make_params(n, s, z, x->type, axis, block);
}

const QuantParams *quant_read(Node *n, int scale, int zero, const Type *t,
                              int axis, const char *of) {
  const char *what = arena_printf(n->im->arena, "the scale of %s", of);
  Value *s = input(n, scale), *z = input(n, zero);
  if (n->bad)
    return NULL;
  if (!s)
    node_invalid(n, "%s is absent", what);
  else if (!s->init || (z && !z->init))
    node_unknown(n, s->init ? z : s, what);
  const QuantParams *q = quant_known(n, scale, zero, t, axis);
  if (!q && !n->bad)
    node_refuse(n, "%s and its zero point do not suit it", what);
  return q;
}

Value *quant_input(Node *n, int i, int axis) {
  Value *x = node_in(n, i);
  if (n->bad)
    return NULL;
  if (!x) {
    node_invalid(n, "input %d is absent", i);
    return NULL;
  }
  const char *of = arena_printf(n->im->arena, "input %d", i);
  const QuantParams *q = quant_read(n, i + 1, i + 2, x->type, axis, of);
  return q ? b_quant(n, x, q) : NULL;
}

const Type *quant_like(Node *n, const Value *x, int scale, int zero) {
  Value *z = input(n, zero);
  if (n->bad)
    return NULL;
  const Type *t =
      type_with_dtype(n->im->arena, x->type, z ? z->type->dtype : DT_u8, NULL);
  const QuantParams *q = quant_read(n, scale, zero, t, -1, "the output");
  return q ? type_with_dtype(n->im->arena, t, t->dtype, q) : NULL;
}

/* --- arithmetic -------------------------------------------------------- */

Value *b_quantize_by(Node *n, Value *x, Value *scale, Value *zero, DType t) {
  Value *y = b_unary(n, OP_round, b_binary(n, OP_div, x, scale));
  if (zero)
    y = b_binary(n, OP_add, y, b_cast(n, zero, DT_f32));
  return b_cast_saturate(n, y, t);
}

/* Parameters for x, ready to broadcast: of one element; along an axis; or in
 * blocks, each repeated over its own. */
static Value *spread(Node *n, Value *v, const Value *x, int axis,
                     int64_t block) {
  if (n->bad || !v || type_count(v->type) == 1)
    return v && !n->bad ? b_reshape(n, v, (Dims){0}) : NULL;
  Dims d = {.rank = x->type->rank};
  if (!block) {
    for (int i = 0; i < d.rank; i++)
      d.v[i] = i == axis ? type_count(v->type) : 1;
    return b_reshape(n, v, d);
  }
  if (v->type->rank != d.rank || block < 0 ||
      v->type->dim[axis] != (x->type->dim[axis] + block - 1) / block) {
    node_invalid(n, "blocks of %lld do not suit scales of %s", (long long)block,
                 dims_text(n, dims_of(v)));
    return NULL;
  }
  Dims wide = dims_insert(dims_of(v), axis + 1, block), flat = dims_of(v);
  flat.v[axis] *= block;
  v = b_reshape(n, b_expand(n, b_unsqueeze(n, v, axis + 1), wide), flat);
  return n->bad ? NULL : b_slice1(n, v, axis, 0, x->type->dim[axis]);
}

/* axis and block_size; the axis of a scalar is none. */
static int read_axis(Node *n, const Value *x, int64_t *block) {
  int64_t axis = attr_int(n, "axis", 1);
  const Value *scale = node_in(n, 1);
  *block = attr_int(n, "block_size", 0);
  if (n->bad || (type_count(scale->type) == 1 && !*block))
    return -1;
  if (scale->type->rank == 1 && x->type->rank == 1)
    axis = 0;
  return axis_of(n, axis, x->type->rank);
}

static bool check_parameters(Node *n) {
  const Value *s = node_in(n, 1), *z = node_in(n, 2);
  if (z && type_count(z->type) != type_count(s->type))
    return node_invalid(n, "%lld scales, %lld zero points",
                        (long long)type_count(s->type),
                        (long long)type_count(z->type));
  return true;
}

/* --- QuantizeLinear ---------------------------------------------------- */

static DType output_dtype(Node *n) {
  DType t = attr_dtype(n, "output_dtype");
  if (n->bad || node_in(n, 2))
    return n->bad ? DT_u8 : node_in(n, 2)->type->dtype;
  return t == DT_COUNT ? DT_u8 : t;
}

static bool is_storable(DType t) {
  return t == DT_i8 || t == DT_u8 || t == DT_i16;
}

void onnx_quantize_linear(Node *n) {
  int64_t block;
  attr_ignore(n, "saturate"); /* of float8 */
  attr_ignore(n, "precision");
  Value *x = b_cast(n, node_in(n, 0), DT_f32);
  int axis = n->bad ? 0 : read_axis(n, x, &block);
  DType t = output_dtype(n);
  if (n->bad || !check_parameters(n))
    return;
  if (!dtype_is_integer(t)) {
    node_refuse(n, "quantization to %s is not supported", dtype_name(t));
    return;
  }
  const Type *plain = b_type(n, t, dims_of(x));
  const QuantParams *q =
      is_storable(t) && !block ? quant_known(n, 1, 2, plain, axis) : NULL;
  if (q) {
    const Type *y = type_with_dtype(n->im->arena, plain, t, q);
    node_out(n, 0, b_op1(n, OP_quantize, NULL, 1, &x, y));
    return;
  }
  Value *scale = spread(n, b_cast(n, node_in(n, 1), DT_f32), x, axis, block);
  Value *zero = spread(n, node_in(n, 2), x, axis, block);
  node_out(n, 0, n->bad ? NULL : b_quantize_by(n, x, scale, zero, t));
}

/* --- DequantizeLinear -------------------------------------------------- */

/* The narrowest type that OP_dequantize reads and that holds t; DT_COUNT:
 * there is none. */
static DType widened(DType t) {
  switch ((int)t) {
  case DT_i4:
    return DT_i8;
  case DT_u4:
    return DT_u8;
  case DT_u16:
    return DT_i32;
  case DT_i8:
  case DT_u8:
  case DT_i16:
  case DT_i32:
    return t;
  }
  return DT_COUNT;
}

/* Constants of 4 bits stay such. */
static bool is_packed_weight(const Value *x) {
  return x->init && (x->type->dtype == DT_i4 || x->type->dtype == DT_u4);
}

static Value *dequantize_known(Node *n, Value *x, const QuantParams *q) {
  const Type *t = b_type(n, DT_f32, dims_of(x));
  x = b_quant(n, x, q);
  return b_op1(n, OP_dequantize, NULL, 1, &x, t);
}

static Value *dequantize_by(Node *n, Value *x, Value *scale, Value *zero) {
  x = b_cast(n, x, DT_i32);
  if (zero)
    x = b_binary(n, OP_sub, x, b_cast(n, zero, DT_i32));
  return b_binary(n, OP_mul, b_cast(n, x, DT_f32), scale);
}

void onnx_dequantize_linear(Node *n) {
  int64_t block;
  Value *x = node_in(n, 0);
  int axis = n->bad ? 0 : read_axis(n, x, &block);
  DType to = attr_dtype(n, "output_dtype"), t = widened(x->type->dtype);
  if (n->bad || !check_parameters(n))
    return;
  to = to == DT_COUNT ? node_in(n, 1)->type->dtype : to;
  if (t == DT_COUNT) {
    node_refuse(n, "dequantization of %s is not supported",
                dtype_name(x->type->dtype));
    return;
  }
  if (t != x->type->dtype && !is_packed_weight(x))
    x = b_cast(n, x, t);
  const QuantParams *q = n->bad  ? NULL
                         : block ? blocks_known(n, x, axis, block)
                                 : quant_known(n, 1, 2, x->type, axis);
  Value *y;
  if (q) {
    y = dequantize_known(n, x, q);
  } else {
    Value *scale = spread(n, b_cast(n, node_in(n, 1), DT_f32), x, axis, block);
    y = dequantize_by(n, b_plain(n, x), scale,
                      spread(n, node_in(n, 2), x, axis, block));
  }
  node_out(n, 0, b_cast(n, y, to));
}

/* --- DynamicQuantizeLinear --------------------------------------------- */

bool b_quantize_dynamic(Node *n, Value *x, Value **y, Value **scale,
                        Value **zero) {
  unsigned all = n->bad ? 0 : (1u << x->type->rank) - 1;
  Value *lo = b_reduce(n, OP_reduce_min, x, all, false);
  Value *hi = b_reduce(n, OP_reduce_max, x, all, false);
  lo = b_binary_k(n, OP_min, lo, 0);
  hi = b_binary_k(n, OP_max, hi, 0);
  Value *range = b_binary(n, OP_sub, hi, lo);
  Value *s = b_binary_k(n, OP_div, range, 255);
  if (!n->bad)
    s = b_select(n, b_binary_k(n, OP_equal, range, 0), b_scalar(n, DT_f32, 1),
                 s);
  Value *z =
      b_clamp(n, b_k_binary(n, OP_sub, 0, b_binary(n, OP_div, lo, s)), 0, 255);
  *zero = b_cast_saturate(n, b_unary(n, OP_round, z), DT_u8);
  *scale = s;
  *y = n->bad ? NULL : b_quantize_by(n, x, s, *zero, DT_u8);
  return !n->bad;
}

void onnx_dynamic_quantize_linear(Node *n) {
  Value *y, *scale, *zero;
  if (!b_quantize_dynamic(n, b_plain(n, node_in(n, 0)), &y, &scale, &zero))
    return;
  node_out(n, 0, y);
  node_out(n, 1, scale);
  node_out(n, 2, zero);
}
