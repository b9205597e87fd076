/* Shared by the files of the conv_* and dw_* kernels. */
#ifndef KILN_PLAN_KERNELS_CONV_H
#define KILN_PLAN_KERNELS_CONV_H

#include "plan/conv.h"

/* step->params, scratch_bytes, variant and vector_bytes from finished
 * parameters; `extra` scratch bytes behind the staged copy (16-aligned). */
bool conv_done(Plan *p, Step *s, ConvParams *c, int64_t extra);
/* Bytes of the staged copy, rounded up to 16; 0 when there is none. */
int64_t stage_bytes(const ConvParams *c);
/* 8-bit conv2d, fully_connected or matmul: anything but depthwise. */
bool conv_is_full(const Op *op);
bool conv_one_group(const Op *op);
/* Pixels that conv_lanes computes for a row of g->ow, those of its last tile
 * that it has computed before counted again. */
int64_t conv_lanes_pixels(const Op *op, const ConvGeom *g, const Target *t);
/* Weights as [output][tap][run padded to the group], i8. */
const Blob *conv_pack_rows(Plan *p, Step *s, const ConvParams *c);
/* Groups read in place: a run is the group's channels of one pixel. */
void conv_grouped_runs(ConvParams *c);
int64_t ceil_div(int64_t a, int64_t b);
/* Splits n into the fewest parts of at most `most`, as even as they get. */
int even_part(int64_t n, int64_t most);
/* A zero-filled image for packing. */
int8_t *pack_image(Plan *p, int64_t bytes);

#endif
