/* The arithmetic of the binary kernel. */
#ifndef KILN_CODEGEN_KERNELS_BINARY_H
#define KILN_CODEGEN_KERNELS_BINARY_H

#include "codegen/ll.h"

/* What spares instructions where the op is a tail. */
typedef struct BinaryUse {
  int32_t above[2]; /* operands are so much more than the stored values: only
                       where binary_takes_more() */
  bool saturated;   /* whoever packs the result clamps it to its type */
} BinaryUse;

/* The result of the step's op (kernel binary, prepared), clamped, from its
 * operands; all of them stored values as i32, scalars or vectors. */
Val binary_value(Cg *g, const Step *s, Val a, Val b, BinaryUse use);
bool binary_takes_more(const Step *s);

#endif
