/* Quantized arithmetic over scalars or vectors of i32: see vec.h. */
#include "codegen/vec.h"

#include <assert.h>

#include "codegen/real.h"

/* Which channels an accumulator's lanes are: first, first + 1, .. or all of
 * them `first`. */
typedef struct Channels {
  Val first;
  bool same;
} Channels;

/* A table's entries for the lanes of acc. */
static Val table_at(Cg *g, const Blob *b, Ty elem, Channels ch, Val acc) {
  int64_t size = elem == g->i64 ? 8 : 4;
  Val p = ll_gep(g, ll_blob(g, b), ll_mulc(g, ch.first, size));
  if (ch.same)
    return ll_splat(g, ll_load(g, elem, p, 4), ll_lanes(acc));
  return ll_load(g, ll_like(acc, elem), p, 4);
}

static Val f32_splat(Cg *g, float x, Val like) {
  return ll_splat(g, ll_f32(g, x), ll_lanes(like));
}

/* An i32 constant a channel, from its table or from the code. */
static Val constant_at(Cg *g, const Blob *b, const int32_t *one, Channels ch,
                       Val acc) {
  return b ? table_at(g, b, g->i32, ch, acc)
           : ll_const_splat(g, g->i32, *one, ll_lanes(acc));
}

Val vec_one(Cg *g, int lanes) {
  Val one = ll_const_splat(g, g->i32, 1, lanes);
  return lanes && g->target->masks ? ll_hide(g, one) : one;
}

Val vec_patch(Cg *g, Val x, Val patch, Val one) {
  return ll_select(g, ll_icmp(g, LLVMIntEQ, x, patch), ll_add(g, x, one), x);
}

static Val patch_bits(Cg *g, const RequantPlan *p, const RequantTables *t,
                      Val x, Channels ch) {
  if (p->listed || !p->patches)
    return x;
  Val one = vec_one(g, ll_lanes(x));
  for (int i = 0; i < p->patches; i++)
    x = vec_patch(g, x, constant_at(g, t->patch[i], p->patch[i], ch, x), one);
  return x;
}

/* fma(x, a, b) of the accumulator's own bits; its bits. Less that where it is
 * to be `negative`: the bits are the same but for the sign. */
static Val requant_bits(Cg *g, const RequantPlan *p, const RequantTables *t,
                        Val acc, Channels ch, bool negative) {
  Ty ty = ll_like(acc, g->f32);
  Val low = NULL;
  if (p->limited)
    acc = ll_clampc(g, acc, RQ_BITS_LEAST, RQ_BITS_MOST);
  acc = patch_bits(g, p, t, acc, ch);
  if (p->split) {
    low = ll_icmp(g, LLVMIntSLT, acc,
                  constant_at(g, t->split, p->split, ch, acc));
    Val below = constant_at(g, t->below, p->below, ch, acc);
    acc = ll_select(g, low, ll_add(g, acc, below), acc);
  }
  Val x = ll_bitcast(g, acc, ty);
  Val a =
      t->a ? table_at(g, t->a, g->f32, ch, acc) : f32_splat(g, p->a[0], acc);
  Val b =
      t->b ? table_at(g, t->b, g->f32, ch, acc) : f32_splat(g, p->b[0], acc);
  if (negative) {
    x = LLVMBuildFNeg(g->b, x, "");
    b = LLVMBuildFNeg(g->b, b, "");
  }
  Val y = ll_intrinsic(g, "llvm.fma", &ty, 1, (Val[]){x, a, b}, 3);
  y = ll_bitcast(g, y, LLVMTypeOf(acc));
  if (!p->split)
    return y;
  Val turn = constant_at(g, t->turn, p->turn, ch, acc);
  return ll_select(g, low, ll_add(g, y, turn), y);
}

/* trunc(fma((float)acc, a, copysign(b, acc))) + zero_point. Where the lower
 * clamp is the zero point, negative accumulators end there whatever the sign
 * of b, so the copysign goes. */
static Val requant_f32(Cg *g, const RequantPlan *p, const RequantTables *t,
                       Val acc, Channels ch) {
  Ty ty = ll_like(acc, g->f32);
  Val x = LLVMBuildSIToFP(g->b, acc, ty, "");
  Val a =
      t->a ? table_at(g, t->a, g->f32, ch, acc) : f32_splat(g, p->a[0], acc);
  Val b =
      t->b ? table_at(g, t->b, g->f32, ch, acc) : f32_splat(g, p->b[0], acc);
  if (p->lo < p->zero_point)
    b = ll_intrinsic(g, "llvm.copysign", &ty, 1, (Val[]){b, x}, 2);
  Val y = ll_intrinsic(g, "llvm.fma", &ty, 1, (Val[]){x, a, b}, 3);
  y = LLVMBuildFPToSI(g->b, y, ll_like(acc, g->i32), "");
  return ll_addc(g, y, p->zero_point);
}

/* (float)acc * a + b, rounded by an addition: the bits of 1.5 * 2^23 + y are
 * those of 1.5 * 2^23, plus y. */
static Val requant_even(Cg *g, const RequantPlan *p, const RequantTables *t,
                        Val acc, Channels ch) {
  Val x = LLVMBuildSIToFP(g->b, acc, ll_like(acc, g->f32), "");
  Val a =
      t->a ? table_at(g, t->a, g->f32, ch, acc) : f32_splat(g, p->a[0], acc);
  x = LLVMBuildFMul(g->b, x, a, "");
  if (p->b) {
    Val b =
        t->b ? table_at(g, t->b, g->f32, ch, acc) : f32_splat(g, p->b[0], acc);
    x = LLVMBuildFAdd(g->b, x, b, "");
  }
  if (p->limited) {
    Val least = f32_splat(g, -0x1p22f, acc);
    x = ll_select(g, LLVMBuildFCmp(g->b, LLVMRealOGT, x, least, ""), x, least);
  }
  x = LLVMBuildFAdd(g->b, x, f32_splat(g, 0x1.8p23f, acc), "");
  x = LLVMBuildBitCast(g->b, x, LLVMTypeOf(acc), "");
  return ll_addc(g, x, (int64_t)p->zero_point - RQ_BITS);
}

/* A vector that NEON has instructions for. */
static bool is_neon(const Cg *g, Val v) {
  return ll_lanes(v) == 4 && g->target->arch == ARCH_aarch64;
}

static Val neon(Cg *g, const char *name, Val a, Val b) {
  Ty t = LLVMTypeOf(a);
  return ll_intrinsic(g, name, &t, 1, (Val[]){a, b}, 2);
}

Val vec_srdhm(Cg *g, Val a, Val b) {
  Ty t = LLVMTypeOf(a);
  if (is_neon(g, a))
    return neon(g, "llvm.aarch64.neon.sqrdmulh", a, b);
  if (ll_lanes(a) == 4 && g->target->dot == DOT_vmladava)
    return ll_intrinsic(g, "llvm.arm.mve.vqrdmulh", &t, 1, (Val[]){a, b}, 2);
  Val p = ll_mul(g, ll_sext(g, a, g->i64), ll_sext(g, b, g->i64));
  p = ll_addc(g, p, INT64_C(1) << 30);
  return ll_trunc(g, ll_ashrc(g, p, 31), g->i32);
}

/* NEON's shifts round halves up: one less of what is negative. */
Val vec_rdp(Cg *g, Val x, int exponent) {
  if (!exponent)
    return x;
  Val sum = ll_add(g, x, ll_ashrc(g, x, 31));
  if (is_neon(g, x))
    return neon(g, "llvm.aarch64.neon.srshl", sum,
                ll_const_splat(g, g->i32, -exponent, 4));
  return ll_ashrc(g, ll_addc(g, sum, INT64_C(1) << (exponent - 1)), exponent);
}

/* The correction by the sign falls away where the exponent is 0, as does the
 * half. `neg` is minus the exponent. */
Val vec_rdp_lanes(Cg *g, Val x, Val exponent) {
  Val zero = LLVMConstNull(LLVMTypeOf(x));
  Val neg = ll_sub(g, zero, exponent);
  Val fix = ll_ashrc(g, ll_and(g, x, neg), 31);
  if (is_neon(g, x))
    return neon(g, "llvm.aarch64.neon.srshl", ll_add(g, x, fix), neg);
  Val one = ll_const_splat(g, g->i32, 1, ll_lanes(x));
  Val half = ll_lshrc(g, LLVMBuildShl(g->b, one, exponent, ""), 1);
  Val sum = ll_add(g, ll_add(g, x, fix), half);
  return LLVMBuildAShr(g->b, sum, exponent, "");
}

Val vec_mbqm(Cg *g, Val x, int32_t multiplier, int shift) {
  if (shift > 0)
    x = ll_shlc(g, x, shift);
  Val m = ll_const_splat(g, g->i32, multiplier, ll_lanes(x));
  return vec_rdp(g, vec_srdhm(g, x, m), shift < 0 ? -shift : 0);
}

/* Multiplier and shift of the spec, a table entry a channel. */
static Val requant_double(Cg *g, const RequantPlan *p, const RequantTables *t,
                          Val acc, Channels ch) {
  if (!t->multiplier)
    return ll_addc(g, vec_mbqm(g, acc, p->multiplier[0], p->shift[0]),
                   p->zero_point);
  int most = p->shift[0], least = most;
  for (int c = 1; c < p->channels; c++) {
    most = p->shift[c] > most ? p->shift[c] : most;
    least = p->shift[c] < least ? p->shift[c] : least;
  }
  Val m = table_at(g, t->multiplier, g->i32, ch, acc);
  if (most == least) {
    acc = ll_shlc(g, acc, most > 0 ? most : 0);
    acc = vec_rdp(g, vec_srdhm(g, acc, m), most < 0 ? -most : 0);
    return ll_addc(g, acc, p->zero_point);
  }
  Val shift = table_at(g, t->shift, g->i32, ch, acc);
  if (most < 0 && is_neon(g, acc)) { /* no exponent is 0 */
    acc = vec_srdhm(g, acc, m);
    acc = ll_add(g, acc, ll_ashrc(g, acc, 31));
    acc = neon(g, "llvm.aarch64.neon.srshl", acc, shift);
    return ll_addc(g, acc, p->zero_point);
  }
  Val zero = LLVMConstNull(LLVMTypeOf(acc));
  if (most > 0)
    acc = LLVMBuildShl(g->b, acc, ll_smax(g, shift, zero), "");
  acc = vec_srdhm(g, acc, m);
  Val right = ll_smax(g, ll_sub(g, zero, shift), zero);
  return ll_addc(g, vec_rdp_lanes(g, acc, right), p->zero_point);
}

/* The upper word of acc * m, one addition and a shift; acc is 2^up times what
 * it stands for, and so is what is added. */
static Val upper_word(Cg *g, const RequantPlan *p, Val acc, Val m, Val add,
                      int up) {
  Val y = ll_mul(g, ll_sext(g, acc, g->i64), ll_sext(g, m, g->i64));
  y = ll_trunc(g, ll_ashrc(g, y, 32), g->i32);
  return ll_ashrc(g, ll_add(g, y, add), p->single_shift - 32 + up);
}

static Val requant_high(Cg *g, const RequantPlan *p, const RequantTables *t,
                        Val acc, Channels ch, int up) {
  int lanes = ll_lanes(acc);
  Val m = ll_const_splat(g, g->i32, p->multiplier[0], lanes);
  Val add = ll_const_splat(g, g->i32, p->add[0], lanes);
  if (t->high) {
    Val pair = ll_gep(g, ll_blob(g, t->high), ll_mulc(g, ch.first, 8));
    m = ll_splat(g, ll_load(g, g->i32, pair, 4), lanes);
    add = ll_splat(g, ll_load(g, g->i32, ll_gepc(g, pair, 4), 4), lanes);
  }
  return upper_word(g, p, acc, m, add, up);
}

/* (acc * multiplier + offset) >> shift in 64 bits; the upper word first, as
 * every multiply with accumulate delivers it in a register of its own. */
static Val requant_single(Cg *g, const RequantPlan *p, const RequantTables *t,
                          Val acc, Channels ch) {
  int lanes = ll_lanes(acc);
  Val m = t->multiplier ? table_at(g, t->multiplier, g->i32, ch, acc)
                        : ll_const_splat(g, g->i32, p->multiplier[0], lanes);
  Val c = t->offset ? table_at(g, t->offset, g->i64, ch, acc)
                    : ll_const_splat(g, g->i64, p->offset[0], lanes);
  Val y = ll_mul(g, ll_sext(g, acc, g->i64), ll_sext(g, m, g->i64));
  y = ll_add(g, y, c);
  y = ll_trunc(g, ll_lshrc(g, y, 32), g->i32);
  return ll_ashrc(g, y, p->single_shift - 32);
}

/* lo + how many of n ascending thresholds are <= acc: binary search with a
 * step that halves; `at` is how many are known to be. */
static Val search_table(Cg *g, Val table, int n, Val acc) {
  Val at = ll_idx(g, 0);
  int step = 1;
  while (step * 2 <= n)
    step *= 2;
  for (; step; step /= 2) {
    Val next = ll_addc(g, at, step);
    Val inside = ll_icmp(g, LLVMIntULE, next, ll_idx(g, n));
    Val probe = ll_select(g, inside, next, ll_idx(g, n));
    Val t = ll_load(g, g->i32,
                    ll_gep(g, table, ll_mulc(g, ll_addc(g, probe, -1), 4)), 4);
    Val take = ll_and(g, inside, ll_icmp(g, LLVMIntSLE, t, acc));
    at = ll_select(g, take, next, at);
  }
  return at;
}

static Val to_i32(Cg *g, Val i) {
  return LLVMTypeOf(i) == g->i32 ? i : ll_trunc(g, i, g->i32);
}

static Val requant_table_lane(Cg *g, const RequantPlan *p,
                              const RequantTables *t, Val acc, Val channel) {
  int n = p->hi - p->lo;
  if (!n)
    return ll_i32(g, p->lo);
  Val row = ll_blob(g, t->threshold);
  if (p->channels > 1)
    row = ll_gep(g, row, ll_mulc(g, channel, 4 * (int64_t)n));
  return ll_addc(g, to_i32(g, search_table(g, row, n, acc)), p->lo);
}

static Val requant_table(Cg *g, const RequantPlan *p, const RequantTables *t,
                         Val acc, Channels ch) {
  int lanes = ll_lanes(acc);
  if (!lanes)
    return requant_table_lane(g, p, t, acc, ch.first);
  Val out = ll_poison(LLVMTypeOf(acc));
  for (int i = 0; i < lanes; i++) {
    Val channel =
        ch.same || p->channels == 1 ? ch.first : ll_addc(g, ch.first, i);
    out = ll_insert(
        g, out, requant_table_lane(g, p, t, ll_extract(g, acc, i), channel), i);
  }
  return out;
}

static Val requant(Cg *g, const RequantPlan *p, const RequantTables *t, Val acc,
                   Channels ch) {
  switch (p->form) {
  case RF_bits:
    return ll_addc(g, requant_bits(g, p, t, acc, ch, false), -RQ_BITS);
  case RF_f32:
    return requant_f32(g, p, t, acc, ch);
  case RF_even:
    return requant_even(g, p, t, acc, ch);
  case RF_double:
    return requant_double(g, p, t, acc, ch);
  case RF_high:
    return requant_high(g, p, t, acc, ch, 0);
  case RF_single:
    return requant_single(g, p, t, acc, ch);
  case RF_table:
    return requant_table(g, p, t, acc, ch);
  case RF_COUNT:
    break;
  }
  assert(p->form != RF_COUNT);
  return acc;
}

Val vec_requant(Cg *g, const RequantPlan *p, const RequantTables *t, Val acc,
                Val first) {
  acc = requant(g, p, t, acc, (Channels){first, false});
  return p->form == RF_table ? acc : ll_clampc(g, acc, p->lo, p->hi);
}

Val vec_requant_up(Cg *g, const RequantPlan *p, const RequantTables *t, Val acc,
                   Val channel) {
  if (p->form != RF_high || !p->odd_up)
    return vec_requant(g, p, t, ll_ashrc(g, acc, 8), channel);
  acc = requant_high(g, p, t, acc, (Channels){channel, true}, p->odd_up);
  return ll_clampc(g, acc, p->lo, p->hi);
}

Val vec_requant_by(Cg *g, const RequantPlan *p, Val acc, Val multiplier,
                   Val add) {
  return ll_clampc(g, upper_word(g, p, acc, multiplier, add, 0), p->lo, p->hi);
}

Val vec_requant_same(Cg *g, const RequantPlan *p, const RequantTables *t,
                     Val acc, Val channel) {
  acc = requant(g, p, t, acc, (Channels){channel, true});
  return p->form == RF_table ? acc : ll_clampc(g, acc, p->lo, p->hi);
}

/* Clamped as floats, for which x86 has two units. */
Val vec_requant_bits(Cg *g, const RequantPlan *p, const RequantTables *t,
                     Val acc, Val first) {
  Val y = requant_bits(g, p, t, acc, (Channels){first, false}, false);
  y = ll_bitcast(g, y, ll_like(y, g->f32));
  y = real_max(g, y, real_like(g, 0x1.8p23 + p->lo, y));
  y = real_min(g, y, real_like(g, 0x1.8p23 + p->hi, y));
  return ll_bitcast(g, y, LLVMTypeOf(acc));
}

Val vec_requant_low(Cg *g, const RequantPlan *p, const RequantTables *t,
                    Val acc, Val first, bool negative) {
  return requant_bits(g, p, t, acc, (Channels){first, false}, negative);
}

Val vec_requant_saturating(Cg *g, const RequantPlan *p, const RequantTables *t,
                           Val acc, Val first, DType out) {
  acc = requant(g, p, t, acc, (Channels){first, false});
  int lanes = ll_lanes(acc);
  if (p->lo > dtype_min(out))
    acc = ll_smax(g, acc, ll_const_splat(g, g->i32, p->lo, lanes));
  if (p->hi < dtype_max(out))
    acc = ll_smin(g, acc, ll_const_splat(g, g->i32, p->hi, lanes));
  return acc;
}

Val vec_requant_wide(Cg *g, const RequantPlan *p, const RequantTables *t,
                     Val acc, Val first) {
  return requant(g, p, t, acc, (Channels){first, false});
}

Val vec_load8(Cg *g, DType stored, Val p, int lanes) {
  return ll_extend(g, ll_load(g, ll_vec(g->i8, lanes), p, 1), stored, g->i32);
}

void vec_store8(Cg *g, Val v, Val p) {
  ll_store(g, ll_trunc(g, v, g->i8), p, 1);
}

/* Lanes of a and b by turns: of their low halves, or of the high ones. */
static Val zip(Cg *g, Val a, Val b, bool high) {
  int n = ll_lanes(a), mask[VEC_SQUARE];
  for (int i = 0; i < n; i++)
    mask[i] = i / 2 + (high ? n / 2 : 0) + (i % 2 ? n : 0);
  return ll_shuffle(g, a, b, mask, n);
}

/* Each round turns one bit of the row's number into one of the lane's. */
void vec_transpose(Cg *g, Val *v, int n) {
  Val next[VEC_SQUARE];
  for (int round = 1; round < n; round *= 2) {
    for (int i = 0; i < n / 2; i++) {
      next[2 * i] = zip(g, v[i], v[i + n / 2], false);
      next[2 * i + 1] = zip(g, v[i], v[i + n / 2], true);
    }
    for (int i = 0; i < n; i++)
      v[i] = next[i];
  }
}
