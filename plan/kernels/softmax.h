/* softmax of the last axis, 8 bits, in fixed point (ir/fixed.h): e^d by a
 * table over d = max - x, the reciprocal of the sum by Newton's iteration. */
#ifndef KILN_PLAN_KERNELS_SOFTMAX_H
#define KILN_PLAN_KERNELS_SOFTMAX_H

#include "plan/plan.h"

/* From so many elements on a total may be so large that outputs are all 0,
 * and longer than SOFTMAX_WIDE it may leave 32 bits. */
enum { SOFTMAX_LONG = 512, SOFTMAX_WIDE = 4095 };
/* softmax_lanes: rows of which reciprocals are computed together, in one
 * vector, unless they take too much scratch. */
enum { SOFTMAX_ROWS = 16, SOFTMAX_SCRATCH = 16 << 10 };

typedef struct SoftmaxParams {
  int64_t rows, depth;
  int64_t together;  /* softmax_lanes: rows of which ... */
  int64_t row_bytes; /* ... so many bytes each are kept in scratch, behind
                        their totals, scales and shifts */
  int tables; /* softmax_lanes: vectors of exp, by twos, that are not all 0 */
  const Blob *exp; /* i32 (256), Q0.31, by max - x */
  int32_t out_min; /* stored */
} SoftmaxParams;

#endif
