/* Sums of products of bytes: their operands and what becomes of them. */
#ifndef KILN_CODEGEN_KERNELS_SUMS_H
#define KILN_CODEGEN_KERNELS_SUMS_H

#include "codegen/ll.h"
#include "plan/kernels/sums.h"

/* A byte, stored as t, as i32. `zero` (i32) is taken off, NULL: 0. */
Val sums_byte(Cg *g, DType t, Val p, int lanes, Val zero);
/* One zero point, operand `i` of the step at p, as i32: the operand's element
 * `at`; the constant where it is absent. */
Val sums_zero(Cg *g, const Step *s, int i, Val p, Val at, int32_t constant);
/* acc of the channels from `channel` on, at its place `to`. */
void sums_store(Cg *g, const Step *s, const SumEnds *e, Val acc, Val channel,
                Val to);

#endif
