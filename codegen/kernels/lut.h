/* The arithmetic of the lut kernel. */
#ifndef KILN_CODEGEN_KERNELS_LUT_H
#define KILN_CODEGEN_KERNELS_LUT_H

#include "codegen/ll.h"

/* What the step's op (kernel lut, prepared, 8 bits to 8 bits) makes of x;
 * stored values as i32, scalars or vectors. */
Val lut_value(Cg *g, const Step *s, Val x);

#endif
