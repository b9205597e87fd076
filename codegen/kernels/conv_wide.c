/* conv_wide:
 *   for n, y, x, group, o:
 *     acc = bias[o], i64
 *     for ky, kx, each skipped where its pixel is not there:
 *       for i: acc += (x[i] - zx) * w[o][ky][kx][i]
 *     out = lo + thresholds[o] that are <= acc
 */
#include "plan/kernels/conv_wide.h"

#include "codegen/kernels/light.h"
#include "codegen/lower.h"

typedef struct Wide {
  const WideParams *p;
  Val x, w;      /* the image's group; o's weights */
  Val oy, ox;    /* the output pixel */
  Val threshold; /* of o */
} Wide;

/* The products with the pixel at x and the weights of its tap. */
static Val over_depth(Cg *g, const Wide *m, Val x, Val w, Val acc) {
  Loop k = loop_begin_carry(g, 0, m->p->depth, 1, 1, &acc);
  Val v = ll_load(g, g->i8, ll_gep(g, x, k.i), 1);
  v = ll_addc(g, ll_extend(g, v, m->p->in_type, g->i32), -m->p->in_zero);
  Val u = ll_load(g, g->i16, ll_gep(g, w, ll_mulc(g, k.i, 2)), 2);
  Val product = ll_mul(g, v, ll_sext(g, u, g->i32));
  Val next = ll_add(g, k.carry[0], ll_sext(g, product, g->i64));
  loop_end(g, &k, &next);
  return k.carry[0];
}

/* o * stride - pad + k * dilation; *is_there: does it exist? */
static Val coordinate(Cg *g, Val o, int64_t stride, int64_t pad, Val k,
                      int64_t dilation, int64_t extent, Val *is_there) {
  Val i = ll_add(g, ll_mulc(g, o, stride), ll_mulc(g, k, dilation));
  i = ll_addc(g, i, -pad);
  *is_there = ll_icmp(g, LLVMIntULT, i, ll_idx(g, extent));
  return i;
}

static Val over_taps(Cg *g, const Wide *m, Val acc) {
  const ConvGeom *q = &m->p->g;
  Val there;
  Loop ky = loop_begin_carry(g, 0, q->kh, 1, 1, &acc);
  Val iy = coordinate(g, m->oy, q->sh, q->pt, ky.i, q->dh, q->ih, &there);
  Guard row = guard_begin(g, there);
  Loop kx = loop_begin_carry(g, 0, q->kw, 1, 1, ky.carry);
  Val ix = coordinate(g, m->ox, q->sw, q->pl, kx.i, q->dw, q->iw, &there);
  Guard col = guard_begin(g, there);
  Val pixel = ll_add(g, ll_mulc(g, iy, q->iw), ix);
  Val tap = ll_add(g, ll_mulc(g, ky.i, q->kw), kx.i);
  Val x = ll_gep(g, m->x, ll_mulc(g, pixel, q->ic));
  Val w = ll_gep(g, m->w, ll_mulc(g, tap, 2 * m->p->depth));
  Val next = over_depth(g, m, x, w, kx.carry[0]);
  guard_end(g, &col, 1, kx.carry, &next);
  loop_end(g, &kx, &next);
  next = kx.carry[0];
  guard_end(g, &row, 1, ky.carry, &next);
  loop_end(g, &ky, &next);
  return ky.carry[0];
}

/* How many of the channel's thresholds are <= acc: by halves, the first n of
 * 2 n - 1 are when the n-th is. */
static Val count_reached(Cg *g, const Wide *m, Val acc) {
  Val n = ll_idx(g, 0);
  for (int half = (WIDE_STEPS + 1) / 2; half; half /= 2) {
    Val more = ll_addc(g, n, half);
    Val p = ll_gep(g, m->threshold, ll_mulc(g, ll_addc(g, more, -1), 8));
    Val reached = ll_icmp(g, LLVMIntSLE, ll_load(g, g->i64, p, 8), acc);
    n = ll_select(g, reached, more, n);
  }
  return n;
}

void lower_conv_wide(Cg *g, const Step *s, const StepArgs *a) {
  const WideParams *p = s->params;
  const ConvGeom *q = &p->g;
  int64_t dims[] = {q->n, q->oh, q->ow, q->groups, q->oc / q->groups};
  int64_t x_step[] = {q->ih * q->iw * q->ic, 0, 0, p->depth, 0};
  int64_t o_step[] = {0, 0, 0, q->oc / q->groups, 1};
  int64_t y_step[] = {q->oh * q->ow * q->oc, q->ow * q->oc, q->oc, o_step[3],
                      1};
  int64_t row = 2 * q->kh * q->kw * p->depth;
  DimLoops l = dims_begin(g, dims, 5);
  Val o = dims_offset(g, &l, o_step);
  Wide m = {.p = p, .oy = l.loop[1].i, .ox = l.loop[2].i};
  m.x = ll_gep(g, a->in[0], dims_offset(g, &l, x_step));
  m.w = ll_gep(g, ll_blob(g, p->w), ll_mulc(g, o, row));
  m.threshold =
      ll_gep(g, ll_blob(g, p->threshold), ll_mulc(g, o, 8 * WIDE_STEPS));
  Val bias = ll_gep(g, ll_blob(g, p->bias), ll_mulc(g, o, 8));
  Val acc = over_taps(g, &m, ll_load(g, g->i64, bias, 8));
  Val n = ll_trunc(g, count_reached(g, &m, acc), g->i8);
  ll_store(g, ll_addc(g, n, p->lo),
           ll_gep(g, a->out[0], dims_offset(g, &l, y_step)), 1);
  dims_end(g, &l);
}
