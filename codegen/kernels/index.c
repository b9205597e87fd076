/* gather, scatter:
 *   scatter: y = x
 *   for positions:
 *     at = base + sum of the entries' indices, made to lie inside, by strides
 *     gather: copy a run from x[at]
 *     scatter: copy a run to y[at], or y[at] = f(y[at], update) by blocks
 */
#include "plan/kernels/index.h"

#include "codegen/kernels/light.h"
#include "codegen/lower.h"
#include "codegen/plain.h"

/* 0 .. n - 1 from index i, counted from the end where below 0. */
static Val inside(Cg *g, Val i, int64_t n) {
  Val zero = ll_mulc(g, i, 0);
  Val from_end = ll_icmp(g, LLVMIntSLT, i, zero);
  i = ll_select(g, from_end, ll_addc(g, i, n), i);
  return ll_clampc(g, i, 0, n - 1);
}

static Val as_offset(Cg *g, Val i) {
  if (LLVMTypeOf(i) == g->idx)
    return i;
  return g->idx == g->i64 ? ll_zext(g, i, g->i64) : ll_trunc(g, i, g->i32);
}

/* Where the position's slice begins, in bytes. */
static Val slice_offset(Cg *g, const IndexParams *m, const Step *s,
                        const DimLoops *l, Val index) {
  DType t = s->in[1]->type->dtype;
  int64_t bytes = plain_bytes(t);
  Val entry =
      ll_gep(g, index, ll_mulc(g, dims_offset(g, l, m->index_step), bytes));
  Val at = dims_offset(g, l, m->base_step);
  for (int k = 0; k < m->entries; k++) {
    Val i = plain_load(g, t, ll_gepc(g, entry, k * bytes), 0);
    i = as_offset(g, inside(g, i, m->extent[k]));
    at = ll_add(g, at, ll_mulc(g, i, m->stride[k]));
  }
  return at;
}

static bool flips(const Step *s, const Buffer *from) {
  return buffer_flipped(from) != buffer_flipped(s->out[0]);
}

static void copy_run(Cg *g, const IndexParams *m, DType t, Val to, Val from,
                     bool flip) {
  if (m->run > 1) {
    emit_copy(g, to, from, m->run * m->elem_bytes, m->elem_bytes, flip);
    return;
  }
  Val x = plain_load_bits(g, t, from, 0);
  plain_store_bits(g, t, ll_xorc(g, x, flip ? 0x80 : 0), to);
}

void lower_gather(Cg *g, const Step *s, const StepArgs *a) {
  const IndexParams *m = s->params;
  DimLoops l = dims_begin(g, m->dim, m->ndim);
  Val at = slice_offset(g, m, s, &l, a->in[1]);
  Val to = ll_gep(g, a->out[0], dims_offset(g, &l, m->other_step));
  copy_run(g, m, s->out[0]->type->dtype, to, ll_gep(g, a->in[0], at),
           flips(s, s->in[0]));
  dims_end(g, &l);
}

/* ---- scatter ---- */

typedef struct Update {
  DType t;
  Reduction reduction;
  Val y, u; /* first elements of the run */
} Update;

static Val joined(Cg *g, const Update *p, Val y, Val u) {
  bool is_float = dtype_is_float(p->t);
  switch (p->reduction) {
  case REDUCTION_add:
    return is_float ? LLVMBuildFAdd(g->b, y, u, "") : ll_add(g, y, u);
  case REDUCTION_mul:
    return is_float ? LLVMBuildFMul(g->b, y, u, "") : ll_mul(g, y, u);
  case REDUCTION_min:
  case REDUCTION_max:
    return plain_extreme(g, p->t, p->reduction == REDUCTION_max, y, u);
  case REDUCTION_none:
  case REDUCTION_COUNT:
    break;
  }
  return u;
}

static void update_block(Cg *g, void *ctx, Val i, int lanes) {
  const Update *p = ctx;
  Val at = ll_mulc(g, i, plain_bytes(p->t));
  Val to = ll_gep(g, p->y, at);
  Val y = plain_load(g, p->t, to, lanes);
  Val u = plain_load(g, p->t, ll_gep(g, p->u, at), lanes);
  plain_store(g, p->t, joined(g, p, y, u), to);
}

static bool in_place(const Step *s) {
  const Buffer *x = s->in[0], *y = s->out[0];
  return x->place == y->place && x->index == y->index &&
         x->offset == y->offset && !flips(s, x);
}

static int copy_align(const Cg *g, const Step *s) {
  int x = buffer_align(g, s->in[0]), y = buffer_align(g, s->out[0]);
  return x < y ? x : y;
}

void lower_scatter(Cg *g, const Step *s, const StepArgs *a) {
  const IndexParams *m = s->params;
  DType t = s->out[0]->type->dtype;
  if (!in_place(s))
    emit_copy(g, a->out[0], a->in[0], s->out[0]->bytes, copy_align(g, s),
              flips(s, s->in[0]));
  DimLoops l = dims_begin(g, m->dim, m->ndim);
  Update p = {.t = t, .reduction = m->reduction};
  p.y = ll_gep(g, a->out[0], slice_offset(g, m, s, &l, a->in[1]));
  p.u = ll_gep(g, a->in[2], dims_offset(g, &l, m->other_step));
  if (m->reduction == REDUCTION_none)
    copy_run(g, m, t, p.y, p.u, flips(s, s->in[2]));
  else
    for_blocks(g, m->run, m->lanes, update_block, &p);
  dims_end(g, &l);
}
