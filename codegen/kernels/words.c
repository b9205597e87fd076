/* word_pair, word_unary: y[i] = f(a[i], b[i]) over merged dimensions, with
 * the forms of plan/kernels/words.h. An operand that stays the same in the
 * innermost loop is loaded before it. */
#include "plan/kernels/words.h"

#include "codegen/kernels/light.h"
#include "codegen/lower.h"
#include "codegen/plain.h"
#include "codegen/real.h"
#include "codegen/word_step.h"
#include "ir/fixed16.h"

typedef struct Words {
  const WordsMap *m;
  const Op *op;
  Val in[2], out; /* first elements of the run */
  Val same[2];    /* operands without a step, scalar */
} Words;

/* ---- floats ---- */

static Val to_real(Cg *g, const WordsMap *m, int i, Val x) {
  x = ll_addc(g, x, -m->zero[i]);
  x = LLVMBuildSIToFP(g->b, x, ll_like(x, g->f32), "");
  return LLVMBuildFMul(g->b, x, real_like(g, (double)m->scale[i], x), "");
}

static Val real_function(Cg *g, const Op *op, Val a, Val b) {
  switch ((int)op->kind) {
  case OP_add:
    return LLVMBuildFAdd(g->b, a, b, "");
  case OP_sub:
    return LLVMBuildFSub(g->b, a, b, "");
  case OP_mul:
    return LLVMBuildFMul(g->b, a, b, "");
  case OP_leaky_relu: {
    Val alpha = real_like(g, (double)op->attrs.leaky.alpha, a);
    Val below = LLVMBuildFMul(g->b, a, alpha, "");
    Val above = LLVMBuildFCmp(g->b, LLVMRealOGE, a, real_like(g, 0, a), "");
    return ll_select(g, above, a, below);
  }
  default: /* the clamps are on what is stored */
    return a;
  }
}

static Val from_real(Cg *g, const WordsMap *m, Val x) {
  x = LLVMBuildFDiv(g->b, x, real_like(g, (double)m->out_scale, x), "");
  return emit_word_round(g, x, m->far, (WordRange){m->out_zero, m->lo, m->hi});
}

/* ---- tables ---- */

/* |sigmoid|, as interpolated() of ir/fixed16.c has it. */
static Val interpolated(Cg *g, const WordsMap *m, Val magnitude, int bits,
                        int64_t top) {
  const int64_t last = SIGMOID16_POINTS - 1;
  Val i = ll_lshrc(g, magnitude, bits);
  Val beyond = ll_icmp(g, LLVMIntUGE, i, ll_i64(g, last));
  Val at = ll_select(g, beyond, ll_i64(g, 0), i);
  at = g->idx == g->i64 ? at : ll_trunc(g, at, g->idx);
  Val p = ll_gep(g, ll_blob(g, m->table), ll_mulc(g, at, 4));
  Val here = ll_load(g, g->i32, p, 4);
  Val next = ll_load(g, g->i32, ll_gepc(g, p, 4), 4);
  Val rest =
      ll_and(g, ll_trunc(g, magnitude, g->i32), ll_i32(g, (1 << bits) - 1));
  Val y =
      ll_add(g, ll_shlc(g, here, bits), ll_mul(g, rest, ll_sub(g, next, here)));
  return ll_select(g, beyond, ll_i32(g, top), y);
}

/* Values are below 2^26. */
static Val sigmoid(Cg *g, const Words *w, Val x) {
  const WordsMap *m = w->m;
  bool tanh = w->op->kind == OP_tanh;
  int bits = tanh ? 8 : 9, right = tanh ? 8 : 10;
  int32_t half = 1 << (right - 1), base = tanh ? 1 << 23 : 0;
  int64_t top = tanh ? INT64_C(0xffff) << 8 : INT64_C(0x7fff) << 10;
  Val none = ll_i64(g, 0);
  x = ll_mulc(g, ll_sext(g, x, g->i64), m->multiplier);
  x = ll_ashrc(g, ll_addc(g, x, INT64_C(1) << m->shift >> 1), m->shift);
  Val negative = ll_icmp(g, LLVMIntSLT, x, none);
  x = ll_select(g, negative, ll_sub(g, none, x), x);
  Val r = interpolated(g, m, x, bits, top);
  Val above = ll_addc(g, r, half - base);
  int32_t one = tanh ? 1 << 23 : 1 << 25;
  Val below = ll_sub(g, ll_i32(g, one + half - 1), r);
  Val y = ll_ashrc(g, ll_select(g, negative, below, above), right);
  return ll_clampc(g, y, INT16_MIN, INT16_MAX);
}

/* ---- values ---- */

static Val by_sign(Cg *g, const WordsMap *m, Val x) {
  Val channel = ll_idx(g, 0);
  x = ll_addc(g, x, -m->zero[0]);
  Val above = emit_word_step(g, &m->in[1], x, channel);
  if (m->in[0].word[0][0] == m->in[1].word[0][0] &&
      m->in[0].word[1][0] == m->in[1].word[1][0])
    return above;
  Val below = emit_word_step(g, &m->in[0], x, channel);
  Val none = LLVMConstNull(LLVMTypeOf(x));
  return ll_select(g, ll_icmp(g, LLVMIntSLT, x, none), below, above);
}

static Val summed(Cg *g, const WordsMap *m, Val a, Val b) {
  Val channel = ll_idx(g, 0);
  a = emit_word_step(g, &m->in[0], ll_shlc(g, a, m->left), channel);
  b = emit_word_step(g, &m->in[1], ll_shlc(g, b, m->left), channel);
  Val sum = m->subtract ? ll_sub(g, a, b) : ll_add(g, a, b);
  return emit_word_step(g, &m->out, sum, channel);
}

static Val value_of(Cg *g, const Words *w, Val a, Val b) {
  const WordsMap *m = w->m;
  switch (m->form) {
  case WORD_real: {
    Val y = b ? to_real(g, m, 1, b) : NULL;
    return from_real(g, m, real_function(g, w->op, to_real(g, m, 0, a), y));
  }
  case WORD_sum:
    return summed(g, m, a, b);
  case WORD_product:
    return emit_word_step(g, &m->out, ll_mul(g, a, b), ll_idx(g, 0));
  case WORD_steps:
    return by_sign(g, m, a);
  case WORD_sigmoid:
    break;
  }
  return sigmoid(g, w, a);
}

static Val address(Cg *g, Val base, Val i, DType t) {
  return ll_gep(g, base, ll_mulc(g, i, plain_bytes(t)));
}

static void words_block(Cg *g, void *ctx, Val i, int lanes) {
  const Words *w = ctx;
  const WordsMap *m = w->m;
  Val x[2] = {NULL, NULL};
  for (int k = 0; k < m->shape.nin; k++)
    x[k] = w->same[k]
               ? ll_splat(g, w->same[k], lanes)
               : word_load(g, m->in_type[k],
                           address(g, w->in[k], i, m->in_type[k]), lanes);
  word_store(g, m->out_type, value_of(g, w, x[0], x[1]),
             address(g, w->out, i, m->out_type));
}

/* Steps of the contiguous output's outer dimensions. */
static void output_steps(const MapParams *p, int64_t *step) {
  int64_t n = 1;
  for (int d = p->ndim - 1; d >= 0; d--) {
    step[d] = n;
    n *= p->dim[d];
  }
}

static void lower_words(Cg *g, const Step *s, const StepArgs *a) {
  const WordsMap *m = s->params;
  const MapParams *p = &m->shape;
  int last = p->ndim - 1;
  int64_t step[MAX_RANK];
  output_steps(p, step);
  DimLoops outer = dims_begin(g, p->dim, last);
  Words w = {.m = m, .op = s->op};
  w.out = address(g, a->out[0], dims_offset(g, &outer, step), m->out_type);
  for (int i = 0; i < p->nin; i++) {
    DType t = m->in_type[i];
    w.in[i] = address(g, a->in[i], dims_offset(g, &outer, p->stride[i]), t);
    if (p->stride[i][last] == 0 && p->dim[last] > 1)
      w.same[i] = word_load(g, t, w.in[i], 0);
  }
  for_blocks(g, p->dim[last], p->lanes, words_block, &w);
  dims_end(g, &outer);
}

void lower_word_pair(Cg *g, const Step *s, const StepArgs *a) {
  lower_words(g, s, a);
}

void lower_word_unary(Cg *g, const Step *s, const StepArgs *a) {
  lower_words(g, s, a);
}
