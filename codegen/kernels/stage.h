/* The padded copy of an input image that convolution kernels read. */
#ifndef KILN_CODEGEN_KERNELS_STAGE_H
#define KILN_CODEGEN_KERNELS_STAGE_H

#include "codegen/ll.h"
#include "plan/conv.h"

/* Copies the image at `in` (NHWC, as stored) to `dst` as c->stage says.
 * fill: the padding's element as it is copied, where it is not known before;
 * else NULL. */
void stage_input(Cg *g, const ConvParams *c, Val dst, Val in, Val fill);

#endif
