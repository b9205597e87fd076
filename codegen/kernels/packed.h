/* Unpacks blocks of weights (plan/packed.h). */
#ifndef KILN_CODEGEN_KERNELS_PACKED_H
#define KILN_CODEGEN_KERNELS_PACKED_H

#include "codegen/ll.h"
#include "plan/packed.h"

/* Block number `block` (idx) into w->block_bytes bytes at `to`, which is
 * aligned to two. */
void unpack_block(Cg *g, const Packed *w, Val block, Val to);

#endif
