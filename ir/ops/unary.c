/* Ops of one element: logistic, tanh, relu, relu6, leaky_relu, quantize,
 * dequantize.
 *
 *   8-bit logistic, tanh: round(f(sx (x - zx)) * (1 / sy) + zy), all in float
 *     with f correctly rounded
 *   16-bit logistic, tanh: a 256-entry table, interpolated
 *   relu, relu6, quantize of integers: requant(x - zx) (requant_of)
 *   leaky_relu: the same with a factor of its own below zx
 *   quantize of f32: round half away of x / s, plus z
 *   dequantize: s (x - z)
 *
 * Under rounding=onnx all of 8 bits are float_unary, quantize of f32 rounds
 * half to even, dequantize multiplies floats (float_step.h). On plain types
 * all but the last two are rows of map.def. */
#include <math.h>

#include "ir/float_step.h"
#include "ir/ops/map.h"
#include "ir/real.h"

static int32_t clamp32(int64_t x, int32_t lo, int32_t hi) {
  return (int32_t)(x < lo ? lo : x > hi ? hi : x);
}

/* zero + the rounded value, clamped; NaN becomes the zero point. */
static int32_t store_float(float rounded, int32_t zero, int32_t lo,
                           int32_t hi) {
  if (isnan(rounded))
    return zero;
  float limit = 0x1p30f;
  float v = rounded < -limit ? -limit : rounded > limit ? limit : rounded;
  return clamp32((int64_t)v + zero, lo, hi);
}

static float logistic_float(float x) { return 1 / (1 + real_expf(-x)); }

/* --- logistic, tanh ---------------------------------------------------- */

static void map_table8(const Eval *e, float (*f)(float)) {
  const Type *xt = eval_in_type(e, 0), *yt = eval_out_type(e);
  int32_t zx = type_zero_point(xt), zy = type_zero_point(yt), lo, hi;
  float sx = type_scale(xt), inverse = 1 / type_scale(yt);
  act_range(ACT_none, yt, &lo, &hi);
  int32_t first = (int32_t)dtype_min(xt->dtype), table[256];
  for (int32_t i = 0; i < 256; i++) {
    float x = sx * (float)(first + i - zx);
    table[i] = store_float(roundf(f(x) * inverse), zy, lo, hi);
  }
  int32_t *v = eval_ints(e, 0);
  int64_t n = type_count(yt);
  for (int64_t i = 0; i < n; i++)
    v[i] = table[v[i] - first];
  eval_store(e, v);
}

/* x * multiplier >> shift brings 16-bit input to units of 1 / (3 * 2^12). */
typedef struct Scale16 {
  int64_t multiplier;
  int shift;
} Scale16;

/* A scale within 2^+-0.001 of 2^-12 * 2^k, 0 <= k <= most, counts as that
 * power and is exact; any other gets a multiplier below 2^15. */
static Scale16 scale16_of(float scale, int most) {
  int k;
  double m = frexp((double)scale, &k);
  static const double near = 1.0006933874625807; /* 2^0.001 */
  if (m * near > 1)
    m /= 2, k++;
  k += 11;
  if (m < 0.5 * near && k >= 0 && k <= most)
    return (Scale16){INT64_C(3) << k, 0};
  Scale16 s = {0, 0};
  double multiplier = (double)scale * 4096.0 * 3.0;
  for (; multiplier <= 32767.0 / 2 && s.shift <= 30; s.shift++)
    multiplier *= 2;
  s.multiplier = (int64_t)multiplier;
  return s;
}

static int64_t scale16_apply(Scale16 s, int32_t x) {
  return (x * s.multiplier + (INT64_C(1) << s.shift >> 1)) >> s.shift;
}

/* |sigmoid| of |x| / 2^bits / 24 in Q16 with `bits` more fraction bits,
 * by linear interpolation; `top` where the table ends. */
static int64_t sigmoid16(const int32_t table[256], int64_t magnitude, int bits,
                         int64_t top) {
  int64_t i = magnitude >> bits, rest = magnitude & ((1 << bits) - 1);
  if (i >= 255)
    return top;
  return ((int64_t)table[i] << bits) + rest * (table[i + 1] - table[i]);
}

static double sigmoid_q16(double i) { return 65536 / (1 + real_exp(-i / 24)); }

/* sigmoid(i / 24) in Q16, each raised by half of what interpolation misses
 * in the middle of the step after it; the last is the largest there is. */
static void sigmoid_table(int32_t table[256]) {
  for (int i = 0; i < 255; i++) {
    double here = sigmoid_q16(i), next = sigmoid_q16(i + 1);
    double missed = sigmoid_q16(i + 0.5) - (here + next) / 2;
    table[i] = (int32_t)round(here + missed / 2);
  }
  table[255] = 0xffff;
}

static int32_t logistic16(const int32_t table[256], int64_t x) {
  int64_t r = sigmoid16(table, x < 0 ? -x : x, 9, INT64_C(0x7fff) << 10);
  r = x >= 0 ? r + (1 << 9) : (1 << 25) - r + (1 << 9) - 1;
  return (int32_t)(r >> 10);
}

/* tanh(x) = 2 sigmoid(2x) - 1 */
static int32_t tanh16(const int32_t table[256], int64_t x) {
  int64_t r = sigmoid16(table, x < 0 ? -x : x, 8, INT64_C(0xffff) << 8);
  r = x >= 0 ? r - (1 << 23) + (1 << 7) : (1 << 23) - r + (1 << 7) - 1;
  return (int32_t)(r >> 8);
}

static void map_table16(const Eval *e,
                        int32_t (*f)(const int32_t table[256], int64_t x),
                        int most) {
  Scale16 s = scale16_of(type_scale(eval_in_type(e, 0)), most);
  int32_t table[256];
  sigmoid_table(table);
  int32_t *v = eval_ints(e, 0);
  int64_t n = type_count(eval_out_type(e));
  for (int64_t i = 0; i < n; i++)
    v[i] = clamp32(f(table, scale16_apply(s, v[i])), -32768, 32767);
  eval_store(e, v);
}

/* Under rounding=onnx; and where float_step.h has the definition. */
static bool by_float(const Op *op) {
  return op->rounding == ROUND_onnx && type_is_q8(op->in[0]->type);
}

static void map_float(const Eval *e) {
  int32_t *v = eval_ints(e, 0), table[256];
  int32_t first = (int32_t)dtype_min(eval_in_type(e, 0)->dtype);
  for (int32_t i = 0; i < 256; i++)
    table[i] = float_unary(e->op, first + i);
  int64_t n = type_count(eval_out_type(e));
  for (int64_t i = 0; i < n; i++)
    v[i] = table[v[i] - first];
  eval_store(e, v);
}

void eval_logistic(const Eval *e) {
  if (op_is_plain(e->op))
    eval_map(e);
  else if (by_float(e->op))
    map_float(e);
  else if (eval_out_type(e)->dtype == DT_i16)
    map_table16(e, logistic16, 0);
  else
    map_table8(e, logistic_float);
}

void eval_tanh(const Eval *e) {
  if (op_is_plain(e->op))
    eval_map(e);
  else if (by_float(e->op))
    map_float(e);
  else if (eval_out_type(e)->dtype == DT_i16)
    map_table16(e, tanh16, 1);
  else
    map_table8(e, real_tanhf);
}

/* --- piecewise linear -------------------------------------------------- */

/* y = below(x - zx) where that is negative, else above(x - zx). */
static void map_requant(const Eval *e, const Requant *below,
                        const Requant *above) {
  int32_t *v = eval_ints_centred(e, 0, type_zero_point(eval_in_type(e, 0)));
  int64_t n = type_count(eval_out_type(e));
  for (int64_t i = 0; i < n; i++)
    v[i] = requant_apply(v[i] < 0 ? below : above, v[i]);
  eval_store(e, v);
}

static void relu(const Eval *e) {
  if (op_is_plain(e->op)) {
    eval_map(e);
  } else if (by_float(e->op)) {
    map_float(e);
  } else {
    Requant r = requant_of(e->op, 0);
    map_requant(e, &r, &r);
  }
}

void eval_relu(const Eval *e) { relu(e); }
void eval_relu6(const Eval *e) { relu(e); }

static void leaky_int(const Eval *e) {
  float alpha = e->op->attrs.leaky.alpha;
  Requant above = requant_of(e->op, 0), below = above;
  float sx = type_scale(eval_in_type(e, 0)), sy = type_scale(eval_out_type(e));
  float factor = sx * alpha / sy;
  quantize_multiplier((double)fabsf(factor), &below.multiplier, &below.shift);
  if (factor < 0)
    below.multiplier = -below.multiplier;
  map_requant(e, &below, &above);
}

void eval_leaky_relu(const Eval *e) {
  if (op_is_plain(e->op))
    eval_map(e);
  else if (by_float(e->op))
    map_float(e);
  else
    leaky_int(e);
}

/* --- conversions ------------------------------------------------------- */

/* The channel of element i when t has a scale for each index of an axis. */
static int64_t channel_of(const Type *t, int64_t i) {
  if (!t->q || t->q->axis < 0)
    return 0;
  int64_t inner = 1;
  for (int d = t->q->axis + 1; d < t->rank; d++)
    inner *= t->dim[d];
  return i / inner % t->dim[t->q->axis];
}

static void quantize_float(const Eval *e) {
  const Type *t = eval_out_type(e);
  const float *x = e->in[0];
  int64_t n = type_count(t);
  int32_t *y = ARENA_ARRAY(e->scratch, int32_t, n), lo, hi;
  act_range(ACT_none, t, &lo, &hi);
  for (int64_t i = 0; i < n; i++) {
    int64_t c = channel_of(t, i);
    if (e->op->rounding == ROUND_onnx) {
      y[i] = float_quantize(t, c, x[i]);
      continue;
    }
    float scaled = x[i] / type_channel_scale(t, c);
    y[i] = store_float(roundf(scaled), type_channel_zero_point(t, c), lo, hi);
  }
  eval_store(e, y);
}

void eval_quantize(const Eval *e) {
  if (dtype_is_float(eval_in_type(e, 0)->dtype)) {
    quantize_float(e);
    return;
  }
  if (by_float(e->op)) {
    map_float(e);
    return;
  }
  Requant r = requant_of(e->op, 0);
  map_requant(e, &r, &r);
}

void eval_dequantize(const Eval *e) {
  const Type *t = eval_in_type(e, 0);
  const int32_t *x = eval_ints(e, 0);
  float *y = e->out[0];
  int64_t n = type_count(t);
  for (int64_t i = 0; i < n; i++) {
    int64_t c = channel_of(t, i);
    if (e->op->rounding == ROUND_onnx) {
      y[i] = float_dequantize(t, c, x[i]);
      continue;
    }
    int64_t centred = (int64_t)x[i] - type_channel_zero_point(t, c);
    y[i] = (float)((double)type_channel_scale(t, c) * (double)centred);
  }
}
