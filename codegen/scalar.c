/* The functions of ir/scalar.def as IR: see scalar.h. ir/scalar_steps.h is
 * expanded over the operations below, which build instructions. */
#include "codegen/scalar.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "ir/scalar_constants.h"

/* What the operations have to know: where to build, and for which numbers. */
typedef struct ScalarCx {
  Cg *g;
  const ScalarConstants *k;
  int lanes;
  Ty real, bits; /* scalar types */
} ScalarCx;

typedef const ScalarCx *Cx;
typedef Val Real;
typedef Val Bits;
typedef Val Mask;
#define KONST(c) ((c)->k)
#define S(name) step_##name

static Val step_constant(Cx c, double x) {
  Val one =
      c->real == c->g->f32 ? ll_f32(c->g, (float)x) : LLVMConstReal(c->real, x);
  return ll_splat(c->g, one, c->lanes);
}

static Val step_constant_bits(Cx c, int64_t x) {
  return ll_const_splat(c->g, c->bits, x, c->lanes);
}

static Val step_bits(Cx c, Val a) {
  return ll_bitcast(c->g, a, ll_vec(c->bits, c->lanes));
}

static Val step_real(Cx c, Val a) {
  return ll_bitcast(c->g, a, ll_vec(c->real, c->lanes));
}

#define OPERATION(name, Build)                                                 \
  static Val step_##name(Cx c, Val a, Val b) {                                 \
    return LLVMBuild##Build(c->g->b, a, b, "");                                \
  }
OPERATION(add, FAdd)
OPERATION(sub, FSub)
OPERATION(mul, FMul)
OPERATION(div, FDiv)
OPERATION(either, Or)
OPERATION(both, And)
OPERATION(iadd, Add)
OPERATION(isub, Sub)
OPERATION(imul, Mul)
OPERATION(iand, And)
OPERATION(ior, Or)
OPERATION(ixor, Xor)
OPERATION(shl, Shl)
OPERATION(shr, LShr)
OPERATION(sar, AShr)
#undef OPERATION

static Val step_lt(Cx c, Val a, Val b) {
  return LLVMBuildFCmp(c->g->b, LLVMRealOLT, a, b, "");
}

static Val step_eq(Cx c, Val a, Val b) {
  return LLVMBuildFCmp(c->g->b, LLVMRealOEQ, a, b, "");
}

static Val step_is_nan(Cx c, Val a) {
  return LLVMBuildFCmp(c->g->b, LLVMRealUNO, a, a, "");
}

static Val step_ilt(Cx c, Val a, Val b) {
  return ll_icmp(c->g, LLVMIntULT, a, b);
}

static Val step_ieq(Cx c, Val a, Val b) {
  return ll_icmp(c->g, LLVMIntEQ, a, b);
}

static Val step_not_(Cx c, Val m) { return LLVMBuildNot(c->g->b, m, ""); }

static Val step_pick(Cx c, Val m, Val a, Val b) {
  return ll_select(c->g, m, a, b);
}

static Val step_pick_bits(Cx c, Val m, Val a, Val b) {
  return ll_select(c->g, m, a, b);
}

Val scalar_fma(Cg *g, Val a, Val b, Val d) {
  Ty t = LLVMTypeOf(a);
  if (g->target->fma)
    return ll_intrinsic(g, "llvm.fma", &t, 1, (Val[]){a, b, d}, 3);
  return LLVMBuildFAdd(g->b, LLVMBuildFMul(g->b, a, b, ""), d, "");
}

static Val step_fma(Cx c, Val a, Val b, Val d) {
  return scalar_fma(c->g, a, b, d);
}

static Val step_sqrt(Cx c, Val a) {
  Ty t = LLVMTypeOf(a);
  return ll_intrinsic(c->g, "llvm.sqrt", &t, 1, &a, 1);
}

/* ---- control ---- */

enum { CONTROL_MAX = 8 };

static Val any_lane(Cx c, Val mask) {
  Ty t = LLVMTypeOf(mask);
  if (!c->lanes)
    return mask;
  return ll_intrinsic(c->g, "llvm.vector.reduce.or", &t, 1, &mask, 1);
}

static LLVMBasicBlockRef new_block(Cx c, const char *name) {
  return LLVMAppendBasicBlockInContext(c->g->ctx, c->g->fn, name);
}

/* A block is entered where some lane asks; the others keep what they have. */
static void step_rare(Cx c, Val m, void (*f)(Cx, const Val *, Val *),
                      const Val *in, int nin, Val *out, int nout) {
  LLVMBasicBlockRef from = LLVMGetInsertBlock(c->g->b);
  LLVMBasicBlockRef rare = new_block(c, "rare"), join = new_block(c, "join");
  Val other[CONTROL_MAX];
  (void)nin;
  assert(nout <= CONTROL_MAX);
  LLVMBuildCondBr(c->g->b, any_lane(c, m), rare, join);
  LLVMPositionBuilderAtEnd(c->g->b, rare);
  f(c, in, other);
  for (int i = 0; i < nout; i++)
    other[i] = ll_select(c->g, m, other[i], out[i]);
  LLVMBasicBlockRef last = LLVMGetInsertBlock(c->g->b);
  LLVMBuildBr(c->g->b, join);
  LLVMPositionBuilderAtEnd(c->g->b, join);
  for (int i = 0; i < nout; i++) {
    Val phi = LLVMBuildPhi(c->g->b, LLVMTypeOf(out[i]), "");
    LLVMAddIncoming(phi, (Val[]){out[i], other[i]},
                    (LLVMBasicBlockRef[]){from, last}, 2);
    out[i] = phi;
  }
}

/* Turns go on while some lane has more; those that have not stay. */
static void step_repeat(Cx c, Val *state, int n, Val (*more)(Cx, const Val *),
                        void (*turn)(Cx, Val *)) {
  LLVMBasicBlockRef from = LLVMGetInsertBlock(c->g->b);
  LLVMBasicBlockRef head = new_block(c, "head"), body = new_block(c, "turn");
  LLVMBasicBlockRef done = new_block(c, "done");
  Val phi[CONTROL_MAX], next[CONTROL_MAX];
  assert(n <= CONTROL_MAX);
  LLVMBuildBr(c->g->b, head);
  LLVMPositionBuilderAtEnd(c->g->b, head);
  for (int i = 0; i < n; i++) {
    next[i] = phi[i] = LLVMBuildPhi(c->g->b, LLVMTypeOf(state[i]), "");
    LLVMAddIncoming(phi[i], &state[i], &from, 1);
  }
  Val m = more(c, phi);
  LLVMBuildCondBr(c->g->b, any_lane(c, m), body, done);
  LLVMPositionBuilderAtEnd(c->g->b, body);
  turn(c, next);
  for (int i = 0; i < n; i++) {
    next[i] = ll_select(c->g, m, next[i], phi[i]);
    LLVMAddIncoming(phi[i], &next[i], &body, 1);
    state[i] = phi[i];
  }
  LLVMBuildBr(c->g->b, head);
  LLVMPositionBuilderAtEnd(c->g->b, done);
}

/* clang-format off */
#include "ir/scalar_steps.h"
#include "ir/scalar_angles.h"
#include "ir/scalar_powers.h"
/* clang-format on */

static ScalarCx context(Cg *g, Val x) {
  Ty t = LLVMTypeOf(x);
  ScalarCx c = {.g = g, .lanes = ll_lanes(x)};
  c.real = c.lanes ? LLVMGetElementType(t) : t;
  c.k = c.real == g->f32 ? &scalar_f32 : &scalar_f64;
  c.bits = c.real == g->f32 ? g->i32 : g->i64;
  return c;
}

#define SCALAR1(name)                                                          \
  Val scalar_##name(Cg *g, Val x) {                                            \
    ScalarCx c = context(g, x);                                                \
    return step_##name(&c, x);                                                 \
  }
#define SCALAR2(name)                                                          \
  Val scalar_##name(Cg *g, Val a, Val b) {                                     \
    ScalarCx c = context(g, a);                                                \
    return step_##name(&c, a, b);                                              \
  }
#include "ir/scalar.def"
