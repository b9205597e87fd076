/* Operators along axes: reductions, positions of extremes, running sums. */
#include <float.h>

#include "frontend/onnx/build.h"

/* Along which axes, and how. */
typedef struct Along {
  Value *x;
  unsigned axes;
  bool keep;
} Along;

/* Axes are an attribute in old versions and an input in new ones. None means
 * all, or with noop_with_empty_axes none. */
static Along along(Node *n) {
  Value *x = b_plain(n, node_in(n, 0));
  bool given;
  Ints axes = ints_of(n, 1, "axes", &given);
  bool none = attr_bool(n, "noop_with_empty_axes", false) && !axes.n;
  bool keep = attr_bool(n, "keepdims", true);
  unsigned mask = n->bad || none ? 0 : axes_of(n, axes, x->type->rank);
  return (Along){x, mask, keep};
}

static Value *reduce(Node *n, OpKind kind, Along r, Value *x) {
  return b_reduce(n, kind, x, r.axes, r.keep);
}

void onnx_reduce(Node *n) {
  Along r = along(n);
  node_out(n, 0, reduce(n, n->row->kind, r, r.x));
}

void onnx_reduce_mean(Node *n) {
  Along r = along(n);
  node_out(n, 0, b_mean(n, r.x, r.axes, r.keep));
}

static Value *sum_of_squares(Node *n) {
  Along r = along(n);
  return reduce(n, OP_reduce_sum, r, b_binary(n, OP_mul, r.x, r.x));
}

void onnx_reduce_sum_square(Node *n) { node_out(n, 0, sum_of_squares(n)); }

void onnx_reduce_l1(Node *n) {
  Along r = along(n);
  node_out(n, 0, reduce(n, OP_reduce_sum, r, b_unary(n, OP_abs, r.x)));
}

/* f of a value in floats, back in its own type. */
static Value *in_float(Node *n, OpKind f, Value *x) {
  if (n->bad || dtype_is_float(x->type->dtype))
    return b_unary(n, f, x);
  return b_cast(n, b_unary(n, f, b_cast(n, x, DT_f64)), x->type->dtype);
}

void onnx_reduce_l2(Node *n) {
  node_out(n, 0, in_float(n, OP_sqrt, sum_of_squares(n)));
}

void onnx_reduce_log_sum(Node *n) {
  Along r = along(n);
  node_out(n, 0, in_float(n, OP_log, reduce(n, OP_reduce_sum, r, r.x)));
}

/* max + log(sum(e^(x - max))): nothing overflows. */
void onnx_reduce_log_sum_exp(Node *n) {
  Along r = along(n);
  DType t = n->bad ? DT_f32 : r.x->type->dtype;
  if (!n->bad && !dtype_is_float(t))
    r.x = b_cast(n, r.x, DT_f64);
  Value *top = b_reduce(n, OP_reduce_max, r.x, r.axes, true);
  top = b_binary_k(n, OP_max, top, (double)-FLT_MAX); /* -inf - -inf: NaN */
  Value *e = b_unary(n, OP_exp, b_binary(n, OP_sub, r.x, top));
  Value *sum = b_reduce(n, OP_reduce_sum, e, r.axes, true);
  Value *y = b_binary(n, OP_add, b_unary(n, OP_log, sum), top);
  node_out(n, 0, b_cast(n, r.keep ? y : b_squeeze(n, y, r.axes), t));
}

void onnx_arg(Node *n) {
  Value *x = b_plain(n, node_in(n, 0));
  Attrs a = attrs_default(n->row->kind);
  bool keep = attr_bool(n, "keepdims", true);
  int64_t axis = attr_int(n, "axis", 0);
  a.arg.select_last = attr_bool(n, "select_last_index", false);
  if (n->bad)
    return;
  a.arg.axis = axis_of(n, axis, x->type->rank);
  Dims d = dims_reduce(dims_of(x), 1u << a.arg.axis, keep);
  node_out(n, 0, b_op1(n, n->row->kind, &a, 1, &x, b_type(n, DT_i64, d)));
}

void onnx_cum(Node *n) {
  Value *x = b_plain(n, node_in(n, 0));
  Attrs a = attrs_default(n->row->kind);
  int64_t axis = const_int(n, node_in(n, 1), "the axis", 0);
  a.cum.exclusive = attr_bool(n, "exclusive", false);
  a.cum.reverse = attr_bool(n, "reverse", false);
  if (n->bad)
    return;
  a.cum.axis = axis_of(n, axis, x->type->rank);
  node_out(n, 0, b_op1(n, n->row->kind, &a, 1, &x, x->type));
}
