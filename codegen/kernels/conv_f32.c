/* conv_f32: outputs in lanes, inputs broadcast, see real_tile.h.
 *
 *   pack weights and bias, where they are computed at run time
 *   for image, group, block of outputs (its weights widened where they are
 *   of 16 bits), y, tile of pixels; or with pixels_first y, tile, block:
 *     acc[p][v] = bias[v], where there are border classes the pixel's
 *     for run of the window: for k in run: acc[p][v] += x[p] * w[v]
 *     for p, for v: store(act(acc[p][v]))
 */
#include "codegen/kernels/ahead.h"
#include "codegen/kernels/band.h"
#include "codegen/kernels/conv.h"
#include "codegen/kernels/packed.h"
#include "codegen/kernels/real_tile.h"
#include "codegen/lower.h"

/* What one group works with. */
typedef struct Group {
  const ConvParams *c;
  RealTile tile;
  Val src, out;    /* its first channel of the image */
  Val w, bias;     /* its blocks */
  int64_t n, nout; /* outputs; those of a block */
  int64_t k;       /* elements of a window */
} Group;

/* Bytes of n weights. */
static int64_t weight_bytes(const ConvParams *c, int64_t n) {
  return n * dtype_bits(c->w_type) / 8;
}

static int64_t window_elements(const ConvParams *c) {
  return c->taps_h * c->taps_w * c->run;
}

/* min(i, before) + max(0, i - last), the class of output i. */
static Val border_index(Cg *g, const BorderAxis *a, Val i) {
  Val last = ll_idx(g, a->outputs - a->after - 1);
  Val lo = ll_intrinsic(g, "llvm.umin", &g->idx, 1,
                        (Val[]){i, ll_idx(g, a->before)}, 2);
  Val hi = ll_intrinsic(g, "llvm.umax", &g->idx, 1, (Val[]){i, last}, 2);
  return LLVMBuildAdd(g->b, lo, LLVMBuildSub(g->b, hi, last, ""), "");
}

/* The biases of pixel p of the tile at (y, x). */
static Val border_bias(Cg *g, const Group *q, Val bias, Val y, Val x, int p) {
  const Border *b = &q->c->border;
  int64_t one = q->c->g.groups * q->c->blocks * q->nout * 4;
  Val row = border_index(g, &b->y, y);
  x = LLVMBuildAdd(g->b, x, ll_idx(g, p), "");
  Val col = border_index(g, &b->x, x);
  row = ll_mulc(g, row, border_classes(&b->x));
  return ll_gep(g, bias, ll_mulc(g, LLVMBuildAdd(g->b, row, col, ""), one));
}

/* A tile of outputs, its first pixel at (y, x). */
typedef struct Spot {
  Val src, w, bias, out, y, x;
  Val ahead; /* what it asks for first; or NULL */
} Spot;

static void start(Cg *g, const Group *q, const Spot *at, Val *acc) {
  const ConvParams *c = q->c;
  if (c->bias_classes == 1) {
    real_tile_start(g, &q->tile, at->bias, acc);
    return;
  }
  RealTile one = q->tile;
  one.pixels = 1;
  for (int p = 0; p < c->pixels; p++)
    real_tile_start(g, &one, border_bias(g, q, at->bias, at->y, at->x, p),
                    acc + p * c->vectors);
}

static void whole_tile(Cg *g, const Group *q, const Spot *at,
                       int64_t channels) {
  const ConvParams *c = q->c;
  int n = real_tile_carried(&q->tile);
  Val acc[REAL_TILE_MAX], src = conv_window(g, c, at->src, at->y, at->x);
  start(g, q, at, acc);
  if (at->ahead)
    acc[n - 1] = at->ahead;
  if (g->target->arch == ARCH_x86_64)
    src = ll_hide(g, src); /* else broadcasts become wide loads + permutes */
  Runs r =
      runs_begin(g, c, src, at->w, weight_bytes(c, c->run * q->nout), n, acc);
  for (int i = 0; i < n; i++)
    acc[i] = r.cols.carry[i];
  real_tile_run(g, &q->tile, r.src, r.w, c->run, acc);
  runs_end(g, &r, acc);
  real_tile_store(g, &q->tile, c->act, conv_output(g, c, at->out, at->y, at->x),
                  c->g.oc * c->out_bytes, channels, r.rows.carry);
}

static Ahead ask_ahead(Cg *g, const Group *q, Val block) {
  const ConvParams *c = q->c;
  if (g->step->front || c->packed.form || !c->w)
    return (Ahead){0};
  int64_t turns = c->taps_h * c->taps_w * real_tile_turns(g, &q->tile, c->run);
  return ahead_begin(g, block, weight_bytes(c, q->k * q->nout),
                     c->g.oh * conv_tiles_across(c), turns);
}

/* The window of a tile for block b. */
static Spot block_spot(Cg *g, const Group *q, Val b) {
  const ConvParams *c = q->c;
  Val first = ll_mulc(g, b, q->nout * 4), w = q->w;
  if (c->packed.form)
    unpack_block(g, &c->packed, b, w);
  else
    w = ll_gep(g, w, ll_mulc(g, b, weight_bytes(c, q->k * q->nout)));
  return (Spot){.src = q->src,
                .w = w,
                .bias = ll_gep(g, q->bias, first),
                .out =
                    ll_gep(g, q->out, ll_mulc(g, b, q->nout * c->out_bytes))};
}

/* All pixels for blocks from .. to - 1, each of `channels` outputs. */
static void blocks(Cg *g, const Group *all, int64_t from, int64_t to,
                   int64_t channels) {
  Group group = *all, *q = &group;
  const ConvParams *c = q->c;
  if (from >= to)
    return;
  Loop b = loop_begin_part(g, SPLIT_blocks, from, to, 1, 1);
  Spot at = block_spot(g, q, b.i);
  Ahead ahead = ask_ahead(g, q, at.w);
  q->tile.ask = ahead.next ? ahead.turn : 0;
  Loop y = loop_begin_part(g, SPLIT_rows, 0, c->g.oh, 1, 1);
  Tiles x = tiles_begin_part(g, SPLIT_tiles, c->g.ow, c->pixels);
  at.y = y.i;
  at.x = x.at;
  if (ahead.next)
    at.ahead = ahead_tile(
        g, &ahead, ll_add(g, ll_mulc(g, y.i, conv_tiles_across(c)), x.loop.i));
  whole_tile(g, q, &at, channels);
  tiles_end(g, &x);
  loop_end(g, &y, NULL);
  loop_end(g, &b, NULL);
}

/* The same blocks of the tile at y, x. */
static void tile_blocks(Cg *g, const Group *q, Val y, Val x, int64_t from,
                        int64_t to, int64_t channels) {
  if (from >= to)
    return;
  Loop b = loop_begin(g, from, to, 1);
  Spot at = block_spot(g, q, b.i);
  at.y = y;
  at.x = x;
  whole_tile(g, q, &at, channels);
  loop_end(g, &b, NULL);
}

static void all_tiles(Cg *g, const Group *q) {
  const ConvParams *c = q->c;
  int64_t whole = q->n / q->nout, rest = q->n - whole * q->nout;
  if (!c->pixels_first) {
    blocks(g, q, 0, whole, q->nout);
    blocks(g, q, whole, c->blocks, rest);
    return;
  }
  Loop y = loop_begin_part(g, SPLIT_rows, 0, c->g.oh, 1, 1);
  Tiles x = tiles_begin_part(g, SPLIT_tiles, c->g.ow, c->pixels);
  tile_blocks(g, q, y.i, x.at, 0, whole, q->nout);
  tile_blocks(g, q, y.i, x.at, whole, c->blocks, rest);
  tiles_end(g, &x);
  loop_end(g, &y, NULL);
}

/* dst[block][k][j] = w[min(block * nout + j, n - 1)][k]: what stands past the
 * last output is computed and never stored. */
static void pack_group(Cg *g, const Group *q, Val dst, Val src) {
  Loop o = loop_begin(g, 0, q->c->blocks * q->nout, 1);
  Val last = ll_idx(g, q->n - 1);
  Val from = ll_intrinsic(g, "llvm.umin", &g->idx, 1, (Val[]){o.i, last}, 2);
  src = ll_gep(g, src, ll_mulc(g, from, q->k * 4));
  Val nout = ll_idx(g, q->nout);
  Val block = LLVMBuildUDiv(g->b, o.i, nout, "");
  Val lane = LLVMBuildURem(g->b, o.i, nout, "");
  dst = ll_gep(g, dst, ll_mulc(g, block, q->k * q->nout * 4));
  dst = ll_gep(g, dst, ll_mulc(g, lane, 4));
  Loop k = loop_begin(g, 0, q->k, 1);
  Val x = ll_load(g, g->f32, ll_gep(g, src, ll_mulc(g, k.i, 4)), 4);
  ll_store(g, x, ll_gep(g, dst, ll_mulc(g, k.i, q->nout * 4)), 4);
  loop_end(g, &k, NULL);
  loop_end(g, &o, NULL);
}

/* Every group's rows of k elements at src into the packed form at dst. */
static void pack_late(Cg *g, const Group *q, int64_t k, Val dst, Val src) {
  Group rows = *q;
  rows.k = k;
  int64_t padded = q->c->blocks * q->nout;
  Loop i = loop_begin(g, 0, q->c->g.groups, 1);
  pack_group(g, &rows, ll_gep(g, dst, ll_mulc(g, i.i, padded * k * 4)),
             ll_gep(g, src, ll_mulc(g, i.i, q->n * k * 4)));
  loop_end(g, &i, NULL);
}

/* Weights and bias of all groups, packed now if they were not before. */
static void find_weights(Cg *g, Group *q, const StepArgs *a) {
  const ConvParams *c = q->c;
  Val free = conv_scratch(g, c, a);
  q->w = c->w ? ll_blob(g, c->w) : free;
  if (c->packed.form) {
    free = ll_gepc(g, free, c->packed.block_bytes);
  } else if (!c->w) {
    pack_late(g, q, q->k, q->w, a->in[1]);
    free = ll_gepc(g, free, c->g.groups * c->blocks * q->nout * q->k * 4);
  }
  q->bias = c->bias ? ll_blob(g, c->bias) : free;
  if (!c->bias)
    pack_late(g, q, 1, q->bias, a->in[2]);
}

static Group group_of(Cg *g, const ConvParams *c) {
  Group q = {.c = c, .n = c->g.oc / c->g.groups};
  q.nout = (int64_t)c->vectors * c->lanes;
  q.k = window_elements(c);
  q.tile = (RealTile){.pixels = c->pixels,
                      .vectors = c->vectors,
                      .lanes = c->lanes > 1 ? c->lanes : 0,
                      .elem = g->f32,
                      .bytes = 4,
                      .x_pixel = conv_step_bytes(c),
                      .x_k = 4,
                      .w_k = weight_bytes(c, q.nout),
                      .w_type = c->w_type};
  return q;
}

static void one_image(Cg *g, const Group *all, const ConvImage *im) {
  const ConvParams *c = all->c;
  int64_t padded = c->blocks * all->nout;
  Loop i = loop_begin(g, 0, c->g.groups, 1);
  Group q = *all;
  q.src = ll_gep(g, im->src, ll_mulc(g, i.i, c->g.ic / c->g.groups * 4));
  q.out = ll_gep(g, im->out, ll_mulc(g, i.i, all->n * c->out_bytes));
  q.w = ll_gep(g, all->w, ll_mulc(g, i.i, weight_bytes(c, padded * all->k)));
  q.bias = ll_gep(g, all->bias, ll_mulc(g, i.i, padded * 4));
  all_tiles(g, &q);
  loop_end(g, &i, NULL);
}

void lower_conv_f32(Cg *g, const Step *s, const StepArgs *a) {
  const ConvParams *c = s->params;
  Group all = group_of(g, c);
  find_weights(g, &all, a);
  if (s->front) {
    Bands b = bands_begin(g, s, a);
    one_image(g, &all, &b.im);
    bands_end(g, &b);
    return;
  }
  ConvImage im = conv_image_begin(g, c, a);
  one_image(g, &all, &im);
  conv_image_end(g, &im);
}
