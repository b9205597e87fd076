/* scale: the loop nest is in plan/kernels/scale.h; lanes run over the inner
 * elements, or over the channels where there is one inner element.
 *
 *   quantize    q = x / scale, limited to lo - zero .. hi - zero
 *               to even: (q + 1.5 * 2^23) - 1.5 * 2^23
 *               away:    trunc(q + copysign(the float below 1/2, q))
 *               y = q + zero                              NaN: zero
 *
 * Limits are whole numbers, so it does not matter that they come before the
 * rounding. */
#include "plan/kernels/scale.h"

#include "codegen/kernels/light.h"
#include "codegen/lower.h"
#include "codegen/plain.h"

typedef struct Scale {
  const ScaleParams *p;
  bool narrows;
  DType stored; /* of the quantized side */
  Val in, out;  /* elements of the run */
  Val channel;  /* of it; NULL: lane 0's is the element's index */
} Scale;

static Val table(Cg *g, const Blob *b, Ty t, Val at, int lanes) {
  Val p = ll_gep(g, ll_blob(g, b), ll_mulc(g, at, 4));
  return ll_load(g, lanes ? ll_vec(t, lanes) : t, p, 4);
}

static Val scales_at(Cg *g, const Scale *s, Val i, int lanes) {
  if (!s->p->scales)
    return ll_splat(g, ll_f32(g, s->p->scale[0]), lanes);
  if (s->channel)
    return ll_splat(g, table(g, s->p->scales, g->f32, s->channel, 0), lanes);
  return table(g, s->p->scales, g->f32, i, lanes);
}

static Val zeros_at(Cg *g, const Scale *s, Val i, int lanes) {
  if (!s->p->zeros)
    return ll_const_splat(g, g->i32, s->p->zero[0], lanes);
  if (s->channel)
    return ll_splat(g, table(g, s->p->zeros, g->i32, s->channel, 0), lanes);
  return table(g, s->p->zeros, g->i32, i, lanes);
}

static Val to_float(Cg *g, Val v) {
  return LLVMBuildSIToFP(g->b, v, ll_like(v, g->f32), "");
}

/* least <= x <= most; least where x is no number. */
static Val limited(Cg *g, Val x, Val least, Val most) {
  x = ll_select(g, LLVMBuildFCmp(g->b, LLVMRealOGT, x, least, ""), x, least);
  return ll_select(g, LLVMBuildFCmp(g->b, LLVMRealOLT, x, most, ""), x, most);
}

static Val rounded(Cg *g, const ScaleParams *p, Val q) {
  if (p->even) {
    Val magic = plain_const(g, q, 0x1.8p23);
    q = LLVMBuildFAdd(g->b, q, magic, "");
    return LLVMBuildFSub(g->b, q, magic, "");
  }
  Ty t = LLVMTypeOf(q);
  Val half = plain_const(g, q, 0x1.fffffep-2);
  half = ll_intrinsic(g, "llvm.copysign", &t, 1, (Val[]){half, q}, 2);
  return LLVMBuildFAdd(g->b, q, half, "");
}

static Val quantized(Cg *g, const Scale *s, Val x, Val scale, Val zero) {
  const ScaleParams *p = s->p;
  int lanes = ll_lanes(x);
  Val least = ll_sub(g, ll_const_splat(g, g->i32, p->lo, lanes), zero);
  Val most = ll_sub(g, ll_const_splat(g, g->i32, p->hi, lanes), zero);
  Val q = LLVMBuildFDiv(g->b, x, scale, "");
  q = limited(g, q, to_float(g, least), to_float(g, most));
  q = rounded(g, p, q);
  Val y = LLVMBuildFPToSI(g->b, q, ll_like(q, g->i32), "");
  y = ll_select(g, plain_is_nan(g, x), ll_const_splat(g, g->i32, 0, lanes), y);
  return ll_add(g, y, zero);
}

static Val widened(Cg *g, DType t, Val v) {
  if (dtype_bits(t) == 32)
    return v;
  return dtype_is_signed(t) ? ll_sext(g, v, g->i32) : ll_zext(g, v, g->i32);
}

static void scale_block(Cg *g, void *ctx, Val i, int lanes) {
  const Scale *s = ctx;
  Val scale = scales_at(g, s, i, lanes), zero = zeros_at(g, s, i, lanes);
  Val wide = ll_mulc(g, i, 4);
  Val narrow = ll_mulc(g, i, plain_bytes(s->stored));
  if (s->narrows) {
    Val x = plain_load(g, DT_f32, ll_gep(g, s->in, wide), lanes);
    Val y = quantized(g, s, x, scale, zero);
    y = ll_trunc(g, y, plain_type(g, s->stored));
    plain_store(g, s->stored, y, ll_gep(g, s->out, narrow));
  } else {
    Val x = plain_load(g, s->stored, ll_gep(g, s->in, narrow), lanes);
    x = to_float(g, ll_sub(g, widened(g, s->stored, x), zero));
    plain_store(g, DT_f32, LLVMBuildFMul(g->b, x, scale, ""),
                ll_gep(g, s->out, wide));
  }
}

static void begin_run(Cg *g, Scale *s, const StepArgs *a, Val element) {
  int64_t bytes = plain_bytes(s->stored);
  s->in = ll_gep(g, a->in[0], ll_mulc(g, element, s->narrows ? 4 : bytes));
  s->out = ll_gep(g, a->out[0], ll_mulc(g, element, s->narrows ? bytes : 4));
}

void lower_scale(Cg *g, const Step *step, const StepArgs *a) {
  Scale s = {.p = step->params, .narrows = step->op->kind == OP_quantize};
  s.stored = (s.narrows ? step->out[0] : step->in[0])->type->dtype;
  const ScaleParams *p = s.p;
  bool by_channel = p->scales && p->inner == 1;
  int64_t dim[] = {p->outer, p->channels};
  int64_t run = by_channel ? p->channels : p->inner;
  int64_t step_of[] = {p->channels * p->inner, p->inner};
  if (!p->lanes && g->target->flushes)
    function_stays_scalar(g->ctx, g->fn);
  DimLoops loops = dims_begin(g, dim, by_channel ? 1 : 2);
  begin_run(g, &s, a, dims_offset(g, &loops, step_of));
  if (!by_channel && p->scales)
    s.channel = loops.loop[1].i;
  for_blocks(g, run, p->lanes, scale_block, &s);
  dims_end(g, &loops);
}
