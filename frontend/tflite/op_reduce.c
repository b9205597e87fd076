/* Reductions, and operators made of them. Formulas are those of LiteRT's
 * reference kernels. */
#include "frontend/tflite/build.h"

#include <string.h>

bool op_axes(TflOp *o, int operand, unsigned *mask) {
  Ints axes;
  int rank = o->in[0]->type->rank;
  *mask = 0;
  if (!op_ints(o, operand, "the axes", &axes))
    return false;
  for (int i = 0; i < axes.n; i++) {
    if (!op_axis(o, &axes.v[i], rank))
      return false;
    *mask |= 1u << axes.v[i];
  }
  return *mask != 0 || op_refuse(o, "a reduction over no axes");
}

/* keep_dims only decides the output's shape. */
bool import_mean(TflOp *o) {
  Attrs a = attrs_default(OP_mean);
  unsigned mask;
  if (!op_axes(o, 1, &mask))
    return false;
  for (int i = 0; i < o->in[0]->type->rank; i++)
    if (mask >> i & 1)
      a.axes.axes.v[a.axes.axes.n++] = i;
  return op_emit(o, OP_mean, &a, 1, o->in);
}

/* The row's op; any is the maximum of bools, all the minimum. */
bool import_reduce(TflOp *o) {
  Fb *fb = &o->im->fb;
  unsigned mask;
  bool keep = fb_bool(fb, o->options, TFL_F(ReducerOptions, keep_dims));
  return op_axes(o, 1, &mask) &&
         t_done(o, t_reduce(o, o->row->ir, o->in[0], mask, keep));
}

bool import_arg(TflOp *o) {
  Attrs a = attrs_default(o->row->ir);
  Value *x = o->in[0];
  if (!op_int(o, 1, "the axis", &a.arg.axis) ||
      !op_axis(o, &a.arg.axis, x->type->rank))
    return false;
  Dims d = t_dims_reduce(t_dims(x), 1u << a.arg.axis, false);
  const Type *t = t_type(o, o->out[0]->dtype, d);
  return t_done(o, t_op(o, o->row->ir, &a, 1, &x, t));
}

bool import_cumsum(TflOp *o) {
  Fb *fb = &o->im->fb;
  Attrs a = attrs_default(OP_cumsum);
  if (!op_int(o, 1, "the axis", &a.cum.axis) ||
      !op_axis(o, &a.cum.axis, o->in[0]->type->rank))
    return false;
  a.cum.exclusive = fb_bool(fb, o->options, TFL_F(CumsumOptions, exclusive));
  a.cum.reverse = fb_bool(fb, o->options, TFL_F(CumsumOptions, reverse));
  return t_done(o, t_op(o, OP_cumsum, &a, 1, o->in, o->in[0]->type));
}

static bool check_not_scalar(TflOp *o) {
  return o->in[0]->type->rank > 0 || op_invalid(o, "the input is a scalar");
}

static unsigned last_axis(const Value *x) { return 1u << (x->type->rank - 1); }

/* x - max - log(sum(e^(x - max))) */
bool import_log_softmax(TflOp *o) {
  Value *x = o->in[0];
  if (!check_not_scalar(o))
    return false;
  unsigned axis = last_axis(x);
  Value *d = t_binary(o, OP_sub, x, t_reduce(o, OP_reduce_max, x, axis, true));
  Value *sum = t_reduce(o, OP_reduce_sum, t_unary(o, OP_exp, d), axis, true);
  return t_done(o, t_binary(o, OP_sub, d, t_unary(o, OP_log, sum)));
}

/* x / max(sqrt(sum(x^2)), 1e-6) along the last axis */
bool import_l2_normalization(TflOp *o) {
  Value *x = o->in[0];
  Act act;
  if (!check_not_scalar(o) ||
      !op_act(o, TFL_F(L2NormOptions, fused_activation_function), &act))
    return false;
  Value *sum =
      t_reduce(o, OP_reduce_sum, t_binary(o, OP_mul, x, x), last_axis(x), true);
  Value *norm = t_binary_k(o, OP_max, t_unary(o, OP_sqrt, sum), 1e-6);
  return t_done(o, t_act(o, t_binary(o, OP_div, x, norm), act));
}

/* x * (bias + alpha * sum of x^2 over the channels around)^-beta, as
 * TensorFlow defines it; LiteRT's reference kernel misses the last channel
 * of each sum, its optimized one does not. */
bool import_local_response(TflOp *o) {
  Fb *fb = &o->im->fb;
  Value *x = o->in[0];
  Attrs a = attrs_default(OP_window_sum);
  if (!check_not_scalar(o))
    return false;
  int rank = x->type->rank, last = rank - 1;
  int32_t radius = fb_i32(fb, o->options,
                          TFL_F(LocalResponseNormalizationOptions, radius), 0);
  float bias =
      fb_f32(fb, o->options, TFL_F(LocalResponseNormalizationOptions, bias));
  float alpha =
      fb_f32(fb, o->options, TFL_F(LocalResponseNormalizationOptions, alpha));
  float beta =
      fb_f32(fb, o->options, TFL_F(LocalResponseNormalizationOptions, beta));
  if (radius < 0)
    return op_invalid(o, "radius %d", radius);
  int64_t reach = radius < x->type->dim[last] ? radius : x->type->dim[last];
  a.window.window.n = a.window.before.n = a.window.after.n = rank;
  memset(a.window.before.v, 0, sizeof a.window.before.v);
  memset(a.window.after.v, 0, sizeof a.window.after.v);
  a.window.window.v[last] = 2 * reach + 1;
  a.window.before.v[last] = a.window.after.v[last] = reach;
  Value *square = t_binary(o, OP_mul, x, x);
  Value *sum = t_op(o, OP_window_sum, &a, 1, &square, x->type);
  Value *base = t_binary_k(o, OP_add, t_binary_k(o, OP_mul, sum, (double)alpha),
                           (double)bias);
  Value *factor = t_binary_k(o, OP_pow, base, -(double)beta);
  return t_done(o, t_binary(o, OP_mul, x, factor));
}
