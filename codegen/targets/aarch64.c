/* AArch64: sdot (Armv8.2 dot product), four s8 products a lane. */
#include "codegen/targets/rows.h"

static Ty bytes16(Cg *g) { return ll_vec(g->i8, 16); }

static Val sdot_inputs(Cg *g, const ConvParams *c, Val p) {
  (void)c;
  Val word = ll_load(g, g->i32, p, 1);
  return ll_bitcast(g, ll_splat(g, word, 4), bytes16(g));
}

static Val sdot_weights(Cg *g, const ConvParams *c, Val p) {
  (void)c;
  return ll_load(g, bytes16(g), p, 1);
}

static Val sdot_ones(Cg *g, const ConvParams *c, int valid) {
  (void)c;
  Val lane[16];
  for (int i = 0; i < 16; i++)
    lane[i] = ll_i8(g, i % 4 < valid);
  return LLVMConstVector(lane, 16);
}

static Val sdot_mac(Cg *g, Val acc, Val x, Val w) {
  Ty over[] = {LLVMTypeOf(acc), LLVMTypeOf(x)};
  return ll_intrinsic(g, "llvm.aarch64.neon.sdot", over, 2, (Val[]){acc, x, w},
                      3);
}

const DotOps dot_sdot = {sdot_inputs, sdot_weights, sdot_ones, sdot_mac};
