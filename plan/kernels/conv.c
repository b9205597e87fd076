/* conv_lanes, conv_mve: which tile, which order of weights; and what all
 * convolution kernels share. The loops are in codegen/kernels/. */
#include "plan/kernels/conv.h"

#include <string.h>

#include "plan/band.h"
#include "plan/kernel.h"

int64_t stage_bytes(const ConvParams *c) {
  const Stage *st = &c->stage;
  if (!st->on)
    return 0;
  int64_t rows = st->top + st->copied_rows + st->bottom;
  int64_t bytes = (rows * c->pitch + st->slack) * st->elem_bytes;
  return (bytes + 15) / 16 * 16;
}

int8_t *pack_image(Plan *p, int64_t bytes) {
  return arena_alloc(p->arena, (size_t)bytes + 1);
}

/* Is every output stored once? Else the last tile redoes some of the one
 * before, from a tail's operands as they were. Kernels go over tiles and
 * channels in their own order, so nothing but the same place is safe. */
static int64_t tail_overlap(const ConvParams *c) {
  bool whole = c->g.ow % c->pixels == 0;
  if (c->g.depthwise && c->pixels == 1)
    whole = c->g.oc % c->lanes == 0;
  return whole ? OVERLAP_SAME : OVERLAP_NONE;
}

bool conv_done(Plan *p, Step *s, ConvParams *c, int64_t extra) {
  ConvParams *keep = arena_dup(p->arena, c, sizeof *c);
  s->params = keep;
  s->tail_overlap = tail_overlap(c);
  s->reads_first = c->stage.on && c->g.n == 1 && c->zero_operand < 0;
  s->scratch_bytes = stage_bytes(c) + extra;
  s->vector_bytes = c->lanes > 1 ? p->target->vector_bytes : 0;
  s->variant = arena_printf(p->arena, "q%s_%dx%dc%d_%s",
                            c->in_type == DT_u8 ? "u8" : "s8", c->pixels,
                            c->vectors * c->lanes, c->group,
                            dot_name(c->dot ? c->dot : p->target->dot));
  s->note = c->sums ? "sums" : requant_form_name(c->rq.form);
  return true;
}

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

bool conv_is_full(const Op *op) {
  return (op->kind == OP_conv2d || op->kind == OP_fully_connected ||
          op->kind == OP_matmul) &&
         conv_is_q8(op);
}

bool conv_one_group(const Op *op) { return conv_geom(op).groups == 1; }

static double macs(const Op *op) { return (double)op_macs(op); }

/* ---- conv_lanes ---- */

bool match_conv_lanes(const Op *op, const Target *t) {
  bool dot =
      t->dot != DOT_scalar && t->dot != DOT_smlad && t->dot != DOT_vmladava;
  return (conv_is_full(op) || conv_is_sums(op)) && dot && t->vector_bytes &&
         conv_one_group(op) && conv_one_weight_zero(op);
}

double cost_conv_lanes(const Op *op, const Target *t) {
  double instructions = t->dot == DOT_smull ? 3 : 1;
  return instructions * macs(op) / (t->vector_bytes / 4 * dot_group(t->dot));
}

Dot conv_lanes_dot(const ConvGeom *g, const Target *t) {
  int64_t run = g->dw == 1 ? g->kw * g->ic : g->ic;
  bool pairs = g->ow > 1 && run > dot_group(DOT_sdot);
  return t->dot == DOT_smmla && !pairs ? DOT_sdot : t->dot;
}

/* Lanes of a vector: the target's, or fewer when there are few outputs.
 * Widening multiplies deliver two registers at a time. */
static int lanes_for(const Target *t, Dot dot, int64_t oc) {
  int lanes = t->vector_bytes / (dot == DOT_widen ? 2 : 4);
  while (lanes > 4 && lanes / 2 >= oc)
    lanes /= 2;
  return lanes;
}

int even_part(int64_t n, int64_t most) {
  if (most < 1)
    most = 1;
  return (int)ceil_div(n, ceil_div(n, most));
}

int32_t *conv_lane_order(Arena *a, const ConvParams *c) {
  int64_t nout = (int64_t)c->vectors * c->lanes;
  int32_t *order = ARENA_ARRAY(a, int32_t, c->blocks *nout);
  for (int64_t i = 0; i < c->blocks * nout; i++) {
    int64_t o = i / nout * nout + conv_joined_channel(conv_mix(c), c->lanes,
                                                      i % nout / c->lanes,
                                                      i % c->lanes);
    order[i] = (int32_t)(o < c->g.oc ? o : c->g.oc);
  }
  return order;
}

/* A convolution with few outputs as one of `pixels` times as many for every
 * so many pixels, whose windows are one wider window. */
static ConvGeom widen(ConvGeom g, int64_t pixels) {
  g.oc *= pixels;
  g.ow /= pixels;
  g.kw += (pixels - 1) * g.sw;
  g.sw *= pixels;
  return g;
}

/* How many pixels fill a vector of outputs, where that takes fewer steps of
 * k in spite of the zeros between; else 1. */
static int64_t pixels_in_lanes(const Op *op, const ConvGeom *g,
                               const Target *t) {
  Dot dot = conv_lanes_dot(g, t);
  int64_t lanes = lanes_for(t, dot, INT64_MAX), pixels = lanes / g->oc;
  int group = dot_group(dot);
  if (pixels < 2 || lanes % g->oc || g->ow % pixels || g->dw != 1 ||
      conv_is_sums(op) || conv_weight_zero(op, 0) ||
      (dot == DOT_smmla && g->ow == pixels))
    return 1;
  int64_t alone = pixels * ceil_div(g->kw * g->ic, group);
  return ceil_div(widen(*g, pixels).kw * g->ic, group) < alone ? pixels : 1;
}

/* Output o's weight in a geometry that is `g` widened, or g itself. */
static int32_t widened_weight(const Op *op, const ConvGeom *g, int64_t o,
                              int64_t y, int64_t x, int64_t i) {
  x -= o / g->oc * g->sw;
  return x < 0 || x >= g->kw ? 0 : conv_weight(op, g, o % g->oc, y, x, i);
}

/* [block][tap][k / group][vector][lane][group], i8; `real`: before it was
 * widened */
static int8_t *pack_lanes(Plan *p, const Step *s, const ConvParams *c,
                          const ConvGeom *real, const int32_t *order) {
  int64_t nout = (int64_t)c->vectors * c->lanes;
  int64_t taps = c->taps_h * c->taps_w;
  int64_t per_block = taps * c->run_padded * nout;
  int8_t *image = pack_image(p, per_block * c->blocks);
  int64_t folded = c->g.kw / c->taps_w; /* window columns in a run */
  int32_t any = conv_any_weight(s->op);
  for (int64_t i = 0; i < c->blocks * nout; i++) {
    int8_t *block = image + i / nout * per_block;
    for (int64_t k = 0; order[i] >= c->g.oc && k < per_block / nout; k++)
      block[(k / c->group * nout + i % nout) * c->group + k % c->group] =
          (int8_t)any;
    for (int64_t tap = 0; order[i] < c->g.oc && tap < taps; tap++)
      for (int64_t k = 0; k < c->run; k++) {
        int64_t x = folded > 1 ? k / c->g.ic : tap % c->taps_w;
        int64_t at =
            (tap * c->run_padded / c->group + k / c->group) * nout + i % nout;
        bool last = c->last_back && k >= c->run / c->group * c->group;
        int64_t in_group = last ? k - (c->run - c->group) : k % c->group;
        block[at * c->group + in_group] = (int8_t)widened_weight(
            s->op, real, order[i], tap / c->taps_w, x, k % c->g.ic);
      }
  }
  return image;
}

/* Weights in the order of smull_place(). Do two products that are added in 16
 * bits fit them? */
static void turn_pairs(ConvParams *c, int8_t *image) {
  int64_t bytes =
      c->taps_h * c->taps_w * c->run_padded * c->blocks * c->vectors * c->lanes;
  for (int64_t i = 0; i < bytes; i += 16) {
    int8_t was[16];
    memcpy(was, image + i, sizeof was);
    for (int o = 0; o < 4; o++)
      for (int k = 0; k < 4; k++)
        image[i + smull_place(o, k)] = was[4 * o + k];
    for (int k = 0; k < 8; k++)
      c->apart |= image[i + k] == INT8_MIN && image[i + k + 8] == INT8_MIN;
  }
}

/* See pack_lanes; widening multiplies take one input of every lane. */
static Weave lanes_weave(const ConvParams *c) {
  int64_t nout = (int64_t)c->vectors * c->lanes;
  Weave w = {.run = c->group,
             .slots = 1,
             .runs = nout,
             .depth = c->group,
             .inputs = c->g.ic};
  if (c->dot == DOT_smull) { /* two of four k, of each of four outputs */
    w.run = 8;
    w.slots = 4;
    w.runs = nout / 2;
    for (int i = 0; i < w.run; i++)
      w.slot[i] = (uint8_t)(i / 2);
  }
  if (c->group == 1) {
    w.run = w.slots = 2;
    w.slot[1] = 1;
    w.runs = nout / 2;
  }
  return c->run == c->run_padded ? w : (Weave){0};
}

Weave conv_rows_weave(const ConvParams *c) {
  bool padded = c->run != c->run_padded || c->run % 2;
  return padded ? (Weave){0}
                : (Weave){.run = 2,
                          .slots = 1,
                          .runs = 1,
                          .depth = 2,
                          .inputs = c->g.ic / c->g.groups};
}

/* pmaddwd takes words; where enough tiles share a block they are made once. */
static bool widens(const Target *t, const ConvParams *c) {
  enum { LEAST_TILES = 8 };
  return t->dot == DOT_pmaddwd &&
         c->g.n * c->g.oh * ceil_div(c->g.ow, c->pixels) >= LEAST_TILES;
}

/* Few enough that a first cache keeps those of all blocks as words, so that
 * each pixel's outputs are stored at once. */
static bool widens_all(const ConvParams *c) {
  enum { MOST_WORDS = 32 << 10 };
  return c->widens && c->blocks > 1 && !c->sums &&
         c->blocks * conv_block_weights(c) * 2 <= MOST_WORDS;
}

/* Pixels that lie in a row and are copied for nothing but their width. */
static bool widens_tiles(const ConvParams *c) {
  const ConvGeom *g = &c->g;
  const Stage *st = &c->stage;
  return c->pixels_first && g->kh == 1 && g->kw == 1 && g->sw == 1 &&
         g->oh == 1 && g->ih == 1 && g->ow == g->iw && g->ic % 16 == 0 &&
         st->on && st->elem_bytes == 2 && !st->xor && st->expand == 1;
}

/* Bytes of scratch for a block's weights, or all, and for a tile's inputs. */
static int64_t strip_bytes(const ConvParams *c) {
  int64_t blocks = c->pixels_first ? c->blocks : 1;
  int64_t tile = c->tile_words ? c->pixels * c->pixel * 2 : 0;
  return c->widens ? blocks * conv_block_weights(c) * 2 + tile
                   : c->packed.block_bytes;
}

/* Packed block by block: each is unpacked before it goes over the pixels. */
static void place_lanes(Plan *p, Step *s, ConvParams *c, const int8_t *image) {
  int64_t per_block = conv_block_weights(c);
  PackSource from = {.image = image,
                     .block_bytes = per_block,
                     .blocks = c->blocks,
                     .last_bytes = per_block,
                     .weave = lanes_weave(c),
                     .time = cost_conv_lanes(s->op, p->target),
                     .unpacking = 3,
                     .available = s->front ? -1 : INT64_MAX};
  c->packed = plan_pack(p, s, &from);
  if (c->packed.form)
    return;
  c->w = plan_blob(p, s, "weights", image, per_block * c->blocks,
                   p->target->simd_align);
  c->widens = widens(p->target, c);
  c->pixels_first = widens_all(c);
  c->tile_words = widens_tiles(c);
  c->stage.on = c->stage.on && !c->tile_words;
}

/* x86 packs two or four vectors into one, NEON any number up to four. */
static int join_for(const Target *t, const ConvParams *c) {
  int vectors = c->vectors;
  if (c->sums || (t->arch != ARCH_x86_64 && !c->in_order))
    return 1;
  if (c->in_order && (vectors == 3 || vectors == 6))
    return 3;
  return vectors % 4 == 0 ? 4 : vectors % 2 == 0 ? 2 : 1;
}

static DType stored_want(const Target *t) {
  return t->dot == DOT_vpdpbusd                              ? DT_u8
         : t->arch == ARCH_aarch64 || t->dot == DOT_vmladava ? DT_i8
                                                             : DT_COUNT;
}

/* conv_finish of the outputs that there are. */
static void finish_lanes(Plan *p, Step *s, ConvParams *c, const ConvGeom *real,
                         int32_t *order) {
  const ConvGeom wide = c->g;
  int64_t entries = c->blocks * c->vectors * c->lanes;
  for (int64_t i = 0; i < entries; i++)
    order[i] =
        order[i] < wide.oc ? order[i] % (int32_t)real->oc : (int32_t)real->oc;
  c->g = *real;
  unsigned forms = target_conv_forms(p->target);
  if (forms & 1u << RF_bits && !conv_weight_zero(s->op, 0))
    forms |= RF_LISTED;
  conv_finish(p, s, c, entries, order, true, forms);
  c->g = wide;
}

int64_t conv_lanes_pixels(const Op *op, const ConvGeom *g, const Target *t) {
  ConvParams c = {.g = widen(*g, pixels_in_lanes(op, g, t))};
  c.dot = conv_lanes_dot(g, t);
  c.lanes = lanes_for(t, c.dot, c.g.oc);
  c.group = dot_group(c.dot);
  c.taps_h = c.g.kh;
  c.taps_w = 1;
  c.run_padded = ceil_div(c.g.kw * c.g.ic, c.group) * c.group;
  conv_choose_tile(&c, t, false);
  return ceil_div(c.g.ow, c.pixels) * c.pixels * (g->ow / c.g.ow);
}

/* The target with the step's own number of vectors in a tile. */
static const Target *tile_target(Plan *p, const Step *s) {
  if (!s->tile_vectors)
    return p->target;
  Target *t = arena_dup(p->arena, p->target, sizeof *t);
  t->conv_vectors = s->tile_vectors;
  return t;
}

bool prepare_conv_lanes(Plan *p, Step *s) {
  const Target *t = tile_target(p, s);
  const ConvGeom real = band_geom(s);
  ConvParams c = {.g = widen(real, pixels_in_lanes(s->op, &real, t))};
  c.dot = conv_lanes_dot(&real, t);
  c.group = dot_group(c.dot);
  c.last_back = c.g.ic >= c.group && !conv_weight_zero(s->op, 0);
  c.lanes = lanes_for(t, c.dot, c.g.oc);
  c.weight_bytes = 1;
  conv_source(&c, s, stored_want(t), t->dot == DOT_pmaddwd ? 2 : 1, false);
  c.weight_zero = conv_weight_zero(s->op, 0);
  conv_choose_tile(&c, t, s->tail.n > 0);
  c.in_order = t->arch == ARCH_aarch64;
  c.join = join_for(t, &c);
  int32_t *order = conv_lane_order(p->arena, &c);
  int8_t *image = pack_lanes(p, s, &c, &real, order);
  if (c.dot == DOT_smull)
    turn_pairs(&c, image);
  place_lanes(p, s, &c, image);
  finish_lanes(p, s, &c, &real, order);
  return conv_done(p, s, &c, strip_bytes(&c));
}

/* ---- conv_mve ---- */

bool match_conv_mve(const Op *op, const Target *t) {
  return conv_is_full(op) && t->dot == DOT_vmladava && conv_one_group(op) &&
         conv_one_weight_zero(op);
}

double cost_conv_mve(const Op *op, const Target *t) {
  (void)t;
  return macs(op) / 8;
}

const int8_t *conv_pack_rows(Plan *p, const Step *s, const ConvParams *c) {
  int64_t taps = c->taps_h * c->taps_w, row = taps * c->run_padded;
  int8_t *image = pack_image(p, row * c->g.oc);
  int64_t depth = c->g.ic / c->g.groups, folded = c->g.kw / c->taps_w;
  memset(image, conv_any_weight(s->op), (size_t)(row * c->g.oc) + 1);
  for (int64_t o = 0; o < c->g.oc; o++)
    for (int64_t tap = 0; tap < taps; tap++)
      for (int64_t k = 0; k < c->run; k++) {
        int64_t x = folded > 1 ? k / depth : tap % c->taps_w;
        image[o * row + tap * c->run_padded + k] =
            (int8_t)conv_weight(s->op, &c->g, o, tap / c->taps_w, x, k % depth);
      }
  return image;
}

static void place_mve_rows(Plan *p, Step *s, ConvParams *c) {
  c->pass = c->g.oc;
  PassSource from = {.image = conv_pack_rows(p, s, c),
                     .bytes = c->taps_h * c->taps_w * c->run_padded * c->g.oc,
                     .row = c->taps_h * c->taps_w * c->run_padded,
                     .unit = 1,
                     .weave = conv_rows_weave(c),
                     .scratch = stage_bytes(c),
                     .time = cost_conv_mve(s->op, p->target)};
  if (!conv_pack_passes(p, s, c, &from))
    c->w = plan_blob(p, s, "weights", from.image, from.bytes,
                     p->target->simd_align);
}

bool prepare_conv_mve(Plan *p, Step *s) {
  ConvParams c = {.g = conv_geom(s->op), .group = 1, .vectors = 1};
  conv_source(&c, s, DT_i8, 1, false);
  c.group = 16;
  c.lanes = 1;
  c.weight_bytes = 1;
  c.run_padded = (c.run + 15) / 16 * 16;
  c.blocks = c.g.oc;
  c.pixels = even_part(c.g.ow, 4);
  place_mve_rows(p, s, &c);
  /* four pixels share a vector, which has no 64-bit products; the double
   * rule of dense layers has no form but that one */
  unsigned forms = target_requant_forms(p->target);
  if (s->op->kind == OP_conv2d)
    forms &= ~(1u << RF_single);
  conv_finish(p, s, &c, c.g.oc, NULL, true, forms);
  conv_done(p, s, &c, c.packed.block_bytes);
  s->vector_bytes = 16;
  return true;
}

void conv_grouped_runs(ConvParams *c) {
  if (c->g.groups == 1)
    return;
  c->taps_w = c->g.kw;
  c->run = c->run_padded = c->g.ic / c->g.groups;
}
