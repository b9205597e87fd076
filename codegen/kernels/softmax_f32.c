/* softmax_f32: the loop nest is in plan/kernels/softmax_f32.h. What a row
 * carries along lies in a variable, which LLVM turns into registers. */
#include "plan/kernels/softmax_f32.h"

#include <math.h>

#include "codegen/kernels/light.h"
#include "codegen/kernels/row_sums.h"
#include "codegen/lower.h"
#include "codegen/plain.h"
#include "codegen/scalar.h"

typedef struct Softmax {
  DType t;
  bool again; /* y can't hold what is computed */
  float beta;
  Val in, out;  /* the row */
  Val variable; /* most, then total */
  Val wide;     /* most in every lane of vectors, of ... */
  int lanes;
  bool only_powers; /* total_block leaves the sum to others */
  Val most, total;  /* when they are known */
} Softmax;

static Val row_at(Cg *g, const Softmax *s, Val base, Val i) {
  return ll_gep(g, base, ll_mulc(g, i, plain_bytes(s->t)));
}

static Val variable(Cg *g, const Softmax *s) {
  return ll_load(g, plain_type(g, s->t), s->variable, 4);
}

static void assign(Cg *g, const Softmax *s, Val x) {
  ll_store(g, x, s->variable, 4);
}

/* The greater of both halves of the lanes until one is left; LLVM's own
 * reduction is a call of fmaxf on some targets. */
static Val greatest_lane(Cg *g, DType t, Val x) {
  int index[32];
  for (int i = 0; i < 32; i++)
    index[i] = i;
  for (int n = ll_lanes(x) / 2; n; n /= 2) {
    Val a = ll_shuffle(g, x, x, index, n);
    Val b = ll_shuffle(g, x, x, index + n, n);
    x = ll_select(g, plain_less(g, t, a, b), b, a);
  }
  return ll_extract(g, x, 0);
}

/* No number is never the largest. */
static Val larger(Cg *g, const Softmax *s, Val most, Val x) {
  return ll_select(g, plain_less(g, s->t, most, x), x, most);
}

/* Whole vectors keep what is largest in every lane. */
static void most_block(Cg *g, void *ctx, Val i, int lanes) {
  const Softmax *s = ctx;
  Val x = plain_load(g, s->t, row_at(g, s, s->in, i), lanes);
  if (lanes && lanes == s->lanes) {
    Val most = ll_load(g, LLVMTypeOf(x), s->wide, 4);
    ll_store(g, larger(g, s, most, x), s->wide, 4);
    return;
  }
  x = ll_select(g, plain_is_nan(g, x), plain_const(g, x, -INFINITY), x);
  if (lanes)
    x = greatest_lane(g, s->t, x);
  assign(g, s, larger(g, s, variable(g, s), x));
}

static Val lowest(Cg *g, const Softmax *s, int lanes) {
  Ty t = plain_type(g, s->t);
  return plain_const(g, LLVMGetUndef(lanes ? ll_vec(t, lanes) : t), -INFINITY);
}

static Val row_most(Cg *g, Softmax *s, const SoftmaxF32Params *p) {
  assign(g, s, lowest(g, s, 0));
  if (p->lanes)
    ll_store(g, lowest(g, s, p->lanes), s->wide, 4);
  for_blocks(g, p->depth, p->lanes, most_block, s);
  if (!p->lanes)
    return variable(g, s);
  Ty t = ll_vec(plain_type(g, s->t), p->lanes);
  Val all = greatest_lane(g, s->t, ll_load(g, t, s->wide, 4));
  return larger(g, s, variable(g, s), all);
}

static Val power(Cg *g, const Softmax *s, Val i, int lanes) {
  Val x = plain_load(g, s->t, row_at(g, s, s->in, i), lanes);
  x = LLVMBuildFSub(g->b, x, ll_splat(g, s->most, lanes), "");
  x = LLVMBuildFMul(g->b, x, plain_const(g, x, (double)s->beta), "");
  return scalar_exp(g, x);
}

/* The sum goes lane by lane. */
static void total_block(Cg *g, void *ctx, Val i, int lanes) {
  const Softmax *s = ctx;
  Val y = power(g, s, i, lanes), total = variable(g, s);
  if (!s->again)
    plain_store(g, s->t, y, row_at(g, s, s->out, i));
  if (s->only_powers)
    return;
  Ty t = LLVMTypeOf(y);
  Val args[] = {total, y};
  assign(g, s,
         lanes ? ll_intrinsic(g, "llvm.vector.reduce.fadd", &t, 1, args, 2)
               : LLVMBuildFAdd(g->b, total, y, ""));
}

static void divide_block(Cg *g, void *ctx, Val i, int lanes) {
  const Softmax *s = ctx;
  Val at = row_at(g, s, s->out, i);
  Val y = s->again ? power(g, s, i, lanes) : plain_load(g, s->t, at, lanes);
  y = LLVMBuildFDiv(g->b, y, ll_splat(g, s->total, lanes), "");
  plain_store(g, s->t, y, at);
}

static void go_to(Cg *g, Softmax *s, const SoftmaxF32Params *p,
                  const StepArgs *a, Val row) {
  Val first = ll_mulc(g, row, p->depth);
  s->in = row_at(g, s, a->in[0], first);
  s->out = row_at(g, s, a->out[0], first);
}

static void one_row(Cg *g, Softmax *s, const SoftmaxF32Params *p) {
  s->most = row_most(g, s, p);
  assign(g, s, plain_const(g, s->most, 0));
  for_blocks(g, p->depth, p->lanes, total_block, s);
  s->total = variable(g, s);
  for_blocks(g, p->depth, p->lanes, divide_block, s);
}

/* Rows from `first` on, as many as there are lanes. */
static void rows_together(Cg *g, Softmax *s, const SoftmaxF32Params *p,
                          const StepArgs *a, Val first) {
  s->only_powers = true;
  Loop l = loop_begin(g, 0, p->together, 1);
  go_to(g, s, p, a, ll_add(g, first, l.i));
  s->most = row_most(g, s, p);
  for_blocks(g, p->depth, p->lanes, total_block, s);
  loop_end(g, &l, NULL);
  s->only_powers = false;
  Val y = row_at(g, s, a->out[0], ll_mulc(g, first, p->depth));
  ll_store(g, row_sums(g, y, 4 * p->depth, p->depth, p->lanes), a->scratch, 4);
  l = loop_begin(g, 0, p->together, 1);
  go_to(g, s, p, a, ll_add(g, first, l.i));
  s->total = ll_load(g, g->f32, ll_gep(g, a->scratch, ll_mulc(g, l.i, 4)), 4);
  for_blocks(g, p->depth, p->lanes, divide_block, s);
  loop_end(g, &l, NULL);
}

void lower_softmax_f32(Cg *g, const Step *step, const StepArgs *a) {
  const SoftmaxF32Params *p = step->params;
  DType t = step->in[0]->type->dtype;
  Softmax s = {.t = t,
               .again = dtype_bits(t) < 32,
               .beta = step->op->attrs.softmax.beta,
               .lanes = p->lanes};
  if (!p->lanes && g->target->flushes)
    function_stays_scalar(g->ctx, g->fn);
  s.variable = LLVMBuildAlloca(g->b, plain_type(g, t), "");
  if (p->lanes)
    s.wide = LLVMBuildAlloca(g->b, ll_vec(plain_type(g, t), p->lanes), "");
  int64_t whole = p->together > 1 ? p->rows / p->together : 0;
  if (whole) {
    Loop l = loop_begin(g, 0, whole, 1);
    rows_together(g, &s, p, a, ll_mulc(g, l.i, p->together));
    loop_end(g, &l, NULL);
  }
  int64_t done = whole * p->together;
  if (done == p->rows)
    return;
  Loop rows = loop_begin(g, done, p->rows, 1);
  go_to(g, &s, p, a, rows.i);
  one_row(g, &s, p);
  loop_end(g, &rows, NULL);
}
