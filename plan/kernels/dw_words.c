/* dw_words: depthwise layers of 16-bit activations, channels in lanes. */
#include "plan/kernel.h"
#include "plan/kernels/conv.h"
#include "plan/kernels/conv_words.h"

bool match_dw_words(const Op *op, const Target *t) {
  (void)t;
  if (op->kind != OP_depthwise_conv2d || !words_match(op))
    return false;
  bool repeats = conv_geom(op).mult > 1; /* the copy of bytes stays bytes */
  return !repeats || op->in[0]->type->dtype == DT_i16;
}

double cost_dw_words(const Op *op, const Target *t) {
  return 6 * (double)op_macs(op) / (t->vector_bytes ? t->vector_bytes / 4 : 1);
}

/* Vectors no wider than the channels; without vectors single ones. */
static int lanes_for(const Target *t, int64_t channels) {
  int lanes = t->vector_bytes / 4;
  while (lanes > channels)
    lanes /= 2;
  return lanes > 1 ? lanes : 1;
}

/* [tap][channel] */
static const Blob *pack_taps(Plan *p, Step *s, const ConvParams *c) {
  const ConvGeom *g = &c->g;
  int64_t n = g->kh * g->kw * g->oc;
  int8_t *image = pack_image(p, n * c->weight_bytes);
  for (int64_t i = 0; i < n; i++) {
    int64_t o = i % g->oc, tap = i / g->oc;
    words_put(image, i, c->weight_bytes,
              conv_weight(s->op, g, o, tap / g->kw, tap % g->kw, 0) -
                  conv_weight_zero(s->op, o));
  }
  return plan_blob(p, s, "weights", image, n * c->weight_bytes,
                   p->target->simd_align);
}

bool prepare_dw_words(Plan *p, Step *s) {
  WordsParams m = {.dot = WORD_DOT_scalar};
  ConvParams *c = &m.c;
  c->g = conv_geom(s->op);
  c->group = 1;
  c->vectors = 1;
  words_measure(&m, s->op);
  conv_source(c, s, DT_COUNT, 2, false);
  c->lanes = lanes_for(p->target, c->g.oc);
  if (c->lanes > 1)
    m.dot = WORD_DOT_widen;
  c->pixels = even_part(c->g.ow, c->lanes > 1 ? 4 : 2);
  c->w = pack_taps(p, s, c);
  words_finish(p, s, &m, c->g.oc / c->g.groups);
  return words_done(p, s, &m);
}
