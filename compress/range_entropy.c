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
 * so that prefix sums leave one logarithm a level. Where Q is empty and P is
 * not, Q is 10^-4 elements, as in MXNet. Zeros have no part in it: they are
 * exact for every range, and after relu they are half of all.
 *
 * KL does not see how far out lies what is cut off: where most elements are
 * the same number (the background of an image), a range that ends there has a
 * divergence of nearly 0. So at most 0.1 % of the elements are cut off. */
#include <math.h>

#include "compress/range_private.h"
#include "ir/scalar.h"

enum { COLUMNS = 2048, MAX_BITS = 8, MAX_ROUNDS = 8 };
static const double nearly_empty = 1e-4, most_beyond = 0.001;

typedef struct Histogram {
  double p[COLUMNS]; /* magnitudes, COLUMNS columns up to the reach */
  double all;        /* those beyond it too */
  /* Sums over the columns before i. */
  double mass[COLUMNS + 1], mass_log[COLUMNS + 1];
  int filled[COLUMNS + 1];
} Histogram;

static double times_log(double x) { return x > 0 ? x * scalar_log_f64(x) : 0; }

/* Spreads `count` evenly over [lo, hi], in columns, as far as there are
 * any. */
static void spread(Histogram *h, double count, double lo, double hi) {
  for (int i = (int)fmin(lo, COLUMNS); i < COLUMNS && i < hi; i++) {
    double from = fmax(lo, i), to = fmin(hi, i + 1);
    h->p[i] += count * (to - from) / (hi - lo);
  }
}

/* Of t's magnitudes up to `reach`. The bin of the largest element ends with
 * it. */
static void fill(Histogram *h, const TensorStats *t, double largest,
                 double reach) {
  double per_real = (double)COLUMNS / reach;
  *h = (Histogram){.all = 0};
  for (int m = 1; m < STAT_SIGN; m++) {
    double lo, hi;
    double count =
        (double)(stats_bin_count(t, m) + stats_bin_count(t, m | STAT_SIGN));
    if (count <= 0)
      continue;
    stats_bin(m, &lo, &hi);
    if (hi > largest && lo < largest)
      hi = largest;
    h->all += count;
    spread(h, count, lo * per_real, hi * per_real);
  }
  for (int i = 0; i < COLUMNS; i++) {
    h->mass[i + 1] = h->mass[i] + h->p[i];
    h->mass_log[i + 1] = h->mass_log[i] + times_log(h->p[i]);
    h->filled[i + 1] = h->filled[i] + (h->p[i] > 0);
  }
}

/* KL times S, but for the constant S log S, of the range of n columns in so
 * many levels; infinite where there is nothing in it. */
static double divergence(const Histogram *h, int n, int levels) {
  double beyond = h->all - h->mass[n], last = h->p[n - 1];
  double sum = h->mass_log[n] - times_log(last) + times_log(last + beyond);
  if (h->mass[n] <= 0)
    return INFINITY;
  for (int i = 0; i < levels; i++) {
    int from = (int)((int64_t)i * n / levels);
    int to = (int)((int64_t)(i + 1) * n / levels);
    int filled = h->filled[to] - h->filled[from];
    double mass = h->mass[to] - h->mass[from];
    double here = i + 1 < levels ? mass : mass + beyond;
    if (here > 0)
      sum -= here * scalar_log_f64(filled ? mass / filled : nearly_empty);
  }
  return sum + h->all * scalar_log_f64(h->mass[n]);
}

/* The best number of columns. */
static int best_columns(const Histogram *h, int levels) {
  double least = INFINITY, inside = (1 - most_beyond) * h->all;
  int best = COLUMNS;
  for (int n = COLUMNS; n >= levels && h->mass[n] >= inside; n--) {
    double d = divergence(h, n, levels);
    if (d < least) {
      least = d;
      best = n;
    }
  }
  return best;
}

/* Levels from 0 to the larger reach: half of them where the range is
 * symmetric. */
static int level_count(Range r, const QuantForm *form) {
  double all = ldexp(1, form->bits);
  double part = range_reach(r) / ((double)r.hi - (double)r.lo);
  return (int)(form->symmetric ? all / 2 : floor(all * part));
}

/* More than 8 bits have more levels than the histogram has columns for:
 * minmax, which costs them little. Where levels of a column or two are best,
 * elements are too far out for so few columns: again, with finer ones. */
Range range_entropy(const TensorStats *t, const RangeRule *rule,
                    const QuantForm *form) {
  (void)rule;
  Range all = range_with_zero(stats_extent(t));
  double largest = range_reach(all), reach = largest;
  if (form->bits > MAX_BITS || reach <= 0)
    return all;
  Arena *scratch = arena_new();
  Histogram *h = ARENA_NEW(scratch, Histogram);
  int levels = level_count(all, form), best = levels;
  for (int i = 0; i < MAX_ROUNDS && best < 2 * levels; i++) {
    fill(h, t, largest, reach);
    best = best_columns(h, levels);
    reach *= (double)best / (double)COLUMNS;
  }
  arena_free(scratch);
  return range_within(all, reach);
}
