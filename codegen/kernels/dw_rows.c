/* dw_rows: 3x3 depthwise from rows interleaved once.
 *
 *   for image, block of channels, y by 2 (or 1 where rows are strided):
 *     for x:
 *       i[2] = interleave(source[y .. y + 3][x + 2])
 *       acc[row] = bias
 *       for column, row: acc[row] += dot(i[column], w[row][column])
 *       store(requant(acc[0])), store(requant(acc[1]))
 *       i[0] = i[1], i[1] = i[2]
 *
 * Interleaving four rows makes a dword a channel's column of four bytes. With
 * the weights (w0 w1 w2 0) it gives output row y, with (0 w0 w1 w2) row y + 1.
 * Few channels: a vector is several pixels, x is a vector, and the columns
 * between i[0] and i[1] are shifts of both. */
#include "codegen/kernels/conv.h"
#include "codegen/lower.h"
#include "codegen/targets/dot.h"
#include "plan/kernels/dw.h"

enum { PARTS = 4, TAPS = 3, MOST_UNROLL = 8 };

/* Four bytes of four rows: register j has the channels 4j .. 4j + 3 of every
 * 16. */
typedef struct Column {
  Val part[PARTS];
} Column;

/* One block of channels. */
typedef struct Rows {
  const ConvParams *c;
  int lanes;    /* bytes of a vector */
  int rows;     /* of output at a time */
  int64_t live; /* channels that exist; pixels * oc of several pixels */
  Val w, entry; /* weights; first entry of the tables */
  Val src, out; /* of the first row, at the block */
} Rows;

/* The column at flat element `at` of the row. */
static Column load_column(Cg *g, const Rows *r, Val at) {
  Val t[4];
  int last = r->rows + TAPS - 2; /* the rows of one output row are three */
  for (int i = 0; i < 4; i++) {
    int row = i < last ? i : last;
    Val p = ll_gepc(g, ll_gep(g, r->src, at), row * r->c->pitch);
    t[i] = ll_load(g, ll_vec(g->i8, r->lanes), p, 1);
  }
  Column col;
  Ty halves = ll_vec(g->i16, r->lanes / 2);
  for (int high = 0; high < 2; high++) {
    Val a = ll_bitcast(g, x86_unpack(g, t[0], t[1], high), halves);
    Val b = ll_bitcast(g, x86_unpack(g, t[2], t[3], high), halves);
    for (int i = 0; i < 2; i++)
      col.part[2 * high + i] =
          ll_bitcast(g, x86_unpack(g, a, b, i), ll_vec(g->i32, r->lanes / 4));
  }
  return col;
}

/* Lanes n .. of a, then those of b. */
static Val shift_lanes(Cg *g, Val a, Val b, int n) {
  int lanes = ll_lanes(a), mask[64];
  if (n == 0 || n == lanes)
    return n ? b : a;
  for (int i = 0; i < lanes; i++)
    mask[i] = n + i;
  return ll_shuffle(g, a, b, mask, lanes);
}

/* The column `n` channels behind a, of a and its neighbour b. */
static Column between(Cg *g, const Column *a, const Column *b, int64_t n) {
  Column col;
  for (int j = 0; j < PARTS; j++) {
    int from = j + (int)(n / 4);
    col.part[j] =
        shift_lanes(g, a->part[from % 4], b->part[from % 4], from / 4 * 4);
  }
  return col;
}

static void mac_column(Cg *g, const Rows *r, const Column *x, Val w, int row,
                       int column, Val *acc) {
  int64_t vector = r->lanes, at = (row * TAPS + column) * vector * 4;
  for (int j = 0; j < PARTS; j++) {
    Ty t = LLVMTypeOf(acc[j]);
    Val weights = ll_load(g, t, ll_gepc(g, w, at + j * vector), 16);
    acc[j] = x86_vpdpbusd(g, acc[j], x->part[j], weights);
  }
}

/* The outputs of one vector and its neighbours, at `to`, n of its bytes. */
static void store_outputs(Cg *g, const Rows *r, const Column col[TAPS], Val to,
                          int64_t n) {
  const ConvParams *c = r->c;
  Ty t = ll_vec(g->i32, r->lanes / 4);
  Val bias = ll_gep(g, ll_blob(g, c->bias), ll_mulc(g, r->entry, 4));
  for (int row = 0; row < r->rows; row++) {
    Val acc[PARTS];
    for (int j = 0; j < PARTS; j++)
      acc[j] = ll_load(g, t, ll_gepc(g, bias, (int64_t)j * r->lanes), 16);
    for (int k = 0; k < TAPS; k++)
      mac_column(g, r, &col[k], r->w, row, k, acc);
    conv_store_joined(g, c, acc, r->entry,
                      ll_gepc(g, to, row * c->g.ow * c->g.oc), n);
  }
}

/* The columns that the next output has too: two, or one of strided ones; of
 * several pixels the vector before. */
static int carried(const ConvParams *c) {
  return c->pixels > 1 ? 1 : TAPS - (int)c->g.sw;
}

/* One vector of outputs, number x; `have` moves on. */
static void one_vector(Cg *g, const Rows *r, Val x, Column *have, int64_t n) {
  const ConvParams *c = r->c;
  Column col[TAPS];
  int64_t step = c->pixels * c->pixel;
  int kept = carried(c);
  Val at = ll_mulc(g, x, step * c->g.sw);
  for (int k = 0; k < kept; k++)
    col[k] = have[k];
  if (c->pixels > 1) {
    Column next = load_column(g, r, ll_addc(g, at, step));
    col[1] = between(g, &have[0], &next, c->pixel);
    col[2] = between(g, &have[0], &next, 2 * c->pixel);
    have[0] = next;
  } else {
    for (int k = kept; k < TAPS; k++)
      col[k] = load_column(g, r, ll_addc(g, at, k * step));
    for (int k = 0; k < kept; k++)
      have[k] = col[TAPS - kept + k];
  }
  store_outputs(g, r, col, ll_gep(g, r->out, ll_mulc(g, x, step)), n);
}

static int pack_state(const Column *have, int n, Val *flat) {
  for (int i = 0; i < n * PARTS; i++)
    flat[i] = have[i / PARTS].part[i % PARTS];
  return n * PARTS;
}

static void unpack_state(const Val *flat, int n, Column *have) {
  for (int i = 0; i < n * PARTS; i++)
    have[i / PARTS].part[i % PARTS] = flat[i];
}

/* A row of outputs (or a pair): whole vectors in a loop, unrolled so that
 * the carried columns change their places in it and not their registers;
 * the rest spelled out. */
static void row_vectors(Cg *g, const Rows *r) {
  const ConvParams *c = r->c;
  int64_t whole = c->g.ow / c->pixels, left = c->g.ow % c->pixels;
  int unroll = (int)largest_divisor(whole, MOST_UNROLL);
  if (unroll < 3)
    unroll = whole < MOST_UNROLL ? (int)whole : 4;
  if (g->for_size)
    unroll = 1;
  int64_t turns = whole / unroll, x = turns * unroll;
  int kept = carried(c);
  Column have[TAPS];
  Val state[TAPS * PARTS];
  for (int k = 0; k < kept; k++)
    have[k] = load_column(g, r, ll_idx(g, k * c->pixel));
  int n = pack_state(have, kept, state);
  Loop l = loop_begin_carry(g, 0, x, unroll, n, state);
  unpack_state(l.carry, kept, have);
  for (int u = 0; u < unroll; u++)
    one_vector(g, r, ll_addc(g, l.i, u), have, r->live);
  pack_state(have, kept, state);
  loop_end(g, &l, state);
  unpack_state(l.carry, kept, have);
  for (; x < whole; x++)
    one_vector(g, r, ll_idx(g, x), have, r->live);
  if (left)
    one_vector(g, r, ll_idx(g, x), have, left * c->g.oc);
}

/* All rows of one block of channels, the first of which is `first`. */
static void block_rows(Cg *g, Rows *r, const ConvImage *im, Val first) {
  const ConvParams *c = r->c;
  r->w = ll_gep(g, ll_blob(g, c->w),
                ll_mulc(g, first, (int64_t)r->rows * TAPS * 4));
  r->entry = first;
  Tiles y = tiles_begin(g, c->g.oh, r->rows);
  Val zero = ll_idx(g, 0);
  r->src = ll_gep(g, conv_window(g, c, im->src, y.at, zero), first);
  r->out = ll_gep(g, conv_output(g, c, im->out, y.at, zero), first);
  row_vectors(g, r);
  tiles_end(g, &y);
}

void lower_dw_rows(Cg *g, const Step *s, const StepArgs *a) {
  const ConvParams *c = s->params;
  Rows r = {.c = c, .lanes = c->lanes, .rows = dw_rows_at_once(c)};
  int64_t whole = c->blocks * c->lanes;
  ConvImage im = conv_image_begin(g, c, a);
  if (c->blocks) {
    r.live = r.lanes;
    Loop b = loop_begin(g, 0, whole, c->lanes);
    block_rows(g, &r, &im, b.i);
    loop_end(g, &b, NULL);
  }
  r.lanes = dw_rows_tail(c);
  if (r.lanes) {
    r.live = c->g.oc - whole;
    block_rows(g, &r, &im, ll_idx(g, whole));
  }
  conv_image_end(g, &im);
}
