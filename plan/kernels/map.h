/* map: functions of plain elements, broadcasting: every op of ir/map.def,
 * select, cast.
 *
 *   for dimensions: y = f(a[..], b[..], c[..])
 *
 * Dimensions are merged until strides differ; y is contiguous. The innermost
 * one goes in vectors. */
#ifndef KILN_PLAN_KERNELS_MAP_H
#define KILN_PLAN_KERNELS_MAP_H

#include "plan/plan.h"

enum { MAP_OPERANDS = 3 };

typedef struct MapParams {
  int nin, ndim;
  int64_t dim[MAX_RANK];
  int64_t stride[MAP_OPERANDS][MAX_RANK]; /* in elements; 0: broadcast; the
                                             last one is 0 or 1 */
  int lanes;                              /* 0 = scalar */
} MapParams;

/* Merged dimensions and strides of op's first m->nin operands. */
void map_shapes(MapParams *m, const Op *op);
/* Lanes in which elements of these types are computed side by side: a vector
 * of the widest; 0 = scalar. */
int plain_lanes(const Target *t, const DType *types, int n);
/* Are elements of type t computed on the target at all? */
bool plain_fits(const Target *t, DType type);

#endif
