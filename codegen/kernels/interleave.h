/* Bytes of four rows side by side, for instructions that sum up four products
 * in a lane. */
#ifndef KILN_CODEGEN_KERNELS_INTERLEAVE_H
#define KILN_CODEGEN_KERNELS_INTERLEAVE_H

#include "codegen/ll.h"

/* Four rows of n bytes, a multiple of 16, to four vectors of n / 4 i32, a lane
 * the bytes of a column: of each 16 columns, in order, out[i] has the i-th
 * four. Of rows of 8 bytes: out[0] and out[1], four columns each. */
void interleave_rows(Cg *g, const Val row[4], Val out[4]);

#endif
