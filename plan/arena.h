/* Offsets in the arena. Private to plan/ and its measurements. */
#ifndef KILN_PLAN_ARENA_H
#define KILN_PLAN_ARENA_H

#include "plan/plan.h"

/* Gives every buffer and scratch in the arena its offset; fills arena_bytes
 * and arena_lower_bound. Lifetimes (first, last) stand; the same again
 * changes nothing. */
void plan_arena(Plan *p);

#endif
