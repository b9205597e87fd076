/* See word_step.h. */
#include "plan/word_step.h"

#include <assert.h>
#include <math.h>
#include <string.h>

static int tables_of(RequantKind k) {
  static const int n[] = {
      [RQ_double] = 2,  [RQ_f64_away] = 3, [RQ_f32_even] = 1,
      [RQ_f32_sum] = 2, [RQ_single] = 2,   [RQ_wide] = 2};
  return n[k];
}

/* Bits that the definition takes accumulators in. */
static int bits_taken(RequantKind k) {
  switch (k) {
  case RQ_double:
  case RQ_single:
    return 32;
  case RQ_wide:
    return 48;
  case RQ_f64_away:
  case RQ_f32_even:
  case RQ_f32_sum:
    break;
  }
  return 64;
}

static int64_t most_of(AccRange r) { return r.hi > -r.lo ? r.hi : -r.lo; }

static bool fits_bits(AccRange r, int bits) {
  int64_t half = (int64_t)(UINT64_C(1) << (bits - 1));
  return bits >= 64 || (r.lo >= -half && r.hi < half);
}

/* The factor M 2^-k of f64_away. */
typedef struct Away {
  uint64_t m;
  int k;
} Away;

/* A factor so small that every result is 0 becomes 0. */
static Away away_of(double real) {
  int e;
  double fraction = frexp(real, &e);
  if (!(real > 0x1p-40))
    return (Away){0, 64};
  return (Away){(uint64_t)ldexp(fraction, 53), 53 - e};
}

/* |acc| is a word, or where it is none the result is off every end. */
static bool away_fits(double real, AccRange range) {
  if (real >= 0x1p18)
    return false;
  return most_of(range) <= UINT32_MAX || real >= 0x1p-15 || real <= 0;
}

bool word_step_fits(const Requant *spec, AccRange range) {
  switch (spec->kind) {
  case RQ_f64_away:
    return away_fits(spec->real, range);
  case RQ_wide:
    return spec->shift <= 15;
  case RQ_double:
  case RQ_single:
  case RQ_f32_even:
  case RQ_f32_sum:
    break;
  }
  return true;
}

static int32_t float_bits(float x) {
  int32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

static float bits_float(int32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

/* The multiplier of `wide`, as requant.c rounds it. */
static int32_t wide_multiplier(int32_t m) {
  return m < 0x7FFF0000 ? (m + (1 << 15)) >> 16 : 0x7FFF;
}

static void set_words(WordStep *w, int c, const Requant *r) {
  switch (r->kind) {
  case RQ_f32_sum:
    w->word[1][c] = float_bits(r->bias);
    w->word[0][c] = float_bits((float)r->real);
    break;
  case RQ_f32_even:
    w->word[0][c] = float_bits((float)r->real);
    break;
  case RQ_double:
    w->word[0][c] = r->multiplier;
    w->word[1][c] = r->shift;
    break;
  case RQ_single:
    w->word[0][c] = r->multiplier;
    w->word[1][c] = 31 - r->shift;
    break;
  case RQ_wide:
    w->word[0][c] = wide_multiplier(r->multiplier);
    w->word[1][c] = 15 - r->shift;
    break;
  case RQ_f64_away: {
    Away a = away_of(r->real);
    w->word[0][c] = (int32_t)(uint32_t)a.m;
    w->word[1][c] = (int32_t)(uint32_t)(a.m >> 32);
    w->word[2][c] = a.k;
    break;
  }
  }
}

/* The words as a blob; entries past the last channel repeat it. */
static const Blob *table(Plan *p, Step *s, const WordStep *w, int i,
                         int64_t padded) {
  static const char *const name[] = {"step0", "step1", "step2"};
  int32_t *image = ARENA_ARRAY(p->arena, int32_t, padded);
  for (int64_t k = 0; k < padded; k++)
    image[k] = w->word[i][k < w->channels ? k : w->channels - 1];
  return plan_blob(p, s, name[i], image, 4 * padded, p->target->simd_align);
}

static bool all_equal(const int32_t *word, int n) {
  for (int c = 1; c < n; c++)
    if (word[c] != word[0])
      return false;
  return true;
}

/* Do the sum before the second shift's and its half outgrow a word? The
 * product before it is no larger than what was shifted to the left. */
static bool is_tall(const Requant *r, AccRange range) {
  int left = r->shift > 0 ? r->shift : 0, right = r->shift < 0 ? -r->shift : 0;
  int64_t most = most_of(range);
  most = most >> (31 - left) ? INT64_C(1) << 31 : most << left;
  return most + (INT64_C(1) << right >> 1) > INT32_MAX;
}

static bool is_far(const Requant *r, AccRange range) {
  return (double)most_of(range) * r->real + fabs((double)r->bias) >= 0x1p22;
}

WordStep word_step(Plan *p, Step *s, int channels, const Requant *spec,
                   const AccRange *range, int64_t padded) {
  WordStep w = {.kind = spec->kind, .channels = channels};
  w.zero_point = spec->zero_point;
  w.lo = spec->lo;
  w.hi = spec->hi;
  for (int i = 0; i < tables_of(w.kind); i++)
    w.word[i] = ARENA_ARRAY(p->arena, int32_t, channels);
  int bits = bits_taken(w.kind);
  for (int c = 0; c < channels; c++) {
    set_words(&w, c, &spec[c]);
    if (!fits_bits(range[c], bits))
      w.limit = bits;
    w.left |= w.kind == RQ_double && spec[c].shift > 0;
    w.far |= is_far(&spec[c], range[c]);
    w.tall |= w.kind == RQ_double && is_tall(&spec[c], range[c]);
  }
  for (int i = 0; i < tables_of(w.kind); i++)
    if (!all_equal(w.word[i], channels))
      w.table[i] = table(p, s, &w, i, padded);
  return w;
}

/* ---- the arithmetic, in C ---- */

static int64_t clamp64(int64_t x, int64_t lo, int64_t hi) {
  return x < lo ? lo : x > hi ? hi : x;
}

static int64_t limited(const WordStep *w, int64_t acc) {
  int64_t most = w->limit ? (int64_t)(UINT64_C(1) << (w->limit - 1)) - 1 : 0;
  return w->limit ? clamp64(acc, -most - 1, most) : acc;
}

static int64_t apply_even(const WordStep *w, int c, int64_t acc) {
  float x = (float)acc * bits_float(w->word[0][c]);
  if (w->kind == RQ_f32_sum)
    x += bits_float(w->word[1][c]);
  float lo = (float)(w->lo - w->zero_point),
        hi = (float)(w->hi - w->zero_point);
  if (w->far)
    x = x < lo ? lo : x > hi ? hi : x;
  return llrintf(x);
}

static int bits_of(uint64_t x) {
  int n = 0;
  for (; x; x >>= 1)
    n++;
  return n;
}

static int64_t apply_away(const WordStep *w, int c, int64_t acc) {
  uint64_t a = (uint64_t)(acc < 0 ? -acc : acc);
  a = a < UINT32_MAX ? a : UINT32_MAX;
  uint64_t p0 = a * (uint32_t)w->word[0][c], p1 = a * (uint32_t)w->word[1][c];
  uint64_t high = p1 + (p0 >> 32), low = p0 & UINT32_MAX;
  int ulp = bits_of(high) - 22, k = w->word[2][c];
  low += ulp >= 0 ? UINT64_C(1) << ulp : 0;
  high += (low >> 32) + (UINT64_C(1) << (k - 33));
  int64_t y = (int64_t)(high >> (k - 32));
  y = y < 1 << 16 ? y : 1 << 16;
  return acc < 0 ? -y : y;
}

static int64_t apply_shift(const WordStep *w, int c, int64_t acc) {
  int s = w->word[1][c];
  return (acc * w->word[0][c] + (INT64_C(1) << s >> 1)) >> s;
}

int32_t word_step_apply(const WordStep *w, int channel, int64_t acc) {
  int c = w->channels == 1 ? 0 : channel;
  int64_t y = 0;
  acc = limited(w, acc);
  switch (w->kind) {
  case RQ_f32_even:
  case RQ_f32_sum:
    y = apply_even(w, c, acc);
    break;
  case RQ_double:
    y = multiply_by_quantized_multiplier((int32_t)acc, w->word[0][c],
                                         w->word[1][c]);
    break;
  case RQ_single:
  case RQ_wide:
    y = apply_shift(w, c, acc);
    break;
  case RQ_f64_away:
    y = apply_away(w, c, acc);
    break;
  }
  return (int32_t)clamp64(y + w->zero_point, w->lo, w->hi);
}

const char *word_step_name(const WordStep *w) {
  static const char *const name[] = {
      [RQ_double] = "double", [RQ_f64_away] = "away", [RQ_f32_even] = "even",
      [RQ_f32_sum] = "even",  [RQ_single] = "single", [RQ_wide] = "single"};
  return name[w->kind];
}
