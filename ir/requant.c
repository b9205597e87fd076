/* The step functions of requant.h and where their parameters come from. All
 * of it is integer or exactly specified IEEE arithmetic: no result depends on
 * the host's math library. A factor that is no positive finite number (a
 * model file may say anything) becomes the factor 0. */
#include "ir/requant.h"

#include <assert.h>
#include <math.h>
#include <string.h>

static int64_t clamp64(int64_t x, int64_t lo, int64_t hi) {
  return x < lo ? lo : x > hi ? hi : x;
}

void quantize_multiplier(double real, int32_t *multiplier, int *shift) {
  *multiplier = 0;
  *shift = 0;
  if (!(real > 0) || isinf(real))
    return;
  int exponent;
  int64_t q = (int64_t)round(frexp(real, &exponent) * 2147483648.0);
  if (q == INT64_C(1) << 31) {
    q /= 2;
    exponent++;
  }
  if (exponent < -31)
    return;
  if (exponent > 30) {
    exponent = 30;
    q = INT32_MAX;
  }
  *multiplier = (int32_t)q;
  *shift = exponent;
}

int32_t saturating_rounding_doubling_high_mul(int32_t a, int32_t b) {
  if (a == INT32_MIN && b == INT32_MIN)
    return INT32_MAX;
  int64_t product = (int64_t)a * b;
  return (int32_t)((product + (INT64_C(1) << 30)) >> 31);
}

int32_t rounding_divide_by_pot(int32_t x, int exponent) {
  assert(exponent >= 0 && exponent <= 31);
  int64_t mask = (INT64_C(1) << exponent) - 1;
  int64_t remainder = x & mask;
  int64_t threshold = (mask >> 1) + (x < 0);
  return (int32_t)(((int64_t)x >> exponent) + (remainder > threshold));
}

int32_t multiply_by_quantized_multiplier(int32_t x, int32_t multiplier,
                                         int shift) {
  int left = shift > 0 ? shift : 0;
  int right = shift > 0 ? 0 : -shift;
  int64_t wide = (int64_t)x * (INT64_C(1) << left);
  int32_t shifted = (int32_t)clamp64(wide, INT32_MIN, INT32_MAX);
  return rounding_divide_by_pot(
      saturating_rounding_doubling_high_mul(shifted, multiplier), right);
}

/* One rounding shift right by s >= 0 of x * m, ties toward +infinity. */
static int64_t rounding_product_shift(int64_t x, int64_t m, int s) {
  int64_t half = s > 0 ? INT64_C(1) << (s - 1) : 0;
  return (x * m + half) >> s;
}

static int64_t apply_wide(const Requant *r, int64_t acc) {
  acc = clamp64(acc, -(INT64_C(1) << 47), (INT64_C(1) << 47) - 1);
  int64_t m16 =
      r->multiplier < 0x7FFF0000 ? (r->multiplier + (1 << 15)) >> 16 : 0x7FFF;
  int s = 15 - r->shift;
  if (s >= 0)
    return rounding_product_shift(acc, m16, s);
  return clamp64(acc * m16, INT32_MIN, INT32_MAX) * (INT64_C(1) << -s);
}

/* `x` rounded already; saturates where int64 could not hold it. */
static int64_t int_of_real(double x) {
  return x < -1e15  ? -INT64_C(1000000000000000)
         : x > 1e15 ? INT64_C(1000000000000000)
                    : (int64_t)x;
}

static int64_t step(const Requant *r, int64_t acc) {
  switch (r->kind) {
  case RQ_double:
    acc = clamp64(acc, INT32_MIN, INT32_MAX);
    return multiply_by_quantized_multiplier((int32_t)acc, r->multiplier,
                                            r->shift);
  case RQ_f64_away:
    return int_of_real(round((double)acc * r->real));
  case RQ_f32_even:
    return int_of_real((double)rintf((float)acc * (float)r->real));
  case RQ_f32_sum:
    return int_of_real((double)rintf((float)acc * (float)r->real + r->bias));
  case RQ_single:
    acc = clamp64(acc, INT32_MIN, INT32_MAX);
    return rounding_product_shift(acc, r->multiplier, 31 - r->shift);
  case RQ_wide:
    return apply_wide(r, acc);
  }
  assert(0 && "unknown requant kind");
  return 0;
}

int32_t requant_apply(const Requant *r, int64_t acc) {
  int64_t y = step(r, acc) + r->zero_point;
  return (int32_t)clamp64(y, r->lo, r->hi);
}

int64_t requant_threshold(const Requant *r, int32_t y, int64_t acc_min,
                          int64_t acc_max) {
  int64_t lo = acc_min, hi = acc_max + 1; /* the answer is in [lo, hi] */
  while (lo < hi) {
    int64_t mid = lo + (hi - lo) / 2;
    if (requant_apply(r, mid) >= y)
      hi = mid;
    else
      lo = mid + 1;
  }
  return lo;
}

/* zero_point + round half away of x / scale, in float as TFLite does it. */
static int64_t quantize_bound(const Type *t, float x) {
  double q = (double)roundf(x / type_scale(t));
  return (isnan(q) ? 0 : int_of_real(q)) + type_zero_point(t);
}

void act_range(Act act, const Type *t, int32_t *lo, int32_t *hi) {
  static const float interval[ACT_COUNT][2] = {
      [ACT_none] = {-INFINITY, INFINITY},
      [ACT_relu] = {0, INFINITY},
      [ACT_relu6] = {0, 6},
      [ACT_relu_n1_1] = {-1, 1},
      [ACT_relu_0_1] = {0, 1},
  };
  int64_t qmin = t->q ? t->q->qmin : dtype_min(t->dtype);
  int64_t qmax = t->q ? t->q->qmax : dtype_max(t->dtype);
  qmin = clamp64(qmin, INT32_MIN, INT32_MAX);
  qmax = clamp64(qmax, INT32_MIN, INT32_MAX);
  const float *bound = interval[act];
  *lo = (int32_t)qmin;
  *hi = (int32_t)qmax;
  if (!isinf(bound[0]))
    *lo = (int32_t)clamp64(quantize_bound(t, bound[0]), qmin, qmax);
  if (!isinf(bound[1]))
    *hi = (int32_t)clamp64(quantize_bound(t, bound[1]), qmin, qmax);
}

/* --- parameters of the ops ------------------------------------------- */

static Act fused_act(const Op *op) {
  switch ((int)op->kind) {
  case OP_conv2d:
  case OP_depthwise_conv2d:
    return op->attrs.conv.act;
  case OP_fully_connected:
    return op->attrs.dense.act;
  case OP_mul:
    return op->attrs.act.act;
  case OP_relu:
    return ACT_relu;
  case OP_relu6:
    return ACT_relu6;
  default:
    return ACT_none;
  }
}

static bool has_weights(const Op *op) {
  return op->kind == OP_conv2d || op->kind == OP_depthwise_conv2d ||
         op->kind == OP_fully_connected || op->kind == OP_matmul;
}

/* Elements of x that make one of a mean's. */
static int64_t reduced_count(const Op *op) {
  const IntList *axes = &op->attrs.axes.axes;
  int64_t count = 1;
  for (int i = 0; i < axes->n; i++)
    count *= op->in[0]->type->dim[axes->v[i]];
  return count;
}

/* The real factor from accumulator to output of channel c. Which of its
 * products and quotients are taken in float follows TFLite op by op; ONNX
 * Runtime takes all of them in float. */
static double real_factor(const Op *op, int64_t c) {
  bool onnx = op->rounding == ROUND_onnx;
  float sx = type_scale(op->in[0]->type), sy = type_scale(op->out[0]->type);
  if (op->kind == OP_mul)
    return (double)(sx * type_scale(op->in[1]->type) / sy);
  if (op->kind == OP_mean && onnx)
    return (double)(sx / (sy * (float)reduced_count(op)));
  if (op->kind == OP_mean || op->kind == OP_quantize)
    return (double)sx / (double)sy;
  if (!has_weights(op))
    return (double)(sx / sy);
  float sw = type_channel_scale(op->in[1]->type, c);
  if (onnx)
    return (double)(sx * sw / sy);
  bool float_product =
      op->kind == OP_matmul ||
      (op->in[0]->type->dtype == DT_u8 && op->kind != OP_fully_connected);
  double product = float_product ? (double)(sx * sw) : (double)sx * (double)sw;
  return product / (double)sy;
}

/* 64-bit accumulators: i16 activations with an i64 bias. */
static bool accumulates_wide(const Op *op) {
  const Value *bias = has_weights(op) ? op_in(op, 2) : NULL;
  return bias && bias->type->dtype == DT_i64;
}

static RequantKind requant_kind(const Op *op) {
  static const RequantKind kinds[ROUND_COUNT] = {
      [ROUND_tflite] = RQ_double,
      [ROUND_tflm] = RQ_double,
      [ROUND_onnx] = RQ_f32_even,
      [ROUND_single] = RQ_single,
  };
  if (op->rounding == ROUND_onnx && op->kind == OP_mul)
    return RQ_f32_sum;
  if (op->rounding == ROUND_onnx && op->kind == OP_mean)
    return RQ_f32_even;
  if (!has_weights(op) && op->kind != OP_mul)
    return RQ_double;
  if (op->kind == OP_fully_connected && op->rounding == ROUND_tflite)
    return RQ_f64_away;
  RequantKind kind = kinds[op->rounding];
  return accumulates_wide(op) && kind != RQ_f32_even ? RQ_wide : kind;
}

/* mean: the multiplier takes in the division by the count of elements. */
static void divide_by_count(const Op *op, Requant *r) {
  int64_t count = reduced_count(op);
  if (count <= 1)
    return;
  int shift = 0;
  while (shift < 32 && count >> (shift + 1) != 0)
    shift++;
  if (shift > 31 + r->shift)
    shift = 31 + r->shift;
  r->multiplier = (int32_t)(((int64_t)r->multiplier << shift) / count);
  r->shift -= shift;
}

/* NULL where there is none. */
static const Value *bias_of(const Op *op) {
  return has_weights(op) && op->kind != OP_matmul ? op_in(op, 2) : NULL;
}

static bool has_float_bias(const Op *op) {
  const Value *b = bias_of(op);
  return b && b->type->dtype == DT_f32;
}

/* One step of the accumulator. */
static double unit_of(const Op *op, int64_t c) {
  return (double)type_scale(op->in[0]->type) *
         (double)type_channel_scale(op->in[1]->type, c);
}

static double float_bias(const Op *op, int64_t c) {
  float b;
  memcpy(&b, (const char *)op->in[2]->init->data + 4 * c, sizeof b);
  return isnan(b) ? 0 : (double)b;
}

int64_t requant_bias(const Op *op, int64_t c) {
  const Value *b = bias_of(op);
  int32_t narrow;
  int64_t wide;
  if (!b)
    return 0;
  if (has_float_bias(op)) {
    double steps = rint(float_bias(op, c) / unit_of(op, c));
    return steps < -0x1p30  ? -(1 << 30)
           : steps > 0x1p30 ? 1 << 30
                            : (int64_t)steps;
  }
  if (b->type->dtype == DT_i64) {
    memcpy(&wide, (const char *)b->init->data + 8 * c, sizeof wide);
    return wide;
  }
  memcpy(&narrow, (const char *)b->init->data + 4 * c, sizeof narrow);
  return narrow;
}

/* Of a float bias what requant_bias leaves out, in steps of y; at most half
 * of what the accumulator's make. */
static float rest_of_bias(const Op *op, int64_t c) {
  double unit = unit_of(op, c);
  double rest = float_bias(op, c) - (double)requant_bias(op, c) * unit;
  return fabs(rest) <= unit ? (float)(rest / type_scale(op->out[0]->type)) : 0;
}

Requant requant_of(const Op *op, int64_t c) {
  const Type *y = op->out[0]->type;
  Requant r = {.kind = requant_kind(op), .zero_point = type_zero_point(y)};
  act_range(fused_act(op), y, &r.lo, &r.hi);
  r.real = real_factor(op, c);
  if (!(r.real > 0) || isinf(r.real))
    r.real = 0;
  quantize_multiplier(r.real, &r.multiplier, &r.shift);
  if (has_float_bias(op)) {
    r.kind = RQ_f32_sum;
    r.bias = rest_of_bias(op, c);
  } else if (r.kind == RQ_f32_sum) {
    r.bias = (float)r.zero_point;
    r.zero_point = 0;
  }
  if (op->kind == OP_mean && r.kind == RQ_double)
    divide_by_count(op, &r);
  return r;
}

Requant requant_below_zero(const Op *op) {
  Requant r = requant_of(op, 0);
  float sx = type_scale(op->in[0]->type), sy = type_scale(op->out[0]->type);
  float factor = sx * op->attrs.leaky.alpha / sy;
  quantize_multiplier((double)fabsf(factor), &r.multiplier, &r.shift);
  if (factor < 0)
    r.multiplier = -r.multiplier;
  return r;
}
