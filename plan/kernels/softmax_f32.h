/* softmax_f32: floats of any width, along rows.
 *
 *   for row: most = the largest of x; total = 0
 *     for i: total += y[i] = exp((x[i] - most) * beta)     in order
 *     for i: y[i] /= total
 *
 * Where y has not the precision of what is computed (f16, bf16) the last loop
 * takes exp anew. */
#ifndef KILN_PLAN_KERNELS_SOFTMAX_F32_H
#define KILN_PLAN_KERNELS_SOFTMAX_F32_H

#include "plan/plan.h"

typedef struct SoftmaxF32Params {
  int64_t rows, depth;
  int lanes; /* 0 = scalar */
} SoftmaxF32Params;

#endif
