/* The state of one memory planning run. Private to plan/memory*.c. */
#ifndef KILN_PLAN_MEMORY_SOLVER_H
#define KILN_PLAN_MEMORY_SOLVER_H

#include <stdbool.h>

#include "plan/memory.h"

/* Starts that a placed block forbids to another: lo < start < hi. */
typedef struct Forbidden {
  int64_t lo, hi;
} Forbidden;

typedef struct Solver {
  Arena *arena;
  const MemBlock *block;
  int n;
  const MemOverlap *overlap;
  int *of_out;      /* (n) first overlap with that out, -1 = none */
  int *next_of_out; /* (overlaps) the next one of the same out */
  int64_t align;
  int64_t bound;   /* no placement is smaller */
  int64_t *offset; /* (n) of the placement at hand */
  int64_t *best;   /* (n) offsets of the smallest placement so far */
  int64_t best_bytes;
  Forbidden *forbidden; /* (2 n) */
} Solver;

int64_t memory_align(const Solver *s, int64_t x);
/* Do they live at one step, both with bytes? */
bool memory_conflict(const Solver *s, int a, int b);
/* How far `out` must start before `in`; INT64_MAX when they must not
 * overlap at all. */
int64_t memory_distance(const Solver *s, int in, int out);
/* Lowest start >= from for block x beside the placed ones. */
int64_t memory_lowest(Solver *s, int x, const int *placed, int nplaced,
                      int64_t from);
/* Keeps the placement at hand if it is the smallest. */
void memory_keep(Solver *s, int64_t bytes);

/* Bytes that the blocks live at step t need at least. */
int64_t memory_step_bound(const Solver *s, int t);

/* Exhaustive search, within a bounded number of tries; for few blocks.
 * true: the best is the optimum. */
enum { MEMORY_EXACT_BLOCKS = 24 };
bool memory_exact(Solver *s);

#endif
