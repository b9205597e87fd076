/* quantize: f32 to 8 bits, a step function of the float.
 *
 * With f32 hardware: y = trunc(q + copysign(b, q)), q = x / scale, clamped
 * to lo..hi around the zero point; under rounding=onnx y = rint(q). Else a
 * binary search in the thresholds over the float's bits, as integers that order
 * like the floats. A NaN becomes the zero point, as in the reference. */
#ifndef KILN_PLAN_KERNELS_QUANTIZE_H
#define KILN_PLAN_KERNELS_QUANTIZE_H

#include "plan/plan.h"

typedef struct QuantizeParams {
  bool by_division;
  bool even;             /* by_division: rint */
  float scale, half;     /* half: b above */
  const Blob *threshold; /* i32 (255) ascending; filled up with INT32_MAX */
  int32_t zero_point, lo, hi; /* stored units */
} QuantizeParams;

#endif
