/* mean:
 *   for kept dimensions but the row: for i of the row in blocks of lanes:
 *     acc = 0; for reduced dimensions: acc += x
 *     y = step(acc)
 */
#include "plan/kernels/mean.h"

#include "codegen/kernels/light.h"
#include "codegen/lower.h"
#include "codegen/vec.h"

typedef struct Mean {
  const MeanParams *p;
  DType stored;
  Val in, out; /* first element of the row */
} Mean;

static Val sum_dims(Cg *g, const Mean *m, int d, Val p, Val acc) {
  const MeanDims *r = &m->p->reduced;
  if (d == r->n)
    return sum_add(g, acc, m->stored, p);
  Loop l = loop_begin_carry(g, 0, r->count[d], 1, 1, &acc);
  Val at = ll_gep(g, p, ll_mulc(g, l.i, r->stride[d]));
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

void lower_mean(Cg *g, const Step *s, const StepArgs *a) {
  const MeanParams *p = s->params;
  int64_t step[MAX_RANK], n = p->row;
  for (int d = p->kept.n - 1; d >= 0; d--) {
    step[d] = n;
    n *= p->kept.count[d];
  }
  DimLoops outer = dims_begin(g, p->kept.count, p->kept.n);
  Mean m = {.p = p, .stored = s->in[0]->type->dtype};
  m.in = ll_gep(g, a->in[0], dims_offset(g, &outer, p->kept.stride));
  m.out = ll_gep(g, a->out[0], dims_offset(g, &outer, step));
  int lanes = p->row == 1 ? 0 : sum_lanes(g, p->sum_bits);
  for_blocks(g, p->row, lanes, mean_block, &m);
  dims_end(g, &outer);
}
