/* Where the indices of gather and scatter point. */
#ifndef KILN_IR_OPS_INDEX_H
#define KILN_IR_OPS_INDEX_H

#include "ir/ops/eval.h"

/* Slices of input 0 that input 1 names, one after the other. */
typedef struct Slices {
  int64_t n;
  int64_t elements;  /* of one slice */
  const int64_t *at; /* (n) its first element in input 0 */
} Slices;

/* One element for each index, which says where along `axis`. */
Slices slices_of_elements(const Eval *e, int64_t axis);
/* The last dimension of the indices is a position in x's dimensions from
 * `batch` on, a slice all that lies behind it. */
Slices slices_of_vectors(const Eval *e, int batch);

#endif
