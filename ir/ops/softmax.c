/* softmax of the last axis, row by row:
 *
 *   8 bits: the fixed-point sequence of SoftmaxStep (fixed.h)
 *   16 bits: e^d and the reciprocal of the sum from interpolated tables
 *   float: e^(beta (x - max)) divided by their sum, in order */
#include <math.h>

#include "ir/fixed.h"
#include "ir/ops/map.h"
#include "ir/real.h"
#include "ir/scalar.h"

typedef struct Rows {
  int64_t count, depth;
} Rows;

static Rows rows_of(const Eval *e) {
  const Type *x = eval_in_type(e, 0);
  int64_t depth = x->dim[x->rank - 1];
  return (Rows){type_count(x) / depth, depth};
}

static int32_t row_max(const int32_t *x, int64_t n) {
  int32_t max = INT32_MIN;
  for (int64_t i = 0; i < n; i++)
    max = x[i] > max ? x[i] : max;
  return max;
}

/* The sum saturates; up to 4 095 elements it cannot get there. */
static void softmax_row8(const SoftmaxStep *s, const int32_t *x, int64_t n,
                         int32_t *y) {
  int32_t max = row_max(x, n);
  int64_t total = 0;
  for (int64_t i = 0; i < n; i++)
    total += rounding_divide_by_pot(softmax_exp(s, x[i] - max), 12);
  if (total > INT32_MAX)
    total = INT32_MAX;
  SoftmaxScale scale = softmax_scale(s, (int32_t)total);
  for (int64_t i = 0; i < n; i++)
    y[i] = softmax_output(s, softmax_exp(s, x[i] - max), scale);
}

/* --- 16 bits ----------------------------------------------------------- */

#define STEPS 512

/* f sampled at 513 points of [lo, lo + range], in units of 2^-15 saturated,
 * each lowered by half the error that interpolation makes in the middle of
 * its step. */
static void table16(double (*f)(double), double lo, double range,
                    int32_t table[STEPS + 1]) {
  static const double u = 2.0 / 65535; /* one step of the output */
  const double unit = 65536 / (u * 32767 - u * -32768);
  double step = range / STEPS;
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

static int32_t lookup16(const int32_t table[STEPS + 1], int32_t x) {
  int32_t clamped = x < -32768 ? -32768 : x > 32767 ? 32767 : x;
  int32_t i = 256 + (clamped >> 7), fraction = clamped & 0x7f;
  return table[i] + (((table[i + 1] - table[i]) * fraction + 64) >> 7);
}

static double reciprocal_plus_one(double x) { return 1 / (1 + x); }

typedef struct Softmax16 {
  int32_t exp[STEPS + 1], reciprocal[STEPS + 1];
  int32_t multiplier;
  int shift;
} Softmax16;

static void softmax16_init(Softmax16 *s, const Op *op) {
  table16(real_exp, 10.0 / 65535 * -65535, 10.0 / 65535 * 65535, s->exp);
  table16(reciprocal_plus_one, 0, 1.0 / 65535 * 65535, s->reciprocal);
  float scale = type_scale(op->in[0]->type) * op->attrs.softmax.beta;
  quantize_multiplier((double)scale / (10.0 / 65535.0), &s->multiplier,
                      &s->shift);
}

static void softmax_row16(const Softmax16 *s, const int32_t *x, int64_t n,
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

/* --- by type ----------------------------------------------------------- */

static void softmax_int(const Eval *e) {
  Rows r = rows_of(e);
  const int32_t *x = eval_ints(e, 0);
  int32_t *y = ARENA_ARRAY(e->scratch, int32_t, r.count *r.depth);
  bool wide = eval_in_type(e, 0)->dtype == DT_i16;
  SoftmaxStep s8 = softmax_step_of(e->op);
  Softmax16 *s16 = ARENA_NEW(e->scratch, Softmax16);
  softmax16_init(s16, e->op);
  for (int64_t i = 0; i < r.count; i++) {
    const int32_t *xr = x + i * r.depth;
    if (wide)
      softmax_row16(s16, xr, r.depth, y + i * r.depth);
    else
      softmax_row8(&s8, xr, r.depth, y + i * r.depth);
  }
  eval_store(e, y);
}

static void softmax_row_f32(float beta, const float *x, int64_t n, float *y) {
  float max = -INFINITY, sum = 0;
  for (int64_t i = 0; i < n; i++)
    max = x[i] > max ? x[i] : max;
  for (int64_t i = 0; i < n; i++) {
    y[i] = scalar_exp_f32((x[i] - max) * beta);
    sum += y[i];
  }
  for (int64_t i = 0; i < n; i++)
    y[i] /= sum;
}

static void softmax_row_f64(double beta, const double *x, int64_t n,
                            double *y) {
  double max = -INFINITY, sum = 0;
  for (int64_t i = 0; i < n; i++)
    max = x[i] > max ? x[i] : max;
  for (int64_t i = 0; i < n; i++) {
    y[i] = scalar_exp_f64((x[i] - max) * beta);
    sum += y[i];
  }
  for (int64_t i = 0; i < n; i++)
    y[i] /= sum;
}

static void softmax_float(const Eval *e) {
  Rows r = rows_of(e);
  Compute c = dtype_compute(eval_out_type(e)->dtype);
  float beta = e->op->attrs.softmax.beta;
  const void *x = eval_wide(e, 0);
  double *y = ARENA_ARRAY(e->scratch, double, r.count *r.depth);
  for (int64_t i = 0; i < r.count * r.depth; i += r.depth)
    if (c == COMPUTE_f64)
      softmax_row_f64((double)beta, (const double *)x + i, r.depth, y + i);
    else
      softmax_row_f32(beta, (const float *)x + i, r.depth, (float *)y + i);
  eval_narrow(e, c, y);
}

void eval_softmax(const Eval *e) {
  if (eval_is_float(e))
    softmax_float(e);
  else
    softmax_int(e);
}
