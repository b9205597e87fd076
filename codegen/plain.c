/* Loads, stores and conversions of plain elements: plain.h. Where there are
 * no instructions for f16 it goes by integer operations that round alike:
 *
 *   widen   magnitude bits << 13, read as f32, times 2^112: subnormals come
 *           out right; infinity and NaN get the exponent's ones back
 *   narrow  normal: exponent moved, rounded by adding just below a half, and
 *           one more where the last kept bit is odd; subnormal: 1/2 is added,
 *           whose last place is theirs, so the addition rounds
 */
#include "codegen/plain.h"

#include "codegen/real.h"

Ty plain_type(Cg *g, DType t) {
  if (t == DT_f64)
    return g->f64;
  if (dtype_is_float(t))
    return g->f32;
  return LLVMIntTypeInContext(g->ctx, (unsigned)dtype_bits(t));
}

int64_t plain_bytes(DType t) { return dtype_bits(t) / 8; }

static int plain_align(const Cg *g, DType t) {
  int bytes = (int)plain_bytes(t);
  return bytes < g->plan->arena_align ? bytes : g->plan->arena_align;
}

static Val splat_int(Cg *g, Val like, int64_t x) {
  Ty t = LLVMTypeOf(like);
  if (ll_lanes(like))
    t = LLVMGetElementType(t);
  return ll_const_splat(g, t, x, ll_lanes(like));
}

Val plain_const(Cg *g, Val like, double x) {
  Ty t = LLVMTypeOf(like);
  int lanes = ll_lanes(like);
  Ty e = lanes ? LLVMGetElementType(t) : t;
  if (LLVMGetTypeKind(e) == LLVMIntegerTypeKind)
    return ll_const_splat(g, e, (int64_t)x, lanes);
  Val one = e == g->f32 ? ll_f32(g, (float)x) : LLVMConstReal(e, x);
  return ll_splat(g, one, lanes);
}

static Val and_const(Cg *g, Val a, int64_t c) {
  return ll_and(g, a, splat_int(g, a, c));
}

static Val or_const(Cg *g, Val a, int64_t c) {
  return ll_or(g, a, splat_int(g, a, c));
}

static Val above(Cg *g, Val a, int64_t c) {
  return ll_icmp(g, LLVMIntUGT, a, splat_int(g, a, c));
}

static Val as_float(Cg *g, Val bits) {
  return ll_bitcast(g, bits, ll_like(bits, g->f32));
}

static Val as_bits(Cg *g, Val x) {
  return ll_bitcast(g, x, ll_like(x, g->i32));
}

/* ---- f16, bf16 ---- */

static Val widen_f16(Cg *g, Val stored) {
  if (target_converts_f16(g->target)) {
    Ty half = ll_like(stored, LLVMHalfTypeInContext(g->ctx));
    return LLVMBuildFPExt(g->b, ll_bitcast(g, stored, half),
                          ll_like(stored, g->f32), "");
  }
  Val x = ll_zext(g, stored, g->i32);
  Val sign = ll_shlc(g, and_const(g, x, 0x8000), 16);
  Val magnitude = and_const(g, x, 0x7fff);
  Val f = as_float(g, ll_shlc(g, magnitude, 13));
  f = LLVMBuildFMul(g->b, f, plain_const(g, f, 0x1p112), "");
  Val bits = as_bits(g, f);
  Val special = above(g, magnitude, 0x7bff);
  bits = ll_select(g, special, or_const(g, bits, 0x7f800000), bits);
  return as_float(g, ll_or(g, bits, sign));
}

static Val convert_to_f16(Cg *g, Val x) {
  Ty half = ll_like(x, LLVMHalfTypeInContext(g->ctx));
  Val y = LLVMBuildFPTrunc(g->b, x, half, "");
  y = ll_bitcast(g, y, ll_like(x, g->i16));
  Val nan = LLVMBuildFCmp(g->b, LLVMRealUNO, x, x, "");
  return ll_select(g, nan, splat_int(g, y, 0x7e00), y);
}

static Val narrow_f16(Cg *g, Val x) {
  if (target_converts_f16(g->target))
    return convert_to_f16(g, x);
  Val u = as_bits(g, x);
  Val sign = and_const(g, ll_lshrc(g, u, 16), 0x8000);
  Val a = and_const(g, u, 0x7fffffff);
  Val odd = and_const(g, ll_lshrc(g, a, 13), 1);
  Val normal = ll_addc(g, ll_add(g, a, odd), 0xfff - (112 << 23));
  normal = ll_lshrc(g, normal, 13);
  Val f = as_float(g, a);
  f = LLVMBuildFAdd(g->b, f, plain_const(g, f, 0.5), "");
  Val small = ll_addc(g, as_bits(g, f), -0x3f000000);
  Val y = ll_select(g, above(g, a, 0x387fffff), normal, small);
  y = ll_select(g, above(g, a, 0x477fffff), splat_int(g, a, 0x7c00), y);
  y = ll_or(g, y, sign);
  y = ll_select(g, above(g, a, 0x7f800000), splat_int(g, a, 0x7e00), y);
  return ll_trunc(g, y, g->i16);
}

static Val widen_bf16(Cg *g, Val stored) {
  return as_float(g, ll_shlc(g, ll_zext(g, stored, g->i32), 16));
}

static Val narrow_bf16(Cg *g, Val x) {
  Val u = as_bits(g, x);
  Val odd = and_const(g, ll_lshrc(g, u, 16), 1);
  Val y = ll_lshrc(g, ll_addc(g, ll_add(g, u, odd), 0x7fff), 16);
  Val nan = above(g, and_const(g, u, 0x7fffffff), 0x7f800000);
  y = ll_select(g, nan, splat_int(g, u, 0x7fc0), y);
  return ll_trunc(g, y, g->i16);
}

/* ---- memory ---- */

static Ty bits_type(Cg *g, DType t) {
  return LLVMIntTypeInContext(g->ctx, (unsigned)dtype_bits(t));
}

Val plain_load_bits(Cg *g, DType t, Val p, int lanes) {
  return ll_load(g, ll_vec(bits_type(g, t), lanes), p, plain_align(g, t));
}

void plain_store_bits(Cg *g, DType t, Val v, Val p) {
  ll_store(g, v, p, plain_align(g, t));
}

Val plain_widen(Cg *g, DType t, Val bits) {
  if (t == DT_f16)
    return widen_f16(g, bits);
  return t == DT_bf16 ? widen_bf16(g, bits) : bits;
}

Val plain_narrow(Cg *g, DType t, Val x) {
  if (t == DT_f16)
    return narrow_f16(g, x);
  return t == DT_bf16 ? narrow_bf16(g, x) : x;
}

Val plain_rounded(Cg *g, DType t, Val x) {
  return plain_widen(g, t, plain_narrow(g, t, x));
}

Val plain_load(Cg *g, DType t, Val p, int lanes) {
  if (t == DT_f32 || t == DT_f64)
    return ll_load(g, ll_vec(plain_type(g, t), lanes), p, plain_align(g, t));
  Val v = plain_load_bits(g, t, p, lanes);
  return t == DT_bool ? and_const(g, v, 1) : plain_widen(g, t, v);
}

void plain_store(Cg *g, DType t, Val v, Val p) {
  ll_store(g, plain_narrow(g, t, v), p, plain_align(g, t));
}

/* ---- order ---- */

/* Of MVE's vectors by their bits: LLVM 19 makes "greater or equal, and less"
 * of an unordered comparison there, which nothing is. */
Val plain_is_nan(Cg *g, Val a) {
  if (g->target->flushes && ll_lanes(a))
    return above(g, and_const(g, as_bits(g, a), INT32_MAX), 0x7f800000);
  return LLVMBuildFCmp(g->b, LLVMRealUNO, a, a, "");
}

Val plain_less(Cg *g, DType t, Val a, Val b) {
  if (dtype_is_float(t))
    return LLVMBuildFCmp(g->b, LLVMRealOLT, a, b, "");
  return ll_icmp(g, dtype_is_signed(t) ? LLVMIntSLT : LLVMIntULT, a, b);
}

Val plain_equal(Cg *g, DType t, Val a, Val b) {
  if (dtype_is_float(t))
    return LLVMBuildFCmp(g->b, LLVMRealOEQ, a, b, "");
  return ll_icmp(g, LLVMIntEQ, a, b);
}

Val plain_extreme(Cg *g, DType t, bool greater, Val a, Val b) {
  Val first = greater ? plain_less(g, t, b, a) : plain_less(g, t, a, b);
  if (dtype_is_float(t))
    first = ll_or(g, first, plain_is_nan(g, a));
  return ll_select(g, first, a, b);
}

/* ---- casts ---- */

static Val float_to_float(Cg *g, DType from, DType to, Val v) {
  if (from == DT_f64 && to != DT_f64)
    return LLVMBuildFPTrunc(g->b, v, ll_like(v, g->f32), "");
  if (from != DT_f64 && to == DT_f64)
    return LLVMBuildFPExt(g->b, v, ll_like(v, g->f64), "");
  return v;
}

/* To few bits, whose ends are floats: LLVM has no vectors of the saturating
 * conversion everywhere. */
static Val float_to_small(Cg *g, DType to, Val v) {
  Val zero = LLVMConstNull(LLVMTypeOf(v));
  Val lo = real_like(g, (double)dtype_min(to), v);
  Val hi = real_like(g, (double)dtype_max(to), v);
  v = ll_select(g, LLVMBuildFCmp(g->b, LLVMRealUNO, v, v, ""), zero, v);
  v = real_min(g, real_max(g, v, lo), hi);
  v = LLVMBuildFPToSI(g->b, v, ll_like(v, g->i32), "");
  return ll_trunc(g, v, plain_type(g, to));
}

static Val float_to_integer(Cg *g, DType to, Val v) {
  if (dtype_bits(to) <= 16 && ll_lanes(v))
    return float_to_small(g, to, v);
  Ty over[] = {ll_like(v, plain_type(g, to)), LLVMTypeOf(v)};
  const char *name =
      dtype_is_signed(to) ? "llvm.fptosi.sat" : "llvm.fptoui.sat";
  return ll_intrinsic(g, name, over, 2, &v, 1);
}

static Val integer_to_float(Cg *g, DType from, DType to, Val v) {
  Ty t = ll_like(v, plain_type(g, to));
  return dtype_is_signed(from) ? LLVMBuildSIToFP(g->b, v, t, "")
                               : LLVMBuildUIToFP(g->b, v, t, "");
}

/* The value that is not 0, as 0 or 1. */
static Val to_bool(Cg *g, DType from, Val v) {
  Val zero = LLVMConstNull(LLVMTypeOf(v));
  Val is = dtype_is_float(from) ? LLVMBuildFCmp(g->b, LLVMRealUNE, v, zero, "")
                                : ll_icmp(g, LLVMIntNE, v, zero);
  return ll_zext(g, is, g->i8);
}

static int value_bits(DType t) {
  return t == DT_bool ? 1 : dtype_bits(t) - dtype_is_signed(t);
}

static Val lesser(Cg *g, DType t, Val a, int64_t most) {
  Val c = splat_int(g, a, most);
  return ll_select(g, plain_less(g, t, a, c), a, c);
}

/* v limited to `to`'s range, in the type that it has. */
static Val saturated(Cg *g, DType from, DType to, Val v) {
  if (dtype_is_signed(from)) {
    bool narrower = dtype_bits(to) < dtype_bits(from);
    if (!dtype_is_signed(to) || narrower)
      v = ll_smax(g, v, splat_int(g, v, dtype_min(to)));
  }
  return value_bits(to) < value_bits(from) ? lesser(g, from, v, dtype_max(to))
                                           : v;
}

static Val resize(Cg *g, DType from, DType to, Val v) {
  if (dtype_bits(to) == dtype_bits(from))
    return v;
  Ty t = plain_type(g, to);
  return dtype_bits(to) < dtype_bits(from) ? ll_trunc(g, v, t)
                                           : ll_extend(g, v, from, t);
}

Val plain_cast(Cg *g, DType from, DType to, bool saturate, Val v) {
  if (to == DT_bool)
    return to_bool(g, from, v);
  if (dtype_is_float(from))
    return dtype_is_float(to) ? float_to_float(g, from, to, v)
                              : float_to_integer(g, to, v);
  if (dtype_is_float(to))
    return integer_to_float(g, from, to, v);
  return resize(g, from, to, saturate ? saturated(g, from, to, v) : v);
}
