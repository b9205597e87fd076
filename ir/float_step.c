/* The float step functions of float_step.h, in single IEEE operations. */
#include "ir/float_step.h"

#include <assert.h>
#include <math.h>

#include "ir/real.h"

static int32_t clamp_float(float x, int64_t zero, int32_t lo, int32_t hi) {
  float limit = 0x1p30f;
  float v = x < -limit ? -limit : x > limit ? limit : x;
  int64_t y = (isnan(v) ? 0 : (int64_t)v) + zero;
  return (int32_t)(y < lo ? lo : y > hi ? hi : y);
}

int32_t float_quantize(const Type *t, int64_t c, float x) {
  int32_t lo, hi;
  act_range(ACT_none, t, &lo, &hi);
  return clamp_float(rintf(x / type_channel_scale(t, c)),
                     type_channel_zero_point(t, c), lo, hi);
}

float float_dequantize(const Type *t, int64_t c, int32_t q) {
  int64_t centred = (int64_t)q - type_channel_zero_point(t, c);
  return (float)centred * type_channel_scale(t, c);
}

/* --- add, sub ---------------------------------------------------------- */

FloatAdd float_add_of(const Op *op) {
  const Type *a = op->in[0]->type, *b = op->in[1]->type;
  const Type *y = op->out[0]->type;
  FloatAdd s = {
      .ratio = {type_scale(a) / type_scale(y), type_scale(b) / type_scale(y)}};
  if (op->kind == OP_sub)
    s.ratio[1] = -s.ratio[1];
  s.base =
      (float)type_zero_point(y) - fmaf(s.ratio[0], (float)type_zero_point(a),
                                       s.ratio[1] * (float)type_zero_point(b));
  act_range(op->attrs.act.act, y, &s.lo, &s.hi);
  return s;
}

int32_t float_add_apply(const FloatAdd *s, int32_t a, int32_t b) {
  float sum = fmaf((float)a, s->ratio[0], fmaf((float)b, s->ratio[1], s->base));
  return clamp_float(rintf(sum), 0, s->lo, s->hi);
}

bool float_is_pair(const Op *op) {
  return op->rounding == ROUND_onnx && op->out[0]->type->dtype == DT_i16;
}

int32_t float_pair_apply(const Op *op, int32_t a, int32_t b) {
  const Type *y = op->out[0]->type;
  float x = float_dequantize(op->in[0]->type, 0, a);
  float w = float_dequantize(op->in[1]->type, 0, b);
  float v = op->kind == OP_mul ? x * w : op->kind == OP_sub ? x - w : x + w;
  int32_t lo, hi, q = float_quantize(y, 0, v);
  act_range(op->attrs.act.act, y, &lo, &hi);
  return q < lo ? lo : q > hi ? hi : q;
}

/* --- avg_pool2d -------------------------------------------------------- */

static int32_t float_average(const Op *op, int64_t count, int64_t sum) {
  const Type *x = op->in[0]->type, *y = op->out[0]->type;
  float factor = type_scale(x) / (type_scale(y) * (float)count);
  int64_t centred = sum - count * type_zero_point(x);
  int32_t lo, hi;
  act_range(op->attrs.pool.act, y, &lo, &hi);
  return clamp_float(rintf((float)centred * factor), type_zero_point(y), lo,
                     hi);
}

int32_t pool_average(const Op *op, int64_t count, int64_t sum) {
  if (op->rounding == ROUND_onnx)
    return float_average(op, count, sum);
  int32_t lo, hi;
  act_range(op->attrs.pool.act, op->out[0]->type, &lo, &hi);
  int64_t half = sum > 0 ? count / 2 : -(count / 2);
  int64_t y = (sum + half) / count;
  return (int32_t)(y < lo ? lo : y > hi ? hi : y);
}

bool average_makes_ties(const Type *x, const Type *y, int64_t count) {
  enum { COUNT_MAX = 1 << 16, TIES_PER = 10000 };
  int64_t most = 255 * count, ties = 0;
  if (count > COUNT_MAX)
    return true;
  double factor = (double)type_scale(x) / (double)type_scale(y);
  for (int64_t i = 0; i <= most; i++) {
    double v = (double)i * (factor / (double)count);
    ties += fabs(v - floor(v) - 0.5) < 0x1p-15;
  }
  return ties > most / TIES_PER + 1;
}

/* --- unary ------------------------------------------------------------- */

static float function(const Op *op, float x) {
  switch ((int)op->kind) {
  case OP_leaky_relu:
    return x >= 0 ? x : op->attrs.leaky.alpha * x;
  case OP_logistic:
    return (float)(1 / (1 + real_exp(-(double)x)));
  case OP_tanh:
    return real_tanhf(x);
  case OP_relu: /* clamps what is stored */
  case OP_relu6:
  case OP_quantize:
    return x;
  }
  assert(0 && "no function of one 8-bit value");
  return 0;
}

int32_t float_unary(const Op *op, int32_t x) {
  const Type *t = op->out[0]->type;
  Act act = op->kind == OP_relu    ? ACT_relu
            : op->kind == OP_relu6 ? ACT_relu6
                                   : ACT_none;
  int32_t lo, hi;
  act_range(act, t, &lo, &hi);
  float v = float_dequantize(op->in[0]->type, 0, x);
  int32_t y = float_quantize(t, 0, function(op, v));
  return y < lo ? lo : y > hi ? hi : y;
}
