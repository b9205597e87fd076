/* Shared by softmax and softmax_lanes: 1 / total of a row. */
#ifndef KILN_CODEGEN_KERNELS_SOFTMAX_H
#define KILN_CODEGEN_KERNELS_SOFTMAX_H

#include "codegen/ll.h"
#include "plan/kernels/softmax.h"

/* As SoftmaxScale of ir/fixed.h, i32 scalars or vectors; the shift is 23 to
 * 31. */
typedef struct RowScale {
  Val scale, shift;
} RowScale;
RowScale softmax_reciprocal(Cg *g, Val total, bool is_long);

#endif
