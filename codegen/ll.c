/* Spelling over LLVM's C API: see ll.h. Every helper takes scalars or
 * vectors alike; constants are splatted to the shape of their partner. */
#include "codegen/ll.h"

#include <assert.h>
#include <string.h>

Val ll_i8(Cg *g, int64_t x) {
  return LLVMConstInt(g->i8, (unsigned long long)x, 1);
}

Val ll_i32(Cg *g, int64_t x) {
  return LLVMConstInt(g->i32, (unsigned long long)x, 1);
}

Val ll_i64(Cg *g, int64_t x) {
  return LLVMConstInt(g->i64, (unsigned long long)x, 1);
}

Val ll_idx(Cg *g, int64_t x) {
  return LLVMConstInt(g->idx, (unsigned long long)x, 1);
}

/* By its bits: LLVMConstReal would pass through a double and is exact too,
 * but not for NaN payloads. */
Val ll_f32(Cg *g, float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return LLVMConstBitCast(ll_i32(g, bits), g->f32);
}

Ty ll_vec(Ty elem, int n) {
  return n ? LLVMVectorType(elem, (unsigned)n) : elem;
}

Val ll_poison(Ty t) { return LLVMGetPoison(t); }

int ll_lanes(Val v) {
  Ty t = LLVMTypeOf(v);
  if (LLVMGetTypeKind(t) != LLVMVectorTypeKind)
    return 0;
  return (int)LLVMGetVectorSize(t);
}

Ty ll_like(Val v, Ty elem) { return ll_vec(elem, ll_lanes(v)); }

static Ty elem_type(Val v) {
  Ty t = LLVMTypeOf(v);
  return LLVMGetTypeKind(t) == LLVMVectorTypeKind ? LLVMGetElementType(t) : t;
}

Val ll_splat(Cg *g, Val scalar, int n) {
  if (!n)
    return scalar;
  Val v = LLVMBuildInsertElement(g->b, ll_poison(ll_vec(elem_type(scalar), n)),
                                 scalar, ll_i32(g, 0), "");
  int mask[64] = {0};
  assert(n <= 64);
  return ll_shuffle(g, v, v, mask, n);
}

Val ll_const_splat(Cg *g, Ty elem, int64_t x, int n) {
  (void)g;
  Val c = LLVMConstInt(elem, (unsigned long long)x, 1);
  if (!n)
    return c;
  Val lane[64];
  assert(n <= 64);
  for (int i = 0; i < n; i++)
    lane[i] = c;
  return LLVMConstVector(lane, (unsigned)n);
}

/* The constant in v's shape. */
static Val like_const(Cg *g, Val v, int64_t c) {
  return ll_const_splat(g, elem_type(v), c, ll_lanes(v));
}

Val ll_gep(Cg *g, Val base, Val byte_offset) {
  return LLVMBuildInBoundsGEP2(g->b, g->i8, base, &byte_offset, 1, "");
}

Val ll_gepc(Cg *g, Val base, int64_t byte_offset) {
  return byte_offset ? ll_gep(g, base, ll_idx(g, byte_offset)) : base;
}

Val ll_load(Cg *g, Ty t, Val p, int align) {
  Val v = LLVMBuildLoad2(g->b, t, p, "");
  LLVMSetAlignment(v, (unsigned)(align ? align : 1));
  return v;
}

void ll_store(Cg *g, Val v, Val p, int align) {
  Val s = LLVMBuildStore(g->b, v, p);
  LLVMSetAlignment(s, (unsigned)(align ? align : 1));
}

Val ll_blob(Cg *g, const Blob *b) {
  Val v = LLVMGetNamedGlobal(g->mod, b->symbol);
  if (v) { /* maybe another tier's, which asked for less */
    if (LLVMGetAlignment(v) < (unsigned)b->align)
      LLVMSetAlignment(v, (unsigned)b->align);
    return v;
  }
  Val init = LLVMConstStringInContext2(g->ctx, b->data, (size_t)b->bytes, 1);
  v = LLVMAddGlobal(g->mod, LLVMTypeOf(init), b->symbol);
  LLVMSetInitializer(v, init);
  LLVMSetGlobalConstant(v, 1);
  LLVMSetLinkage(v, LLVMInternalLinkage);
  LLVMSetUnnamedAddress(v, LLVMGlobalUnnamedAddr);
  LLVMSetAlignment(v, (unsigned)b->align);
  return v;
}

/* The first n of `lanes` bits. */
static Val first_lanes(Cg *g, int64_t n, int lanes) {
  Val bits[64];
  Ty bit = LLVMInt1TypeInContext(g->ctx);
  for (int i = 0; i < lanes; i++)
    bits[i] = LLVMConstInt(bit, i < n, 0);
  return LLVMConstVector(bits, (unsigned)lanes);
}

Val ll_load_masked(Cg *g, Ty t, Val p, int64_t n, Val rest) {
  Ty over[] = {t, g->ptr};
  Val mask = first_lanes(g, n, ll_lanes(rest));
  return ll_intrinsic(g, "llvm.masked.load", over, 2,
                      (Val[]){p, ll_i32(g, 1), mask, rest}, 4);
}

void ll_store_masked(Cg *g, Val v, Val p, int64_t n) {
  Ty over[] = {LLVMTypeOf(v), g->ptr};
  Val mask = first_lanes(g, n, ll_lanes(v));
  ll_intrinsic(g, "llvm.masked.store", over, 2,
               (Val[]){v, p, ll_i32(g, 1), mask}, 4);
}

Val ll_hide(Cg *g, Val p) {
  Ty t = LLVMTypeOf(p);
  Ty fn = LLVMFunctionType(t, &t, 1, 0);
  bool arm = g->target->arch == ARCH_aarch64;
  const char *constraints = !ll_lanes(p) ? "=r,0" : arm ? "=w,0" : "=v,0";
  Val code = LLVMGetInlineAsm(fn, "", 0, constraints, 4, 0, 0,
                              LLVMInlineAsmDialectATT, 0);
  return LLVMBuildCall2(g->b, fn, code, &p, 1, "");
}

Val ll_after(Cg *g, Val p, const Val *v, int n) {
  char constraints[5 + 2 * 8] = "=r,0";
  Val args[9] = {p};
  Ty types[9] = {LLVMTypeOf(p)};
  assert(n <= 8);
  for (int i = 0; i < n; i++) {
    args[i + 1] = v[i];
    types[i + 1] = LLVMTypeOf(v[i]);
    strcat(constraints, !ll_lanes(v[i])                   ? ",r"
                        : g->target->arch == ARCH_aarch64 ? ",w"
                                                          : ",v");
  }
  unsigned count = (unsigned)n + 1;
  Ty fn = LLVMFunctionType(types[0], types, count, 0);
  Val code = LLVMGetInlineAsm(fn, "", 0, constraints, 4 + 2 * (size_t)n, 0, 0,
                              LLVMInlineAsmDialectATT, 0);
  return LLVMBuildCall2(g->b, fn, code, args, count, "");
}

Val ll_add(Cg *g, Val a, Val b) { return LLVMBuildAdd(g->b, a, b, ""); }
Val ll_sub(Cg *g, Val a, Val b) { return LLVMBuildSub(g->b, a, b, ""); }
Val ll_mul(Cg *g, Val a, Val b) { return LLVMBuildMul(g->b, a, b, ""); }
Val ll_and(Cg *g, Val a, Val b) { return LLVMBuildAnd(g->b, a, b, ""); }
Val ll_or(Cg *g, Val a, Val b) { return LLVMBuildOr(g->b, a, b, ""); }

Val ll_addc(Cg *g, Val a, int64_t c) {
  return c ? ll_add(g, a, like_const(g, a, c)) : a;
}

Val ll_mulc(Cg *g, Val a, int64_t c) {
  return c == 1 ? a : ll_mul(g, a, like_const(g, a, c));
}

Val ll_xorc(Cg *g, Val a, int64_t c) {
  return c ? LLVMBuildXor(g->b, a, like_const(g, a, c), "") : a;
}

Val ll_shlc(Cg *g, Val a, int c) {
  return c ? LLVMBuildShl(g->b, a, like_const(g, a, c), "") : a;
}

Val ll_ashrc(Cg *g, Val a, int c) {
  return c ? LLVMBuildAShr(g->b, a, like_const(g, a, c), "") : a;
}

Val ll_lshrc(Cg *g, Val a, int c) {
  return c ? LLVMBuildLShr(g->b, a, like_const(g, a, c), "") : a;
}

Val ll_sext(Cg *g, Val a, Ty elem) {
  return LLVMBuildSExt(g->b, a, ll_like(a, elem), "");
}

Val ll_zext(Cg *g, Val a, Ty elem) {
  return LLVMBuildZExt(g->b, a, ll_like(a, elem), "");
}

Val ll_trunc(Cg *g, Val a, Ty elem) {
  return LLVMBuildTrunc(g->b, a, ll_like(a, elem), "");
}

Val ll_extend(Cg *g, Val a, DType stored, Ty elem) {
  return dtype_is_signed(stored) ? ll_sext(g, a, elem) : ll_zext(g, a, elem);
}

Val ll_icmp(Cg *g, LLVMIntPredicate p, Val a, Val b) {
  return LLVMBuildICmp(g->b, p, a, b, "");
}

Val ll_select(Cg *g, Val c, Val a, Val b) {
  return LLVMBuildSelect(g->b, c, a, b, "");
}

static Val min_max(Cg *g, const char *name, Val a, Val b) {
  Ty t = LLVMTypeOf(a);
  Val args[] = {a, b};
  return ll_intrinsic(g, name, &t, 1, args, 2);
}

Val ll_smin(Cg *g, Val a, Val b) { return min_max(g, "llvm.smin", a, b); }
Val ll_smax(Cg *g, Val a, Val b) { return min_max(g, "llvm.smax", a, b); }

Val ll_clampc(Cg *g, Val a, int64_t lo, int64_t hi) {
  a = ll_smax(g, a, like_const(g, a, lo));
  return ll_smin(g, a, like_const(g, a, hi));
}

Val ll_bitcast(Cg *g, Val a, Ty t) { return LLVMBuildBitCast(g->b, a, t, ""); }

Val ll_shuffle(Cg *g, Val a, Val b, const int *mask, int n) {
  Val lane[128];
  assert(n <= 128);
  for (int i = 0; i < n; i++)
    lane[i] = mask[i] < 0 ? LLVMGetPoison(g->i32) : ll_i32(g, mask[i]);
  return LLVMBuildShuffleVector(g->b, a, b, LLVMConstVector(lane, (unsigned)n),
                                "");
}

Val ll_extract(Cg *g, Val v, int i) {
  return LLVMBuildExtractElement(g->b, v, ll_i32(g, i), "");
}

Val ll_insert(Cg *g, Val v, Val x, int i) {
  return LLVMBuildInsertElement(g->b, v, x, ll_i32(g, i), "");
}

Val ll_intrinsic(Cg *g, const char *name, const Ty *over, int nover,
                 const Val *args, int nargs) {
  unsigned id = LLVMLookupIntrinsicID(name, strlen(name));
  assert(id && "unknown intrinsic");
  Ty types[4];
  Val vals[8];
  assert(nover <= 4 && nargs <= 8);
  for (int i = 0; i < nover; i++)
    types[i] = over[i];
  for (int i = 0; i < nargs; i++)
    vals[i] = args[i];
  Val fn = LLVMGetIntrinsicDeclaration(g->mod, id, types, (size_t)nover);
  Ty type = LLVMIntrinsicGetType(g->ctx, id, types, (size_t)nover);
  return LLVMBuildCall2(g->b, type, fn, vals, (unsigned)nargs, "");
}
