/* The functions of ir/scalar.def in LLVM IR: the steps of the interpreter,
 * so the same bits on targets that multiply and add with one rounding. */
#ifndef KILN_CODEGEN_SCALAR_H
#define KILN_CODEGEN_SCALAR_H

#include "codegen/ll.h"

/* Of f32 or f64, scalars or lanes, both operands alike. No calls; blocks are
 * added for what few arguments need. */
#define SCALAR1(name) Val scalar_##name(Cg *g, Val x);
#define SCALAR2(name) Val scalar_##name(Cg *g, Val a, Val b);
#include "ir/scalar.def"
#undef SCALAR1
#undef SCALAR2

/* a * b + d: with one rounding where the target has that, else with two. */
Val scalar_fma(Cg *g, Val a, Val b, Val d);

#endif
