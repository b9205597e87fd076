/* scale: quantize and dequantize by IEEE operations, with one scale and zero
 * point or one for each index of an axis.
 *
 *   for outer: for c of the axis: for inner:
 *     quantize    y = round(x / scale[c]) + zero[c], limited to the storage
 *     dequantize  y = float(x - zero[c]) * scale[c]
 *
 * Without an axis all elements are inner ones. */
#ifndef KILN_PLAN_KERNELS_SCALE_H
#define KILN_PLAN_KERNELS_SCALE_H

#include "plan/plan.h"

typedef struct ScaleParams {
  int64_t outer, channels, inner;
  const float *scale; /* (channels) */
  const int32_t *zero;
  const Blob *scales, *zeros; /* the same; NULL for one channel */
  int32_t lo, hi;             /* of quantize: what may be stored */
  bool even;                  /* ties go to even, else away from zero */
  int lanes;                  /* 0 = scalar */
} ScaleParams;

#endif
