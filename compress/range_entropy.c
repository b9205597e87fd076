/* The range whose quantized distribution diverges least from the observed
 * one: S. Migacz, "8-bit inference with TensorRT" (GTC 2017), as ONNX Runtime
 * and MXNet have it too, on magnitudes.
 *
 * P is the histogram up to a candidate, all beyond it in its last column; Q is
 * the same without what is beyond, spread evenly over the columns of each
 * level that are not empty. With S, T the sums of P, Q
 *     KL = sum over i of P_i / S log((P_i / S) / (Q_i / T))
 *        = (sum P_i log P_i - sum over levels of P_level log Q_level) / S
 *          + log(T / S),
 * so that prefix sums leave one logarithm a level. Zeros have no part in it:
 * they are exact for every range, and after relu they are half of all. */
#include <math.h>

#include "compress/range_private.h"
#include "ir/scalar.h"

enum { COLUMNS = 2048, MAX_BITS = 8 };

typedef struct Histogram {
  double p[COLUMNS]; /* magnitudes, COLUMNS columns up to the largest */
  /* Sums over the columns before i. */
  double mass[COLUMNS + 1], mass_log[COLUMNS + 1];
  int filled[COLUMNS + 1];
} Histogram;

static double times_log(double x) { return x > 0 ? x * scalar_log_f64(x) : 0; }

/* Spreads `count` evenly over [lo, hi], in columns. */
static void spread(Histogram *h, double count, double lo, double hi) {
  hi = fmin(hi, COLUMNS);
  int first = (int)fmin(lo, COLUMNS - 1);
  for (int i = first; i < COLUMNS && (i < hi || i == first); i++) {
    double from = fmax(lo, i), to = fmin(hi, i + 1);
    double part = hi > lo ? (to - from) / (hi - lo) : 1;
    h->p[i] += count * part;
  }
}

static void fill(Histogram *h, const TensorStats *t, double reach) {
  double per_real = (double)COLUMNS / reach;
  for (int m = 1; m < STAT_SIGN; m++) {
    double lo, hi;
    double count = (double)(t->bins[m] + t->bins[m | STAT_SIGN]);
    if (count <= 0)
      continue;
    stats_bin(m, &lo, &hi);
    spread(h, count, lo * per_real, hi * per_real);
  }
  for (int i = 0; i < COLUMNS; i++) {
    h->mass[i + 1] = h->mass[i] + h->p[i];
    h->mass_log[i + 1] = h->mass_log[i] + times_log(h->p[i]);
    h->filled[i + 1] = h->filled[i] + (h->p[i] > 0);
  }
}

/* KL times S, but for the constant S log S, of the range of n columns in so
 * many levels; infinite where Q is 0 and P is not. */
static double divergence(const Histogram *h, int n, int levels) {
  double beyond = h->mass[COLUMNS] - h->mass[n], last = h->p[n - 1];
  double sum = h->mass_log[n] - times_log(last) + times_log(last + beyond);
  if (beyond > 0 && last <= 0)
    return INFINITY;
  for (int i = 0; i < levels; i++) {
    int from = (int)((int64_t)i * n / levels);
    int to = (int)((int64_t)(i + 1) * n / levels);
    int filled = h->filled[to] - h->filled[from];
    double mass = h->mass[to] - h->mass[from];
    if (filled)
      sum -= (i + 1 < levels ? mass : mass + beyond) *
             scalar_log_f64(mass / filled);
  }
  return sum + h->mass[COLUMNS] * scalar_log_f64(h->mass[n]);
}

/* Levels from 0 to the larger reach: half of them where the range is
 * symmetric. */
static int level_count(Range r, const QuantForm *form) {
  double all = ldexp(1, form->bits);
  double part = range_reach(r) / ((double)r.hi - (double)r.lo);
  return (int)(form->symmetric ? all / 2 : floor(all * part));
}

/* More than 8 bits have more levels than the histogram has columns for:
 * minmax, which costs them little. */
Range range_entropy(const TensorStats *t, const RangeRule *rule,
                    const QuantForm *form) {
  (void)rule;
  Range all = range_with_zero(stats_extent(t));
  double reach = range_reach(all), least = INFINITY;
  if (form->bits > MAX_BITS || reach <= 0)
    return all;
  Arena *scratch = arena_new();
  Histogram *h = ARENA_NEW(scratch, Histogram);
  int levels = level_count(all, form), best = COLUMNS;
  fill(h, t, reach);
  for (int n = COLUMNS; n >= levels; n--) {
    double d = divergence(h, n, levels);
    if (d < least) {
      least = d;
      best = n;
    }
  }
  arena_free(scratch);
  return range_within(all, reach * (double)best / (double)COLUMNS);
}
