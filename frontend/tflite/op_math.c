/* Elementwise operators that are ops of the IR on any types, and softmax. */
#include <math.h>

#include "frontend/tflite/build.h"

bool import_plain(TflOp *o) {
  return op_emit(o, o->row->ir, NULL, o->nin, o->in);
}

static bool import_binary(TflOp *o, const FbField *act) {
  Attrs a = attrs_default(o->row->ir);
  return op_act(o, act, &a.act.act) &&
         op_emit(o, o->row->ir, &a, o->nin, o->in);
}

static bool is_power_of_two(float x) {
  int exponent;
  return frexpf(x, &exponent) == 0.5f;
}

/* On 16 bits LiteRT adds by shifts alone when the option, true unless it is
 * given, and all three scales allow it. Those bytes are not the general
 * form's. */
static bool check_pot_scale(TflOp *o, const FbField *f) {
  Fb *fb = &o->im->fb;
  if (o->out[0]->dtype != DT_i16 ||
      (fb_has(fb, o->options, f) && !fb_bool(fb, o->options, f)))
    return true;
  bool pot = is_power_of_two(type_scale(o->out[0]));
  for (int i = 0; i < o->nin; i++)
    pot = pot && is_power_of_two(type_scale(o->in[i]->type));
  return !pot || op_refuse(o, "16-bit tensors with scales that are powers of "
                              "two (pot_scale_int16) are not supported");
}

bool import_add(TflOp *o) {
  return check_pot_scale(o, TFL_F(AddOptions, pot_scale_int16)) &&
         import_binary(o, TFL_F(AddOptions, fused_activation_function));
}

bool import_sub(TflOp *o) {
  return check_pot_scale(o, TFL_F(SubOptions, pot_scale_int16)) &&
         import_binary(o, TFL_F(SubOptions, fused_activation_function));
}

bool import_mul(TflOp *o) {
  return import_binary(o, TFL_F(MulOptions, fused_activation_function));
}

/* From f16 it is a cast; weights are stored as what they are computed in. */
bool import_dequantize(TflOp *o) {
  Value *x = o->in[0];
  if (x->type->dtype != DT_f16)
    return import_plain(o);
  Value *y = t_cast(o, x, DT_f32);
  if (y && x->init)
    y = op_fold(o->im->graph, y);
  return t_done(o, y);
}

bool import_softmax(TflOp *o) {
  Attrs a = attrs_default(OP_softmax);
  a.softmax.beta = fb_f32(&o->im->fb, o->options, TFL_F(SoftmaxOptions, beta));
  return op_emit(o, OP_softmax, &a, 1, o->in);
}

bool import_leaky_relu(TflOp *o) {
  Attrs a = attrs_default(OP_leaky_relu);
  a.leaky.alpha =
      fb_f32(&o->im->fb, o->options, TFL_F(LeakyReluOptions, alpha));
  return op_emit(o, OP_leaky_relu, &a, 1, o->in);
}
