/* Shared by the light kernels: runs of elements in blocks with tails, loops
 * with bounds known at run time only, linear steps. */
#ifndef KILN_CODEGEN_KERNELS_LIGHT_H
#define KILN_CODEGEN_KERNELS_LIGHT_H

#include "codegen/nest.h"
#include "plan/kernels/light.h"

/* Computes elements i .. i + lanes - 1; lanes 0: element i, in scalars. */
typedef void (*BlockFn)(Cg *g, void *ctx, Val i, int lanes);

/* Calls fn for n elements in ascending order: blocks of `lanes`, then
 * narrower ones down to 4, then single elements. lanes 0: all single, a few
 * to a turn. */
void for_blocks(Cg *g, int64_t n, int lanes, BlockFn fn, void *ctx);

/* for (i = 0; i < n; i++) with n >= 1 known at run time; one carried value.
 * `out` is its final value after count_end. */
typedef struct CountLoop {
  Val i, carry, out;
  Val n;
  LLVMBasicBlockRef head, entry;
} CountLoop;
CountLoop count_begin(Cg *g, Val n, Val init);
void count_end(Cg *g, CountLoop *l, Val next);

/* Code that runs only where a condition holds. */
typedef struct Guard {
  LLVMBasicBlockRef from, done;
} Guard;
/* NULL: always. */
Guard guard_begin(Cg *g, Val condition);
/* inside[0 .. n - 1], what the code has made, become what is there after it:
 * before[i] where it was skipped. */
void guard_end(Cg *g, const Guard *c, int n, const Val *before, Val *inside);

/* Loops over dimensions, each moving pointers by constant steps. */
typedef struct DimLoops {
  int n;
  Loop loop[MAX_RANK];
} DimLoops;
/* The first of more than one turn is what SPLIT_images divides. */
DimLoops dims_begin(Cg *g, const int64_t *dim, int n);
void dims_end(Cg *g, DimLoops *l);
/* sum of the counters times step[d] */
Val dims_offset(Cg *g, const DimLoops *l, const int64_t *step);

/* The step's value, clamped, as i32; acc: i32 scalar or vector. m and c in
 * place of the constants (of i32, or i64 when wide) where not NULL. */
Val emit_linear(Cg *g, const LinearStep *s, Val acc, Val m, Val c);
Val emit_sum_step(Cg *g, const SumStep *s, Val acc);

/* Lanes of accumulators of `bits`: a register of them. Scalar cores take a
 * few elements side by side, which share the loops around them. */
int sum_lanes(const Cg *g, int bits);
/* Zero of `bits` bits in the lanes, and acc + the stored bytes at p. */
Val sum_zero(Cg *g, int bits, int lanes);
Val sum_add(Cg *g, Val acc, DType stored, Val p);
/* The sum as i32. */
Val sum_widen(Cg *g, Val acc, DType stored);

/* n bytes from src to dst, which do not overlap except that dst may be src
 * or below. align: what both are known to be aligned to. */
void emit_copy(Cg *g, Val dst, Val src, int64_t n, int align, bool flip);
/* n elements of `bytes` bytes each become `element`. */
void emit_fill(Cg *g, Val dst, int64_t n, int bytes, uint64_t element,
               int align);
/* Alignment of a buffer's first byte. */
int buffer_align(const Cg *g, const Buffer *b);

#endif
