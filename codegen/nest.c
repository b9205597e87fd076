/* Loops as blocks and phis: body, then test, then back (where bounds are
 * constants, the first turn needs no test). */
#include "codegen/nest.h"

#include <assert.h>

Loop loop_begin(Cg *g, int64_t lo, int64_t hi, int64_t step) {
  return loop_begin_carry(g, lo, hi, step, 0, NULL);
}

/* Starts the body; whoever comes here comes from l->entry. */
static void begin_body(Cg *g, Loop *l, const Val *init) {
  LLVMPositionBuilderAtEnd(g->b, l->head);
  l->i = LLVMBuildPhi(g->b, g->idx, "i");
  for (int k = 0; k < l->ncarry; k++) {
    l->phi[k] = LLVMBuildPhi(g->b, LLVMTypeOf(init[k]), "");
    l->carry[k] = l->phi[k];
    LLVMAddIncoming(l->phi[k], (Val[]){init[k]}, &l->entry, 1);
  }
}

static LLVMBasicBlockRef new_block(Cg *g, const char *name) {
  return LLVMAppendBasicBlockInContext(g->ctx, g->fn, name);
}

Loop loop_begin_carry(Cg *g, int64_t lo, int64_t hi, int64_t step, int ncarry,
                      const Val *init) {
  assert(lo < hi && step > 0 && ncarry <= NEST_MAX_CARRY);
  Loop l = {.ncarry = ncarry, .lo = lo, .hi = hi, .step = step};
  if (lo + step >= hi) { /* one turn */
    l.i = ll_idx(g, lo);
    for (int k = 0; k < ncarry; k++)
      l.carry[k] = init[k];
    return l;
  }
  l.entry = LLVMGetInsertBlock(g->b);
  l.head = new_block(g, "loop");
  LLVMBuildBr(g->b, l.head);
  begin_body(g, &l, init);
  return l;
}

Loop loop_begin_between(Cg *g, Val lo, Val hi, int64_t step, int ncarry,
                        const Val *init) {
  assert(step > 0 && ncarry <= NEST_MAX_CARRY);
  Loop l = {.ncarry = ncarry, .step = step, .start = lo, .end = hi};
  l.entry = LLVMGetInsertBlock(g->b);
  l.head = new_block(g, "part");
  l.done = new_block(g, "done");
  LLVMBuildCondBr(g->b, ll_icmp(g, LLVMIntULT, lo, hi), l.head, l.done);
  begin_body(g, &l, init);
  return l;
}

static Val limit(Cg *g, const char *intrinsic, Val x, int64_t bound) {
  Val args[] = {x, ll_idx(g, bound)};
  return ll_intrinsic(g, intrinsic, &g->idx, 1, args, 2);
}

Loop loop_begin_part(Cg *g, SplitAxis axis, int64_t lo, int64_t hi,
                     int64_t step, int64_t unit) {
  if (!axis || !g->args || g->args->axis != axis)
    return loop_begin(g, lo, hi, step);
  assert(lo < hi);
  Val first = ll_mulc(g, g->args->first, unit);
  Val last = ll_mulc(g, g->args->last, unit);
  Val start = lo ? limit(g, "llvm.umax", first, lo) : first;
  Val end = limit(g, "llvm.umin", last, hi);
  return loop_begin_between(g, start, end, step, 0, NULL);
}

void loop_end(Cg *g, Loop *l, const Val *next) {
  loop_end_while(g, l, next, NULL);
}

/* The carried values behind the loop: those of the last turn, or, where there
 * may have been none, the first ones. */
static void end_carry(Cg *g, Loop *l, const Val *next,
                      LLVMBasicBlockRef latch) {
  for (int k = 0; k < l->ncarry; k++) {
    l->carry[k] = next[k];
    if (!l->start)
      continue;
    Val init = LLVMGetIncomingValue(l->phi[k], 0);
    l->carry[k] = LLVMBuildPhi(g->b, LLVMTypeOf(init), "");
    LLVMAddIncoming(l->carry[k], (Val[]){init, next[k]},
                    (LLVMBasicBlockRef[]){l->entry, latch}, 2);
  }
}

void loop_end_while(Cg *g, Loop *l, const Val *next, Val more) {
  LLVMBasicBlockRef latch = LLVMGetInsertBlock(g->b);
  if (l->head) {
    Val i = LLVMBuildNUWAdd(g->b, l->i, ll_idx(g, l->step), "");
    if (!more)
      more = ll_icmp(g, LLVMIntULT, i, l->end ? l->end : ll_idx(g, l->hi));
    LLVMBasicBlockRef done = l->done ? l->done : new_block(g, "done");
    LLVMBuildCondBr(g->b, more, l->head, done);
    Val start = l->start ? l->start : ll_idx(g, l->lo);
    LLVMAddIncoming(l->i, &start, &l->entry, 1);
    LLVMAddIncoming(l->i, &i, &latch, 1);
    for (int k = 0; k < l->ncarry; k++)
      LLVMAddIncoming(l->phi[k], (Val[]){next[k]}, &latch, 1);
    LLVMPositionBuilderAtEnd(g->b, done);
  }
  end_carry(g, l, next, latch);
}
