/* Float idioms: see real.h. Comparisons are ordered and spelled as selects,
 * which every target turns into what the definitions in C do. */
#include "codegen/real.h"

#include <assert.h>

static Ty elem_of(Val v) {
  Ty t = LLVMTypeOf(v);
  return LLVMGetTypeKind(t) == LLVMVectorTypeKind ? LLVMGetElementType(t) : t;
}

static int elem_bytes(Val v) {
  Ty t = elem_of(v);
  if (LLVMGetTypeKind(t) == LLVMIntegerTypeKind)
    return (int)LLVMGetIntTypeWidth(t) / 8;
  return LLVMGetTypeKind(t) == LLVMDoubleTypeKind ? 8 : 4;
}

Val real_like(Cg *g, double x, Val like) {
  return ll_splat(g, LLVMConstReal(elem_of(like), x), ll_lanes(like));
}

Val real_fma(Cg *g, Val a, Val b, Val c) {
  Ty t = LLVMTypeOf(c);
  if (g->target->fma)
    return ll_intrinsic(g, "llvm.fma", &t, 1, (Val[]){a, b, c}, 3);
  return LLVMBuildFAdd(g->b, LLVMBuildFMul(g->b, a, b, ""), c, "");
}

Val real_max(Cg *g, Val x, Val y) {
  return ll_select(g, LLVMBuildFCmp(g->b, LLVMRealOGT, x, y, ""), x, y);
}

Val real_min(Cg *g, Val x, Val y) {
  return ll_select(g, LLVMBuildFCmp(g->b, LLVMRealOLT, x, y, ""), x, y);
}

/* Where floats are integers, an addition rounds. */
Val real_round_even(Cg *g, Val x) {
  Val big = real_like(g, elem_bytes(x) == 8 ? 0x1.8p52 : 0x1.8p23, x);
  return LLVMBuildFSub(g->b, LLVMBuildFAdd(g->b, x, big, ""), big, "");
}

/* x < lo ? lo : x > hi ? hi : x */
static Val clamp(Cg *g, Val x, double lo, double hi) {
  Val h = real_like(g, hi, x), l = real_like(g, lo, x);
  Val above = LLVMBuildFCmp(g->b, LLVMRealOGT, x, h, "");
  Val below = LLVMBuildFCmp(g->b, LLVMRealOLT, x, l, "");
  return ll_select(g, below, l, ll_select(g, above, h, x));
}

Val real_act(Cg *g, Act act, Val x) {
  switch (act) {
  case ACT_relu:
    return real_max(g, x, real_like(g, 0, x));
  case ACT_relu6:
    return clamp(g, x, 0, 6);
  case ACT_relu_n1_1:
    return clamp(g, x, -1, 1);
  case ACT_relu_0_1:
    return clamp(g, x, 0, 1);
  case ACT_none:
  case ACT_COUNT:
    break;
  }
  return x;
}

void real_store(Cg *g, Val v, Val p, int64_t n) {
  int lanes = ll_lanes(v), bytes = elem_bytes(v), at = 0;
  if (n >= lanes) {
    ll_store(g, v, p, bytes);
    return;
  }
  for (int part = lanes / 2; part; part /= 2) {
    if (n - at < part)
      continue;
    int mask[64];
    for (int i = 0; i < part; i++)
      mask[i] = at + i;
    Val some =
        part == 1 ? ll_extract(g, v, at) : ll_shuffle(g, v, v, mask, part);
    ll_store(g, some, ll_gepc(g, p, (int64_t)at * bytes), bytes);
    at += part;
  }
}
