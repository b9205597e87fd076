/* The tail of the step being built (plan/fuse.h): its ops, one after another,
 * on values in registers on their way to memory. Every kernel that stores
 * what it makes through these functions takes tails. */
#ifndef KILN_CODEGEN_KERNELS_TAIL_H
#define KILN_CODEGEN_KERNELS_TAIL_H

#include "codegen/ll.h"

/* Which elements of the step's output the lanes are. */
typedef struct TailAt {
  Val p;          /* where the first one is stored */
  int64_t n;      /* so many exist; nothing is read for the others */
  int join;       /* vectors in the order of conv_joined_channel, 1 = one in
                     natural order */
  bool in_order;  /* those vectors are in natural order, too */
  int64_t pitch;  /* natural order: bytes from lane to lane; 0: neighbours */
  int32_t above;  /* y is so much more than the stored values: only where
                     tail_takes_more() */
  bool saturated; /* whoever packs y clamps it to its type */
  Val begins;     /* of a maximum over windows: is this the first value of
                     the one at p? NULL: the only one */
} TailAt;

/* y[0 .. join - 1]: the values of step->made as stored, scalars or vectors of
 * i32, or of f32, which an f16 or bf16 is not rounded to yet; they become those
 * of the output. */
void tail_apply(Cg *g, Val *y, const TailAt *at);
/* Has the step a tail at all? */
bool tail_any(const Cg *g);
/* One whose first op takes values that are some constant more? */
bool tail_takes_more(const Cg *g);

#endif
