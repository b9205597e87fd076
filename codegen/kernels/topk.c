/* topk:
 *   for outer, inner: for k: sink x[k] into the sorted outputs
 */
#include "plan/kernels/line.h"

#include "codegen/kernels/light.h"
#include "codegen/lower.h"
#include "codegen/plain.h"

/* One line; values are compared and moved as y stores them. */
typedef struct Topk {
  const LineParams *p;
  DType in_type, t; /* as stored: x, y */
  int64_t flip;     /* from x to y */
  bool largest;
  Val in, out, index; /* first elements */
} Topk;

static Val line_at(Cg *g, const Topk *m, Val base, Val k, int64_t bytes) {
  return ll_gep(g, base, ll_mulc(g, k, m->p->inner * bytes));
}

/* Of numbers those that come first; a NaN is larger than any. */
static Val comes_before(Cg *g, const Topk *m, Val a, Val b) {
  Val is = m->largest ? plain_less(g, m->t, b, a) : plain_less(g, m->t, a, b);
  if (!dtype_is_float(m->t))
    return is;
  Val nan_a = plain_is_nan(g, a), nan_b = plain_is_nan(g, b);
  Val first = m->largest ? nan_a : nan_b, second = m->largest ? nan_b : nan_a;
  return ll_or(g, is, ll_and(g, first, LLVMBuildNot(g->b, second, "")));
}

static LLVMBasicBlockRef block(Cg *g, const char *name) {
  return LLVMAppendBasicBlockInContext(g->ctx, g->fn, name);
}

/* y[to] = y[from], and their indices, where to < kept. */
static void move_up(Cg *g, const Topk *m, Val from, Val to) {
  int64_t bytes = plain_bytes(m->t);
  Val is_kept = ll_icmp(g, LLVMIntULT, to, ll_idx(g, m->p->kept));
  Guard guard = guard_begin(g, is_kept);
  Val v = plain_load_bits(g, m->t, line_at(g, m, m->out, from, bytes), 0);
  plain_store_bits(g, m->t, v, line_at(g, m, m->out, to, bytes));
  Val i = plain_load(g, DT_i64, line_at(g, m, m->index, from, 8), 0);
  plain_store(g, DT_i64, i, line_at(g, m, m->index, to, 8));
  guard_end(g, &guard, 0, NULL, NULL);
}

static void put(Cg *g, const Topk *m, Val bits, Val k, Val at) {
  Val is_kept = ll_icmp(g, LLVMIntULT, at, ll_idx(g, m->p->kept));
  Guard guard = guard_begin(g, is_kept);
  plain_store_bits(g, m->t, bits, line_at(g, m, m->out, at, plain_bytes(m->t)));
  Val i = g->idx == g->i64 ? k : ll_zext(g, k, g->i64);
  plain_store(g, DT_i64, i, line_at(g, m, m->index, at, 8));
  guard_end(g, &guard, 0, NULL, NULL);
}

/* Where x[k] belongs, with all behind it moved up: a loop that may end before
 * its first turn. */
static Val sink(Cg *g, const Topk *m, Val x, Val start) {
  int64_t bytes = plain_bytes(m->t);
  LLVMBasicBlockRef entry = LLVMGetInsertBlock(g->b);
  LLVMBasicBlockRef head = block(g, "sink"), test = block(g, "test");
  LLVMBasicBlockRef body = block(g, "up"), done = block(g, "found");
  LLVMBuildBr(g->b, head);
  LLVMPositionBuilderAtEnd(g->b, head);
  Val at = LLVMBuildPhi(g->b, g->idx, "at");
  LLVMAddIncoming(at, &start, &entry, 1);
  LLVMBuildCondBr(g->b, ll_icmp(g, LLVMIntEQ, at, ll_idx(g, 0)), done, test);
  LLVMPositionBuilderAtEnd(g->b, test);
  Val below = ll_addc(g, at, -1);
  Val y = plain_load(g, m->t, line_at(g, m, m->out, below, bytes), 0);
  LLVMBuildCondBr(g->b, comes_before(g, m, x, y), body, done);
  LLVMPositionBuilderAtEnd(g->b, body);
  move_up(g, m, below, at);
  LLVMBasicBlockRef latch = LLVMGetInsertBlock(g->b);
  LLVMBuildBr(g->b, head);
  LLVMAddIncoming(at, &below, &latch, 1);
  LLVMPositionBuilderAtEnd(g->b, done);
  return at;
}

static void take(Cg *g, const Topk *m, Val k) {
  Val from = line_at(g, m, m->in, k, plain_bytes(m->in_type));
  Val bits = ll_xorc(g, plain_load_bits(g, m->in_type, from, 0), m->flip);
  Val x = dtype_is_float(m->t) ? plain_load(g, m->in_type, from, 0) : bits;
  Val kept = ll_idx(g, m->p->kept);
  Val start = ll_select(g, ll_icmp(g, LLVMIntULT, k, kept), k, kept);
  put(g, m, bits, k, sink(g, m, x, start));
}

void lower_topk(Cg *g, const Step *s, const StepArgs *a) {
  const LineParams *p = s->params;
  const Buffer *x = s->in[0], *y = s->out[0];
  Topk m = {.p = p,
            .in_type = x->type->dtype,
            .t = y->type->dtype,
            .flip = buffer_flipped(x) != buffer_flipped(y) ? 0x80 : 0,
            .largest = s->op->attrs.topk.largest};
  DimLoops l = dims_begin(g, (int64_t[]){p->outer, p->inner}, 2);
  int64_t in = plain_bytes(m.in_type), out = plain_bytes(m.t);
  int64_t from[] = {p->n * p->inner, 1}, to[] = {p->kept * p->inner, 1};
  m.in = ll_gep(g, a->in[0], ll_mulc(g, dims_offset(g, &l, from), in));
  Val at = dims_offset(g, &l, to);
  m.out = ll_gep(g, a->out[0], ll_mulc(g, at, out));
  m.index = ll_gep(g, a->out[1], ll_mulc(g, at, 8));
  Loop k = loop_begin(g, 0, p->n, 1);
  take(g, &m, k.i);
  loop_end(g, &k, NULL);
  dims_end(g, &l);
}
