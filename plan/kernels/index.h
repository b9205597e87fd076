/* gather, scatter: slices of a tensor by indices known at run time.
 *
 *   for position in dim[0] x dim[1] x ...:
 *     at = sum position * base_step
 *     for k in 0 .. entries - 1:
 *       i = index[sum position * index_step + k]
 *       i += i < 0 ? extent[k] : 0, limited to 0 .. extent[k] - 1
 *       at += i * stride[k]
 *     gather:  y[position] = run elements of x at `at`
 *     scatter: the run of y at `at` = f(that, updates[position])
 *
 * scatter begins with a copy of x to y. */
#ifndef KILN_PLAN_KERNELS_INDEX_H
#define KILN_PLAN_KERNELS_INDEX_H

#include "plan/plan.h"

typedef struct IndexParams {
  int ndim;
  int64_t dim[MAX_RANK];
  int64_t base_step[MAX_RANK];  /* bytes */
  int64_t index_step[MAX_RANK]; /* entries of the indices */
  int64_t other_step[MAX_RANK]; /* bytes of gather's y, scatter's updates */
  int entries;
  int64_t extent[MAX_RANK], stride[MAX_RANK]; /* stride in bytes */
  int64_t run;                                /* elements */
  int elem_bytes;
  int lanes; /* of a run that is computed; 0 = scalar */
  Reduction reduction;
} IndexParams;

#endif
