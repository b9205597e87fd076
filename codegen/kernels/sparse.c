/* See sparse.h. On cores with smlad an entry is a load of its place, one of
 * both pixels and two multiply-adds; four values are loaded and widened at
 * once. */
#include "codegen/kernels/sparse.h"

#include "codegen/nest.h"
#include "codegen/targets/dot.h"

enum { COUNTS, GROUPS, SUMS, CARRIED = SUMS + SPARSE_MAX_PIXELS };

SparseAt sparse_begin(Cg *g, const SparseLists *l) {
  return (SparseAt){{ll_blob(g, l->counts), ll_blob(g, l->groups)}};
}

static int element_bytes(const SparseWindow *x) {
  return dtype_bits(x->stored) / 8 * x->pixels;
}

static Val place_of(Cg *g, const SparseWindow *x, Val segment, Val p) {
  Val place = ll_zext(g, ll_load(g, g->i8, p, 1), g->idx);
  return ll_gep(g, segment, ll_mulc(g, place, element_bytes(x)));
}

/* Four entries: halves of words times halves of words. */
static void group_of_halves(Cg *g, const SparseWindow *x, Val segment,
                            Val group, Val *acc) {
  Val four = ll_load(g, g->i32, ll_gepc(g, group, SPARSE_GROUP), 4), w[2];
  for (int odd = 0; odd < 2; odd++)
    w[odd] = arm_xtb16(g, four, odd, true);
  for (int i = 0; i < SPARSE_GROUP; i++) {
    Val p = place_of(g, x, segment, ll_gepc(g, group, i));
    Val v[SPARSE_MAX_PIXELS / 2];
    for (int k = 0; k < x->pixels; k += 2)
      v[k / 2] = x->pixels > 1 ? ll_load(g, g->i32, ll_gepc(g, p, 2 * k), 4)
                               : ll_sext(g, ll_load(g, g->i16, p, 2), g->i32);
    for (int k = 0; k < x->pixels; k++)
      acc[k] = arm_smlaxy(g, v[k / 2], k % 2, w[i % 2], i / 2, acc[k]);
  }
}

static void group_of_bytes(Cg *g, const SparseWindow *x, Val segment, Val group,
                           Val *acc) {
  for (int i = 0; i < SPARSE_GROUP; i++) {
    Val p = place_of(g, x, segment, ll_gepc(g, group, i));
    Val v = ll_extend(g, ll_load(g, g->i8, p, 1), x->stored, g->i32);
    Val w = ll_load(g, g->i8, ll_gepc(g, group, i + SPARSE_GROUP), 1);
    acc[0] = ll_add(g, acc[0], ll_mul(g, v, ll_sext(g, w, g->i32)));
  }
}

/* As many groups as the segment's byte says; v are the carried values. */
static void segment_groups(Cg *g, const SparseWindow *x, Val segment,
                           Val v[CARRIED]) {
  LLVMBasicBlockRef from = LLVMGetInsertBlock(g->b);
  LLVMBasicBlockRef head =
      LLVMAppendBasicBlockInContext(g->ctx, g->fn, "groups");
  LLVMBasicBlockRef body =
      LLVMAppendBasicBlockInContext(g->ctx, g->fn, "group");
  LLVMBasicBlockRef done = LLVMAppendBasicBlockInContext(g->ctx, g->fn, "done");
  Val count = ll_zext(g, ll_load(g, g->i8, v[COUNTS], 1), g->idx);
  Val end = ll_gep(g, v[GROUPS], ll_mulc(g, count, SPARSE_GROUP_BYTES));
  v[COUNTS] = ll_gepc(g, v[COUNTS], 1);
  LLVMBuildBr(g->b, head);
  LLVMPositionBuilderAtEnd(g->b, head);
  Val phi[CARRIED];
  for (int i = GROUPS; i < SUMS + x->pixels; i++) {
    phi[i] = LLVMBuildPhi(g->b, LLVMTypeOf(v[i]), "");
    LLVMAddIncoming(phi[i], &v[i], &from, 1);
    v[i] = phi[i];
  }
  Val more = ll_icmp(g, LLVMIntNE, v[GROUPS], end);
  LLVMBuildCondBr(g->b, more, body, done);
  LLVMPositionBuilderAtEnd(g->b, body);
  Val next[CARRIED] = {NULL, ll_gepc(g, v[GROUPS], SPARSE_GROUP_BYTES)};
  for (int i = SUMS; i < SUMS + x->pixels; i++)
    next[i] = v[i];
  (x->stored == DT_i16 ? group_of_halves
                       : group_of_bytes)(g, x, segment, v[GROUPS], next + SUMS);
  for (int i = GROUPS; i < SUMS + x->pixels; i++)
    LLVMAddIncoming(phi[i], &next[i], &body, 1);
  LLVMBuildBr(g->b, head);
  LLVMPositionBuilderAtEnd(g->b, done);
}

void sparse_dot(Cg *g, const SparseLists *l, const SparseWindow *x,
                SparseAt *at, Val *acc) {
  Val v[CARRIED] = {at->p[COUNTS], at->p[GROUPS]};
  int n = SUMS + x->pixels;
  for (int i = 0; i < x->pixels; i++)
    v[SUMS + i] = acc[i];
  Loop s = loop_begin_carry(g, 0, l->segments, 1, n, v);
  Val segment =
      ll_gep(g, x->at, ll_mulc(g, s.i, SPARSE_SEGMENT * element_bytes(x)));
  for (int i = 0; i < n; i++)
    v[i] = s.carry[i];
  segment_groups(g, x, segment, v);
  loop_end(g, &s, v);
  for (int i = 0; i < SPARSE_POINTERS; i++)
    at->p[i] = s.carry[i];
  for (int i = 0; i < x->pixels; i++)
    acc[i] = s.carry[SUMS + i];
}
