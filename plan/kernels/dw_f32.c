/* dw_f32, dw_f32_rows: depthwise convolutions of floats; which channels or
 * pixels make a vector, and the tile of sums. */
#include "plan/kernel.h"
#include "plan/kernels/conv.h"
#include "plan/kernels/conv_f32.h"

static bool is_depthwise(const Op *op) {
  return op->kind == OP_depthwise_conv2d && real_is_op(op);
}

int64_t dw_f32_vector_pixels(const ConvParams *c) {
  return c->lanes > c->g.oc ? c->lanes / c->g.oc : 1;
}

/* Channels in lanes; or several neighbouring pixels of all channels in a
 * vector where they fill it and lie side by side, whose weights repeat. */
static void choose_lanes(ConvParams *c, const Target *t, bool repeats) {
  int64_t oc = c->g.oc;
  c->lanes = target_f32_lanes(t) > 1 ? target_f32_lanes(t) : 1;
  if (repeats && oc < c->lanes && c->lanes % oc == 0 && c->g.sw == 1 &&
      c->g.ow >= c->lanes / oc)
    return;
  while (c->lanes > oc)
    c->lanes /= 2;
}

/* n rows of the channels' values, each repeated to fill a vector at least;
 * v NULL: zeros. */
static const Blob *repeat_rows(Plan *p, Step *s, const char *what,
                               const ConvParams *c, const Value *v, int64_t n) {
  int64_t oc = c->g.oc, row = oc > c->lanes ? oc : c->lanes;
  float *image = ARENA_ARRAY(p->arena, float, n *row);
  for (int64_t i = 0; v && i < n * row; i++)
    image[i] = ((const float *)v->init->data)[i / row * oc + i % row % oc];
  return plan_blob(p, s, what, image, n * row * 4, p->target->simd_align);
}

/* Weights and biases that are known; the others are read as they are. */
static void pack(Plan *p, Step *s, ConvParams *c) {
  const Value *w = s->op->in[1], *bias = op_in(s->op, 2);
  if (real_is_const(w))
    c->w = repeat_rows(p, s, "weights", c, w, c->g.kh * c->g.kw);
  if (real_is_const(bias))
    c->bias = repeat_rows(p, s, "bias", c, bias, 1);
}

static bool repeats(const Op *op) {
  return real_is_const(op->in[1]) && real_is_const(op_in(op, 2));
}

/* ---- dw_f32 ---- */

bool match_dw_f32(const Op *op, const Target *t) {
  (void)t;
  return is_depthwise(op);
}

double cost_dw_f32(const Op *op, const Target *t) { return real_cost(op, t); }

/* Blocks of whole vectors, the last one over the end of the one before. */
static void choose_tile(ConvParams *c) {
  enum { MOST_VECTORS = 4, MOST_ACCUMULATORS = 8 };
  int64_t most = c->g.oc / c->lanes;
  c->vectors = most < 1 ? 1 : most < MOST_VECTORS ? (int)most : MOST_VECTORS;
  c->pixels = even_part(c->g.ow / dw_f32_vector_pixels(c),
                        MOST_ACCUMULATORS / c->vectors);
  c->blocks = ceil_div(c->g.oc, (int64_t)c->vectors * c->lanes);
}

bool prepare_dw_f32(Plan *p, Step *s) {
  ConvParams c = {.g = conv_geom(s->op), .group = 1};
  conv_source(&c, s, DT_COUNT, 4, false);
  c.act = s->op->attrs.conv.act;
  choose_lanes(&c, p->target, repeats(s->op));
  choose_tile(&c);
  pack(p, s, &c);
  return conv_real_done(p, s, &c, 0);
}

/* ---- dw_f32_rows ---- */

/* Every tap is spelled out. */
bool match_dw_f32_rows(const Op *op, const Target *t) {
  enum {
    MOST_TAPS = 49,
    MOST_EXTENT = 13,
    MOST_STRIDE = 2,
    LEAST_CHANNELS = 4
  };
  if (!is_depthwise(op) || target_f32_lanes(t) < LEAST_CHANNELS)
    return false;
  ConvGeom g = conv_geom(op);
  int64_t extent = (g.kh > g.kw ? g.kh : g.kw) * (g.dh > g.dw ? g.dh : g.dw);
  return g.mult == 1 && g.oc >= LEAST_CHANNELS && g.kh * g.kw <= MOST_TAPS &&
         extent <= MOST_EXTENT && g.sh <= MOST_STRIDE && g.sw <= MOST_STRIDE;
}

/* No copy, and inputs are loaded once for all rows and pixels of a tile. */
double cost_dw_f32_rows(const Op *op, const Target *t) {
  return real_cost(op, t) / 2;
}

/* Pixels x rows, as many as there are registers for with the columns that a
 * row of the input has under them; but no more code than is worth it. */
static void choose_rows_tile(ConvParams *c, const Target *t, bool small) {
  enum { MOST_MACS = 256, MOST_PIXELS = 7 };
  int64_t taps = c->g.kh * c->g.kw, q = dw_f32_vector_pixels(c);
  int most = small ? 1 : t->nvregs > 16 ? MOST_PIXELS : 4;
  c->rows = !small && c->g.oh > 1 && 2 * taps <= MOST_MACS / 4 ? 2 : 1;
  while (most > 1 && most * c->rows * taps > MOST_MACS)
    most--;
  c->pixels = even_part(c->g.ow / q, most);
  c->vectors = 1;
  c->blocks = ceil_div(c->g.oc, c->lanes);
}

int64_t dw_f32_rows_scratch(const ConvParams *c) {
  const ConvGeom *g = &c->g;
  int64_t last = (g->oh - 1) * g->sh + (g->kh - 1) * g->dh - g->pt;
  return g->pt || last >= g->ih ? c->pitch * 4 : 0;
}

bool prepare_dw_f32_rows(Plan *p, Step *s) {
  ConvParams c = {.g = conv_geom(s->op), .group = 1};
  conv_source(&c, s, DT_COUNT, 4, false);
  c.stage = (Stage){.elem_bytes = 4};
  c.pitch = c.g.iw * c.pixel;
  c.act = s->op->attrs.conv.act;
  choose_lanes(&c, p->target, repeats(s->op));
  choose_rows_tile(&c, p->target, p->opt.for_size);
  pack(p, s, &c);
  return conv_real_done(p, s, &c, dw_f32_rows_scratch(&c));
}
