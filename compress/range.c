#include "compress/range.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compress/range_private.h"
#include "ir/island.h"

static const double default_percentile = 99.99;

typedef Range (*RangeFn)(const TensorStats *t, const RangeRule *rule,
                         const QuantForm *form);

static const struct {
  const char *name, *about;
  RangeFn range;
} methods[RANGE_COUNT] = {
#define RANGE(function, name, about) {name, about, range_##function},
#include "compress/range.def"
#undef RANGE
};

const char *range_method_name(RangeMethod m) { return methods[m].name; }
const char *range_method_about(RangeMethod m) { return methods[m].about; }

bool range_rule_parse(const char *s, RangeRule *out) {
  size_t n = strcspn(s, ":");
  char *end;
  *out = (RangeRule){.method = RANGE_COUNT};
  for (int m = 0; m < RANGE_COUNT; m++)
    if (strlen(methods[m].name) == n && strncmp(methods[m].name, s, n) == 0)
      out->method = (RangeMethod)m;
  if (!s[n])
    return out->method < RANGE_COUNT;
  out->percentile = strtod(s + n + 1, &end);
  return out->method == RANGE_percentile && end > s + n + 1 && !*end &&
         out->percentile >= 50 && out->percentile <= 100;
}

/* ---- ranges ---- */

Range range_with_zero(Range r) {
  return (Range){r.lo < 0 ? r.lo : 0, r.hi > 0 ? r.hi : 0};
}

Range range_within(Range r, double limit) {
  float f = (float)limit;
  return (Range){r.lo > -f ? r.lo : -f, r.hi < f ? r.hi : f};
}

double range_reach(Range r) {
  return fmax(fabs((double)r.lo), fabs((double)r.hi));
}

Range range_minmax(const TensorStats *t, const RangeRule *rule,
                   const QuantForm *form) {
  (void)rule;
  (void)form;
  return stats_extent(t);
}

/* The first hundred samples count the same, then each takes a hundredth:
 * averaging_constant 0.01 as in PyTorch's MovingAverageMinMaxObserver and ONNX
 * Runtime's calibrators, but without the weight that those give to the first
 * batch. */
Range range_average(const TensorStats *t, const RangeRule *rule,
                    const QuantForm *form) {
  (void)rule;
  (void)form;
  double lo = 0, hi = 0;
  for (int64_t s = 0; s < t->samples; s++) {
    double part = fmax(1 / (double)(s + 1), 0.01);
    lo += part * ((double)t->sample[s].lo - lo);
    hi += part * ((double)t->sample[s].hi - hi);
  }
  return (Range){(float)lo, (float)hi};
}

/* The magnitude that `outside` elements of the signs asked for exceed, taken
 * as evenly spread in their bin; 0 when there are no more of them. */
static double tail_edge(const TensorStats *t, double outside, bool negative,
                        bool positive) {
  for (int m = STAT_SIGN - 1; m > 0; m--) {
    double lo, hi, count = 0;
    if (positive)
      count += (double)stats_bin_count(t, m);
    if (negative)
      count += (double)stats_bin_count(t, m | STAT_SIGN);
    if (count > 0 && count >= outside) {
      stats_bin(m, &lo, &hi);
      return hi - (hi - lo) * outside / count;
    }
    outside -= count;
  }
  return 0;
}

/* Symmetric: of magnitudes; else half of what is left out at either end. */
Range range_percentile(const TensorStats *t, const RangeRule *rule,
                       const QuantForm *form) {
  Range r = range_with_zero(stats_extent(t));
  double percent = rule->percentile > 0 ? rule->percentile : default_percentile;
  double outside = (1 - percent / 100) * (double)stats_count(t);
  if (form->symmetric)
    return range_within(r, tail_edge(t, outside, true, true));
  float lo = (float)-tail_edge(t, outside / 2, true, false);
  float hi = (float)tail_edge(t, outside / 2, false, true);
  return (Range){lo > r.lo ? lo : r.lo, hi < r.hi ? hi : r.hi};
}

Range calibration_range(const TensorStats *t, const RangeRule *rule,
                        const QuantForm *form) {
  if (t->fixed)
    return range_with_zero(t->range);
  if (stats_count(t) == 0)
    return (Range){0, 0};
  return range_with_zero(methods[rule->method].range(t, rule, form));
}

/* ---- parameters ---- */

float scale_up(double scale, int bits) {
  int exponent;
  double m = frexp(scale, &exponent); /* in [0.5, 1) */
  return bits >= FLT_MANT_DIG
             ? (float)scale
             : (float)ldexp(ceil(ldexp(m, bits)), exponent - bits);
}

float scale_next(float x, int bits) {
  return scale_up((double)nextafterf(x, INFINITY), bits);
}

float scale_for_sums(double x, int bits, float in_scale, const Type *y) {
  float scale = scale_up(x, bits);
  while (y && !island_sum_keeps_ties(in_scale * scale, y))
    scale = scale_next(scale, bits);
  return scale;
}

static float choose_scale(double reals, double steps, int bits) {
  double scale = reals > 0 ? reals / steps : 1;
  return scale_up(fmax(scale, 0x1p-64), bits);
}

static int32_t choose_zero(double lo, float scale, int32_t qmin, int32_t qmax) {
  double zero = nearbyint((double)qmin - lo / (double)scale);
  return (int32_t)fmin(fmax(zero, (double)qmin), (double)qmax);
}

QuantChoice quant_of_scale(Range r, const QuantForm *form, float scale) {
  int32_t half = 1 << (form->bits - 1);
  QuantChoice q = {.scale = scale, .qmin = form->is_signed ? -half : 0};
  q.qmax = q.qmin + (2 * half - 1);
  q.zero_point = form->symmetric ? q.qmin + half
                                 : choose_zero((double)range_with_zero(r).lo,
                                               scale, q.qmin, q.qmax);
  return q;
}

QuantChoice quant_of_range(Range r, const QuantForm *form) {
  int32_t half = 1 << (form->bits - 1);
  r = range_with_zero(r);
  double reals = form->symmetric ? range_reach(r) : (double)r.hi - (double)r.lo;
  int32_t steps = form->symmetric ? half - 1 : 2 * half - 1;
  return quant_of_scale(r, form, choose_scale(reals, steps, form->scale_bits));
}
