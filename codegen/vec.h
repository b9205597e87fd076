/* Idioms of quantized arithmetic over scalars or vectors of i32. */
#ifndef KILN_CODEGEN_VEC_H
#define KILN_CODEGEN_VEC_H

#include "codegen/ll.h"
#include "plan/requant_table.h"

enum { VEC_SQUARE = 16 };

/* acc: i32 scalar or vector; first: channel of lane 0 (idx type; ignored
 * where one constant serves all). Returns clamped stored values as i32. */
Val vec_requant(Cg *g, const RequantPlan *p, const RequantTables *t, Val acc,
                Val first);

/* RF_bits: x, and one more where it is the patch. `one` is vec_one's, which
 * LLVM does not know to be: else it adds the comparison's result, which takes
 * an instruction more to become a vector. */
Val vec_one(Cg *g, int lanes);
Val vec_patch(Cg *g, Val x, Val patch, Val one);

/* Of a plan in the form RF_bits: RQ_BITS more than vec_requant gives. */
Val vec_requant_bits(Cg *g, const RequantPlan *p, const RequantTables *t,
                     Val acc, Val first);

/* Of a plan in the form RF_bits: the word whose low half is the result,
 * which is not clamped. The high half is below zero or above, as asked. */
Val vec_requant_low(Cg *g, const RequantPlan *p, const RequantTables *t,
                    Val acc, Val first, bool negative);

/* The same of 256 times an odd channel's accumulator. */
Val vec_requant_up(Cg *g, const RequantPlan *p, const RequantTables *t, Val acc,
                   Val channel);
/* Of a plan in the form RF_high, with the channel's constants at hand. */
Val vec_requant_by(Cg *g, const RequantPlan *p, Val acc, Val multiplier,
                   Val add);
/* vec_requant for a store that saturates to `out` (8 bits): clamps only where
 * the plan's range is narrower. */
Val vec_requant_saturating(Cg *g, const RequantPlan *p, const RequantTables *t,
                           Val acc, Val first, DType out);
/* The same without any clamp, for what saturates and then clamps. */
Val vec_requant_wide(Cg *g, const RequantPlan *p, const RequantTables *t,
                     Val acc, Val first);
/* vec_requant with all lanes of one channel. */
Val vec_requant_same(Cg *g, const RequantPlan *p, const RequantTables *t,
                     Val acc, Val channel);

/* The two-rounding fixed-point multiply with constants in registers:
 * TFLite's MultiplyByQuantizedMultiplier for constant multiplier and shift. */
Val vec_mbqm(Cg *g, Val x, int32_t multiplier, int shift);
/* saturating rounding doubling high multiply, no saturation case possible
 * (not both INT32_MIN). */
Val vec_srdhm(Cg *g, Val a, Val b);
/* rounding divide by 2^exponent, half away from zero */
Val vec_rdp(Cg *g, Val x, int exponent);
/* the same with an exponent a lane, 0 to 31 */
Val vec_rdp_lanes(Cg *g, Val x, Val exponent);

/* Loads `lanes` stored 8-bit elements as i32 (0 lanes: one scalar). */
Val vec_load8(Cg *g, DType stored, Val p, int lanes);
/* n vectors of n lanes, n a power of two up to VEC_SQUARE: v[i]'s lane j
 * becomes v[j]'s i. */
void vec_transpose(Cg *g, Val *v, int n);

/* Truncates i32 lanes to bytes and stores them. */
void vec_store8(Cg *g, Val v, Val p);

#endif
