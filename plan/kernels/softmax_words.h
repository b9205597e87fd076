/* softmax_words: softmax of 16-bit rows (ir/fixed16.h).
 *
 *   for row:
 *     max = largest x
 *     total = sum e(x - max), saturated; e by a table, interpolated
 *     scale, right = 1 / total, by another
 *     y = clamp((e(x - max) * scale + half) >> right) */
#ifndef KILN_PLAN_KERNELS_SOFTMAX_WORDS_H
#define KILN_PLAN_KERNELS_SOFTMAX_WORDS_H

#include "plan/word_step.h"

typedef struct SoftmaxWords {
  int64_t rows, depth;
  WordStep step;                /* from x - max to units of the table */
  const Blob *exp, *reciprocal; /* i32 (TABLE16_POINTS) */
} SoftmaxWords;

#endif
