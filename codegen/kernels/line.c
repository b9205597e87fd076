/* arg, cum:
 *   for outer: for inner in blocks of lanes: for k: carry what was found
 */
#include "plan/kernels/line.h"

#include "codegen/kernels/light.h"
#include "codegen/lower.h"
#include "codegen/plain.h"

typedef struct Line {
  const LineParams *p;
  const Op *op;
  DType in_type, out_type;
  Val in, out; /* first element of this outer */
} Line;

/* Element k of the lines from inner i on. */
static Val element(Cg *g, const Line *m, Val base, DType t, Val k, Val i) {
  Val at = ll_add(g, ll_mulc(g, k, m->p->inner), i);
  return ll_gep(g, base, ll_mulc(g, at, plain_bytes(t)));
}

/* Calls fn for all lines; outputs have out_n elements along the axis. */
static void over_lines(Cg *g, const Step *s, const StepArgs *a, int64_t out_n,
                       BlockFn fn) {
  const LineParams *p = s->params;
  Line m = {.p = p,
            .op = s->op,
            .in_type = s->in[0]->type->dtype,
            .out_type = s->out[0]->type->dtype};
  Loop outer = loop_begin(g, 0, p->outer, 1);
  m.in = ll_gep(g, a->in[0],
                ll_mulc(g, outer.i, p->n * p->inner * plain_bytes(m.in_type)));
  m.out =
      ll_gep(g, a->out[0],
             ll_mulc(g, outer.i, out_n * p->inner * plain_bytes(m.out_type)));
  for_blocks(g, p->inner, p->lanes, fn, &m);
  loop_end(g, &outer, NULL);
}

/* ---- arg ---- */

static Val better(Cg *g, const Line *m, Val a, Val b) {
  bool largest = m->op->kind == OP_argmax;
  Val is = largest ? plain_less(g, m->in_type, b, a)
                   : plain_less(g, m->in_type, a, b);
  if (m->op->attrs.arg.select_last)
    is = ll_or(g, is, plain_equal(g, m->in_type, a, b));
  return is;
}

static void arg_block(Cg *g, void *ctx, Val i, int lanes) {
  const Line *m = ctx;
  Ty index = plain_type(g, m->out_type);
  Val first = element(g, m, m->in, m->in_type, ll_idx(g, 0), i);
  Val init[] = {plain_load(g, m->in_type, first, lanes),
                ll_const_splat(g, index, 0, lanes)};
  Val to = element(g, m, m->out, m->out_type, ll_idx(g, 0), i);
  if (m->p->n == 1) {
    plain_store(g, m->out_type, init[1], to);
    return;
  }
  Loop k = loop_begin_carry(g, 1, m->p->n, 1, 2, init);
  Val at = element(g, m, m->in, m->in_type, k.i, i);
  Val x = plain_load(g, m->in_type, at, lanes);
  Val is = better(g, m, x, k.carry[0]);
  Val here = index == g->idx   ? k.i
             : index == g->i32 ? ll_trunc(g, k.i, g->i32)
                               : ll_zext(g, k.i, g->i64);
  Val next[] = {ll_select(g, is, x, k.carry[0]),
                ll_select(g, is, ll_splat(g, here, lanes), k.carry[1])};
  loop_end(g, &k, next);
  plain_store(g, m->out_type, k.carry[1], to);
}

void lower_arg(Cg *g, const Step *s, const StepArgs *a) {
  over_lines(g, s, a, 1, arg_block);
}

/* ---- cum ---- */

static Val joined(Cg *g, const Line *m, Val a, Val b) {
  bool is_float = dtype_is_float(m->in_type);
  if (m->op->kind == OP_cumsum)
    return is_float ? LLVMBuildFAdd(g->b, a, b, "") : ll_add(g, a, b);
  return is_float ? LLVMBuildFMul(g->b, a, b, "") : ll_mul(g, a, b);
}

static void cum_block(Cg *g, void *ctx, Val i, int lanes) {
  const Line *m = ctx;
  const CumAttrs *a = &m->op->attrs.cum;
  Val like = ll_poison(ll_vec(plain_type(g, m->in_type), lanes));
  Val init = plain_const(g, like, m->op->kind == OP_cumprod);
  Loop l = loop_begin_carry(g, 0, m->p->n, 1, 1, &init);
  Val k = a->reverse ? ll_sub(g, ll_idx(g, m->p->n - 1), l.i) : l.i;
  Val x =
      plain_load(g, m->in_type, element(g, m, m->in, m->in_type, k, i), lanes);
  Val next = joined(g, m, l.carry[0], x);
  plain_store(g, m->out_type, a->exclusive ? l.carry[0] : next,
              element(g, m, m->out, m->out_type, k, i));
  loop_end(g, &l, &next);
}

void lower_cum(Cg *g, const Step *s, const StepArgs *a) {
  const LineParams *p = s->params;
  over_lines(g, s, a, p->n, cum_block);
}
