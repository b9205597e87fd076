/* The step functions of plan/word_step.h in LLVM IR. */
#ifndef KILN_CODEGEN_WORD_STEP_H
#define KILN_CODEGEN_WORD_STEP_H

#include "codegen/ll.h"
#include "plan/word_step.h"

/* acc: i32 or i64, scalar or lanes, for `channel` (idx; ignored where one
 * constant serves all) or those from it on. The stored value, clamped, as
 * i32. */
Val emit_word_step(Cg *g, const WordStep *w, Val acc, Val channel);

/* The stored value of x, in steps of it less its zero point: rounded half to
 * even and clamped. `far`: |x| may be 2^22 or more. */
typedef struct WordRange {
  int32_t zero_point, lo, hi; /* stored */
} WordRange;
Val emit_word_round(Cg *g, Val x, bool far, WordRange r);

/* Elements of i8, u8 or i16 at p as i32, 0 lanes: one scalar; and back, what
 * fits the type. */
Val word_load(Cg *g, DType stored, Val p, int lanes);
void word_store(Cg *g, DType stored, Val v, Val p);
/* The first n lanes only. */
void word_store_some(Cg *g, DType stored, Val v, Val p, int64_t n);

#endif
