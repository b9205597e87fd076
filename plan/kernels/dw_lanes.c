/* dw_lanes: depthwise convolutions with channels in vector lanes. */
#include "plan/kernel.h"
#include "plan/kernels/conv.h"
#include "plan/kernels/dw.h"

bool match_dw_lanes(const Op *op, const Target *t) {
  return dw_is_q8(op) && t->vector_bytes && conv_geom(op).oc >= 4 &&
         dw_taps_unroll(op);
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
  return group == 4 || t->arch == ARCH_aarch64 ? t->vector_bytes
         : t->dot == DOT_vmladava              ? t->vector_bytes / 4
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
        first + conv_joined_channel(conv_mix(c), part, at / part, at % part);
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
      dw_store_weight(
          image,
          i / c->lanes * per_block +
              (tap / c->group * c->lanes + i % c->lanes) * c->group +
              tap % c->group,
          c->weight_bytes,
          split ? conv_weight(s->op, g, order[i], tap / g->kw, tap % g->kw, 0)
                : dw_weight(s->op, g, order[i], tap));
  return plan_blob(p, s, "weights", image, bytes, p->target->simd_align);
}

/* Do products of each channel's taps from `first` to `last` fit 16 bits
 * together, whatever the inputs? */
static bool fits_halves(const Op *op, const ConvGeom *g, int64_t first,
                        int64_t last) {
  for (int64_t o = 0; o < g->oc; o++) {
    int64_t most = 0, least = 0;
    for (int64_t tap = first; tap <= last; tap++) {
      int32_t w = dw_weight(op, g, o, tap);
      most += w < 0 ? w * INT8_MIN : w * INT8_MAX;
      least += w < 0 ? w * INT8_MAX : w * INT8_MIN;
    }
    if (most > INT16_MAX || least < INT16_MIN)
      return false;
  }
  return true;
}

/* As many taps together as fit. */
static uint64_t added_up(const Op *op, const ConvGeom *g) {
  int64_t taps = g->kh * g->kw, first = 0;
  uint64_t behind = 0;
  for (int64_t tap = 0; tap < taps; tap++)
    if (tap + 1 == taps || !fits_halves(op, g, first, tap + 1)) {
      behind |= UINT64_C(1) << tap;
      first = tap + 1;
    }
  return behind;
}

bool prepare_dw_lanes(Plan *p, Step *s) {
  const Target *t = p->target;
  ConvParams c = {.g = conv_geom(s->op), .group = 1, .vectors = 1};
  bool narrow = dw_narrow_weights(s->op, &c.g);
  int group = tap_group(s->op, t, narrow);
  bool split = group == 4 && !narrow;
  bool neon = t->arch == ARCH_aarch64 && narrow && c.g.kh * c.g.kw <= 64;
  DType want = group == 4 ? DT_u8 : neon ? DT_i8 : DT_COUNT;
  conv_source(&c, s, want, 1, false);
  c.group = group;
  choose_block(&c, t);
  if (neon && c.lanes >= 8)
    c.added_up = added_up(s->op, &c.g);
  /* interleaving in lanes of 16 bytes takes 4 channels of each register */
  c.join = c.lanes / group >= 4 ? group : 1;
  c.in_order = t->arch == ARCH_aarch64;
  if (c.in_order && c.lanes > 4)
    c.join = c.lanes / 4;
  c.weight_bytes = group == 2 || (!narrow && !split) ? 2 : 1;
  int32_t *order = block_order(p->arena, &c);
  c.w = pack_blocks(p, s, &c, order, split);
  unsigned forms = target_conv_forms(t);
  if (t->dot == DOT_vmladava)
    forms &= ~(1u << RF_single);
  conv_finish(p, s, &c, c.blocks * c.lanes, order, split, forms);
  return conv_done(p, s, &c, 0);
}
