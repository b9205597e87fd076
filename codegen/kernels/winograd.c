/* conv_winograd: see plan/kernels/winograd.h.
 *
 *   for image, for group of rows of tiles:
 *     for tile: for channels by lanes: x[place] = transformed (4 x 4 inputs)
 *     for block of outputs (its weights unpacked, where they are packed):
 *       for pair of channels, v: w[place] = transformed (3 x 3 weights)
 *       for tiles by pixels:
 *         for place:
 *           acc[p][v] = 0
 *           for pair of channels: acc[p][v] += dot(x[place][p], w[place][v])
 *           m[place] = acc
 *         for p: for v: store(requant(bias[v] + transformed (m) / 4))
 */
#include "plan/kernels/winograd.h"

#include "codegen/kernels/conv.h"
#include "codegen/kernels/packed.h"
#include "codegen/lower.h"
#include "codegen/targets/dot.h"

enum { PLACES = WINOGRAD_PLACES, TAPS = 9, UNROLL_PAIRS = 16 };

typedef struct Winograd {
  const WinogradParams *p;
  const ConvParams *c;
  const DotOps *dot;
  Val src, out;     /* of the image */
  Val w, x, m;      /* see WinogradParams */
  Val strip;        /* room for a block's weights, where they are packed */
  int64_t w_place;  /* bytes of a place's weights */
  int64_t x_place;  /* ... of a tile's inputs at one */
  int64_t m_place;  /* ... of the products at one */
  Val first;        /* the block's first channel */
  int64_t channels; /* of the block that exist */
} Winograd;

/* Row or column number i of tiles: its first output of n. */
static Val first_of(Cg *g, Val i, int64_t n) {
  Val args[] = {ll_mulc(g, i, 2), ll_idx(g, n - 2)};
  return n % 2 ? ll_intrinsic(g, "llvm.umin", &g->idx, 1, args, 2) : args[0];
}

/* ---- inputs ---- */

/* B' d of d[0], d[step], ..: four values from four. */
static void input_line(Cg *g, Val *d, int step) {
  Val a = d[0], b = d[step], c = d[2 * step], e = d[3 * step];
  d[0] = ll_sub(g, a, c);
  d[step] = ll_add(g, b, c);
  d[2 * step] = ll_sub(g, c, b);
  d[3 * step] = ll_sub(g, b, e);
}

static void transform_channels(Cg *g, const Winograd *w, Val src, Val to,
                               int lanes) {
  const ConvParams *c = w->c;
  Ty t = ll_vec(g->i16, lanes);
  Val d[PLACES];
  for (int i = 0; i < PLACES; i++)
    d[i] = ll_load(
        g, t, ll_gepc(g, src, (i / 4 * c->pitch + i % 4 * c->pixel) * 2), 2);
  for (int i = 0; i < 4; i++)
    input_line(g, d + i, 4);
  for (int i = 0; i < 4; i++)
    input_line(g, d + 4 * i, 1);
  for (int i = 0; i < PLACES; i++)
    ll_store(g, d[i], ll_gepc(g, to, i * w->x_place), 2);
}

/* All tiles of the group from row `row` of tiles on. */
static void transform_inputs(Cg *g, const Winograd *w, Val row) {
  const ConvParams *c = w->c;
  int most = g->target->vector_bytes / 2;
  int lanes = (int)largest_divisor(c->g.ic / 8, most / 8) * 8;
  Loop r = loop_begin(g, 0, w->p->rows, 1);
  Loop t = loop_begin(g, 0, w->p->across, 1);
  Val y = first_of(g, ll_add(g, row, r.i), c->g.oh);
  Val src = conv_window(g, c, w->src, y, first_of(g, t.i, c->g.ow));
  Val tile = ll_add(g, ll_mulc(g, r.i, w->p->across), t.i);
  Val to = ll_gep(g, w->x, ll_mulc(g, tile, PLACES * w->x_place));
  Loop k = loop_begin(g, 0, c->g.ic, lanes);
  Val at = ll_mulc(g, k.i, 2);
  transform_channels(g, w, ll_gep(g, src, at), ll_gep(g, to, at), lanes);
  loop_end(g, &k, NULL);
  loop_end(g, &t, NULL);
  loop_end(g, &r, NULL);
}

/* ---- weights ---- */

/* 2 G w of w[0], w[step], w[2 step] to y[0], y[apart], ..: four values from
 * three. */
static void weight_line(Cg *g, const Val *w, int step, Val *y, int apart) {
  Val a = w[0], b = w[step], c = w[2 * step], outer = ll_add(g, a, c);
  y[0] = ll_add(g, a, a);
  y[apart] = ll_add(g, outer, b);
  y[2 * apart] = ll_sub(g, outer, b);
  y[3 * apart] = ll_add(g, c, c);
}

/* The weights of a pair of channels for a vector of outputs. */
static void transform_pair(Cg *g, const Winograd *w, Val from, Val to) {
  int n = 2 * w->c->lanes;
  Val taps[TAPS], half[12], y[PLACES];
  for (int i = 0; i < TAPS; i++)
    taps[i] = ll_sext(
        g, ll_load(g, ll_vec(g->i8, n), ll_gepc(g, from, i * n), 1), g->i16);
  for (int i = 0; i < 3; i++)
    weight_line(g, taps + i, 3, half + i, 3);
  for (int i = 0; i < 4; i++)
    weight_line(g, half + 3 * i, 1, y + 4 * i, 1);
  for (int i = 0; i < PLACES; i++)
    ll_store(g, y[i], ll_gepc(g, to, i * w->w_place), 2);
}

static void transform_weights(Cg *g, const Winograd *w, Val block) {
  const ConvParams *c = w->c;
  int64_t pairs = c->g.ic / 2 * c->vectors, row = 2 * c->lanes;
  Val from = w->strip;
  if (c->packed.form)
    unpack_block(g, &c->packed, block, from);
  else
    from = ll_gep(g, ll_blob(g, c->w), ll_mulc(g, block, pairs * TAPS * row));
  Loop i = loop_begin(g, 0, pairs, 1);
  transform_pair(g, w, ll_gep(g, from, ll_mulc(g, i.i, TAPS * row)),
                 ll_gep(g, w->w, ll_mulc(g, i.i, 2 * row)));
  loop_end(g, &i, NULL);
}

/* ---- products ---- */

/* One pair of channels of the tiles at x. */
static void mac_pair(Cg *g, const Winograd *w, Val x, Val weights, Val *acc) {
  const ConvParams *c = w->c;
  Val wv[2];
  for (int v = 0; v < c->vectors; v++)
    wv[v] = w->dot->weights(g, c, ll_gepc(g, weights, 4LL * v * c->lanes));
  for (int p = 0; p < c->pixels; p++) {
    Val in = w->dot->inputs(g, c, ll_gepc(g, x, p * PLACES * w->x_place), 1);
    for (int v = 0; v < c->vectors; v++) {
      Val *a = &acc[p * c->vectors + v];
      *a = w->dot->mac(g, c, *a, in, wv[v]);
    }
  }
}

/* The sums of one place over all channels. */
static void sum_place(Cg *g, const Winograd *w, Val x, Val weights, Val *acc) {
  const ConvParams *c = w->c;
  int n = c->pixels * c->vectors;
  int64_t pairs = c->g.ic / 2, pair = 4LL * c->vectors * c->lanes;
  int unroll = (int)largest_divisor(pairs, UNROLL_PAIRS);
  Val next[NEST_MAX_CARRY];
  Loop k = loop_begin_carry(g, 0, pairs, unroll, n, acc);
  for (int i = 0; i < n; i++)
    next[i] = k.carry[i];
  x = ll_gep(g, x, ll_mulc(g, k.i, 4));
  weights = ll_gep(g, weights, ll_mulc(g, k.i, pair));
  for (int u = 0; u < unroll; u++)
    mac_pair(g, w, ll_gepc(g, x, 4LL * u), ll_gepc(g, weights, u * pair), next);
  loop_end(g, &k, next);
  for (int i = 0; i < n; i++)
    acc[i] = k.carry[i];
}

/* All places of the tiles at x. */
static void multiply(Cg *g, const Winograd *w, Val x) {
  const ConvParams *c = w->c;
  int n = c->pixels * c->vectors;
  Val acc[NEST_MAX_CARRY];
  Loop place = loop_begin(g, 0, PLACES, 1);
  for (int i = 0; i < n; i++)
    acc[i] = LLVMConstNull(ll_vec(g->i32, c->lanes));
  x = ll_hide(g, ll_gep(g, x, ll_mulc(g, place.i, w->x_place)));
  sum_place(g, w, x, ll_gep(g, w->w, ll_mulc(g, place.i, w->w_place)), acc);
  Val to = ll_gep(g, w->m, ll_mulc(g, place.i, w->m_place));
  for (int i = 0; i < n; i++)
    ll_store(g, acc[i], ll_gepc(g, to, 4LL * i * c->lanes), 4);
  loop_end(g, &place, NULL);
}

/* ---- outputs ---- */

/* A' m of m[0], m[step], ..: two values from four. */
static void output_line(Cg *g, Val *m, int step) {
  Val inner = ll_add(g, m[step], m[2 * step]);
  Val outer = ll_sub(g, m[step], m[2 * step]);
  m[0] = ll_add(g, m[0], inner);
  m[step] = ll_sub(g, outer, m[3 * step]);
}

/* The accumulators of a tile's outputs (rows, columns) from its products at
 * m, for vector v. */
static void transform_sums(Cg *g, const Winograd *w, Val m, int v, Val y[4]) {
  const ConvParams *c = w->c;
  Ty t = ll_vec(g->i32, c->lanes);
  int64_t at = 4LL * v * c->lanes;
  Val d[PLACES];
  for (int i = 0; i < PLACES; i++)
    d[i] = ll_load(g, t, ll_gepc(g, m, i * w->m_place + at), 4);
  for (int i = 0; i < 4; i++)
    output_line(g, d + i, 4);
  Val bias = ll_gep(g, ll_blob(g, c->bias), ll_mulc(g, w->first, 4));
  bias = ll_load(g, t, ll_gepc(g, bias, at), 4);
  for (int i = 0; i < 2; i++) {
    output_line(g, d + 4 * i, 1);
    for (int j = 0; j < 2; j++)
      y[2 * i + j] = ll_add(g, ll_ashrc(g, d[4 * i + j], 2), bias);
  }
}

/* The outputs of the tile whose products are at m, its first pixel at
 * `out`. */
static void store_tile(Cg *g, const Winograd *w, Val m, Val out) {
  const ConvParams *c = w->c;
  Val y[2][4];
  for (int v = 0; v < c->vectors; v++)
    transform_sums(g, w, m, v, y[v]);
  int64_t pixel = c->g.oc * c->out_bytes;
  for (int i = 0; i < 4; i++) {
    Val acc[] = {y[0][i], y[1][i]};
    Val to = ll_gepc(g, out, (i / 2 * c->g.ow + i % 2) * pixel);
    conv_store_joined(g, c, acc, w->first, to, w->channels);
  }
}

/* ---- loops ---- */

/* Row r of the group, which is row `row` of tiles. */
static void tile_row(Cg *g, const Winograd *w, Val r, Val row) {
  const ConvParams *c = w->c;
  Tiles t = tiles_begin(g, w->p->across, c->pixels);
  Val tile = ll_add(g, ll_mulc(g, r, w->p->across), t.at);
  multiply(g, w, ll_gep(g, w->x, ll_mulc(g, tile, PLACES * w->x_place)));
  Val y = first_of(g, row, c->g.oh);
  Loop p = loop_begin(g, 0, c->pixels, 1);
  Val x = first_of(g, ll_add(g, t.at, p.i), c->g.ow);
  Val out = conv_output(g, c, w->out, y, x);
  out = ll_gep(g, out, ll_mulc(g, w->first, c->out_bytes));
  store_tile(
      g, w, ll_gep(g, w->m, ll_mulc(g, p.i, 4LL * c->vectors * c->lanes)), out);
  loop_end(g, &p, NULL);
  tiles_end(g, &t);
}

static void blocks(Cg *g, Winograd *w, Val row, int64_t from, int64_t to,
                   int64_t channels) {
  if (from >= to)
    return;
  Loop b = loop_begin_part(g, SPLIT_blocks, from, to, 1, 1);
  transform_weights(g, w, b.i);
  w->first = ll_mulc(g, b.i, (int64_t)w->c->vectors * w->c->lanes);
  w->channels = channels;
  Loop r = loop_begin(g, 0, w->p->rows, 1);
  tile_row(g, w, r.i, ll_add(g, row, r.i));
  loop_end(g, &r, NULL);
  loop_end(g, &b, NULL);
}

void lower_conv_winograd(Cg *g, const Step *s, const StepArgs *a) {
  const WinogradParams *p = s->params;
  const ConvParams *c = &p->c;
  int64_t nout = (int64_t)c->vectors * c->lanes, whole = c->g.oc / nout;
  Winograd w = {.p = p,
                .c = c,
                .dot = dot_ops(DOT_pmaddwd),
                .w_place = p->w_place,
                .x_place = p->x_place,
                .m_place = p->m_bytes / PLACES};
  w.w = conv_scratch(g, c, a);
  w.x = ll_gepc(g, w.w, p->w_bytes);
  w.m = ll_gepc(g, w.x, p->x_bytes);
  w.strip = ll_gepc(g, w.m, p->m_bytes);
  ConvImage im = conv_image_begin(g, c, a);
  w.src = im.src;
  w.out = im.out;
  Tiles group = tiles_begin_part(g, SPLIT_rows, p->down, p->rows);
  transform_inputs(g, &w, group.at);
  blocks(g, &w, group.at, 0, whole, nout);
  blocks(g, &w, group.at, whole, c->blocks, c->g.oc - whole * nout);
  tiles_end(g, &group);
  conv_image_end(g, &im);
}
