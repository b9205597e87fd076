/* Sums over lists of weights (plan/sparse.h).
 *
 *   for segment of the window:
 *     for group of its list: for 4 entries:
 *       acc[p] += x[p][place] * value
 */
#ifndef KILN_CODEGEN_KERNELS_SPARSE_H
#define KILN_CODEGEN_KERNELS_SPARSE_H

#include "codegen/ll.h"
#include "plan/sparse.h"

/* Where the lists are read: carried from output to output. */
enum { SPARSE_POINTERS = 2, SPARSE_MAX_PIXELS = 4 };
typedef struct SparseAt {
  Val p[SPARSE_POINTERS]; /* counts, groups */
} SparseAt;

/* The first output's. */
SparseAt sparse_begin(Cg *g, const SparseLists *l);

/* The gathered window: elements side by side, those of a tile's pixels in
 * words of two where there are two or four. */
typedef struct SparseWindow {
  Val at;
  int pixels;
  DType stored; /* bytes of one pixel; else (DT_i16) halfwords of one, two or
                   four pixels, on cores with smlad */
} SparseWindow;

/* Adds the next output's products to acc[pixel]; moves `at` behind its
 * lists. */
void sparse_dot(Cg *g, const SparseLists *l, const SparseWindow *x,
                SparseAt *at, Val *acc);

#endif
