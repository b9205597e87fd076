/* matmul_lanes: products of two matrices of bytes that are both computed at
 * run time, on an instruction that sums up groups of products.
 *
 *   for leading dimensions:
 *     rows[m] = -zb * sum of a[m]              (where zb is not 0)
 *     for panel of columns:
 *       weights = b's columns, groups of k side by side
 *       columns[n] = start + K za zb - za * sum of b[..][n]
 *       for tile of rows:
 *         acc[r][v] = rows[r] + columns[v]
 *         for k by group: acc[r][v] += dot(a[r][k ..], weights[k][v])
 *         store(requant(acc[r][v]))
 *
 * a is read in place where its bytes lie as the instruction wants them and
 * its rows are whole groups; else it is copied first, rows padded. pmaddwd
 * multiplies words: a's copy and the weights are widened. */
#ifndef KILN_PLAN_KERNELS_MATMUL_LANES_H
#define KILN_PLAN_KERNELS_MATMUL_LANES_H

#include "plan/conv.h"

enum { PANEL_VECTORS = 4 };

typedef struct MatmulLanes {
  ConvParams c; /* of it: lanes, group, join, vectors, pixels (rows of a tile),
                   types as multiplied, dot, rq, rt */
  int64_t m, n, k;
  int ndim; /* leading dimensions */
  int64_t dim[MAX_RANK], a_step[MAX_RANK], b_step[MAX_RANK]; /* of matrices */
  int32_t a_zero, b_zero;                                    /* as multiplied */
  int32_t start;    /* what rq wants sums to start from */
  bool copies;      /* a is copied */
  int a_xor, b_xor; /* 0x80 where the bytes are multiplied as the other
                       sign's */
  int elem;         /* bytes of an element as multiplied: 1, or 2 (c.widens) */
  int64_t pitch;    /* bytes of a row of a, copied or not */
  int64_t at_weights, at_columns, at_rows; /* in scratch */
} MatmulLanes;

#endif
