/* matmul: products of matrices, leading dimensions broadcast.
 *
 *   for leading dimensions, for block of columns, for tile of rows:
 *     y[m][n] = sum over k of a[m][k] * b[k][n]
 *
 * Columns lie in vector lanes, as the outputs of conv_f32 do. A b that is
 * known is packed by blocks; another is read where it lies. The last block
 * of columns and tile of rows start early enough to be whole. */
#ifndef KILN_PLAN_KERNELS_MATMUL_H
#define KILN_PLAN_KERNELS_MATMUL_H

#include "plan/plan.h"

typedef struct MatmulParams {
  int64_t m, n, k;
  int ndim; /* leading dimensions, one of b's broadcast over a's rows aside */
  int64_t dim[MAX_RANK];
  int64_t a_step[MAX_RANK], b_step[MAX_RANK]; /* in matrices; 0: broadcast */
  int lanes;                                  /* of columns; 0: one scalar */
  int vectors, rows;                          /* of a tile */
  const Blob *b; /* [matrix][block][k][vectors * lanes]; NULL: as it lies */
} MatmulParams;

/* Steps of operand t, in matrices, along the leading dimensions of y, from the
 * outermost one in; 0: broadcast. */
void matmul_batch_steps(const Type *t, const Type *y, int64_t *step);

#endif
