/* pool, pool_words, pool_f32: average and maximum over a window, NHWC.
 *
 *   for n, oy, ox, c:
 *     acc over the window's cells inside the input
 *     y = step of the cell count (acc), or clamp(acc)
 *
 * A quantized average is a monotone function of the sum of stored values, so
 * it is a multiply and shift per cell count; windows that padding cuts off
 * take their constants from a table. A float one divides. */
#ifndef KILN_PLAN_KERNELS_POOL_H
#define KILN_PLAN_KERNELS_POOL_H

#include "plan/kernels/light.h"

/* Windows along one dimension. */
typedef struct PoolAxis {
  int64_t out;
  bool regular;               /* all of them `cells` long, `step` bytes apart */
  int64_t cells, step, first; /* first: byte offset of the first window */
  const Blob *table;          /* else i32 (out, 3): byte offset, cells, class */
  int nclass;                 /* distinct cell counts */
} PoolAxis;

typedef struct PoolParams {
  bool average;
  int64_t batch, h, w, c;
  int elem_bytes;
  PoolAxis rows, cols;
  Act act;                /* of floats; the rest is for quantized ones */
  int sum_bits;           /* 16 or 32: of the accumulators that suffice */
  LinearStep step;        /* average of regular windows; of others: wide, k,
                             lo, hi hold for all */
  const Blob *steps;      /* else i32 pairs m, c (rows.nclass, cols.nclass), or
                             i64 pairs when the step is wide */
  int32_t lo, hi;         /* clamps: of an average stored output, of a maximum
                             stored input */
  bool flip;              /* maximum: every byte ^ 0x80 at the end */
  bool in_real;           /* average of words: by floats, else a division */
  float scale, out_scale; /* with it */
} PoolParams;

#endif
