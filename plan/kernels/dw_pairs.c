/* dw_pairs: depthwise convolutions on pmaddwd, from lines of two rows
 * interleaved once, each of which serves two or more rows of output. The
 * shape of lines and the order of weights; the loops are in
 * codegen/kernels/. */
#include "plan/kernels/dw_pairs.h"

#include "plan/kernel.h"
#include "plan/kernels/conv.h"
#include "plan/kernels/dw.h"

enum {
  FEWEST_CHANNELS = 4,
  MOST_TAPS = 49,        /* all are spelled out */
  RING_BYTES = 24 << 10, /* that leave room in a first cache */
  MOST_RING = 128 << 10
};

static int64_t columns_of(const ConvGeom *g) {
  return (g->ow - 1) * g->sw + (g->kw - 1) * g->dw + 1;
}

/* Where the window moves by two, rows of outputs share no line's pair. */
static int rows_of(const ConvGeom *g) {
  return g->sh == 1 && g->oh > 1 ? 2 : 1;
}

static int lines_of(const ConvGeom *g) { return (int)(g->kh + rows_of(g)) / 2; }

/* Channels of a group: of which a vector of bytes has twice as many. */
static int most_lanes(const Target *t) { return t->vector_bytes / 2; }

bool match_dw_pairs(const Op *op, const Target *t) {
  if (t->dot != DOT_pmaddwd || !dw_is_q8(op))
    return false;
  ConvGeom g = conv_geom(op);
  int64_t ring = lines_of(&g) * columns_of(&g) * most_lanes(t) * 4;
  return g.oc >= FEWEST_CHANNELS && g.mult == 1 && g.kh > 1 &&
         g.kh * g.kw <= MOST_TAPS && g.sh <= 2 && g.dh == 1 &&
         g.pl < columns_of(&g) && ring <= MOST_RING;
}

/* Half of dw_lanes', which widens and interleaves for every output. */
double cost_dw_pairs(const Op *op, const Target *t) {
  return (double)op_macs(op) / (t->vector_bytes / 2);
}

bool pairs_takes(const ConvGeom *g, int row, int line) {
  return 2 * line + 1 >= row && 2 * line - row < g->kh;
}

int64_t pairs_weight_bytes(const PairsParams *q) {
  return q->lines * q->c.g.kw * q->c.lanes * 4;
}

int64_t pairs_passes(const PairsParams *q) {
  return ceil_div(q->c.g.oh, q->rows);
}

/* Neighbouring pixels of few channels share a vector. */
static void choose_groups(PairsParams *q, const Target *t) {
  ConvParams *c = &q->c;
  const ConvGeom *g = &c->g;
  c->lanes = most_lanes(t);
  c->pixels = 1;
  if (c->lanes % g->oc == 0 && g->sw == 1 && g->ow >= c->lanes / g->oc)
    c->pixels = (int)(c->lanes / g->oc);
  while (c->pixels == 1 && c->lanes > g->oc)
    c->lanes /= 2;
  int vector = t->vector_bytes / 4;
  c->join = c->lanes > vector ? c->lanes / vector : 1;
  q->groups = c->pixels > 1 ? 1 : ceil_div(g->oc, c->lanes);
}

static void choose_lines(PairsParams *q) {
  const ConvGeom *g = &q->c.g;
  q->rows = rows_of(g);
  q->lines = lines_of(g);
  q->columns = columns_of(g);
  q->inside = q->columns - g->pl < g->iw ? q->columns - g->pl : g->iw;
  int64_t group = q->lines * q->columns * q->c.lanes * 4;
  q->block = q->groups;
  while (q->block > 1 &&
         (q->groups % q->block || q->block * group > RING_BYTES))
    q->block--;
  q->pixel = q->c.pixels > 1 ? g->oc : q->block * q->c.lanes;
  q->line_bytes = ceil_div(q->columns * q->pixel * 4, 64) * 64;
  int64_t rows = 2 * (pairs_passes(q) - 1 + q->lines);
  q->zeros = g->pt || rows - g->pt > g->ih ? g->iw * g->ic : 0;
}

/* Which channel each accumulator of each group is. */
static int32_t *group_order(Arena *a, const PairsParams *q) {
  int64_t oc = q->c.g.oc, lanes = q->c.lanes;
  int32_t *order = ARENA_ARRAY(a, int32_t, q->groups *lanes);
  for (int64_t i = 0; i < q->groups * lanes; i++) {
    int64_t first = i / lanes * lanes;
    if (q->c.pixels == 1 && first > oc - lanes)
      first = oc - lanes;
    order[i] = (int32_t)((first + i % lanes) % oc);
  }
  return order;
}

/* [group][output row][line][column][lane][2], i16; taps that a row does not
 * have 0 */
static const Blob *pack_pairs(Plan *p, Step *s, const PairsParams *q,
                              const int32_t *order) {
  const ConvGeom *g = &q->c.g;
  int64_t lanes = q->c.lanes, slots = q->lines * g->kw;
  int64_t bytes = q->groups * q->rows * pairs_weight_bytes(q);
  int8_t *image = pack_image(p, bytes);
  for (int64_t i = 0; i < bytes / 2; i++) {
    int64_t lane = i / 2 % lanes, slot = i / 2 / lanes;
    int64_t row = slot / slots % q->rows, group = slot / slots / q->rows;
    int64_t ky = slot % slots / g->kw * 2 + i % 2 - row, kx = slot % g->kw;
    if (ky >= 0 && ky < g->kh)
      dw_store_weight(
          image, i, 2,
          dw_weight(s->op, g, order[group * lanes + lane], ky * g->kw + kx));
  }
  return plan_blob(p, s, "weights", image, bytes, p->target->simd_align);
}

/* Reads the input itself. */
static void read_rows(ConvParams *c, const Step *s) {
  conv_source(c, s, DT_COUNT, 1, false);
  c->stage.on = false;
  c->pixel = c->g.ic;
  c->pitch = c->g.iw * c->pixel;
}

bool prepare_dw_pairs(Plan *p, Step *s) {
  PairsParams q = {.c = {.g = conv_geom(s->op), .group = 2, .vectors = 1}};
  ConvParams *c = &q.c;
  c->in_order = true;
  c->weight_bytes = 2;
  read_rows(c, s);
  choose_groups(&q, p->target);
  choose_lines(&q);
  int32_t *order = group_order(p->arena, &q);
  c->w = pack_pairs(p, s, &q, order);
  conv_finish(p, s, c, q.groups * c->lanes, order, false,
              target_conv_forms(p->target));
  conv_done(p, s, c, q.lines * q.line_bytes + q.zeros);
  s->params = arena_dup(p->arena, &q, sizeof q);
  bool once =
      c->pixels > 1 ? c->g.ow % c->pixels == 0 : c->g.oc % c->lanes == 0;
  s->tail_overlap = once ? OVERLAP_SAME : OVERLAP_NONE;
  s->variant = arena_printf(p->arena, "q%s_%dx%dx%dc2_pmaddwd",
                            c->in_type == DT_u8 ? "u8" : "s8", q.rows,
                            c->pixels, c->lanes);
  return true;
}
