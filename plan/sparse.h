/* Weights as lists: of every output the places and the values of those that
 * are not zero, so that zeros take neither flash nor multiplications. The
 * window is cut into segments of 256 elements, which a byte counts; lists are
 * filled up to groups of four with zeros.
 *
 *   counts  [output][segment]         groups of the segment, u8
 *   groups  [output][segment][group]  four elements of the segment, u8; four
 *                                     weights less their zero point, i8
 *
 * Everything is read in order, so two pointers that move are the index. */
#ifndef KILN_PLAN_SPARSE_H
#define KILN_PLAN_SPARSE_H

#include "plan/plan.h"

enum { SPARSE_GROUP = 4, SPARSE_SEGMENT = 256 };
enum { SPARSE_GROUP_BYTES = 2 * SPARSE_GROUP };

typedef struct SparseLists {
  const Blob *counts; /* NULL: weights are not listed */
  const Blob *groups;
  int64_t segments; /* of a window */
} SparseLists;

/* Instructions of a kernel for one output of one tile: for an element of the
 * window with all weights there, for an entry of a list, for a segment. */
typedef struct SparseCost {
  double element, entry, segment;
} SparseCost;

/* (outputs, window) weights less their zero points, in the kernel's order of
 * the window's elements; dense_bytes: what they take unlisted. */
typedef struct SparseWeights {
  const int16_t *w;
  int64_t outputs, window, dense_bytes;
  SparseCost cost;
} SparseWeights;

/* Makes the lists where Plan.opt.sparse and the cost want them, else none;
 * either way s->weights says what came of it. */
SparseLists sparse_lists(Plan *p, Step *s, const SparseWeights *w);

/* Do zeros serve speed, rather than size or nothing? */
bool sparse_is_fast(const Plan *p);

/* Notes in s->weights that they lie there as they are, and one more reason
 * for that. */
void sparse_stays_plain(Plan *p, Step *s, const char *why, int64_t bytes);

#endif
