/* The arithmetic of the binary kernel. */
#ifndef KILN_CODEGEN_KERNELS_BINARY_H
#define KILN_CODEGEN_KERNELS_BINARY_H

#include "codegen/ll.h"

/* The result of the step's op (kernel binary, prepared), clamped, from its
 * operands; all of them stored values as i32, scalars or vectors. */
Val binary_value(Cg *g, const Step *s, Val a, Val b);

#endif
