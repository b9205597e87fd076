/* mean, mean_f32:
 *   for kept dimensions but the row: for i of the row in blocks of lanes:
 *     acc = 0; for reduced dimensions: acc += x
 *     y = step(acc), or acc / count
 */
#include "plan/kernels/mean.h"

#include "codegen/kernels/light.h"
#include "codegen/lower.h"
#include "codegen/vec.h"

typedef struct Mean {
  const MeanParams *p;
  bool is_float;
  DType stored;
  Val in, out; /* first element of the row */
} Mean;

static Val add_one(Cg *g, const Mean *m, Val acc, Val p) {
  if (!m->is_float)
    return sum_add(g, acc, m->stored, p);
  return LLVMBuildFAdd(g->b, acc, ll_load(g, LLVMTypeOf(acc), p, 4), "");
}

static Val sum_dims(Cg *g, const Mean *m, int d, Val p, Val acc) {
  const MeanDims *r = &m->p->reduced;
  if (d == r->n)
    return add_one(g, m, acc, p);
  Loop l = loop_begin_carry(g, 0, r->count[d], 1, 1, &acc);
  Val at = ll_gep(g, p, ll_mulc(g, l.i, r->stride[d] * m->p->elem_bytes));
  Val next = sum_dims(g, m, d + 1, at, l.carry[0]);
  loop_end(g, &l, &next);
  return l.carry[0];
}

static void mean_block(Cg *g, void *ctx, Val i, int lanes) {
  const Mean *m = ctx;
  Val acc = sum_zero(g, m->p->sum_bits, lanes);
  acc = sum_dims(g, m, 0, ll_gep(g, m->in, i), acc);
  acc = sum_widen(g, acc, m->stored);
  vec_store8(g, emit_sum_step(g, &m->p->sum, acc), ll_gep(g, m->out, i));
}

static void mean_block_f32(Cg *g, void *ctx, Val i, int lanes) {
  const Mean *m = ctx;
  Val acc = LLVMConstNull(ll_vec(g->f32, lanes));
  Val at = ll_mulc(g, i, 4);
  acc = sum_dims(g, m, 0, ll_gep(g, m->in, at), acc);
  Val n = ll_splat(g, ll_f32(g, (float)m->p->n), lanes);
  ll_store(g, LLVMBuildFDiv(g->b, acc, n, ""), ll_gep(g, m->out, at), 4);
}

/* All rows by `fn`, in blocks of `lanes`. */
static void rows(Cg *g, const StepArgs *a, Mean *m, int lanes, BlockFn fn) {
  const MeanParams *p = m->p;
  int64_t in_step[MAX_RANK], out_step[MAX_RANK], n = p->row * p->elem_bytes;
  for (int d = p->kept.n - 1; d >= 0; d--) {
    in_step[d] = p->kept.stride[d] * p->elem_bytes;
    out_step[d] = n;
    n *= p->kept.count[d];
  }
  DimLoops outer = dims_begin(g, p->kept.count, p->kept.n);
  m->in = ll_gep(g, a->in[0], dims_offset(g, &outer, in_step));
  m->out = ll_gep(g, a->out[0], dims_offset(g, &outer, out_step));
  for_blocks(g, p->row, p->row == 1 ? 0 : lanes, fn, m);
  dims_end(g, &outer);
}

void lower_mean(Cg *g, const Step *s, const StepArgs *a) {
  Mean m = {.p = s->params, .stored = s->in[0]->type->dtype};
  rows(g, a, &m, sum_lanes(g, m.p->sum_bits), mean_block);
}

void lower_mean_f32(Cg *g, const Step *s, const StepArgs *a) {
  Mean m = {.p = s->params, .is_float = true};
  rows(g, a, &m, target_f32_lanes(g->target), mean_block_f32);
}
