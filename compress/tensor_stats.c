/* Within a sample, sums are of doubles in an order that its shape fixes; a
 * sample's sums go into integers, so that samples add up in any order.
 *
 *   for each sample
 *     for each element     bin[upper 16 bits]++, in its octave
 *     for each row of lanes, a whole number of times the channels
 *       for each lane      least, largest, sum, sum of squares
 *     for each channel     its lanes, into the integers
 */
#include "compress/tensor_stats.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LANES = 16, MAX_CHANNELS = 4096, PART_BITS = 60 };
static const double part_one = 0x1p60, sum_limit = 0x1p40;

/* ---- exact sums ---- */

static void carry(FixedSum *s) {
  s->whole += (int64_t)(s->part >> PART_BITS);
  s->part &= ((uint64_t)1 << PART_BITS) - 1;
}

void fixed_add(FixedSum *s, double x) {
  x = fmin(fmax(x, -sum_limit), sum_limit);
  double whole = floor(x);
  s->whole += (int64_t)whole;
  s->part += (uint64_t)((x - whole) * part_one);
  carry(s);
}

void fixed_merge(FixedSum *s, const FixedSum *with) {
  s->whole += with->whole;
  s->part += with->part;
  carry(s);
}

double fixed_value(const FixedSum *s) {
  return (double)s->whole + (double)s->part / part_one;
}

/* ---- making ---- */

static const Range no_range = {INFINITY, -INFINITY};

void stats_alloc(Arena *a, TensorStats *t) {
  t->sample = ARENA_ARRAY(a, Range, t->samples);
  t->channel = ARENA_ARRAY(a, ChannelStats, t->channels);
  t->arena = a;
  t->octave = ARENA_ARRAY(a, int64_t *, STAT_OCTAVES);
}

TensorStats stats_new(Arena *a, const char *name, const Type *t,
                      int64_t samples) {
  int64_t last = t->rank ? t->dim[t->rank - 1] : 1;
  TensorStats s = {.name = name,
                   .samples = samples,
                   .channels = last <= MAX_CHANNELS ? last : 1,
                   .elements = type_count(t)};
  stats_alloc(a, &s);
  for (int64_t c = 0; c < s.channels; c++)
    s.channel[c].range = no_range;
  s.samples = 0;
  return s;
}

/* ---- one sample ---- */

/* Lane l sees elements l, l + n, l + 2n, ...; n is a multiple of the
 * channels and of LANES. */
typedef struct Lanes {
  int64_t n;
  float *lo, *hi;       /* (n) */
  double *sum, *square; /* (n) */
} Lanes;

static int64_t lane_count(int64_t channels) {
  int64_t n = channels;
  while (n % LANES != 0)
    n += channels;
  return n;
}

static Lanes lanes_new(Arena *a, int64_t channels) {
  int64_t n = lane_count(channels);
  Lanes l = {n, ARENA_ARRAY(a, float, n), ARENA_ARRAY(a, float, n),
             ARENA_ARRAY(a, double, n), ARENA_ARRAY(a, double, n)};
  for (int64_t i = 0; i < n; i++) {
    l.lo[i] = no_range.lo;
    l.hi[i] = no_range.hi;
  }
  return l;
}

/* The loops are of a fixed length so that compilers make vectors of them. */
static void extend(const float *restrict x, float *restrict lo,
                   float *restrict hi) {
  for (int i = 0; i < LANES; i++)
    lo[i] = x[i] < lo[i] ? x[i] : lo[i];
  for (int i = 0; i < LANES; i++)
    hi[i] = x[i] > hi[i] ? x[i] : hi[i];
}

static void add_up(const float *restrict x, double *restrict sum,
                   double *restrict square) {
  for (int i = 0; i < LANES; i++) {
    double real = (double)x[i];
    sum[i] += real;
    square[i] += real * real;
  }
}

static void lanes_add_one(Lanes *l, int64_t i, float x) {
  double real = (double)x;
  if (!isfinite(x))
    return;
  l->lo[i] = x < l->lo[i] ? x : l->lo[i];
  l->hi[i] = x > l->hi[i] ? x : l->hi[i];
  l->sum[i] += real;
  l->square[i] += real * real;
}

/* All n elements of x; `finite`: are they? */
static void lanes_add(Lanes *l, const float *x, int64_t n, bool finite) {
  int64_t done = finite ? n / l->n * l->n : 0;
  for (int64_t row = 0; row < done; row += l->n)
    for (int64_t i = 0; i < l->n; i += LANES) {
      extend(x + row + i, l->lo + i, l->hi + i);
      add_up(x + row + i, l->sum + i, l->square + i);
    }
  for (int64_t i = done; i < n; i++)
    lanes_add_one(l, i % l->n, x[i]);
}

/* Adding zero makes 0 of -0: equal numbers have to be the same bytes. */
static void widen(Range *r, float lo, float hi) {
  r->lo = (lo < r->lo ? lo : r->lo) + 0.0f;
  r->hi = (hi > r->hi ? hi : r->hi) + 0.0f;
}

/* The lanes into the channels; the range of all. */
static Range lanes_finish(const Lanes *l, TensorStats *t) {
  Range all = no_range;
  for (int64_t c = 0; c < t->channels; c++) {
    ChannelStats *channel = &t->channel[c];
    double sum = 0, square = 0;
    for (int64_t i = c; i < l->n; i += t->channels) {
      widen(&channel->range, l->lo[i], l->hi[i]);
      widen(&all, l->lo[i], l->hi[i]);
      sum += l->sum[i];
      square += l->square[i];
    }
    fixed_add(&channel->sum, sum);
    fixed_add(&channel->squares, square);
  }
  return all;
}

int64_t *stats_octave(TensorStats *t, int octave) {
  if (!t->octave[octave])
    t->octave[octave] = ARENA_ARRAY(t->arena, int64_t, STAT_OCTAVE);
  return t->octave[octave];
}

static uint32_t bits_of(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

/* First the octaves that there are, so that counting needs no question. */
static void count_bins(TensorStats *t, const float *x) {
  uint8_t used[STAT_OCTAVES] = {0};
  for (int64_t i = 0; i < t->elements; i++)
    used[bits_of(x[i]) >> 23] = 1;
  for (int o = 0; o < STAT_OCTAVES; o++)
    if (used[o])
      stats_octave(t, o);
  for (int64_t i = 0; i < t->elements; i++) {
    uint32_t code = bits_of(x[i]) >> 16;
    t->octave[code / STAT_OCTAVE][code % STAT_OCTAVE]++;
  }
}

/* Empties an octave; what was in it. */
static int64_t take_octave(TensorStats *t, int octave) {
  int64_t *bins = t->octave[octave], sum = 0;
  for (int i = 0; bins && i < STAT_OCTAVE; i++) {
    sum += bins[i];
    bins[i] = 0;
  }
  return sum;
}

/* Moves numbers too small and no numbers to where they count; how many of
 * the latter. */
static int64_t settle_bins(TensorStats *t) {
  enum { NEGATIVE = STAT_OCTAVES / 2, LAST = NEGATIVE - 1 };
  int64_t zeros = take_octave(t, 0) + take_octave(t, NEGATIVE);
  if (zeros)
    stats_octave(t, 0)[0] = zeros;
  return take_octave(t, LAST) + take_octave(t, NEGATIVE + LAST);
}

void stats_observe(TensorStats *t, const float *x) {
  Arena *scratch = arena_new();
  Lanes lanes = lanes_new(scratch, t->channels);
  count_bins(t, x);
  int64_t bad = settle_bins(t);
  lanes_add(&lanes, x, t->elements, bad == 0);
  Range r = lanes_finish(&lanes, t);
  t->sample[t->samples++] = r.lo <= r.hi ? r : (Range){0, 0};
  t->nonfinite += bad;
  arena_free(scratch);
}

/* ---- reading ---- */

int64_t stats_count(const TensorStats *t) {
  return t->samples * t->elements - t->nonfinite;
}

Range stats_extent(const TensorStats *t) {
  Range r = t->samples ? t->sample[0] : (Range){0, 0};
  for (int64_t s = 1; s < t->samples; s++)
    widen(&r, t->sample[s].lo, t->sample[s].hi);
  return r;
}

static double mean(const TensorStats *t, size_t field) {
  FixedSum sum = {0};
  for (int64_t c = 0; c < t->channels; c++)
    fixed_merge(&sum, (const FixedSum *)((const char *)&t->channel[c] + field));
  int64_t n = stats_count(t);
  return n ? fixed_value(&sum) / (double)n : 0;
}

double stats_mean(const TensorStats *t) {
  return mean(t, offsetof(ChannelStats, sum));
}

double stats_mean_square(const TensorStats *t) {
  return mean(t, offsetof(ChannelStats, squares));
}

static double bin_edge(int magnitude) {
  uint32_t bits = (uint32_t)magnitude << 16;
  float x;
  memcpy(&x, &bits, sizeof x);
  return isfinite(x) ? (double)x : 0x1p128;
}

void stats_bin(int code, double *lo, double *hi) {
  int magnitude = code & (STAT_SIGN - 1);
  double near = bin_edge(magnitude), far = bin_edge(magnitude + 1);
  bool negative = (code & STAT_SIGN) != 0;
  *lo = negative ? -far : near;
  *hi = negative ? -near : far;
}
