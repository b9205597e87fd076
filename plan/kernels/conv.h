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
/* Which channel each accumulator of each block is; past the last: oc. */
int32_t *conv_lane_order(Arena *a, const ConvParams *c);
/* The instruction of conv_lanes: the target's, or a narrower one where two
 * pixels at a time or long groups of k do not suit. */
Dot conv_lanes_dot(const ConvGeom *g, const Target *t);
/* Pixels that conv_lanes computes for a row of g->ow, those of its last tile
 * that it has computed before counted again. */
int64_t conv_lanes_pixels(const Op *op, const ConvGeom *g, const Target *t);
/* Weights as [output][tap][run padded to the group], i8. */
const int8_t *conv_pack_rows(Plan *p, const Step *s, const ConvParams *c);
Weave conv_rows_weave(const ConvParams *c);

/* Weights of kernels whose loops over outputs are inside those over pixels,
 * as bytes in the order of outputs, `unit` outputs at a time. */
typedef struct PassSource {
  const int8_t *image;
  int64_t bytes;
  int64_t row;  /* of an output */
  int64_t unit; /* a power of two, rows of which are even */
  Weave weave;
  int64_t scratch; /* what the kernel takes of the arena besides */
  double time;     /* instructions of the layer, about */
} PassSource;
/* Packs them where that pays (plan/packed.h) and sets packed and pass: the
 * image is gone over once for as many outputs as there is room for unpacked
 * weights in the arena. Else false. */
bool conv_pack_passes(Plan *p, Step *s, ConvParams *c, const PassSource *w);
/* Groups read in place: a run is the group's channels of one pixel. */
void conv_grouped_runs(ConvParams *c);
int64_t ceil_div(int64_t a, int64_t b);
/* Splits n into the fewest parts of at most `most`, as even as they get. */
int even_part(int64_t n, int64_t most);
/* A zero-filled image for packing; one more byte may be read. */
int8_t *pack_image(Plan *p, int64_t bytes);

#endif
