/* The expected error of a quantization, and the ranges that make it small.
 *
 * With scale s, zero point z and elements that lie evenly in each bin [a, b],
 * the mean of |e|^p over a bin is (E(b) - E(a)) / (b - a), E the integral of
 * |e|^p from 0. In units u = x / s the error inside of the range is the
 * distance f to the nearest integer k, and with c the integral over one unit
 *     E(u) = k c + sign(f) |f|^(p+1) / (p+1),  c = 2 (1/2)^(p+1) / (p+1);
 * beyond the last step h it is x - h, E(x) = E(h) + (x - h)^(p+1) / (p+1).
 * What is 0 has no error. */
#include <math.h>

#include "compress/range_private.h"

/* ---- the observed distribution, coarser ---- */

typedef struct Bar {
  double lo, hi, count; /* lo <= hi, of one sign */
} Bar;

typedef struct Bars {
  Bar *v; /* (n) without zeros */
  int n;
} Bars;

/* Appends a bin, to the last bar where both together are narrow. */
static void bars_add(Bars *b, Bar bin, bool joins, double narrow) {
  Bar *last = joins ? &b->v[b->n - 1] : NULL;
  if (last && fmax(last->hi, bin.hi) - fmin(last->lo, bin.lo) <= narrow) {
    last->lo = fmin(last->lo, bin.lo);
    last->hi = fmax(last->hi, bin.hi);
    last->count += bin.count;
    return;
  }
  b->v[b->n++] = bin;
}

/* Bins narrower than a sixteenth of the finest step are joined; those at the
 * ends are cut off where the elements end. */
static Bars bars_new(Arena *a, const TensorStats *t, int bits) {
  Range r = range_with_zero(stats_extent(t));
  double narrow = ldexp(range_reach(r), -bits - 4);
  Bars b = {ARENA_ARRAY(a, Bar, STAT_BINS), 0};
  for (int sign = 0; sign <= STAT_SIGN; sign += STAT_SIGN) {
    int first = b.n;
    for (int m = 1; m < STAT_SIGN; m++) {
      Bar bin = {.count = (double)stats_bin_count(t, sign | m)};
      if (bin.count <= 0)
        continue;
      stats_bin(sign | m, &bin.lo, &bin.hi);
      bin.lo = fmax(bin.lo, (double)r.lo);
      bin.hi = fmin(bin.hi, (double)r.hi);
      bars_add(&b, bin, b.n > first, narrow);
    }
  }
  return b;
}

/* ---- the error ---- */

/* p as a product: the same on every machine. */
static double power(double x, int p) {
  double y = x;
  for (int i = 1; i < p; i++)
    y *= x;
  return y;
}

/* E(x) for x >= 0, h the last step. */
static double integral(double x, double scale, double h, int p) {
  double inside = fmin(x, h) / scale;
  double k = floor(inside + 0.5), f = inside - k;
  double unit = 2 * power(0.5, p + 1) / (p + 1);
  double part = power(fabs(f), p + 1) / (p + 1);
  double e = power(scale, p + 1) * (k * unit + (f < 0 ? -part : part));
  return x > h ? e + power(x - h, p + 1) / (p + 1) : e;
}

static double point_error(double x, double scale, double h, int p) {
  double nearest = scale * floor(x / scale + 0.5);
  return power(fabs(x - fmin(nearest, h)), p);
}

static double bar_error(const Bar *b, const QuantChoice *q, int p) {
  double scale = (double)q->scale;
  bool negative = b->hi <= 0;
  double lo = negative ? -b->hi : b->lo, hi = negative ? -b->lo : b->hi;
  double h =
      scale * (negative ? q->zero_point - q->qmin : q->qmax - q->zero_point);
  if (hi <= lo)
    return b->count * point_error(lo, scale, h, p);
  return b->count * (integral(hi, scale, h, p) - integral(lo, scale, h, p)) /
         (hi - lo);
}

static double error_sum(const Bars *b, const QuantChoice *q, int p) {
  double sum = 0;
  for (int i = 0; i < b->n; i++)
    sum += bar_error(&b->v[i], q, p);
  return sum;
}

double quant_error(const TensorStats *t, const QuantChoice *q, int p) {
  if (stats_count(t) == 0)
    return 0;
  Arena *scratch = arena_new();
  Bars b = bars_new(scratch, t, 16);
  double sum = error_sum(&b, q, p);
  arena_free(scratch);
  return sum / (double)stats_count(t);
}

/* ---- the least error ---- */

/* A range shrinks by 16 steps an octave, down to 2^-8 of its reach. */
enum { SHRINK_STEPS = 16, SHRINK_COUNT = 8 * SHRINK_STEPS };

typedef struct Search {
  const Bars *bars;
  const QuantForm *form;
  Range best;
  double error;
} Search;

static void search_try(Search *s, Range r) {
  QuantChoice q = quant_of_range(r, s->form);
  double error = error_sum(s->bars, &q, 2);
  if (error < s->error) {
    s->error = error;
    s->best = r;
  }
}

/* Tries [lo part, hi part] for falling parts, of the ends asked for. */
static void search_shrink(Search *s, Range from, bool low, bool high) {
  const double factor = 0.95760328069857364694; /* 2^(-1/16) */
  double part = 1;
  for (int i = 0; i < SHRINK_COUNT; i++, part *= factor)
    search_try(s, (Range){(float)((double)from.lo * (low ? part : 1)),
                          (float)((double)from.hi * (high ? part : 1))});
}

/* Both ends together at first, so that the larger reach comes down to the
 * smaller one, then each alone. */
Range range_mse(const TensorStats *t, const RangeRule *rule,
                const QuantForm *form) {
  (void)rule;
  Arena *scratch = arena_new();
  Range all = range_with_zero(stats_extent(t));
  Bars bars = bars_new(scratch, t, form->bits);
  Search s = {.bars = &bars, .form = form, .best = all, .error = INFINITY};
  search_shrink(&s, all, true, true);
  if (!form->symmetric && all.lo < 0 && all.hi > 0) {
    search_shrink(&s, (Range){all.lo, s.best.hi}, true, false);
    search_shrink(&s, (Range){s.best.lo, all.hi}, false, true);
  }
  arena_free(scratch);
  return s.best;
}

/* The cube weighs what is cut off more than the square does, and less than
 * the largest error, which is minmax: outliers often carry the answer.
 * Optimal norms between 2 and 4 are what Nahshan et al., "Loss aware
 * post-training quantization" (2019), found. The first of equals. */
Range range_automatic(const TensorStats *t, const RangeRule *rule,
                      const QuantForm *form) {
  (void)rule;
  Arena *scratch = arena_new();
  Bars bars = bars_new(scratch, t, form->bits);
  Range best = {0, 0};
  double least = INFINITY;
  for (int m = 0; m < RANGE_automatic; m++) {
    RangeRule other = {.method = (RangeMethod)m};
    Range r = calibration_range(t, &other, form);
    QuantChoice q = quant_of_range(r, form);
    double error = error_sum(&bars, &q, 3);
    if (error < least) {
      least = error;
      best = r;
    }
  }
  arena_free(scratch);
  return best;
}
