/* x86: pmaddwd (SSE2, AVX2, AVX-512BW) and vpdpbusd (AVX-512 VNNI). */
#include "codegen/targets/rows.h"

#include <stdio.h>
#include <string.h>

/* i32 with the bytes 1, 1, .. (the first `valid`), 0, .. of `bits` each. */
static Val ones_word(Cg *g, const ConvParams *c, int valid, int bits) {
  uint32_t word = 0;
  for (int i = 0; i < valid; i++)
    word |= 1u << (i * bits);
  return ll_const_splat(g, g->i32, word, c->lanes);
}

static Val splat_word(Cg *g, const ConvParams *c, Val p, int n) {
  (void)n;
  return ll_splat(g, ll_load(g, g->i32, p, 1), c->lanes);
}

Val x86_pmaddwd(Cg *g, Val a, Val b) {
  int lanes = ll_lanes(a);
  const char *name = lanes == 8    ? "llvm.x86.sse2.pmadd.wd"
                     : lanes == 16 ? "llvm.x86.avx2.pmadd.wd"
                                   : "llvm.x86.avx512.pmaddw.d.512";
  return ll_intrinsic(g, name, NULL, 0, (Val[]){a, b}, 2);
}

static Ty pairs(Cg *g, const ConvParams *c) {
  return ll_vec(g->i16, 2 * c->lanes);
}

static Val pmaddwd_inputs(Cg *g, const ConvParams *c, Val p, int n) {
  return ll_bitcast(g, splat_word(g, c, p, n), pairs(g, c));
}

static Val pmaddwd_weights(Cg *g, const ConvParams *c, Val p) {
  if (c->widens)
    return ll_load(g, pairs(g, c), p, 1);
  return ll_sext(g, ll_load(g, ll_vec(g->i8, 2 * c->lanes), p, 1), g->i16);
}

static Val pmaddwd_ones(Cg *g, const ConvParams *c, int valid) {
  return ll_bitcast(g, ones_word(g, c, valid, 16), pairs(g, c));
}

static Val pmaddwd_mac(Cg *g, const ConvParams *c, Val acc, Val x, Val w) {
  (void)c;
  return ll_add(g, acc, x86_pmaddwd(g, x, w));
}

const DotOps dot_pmaddwd = {
    1, 1, pmaddwd_inputs, NULL, pmaddwd_weights, pmaddwd_ones, pmaddwd_mac};

Val x86_vpdpbusd(Cg *g, Val acc, Val x, Val w) {
  int lanes = ll_lanes(acc);
  const char *name = lanes == 4   ? "llvm.x86.avx512.vpdpbusd.128"
                     : lanes == 8 ? "llvm.x86.avx512.vpdpbusd.256"
                                  : "llvm.x86.avx512.vpdpbusd.512";
  return ll_intrinsic(g, name, NULL, 0, (Val[]){acc, x, w}, 3);
}

Val x86_vpdpwssd(Cg *g, Val acc, Val x, Val w) {
  int lanes = ll_lanes(acc);
  const char *name = lanes == 4   ? "llvm.x86.avx512.vpdpwssd.128"
                     : lanes == 8 ? "llvm.x86.avx512.vpdpwssd.256"
                                  : "llvm.x86.avx512.vpdpwssd.512";
  Ty t = LLVMTypeOf(acc);
  Val args[] = {acc, ll_bitcast(g, x, t), ll_bitcast(g, w, t)};
  return ll_intrinsic(g, name, NULL, 0, args, 3);
}

static Val vnni_weights(Cg *g, const ConvParams *c, Val p) {
  return ll_load(g, ll_vec(g->i32, c->lanes), p, 1);
}

static Val vnni_ones(Cg *g, const ConvParams *c, int valid) {
  return ones_word(g, c, valid, 8);
}

static Val vnni_mac(Cg *g, const ConvParams *c, Val acc, Val x, Val w) {
  (void)c;
  return x86_vpdpbusd(g, acc, x, w);
}

const DotOps dot_vpdpbusd = {1,         1,       splat_word, NULL, vnni_weights,
                             vnni_ones, vnni_mac};

Val x86_choose32(Cg *g, Val a, Val b, Val index) {
  return ll_intrinsic(g, "llvm.x86.avx512.vpermi2var.d.512", NULL, 0,
                      (Val[]){a, index, b}, 3);
}

/* Words of the table, two bytes each, by bits 1 to 7 of the low byte of each
 * word of x. */
static Val pair_of(Cg *g, const Val table[4], Val x) {
  Val half[2], index = ll_lshrc(g, x, 1);
  for (int i = 0; i < 2; i++)
    half[i] = ll_intrinsic(g, "llvm.x86.avx512.vpermi2var.hi.512", NULL, 0,
                           (Val[]){table[2 * i], index, table[2 * i + 1]}, 3);
  Val top = ll_and(g, x, ll_const_splat(g, g->i16, 0x80, ll_lanes(x)));
  Val low = ll_icmp(g, LLVMIntEQ, top, LLVMConstNull(LLVMTypeOf(x)));
  return ll_select(g, low, half[0], half[1]);
}

/* 8 where the lowest bit of a word of x is set, else 0. */
static Val bits_by_lowest(Cg *g, Val x) {
  return ll_and(g, ll_shlc(g, x, 3), ll_const_splat(g, g->i16, 8, ll_lanes(x)));
}

Val x86_look_up_bytes(Cg *g, const Val table[4], Val x) {
  Ty bytes = LLVMTypeOf(x);
  Val even = ll_bitcast(g, x, LLVMTypeOf(table[0])), odd = ll_lshrc(g, even, 8);
  Val a =
      LLVMBuildLShr(g->b, pair_of(g, table, even), bits_by_lowest(g, even), "");
  Val up = ll_xorc(g, bits_by_lowest(g, odd), 8);
  Val b = LLVMBuildShl(g->b, pair_of(g, table, odd), up, "");
  Val low = ll_const_splat(g, g->i16, 0x00ff, ll_lanes(even));
  Val high = ll_const_splat(g, g->i16, 0xff00, ll_lanes(even));
  return ll_bitcast(g, ll_or(g, ll_and(g, a, low), ll_and(g, b, high)), bytes);
}

Val x86_unpack(Cg *g, Val a, Val b, bool high) {
  int n = ll_lanes(a), mask[64];
  bool bytes = LLVMGetElementType(LLVMTypeOf(a)) == g->i8;
  int row = bytes ? 16 : 8; /* elements of 16 bytes */
  for (int i = 0; i < n; i++) {
    int at = i / row * row + i % row / 2 + (high ? row / 2 : 0);
    mask[i] = i % 2 ? n + at : at;
  }
  return ll_shuffle(g, a, b, mask, n);
}

/* The bytes of a that `mask` has become those of b, turned by `by` in each 16:
 * LLVM makes two instructions of a shuffle and a choice. */
static Val merge_turned(Cg *g, Val a, Val b, int by, uint64_t mask) {
  char code[48];
  const char *constraints = "=v,0,v,^Yk";
  Ty t = LLVMTypeOf(a),
     bits = LLVMIntTypeInContext(g->ctx, (unsigned)ll_lanes(a));
  Ty types[] = {t, t, bits}, fn = LLVMFunctionType(t, types, 3, 0);
  snprintf(code, sizeof code, "vpalignr $$%d, $2, $2, $0 {$3}", by);
  Val merge =
      LLVMGetInlineAsm(fn, code, strlen(code), constraints, strlen(constraints),
                       0, 0, LLVMInlineAsmDialectATT, 0);
  Val args[] = {a, b, LLVMConstInt(bits, mask, 0)};
  return LLVMBuildCall2(g->b, fn, merge, args, 3, "");
}

Val x86_merge_odd(Cg *g, Val a, Val b) {
  return merge_turned(g, a, b, 15, 0xaaaaaaaaaaaaaaaa);
}

Val x86_merge_even(Cg *g, Val a, Val b) {
  return merge_turned(g, a, b, 1, 0x5555555555555555);
}

/* Names of one operation at 128, 256 and 512 bits, by the lanes of i32. */
typedef struct Widths {
  const char *name[3];
} Widths;

static Val by_width(Cg *g, const Widths *w, int lanes, Val a, Val b) {
  int i = lanes == 4 ? 0 : lanes == 8 ? 1 : 2;
  return ll_intrinsic(g, w->name[i], NULL, 0, (Val[]){a, b}, 2);
}

Val x86_pack2(Cg *g, Val a, Val b) {
  static const Widths packssdw = {{"llvm.x86.sse2.packssdw.128",
                                   "llvm.x86.avx2.packssdw",
                                   "llvm.x86.avx512.packssdw.512"}};
  return by_width(g, &packssdw, ll_lanes(a), a, b);
}

/* Two vectors of words to one of bytes, `lanes` of i32 wide. */
static Val pack_words(Cg *g, Val low, Val high, int lanes, DType out) {
  static const Widths packuswb = {{"llvm.x86.sse2.packuswb.128",
                                   "llvm.x86.avx2.packuswb",
                                   "llvm.x86.avx512.packuswb.512"}};
  static const Widths packsswb = {{"llvm.x86.sse2.packsswb.128",
                                   "llvm.x86.avx2.packsswb",
                                   "llvm.x86.avx512.packsswb.512"}};
  const Widths *w = dtype_is_signed(out) ? &packsswb : &packuswb;
  return by_width(g, w, lanes, low, high);
}

Val x86_pack4(Cg *g, const Val v[4], DType out) {
  Val low = x86_pack2(g, v[0], v[1]), high = x86_pack2(g, v[2], v[3]);
  return pack_words(g, low, high, ll_lanes(v[0]), out);
}

/* a's low halves, b's above them: a shift and a blend, unless LLVM sees both
 * and makes the slower vpermt2w of them. */
static Val join_halves(Cg *g, Val a, Val b) {
  int n = ll_lanes(a), mask[64];
  Ty words = ll_vec(g->i16, 2 * n);
  for (int i = 0; i < 2 * n; i++)
    mask[i] = i % 2 ? 2 * n + i : i;
  b = ll_hide(g, ll_shlc(g, b, 16));
  return ll_shuffle(g, ll_bitcast(g, a, words), ll_bitcast(g, b, words), mask,
                    2 * n);
}

/* Joined halves, packed, have a's and b's elements by turns. */
static Val pack_joined(Cg *g, const Val v[4], DType out) {
  static const int order[] = {0, 2,  4,  6,  1, 3,  5,  7,
                              8, 10, 12, 14, 9, 11, 13, 15};
  Val low = join_halves(g, v[0], v[1]), high = join_halves(g, v[2], v[3]);
  Val bytes = pack_words(g, low, high, ll_lanes(v[0]), out);
  int mask[64], n = ll_lanes(bytes);
  for (int i = 0; i < n; i++)
    mask[i] = i / 16 * 16 + order[i % 16];
  return ll_shuffle(g, bytes, bytes, mask, n);
}

/* Saturated to u8, a high half below zero becomes 0: what the first packs
 * leave are words again. */
Val x86_pack_low(Cg *g, const Val v[4], DType out) {
  if (dtype_is_signed(out))
    return pack_joined(g, v, out);
  int lanes = ll_lanes(v[0]);
  Ty words = ll_vec(g->i16, 2 * lanes);
  Val pair[2];
  for (int i = 0; i < 2; i++) {
    Val a = ll_bitcast(g, v[2 * i], words);
    Val b = ll_bitcast(g, v[2 * i + 1], words);
    pair[i] = ll_bitcast(g, pack_words(g, a, b, lanes, out), words);
  }
  return pack_words(g, pair[0], pair[1], lanes, out);
}

Val x86_pack_in_order(Cg *g, const Val *v, int n, bool low, DType out) {
  Val all[4];
  int mask[16], lanes = ll_lanes(v[0]), rows = lanes / 4;
  for (int i = 0; i < 4; i++)
    all[i] = v[i % n];
  Val bytes = low ? x86_pack_low(g, all, out) : x86_pack4(g, all, out);
  Val words = ll_bitcast(g, bytes, LLVMTypeOf(v[0]));
  for (int i = 0; i < lanes; i++)
    mask[i] = i % rows * 4 + i / rows;
  words = ll_shuffle(g, words, words, mask, lanes);
  return ll_bitcast(g, words, LLVMTypeOf(bytes));
}
