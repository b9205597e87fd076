/* Shared by the float products: conv_f32, dw_f32, matmul_f32. Weights of n
 * outputs are [block][k][vector][lane], a block being the outputs of a tile;
 * what is missing from the last one is 0. A window's weights lie in the order
 * of its elements, so k runs through the taps without gaps. dw_f32 takes
 * weights [tap][channel] as they are. */
#ifndef KILN_PLAN_KERNELS_CONV_F32_H
#define KILN_PLAN_KERNELS_CONV_F32_H

#include "plan/conv.h"

/* Are all operands and the output f32? Is v absent, or known? */
bool real_is_op(const Op *op);
bool real_is_const(const Value *v);
/* Cycles where every instruction multiplies a vector. */
double real_cost(const Op *op, const Target *t);
/* Lanes for n outputs of `bytes` bytes: the target's, or fewer when there are
 * few of them; 1 = scalar. */
int real_lanes(const Target *t, int bytes, int64_t n);
/* Pixels x vectors of outputs, each the sum of k products. */
typedef struct RealShape {
  int64_t pixels, vectors, k;
  bool once; /* better that none is stored twice: a tail's operand may then
                give its place to the output */
} RealShape;
/* The tile of accumulators that makes least work of them. */
void real_tile_choose(const Target *t, const RealShape *s, int *pixels,
                      int *vectors);
/* w (n, k) in blocks of `nout`, as above, into an image of zeros. */
void real_pack(float *image, const float *w, int64_t n, int64_t k,
               int64_t nout);
/* "f32_14x32_v512"; vector_bytes 0: scalars. */
const char *real_variant(Arena *a, int pixels, int outputs, int vector_bytes);
/* step->params, scratch_bytes, variant and vector_bytes; `late` bytes behind
 * the staged copy for what is packed at run time. */
bool conv_real_done(Plan *p, Step *s, ConvParams *c, int64_t late);
/* dw_f32_rows: bytes of its row of zeros, 0 = all rows of windows are inside;
 * pixels that a vector stands for. */
int64_t dw_f32_rows_scratch(const ConvParams *c);
int64_t dw_f32_vector_pixels(const ConvParams *c);

#endif
