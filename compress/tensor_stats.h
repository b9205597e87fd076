/* What is known of a float tensor from the samples that were run: numbers
 * that merge to the same bytes in whatever parts and order they are
 * gathered. */
#ifndef KILN_COMPRESS_TENSOR_STATS_H
#define KILN_COMPRESS_TENSOR_STATS_H

#include <stdbool.h>
#include <stdint.h>

#include "ir/types.h"

typedef struct Range {
  float lo, hi;
} Range;

/* whole + part 2^-60, part < 2^60: exact sums of sums. */
typedef struct FixedSum {
  int64_t whole;
  uint64_t part;
} FixedSum;

/* Adds x, of which all below 2^-60 is cut off and all beyond +-2^40 is
 * that. Sums of up to STAT_MAX_SAMPLES are exact whatever their order is. */
void fixed_add(FixedSum *s, double x);
void fixed_merge(FixedSum *s, const FixedSum *with);
double fixed_value(const FixedSum *s);

/* Over all samples and all elements of one index of the last axis. */
typedef struct ChannelStats {
  Range range;
  FixedSum sum, squares;
} ChannelStats;

/* A value counts in the bin of the upper 16 bits of its float32, which are a
 * bfloat16: 128 bins an octave, the same for all data, each sign its own.
 * What is smaller than 2^-126 counts as zero, in bin 0. */
enum { STAT_BINS = 1 << 16, STAT_SIGN = 1 << 15, STAT_OCTAVE = 1 << 7 };
enum { STAT_OCTAVES = STAT_BINS / STAT_OCTAVE };
enum { STAT_EXP_MIN = -126, STAT_EXP_MAX = 127 };
/* Samples of a data set. */
enum { STAT_MAX_SAMPLES = 1 << 22 };

/* Elements that are infinite or no numbers are counted in `nonfinite` and
 * left out of all else. */
typedef struct TensorStats {
  const char *name; /* of the value */
  int line;         /* of its file; 0: none */
  bool fixed;       /* people gave the range */
  Range range;      /* if so */

  int64_t samples;       /* observed; 0: nothing else below is known */
  Range *sample;         /* (samples) least and largest, by sample; 0, 0 for
                            one without finite elements */
  int64_t channels;      /* of the last axis; 1 where there are too many */
  ChannelStats *channel; /* (channels) */
  int64_t elements;      /* of a sample */
  int64_t nonfinite;
  Arena *arena;
  int64_t **octave; /* (STAT_OCTAVES) of STAT_OCTAVE bins each; NULL: empty */
} TensorStats;

/* Statistics of nothing yet for tensors of type t, room for so many
 * samples. */
TensorStats stats_new(Arena *a, const char *name, const Type *t,
                      int64_t samples);
/* Room for what the four fields besides say, zeroed. */
void stats_alloc(Arena *a, TensorStats *t);
/* The next sample: x of t->elements floats. */
void stats_observe(TensorStats *t, const float *x);

/* The number of the octave of +-[2^e, 2^(e + 1)). */
static inline int stats_octave_of(bool negative, int64_t e) {
  return (negative ? STAT_OCTAVES / 2 : 0) + (int)(e - STAT_EXP_MIN) + 1;
}
/* What bin `code` counts. */
static inline int64_t stats_bin_count(const TensorStats *t, int code) {
  const int64_t *bins = t->octave[code / STAT_OCTAVE];
  return bins ? bins[code % STAT_OCTAVE] : 0;
}
/* The bins of an octave, to be written. */
int64_t *stats_octave(TensorStats *t, int octave);

/* The finite elements: how many; least and largest (0, 0 for none). */
int64_t stats_count(const TensorStats *t);
Range stats_extent(const TensorStats *t);
/* Means over them of x and of x^2. */
double stats_mean(const TensorStats *t);
double stats_mean_square(const TensorStats *t);

/* The reals of bin `code`, which is not bin 0: lo < hi. */
void stats_bin(int code, double *lo, double *hi);

#endif
