/* Elements of plain types as values, scalar or in lanes: integers in their
 * own width, bool as an i8 of 0 or 1, f16 and bf16 widened to f32. */
#ifndef KILN_CODEGEN_PLAIN_H
#define KILN_CODEGEN_PLAIN_H

#include "codegen/ll.h"

/* The scalar type of such values. */
Ty plain_type(Cg *g, DType t);
int64_t plain_bytes(DType t); /* in memory */

/* `lanes` elements at p; 0: one scalar. */
Val plain_load(Cg *g, DType t, Val p, int lanes);
/* Floats round to nearest even; of a bool the value must be 0 or 1. */
void plain_store(Cg *g, DType t, Val v, Val p);
/* f16 and bf16: stored bits as f32, f32 as stored bits; others stay as they
 * are. */
Val plain_widen(Cg *g, DType t, Val bits);
Val plain_narrow(Cg *g, DType t, Val x);
/* x as it comes back from being stored: f32 of what an f16 or bf16 can be. */
Val plain_rounded(Cg *g, DType t, Val x);
/* The stored bits alone, without a conversion: integers of t's width. */
Val plain_load_bits(Cg *g, DType t, Val p, int lanes);
void plain_store_bits(Cg *g, DType t, Val v, Val p);

/* The constant x, in the lanes of `like`, of like's element type: an integer
 * or a float. */
Val plain_const(Cg *g, Val like, double x);

/* From one type to another by the rules of cast (docs/numerics.md). */
Val plain_cast(Cg *g, DType from, DType to, bool saturate, Val v);

/* Comparisons give lanes of i1; the order is that of t. */
Val plain_less(Cg *g, DType t, Val a, Val b);
Val plain_equal(Cg *g, DType t, Val a, Val b);
Val plain_is_nan(Cg *g, Val a);
/* The lesser or greater as min and max of ir/map.def have it. */
Val plain_extreme(Cg *g, DType t, bool greater, Val a, Val b);

#endif
