/* dw_smlad, dw_scalar: depthwise convolutions by words of four channels and
 * one multiply at a time; and what all dw_* kernels share. A multiplier above
 * one is undone by the staged copy, which repeats each input channel, so the
 * loops see as many input channels as outputs. */
#include "plan/kernels/dw.h"

#include "plan/kernel.h"
#include "plan/kernels/conv.h"

bool dw_is_q8(const Op *op) {
  return op->kind == OP_depthwise_conv2d && conv_is_q8(op);
}

int32_t dw_weight(const Op *op, const ConvGeom *g, int64_t c, int64_t tap) {
  return conv_weight(op, g, c, tap / g->kw, tap % g->kw, 0) -
         conv_weight_zero(op, c);
}

bool dw_narrow_weights(const Op *op, const ConvGeom *g) {
  for (int64_t c = 0; c < g->oc; c++)
    for (int64_t tap = 0; tap < g->kh * g->kw; tap++) {
      int32_t w = dw_weight(op, g, c, tap);
      if (w < INT8_MIN || w > INT8_MAX)
        return false;
    }
  return true;
}

void dw_store_weight(int8_t *image, int64_t at, int bytes, int32_t w) {
  if (bytes == 1)
    image[at] = (int8_t)w;
  else
    ((int16_t *)(void *)image)[at] = (int16_t)w;
}

bool dw_taps_unroll(const Op *op) {
  ConvGeom g = conv_geom(op);
  return g.kh * g.kw <= 128;
}

/* ---- dw_smlad ---- */

bool match_dw_smlad(const Op *op, const Target *t) {
  return dw_is_q8(op) && t->dot == DOT_smlad && conv_geom(op).oc % 4 == 0 &&
         dw_taps_unroll(op);
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
      dw_store_weight(image,
                      ((o / 4 * pairs + tap / 2) * 4 + o % 4) * 2 + tap % 2, 2,
                      dw_weight(s->op, g, o, tap));
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
  return dw_is_q8(op);
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
      dw_store_weight(image, tap * g->oc + o, c->weight_bytes,
                      dw_weight(s->op, g, o, tap));
  return plan_blob(p, s, "weights", image, bytes, p->target->simd_align);
}

bool prepare_dw_scalar(Plan *p, Step *s) {
  ConvParams c = {.g = conv_geom(s->op), .group = 1, .pixels = 1};
  conv_source(&c, s, DT_COUNT, 1, false);
  c.lanes = c.vectors = 1;
  c.blocks = c.g.oc;
  c.weight_bytes = dw_narrow_weights(s->op, &c.g) ? 1 : 2;
  c.w = pack_taps(p, s, &c);
  conv_finish(p, s, &c, c.g.oc, NULL, false, target_requant_forms(p->target));
  return conv_done(p, s, &c, 0);
}
