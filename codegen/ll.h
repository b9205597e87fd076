/* Spelling over LLVM's C API: short names, no policy. The builder stands at
 * the end of the block being filled. */
#ifndef KILN_CODEGEN_LL_H
#define KILN_CODEGEN_LL_H

#include <llvm-c/Core.h>

#include "plan/plan.h"

typedef LLVMValueRef Val;
typedef LLVMTypeRef Ty;

/* What a step function works on; NULL where the buffer is absent. Constants
 * are pointers to their blob's global. */
typedef struct StepArgs {
  Val in[8], out[8]; /* a concat or split of more parts: see `parts` */
  Val *parts;        /* (nin or nout) of the many-armed side */
  Val *tail;         /* (step->nin) by operand, those of the tail behind */
  Val scratch;
  Val own;         /* scratch of this part alone, where `scratch` is not */
  SplitAxis axis;  /* the loop of which this function does a part: ... */
  Val first, last; /* ... units first .. last - 1 */
} StepArgs;

/* One module being built. */
typedef struct Cg {
  Plan *plan;
  const Target *target;
  Arena *arena;
  Diag *diag;
  LLVMContextRef ctx;
  LLVMModuleRef mod;
  LLVMBuilderRef b;
  Ty void_, i1, i8, i16, i32, i64, f32, f64, ptr;
  Ty idx;               /* index type: i32 or i64, the pointer's width */
  Val fn;               /* function being built */
  const Step *step;     /* ... which is that of a step */
  const StepArgs *args; /* what it works on */
  bool for_size;
  bool open_tier; /* as of CodegenOptions */
} Cg;

/* Constants. */
Val ll_i8(Cg *g, int64_t x);
Val ll_i32(Cg *g, int64_t x);
Val ll_i64(Cg *g, int64_t x);
Val ll_idx(Cg *g, int64_t x);
Val ll_f32(Cg *g, float x); /* exactly */
Ty ll_vec(Ty elem, int n);
Val ll_splat(Cg *g, Val scalar, int n); /* n = 0: the scalar */
Val ll_const_splat(Cg *g, Ty elem, int64_t x, int n);
Val ll_poison(Ty t);
/* Shape of v's type: lanes, 0 for a scalar. */
int ll_lanes(Val v);
/* elem widened to v's number of lanes (scalar stays scalar). */
Ty ll_like(Val v, Ty elem);

/* Memory: pointers move by bytes. align 0 = 1. */
Val ll_gep(Cg *g, Val base, Val byte_offset);
Val ll_gepc(Cg *g, Val base, int64_t byte_offset);
Val ll_load(Cg *g, Ty t, Val p, int align);
void ll_store(Cg *g, Val v, Val p, int align);
/* Only the first n lanes are touched; the others of a load are those of
 * `rest`. For targets that have masks. */
Val ll_load_masked(Cg *g, Ty t, Val p, int64_t n, Val rest);
void ll_store_masked(Cg *g, Val v, Val p, int64_t n);
/* The global of a blob (made on first use). */
Val ll_blob(Cg *g, const Blob *b);
/* p with its origin hidden from the optimizer (an empty asm), so that loads
 * stay where they are. Vectors too, of x86 and AArch64. */
Val ll_hide(Cg *g, Val p);
/* The same, but known only after the n values (at most 8; vectors of x86 and
 * AArch64): what is loaded through the result is not scheduled before them. */
Val ll_after(Cg *g, Val p, const Val *v, int n);

/* Arithmetic on scalars or vectors. Mixed forms take an int64 constant. */
Val ll_add(Cg *g, Val a, Val b);
Val ll_sub(Cg *g, Val a, Val b);
Val ll_mul(Cg *g, Val a, Val b);
Val ll_addc(Cg *g, Val a, int64_t c);
Val ll_mulc(Cg *g, Val a, int64_t c);
Val ll_and(Cg *g, Val a, Val b);
Val ll_or(Cg *g, Val a, Val b);
Val ll_xorc(Cg *g, Val a, int64_t c);
Val ll_shlc(Cg *g, Val a, int c);
Val ll_ashrc(Cg *g, Val a, int c);
Val ll_lshrc(Cg *g, Val a, int c);
Val ll_sext(Cg *g, Val a, Ty elem); /* elem: scalar type; lanes kept */
Val ll_zext(Cg *g, Val a, Ty elem);
Val ll_trunc(Cg *g, Val a, Ty elem);
/* sign- or zero-extends stored 8-bit data by its dtype */
Val ll_extend(Cg *g, Val a, DType stored, Ty elem);
Val ll_icmp(Cg *g, LLVMIntPredicate p, Val a, Val b);
Val ll_select(Cg *g, Val c, Val a, Val b);
Val ll_smin(Cg *g, Val a, Val b);
Val ll_smax(Cg *g, Val a, Val b);
Val ll_clampc(Cg *g, Val a, int64_t lo, int64_t hi); /* signed */
Val ll_bitcast(Cg *g, Val a, Ty t);
Val ll_shuffle(Cg *g, Val a, Val b, const int *mask, int n);
Val ll_extract(Cg *g, Val v, int i);
Val ll_insert(Cg *g, Val v, Val x, int i);
/* Calls an intrinsic; `over` are the types it is overloaded on. */
Val ll_intrinsic(Cg *g, const char *name, const Ty *over, int nover,
                 const Val *args, int nargs);

/* Keeps LLVM from making vectors of fn's scalars: those of a target that
 * flushes subnormals would. */
void function_stays_scalar(LLVMContextRef ctx, Val fn);

#endif
