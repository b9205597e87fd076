/* Cortex-M: the DSP extension's halfword pairs and MVE's reductions. */
#include "codegen/targets/dot.h"

Val arm_smlad(Cg *g, Val x, Val w, Val acc) {
  return ll_intrinsic(g, "llvm.arm.smlad", NULL, 0, (Val[]){x, w, acc}, 3);
}

Val arm_smlaxy(Cg *g, Val x, int x_half, Val w, int w_half, Val acc) {
  static const char *const name[2][2] = {
      {"llvm.arm.smlabb", "llvm.arm.smlabt"},
      {"llvm.arm.smlatb", "llvm.arm.smlatt"}};
  return ll_intrinsic(g, name[x_half][w_half], NULL, 0, (Val[]){x, w, acc}, 3);
}

Val arm_xtb16(Cg *g, Val word, bool odd, bool is_signed) {
  if (odd) {
    Val args[] = {word, word, ll_i32(g, 8)};
    word = ll_intrinsic(g, "llvm.fshr", &g->i32, 1, args, 3);
  }
  return ll_intrinsic(g, is_signed ? "llvm.arm.sxtb16" : "llvm.arm.uxtb16",
                      NULL, 0, &word, 1);
}

Val mve_vmladava(Cg *g, Val acc, Val x, Val w) {
  Ty t = LLVMTypeOf(x);
  Val no = ll_i32(g, 0);
  Val args[] = {no, no, no, acc, x, w}; /* signed, added, not exchanged */
  return ll_intrinsic(g, "llvm.arm.mve.vmldava", &t, 1, args, 6);
}
