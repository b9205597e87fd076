/* Elementwise operators beyond the plain ones, which are rows of the IR:
 * made of several there. Formulas are those of LiteRT's reference kernels. */
#include "frontend/tflite/build.h"

bool import_map(TflOp *o) {
  OpKind k = o->row->ir;
  return t_done(o, o->nin == 1 ? t_unary(o, k, o->in[0])
                               : t_binary(o, k, o->in[0], o->in[1]));
}

bool import_swapped(TflOp *o) {
  return t_done(o, t_binary(o, o->row->ir, o->in[1], o->in[0]));
}

bool import_not_equal(TflOp *o) {
  Value *same = t_binary(o, OP_equal, o->in[0], o->in[1]);
  return t_done(o, t_unary(o, OP_not, same));
}

bool import_div(TflOp *o) {
  Act act;
  if (!op_act(o, TFL_F(DivOptions, fused_activation_function), &act))
    return false;
  return t_done(o, t_act(o, t_binary(o, OP_div, o->in[0], o->in[1]), act));
}

bool import_rsqrt(TflOp *o) {
  if (o->in[0]->type->dtype == DT_i8)
    return import_rsqrt_table(o);
  return t_done(o, t_k_binary(o, OP_div, 1, t_unary(o, OP_sqrt, o->in[0])));
}

bool import_square(TflOp *o) {
  return t_done(o, t_binary(o, OP_mul, o->in[0], o->in[0]));
}

bool import_squared_difference(TflOp *o) {
  Value *d = t_binary(o, OP_sub, o->in[0], o->in[1]);
  return t_done(o, t_binary(o, OP_mul, d, d));
}

/* Integers: (a - a mod b) / b has no remainder, so that truncating is
 * rounding down. */
bool import_floor_div(TflOp *o) {
  Value *a = o->in[0], *b = o->in[1];
  if (dtype_is_float(a->type->dtype))
    return t_done(o, t_unary(o, OP_floor, t_binary(o, OP_div, a, b)));
  Value *whole = t_binary(o, OP_sub, a, t_binary(o, OP_mod, a, b));
  return t_done(o, t_binary(o, OP_div, whole, b));
}

bool import_add_n(TflOp *o) {
  Value *sum = o->in[0];
  for (int i = 1; i < o->nin; i++)
    sum = t_binary(o, OP_add, sum, o->in[i]);
  return t_done(o, sum);
}

/* The element types are those of the tensors; the options repeat them. */
bool import_cast(TflOp *o) {
  if (o->in[0]->type->q || o->out[0]->q)
    return op_refuse(o, "a cast of quantized elements is not supported");
  return t_done(o, t_cast(o, o->in[0], o->out[0]->dtype));
}

static bool check_select(TflOp *o) {
  if (o->in[0]->type->dtype != DT_bool)
    return op_invalid(o, "the condition is not of bool");
  return true;
}

bool import_select_v2(TflOp *o) {
  return check_select(o) &&
         t_done(o, t_select(o, o->in[0], o->in[1], o->in[2]));
}

/* A condition of rank 1 chooses among the first dimension's rows. */
bool import_select(TflOp *o) {
  Dims c = t_dims(o->in[0]), x = t_dims(o->in[1]);
  Value *condition = o->in[0];
  if (c.rank == 1 && x.rank > 1) {
    Dims d = {.rank = x.rank, .v = {c.v[0]}};
    for (int i = 1; i < d.rank; i++)
      d.v[i] = 1;
    condition = t_reshape(o, condition, d);
  }
  return check_select(o) &&
         t_done(o, t_select(o, condition, o->in[1], o->in[2]));
}

/* --- activations ------------------------------------------------------- */

/* x < 0 ? e^x - 1 : x */
bool import_elu(TflOp *o) {
  Value *x = o->in[0];
  Value *low = t_binary_k(o, OP_sub, t_unary(o, OP_exp, x), 1);
  Value *negative = t_binary_k(o, OP_less, x, 0);
  return t_done(o, t_select(o, negative, low, x));
}

/* x / 2 * (1 + erf(x / sqrt 2)), or with tanh(sqrt(2 / pi) * (x + 0.044715
 * x^3)) in erf's place */
bool import_gelu(TflOp *o) {
  Fb *fb = &o->im->fb;
  Value *x = o->in[0], *s;
  bool approximate = fb_bool(fb, o->options, TFL_F(GeluOptions, approximate));
  if (x->type->dtype == DT_i8)
    return import_gelu_table(o, approximate);
  if (approximate) {
    Value *cube = t_binary(o, OP_mul, t_binary(o, OP_mul, x, x), x);
    Value *sum = t_binary(o, OP_add, x, t_binary_k(o, OP_mul, cube, 0.044715));
    s = t_unary(o, OP_tanh, t_binary_k(o, OP_mul, sum, 0.79788456080286536));
  } else {
    s = t_unary(o, OP_erf, t_binary_k(o, OP_mul, x, 0.70710678118654752));
  }
  Value *half = t_binary_k(o, OP_mul, x, 0.5);
  return t_done(o, t_binary(o, OP_mul, half, t_binary_k(o, OP_add, s, 1)));
}

/* x >= 0 ? x : alpha * x */
bool import_prelu(TflOp *o) {
  Value *x = o->in[0];
  Value *negative = t_binary_k(o, OP_less, x, 0);
  Value *low = t_binary(o, OP_mul, x, o->in[1]);
  return t_done(o, t_select(o, negative, low, x));
}

/* x * min(max(x + 3, 0), 6) / 6 */
bool import_hard_swish(TflOp *o) {
  Value *x = o->in[0];
  Value *gate = t_unary(o, OP_relu6, t_binary_k(o, OP_add, x, 3));
  Value *y = t_binary(o, OP_mul, x, gate);
  return t_done(o, t_binary_k(o, OP_mul, y, 1.0 / 6));
}

bool import_relu_n1_1(TflOp *o) {
  return t_done(o, t_clamp(o, o->in[0], -1, 1));
}

bool import_relu_0_1(TflOp *o) { return t_done(o, t_clamp(o, o->in[0], 0, 1)); }
