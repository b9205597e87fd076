/* One lower_ function a row of plan/kernels.def: fills the body of a step
 * function. */
#ifndef KILN_CODEGEN_LOWER_H
#define KILN_CODEGEN_LOWER_H

#include "codegen/ll.h"

typedef void (*LowerFn)(Cg *g, const Step *s, const StepArgs *a);
#define KERNEL(name, match, cost, prepare, overlap, summary)                   \
  void lower_##name(Cg *g, const Step *s, const StepArgs *a);
#include "plan/kernels.def"
#undef KERNEL

/* The whole module of a plan and its tiers: step functions, run, reset; not
 * optimized. */
bool lower_module(Cg *g);

/* tiers.c: the word where the tier is noted, 1 more than its index. */
Val tier_word(Cg *g);
/* The function that asks the machine, notes the tier in the word and returns
 * what it noted: i32 (). */
Val tier_choice(Cg *g, Val word);
/* Calls run[i] (of three pointers) with run's own arguments for tier i, which
 * is chosen at the first call; leaves the builder behind. */
void tier_dispatch(Cg *g, Val *run);

#endif
