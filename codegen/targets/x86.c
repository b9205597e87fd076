/* x86: pmaddwd (SSE2, AVX2, AVX-512BW) and vpdpbusd (AVX-512 VNNI). */
#include "codegen/targets/rows.h"

/* i32 with the bytes 1, 1, .. (the first `valid`), 0, .. of `bits` each. */
static Val ones_word(Cg *g, const ConvParams *c, int valid, int bits) {
  uint32_t word = 0;
  for (int i = 0; i < valid; i++)
    word |= 1u << (i * bits);
  return ll_const_splat(g, g->i32, word, c->lanes);
}

static Val splat_word(Cg *g, const ConvParams *c, Val p) {
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

static Val pmaddwd_inputs(Cg *g, const ConvParams *c, Val p) {
  return ll_bitcast(g, splat_word(g, c, p), pairs(g, c));
}

static Val pmaddwd_weights(Cg *g, const ConvParams *c, Val p) {
  return ll_sext(g, ll_load(g, ll_vec(g->i8, 2 * c->lanes), p, 1), g->i16);
}

static Val pmaddwd_ones(Cg *g, const ConvParams *c, int valid) {
  return ll_bitcast(g, ones_word(g, c, valid, 16), pairs(g, c));
}

static Val pmaddwd_mac(Cg *g, Val acc, Val x, Val w) {
  return ll_add(g, acc, x86_pmaddwd(g, x, w));
}

const DotOps dot_pmaddwd = {pmaddwd_inputs, pmaddwd_weights, pmaddwd_ones,
                            pmaddwd_mac};

Val x86_vpdpbusd(Cg *g, Val acc, Val x, Val w) {
  int lanes = ll_lanes(acc);
  const char *name = lanes == 4   ? "llvm.x86.avx512.vpdpbusd.128"
                     : lanes == 8 ? "llvm.x86.avx512.vpdpbusd.256"
                                  : "llvm.x86.avx512.vpdpbusd.512";
  return ll_intrinsic(g, name, NULL, 0, (Val[]){acc, x, w}, 3);
}

static Val vnni_weights(Cg *g, const ConvParams *c, Val p) {
  return ll_load(g, ll_vec(g->i32, c->lanes), p, 1);
}

static Val vnni_ones(Cg *g, const ConvParams *c, int valid) {
  return ones_word(g, c, valid, 8);
}

const DotOps dot_vpdpbusd = {splat_word, vnni_weights, vnni_ones, x86_vpdpbusd};
