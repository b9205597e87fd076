/* Sums of 64 bits: see conv_wide.h. Thresholds are the requantization itself,
 * whatever its rounding. */
#include "plan/kernels/conv_wide.h"

#include "plan/kernel.h"
#include "plan/kernels/light.h"
#include "plan/proof.h"

bool match_conv_wide(const Op *op, const Target *t) {
  (void)t;
  return proof_applies(op) && conv_has_q8_types(op) && !proof_fits_i32(op);
}

double cost_conv_wide(const Op *op, const Target *t) {
  (void)t;
  return 16 * (double)op_macs(op);
}

static const Blob *pack_weights(Plan *p, Step *s, const WideParams *m) {
  const ConvGeom *g = &m->g;
  int64_t row = g->kh * g->kw * m->depth;
  int16_t *image = ARENA_ARRAY(p->arena, int16_t, g->oc *row);
  for (int64_t o = 0; o < g->oc; o++)
    for (int64_t k = 0; k < row; k++) {
      int64_t tap = k / m->depth;
      int32_t w =
          conv_weight(s->op, g, o, tap / g->kw, tap % g->kw, k % m->depth);
      image[o * row + k] = (int16_t)(w - conv_weight_zero(s->op, o));
    }
  return plan_blob(p, s, "weights", image, 2 * g->oc * row, 2);
}

static const Blob *pack_biases(Plan *p, Step *s, const WideParams *m) {
  int64_t *image = ARENA_ARRAY(p->arena, int64_t, m->g.oc);
  for (int64_t o = 0; o < m->g.oc; o++)
    image[o] = requant_bias(s->op, o);
  return plan_blob(p, s, "bias", image, 8 * m->g.oc, 8);
}

/* The sums from which on the result is at least lo + 1, lo + 2, ...; where it
 * never is, more than any sum. */
static const Blob *pack_thresholds(Plan *p, Step *s, const WideParams *m) {
  int64_t *image = ARENA_ARRAY(p->arena, int64_t, m->g.oc *WIDE_STEPS);
  for (int64_t o = 0; o < m->g.oc; o++) {
    AccRange sums = proof_sums(s->op, &m->g, o);
    Requant r = requant_of(s->op, o);
    for (int64_t i = 0; i < WIDE_STEPS; i++)
      image[o * WIDE_STEPS + i] =
          r.lo + i < r.hi
              ? requant_threshold(&r, (int32_t)(r.lo + i + 1), sums.lo, sums.hi)
              : INT64_MAX;
  }
  return plan_blob(p, s, "thresholds", image, 8 * m->g.oc * WIDE_STEPS, 8);
}

bool prepare_conv_wide(Plan *p, Step *s) {
  WideParams *m = ARENA_NEW(p->arena, WideParams);
  m->g = conv_geom(s->op);
  m->depth = m->g.ic / m->g.groups;
  m->in_type = s->in[0]->type->dtype;
  m->in_zero = type_zero_point(s->in[0]->type);
  m->lo = requant_of(s->op, 0).lo + stored_delta(s->out[0]);
  m->w = pack_weights(p, s, m);
  m->bias = pack_biases(p, s, m);
  m->threshold = pack_thresholds(p, s, m);
  if (s->in[0]->place == PLACE_const)
    plan_const_blob(p, s->in[0]);
  s->params = m;
  s->note = "thresholds";
  set_variant(p, s, "wide", 0);
  return true;
}
