/* lut: out[i] = table[in[i]]; or, where the table is a straight line between
 * two ends, out[i] = clamp(in[i] + add, lo, hi). */
#ifndef KILN_PLAN_KERNELS_LUT_H
#define KILN_PLAN_KERNELS_LUT_H

#include "plan/plan.h"

typedef struct LutParams {
  const Blob *table; /* (256) by the stored pattern; NULL: straight */
  int elem_bytes;    /* of the output: 1, 2 or 4 */
  int32_t add, lo, hi;
} LutParams;

/* Is the step's op, 8 bits to 8 bits, a straight line between two ends? */
bool lut_is_straight(const Step *s);

#endif
