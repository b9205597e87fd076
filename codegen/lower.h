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

/* The staged copy of a step that makes it apart (plan/split.h). */
void lower_stage(Cg *g, const Step *s, const StepArgs *a);

/* The whole module of a plan and its tiers: step functions, run, reset; not
 * optimized. */
bool lower_module(Cg *g);

/* tiers.c: calls run[i] with the `params` parameters of the function under
 * construction for tier i, which is chosen at the first call; leaves the
 * builder behind. */
void tier_dispatch(Cg *g, Val *run, int params);

#endif
