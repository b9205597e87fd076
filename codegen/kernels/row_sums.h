/* Sums of many rows of floats at a time, each in its own order: a vector has a
 * lane for every row, and squares of elements are transposed into such. */
#ifndef KILN_CODEGEN_KERNELS_ROW_SUMS_H
#define KILN_CODEGEN_KERNELS_ROW_SUMS_H

#include "codegen/ll.h"

/* The sums, from 0 on, of `lanes` rows of n f32 each, `pitch` bytes apart. */
Val row_sums(Cg *g, Val rows, int64_t pitch, int64_t n, int lanes);

#endif
