/* direct_int, spread_f32:
 *   for n, oy, ox: for group: for oc in blocks of lanes:
 *     acc = bias
 *     for ky, kx, each skipped where its pixel is not there:
 *       for ic: acc += splat(x[ic] - zx) * w[ky][kx][ic][oc..]
 *     store
 */
#include "plan/kernels/direct.h"

#include "codegen/kernels/light.h"
#include "codegen/kernels/sums.h"
#include "codegen/lower.h"
#include "codegen/plain.h"
#include "codegen/real.h"

typedef struct Direct {
  const DirectParams *p;
  const Step *s;
  const StepArgs *a;
  DType x_type, y_type;
  bool is_float;
  Act act;     /* of floats */
  Val x_zero;  /* i32, or NULL */
  Val x, w, y; /* this image's group; its weights; its outputs at a pixel */
  Val first;   /* channel of the group's first output */
  Val oy, ox;
} Direct;

static Val bias(Cg *g, const Direct *m, Val channel, int lanes) {
  Ty t = m->is_float ? g->f32 : g->i32;
  if (!op_in(m->s->op, 2))
    return LLVMConstNull(ll_vec(t, lanes));
  Val p = ll_gep(g, m->a->in[2], ll_mulc(g, channel, 4));
  return ll_load(g, ll_vec(t, lanes), p, 4);
}

/* The weights' zero point where they are not packed. */
static Val weight_zero(Cg *g, const Direct *m, Val channel) {
  const SumEnds *e = &m->p->ends;
  if (m->p->w || m->is_float)
    return NULL;
  if (e->b_zeros)
    return ll_load(g, g->i32,
                   ll_gep(g, ll_blob(g, e->b_zeros), ll_mulc(g, channel, 4)),
                   4);
  return sums_zero(g, m->s, 4, m->a->in[4], channel, e->b_zero);
}

/* One block's sums. */
typedef struct Block {
  Direct *m;
  Val i; /* output of the group */
  int lanes;
  Val zero; /* of its weights */
} Block;

static Val weights(Cg *g, const Block *b, Val at) {
  const DirectParams *p = b->m->p;
  at = ll_add(g, at, ll_mulc(g, b->i, p->w_step[3]));
  Val q = ll_gep(g, b->m->w, ll_mulc(g, at, plain_bytes(p->w_type)));
  if (p->w_type == DT_f32)
    return plain_load(g, DT_f32, q, b->lanes);
  if (p->w)
    return ll_sext(g, plain_load(g, DT_i16, q, b->lanes), g->i32);
  return sums_byte(g, p->w_type, q, b->lanes, b->zero);
}

/* The products with the pixel at x, its tap's weights from `at` on. */
static Val over_channels(Cg *g, const Block *b, Val x, Val at, Val acc) {
  const Direct *m = b->m;
  Loop k = loop_begin_carry(g, 0, m->p->ic, 1, 1, &acc);
  Val p = ll_gep(g, x, ll_mulc(g, k.i, plain_bytes(m->x_type)));
  Val w = weights(g, b, ll_add(g, at, ll_mulc(g, k.i, m->p->w_step[2])));
  Val next;
  if (m->is_float) {
    Val v = ll_splat(g, plain_load(g, DT_f32, p, 0), b->lanes);
    next = real_fma(g, v, w, k.carry[0]);
  } else {
    Val v = sums_byte(g, m->x_type, p, 0, m->x_zero);
    next = ll_add(g, k.carry[0], ll_mul(g, ll_splat(g, v, b->lanes), w));
  }
  loop_end(g, &k, &next);
  return k.carry[0];
}

/* The input coordinate under tap k of output o; *is_there (i1): whether it
 * exists, NULL: always. */
static Val coordinate(Cg *g, const Direct *m, const DirectAxis *a, Val o, Val k,
                      Val *is_there) {
  *is_there = NULL;
  if (!m->is_float) {
    Val i = ll_add(g, ll_mulc(g, o, a->stride), ll_mulc(g, k, a->dilation));
    i = ll_addc(g, i, -a->pad);
    if (a->padded)
      *is_there = ll_icmp(g, LLVMIntULT, i, ll_idx(g, a->in));
    return i;
  }
  Val t = ll_sub(g, ll_addc(g, o, a->pad), ll_mulc(g, k, a->dilation));
  *is_there = ll_icmp(g, LLVMIntULT, t, ll_idx(g, a->in * a->stride));
  if (a->stride == 1)
    return t;
  Val s = ll_idx(g, a->stride), i = LLVMBuildUDiv(g->b, t, s, "");
  Val rest = ll_sub(g, t, ll_mul(g, i, s));
  *is_there = ll_and(g, *is_there, ll_icmp(g, LLVMIntEQ, rest, ll_idx(g, 0)));
  return i;
}

static Val over_taps(Cg *g, const Block *b, Val acc) {
  const Direct *m = b->m;
  const DirectParams *p = m->p;
  int64_t pixel = p->groups * p->ic * plain_bytes(m->x_type);
  Val row_there, col_there;
  Loop ky = loop_begin_carry(g, 0, p->y.taps, 1, 1, &acc);
  Val iy = coordinate(g, m, &p->y, m->oy, ky.i, &row_there);
  Guard row = guard_begin(g, row_there);
  Loop kx = loop_begin_carry(g, 0, p->x.taps, 1, 1, ky.carry);
  Val ix = coordinate(g, m, &p->x, m->ox, kx.i, &col_there);
  Guard col = guard_begin(g, col_there);
  Val x = ll_add(g, ll_mulc(g, iy, p->x.in), ix);
  x = ll_gep(g, m->x, ll_mulc(g, x, pixel));
  Val at =
      ll_add(g, ll_mulc(g, ky.i, p->w_step[0]), ll_mulc(g, kx.i, p->w_step[1]));
  Val next = over_channels(g, b, x, at, kx.carry[0]);
  guard_end(g, &col, 1, kx.carry, &next);
  loop_end(g, &kx, &next);
  next = kx.carry[0];
  guard_end(g, &row, 1, ky.carry, &next);
  loop_end(g, &ky, &next);
  return ky.carry[0];
}

static void direct_block(Cg *g, void *ctx, Val i, int lanes) {
  Direct *m = ctx;
  Val channel = ll_add(g, m->first, i);
  Block b = {m, i, lanes, weight_zero(g, m, channel)};
  Val acc = over_taps(g, &b, bias(g, m, channel, lanes));
  Val to = ll_gep(g, m->y, ll_mulc(g, i, plain_bytes(m->y_type)));
  if (m->is_float)
    plain_store(g, DT_f32, real_act(g, m->act, acc), to);
  else
    sums_store(g, m->s, &m->p->ends, acc, channel, to);
}

static void direct(Cg *g, Direct *m) {
  const DirectParams *p = m->p;
  int64_t px = p->groups * p->ic, py = p->groups * p->oc;
  int64_t image = p->y.in * p->x.in * px;
  int64_t dims[] = {p->n, p->y.out, p->x.out, p->groups};
  int64_t x_step[] = {image, 0, 0, p->ic};
  int64_t y_step[] = {p->y.out * p->x.out * py, p->x.out * py, py, p->oc};
  DimLoops l = dims_begin(g, dims, 4);
  m->oy = l.loop[1].i;
  m->ox = l.loop[2].i;
  m->x = ll_gep(g, m->a->in[0],
                ll_mulc(g, dims_offset(g, &l, x_step), plain_bytes(m->x_type)));
  m->y = ll_gep(g, m->a->out[0],
                ll_mulc(g, dims_offset(g, &l, y_step), plain_bytes(m->y_type)));
  Val group = l.loop[3].i, w = p->w ? ll_blob(g, p->w) : m->a->in[1];
  m->w = ll_gep(g, w, ll_mulc(g, group, p->w_group * plain_bytes(p->w_type)));
  m->first = ll_mulc(g, group, p->oc);
  for_blocks(g, p->oc, p->lanes, direct_block, m);
  dims_end(g, &l);
}

static Direct direct_of(const Step *s, const StepArgs *a) {
  return (Direct){.p = s->params,
                  .s = s,
                  .a = a,
                  .x_type = s->in[0]->type->dtype,
                  .y_type = s->out[0]->type->dtype};
}

void lower_direct_int(Cg *g, const Step *s, const StepArgs *a) {
  Direct m = direct_of(s, a);
  m.x_zero = sums_zero(g, s, 3, a->in[3], ll_idx(g, 0), m.p->ends.a_zero);
  direct(g, &m);
}

void lower_spread_f32(Cg *g, const Step *s, const StepArgs *a) {
  Direct m = direct_of(s, a);
  m.is_float = true;
  m.act = s->op->attrs.conv_transpose.act;
  direct(g, &m);
}
