/* mean, mean_words, reduce: folds over some dimensions, then perhaps one
 * requantization or a division.
 *
 *   for kept dimensions:
 *     y = step(fold over reduced dimensions of x)
 *
 * Neighbours of one kind are merged; y is contiguous. */
#ifndef KILN_PLAN_KERNELS_MEAN_H
#define KILN_PLAN_KERNELS_MEAN_H

#include "plan/kernels/light.h"
#include "plan/word_step.h"

typedef struct MeanDims {
  int n;
  int64_t count[MAX_RANK];
  int64_t stride[MAX_RANK]; /* of x, in elements */
} MeanDims;

typedef struct MeanParams {
  MeanDims kept; /* without the row below */
  MeanDims reduced;
  int64_t row;   /* innermost kept elements side by side, 1 at least */
  int sum_bits;  /* 16 or 32 */
  SumStep sum;   /* of the stored values' sum */
  WordStep word; /* the same of 16 bits, whose sums may be ... */
  bool wide;     /* ... of 64 */
  int lanes;     /* of reduce; 0 = scalar */
  int row_lanes; /* > 0: f32 sums along rows that lie one after another, so
                    many at a time */
  int elem_bytes;
  int64_t n; /* elements of a sum */
} MeanParams;

#endif
