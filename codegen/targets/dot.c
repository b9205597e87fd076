/* The table of dot instructions, and the portable row: sign-extend, multiply
 * in 32 bits, add; LLVM makes smlal and the like of it. */
#include "codegen/targets/dot.h"

#include "codegen/targets/rows.h"

static Val widen_inputs(Cg *g, const ConvParams *c, Val p, int n) {
  (void)n;
  Val x = ll_extend(g, ll_load(g, g->i8, p, 1), c->in_type, g->i16);
  return ll_splat(g, x, c->lanes);
}

static Val widen_weights(Cg *g, const ConvParams *c, Val p) {
  return ll_sext(g, ll_load(g, ll_vec(g->i8, c->lanes), p, 1), g->i16);
}

static Val widen_ones(Cg *g, const ConvParams *c, int valid) {
  return ll_const_splat(g, g->i16, valid > 0, c->lanes);
}

static Val widen_mac(Cg *g, const ConvParams *c, Val acc, Val x, Val w) {
  (void)c;
  Val p = ll_mul(g, ll_sext(g, x, g->i32), ll_sext(g, w, g->i32));
  return ll_add(g, acc, p);
}

static const DotOps widen = {
    1, 1, widen_inputs, NULL, widen_weights, widen_ones, widen_mac};

const DotOps *dot_ops(Dot dot) {
  switch (dot) {
  case DOT_widen:
    return &widen;
  case DOT_pmaddwd:
    return &dot_pmaddwd;
  case DOT_vpdpbusd:
    return &dot_vpdpbusd;
  case DOT_smull:
    return &dot_smull;
  case DOT_sdot:
    return &dot_sdot;
  case DOT_smmla:
    return &dot_smmla;
  case DOT_scalar:
  case DOT_smlad:
  case DOT_vmladava:
    break;
  }
  return NULL;
}
