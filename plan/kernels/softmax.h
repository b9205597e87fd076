/* softmax of the last axis, 8 bits, in fixed point (ir/fixed.h): e^d by a
 * table over d = max - x, the reciprocal of the sum by Newton's iteration. */
#ifndef KILN_PLAN_KERNELS_SOFTMAX_H
#define KILN_PLAN_KERNELS_SOFTMAX_H

#include "plan/plan.h"

typedef struct SoftmaxParams {
  int64_t rows, depth;
  const Blob *exp; /* i32 (256), Q0.31, by max - x */
  int32_t out_min; /* stored */
} SoftmaxParams;

#endif
