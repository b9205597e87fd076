/* Calibrations as text; the format is in calibration.h. */
#include <string.h>

#include "compress/calibration.h"
#include "ir/text.h"

enum { PER_LINE = 16 };

/* The longest run of equal steps from index[0] on. */
static int64_t run_length(const int64_t *index, int64_t n) {
  int64_t k = n < 2 ? n : 2;
  while (k < n && index[k] - index[k - 1] == index[1] - index[0])
    k++;
  return k;
}

void sample_list_print(Str *out, const int64_t *index, int64_t n) {
  for (int64_t i = 0, k; i < n; i += k) {
    k = run_length(index + i, n - i);
    int64_t step = k > 1 ? index[i + 1] - index[i] : 1;
    if (k == 2 && step > 1)
      k = 1; /* no run: the second may begin one */
    str_printf(out, "%s%lld", i ? " " : "", (long long)index[i]);
    if (k > 1)
      str_printf(out, "..%lld", (long long)index[i + k - 1]);
    if (k > 1 && step > 1)
      str_printf(out, "/%lld", (long long)step);
  }
}

static void add_range(Str *out, const TensorStats *t) {
  str_add(out, "range ");
  text_quote(out, t->name);
  str_add(out, " = [");
  str_add_float(out, t->range.lo);
  str_add(out, ", ");
  str_add_float(out, t->range.hi);
  str_add(out, "]\n");
}

/* ---- one tensor ---- */

static void add_samples(Str *out, const TensorStats *t, bool high) {
  str_add(out, high ? "high [" : "low [");
  for (int64_t s = 0; s < t->samples; s++) {
    if (s)
      str_add(out, s % PER_LINE ? " " : "\n ");
    str_add_float(out, high ? t->sample[s].hi : t->sample[s].lo);
  }
  str_add(out, "]\n");
}

static void add_octave(Str *out, const int64_t *bins, bool negative, int e) {
  int next = -1; /* none has been printed */
  for (int i = 0; bins && i < STAT_OCTAVE; i++) {
    if (!bins[i])
      continue;
    if (next < 0)
      str_printf(out, "bins %c2^%d", negative ? '-' : '+', e);
    if (i != (next < 0 ? 0 : next))
      str_printf(out, " @%d", i);
    str_printf(out, " %lld", (long long)bins[i]);
    next = i + 1;
  }
  if (next >= 0)
    str_add(out, "\n");
}

static void add_bins(Str *out, const TensorStats *t) {
  str_printf(out, "zero %lld\n", (long long)stats_bin_count(t, 0));
  if (t->nonfinite)
    str_printf(out, "nonfinite %lld\n", (long long)t->nonfinite);
  for (int negative = 0; negative < 2; negative++)
    for (int e = STAT_EXP_MIN; e <= STAT_EXP_MAX; e++)
      add_octave(out, t->octave[stats_octave_of(negative, e)], negative, e);
}

/* Sign, integer part, and what there is of 15 digits behind the point. */
static void add_sum(Str *out, FixedSum s) {
  char digits[24];
  uint64_t whole = (uint64_t)s.whole;
  bool negative = s.whole < 0;
  if (negative) {
    whole = 0 - whole - (s.part > 0);
    s.part = s.part ? ((uint64_t)1 << 60) - s.part : 0;
  }
  str_printf(out, " %s%llx", negative ? "-" : "", (unsigned long long)whole);
  if (!s.part)
    return;
  snprintf(digits, sizeof digits, "%015llx", (unsigned long long)s.part);
  size_t n = strlen(digits);
  while (digits[n - 1] == '0')
    n--;
  str_printf(out, ".%.*s", (int)n, digits);
}

static void add_channels(Str *out, const TensorStats *t) {
  for (int64_t c = 0; c < t->channels; c++) {
    str_add(out, "channel ");
    str_add_float(out, t->channel[c].range.lo);
    str_add(out, " ");
    str_add_float(out, t->channel[c].range.hi);
    add_sum(out, t->channel[c].sum);
    add_sum(out, t->channel[c].squares);
    str_add(out, "\n");
  }
}

static void add_tensor(Str *out, const TensorStats *t) {
  str_add(out, "\ntensor ");
  text_quote(out, t->name);
  str_printf(out, " %lld\n", (long long)t->elements);
  add_samples(out, t, false);
  add_samples(out, t, true);
  add_bins(out, t);
  add_channels(out, t);
}

static void add_prepared(Str *out, const Prepared *p) {
  str_add(out, "preprocess ");
  text_quote(out, p->input);
  str_add(out, " ");
  text_quote(out, p->steps);
  str_add(out, "\n");
}

void calibration_print(Str *out, const Calibration *c) {
  str_add(out, "kiln-calibration 1\nmodel ");
  text_quote(out, c->model);
  str_printf(out, " %016llx\n", (unsigned long long)c->hash);
  for (int i = 0; i < c->prepared.n; i++)
    add_prepared(out, &c->prepared.v[i]);
  str_add(out, "samples ");
  sample_list_print(out, c->index, c->observed);
  str_printf(out, " of %lld\n", (long long)c->samples);
  for (int i = 0; i < c->tensors.n; i++)
    if (c->tensors.v[i].fixed)
      add_range(out, &c->tensors.v[i]);
  for (int i = 0; i < c->tensors.n; i++)
    if (c->tensors.v[i].samples)
      add_tensor(out, &c->tensors.v[i]);
}
