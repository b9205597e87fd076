/* quantize:
 *   for i: q = x[i] / scale; q += copysign(half, q), or q = rint(q)
 *          y[i] = trunc(clamp(q)) + zero_point       NaN: zero_point
 * or
 *   for i: key = bits of x[i], in the order of the floats
 *          y[i] = min + number of thresholds <= key  NaN: zero_point
 */
#include "plan/kernels/quantize.h"

#include "codegen/kernels/light.h"
#include "codegen/lower.h"
#include "codegen/plain.h"
#include "codegen/real.h"
#include "codegen/vec.h"

typedef struct Quantize {
  const QuantizeParams *p;
  Val in, out, table;
  int32_t min; /* stored */
} Quantize;

/* A number below lo, or no number, is lo; branch-free. */
static Val clamp_float(Cg *g, Val x, float lo, float hi) {
  int lanes = ll_lanes(x);
  Val least = ll_splat(g, ll_f32(g, lo), lanes);
  Val most = ll_splat(g, ll_f32(g, hi), lanes);
  x = ll_select(g, LLVMBuildFCmp(g->b, LLVMRealOGT, x, least, ""), x, least);
  return ll_select(g, LLVMBuildFCmp(g->b, LLVMRealOLT, x, most, ""), x, most);
}

static Val divided(Cg *g, const QuantizeParams *p, Val x) {
  Ty t = LLVMTypeOf(x);
  int lanes = ll_lanes(x);
  Val half = ll_splat(g, ll_f32(g, p->half), lanes);
  Val q = LLVMBuildFDiv(g->b, x, ll_splat(g, ll_f32(g, p->scale), lanes), "");
  if (!p->even) {
    half = ll_intrinsic(g, "llvm.copysign", &t, 1, (Val[]){half, q}, 2);
    q = LLVMBuildFAdd(g->b, q, half, "");
  }
  q = clamp_float(g, q, (float)(p->lo - p->zero_point),
                  (float)(p->hi - p->zero_point));
  if (p->even)
    q = real_round_even(g, q);
  return LLVMBuildFPToSI(g->b, q, ll_like(q, g->i32), "");
}

static void divide_block(Cg *g, void *ctx, Val i, int lanes) {
  const Quantize *q = ctx;
  Val x =
      ll_load(g, ll_vec(g->f32, lanes), ll_gep(g, q->in, ll_mulc(g, i, 4)), 4);
  Val y = divided(g, q->p, x);
  Val zero = ll_const_splat(g, g->i32, 0, lanes);
  y = ll_addc(g, ll_select(g, plain_is_nan(g, x), zero, y), q->p->zero_point);
  vec_store8(g, y, ll_gep(g, q->out, i));
}

/* How many of the 255 thresholds are <= key: eight halvings. */
static Val search(Cg *g, Val table, Val key) {
  Val at = ll_idx(g, 0);
  for (int step = 128; step; step /= 2) {
    Val probe = ll_mulc(g, ll_addc(g, at, step - 1), 4);
    Val t = ll_load(g, g->i32, ll_gep(g, table, probe), 4);
    Val take = ll_icmp(g, LLVMIntSLE, t, key);
    at = ll_select(g, take, ll_addc(g, at, step), at);
  }
  return LLVMTypeOf(at) == g->i32 ? at : ll_trunc(g, at, g->i32);
}

static void search_element(Cg *g, void *ctx, Val i, int lanes) {
  const Quantize *q = ctx;
  (void)lanes;
  Val bits = ll_load(g, g->i32, ll_gep(g, q->in, ll_mulc(g, i, 4)), 4);
  Val sign = ll_lshrc(g, ll_ashrc(g, bits, 31), 1);
  Val key = LLVMBuildXor(g->b, bits, sign, "");
  Val y = ll_addc(g, search(g, q->table, key), q->min);
  Val magnitude = ll_and(g, bits, ll_i32(g, INT32_MAX));
  Val nan = ll_icmp(g, LLVMIntUGT, magnitude, ll_i32(g, 0x7f800000));
  y = ll_select(g, nan, ll_i32(g, q->p->zero_point), y);
  vec_store8(g, y, ll_gep(g, q->out, i));
}

void lower_quantize(Cg *g, const Step *s, const StepArgs *a) {
  const QuantizeParams *p = s->params;
  int64_t n = type_count(s->out[0]->type);
  Quantize q = {p, a->in[0], a->out[0], NULL, stored_min(s->out[0])};
  if (p->by_division) {
    for_blocks(g, n, g->target->vector_bytes / 4, divide_block, &q);
    return;
  }
  q.table = ll_blob(g, p->threshold);
  for_blocks(g, n, 0, search_element, &q);
}
