/* Private to range*.c. */
#ifndef KILN_COMPRESS_RANGE_PRIVATE_H
#define KILN_COMPRESS_RANGE_PRIVATE_H

#include "compress/range.h"

/* One function a row of range.def; t has finite elements. */
#define RANGE(function, name, about)                                           \
  Range range_##function(const TensorStats *t, const RangeRule *rule,          \
                         const QuantForm *form);
#include "compress/range.def"
#undef RANGE

/* r, and 0. */
Range range_with_zero(Range r);
/* The part of r between -limit and limit. */
Range range_within(Range r, double limit);
/* The larger of |lo| and |hi|. */
double range_reach(Range r);

#endif
