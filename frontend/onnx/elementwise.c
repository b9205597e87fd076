/* Operators that are one op of the IR on elements, or little more. */
#include <string.h>

#include "frontend/onnx/build.h"

void onnx_unary(Node *n) {
  node_out(n, 0, b_unary(n, n->row->kind, node_in(n, 0)));
}

void onnx_binary(Node *n) {
  node_out(n, 0, b_binary(n, n->row->kind, node_in(n, 0), node_in(n, 1)));
}

/* a > b is b < a. */
void onnx_binary_swapped(Node *n) {
  node_out(n, 0, b_binary(n, n->row->kind, node_in(n, 1), node_in(n, 0)));
}

/* b's dimensions from dimension `axis` of a on. */
static Value *aligned(Node *n, Value *a, Value *b, int64_t axis) {
  Dims d = dims_of(b);
  int rank = a->type->rank;
  if (axis < 0 || axis + d.rank > rank)
    node_invalid(n, "dimensions from axis %lld on", (long long)axis);
  if (n->bad)
    return NULL;
  while (axis + d.rank < rank)
    d = dims_insert(d, d.rank, 1);
  return b_reshape(n, b, d);
}

/* Before version 7 broadcasting was said by attributes. */
void onnx_binary_1(Node *n) {
  Value *a = node_in(n, 0), *b = node_in(n, 1);
  bool given = attr_has(n, "axis");
  int64_t axis = attr_int(n, "axis", 0);
  if (attr_bool(n, "broadcast", false) && given)
    b = aligned(n, a, b, axis);
  bool swapped = strcmp(n->op, "Greater") == 0;
  node_out(n, 0, b_binary(n, n->row->kind, swapped ? b : a, swapped ? a : b));
}

void onnx_variadic(Node *n) {
  Value *y = node_in(n, 0);
  for (int i = 1; i < n->nin; i++)
    y = b_binary(n, n->row->kind, y, node_in(n, i));
  node_out(n, 0, y);
}

void onnx_mean_of(Node *n) {
  Value *sum = node_in(n, 0);
  for (int i = 1; i < n->nin; i++)
    sum = b_binary(n, OP_add, sum, node_in(n, i));
  node_out(n, 0, n->nin > 1 ? b_binary_k(n, OP_div, sum, n->nin) : sum);
}

/* One op on the first input, with attributes, of its shape. */
static void same_shape(Node *n, const Attrs *a, DType dtype) {
  Value *x = b_plain(n, node_in(n, 0));
  node_out(n, 0,
           b_op1(n, n->row->kind, a, 1, &x, b_type(n, dtype, dims_of(x))));
}

void onnx_is_inf(Node *n) {
  Attrs a = attrs_default(OP_is_inf);
  a.is_inf.detect_negative = attr_bool(n, "detect_negative", true);
  a.is_inf.detect_positive = attr_bool(n, "detect_positive", true);
  same_shape(n, &a, DT_bool);
}

void onnx_leaky_relu(Node *n) {
  Attrs a = attrs_default(OP_leaky_relu);
  a.leaky.alpha = attr_float(n, "alpha", 0.01f);
  same_shape(n, &a, node_in(n, 0)->type->dtype);
}

/* The result has the base's type; where types differ, the float one
 * computes. */
void onnx_pow(Node *n) {
  Value *x = node_in(n, 0), *y = node_in(n, 1);
  DType base = x->type->dtype, exponent = y->type->dtype;
  bool in_exponent = dtype_is_float(exponent) && !dtype_is_float(base);
  DType t = in_exponent ? exponent : base;
  Value *z = b_binary(n, OP_pow, b_cast(n, x, t), b_cast(n, y, t));
  node_out(n, 0, b_cast(n, z, base));
}

void onnx_mod(Node *n) {
  Attrs a = attrs_default(OP_mod);
  Value *in[] = {b_plain(n, node_in(n, 0)), b_plain(n, node_in(n, 1))};
  Dims d;
  a.mod.fmod = attr_bool(n, "fmod", false);
  if (b_broadcast_dims(n, dims_of(in[0]), dims_of(in[1]), &d))
    node_out(n, 0, b_op1(n, OP_mod, &a, 2, in, b_like(n, in[0], d)));
}

void onnx_bit_shift(Node *n) {
  static const char *const directions[] = {"LEFT", "RIGHT", NULL};
  bool right = attr_choice(n, "direction", directions) == 1;
  node_out(n, 0,
           b_binary(n, right ? OP_shift_right : OP_shift_left, node_in(n, 0),
                    node_in(n, 1)));
}

void onnx_where(Node *n) {
  node_out(n, 0, b_select(n, node_in(n, 0), node_in(n, 1), node_in(n, 2)));
}

/* --- conversions ------------------------------------------------------- */

/* To integers of few bits floats wrap, too. */
static void convert(Node *n, DType to) {
  Value *x = node_in(n, 0);
  attr_ignore(n, "saturate"); /* says something of 8-bit floats only */
  attr_ignore(n, "round_mode");
  if (n->bad)
    return;
  if (dtype_bits(to) < 8 && dtype_is_float(x->type->dtype))
    x = b_cast(n, x, DT_i32);
  node_out(n, 0, b_cast(n, x, to));
}

/* The type that must be given. */
static DType target_type(Node *n) {
  DType to = attr_dtype(n, "to");
  if (to == DT_COUNT && !n->bad)
    node_invalid(n, "attribute 'to' is absent");
  return to;
}

void onnx_cast(Node *n) { convert(n, target_type(n)); }

void onnx_cast_like(Node *n) { convert(n, node_in(n, 1)->type->dtype); }

/* Of bool every byte is 0 or 1, also as a number. */
void onnx_bit_cast(Node *n) {
  DType to = target_type(n), from = node_in(n, 0)->type->dtype;
  if (n->bad)
    return;
  if (to == DT_bool || from == DT_bool)
    node_out(n, 0, b_cast(n, node_in(n, 0), to));
  else
    same_shape(n, NULL, to);
}
