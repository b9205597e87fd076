/* softmax_words: see plan/kernels/softmax_words.h. Outputs overwrite inputs
 * one by one, so e is computed twice. */
#include "plan/kernels/softmax_words.h"

#include "codegen/lower.h"
#include "codegen/nest.h"
#include "codegen/word_step.h"

typedef struct Row {
  const SoftmaxWords *p;
  Val in, out, max;
} Row;

static Val load_x(Cg *g, const Row *r, Val i) {
  return word_load(g, DT_i16, ll_gep(g, r->in, ll_mulc(g, i, 2)), 0);
}

static Val row_max(Cg *g, const Row *r) {
  Val lowest = ll_i32(g, INT16_MIN);
  Loop l = loop_begin_carry(g, 0, r->p->depth, 1, 1, &lowest);
  Val next = ll_smax(g, l.carry[0], load_x(g, r, l.i));
  loop_end(g, &l, &next);
  return l.carry[0];
}

/* Interpolated between the points around x, i32 within 16 bits. */
static Val looked_up(Cg *g, const Blob *table, Val x) {
  Val i = ll_addc(g, ll_ashrc(g, x, 7), 256);
  i = g->idx == g->i32 ? i : ll_zext(g, i, g->idx);
  Val p = ll_gep(g, ll_blob(g, table), ll_mulc(g, i, 4));
  Val here = ll_load(g, g->i32, p, 4);
  Val next = ll_load(g, g->i32, ll_gepc(g, p, 4), 4);
  Val part = ll_mul(g, ll_sub(g, next, here), ll_and(g, x, ll_i32(g, 0x7f)));
  return ll_add(g, here, ll_ashrc(g, ll_addc(g, part, 64), 7));
}

static Val exp_of(Cg *g, const Row *r, Val i) {
  Val d = ll_sub(g, load_x(g, r, i), r->max);
  d = emit_word_step(g, &r->p->step, d, ll_idx(g, 0));
  return looked_up(g, r->p->exp, ll_addc(g, d, 32767));
}

static Val row_total(Cg *g, const Row *r) {
  Val zero = ll_i64(g, 0);
  Loop l = loop_begin_carry(g, 0, r->p->depth, 1, 1, &zero);
  Val next = ll_add(g, l.carry[0], ll_sext(g, exp_of(g, r, l.i), g->i64));
  loop_end(g, &l, &next);
  Val total = ll_smin(g, l.carry[0], ll_i64(g, INT32_MAX));
  return ll_trunc(g, total, g->i32);
}

/* total with one leading zero, and by how much it was shifted; total > 0. No
 * count instruction, which is a library call on the smallest cores. */
static Val normalized(Cg *g, Val x, Val *headroom) {
  *headroom = ll_i32(g, 0);
  for (int s = 16; s; s /= 2) {
    Val none = ll_icmp(g, LLVMIntEQ, ll_lshrc(g, x, 31 - s), ll_i32(g, 0));
    x = ll_select(g, none, ll_shlc(g, x, s), x);
    *headroom = ll_select(g, none, ll_addc(g, *headroom, s), *headroom);
  }
  return x;
}

/* 1 / total: a factor, and the shift behind it. */
static Val reciprocal(Cg *g, const Row *r, Val total, Val *right) {
  Val headroom, x = normalized(g, total, &headroom);
  x = ll_lshrc(g, ll_addc(g, x, 1 << 13), 14); /* [1, 2) in Q16 */
  x = ll_clampc(g, ll_addc(g, x, -(1 << 15) - (1 << 16)), INT16_MIN, INT16_MAX);
  *right = ll_sub(g, ll_i32(g, 30), headroom);
  return looked_up(g, r->p->reciprocal, x);
}

static void outputs(Cg *g, const Row *r, Val scale, Val right) {
  Val one = ll_i32(g, 1);
  Val half = ll_lshrc(g, LLVMBuildShl(g->b, one, right, ""), 1);
  Loop l = loop_begin(g, 0, r->p->depth, 1);
  Val y = ll_add(g, ll_mul(g, exp_of(g, r, l.i), scale), half);
  y = ll_clampc(g, LLVMBuildAShr(g->b, y, right, ""), 0, INT16_MAX);
  word_store(g, DT_i16, y, ll_gep(g, r->out, ll_mulc(g, l.i, 2)));
  loop_end(g, &l, NULL);
}

void lower_softmax_words(Cg *g, const Step *s, const StepArgs *a) {
  const SoftmaxWords *p = s->params;
  Loop l = loop_begin(g, 0, p->rows, 1);
  Val at = ll_mulc(g, l.i, 2 * p->depth), right;
  Row r = {
      .p = p, .in = ll_gep(g, a->in[0], at), .out = ll_gep(g, a->out[0], at)};
  r.max = row_max(g, &r);
  Val scale = reciprocal(g, &r, row_total(g, &r), &right);
  outputs(g, &r, scale, right);
  loop_end(g, &l, NULL);
}
