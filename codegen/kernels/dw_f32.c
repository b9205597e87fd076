/* dw_f32: channels in lanes. Where a few channels of neighbouring pixels
 * fill a vector, a vector stands for several pixels.
 *
 *   for image, block of channels, y, tile of pixels:
 *     acc[p][v] = bias[v]
 *     for ky: for kx:
 *       for p, for v: acc[p][v] = fma(x[ky][kx + p][v], w[ky][kx][v],
 * acc[p][v]) for p, for v: store(act(acc[p][v]))
 */
#include "codegen/kernels/conv.h"
#include "codegen/kernels/real_tile.h"
#include "codegen/lower.h"
#include "codegen/real.h"
#include "plan/kernels/conv_f32.h"

enum { UNROLLED_TAPS = 7 };

typedef struct Depthwise {
  const ConvParams *c;
  Ty vec;
  int64_t step; /* bytes between the sources of neighbouring vectors' pixels */
  int64_t row;  /* bytes of a tap's weights */
  Val w, bias;  /* of the block */
} Depthwise;

static void one_tap(Cg *g, const Depthwise *d, Val src, Val w, Val *acc) {
  const ConvParams *c = d->c;
  int64_t bytes = 4LL * c->lanes;
  for (int v = 0; v < c->vectors; v++) {
    Val weights = ll_load(g, d->vec, ll_gepc(g, w, v * bytes), 4);
    for (int p = 0; p < c->pixels; p++) {
      Val x = ll_gepc(g, src, p * d->step + v * bytes);
      Val *a = &acc[p * c->vectors + v];
      *a = real_fma(g, ll_load(g, d->vec, x, 4), weights, *a);
    }
  }
}

/* A row of taps: spelled out where there are few, so that inputs that several
 * of them meet are loaded once. */
static void tap_row(Cg *g, const Depthwise *d, Val src, Val w, Val *acc) {
  const ConvParams *c = d->c;
  int64_t step = c->g.dw * c->pixel * 4;
  int n = c->pixels * c->vectors;
  if (c->taps_w <= UNROLLED_TAPS && !g->for_size) {
    for (int64_t kx = 0; kx < c->taps_w; kx++)
      one_tap(g, d, ll_gepc(g, src, kx * step), ll_gepc(g, w, kx * d->row),
              acc);
    return;
  }
  Loop x = loop_begin_carry(g, 0, c->taps_w, 1, n, acc);
  Val next[REAL_TILE_MAX];
  for (int i = 0; i < n; i++)
    next[i] = x.carry[i];
  one_tap(g, d, ll_gep(g, src, ll_mulc(g, x.i, step)),
          ll_gep(g, w, ll_mulc(g, x.i, d->row)), next);
  loop_end(g, &x, next);
  for (int i = 0; i < n; i++)
    acc[i] = x.carry[i];
}

static void one_tile(Cg *g, const Depthwise *d, const RealTile *t, Val src,
                     Val out) {
  const ConvParams *c = d->c;
  int n = c->pixels * c->vectors;
  Val acc[REAL_TILE_MAX];
  real_tile_start(g, t, d->bias, acc);
  Loop y = loop_begin_carry(g, 0, c->taps_h, 1, n, acc);
  for (int i = 0; i < n; i++)
    acc[i] = y.carry[i];
  src = ll_gep(g, src, ll_mulc(g, y.i, c->g.dh * c->pitch * 4));
  Val w = ll_gep(g, d->w, ll_mulc(g, y.i, c->taps_w * d->row));
  tap_row(g, d, src, w, acc);
  loop_end(g, &y, acc);
  real_tile_store(g, t, c->act, out,
                  dw_f32_vector_pixels(c) * c->g.oc * c->out_bytes,
                  (int64_t)c->vectors * c->lanes, y.carry);
}

static void block_pixels(Cg *g, const Depthwise *d, Val src, Val out) {
  const ConvParams *c = d->c;
  RealTile t = {.pixels = c->pixels,
                .vectors = c->vectors,
                .lanes = c->lanes > 1 ? c->lanes : 0,
                .elem = g->f32,
                .bytes = 4};
  Loop y = loop_begin_part(g, SPLIT_rows, 0, c->g.oh, 1, 1);
  Tiles x = tiles_begin_part(g, SPLIT_tiles, c->g.ow,
                             c->pixels * dw_f32_vector_pixels(c));
  one_tile(g, d, &t, conv_window(g, c, src, y.i, x.at),
           conv_output(g, c, out, y.i, x.at));
  tiles_end(g, &x);
  loop_end(g, &y, NULL);
}

/* Absent biases are a blob of zeros. */
static Val values(Cg *g, const Blob *packed, Val late) {
  return packed ? ll_blob(g, packed) : late;
}

void lower_dw_f32(Cg *g, const Step *s, const StepArgs *a) {
  const ConvParams *c = s->params;
  Depthwise d = {.c = c, .vec = ll_vec(g->f32, c->lanes > 1 ? c->lanes : 0)};
  d.step = dw_f32_vector_pixels(c) * conv_step_bytes(c);
  d.row = 4 * (c->lanes > c->g.oc ? c->lanes : c->g.oc);
  Val w = values(g, c->w, a->in[1]), bias = values(g, c->bias, a->in[2]);
  int64_t nout = (int64_t)c->vectors * c->lanes;
  ConvImage im = conv_image_begin(g, c, a);
  Tiles b = tiles_begin(g, c->g.oc > nout ? c->g.oc : nout, nout);
  Val first = ll_mulc(g, b.at, 4);
  d.w = ll_gep(g, w, first);
  d.bias = ll_gep(g, bias, first);
  block_pixels(g, &d, ll_gep(g, im.src, first),
               ll_gep(g, im.out, ll_mulc(g, b.at, c->out_bytes)));
  tiles_end(g, &b);
  conv_image_end(g, &im);
}
