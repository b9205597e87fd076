/* The functions of ir/map.def in LLVM IR, on values of codegen/plain.h. */
#ifndef KILN_CODEGEN_KERNELS_MAP_FUNCTIONS_H
#define KILN_CODEGEN_KERNELS_MAP_FUNCTIONS_H

#include "codegen/ll.h"

/* op's function of a and, where it has two inputs, b; its fused activation
 * and parameter are seen to. Scalars or lanes; bool as an i8. */
Val map_function(Cg *g, const Op *op, Val a, Val b);

/* A fused activation on floats. */
Val map_activation(Cg *g, Act act, Val x);

#endif
