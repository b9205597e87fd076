/* conv_wide: convolutions and dense layers of bytes whose sums may leave 32
 * bits, on any target.
 *
 *   for n, y, x, group, output o of the group:
 *     acc = bias[o]                                             in 64 bits
 *     for ky, kx whose input pixel is there: for i of the group's channels:
 *       acc += (x[i] - zx) * w[o][ky][kx][i]          products in 32 bits
 *     y = lo + how many of o's thresholds are <= acc      in eight halvings
 */
#ifndef KILN_PLAN_KERNELS_CONV_WIDE_H
#define KILN_PLAN_KERNELS_CONV_WIDE_H

#include "plan/conv.h"

enum { WIDE_STEPS = 255 }; /* thresholds of a channel */

typedef struct WideParams {
  ConvGeom g;
  int64_t depth;         /* input channels of a group */
  DType in_type;         /* stored */
  int32_t in_zero, lo;   /* stored */
  const Blob *w;         /* i16 (oc, kh, kw, depth), zero points taken off */
  const Blob *bias;      /* i64 (oc) */
  const Blob *threshold; /* i64 (oc, WIDE_STEPS), ascending */
} WideParams;

#endif
