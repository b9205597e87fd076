/* binary:
 *   for outer dimensions: for i in the innermost:
 *     plane:  y = clamp((a * m0 + b * m1 + c) >> k)
 *     double: y = step(product(a) +- product(b))
 *     table:  the same, products looked up
 *     mul:    y = step((a - za) * (b - zb))
 *     float:  y = clamp(rint(fma(a, r0, fma(b, r1, base))))
 *     pairs:  y = table[a][b]
 * An operand that stays the same in the innermost loop is loaded before it.
 */
#include "codegen/kernels/binary.h"

#include "codegen/kernels/light.h"
#include "codegen/kernels/tail.h"
#include "codegen/lower.h"
#include "codegen/real.h"
#include "codegen/vec.h"
#include "plan/kernels/binary.h"

typedef struct Binary {
  const BinaryParams *p;
  DType stored[2];
  Val in[2];   /* first elements of the run */
  Val same[2]; /* operands without a step: computed already, scalar */
  Val out;
} Binary;

/* The fixed-point product of x << left, which is far below 2^30. Alone by
 * the upper word of twice its product, an instruction of many cores; lanes
 * have their own. */
static Val product(Cg *g, const BinaryParams *p, int i, Val x) {
  int32_t m = p->in[i].multiplier;
  int shift = p->in[i].shift;
  if (ll_lanes(x))
    return vec_mbqm(g, ll_shlc(g, x, p->left), m, shift);
  x = ll_sext(g, ll_shlc(g, x, p->left + 1), g->i64);
  x = ll_addc(g, ll_mulc(g, x, m), INT64_C(1) << 31);
  return vec_rdp(g, ll_trunc(g, ll_lshrc(g, x, 32), g->i32), -shift);
}

static Val real_of_int(Cg *g, Val x) {
  return LLVMBuildSIToFP(g->b, x, ll_like(x, g->f32), "");
}

/* A constant of the plane. In a tail the loops around it want the registers,
 * and a word of 32 bits takes two instructions wherever it is spelled out: as
 * an unknown it is made once, and waits on the stack. */
static Val plane_const(Cg *g, Val like, int32_t x) {
  int lanes = ll_lanes(like);
  if (lanes || !g->step->tail.n)
    return ll_const_splat(g, g->i32, x, lanes);
  return ll_hide(g, ll_i32(g, x));
}

/* What one operand adds to the result, in the lanes of x; stored i32. */
static Val term(Cg *g, const BinaryParams *p, int i, Val x) {
  if (p->form == BINARY_plane)
    return ll_mul(g, x, plane_const(g, x, p->m[i]));
  if (p->form == BINARY_float)
    return real_of_int(g, ll_addc(g, x, -p->delta[i]));
  x = ll_addc(g, x, -p->zero[i]);
  return p->form == BINARY_mul ? x : product(g, p, i, x);
}

static Val looked_up(Cg *g, const BinaryParams *p, int i, Val pattern) {
  Val at = ll_mulc(g, ll_zext(g, pattern, g->idx), 4);
  return ll_load(g, g->i32, ll_gep(g, ll_blob(g, p->table[i]), at), 4);
}

/* The sum of two model values, clamped where every float is a byte's. */
static Val add_floats(Cg *g, const BinaryParams *p, Val a, Val b) {
  Val y = real_fma(g, b, real_like(g, (double)p->ratio[1], b),
                   real_like(g, (double)p->base, b));
  y = real_fma(g, a, real_like(g, (double)p->ratio[0], a), y);
  y = real_max(g, y, real_like(g, p->lo - p->out_delta, y));
  y = real_min(g, y, real_like(g, p->hi - p->out_delta, y));
  y = real_round_even(g, y);
  y = LLVMBuildFPToSI(g->b, y, ll_like(y, g->i32), "");
  return ll_addc(g, y, p->out_delta);
}

static Val looked_up_pair(Cg *g, const BinaryParams *p, Val a, Val b) {
  Val at =
      ll_add(g, ll_mulc(g, ll_zext(g, a, g->idx), 256), ll_zext(g, b, g->idx));
  Val y = ll_load(g, g->i8, ll_gep(g, ll_blob(g, p->table[0]), at), 1);
  return ll_extend(g, y, p->out_type, g->i32);
}

static Val load_term(Cg *g, const Binary *b, int i, Val p, int lanes) {
  if (b->p->form == BINARY_pairs)
    return ll_load(g, g->i8, p, 1);
  if (b->p->form == BINARY_table)
    return looked_up(g, b->p, i, ll_load(g, g->i8, p, 1));
  return term(g, b->p, i, vec_load8(g, b->stored[i], p, lanes));
}

/* What the operands are above their values goes into the constant, whose sum
 * with the products may wrap on the way. */
static Val plane(Cg *g, const BinaryParams *p, Val a, Val b, BinaryUse use) {
  uint32_t more = (uint32_t)p->m[0] * (uint32_t)use.above[0] +
                  (uint32_t)p->m[1] * (uint32_t)use.above[1];
  Val c = plane_const(g, a, (int32_t)((uint32_t)p->c - more));
  Val y = ll_ashrc(g, ll_add(g, ll_add(g, a, b), c), p->k);
  if (use.saturated && p->lo == dtype_min(p->out_type) &&
      p->hi == dtype_max(p->out_type))
    return y;
  return ll_clampc(g, y, p->lo, p->hi);
}

static Val combine(Cg *g, const BinaryParams *p, Val a, Val b) {
  if (p->form == BINARY_plane)
    return plane(g, p, a, b, (BinaryUse){0});
  if (p->form == BINARY_float)
    return add_floats(g, p, a, b);
  if (p->form == BINARY_pairs)
    return looked_up_pair(g, p, a, b);
  Val acc = p->form == BINARY_mul ? ll_mul(g, a, b)
            : p->subtract         ? ll_sub(g, a, b)
                                  : ll_add(g, a, b);
  return emit_sum_step(g, &p->sum, acc);
}

/* An operand in registers, as load_term makes it of one in memory. */
static Val value_term(Cg *g, const BinaryParams *p, int i, Val x) {
  if (p->form == BINARY_pairs)
    return ll_trunc(g, x, g->i8);
  if (p->form == BINARY_table)
    return looked_up(g, p, i, ll_trunc(g, x, g->i8));
  return term(g, p, i, x);
}

static Val one_value(Cg *g, const BinaryParams *p, Val a, Val b) {
  return combine(g, p, value_term(g, p, 0, a), value_term(g, p, 1, b));
}

static bool only_scalar(const BinaryParams *p) {
  return p->form == BINARY_table || p->form == BINARY_pairs;
}

bool binary_takes_more(const Step *s) {
  const BinaryParams *p = s->params;
  return p->form == BINARY_plane;
}

Val binary_value(Cg *g, const Step *s, Val a, Val b, BinaryUse use) {
  const BinaryParams *p = s->params;
  if (p->form == BINARY_plane)
    return plane(g, p, term(g, p, 0, a), term(g, p, 1, b), use);
  if (!only_scalar(p) || !ll_lanes(a))
    return one_value(g, p, a, b);
  Val y = a;
  for (int i = 0; i < ll_lanes(a); i++) {
    Val one = one_value(g, p, ll_extract(g, a, i), ll_extract(g, b, i));
    y = ll_insert(g, y, one, i);
  }
  return y;
}

static void binary_block(Cg *g, void *ctx, Val i, int lanes) {
  const Binary *b = ctx;
  Val x[2];
  for (int k = 0; k < 2; k++)
    x[k] = b->same[k] ? ll_splat(g, b->same[k], lanes)
                      : load_term(g, b, k, ll_gep(g, b->in[k], i), lanes);
  Val y = combine(g, b->p, x[0], x[1]), to = ll_gep(g, b->out, i);
  tail_apply(g, &y, &(TailAt){.p = to, .n = lanes ? lanes : 1, .join = 1});
  vec_store8(g, y, to);
}

/* Spelled-out products want the lanes that have instructions for them. */
static int binary_lanes(const Cg *g, const BinaryParams *p) {
  if (!g->target->vector_bytes || only_scalar(p))
    return 0;
  return p->form == BINARY_double ? g->target->vector_bytes / 4
                                  : byte_lanes(g->target);
}

/* Steps of the contiguous output's outer dimensions. */
static void output_steps(const BinaryParams *p, int64_t *step) {
  int64_t n = 1;
  for (int d = p->ndim - 1; d >= 0; d--) {
    step[d] = n;
    n *= p->dim[d];
  }
}

void lower_binary(Cg *g, const Step *s, const StepArgs *a) {
  const BinaryParams *p = s->params;
  int last = p->ndim - 1;
  int64_t step[MAX_RANK];
  output_steps(p, step);
  DimLoops outer = dims_begin(g, p->dim, last);
  Binary b = {.p = p};
  b.out = ll_gep(g, a->out[0], dims_offset(g, &outer, step));
  for (int i = 0; i < 2; i++) {
    b.stored[i] = s->in[i]->type->dtype;
    b.in[i] = ll_gep(g, a->in[i], dims_offset(g, &outer, p->stride[i]));
    if (p->stride[i][last] == 0 && p->dim[last] > 1)
      b.same[i] = load_term(g, &b, i, b.in[i], 0);
  }
  for_blocks(g, p->dim[last], binary_lanes(g, p), binary_block, &b);
  dims_end(g, &outer);
}
