/* Loops. Bounds are constants nearly always; a loop of one turn emits its
 * body alone. Carried values are phis. */
#ifndef KILN_CODEGEN_NEST_H
#define KILN_CODEGEN_NEST_H

#include "codegen/ll.h"

enum { NEST_MAX_CARRY = 64 };

typedef struct Loop {
  Val i;                     /* counter, idx type */
  Val carry[NEST_MAX_CARRY]; /* in the body: values of this turn; after
                                loop_end: the final ones */
  int ncarry;
  /* private */
  int64_t lo, hi, step;
  LLVMBasicBlockRef head, entry, done;
  Val start, end; /* where they are known at run time, else NULL */
  Val phi[NEST_MAX_CARRY];
} Loop;

/* for (i = lo; i < hi; i += step), lo < hi constants. */
Loop loop_begin(Cg *g, int64_t lo, int64_t hi, int64_t step);
/* Those turns of it that the function does of its step (plan/split.h), if
 * `axis` is what that is split by, and not SPLIT_none; else all. A unit is
 * `unit` counts, from 0 on. */
Loop loop_begin_part(Cg *g, SplitAxis axis, int64_t lo, int64_t hi,
                     int64_t step, int64_t unit);
/* With ncarry values that start as init. */
Loop loop_begin_carry(Cg *g, int64_t lo, int64_t hi, int64_t step, int ncarry,
                      const Val *init);
/* The same from lo to below hi, both known at run time; maybe no turn. */
Loop loop_begin_between(Cg *g, Val lo, Val hi, int64_t step, int ncarry,
                        const Val *init);
/* Ends the body; next: the carried values for the next turn (NULL when
 * there are none). */
void loop_end(Cg *g, Loop *l, const Val *next);
/* The same with a test of its own (i1), which holds before every turn that
 * the counter would take: for loops whose registers leave it no room. */
void loop_end_while(Cg *g, Loop *l, const Val *next, Val more);

#endif
