/* direct_int, spread_f32: convolutions tap by tap, without packed pixels.
 *
 *   for n, oy, ox: for group: for oc in blocks of lanes:
 *     acc = bias
 *     for ky, kx whose input pixel iy, ix is inside:
 *       for ic of the group: acc += (x[ic] - zx) * (w[ic][oc] - zw[oc])
 *     y = acc, or requant(acc), or act(acc)
 *
 * direct_int: iy = oy * stride - pad + ky * dilation; bytes whose zero points
 * are operands, or whose weights are computed at run time. spread_f32
 * (conv_transpose2d): iy * stride = oy + pad - ky * dilation; each step a
 * multiply-add of floats.
 *
 * Constant weights are packed as [group][ky][kx][ic][oc], bytes minus their
 * zero points as i16; other weights are read as they are, one output at a
 * time. */
#ifndef KILN_PLAN_KERNELS_DIRECT_H
#define KILN_PLAN_KERNELS_DIRECT_H

#include "plan/kernels/sums.h"

typedef struct DirectAxis {
  int64_t out, in, taps, stride, dilation, pad;
  bool padded; /* some tap of some output falls outside */
} DirectAxis;

typedef struct DirectParams {
  int64_t n, groups, ic, oc; /* channels of one group */
  DirectAxis y, x;
  const Blob *w;     /* packed; NULL: operand 1 as it is */
  DType w_type;      /* of the elements there */
  int64_t w_step[4]; /* elements: ky, kx, ic, oc */
  int64_t w_group;   /* elements */
  SumEnds ends;      /* of direct_int */
  int lanes;         /* over oc; 0 = scalar */
} DirectParams;

#endif
