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

/* 0, pitch, 2 pitch, 3 pitch */
static Val mve_offsets(Cg *g, int64_t pitch) {
  Val lane[4];
  for (int i = 0; i < 4; i++)
    lane[i] = ll_i32(g, i * pitch);
  return LLVMConstVector(lane, 4);
}

Val mve_load_apart(Cg *g, Val p, int64_t pitch, bool is_signed) {
  Val at = mve_offsets(g, pitch);
  Ty t = LLVMTypeOf(at), over[] = {t, g->ptr, t};
  Val args[] = {p, at, ll_i32(g, 8), ll_i32(g, 0), ll_i32(g, !is_signed)};
  return ll_intrinsic(g, "llvm.arm.mve.vldr.gather.offset", over, 3, args, 5);
}

void mve_store_apart(Cg *g, Val v, Val p, int64_t pitch) {
  Val at = mve_offsets(g, pitch);
  Ty over[] = {g->ptr, LLVMTypeOf(at), LLVMTypeOf(v)};
  Val args[] = {p, at, v, ll_i32(g, 8), ll_i32(g, 0)};
  ll_intrinsic(g, "llvm.arm.mve.vstr.scatter.offset", over, 3, args, 5);
}
