/* softmax_f32: the loop nest is in plan/kernels/softmax_f32.h. What a row
 * carries along lies in a variable, which LLVM turns into registers. */
#include "plan/kernels/softmax_f32.h"

#include <math.h>

#include "codegen/kernels/light.h"
#include "codegen/lower.h"
#include "codegen/plain.h"
#include "codegen/scalar.h"

typedef struct Softmax {
  DType t;
  bool again; /* y can't hold what is computed */
  float beta;
  Val in, out;     /* the row */
  Val variable;    /* most, then total */
  Val most, total; /* when they are known */
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
static void most_block(Cg *g, void *ctx, Val i, int lanes) {
  const Softmax *s = ctx;
  Val x = plain_load(g, s->t, row_at(g, s, s->in, i), lanes);
  x = ll_select(g, plain_is_nan(g, x), plain_const(g, x, -INFINITY), x);
  if (lanes)
    x = greatest_lane(g, s->t, x);
  Val most = variable(g, s);
  assign(g, s, ll_select(g, plain_less(g, s->t, most, x), x, most));
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

void lower_softmax_f32(Cg *g, const Step *step, const StepArgs *a) {
  const SoftmaxF32Params *p = step->params;
  DType t = step->in[0]->type->dtype;
  Softmax s = {.t = t,
               .again = dtype_bits(t) < 32,
               .beta = step->op->attrs.softmax.beta};
  if (!p->rows)
    return;
  if (!p->lanes && g->target->flushes)
    function_stays_scalar(g->ctx, g->fn);
  s.variable = LLVMBuildAlloca(g->b, plain_type(g, t), "");
  Loop rows = loop_begin(g, 0, p->rows, 1);
  Val first = ll_mulc(g, rows.i, p->depth);
  s.in = row_at(g, &s, a->in[0], first);
  s.out = row_at(g, &s, a->out[0], first);
  Val scalar = LLVMGetUndef(plain_type(g, t));
  assign(g, &s, plain_const(g, scalar, -INFINITY));
  for_blocks(g, p->depth, p->lanes, most_block, &s);
  s.most = variable(g, &s);
  assign(g, &s, plain_const(g, scalar, 0));
  for_blocks(g, p->depth, p->lanes, total_block, &s);
  s.total = variable(g, &s);
  for_blocks(g, p->depth, p->lanes, divide_block, &s);
  loop_end(g, &rows, NULL);
}
