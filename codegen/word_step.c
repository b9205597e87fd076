/* See word_step.h: each function below is the arithmetic of one kind, as
 * word_step_apply has it in C. */
#include "codegen/word_step.h"

#include "codegen/plain.h"
#include "codegen/real.h"
#include "codegen/vec.h"

#include <string.h>

/* Word i of the lanes' channels. */
static Val word(Cg *g, const WordStep *w, int i, Val like, Val channel) {
  int lanes = ll_lanes(like);
  if (!w->table[i])
    return ll_const_splat(g, g->i32, w->word[i][0], lanes);
  Val p = ll_gep(g, ll_blob(g, w->table[i]), ll_mulc(g, channel, 4));
  return ll_load(g, ll_vec(g->i32, lanes), p, 4);
}

static Ty element_of(Val v) {
  Ty t = LLVMTypeOf(v);
  return LLVMGetTypeKind(t) == LLVMVectorTypeKind ? LLVMGetElementType(t) : t;
}

static Val to_i64(Cg *g, Val v) {
  return element_of(v) == g->i64 ? v : ll_sext(g, v, g->i64);
}

static Val to_i32(Cg *g, Val v) {
  return element_of(v) == g->i32 ? v : ll_trunc(g, v, g->i32);
}

static Val limited(Cg *g, const WordStep *w, Val acc) {
  if (!w->limit)
    return acc;
  int64_t most = (int64_t)(UINT64_C(1) << (w->limit - 1)) - 1;
  return ll_clampc(g, acc, -most - 1, most);
}

/* ---- floats ---- */

/* Where floats are integers, an addition rounds: the low bits of 1.5 * 2^23 + y
 * are y. Limits are whole numbers, so they may come before as well. */
Val emit_word_round(Cg *g, Val x, bool far, WordRange r) {
  if (far) {
    x = real_max(g, x, real_like(g, r.lo - r.zero_point, x));
    x = real_min(g, x, real_like(g, r.hi - r.zero_point, x));
  }
  x = LLVMBuildFAdd(g->b, x, real_like(g, 0x1.8p23, x), "");
  x = ll_bitcast(g, x, ll_like(x, g->i32));
  x = ll_addc(g, x, (int64_t)r.zero_point - RQ_BITS);
  return far ? x : ll_clampc(g, x, r.lo, r.hi);
}

static Val even(Cg *g, const WordStep *w, Val acc, Val channel) {
  Ty real = ll_like(acc, g->f32);
  Val x = LLVMBuildSIToFP(g->b, acc, real, "");
  Val factor = ll_bitcast(g, word(g, w, 0, acc, channel), real);
  x = LLVMBuildFMul(g->b, x, factor, "");
  if (w->kind == RQ_f32_sum)
    x = LLVMBuildFAdd(g->b, x, ll_bitcast(g, word(g, w, 1, acc, channel), real),
                      "");
  return emit_word_round(g, x, w->far,
                         (WordRange){w->zero_point, w->lo, w->hi});
}

/* ---- two roundings ---- */

/* acc << shift where that is to the left, saturated. */
static Val shifted_left(Cg *g, Val acc, Val shift) {
  Val none = LLVMConstNull(LLVMTypeOf(shift));
  Val left = ll_sext(g, ll_smax(g, shift, none), g->i64);
  Val x = LLVMBuildShl(g->b, to_i64(g, acc), left, "");
  return to_i32(g, ll_clampc(g, x, INT32_MIN, INT32_MAX));
}

/* Rounding division by 2^exponent, of words in 64 bits. */
static Val tall_rdp(Cg *g, Val x, Val exponent) {
  x = to_i64(g, x);
  exponent = to_i64(g, exponent);
  Val zero = LLVMConstNull(LLVMTypeOf(x));
  Val one = ll_const_splat(g, g->i64, 1, ll_lanes(x));
  Val fix = ll_ashrc(g, ll_and(g, x, ll_sub(g, zero, exponent)), 63);
  Val half = ll_lshrc(g, LLVMBuildShl(g->b, one, exponent, ""), 1);
  x = ll_add(g, ll_add(g, x, fix), half);
  return to_i32(g, LLVMBuildAShr(g->b, x, exponent, ""));
}

static Val twice_rounded(Cg *g, const WordStep *w, Val acc, Val channel) {
  Val m = word(g, w, 0, acc, channel), shift = word(g, w, 1, acc, channel);
  acc = w->left ? shifted_left(g, acc, shift) : to_i32(g, acc);
  acc = vec_srdhm(g, acc, m);
  Val zero = LLVMConstNull(LLVMTypeOf(shift));
  Val right = ll_smax(g, ll_sub(g, zero, shift), zero);
  if (w->tall)
    return tall_rdp(g, acc, right);
  if (!w->table[1])
    return vec_rdp(g, acc, w->word[1][0] < 0 ? -w->word[1][0] : 0);
  return vec_rdp_lanes(g, acc, right);
}

/* ---- one rounding ---- */

static Val once_rounded(Cg *g, const WordStep *w, Val acc, Val channel) {
  Val m = ll_sext(g, word(g, w, 0, acc, channel), g->i64);
  Val s = ll_zext(g, word(g, w, 1, acc, channel), g->i64);
  Val one = ll_const_splat(g, g->i64, 1, ll_lanes(acc));
  Val half = ll_lshrc(g, LLVMBuildShl(g->b, one, s, ""), 1);
  Val y = ll_add(g, ll_mul(g, to_i64(g, acc), m), half);
  y = LLVMBuildAShr(g->b, y, s, "");
  return to_i32(g, ll_clampc(g, y, INT32_MIN, INT32_MAX));
}

/* ---- doubles in integers ---- */

static Val words_product(Cg *g, Val a, Val m) {
  return ll_mul(g, a, ll_zext(g, m, g->i64));
}

static Val least(Cg *g, Val a, int64_t most) {
  return ll_intrinsic(g, "llvm.umin", &g->i64, 1, (Val[]){a, ll_i64(g, most)},
                      2);
}

/* Of one channel: m0, m1, k are its words, i32. */
static Val away_one(Cg *g, Val acc, Val m0, Val m1, Val k) {
  Val none = ll_i64(g, 0);
  acc = to_i64(g, acc);
  Val negative = ll_icmp(g, LLVMIntSLT, acc, none);
  Val a = ll_select(g, negative, ll_sub(g, none, acc), acc);
  a = least(g, a, UINT32_MAX);
  Val p0 = words_product(g, a, m0);
  Val high = ll_add(g, words_product(g, a, m1), ll_lshrc(g, p0, 32));
  Val low = ll_and(g, p0, ll_i64(g, UINT32_MAX));
  Val args[] = {high, LLVMConstInt(g->i1, 0, 0)};
  Val zeros = ll_intrinsic(g, "llvm.ctlz", &g->i64, 1, args, 2);
  Val ulp = ll_sub(g, ll_i64(g, 42), zeros);
  Val is_long = ll_icmp(g, LLVMIntSGE, ulp, none);
  Val half =
      LLVMBuildShl(g->b, ll_i64(g, 1), ll_select(g, is_long, ulp, none), "");
  low = ll_add(g, low, ll_select(g, is_long, half, none));
  high = ll_add(g, high, ll_lshrc(g, low, 32));
  k = ll_zext(g, k, g->i64);
  high =
      ll_add(g, high, LLVMBuildShl(g->b, ll_i64(g, 1), ll_addc(g, k, -33), ""));
  Val y = LLVMBuildLShr(g->b, high, ll_addc(g, k, -32), "");
  y = to_i32(g, least(g, y, 1 << 16));
  return ll_select(g, negative, ll_sub(g, ll_i32(g, 0), y), y);
}

static Val away(Cg *g, const WordStep *w, Val acc, Val channel) {
  Val m[WORD_STEP_TABLES];
  for (int i = 0; i < WORD_STEP_TABLES; i++)
    m[i] = word(g, w, i, acc, channel);
  int lanes = ll_lanes(acc);
  if (!lanes)
    return away_one(g, acc, m[0], m[1], m[2]);
  Val y = ll_poison(ll_vec(g->i32, lanes));
  for (int i = 0; i < lanes; i++)
    y = ll_insert(g, y,
                  away_one(g, ll_extract(g, acc, i), ll_extract(g, m[0], i),
                           ll_extract(g, m[1], i), ll_extract(g, m[2], i)),
                  i);
  return y;
}

Val emit_word_step(Cg *g, const WordStep *w, Val acc, Val channel) {
  acc = limited(g, w, acc);
  Val y = acc;
  switch (w->kind) {
  case RQ_f32_even:
  case RQ_f32_sum:
    return even(g, w, acc, channel);
  case RQ_double:
    y = twice_rounded(g, w, acc, channel);
    break;
  case RQ_single:
  case RQ_wide:
    y = once_rounded(g, w, acc, channel);
    break;
  case RQ_f64_away:
    y = away(g, w, acc, channel);
    break;
  }
  return ll_clampc(g, ll_addc(g, y, w->zero_point), w->lo, w->hi);
}

/* ---- elements ---- */

Val word_load(Cg *g, DType stored, Val p, int lanes) {
  return ll_extend(g, plain_load_bits(g, stored, p, lanes), stored, g->i32);
}

void word_store(Cg *g, DType stored, Val v, Val p) {
  plain_store_bits(g, stored, ll_trunc(g, v, plain_type(g, stored)), p);
}

static Val part_of(Cg *g, Val v, int first, int n) {
  int mask[64];
  for (int i = 0; i < n; i++)
    mask[i] = first + i;
  return n == 1 ? ll_extract(g, v, first) : ll_shuffle(g, v, v, mask, n);
}

void word_store_some(Cg *g, DType stored, Val v, Val p, int64_t n) {
  int lanes = ll_lanes(v), at = 0;
  if (n >= lanes) {
    word_store(g, stored, v, p);
    return;
  }
  for (int part = lanes / 2; part; part /= 2) {
    if (n - at < part)
      continue;
    word_store(g, stored, part_of(g, v, at, part),
               ll_gepc(g, p, at * plain_bytes(stored)));
    at += part;
  }
}
