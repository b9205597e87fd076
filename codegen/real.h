/* Idioms of float arithmetic over scalars or vectors of f32 or f64. */
#ifndef KILN_CODEGEN_REAL_H
#define KILN_CODEGEN_REAL_H

#include "codegen/ll.h"

/* x in the type and lanes of `like`. */
Val real_like(Cg *g, double x, Val like);
/* a * b + c: one rounding where the target has the instruction, else two. */
Val real_fma(Cg *g, Val a, Val b, Val c);
/* x > y ? x : y and x < y ? x : y, so a NaN in x gives y. */
Val real_max(Cg *g, Val x, Val y);
Val real_min(Cg *g, Val x, Val y);
/* The nearest integer, ties to even, for |x| < 2^22. */
Val real_round_even(Cg *g, Val x);
/* The fused activation, as ir/ops/eval.h's eval_act; keeps NaN but in
 * relu, where it becomes 0. */
Val real_act(Cg *g, Act act, Val x);

/* The first n lanes of v, at p; all of them where there are no more. Integers
 * are the bits of shorter floats. */
void real_store(Cg *g, Val v, Val p, int64_t n);

#endif
