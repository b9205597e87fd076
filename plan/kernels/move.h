/* move: strided copies and fills.
 *
 *   for part: for index in dim[0] x dim[1] x ...:
 *     dst[sum index * to] = map(src[sum index * from])
 *
 * or, transposed: for the other dimensions: for tiles of the two
 *
 * Bytes may be looked up or flipped on the way. */
#ifndef KILN_PLAN_KERNELS_MOVE_H
#define KILN_PLAN_KERNELS_MOVE_H

#include "plan/plan.h"

typedef struct MovePart {
  int src, dst;     /* operand and output; src < 0: a fill */
  int64_t from, to; /* byte offsets of the first element */
  int ndim;         /* the innermost is last */
  int64_t dim[MAX_RANK];
  int64_t src_step[MAX_RANK]; /* bytes; may be negative */
  int64_t dst_step[MAX_RANK];
  const Blob *index[MAX_RANK]; /* i32 (dim): byte offsets in place of
                                  src_step; or NULL */
  const Blob *table;           /* (256) every byte is looked up; or NULL */
  int square;                  /* > 0: the innermost dimension and `across`, in
                                  which the source's elements are neighbours,
                                  go in tiles of so many each, transposed in
                                  registers; then in any order */
  int across;
  bool flip;     /* every byte ^ 0x80 */
  uint64_t fill; /* the element of a fill */
} MovePart;

typedef struct MoveParams {
  int elem_bytes; /* 1, 2, 4 or 8 */
  int npart;
  const MovePart *part;
} MoveParams;

#endif
