/* products: matmul on every type that matmul and the convolution kernels
 * don't take, and dense layers of bytes whose weights are no constants.
 *
 *   for leading dimensions: for rows m by blocks: for columns n by blocks:
 *     acc[r] = 0, or bias[n]
 *     for k: acc[r] += (a[m + r][k] - za[m + r]) * (b[k][n] - zb[n])
 *     y[m + r][n] = acc[r], or requant(acc[r])
 *
 * Bytes are summed in i32; other integers in their own width, floats by
 * multiply-adds. */
#ifndef KILN_PLAN_KERNELS_PRODUCTS_H
#define KILN_PLAN_KERNELS_PRODUCTS_H

#include "plan/kernels/sums.h"

enum { PRODUCT_ROWS = 4 };

/* Elements from place to place; all 0 where there is one element. */
typedef struct ProductSteps {
  int64_t lead[MAX_RANK]; /* leading dimensions of y */
  int64_t row, column;    /* of y; row of b is k, column of a is k */
} ProductSteps;

typedef struct ProductParams {
  int64_t m, n, k;
  int ndim;
  int64_t dim[MAX_RANK];
  ProductSteps a, b, y, za, zb; /* za, zb: zero points that are operands */
  int za_operand, zb_operand;   /* -1: there is none */
  bool has_bias;                /* operand 2, i32 (n) */
  SumEnds ends;                 /* of bytes */
  int lanes, rows;              /* of a block; lanes 0 = scalar */
} ProductParams;

#endif
