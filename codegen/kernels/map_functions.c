/* One function a row of ir/map.def. Integers are computed in the width that
 * they are stored in: what is kept of a result is its low bits, and those of
 * sums, products and shifts depend on low bits alone; the rest is spelled out
 * so that it never leaves the width. */
#include "codegen/kernels/map_functions.h"

#include <math.h>

#include "codegen/kernels/light.h"
#include "codegen/plain.h"
#include "codegen/scalar.h"
#include "ir/map.h"

/* An op's functions see its inputs' type and its parameter. */
typedef struct MapCx {
  Cg *g;
  DType t;
  bool is_float, is_signed;
  double parameter;
} MapCx;

typedef Val (*MapFn)(const MapCx *m, Val a, Val b);

static Val zero_of(Val a) { return LLVMConstNull(LLVMTypeOf(a)); }

static Val from_cond(const MapCx *m, Val cond) {
  return ll_zext(m->g, cond, m->g->i8);
}

static Val less(const MapCx *m, Val a, Val b) {
  return plain_less(m->g, m->t, a, b);
}

static Val is_zero(const MapCx *m, Val a) {
  return plain_equal(m->g, m->t, a, zero_of(a));
}

static Val pick(const MapCx *m, Val cond, Val a, Val b) {
  return ll_select(m->g, cond, a, b);
}

static Val constant(const MapCx *m, Val like, double x) {
  return plain_const(m->g, like, x);
}

/* ---- arithmetic ---- */

#define ARITHMETIC(name, Float, Integer)                                       \
  static Val name(const MapCx *m, Val a, Val b) {                              \
    return m->is_float ? LLVMBuild##Float(m->g->b, a, b, "")                   \
                       : LLVMBuild##Integer(m->g->b, a, b, "");                \
  }
ARITHMETIC(map_add, FAdd, Add)
ARITHMETIC(map_sub, FSub, Sub)
ARITHMETIC(map_mul, FMul, Mul)

static Val map_neg(const MapCx *m, Val a, Val b) {
  (void)b;
  return m->is_float ? LLVMBuildFNeg(m->g->b, a, "")
                     : LLVMBuildNeg(m->g->b, a, "");
}

static Val map_abs(const MapCx *m, Val a, Val b) {
  Ty t = LLVMTypeOf(a);
  (void)b;
  if (m->is_float)
    return ll_intrinsic(m->g, "llvm.fabs", &t, 1, &a, 1);
  if (!m->is_signed)
    return a;
  return pick(m, less(m, a, zero_of(a)), LLVMBuildNeg(m->g->b, a, ""), a);
}

/* Of 0 and of NaN it is the operand itself. */
static Val map_sign(const MapCx *m, Val a, Val b) {
  (void)b;
  Val y = a;
  if (m->is_float || m->is_signed)
    y = pick(m, less(m, a, zero_of(a)), constant(m, a, -1), y);
  return pick(m, less(m, zero_of(a), a), constant(m, a, 1), y);
}

static Val map_sqrt(const MapCx *m, Val a, Val b) {
  Ty t = LLVMTypeOf(a);
  (void)b;
  return ll_intrinsic(m->g, "llvm.sqrt", &t, 1, &a, 1);
}

static Val map_min(const MapCx *m, Val a, Val b) {
  return plain_extreme(m->g, m->t, false, a, b);
}

static Val map_max(const MapCx *m, Val a, Val b) {
  return plain_extreme(m->g, m->t, true, a, b);
}

static Val map_relu(const MapCx *m, Val a, Val b) {
  (void)b;
  return pick(m, less(m, zero_of(a), a), a, zero_of(a));
}

static Val map_relu6(const MapCx *m, Val a, Val b) {
  (void)b;
  Val six = constant(m, a, 6), y = pick(m, less(m, six, a), six, a);
  if (!m->is_float && !m->is_signed)
    return y;
  return pick(m, less(m, a, zero_of(a)), zero_of(a), y);
}

static Val map_leaky_relu(const MapCx *m, Val a, Val b) {
  (void)b;
  Val below = LLVMBuildFMul(m->g->b, constant(m, a, m->parameter), a, "");
  return pick(m, less(m, zero_of(a), a), a, below);
}

#define SCALAR1(name)                                                          \
  static Val map_##name(const MapCx *m, Val a, Val b) {                        \
    (void)b;                                                                   \
    return scalar_##name(m->g, a);                                             \
  }
#define SCALAR2(name)
#include "ir/scalar.def"
#undef SCALAR1
#undef SCALAR2

/* ---- division ---- */

/* A divisor that the instruction takes: neither 0 nor, where the quotient
 * would overflow, -1; 1 instead. */
static Val tame_divisor(const MapCx *m, Val b, Val *odd) {
  *odd = is_zero(m, b);
  if (m->is_signed)
    *odd = ll_or(m->g, *odd, plain_equal(m->g, m->t, b, constant(m, b, -1)));
  return pick(m, *odd, constant(m, b, 1), b);
}

/* By 0 it is 0, by -1 the negative. */
static Val map_div(const MapCx *m, Val a, Val b) {
  Val odd;
  if (m->is_float)
    return LLVMBuildFDiv(m->g->b, a, b, "");
  Val d = tame_divisor(m, b, &odd);
  Val q = m->is_signed ? LLVMBuildSDiv(m->g->b, a, d, "")
                       : LLVMBuildUDiv(m->g->b, a, d, "");
  Val special = zero_of(a);
  if (m->is_signed)
    special = pick(m, is_zero(m, b), special, LLVMBuildNeg(m->g->b, a, ""));
  return pick(m, odd, special, q);
}

static Val remainder_of(const MapCx *m, Val a, Val b) {
  Val odd, d = tame_divisor(m, b, &odd);
  Val r = m->is_signed ? LLVMBuildSRem(m->g->b, a, d, "")
                       : LLVMBuildURem(m->g->b, a, d, "");
  return pick(m, odd, zero_of(a), r);
}

static Val map_mod(const MapCx *m, Val a, Val b) {
  if (m->is_float)
    return m->parameter != 0 ? scalar_fmod(m->g, a, b) : scalar_mod(m->g, a, b);
  Val r = remainder_of(m, a, b), zero = zero_of(a);
  if (m->parameter != 0 || !m->is_signed)
    return r;
  Val differ = less(m, LLVMBuildXor(m->g->b, r, b, ""), zero);
  Val corrects = ll_and(m->g, differ, ll_icmp(m->g, LLVMIntNE, r, zero));
  return ll_add(m->g, r, pick(m, corrects, b, zero));
}

/* Square and multiply over all bits of the exponent. */
static Val wrapping_power(const MapCx *m, Val a, Val b) {
  Cg *g = m->g;
  Val init[] = {constant(m, a, 1), a, b};
  Loop l = loop_begin_carry(g, 0, dtype_bits(m->t), 1, 3, init);
  Val bit = ll_trunc(g, l.carry[2], g->i1);
  Val next[] = {pick(m, bit, ll_mul(g, l.carry[0], l.carry[1]), l.carry[0]),
                ll_mul(g, l.carry[1], l.carry[1]), ll_lshrc(g, l.carry[2], 1)};
  loop_end(g, &l, next);
  return l.carry[0];
}

/* With a negative exponent 1, -1 or 0. */
static Val map_pow(const MapCx *m, Val a, Val b) {
  Cg *g = m->g;
  if (m->is_float)
    return scalar_pow(g, a, b);
  Val y = wrapping_power(m, a, b);
  if (!m->is_signed)
    return y;
  Val one = constant(m, a, 1), minus = constant(m, a, -1);
  Val odd = ll_trunc(g, b, g->i1);
  Val unit = pick(m, odd, a, one);
  Val is_unit =
      ll_or(g, plain_equal(g, m->t, a, one), plain_equal(g, m->t, a, minus));
  Val inverse = pick(m, is_unit, unit, zero_of(a));
  return pick(m, less(m, b, zero_of(b)), inverse, y);
}

/* ---- bits ---- */

static Val map_not(const MapCx *m, Val a, Val b) {
  (void)b;
  return ll_xorc(m->g, a, 1);
}

static Val map_bit_not(const MapCx *m, Val a, Val b) {
  (void)b;
  return LLVMBuildNot(m->g->b, a, "");
}

static Val map_and(const MapCx *m, Val a, Val b) { return ll_and(m->g, a, b); }
static Val map_or(const MapCx *m, Val a, Val b) { return ll_or(m->g, a, b); }

static Val map_xor(const MapCx *m, Val a, Val b) {
  return LLVMBuildXor(m->g->b, a, b, "");
}

/* Is the count one that the instruction takes? */
static Val counts(const MapCx *m, Val b) {
  return ll_icmp(m->g, LLVMIntULT, b, constant(m, b, dtype_bits(m->t)));
}

static Val map_shift_left(const MapCx *m, Val a, Val b) {
  Val ok = counts(m, b), n = pick(m, ok, b, zero_of(b));
  return pick(m, ok, LLVMBuildShl(m->g->b, a, n, ""), zero_of(a));
}

static Val map_shift_right(const MapCx *m, Val a, Val b) {
  Val ok = counts(m, b);
  if (m->is_signed) {
    Val most = constant(m, b, dtype_bits(m->t) - 1);
    return LLVMBuildAShr(m->g->b, a, pick(m, ok, b, most), "");
  }
  Val n = pick(m, ok, b, zero_of(b));
  return pick(m, ok, LLVMBuildLShr(m->g->b, a, n, ""), zero_of(a));
}

/* ---- conditions ---- */

static Val map_is_nan(const MapCx *m, Val a, Val b) {
  (void)b;
  return from_cond(m, plain_is_nan(m->g, a));
}

/* Of the sign of the parameter, of both where it is 0, none where NaN. */
static Val map_is_inf(const MapCx *m, Val a, Val b) {
  (void)b;
  Val below = plain_equal(m->g, m->t, a, constant(m, a, -INFINITY));
  Val over = plain_equal(m->g, m->t, a, constant(m, a, INFINITY));
  Val none = LLVMConstNull(LLVMTypeOf(below));
  below = m->parameter <= 0 ? below : none;
  over = m->parameter >= 0 ? over : none;
  return from_cond(m, ll_or(m->g, below, over));
}

static Val map_equal(const MapCx *m, Val a, Val b) {
  return from_cond(m, plain_equal(m->g, m->t, a, b));
}

static Val map_less(const MapCx *m, Val a, Val b) {
  return from_cond(m, less(m, a, b));
}

static Val map_less_equal(const MapCx *m, Val a, Val b) {
  Val le = m->is_float ? LLVMBuildFCmp(m->g->b, LLVMRealOLE, a, b, "")
                       : LLVMBuildNot(m->g->b, less(m, b, a), "");
  return from_cond(m, le);
}

/* ---- the table ---- */

static const MapFn functions[OP_COUNT] = {
    [OP_add] = map_add,
    [OP_sub] = map_sub,
    [OP_mul] = map_mul,
    [OP_relu] = map_relu,
    [OP_relu6] = map_relu6,
    [OP_leaky_relu] = map_leaky_relu,
    [OP_neg] = map_neg,
    [OP_abs] = map_abs,
    [OP_sign] = map_sign,
    [OP_sqrt] = map_sqrt,
#define SCALAR1(name) [OP_##name] = map_##name,
#define SCALAR2(name)
#include "ir/scalar.def"
    [OP_not] = map_not,
    [OP_bit_not] = map_bit_not,
    [OP_is_nan] = map_is_nan,
    [OP_is_inf] = map_is_inf,
    [OP_div] = map_div,
    [OP_pow] = map_pow,
    [OP_mod] = map_mod,
    [OP_min] = map_min,
    [OP_max] = map_max,
    [OP_and] = map_and,
    [OP_or] = map_or,
    [OP_xor] = map_xor,
    [OP_bit_and] = map_and,
    [OP_bit_or] = map_or,
    [OP_bit_xor] = map_xor,
    [OP_shift_left] = map_shift_left,
    [OP_shift_right] = map_shift_right,
    [OP_equal] = map_equal,
    [OP_less] = map_less,
    [OP_less_equal] = map_less_equal,
};

static Val limited(Cg *g, Val x, double lo, double hi) {
  Val least = plain_const(g, x, lo), most = plain_const(g, x, hi);
  Val below = LLVMBuildFCmp(g->b, LLVMRealOLT, x, least, "");
  Val over = LLVMBuildFCmp(g->b, LLVMRealOGT, x, most, "");
  return ll_select(g, below, least, ll_select(g, over, most, x));
}

Val map_activation(Cg *g, Act act, Val x) {
  Val zero = zero_of(x);
  switch (act) {
  case ACT_relu:
    return ll_select(g, LLVMBuildFCmp(g->b, LLVMRealOGT, x, zero, ""), x, zero);
  case ACT_relu6:
    return limited(g, x, 0, 6);
  case ACT_relu_n1_1:
    return limited(g, x, -1, 1);
  case ACT_relu_0_1:
    return limited(g, x, 0, 1);
  case ACT_none:
  case ACT_COUNT:
    break;
  }
  return x;
}

static Act fused(const Op *op) {
  bool has = op->kind == OP_add || op->kind == OP_sub || op->kind == OP_mul;
  return has ? op->attrs.act.act : ACT_none;
}

Val map_function(Cg *g, const Op *op, Val a, Val b) {
  DType t = op->in[0]->type->dtype;
  MapCx m = {.g = g,
             .t = t,
             .is_float = dtype_is_float(t),
             .is_signed = dtype_is_signed(t),
             .parameter = (double)map_parameter(op)};
  return map_activation(g, fused(op), functions[op->kind](&m, a, b));
}
