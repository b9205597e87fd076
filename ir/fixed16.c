/* See fixed16.h. */
#include "ir/fixed16.h"

#include <math.h>

#include "ir/real.h"

/* --- logistic, tanh ---------------------------------------------------- */

Scale16 scale16_of(float scale, int most) {
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

int64_t scale16_apply(Scale16 s, int32_t x) {
  return (x * s.multiplier + (INT64_C(1) << s.shift >> 1)) >> s.shift;
}

int scale16_most(OpKind k) { return k == OP_tanh; }

/* |sigmoid| of |x| / 2^bits / 24 in Q16 with `bits` more fraction bits,
 * by linear interpolation; `top` where the table ends. */
static int64_t interpolated(const int32_t table[SIGMOID16_POINTS],
                            int64_t magnitude, int bits, int64_t top) {
  int64_t i = magnitude >> bits, rest = magnitude & ((1 << bits) - 1);
  if (i >= SIGMOID16_POINTS - 1)
    return top;
  return ((int64_t)table[i] << bits) + rest * (table[i + 1] - table[i]);
}

static double sigmoid_q16(double i) { return 65536 / (1 + real_exp(-i / 24)); }

void sigmoid16_table(int32_t table[SIGMOID16_POINTS]) {
  for (int i = 0; i < SIGMOID16_POINTS - 1; i++) {
    double here = sigmoid_q16(i), next = sigmoid_q16(i + 1);
    double missed = sigmoid_q16(i + 0.5) - (here + next) / 2;
    table[i] = (int32_t)round(here + missed / 2);
  }
  table[SIGMOID16_POINTS - 1] = 0xffff;
}

static int64_t logistic16(const int32_t table[256], int64_t x) {
  int64_t r = interpolated(table, x < 0 ? -x : x, 9, INT64_C(0x7fff) << 10);
  r = x >= 0 ? r + (1 << 9) : (1 << 25) - r + (1 << 9) - 1;
  return r >> 10;
}

/* tanh(x) = 2 sigmoid(2x) - 1 */
static int64_t tanh16(const int32_t table[256], int64_t x) {
  int64_t r = interpolated(table, x < 0 ? -x : x, 8, INT64_C(0xffff) << 8);
  r = x >= 0 ? r - (1 << 23) + (1 << 7) : (1 << 23) - r + (1 << 7) - 1;
  return r >> 8;
}

int32_t sigmoid16(OpKind k, const int32_t table[SIGMOID16_POINTS], int64_t x) {
  int64_t y = k == OP_tanh ? tanh16(table, x) : logistic16(table, x);
  return (int32_t)(y < -32768 ? -32768 : y > 32767 ? 32767 : y);
}

/* --- softmax ----------------------------------------------------------- */

enum { STEPS = TABLE16_POINTS - 1 };

/* f sampled at 513 points of [lo, lo + range], in units of 2^-15 saturated,
 * each lowered by half the error that interpolation makes in the middle of
 * its step. */
static void table16(double (*f)(double), double lo, double range,
                    int32_t table[TABLE16_POINTS]) {
  static const double u = 2.0 / 65535; /* one step of the output */
  const double unit = 65536 / (u * 32767 - u * -32768);
  double step = range / (double)STEPS;
  for (int i = 0; i <= STEPS; i++) {
    double here = round(f(lo + i * step) * unit), bias = 0;
    if (i < STEPS) {
      double next = f(lo + (i + 1) * step) * unit;
      double middle = round(f(lo + i * step + step / 2) * unit);
      bias = round((round((next + here) / 2) - middle) / 2);
    }
    double v = here - bias;
    table[i] = (int32_t)(v > 32767 ? 32767 : v < -32768 ? -32768 : v);
  }
}

static int32_t lookup16(const int32_t table[TABLE16_POINTS], int32_t x) {
  int32_t clamped = x < -32768 ? -32768 : x > 32767 ? 32767 : x;
  int32_t i = 256 + (clamped >> 7), fraction = clamped & 0x7f;
  return table[i] + (((table[i + 1] - table[i]) * fraction + 64) >> 7);
}

static double reciprocal_plus_one(double x) { return 1 / (1 + x); }

void softmax16_init(Softmax16 *s, const Op *op) {
  table16(real_exp, 10.0 / 65535 * -65535, 10.0 / 65535 * 65535, s->exp);
  table16(reciprocal_plus_one, 0, 1.0 / 65535 * 65535, s->reciprocal);
  float scale = type_scale(op->in[0]->type) * op->attrs.softmax.beta;
  quantize_multiplier((double)scale / (10.0 / 65535.0), &s->multiplier,
                      &s->shift);
}

static int32_t row_max(const int32_t *x, int64_t n) {
  int32_t max = INT32_MIN;
  for (int64_t i = 0; i < n; i++)
    max = x[i] > max ? x[i] : max;
  return max;
}

void softmax16_row(const Softmax16 *s, const int32_t *x, int64_t n,
                   int32_t *y) {
  int32_t max = row_max(x, n);
  int64_t total = 0; /* Q16.15 */
  for (int64_t i = 0; i < n; i++) {
    int32_t d =
        multiply_by_quantized_multiplier(x[i] - max, s->multiplier, s->shift);
    d = d < -65535 ? -65535 : d;
    y[i] = lookup16(s->exp, d + 32767);
    total += y[i];
  }
  if (total > INT32_MAX)
    total = INT32_MAX;
  int headroom = 0; /* leading zeros less one */
  while (headroom < 31 && total << headroom < INT64_C(1) << 30)
    headroom++;
  int64_t normal = ((total << headroom) + (1 << 13)) >> 14; /* [1, 2) Q16 */
  int32_t scale =
      lookup16(s->reciprocal, (int32_t)(normal - (1 << 15) - (1 << 16)));
  int right = 30 - headroom;
  for (int64_t i = 0; i < n; i++) {
    int64_t v = ((int64_t)y[i] * scale + (INT64_C(1) << right >> 1)) >> right;
    y[i] = (int32_t)(v < 0 ? 0 : v > 32767 ? 32767 : v);
  }
}
