/* dw_lanes, dw_smlad, dw_scalar: depthwise convolutions. A multiplier above
 * one is undone by the staged copy, which repeats each input channel, so the
 * loops see as many input channels as outputs. */
#include "plan/kernels/conv.h"

#include "plan/kernel.h"

static bool is_depthwise(const Op *op) {
  return op->kind == OP_depthwise_conv2d && conv_is_q8(op);
}

static int32_t wide_weight(const Op *op, const ConvGeom *g, int64_t c,
                           int64_t tap) {
  return conv_weight(op, g, c, tap / g->kw, tap % g->kw, 0) -
         conv_weight_zero(op, c);
}

/* Do all weights less their zero points fit i8? */
static bool narrow_weights(const Op *op, const ConvGeom *g) {
  for (int64_t c = 0; c < g->oc; c++)
    for (int64_t tap = 0; tap < g->kh * g->kw; tap++) {
      int32_t w = wide_weight(op, g, c, tap);
      if (w < INT8_MIN || w > INT8_MAX)
        return false;
    }
  return true;
}

static void store_weight(int8_t *image, int64_t at, int bytes, int32_t w) {
  if (bytes == 1)
    image[at] = (int8_t)w;
  else
    ((int16_t *)(void *)image)[at] = (int16_t)w;
}

/* The vector kernels spell out every tap of a window. */
static bool taps_unroll(const Op *op) {
  ConvGeom g = conv_geom(op);
  return g.kh * g.kw <= 128;
}

/* ---- dw_lanes ---- */

bool match_dw_lanes(const Op *op, const Target *t) {
  return is_depthwise(op) && t->vector_bytes && conv_geom(op).oc >= 4 &&
         taps_unroll(op);
}

double cost_dw_lanes(const Op *op, const Target *t) {
  return (double)op_macs(op) / (t->vector_bytes / 4);
}

/* Taps that one multiply joins: 4 bytes, 2 halfwords, or 1. Bytes need
 * weights that fit, or one zero point to subtract with the sum of inputs. */
static int tap_group(const Op *op, const Target *t, bool narrow) {
  if (t->dot == DOT_vpdpbusd && (narrow || conv_one_weight_zero(op)))
    return 4;
  return t->dot == DOT_vpdpbusd || t->dot == DOT_pmaddwd ? 2 : 1;
}

/* Channels of a block at most. */
static int most_channels(const Target *t, int group) {
  return group == 4               ? t->vector_bytes
         : t->dot == DOT_vmladava ? t->vector_bytes / 4
                                  : t->vector_bytes / 2;
}

/* Channels of a block: a power of two, so that a last block that overlaps
 * the one before can cover any remainder. Few channels of neighbouring
 * windows, one apart, make one block of several pixels. */
static void choose_block(ConvParams *c, const Target *t) {
  int most = most_channels(t, c->group);
  int64_t oc = c->g.oc;
  c->pixels = 1;
  c->lanes = most;
  if (oc < most && most % oc == 0 && c->g.sw == 1 && c->g.ow >= most / oc) {
    c->pixels = (int)(most / oc);
    c->blocks = 1;
    return;
  }
  while (c->lanes > oc)
    c->lanes /= 2;
  c->blocks = (oc + c->lanes - 1) / c->lanes;
}

/* Which channel each accumulator of each block is; block b starts at channel
 * min(b * lanes, oc - lanes), or at any pixel's channel 0. */
static int32_t *block_order(Arena *a, const ConvParams *c) {
  int64_t oc = c->g.oc, n = c->blocks * c->lanes;
  int32_t *order = ARENA_ARRAY(a, int32_t, n);
  int part = c->lanes / c->join;
  for (int64_t i = 0; i < n; i++) {
    int64_t first = i / c->lanes * c->lanes, at = i % c->lanes;
    if (c->pixels == 1 && first > oc - c->lanes)
      first = oc - c->lanes;
    int64_t o =
        first + conv_joined_channel(c->join, part, at / part, at % part);
    order[i] = (int32_t)(o % oc);
  }
  return order;
}

/* [block][tap / group][accumulator][group], i8 or i16; split: as stored, the
 * zero point not taken off */
static const Blob *pack_blocks(Plan *p, Step *s, const ConvParams *c,
                               const int32_t *order, bool split) {
  const ConvGeom *g = &c->g;
  int64_t taps = g->kh * g->kw;
  int64_t groups = (taps + c->group - 1) / c->group;
  int64_t per_block = groups * c->lanes * c->group;
  int64_t bytes = per_block * c->blocks * c->weight_bytes;
  int8_t *image = pack_image(p, bytes);
  for (int64_t i = 0; i < c->blocks * c->lanes; i++)
    for (int64_t tap = 0; tap < taps; tap++)
      store_weight(
          image,
          i / c->lanes * per_block +
              (tap / c->group * c->lanes + i % c->lanes) * c->group +
              tap % c->group,
          c->weight_bytes,
          split ? conv_weight(s->op, g, order[i], tap / g->kw, tap % g->kw, 0)
                : wide_weight(s->op, g, order[i], tap));
  return plan_blob(p, s, "weights", image, bytes, p->target->simd_align);
}

bool prepare_dw_lanes(Plan *p, Step *s) {
  const Target *t = p->target;
  ConvParams c = {.g = conv_geom(s->op), .group = 1, .vectors = 1};
  bool narrow = narrow_weights(s->op, &c.g);
  int group = tap_group(s->op, t, narrow);
  bool split = group == 4 && !narrow;
  conv_source(&c, s, group == 4 ? DT_u8 : DT_COUNT, 1, false);
  c.group = group;
  choose_block(&c, t);
  /* interleaving in lanes of 16 bytes takes 4 channels of each register */
  c.join = c.lanes / group >= 4 ? group : 1;
  c.weight_bytes = group == 2 || (!narrow && !split) ? 2 : 1;
  int32_t *order = block_order(p->arena, &c);
  c.w = pack_blocks(p, s, &c, order, split);
  unsigned forms = target_requant_forms(t);
  if (t->dot == DOT_vmladava)
    forms &= ~(1u << RF_single);
  conv_finish(p, s, &c, c.blocks * c.lanes, order, split, forms);
  return conv_done(p, s, &c, 0);
}

/* ---- dw_smlad ---- */

bool match_dw_smlad(const Op *op, const Target *t) {
  return is_depthwise(op) && t->dot == DOT_smlad && conv_geom(op).oc % 4 == 0 &&
         taps_unroll(op);
}

double cost_dw_smlad(const Op *op, const Target *t) {
  (void)t;
  return (double)op_macs(op) * 2;
}

/* [4 channels][pair of taps][channel][2], i16 */
static const Blob *pack_tap_pairs(Plan *p, Step *s, const ConvParams *c) {
  const ConvGeom *g = &c->g;
  int64_t taps = g->kh * g->kw, pairs = (taps + 1) / 2;
  int64_t bytes = g->oc * pairs * 4;
  int8_t *image = pack_image(p, bytes);
  for (int64_t o = 0; o < g->oc; o++)
    for (int64_t tap = 0; tap < taps; tap++)
      store_weight(image, ((o / 4 * pairs + tap / 2) * 4 + o % 4) * 2 + tap % 2,
                   2, wide_weight(s->op, g, o, tap));
  return plan_blob(p, s, "weights", image, bytes, 4);
}

bool prepare_dw_smlad(Plan *p, Step *s) {
  ConvParams c = {.g = conv_geom(s->op), .group = 1, .pixels = 1};
  conv_source(&c, s, DT_COUNT, 1, false);
  c.group = 2;
  c.lanes = 1;
  c.vectors = 4;
  c.blocks = c.g.oc / 4;
  c.weight_bytes = 2;
  c.w = pack_tap_pairs(p, s, &c);
  conv_finish(p, s, &c, c.g.oc, NULL, false, target_requant_forms(p->target));
  return conv_done(p, s, &c, 0);
}

/* ---- dw_scalar ---- */

bool match_dw_scalar(const Op *op, const Target *t) {
  (void)t;
  return is_depthwise(op);
}

double cost_dw_scalar(const Op *op, const Target *t) {
  (void)t;
  return (double)op_macs(op) * 6;
}

/* [tap][channel], i8 or i16 */
static const Blob *pack_taps(Plan *p, Step *s, const ConvParams *c) {
  const ConvGeom *g = &c->g;
  int64_t taps = g->kh * g->kw, bytes = taps * g->oc * c->weight_bytes;
  int8_t *image = pack_image(p, bytes);
  for (int64_t tap = 0; tap < taps; tap++)
    for (int64_t o = 0; o < g->oc; o++)
      store_weight(image, tap * g->oc + o, c->weight_bytes,
                   wide_weight(s->op, g, o, tap));
  return plan_blob(p, s, "weights", image, bytes, p->target->simd_align);
}

bool prepare_dw_scalar(Plan *p, Step *s) {
  ConvParams c = {.g = conv_geom(s->op), .group = 1, .pixels = 1};
  conv_source(&c, s, DT_COUNT, 1, false);
  c.lanes = c.vectors = 1;
  c.blocks = c.g.oc;
  c.weight_bytes = narrow_weights(s->op, &c.g) ? 1 : 2;
  c.w = pack_taps(p, s, &c);
  conv_finish(p, s, &c, c.g.oc, NULL, false, target_requant_forms(p->target));
  return conv_done(p, s, &c, 0);
}
