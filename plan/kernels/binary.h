/* binary: add, sub, mul of two 8-bit tensors with broadcasting.
 *
 *   for dimensions: y = f(a[..], b[..])
 *
 * Dimensions are merged until strides differ; y is contiguous. */
#ifndef KILN_PLAN_KERNELS_BINARY_H
#define KILN_PLAN_KERNELS_BINARY_H

#include "plan/kernels/light.h"

typedef enum BinaryForm {
  BINARY_plane,  /* add: (a * m[0] + b * m[1] + c) >> k, 32 bits */
  BINARY_double, /* add: two fixed-point products, their sum requantized */
  BINARY_table,  /* the same, with the products from tables */
  BINARY_mul,    /* (a - zero[0]) * (b - zero[1]), requantized */
  BINARY_float,  /* add under rounding=onnx: FloatAdd on the model's values */
  BINARY_pairs   /* the same by a table of all pairs */
} BinaryForm;

typedef struct BinaryParams {
  BinaryForm form;
  DType out_type; /* stored */
  int ndim;
  int64_t dim[MAX_RANK];
  int64_t stride[2][MAX_RANK]; /* of a and b, in elements; 0: broadcast */
  int32_t m[2], c;             /* BINARY_plane */
  int k;
  int32_t lo, hi;  /* stored clamps */
  int32_t zero[2]; /* stored zero points */
  int left;        /* BINARY_double, as in AddStep */
  Requant in[2];   /* BINARY_double: multiplier and shift */
  bool subtract;
  float ratio[2], base;        /* BINARY_float, as in FloatAdd */
  int32_t delta[2], out_delta; /* BINARY_float: stored less model's value */
  const Blob *table[2];        /* BINARY_table: i32 (256) by stored pattern;
                                  BINARY_pairs: bytes (256, 256) in the first */
  SumStep sum;                 /* BINARY_double, BINARY_table, BINARY_mul */
} BinaryParams;

#endif
