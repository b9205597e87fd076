/* softmax_f32: floats of any width, along rows.
 *
 *   for row: most = the largest of x; total = 0
 *     for i: total += y[i] = exp((x[i] - most) * beta)     in order
 *     for i: y[i] /= total
 *
 * f32 goes so many rows at a time as there are lanes, whose totals are summed
 * up together, a row a lane, each still in order.
 *
 * Where y has not the precision of what is computed (f16, bf16) the last loop
 * takes exp anew. */
#ifndef KILN_PLAN_KERNELS_SOFTMAX_F32_H
#define KILN_PLAN_KERNELS_SOFTMAX_F32_H

#include "plan/plan.h"

typedef struct SoftmaxF32Params {
  int64_t rows, depth;
  int lanes;    /* 0 = scalar */
  int together; /* rows; their totals lie in scratch, f32 */
} SoftmaxF32Params;

#endif
