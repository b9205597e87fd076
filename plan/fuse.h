/* Fusion: an elementwise op, or a maximum over windows, becomes the tail of the
 * step that computes an operand of it, which then stores the op's result and
 * not its own:
 *
 *   conv2d -> add -> store    in place of    conv2d -> store, load -> add
 *
 * The value between lives in registers, so it has no bytes, and where the
 * other operand dies here the result may be written over it. What is computed
 * is the same function of the same stored values, so every byte stays. */
#ifndef KILN_PLAN_FUSE_H
#define KILN_PLAN_FUSE_H

#include "plan/plan.h"

typedef struct Fusion Fusion;

/* For the steps of p, which are then made in the order of the ops. */
Fusion *fusion_new(Plan *p);
/* Makes s, whose kernel is chosen, a tail of an earlier step, if it can be
 * that; else s->alone tells why, and s, next to be added to p, may get a tail
 * itself. */
bool fuse_step(Fusion *f, Step *s);

#endif
