/* softmax:
 *   for row:
 *     max = largest x
 *     total = sum round(e[max - x] / 2^12)
 *     scale, shift = 1 / total
 *     y = min(round(high(scale, e[max - x]) / 2^shift), 255) + out_min
 * where e is a table and high() the rounding doubling high product.
 */
#include "plan/kernels/softmax.h"

#include "codegen/kernels/softmax.h"

#include "codegen/kernels/light.h"
#include "codegen/lower.h"
#include "codegen/vec.h"

typedef struct Row {
  Val in, out, exp;
  DType stored;
  Val max;
  RowScale scale;
  Val half; /* 2^(shift - 1) */
  int32_t out_min;
} Row;

static Val load_x(Cg *g, const Row *r, Val i) {
  return vec_load8(g, r->stored, ll_gep(g, r->in, i), 0);
}

static Val row_max(Cg *g, const Row *r, int64_t depth) {
  Val lowest = ll_i32(g, r->stored == DT_i8 ? -128 : 0);
  Loop l = loop_begin_carry(g, 0, depth, 1, 1, &lowest);
  Val next = ll_smax(g, l.carry[0], load_x(g, r, l.i));
  loop_end(g, &l, &next);
  return l.carry[0];
}

static Val exp_of(Cg *g, const Row *r, Val i) {
  Val d = ll_sub(g, r->max, load_x(g, r, i));
  if (g->idx != g->i32)
    d = ll_zext(g, d, g->idx);
  return ll_load(g, g->i32, ll_gep(g, r->exp, ll_mulc(g, d, 4)), 4);
}

/* A row may be so long that 32 bits are too few: the total saturates. */
static Val row_total(Cg *g, const Row *r, int64_t depth) {
  bool wide = depth > SOFTMAX_WIDE;
  Ty t = wide ? g->i64 : g->i32;
  Val zero = LLVMConstNull(t);
  Loop l = loop_begin_carry(g, 0, depth, 1, 1, &zero);
  Val e = ll_lshrc(g, ll_addc(g, exp_of(g, r, l.i), 1 << 11), 12);
  Val next = ll_add(g, l.carry[0], wide ? ll_zext(g, e, t) : e);
  loop_end(g, &l, &next);
  Val total = l.carry[0];
  if (!wide)
    return total;
  total = ll_smin(g, total, ll_i64(g, INT32_MAX));
  return ll_trunc(g, total, g->i32);
}

/* x for every lane of `like`. */
static Val word(Cg *g, Val like, int64_t x) {
  return ll_const_splat(g, g->i32, x, ll_lanes(like));
}

/* x without its leading zeros, whose number is in *zeros; x > 0. No count
 * instruction, which is a library call on the smallest cores. */
static Val normalized(Cg *g, Val x, Val *zeros) {
  *zeros = word(g, x, 0);
  for (int s = 16; s; s /= 2) {
    Val top = ll_lshrc(g, x, 32 - s);
    Val none = ll_icmp(g, LLVMIntEQ, top, word(g, x, 0));
    x = ll_select(g, none, ll_shlc(g, x, s), x);
    *zeros = ll_select(g, none, ll_addc(g, *zeros, s), *zeros);
  }
  return x;
}

/* 1 / (1 + x) for x in [0, 1), Q0.31, by Newton's iteration in Q2.29: the
 * steps of fixed_one_over_one_plus, none of which but the last saturates. */
static Val one_over_one_plus(Cg *g, Val x) {
  Val h = ll_addc(g, ll_lshrc(g, x, 1), 1 << 30);
  Val y = vec_srdhm(g, h, word(g, x, -1010580540));
  y = ll_addc(g, y, 1515870810);
  for (int i = 0; i < 3; i++) {
    Val error = ll_sub(g, word(g, x, 1 << 29), vec_srdhm(g, h, y));
    y = ll_add(g, y, ll_shlc(g, vec_srdhm(g, y, error), 2));
  }
  Val full = ll_icmp(g, LLVMIntSGE, y, word(g, x, 1 << 30));
  return ll_select(g, full, word(g, x, INT32_MAX), ll_shlc(g, y, 1));
}

/* total is at least 2^19, what e^0 gives: the shift is 23 at least. From 2^28
 * on it would pass 31, and every output is 0; a short row can't get there. */
RowScale softmax_reciprocal(Cg *g, Val total, bool is_long) {
  Val zeros, fraction = normalized(g, total, &zeros);
  RowScale r = {.shift = ll_sub(g, word(g, total, 12 + 31 - 8), zeros)};
  r.scale = one_over_one_plus(g, ll_xorc(g, fraction, INT32_MIN));
  if (is_long) {
    Val most = word(g, total, 31);
    Val beyond = ll_icmp(g, LLVMIntSGT, r.shift, most);
    r.scale = ll_select(g, beyond, word(g, total, 0), r.scale);
    r.shift = ll_smin(g, r.shift, most);
  }
  return r;
}

static void output(Cg *g, const Row *r, Val i) {
  Val y = ll_add(g, vec_srdhm(g, r->scale.scale, exp_of(g, r, i)), r->half);
  y = LLVMBuildLShr(g->b, y, r->scale.shift, "");
  y = ll_smin(g, y, ll_i32(g, 255));
  vec_store8(g, ll_addc(g, y, r->out_min), ll_gep(g, r->out, i));
}

void lower_softmax(Cg *g, const Step *s, const StepArgs *a) {
  const SoftmaxParams *p = s->params;
  Loop l = loop_begin(g, 0, p->rows, 1);
  Val at = ll_mulc(g, l.i, p->depth);
  Row r = {.in = ll_gep(g, a->in[0], at),
           .out = ll_gep(g, a->out[0], at),
           .exp = ll_blob(g, p->exp),
           .stored = s->in[0]->type->dtype,
           .out_min = p->out_min};
  r.max = row_max(g, &r, p->depth);
  r.scale = softmax_reciprocal(g, row_total(g, &r, p->depth),
                               p->depth >= SOFTMAX_LONG);
  r.half = LLVMBuildShl(g->b, ll_i32(g, 1), ll_addc(g, r.scale.shift, -1), "");
  Loop o = loop_begin(g, 0, p->depth, 1);
  output(g, &r, o.i);
  loop_end(g, &o, NULL);
  loop_end(g, &l, NULL);
}
