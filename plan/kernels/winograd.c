/* conv_winograd: which tile, how much at a time; packed weights. */
#include "plan/kernels/winograd.h"

#include <string.h>

#include "plan/kernel.h"
#include "plan/kernels/conv.h"

/* Few channels leave too little between the transforms; many (four times
 * their sum in 32 bits) are not proven. */
enum { LEAST_CHANNELS = 16, MOST_CHANNELS = 1024, LEAST_TILES = 16 };

static int64_t tiles_of(int64_t outputs) { return ceil_div(outputs, 2); }

static bool is_window(const ConvGeom *g) {
  return g->kh == 3 && g->kw == 3 && g->sh == 1 && g->sw == 1 && g->dh == 1 &&
         g->dw == 1 && g->groups == 1;
}

static bool has_zero(const Op *op) {
  return !conv_one_weight_zero(op) || conv_weight_zero(op, 0);
}

bool match_conv_winograd(const Op *op, const Target *t) {
  if (t->dot != DOT_pmaddwd || op->kind != OP_conv2d || !conv_is_q8(op))
    return false;
  ConvGeom g = conv_geom(op);
  return is_window(&g) && !has_zero(op) && g.ic % 8 == 0 &&
         g.ic >= LEAST_CHANNELS && g.ic <= MOST_CHANNELS &&
         g.oc >= LEAST_CHANNELS && g.oh >= 2 && g.ow >= 2 &&
         tiles_of(g.oh) * tiles_of(g.ow) >= LEAST_TILES;
}

/* 16 products of 36, and the transforms. */
double cost_conv_winograd(const Op *op, const Target *t) {
  return 0.6 * (double)op_macs(op) /
         (t->vector_bytes / 4 * dot_group(DOT_pmaddwd));
}

/* [block][k / 2][vector][tap][lane][2], i8 */
static void pack_taps(Plan *p, Step *s, ConvParams *c, const int32_t *order) {
  int64_t nout = (int64_t)c->vectors * c->lanes, ic = c->g.ic;
  int8_t *image = pack_image(p, c->blocks * nout * ic * 9);
  memset(image, conv_any_weight(s->op), (size_t)(c->blocks * nout * ic * 9));
  for (int64_t i = 0; i < c->blocks * nout; i++) {
    int8_t *block = image + i / nout * nout * ic * 9;
    int64_t v = i % nout / c->lanes, lane = i % c->lanes;
    for (int64_t k = 0; order[i] < c->g.oc && k < ic; k++)
      for (int64_t tap = 0; tap < 9; tap++) {
        int64_t row = (k / 2 * c->vectors + v) * 9 + tap;
        block[(row * c->lanes + lane) * 2 + k % 2] =
            (int8_t)conv_weight(s->op, &c->g, order[i], tap / 3, tap % 3, k);
      }
  }
  PackSource from = {.image = image,
                     .block_bytes = nout * ic * 9,
                     .blocks = c->blocks,
                     .last_bytes = nout * ic * 9,
                     .time = cost_conv_winograd(s->op, p->target),
                     .unpacking = 3,
                     .available = INT64_MAX};
  c->packed = plan_pack(p, s, &from);
  if (!c->packed.form)
    c->w = plan_blob(p, s, "weights", image, c->blocks * nout * ic * 9,
                     p->target->simd_align);
}

/* From place to place: a line more where a cache of 4 KB a way would keep all
 * 16 in the same few lines. */
static int64_t apart(int64_t bytes) {
  enum { SPREAD = 1024, LINE = 64 };
  return bytes % SPREAD ? bytes : bytes + LINE;
}

static void choose_tiles(WinogradParams *w, const Target *t) {
  enum { MOST_INPUTS = 256 << 10 };
  ConvParams *c = &w->c;
  c->lanes = t->vector_bytes / 4;
  c->vectors = 2;
  c->join = 2;
  c->blocks = ceil_div(c->g.oc, (int64_t)c->vectors * c->lanes);
  w->down = tiles_of(c->g.oh);
  w->across = tiles_of(c->g.ow);
  c->pixels = even_part(w->across, 4);
  w->x_place = apart(c->g.ic * 2);
  int64_t row = w->across * WINOGRAD_PLACES * w->x_place;
  w->rows = even_part(w->down, MOST_INPUTS / row);
  int64_t nout = (int64_t)c->vectors * c->lanes;
  w->w_place = apart(c->g.ic * nout * 2);
  w->w_bytes = WINOGRAD_PLACES * w->w_place;
  w->x_bytes = w->rows * row;
  w->m_bytes = WINOGRAD_PLACES * c->pixels * nout * 4;
}

/* Is every output stored once? */
static bool stores_once(const WinogradParams *w) {
  const ConvGeom *g = &w->c.g;
  return g->oh % 2 == 0 && g->ow % 2 == 0 && w->down % w->rows == 0 &&
         w->across % w->c.pixels == 0;
}

bool prepare_conv_winograd(Plan *p, Step *s) {
  WinogradParams w = {.c = {.g = conv_geom(s->op), .group = 2}};
  ConvParams *c = &w.c;
  conv_source(c, s, DT_COUNT, 2, true);
  choose_tiles(&w, p->target);
  c->weight_bytes = 2;
  c->widens = true;
  int32_t *order = conv_lane_order(p->arena, c);
  pack_taps(p, s, c, order);
  conv_finish(p, s, c, c->blocks * c->vectors * c->lanes, order, false,
              target_conv_forms(p->target));
  conv_done(p, s, c, w.w_bytes + w.x_bytes + w.m_bytes + c->packed.block_bytes);
  s->params = arena_dup(p->arena, &w, sizeof w);
  s->tail_overlap = stores_once(&w) ? OVERLAP_SAME : OVERLAP_NONE;
  s->variant = arena_printf(p->arena, "%s_2x2", s->variant);
  return true;
}
