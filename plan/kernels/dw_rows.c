/* dw_rows: 3x3 depthwise convolutions on vpdpbusd and sdot, where four rows of
 * input interleaved once serve two rows of output. Which channels make a
 * vector, and the order of weights; the loops are in codegen/kernels/. */
#include "plan/kernel.h"
#include "plan/kernels/conv.h"
#include "plan/kernels/dw.h"

/* As many as the registers hold weights of. */
enum { NEON_CHANNELS = 8 };

/* Without masks there have to be channels for a vector. */
static bool has_quads(const Target *t, int64_t oc) {
  if (t->dot == DOT_sdot || t->dot == DOT_smmla)
    return oc >= NEON_CHANNELS;
  return t->dot == DOT_vpdpbusd;
}

bool match_dw_rows(const Op *op, const Target *t) {
  if (!dw_is_q8(op))
    return false;
  ConvGeom g = conv_geom(op);
  return has_quads(t, g.oc) && g.kh == 3 && g.kw == 3 && g.dh == 1 &&
         g.dw == 1 && g.mult == 1 && g.sw <= 2 && g.pl <= 2 &&
         dw_narrow_weights(op, &g);
}

/* Half of dw_lanes', which interleaves for every output. */
double cost_dw_rows(const Op *op, const Target *t) {
  return (double)op_macs(op) / (t->vector_bytes / 2);
}

int dw_rows_at_once(const ConvParams *c) {
  return c->g.sh == 1 && c->g.oh > 1 ? 2 : 1;
}

int dw_rows_tail(const ConvParams *c) {
  int64_t left = c->g.oc - c->blocks * c->lanes;
  int lanes = c->in_order ? c->lanes : 16;
  while (lanes < left)
    lanes *= 2;
  return left > 0 ? lanes : 0;
}

int64_t dw_rows_scratch(const ConvParams *c) {
  const ConvGeom *g = &c->g;
  bool below = (g->oh - 1) * g->sh + g->kh - g->pt > g->ih;
  int64_t row = (c->pitch + c->lanes - 1) / c->lanes * c->lanes;
  return g->pt || below ? row : 0;
}

/* NEON: the last block's first channel; it may overlap the one before. */
static int64_t tail_channel(const ConvParams *c) {
  return c->in_order ? c->g.oc - c->lanes : c->blocks * c->lanes;
}

/* Neighbouring pixels of few channels share a vector, one of many channels
 * has several; the last of them may be shorter. */
static void choose_vectors(ConvParams *c, int most) {
  const ConvGeom *g = &c->g;
  bool padded = g->sw == 1 ? g->pl == 1 : !g->pl; /* as usual */
  c->lanes = most;
  c->pixels = 1;
  c->blocks = g->oc / most;
  if (!c->in_order && g->oc >= 4 && g->oc < most && most % g->oc == 0 &&
      padded && g->ow >= most / g->oc) {
    c->pixels = (int)(most / g->oc);
    c->blocks = 1;
  }
}

/* Reads in place, whatever the form. */
static void read_in_place(ConvParams *c, const Step *s) {
  conv_source(c, s, c->in_order ? DT_i8 : DT_u8, 1, false);
  c->stage.xor = c->in_type != s->in[0]->type->dtype ? 0x80 : 0;
  c->stage.fill = c->in_zero;
  c->stage.on = false;
  c->pitch = c->g.iw * c->pixel;
}

/* Accumulator lane `at` of a vector of so many. */
static int64_t vector_channel(const ConvParams *c, int64_t lanes, int64_t at) {
  int64_t part = lanes / c->join, v = at / part, i = at % part;
  return c->parted ? conv_parted_channel(v, i)
                   : conv_joined_channel(conv_mix(c), (int)part, v, i);
}

/* Channel of each accumulator lane: of the blocks, then of the tail, where
 * those that don't exist are oc. */
static int32_t *vector_order(Arena *a, const ConvParams *c, int64_t *entries) {
  int64_t oc = c->g.oc, whole = c->blocks * c->lanes;
  *entries = whole + dw_rows_tail(c);
  int32_t *order = ARENA_ARRAY(a, int32_t, *entries);
  for (int64_t i = 0; i < *entries; i++) {
    int64_t lanes = i < whole ? c->lanes : dw_rows_tail(c);
    int64_t at = i < whole ? i % lanes : i - whole;
    int64_t o =
        (i < whole ? i - at : tail_channel(c)) + vector_channel(c, lanes, at);
    o = c->pixels > 1 ? o % oc : o;
    order[i] = (int32_t)(o < oc ? o : oc);
  }
  return order;
}

/* The byte of an accumulator's four that row i of a window is in, for output
 * row `row`. */
static int64_t byte_of_row(const ConvParams *c, int row, int i,
                           int64_t channel) {
  return row + i + (c->parted && i == 2 ? channel % 2 : 0);
}

/* [block][output row][column][accumulator lane][4 rows], the rows that an
 * output row does not have 0 */
static const Blob *pack_columns(Plan *p, Step *s, const ConvParams *c,
                                const int32_t *order, int64_t entries) {
  int rows = dw_rows_at_once(c);
  int64_t per_entry = (int64_t)rows * 3 * 4, whole = c->blocks * c->lanes;
  int8_t *image = pack_image(p, entries * per_entry);
  for (int64_t i = 0; i < entries; i++) {
    int64_t lanes = i < whole ? c->lanes : dw_rows_tail(c);
    int64_t at = i < whole ? i % lanes : i - whole;
    int8_t *block = image + (i - at) * per_entry;
    for (int row = 0; order[i] < c->g.oc && row < rows; row++)
      for (int tap = 0; tap < 9; tap++)
        block[((row * 3 + tap % 3) * lanes + at) * 4 +
              byte_of_row(c, row, tap / 3, order[i])] =
            (int8_t)dw_weight(s->op, &c->g, order[i], tap);
  }
  return plan_blob(p, s, "weights", image, entries * per_entry,
                   p->target->simd_align);
}

bool prepare_dw_rows(Plan *p, Step *s) {
  ConvParams c = {.g = conv_geom(s->op), .group = 1, .vectors = 1};
  c.in_order = p->target->arch == ARCH_aarch64;
  read_in_place(&c, s);
  choose_vectors(&c, c.in_order ? NEON_CHANNELS : p->target->vector_bytes);
  c.group = 4;
  c.join = c.in_order ? 2 : 4;
  c.weight_bytes = 1;
  c.parted = c.pixels == 1 && p->target->masks && !c.in_order &&
             dw_rows_at_once(&c) == 1;
  int64_t entries;
  int32_t *order = vector_order(p->arena, &c, &entries);
  c.w = pack_columns(p, s, &c, order, entries);
  conv_finish(p, s, &c, entries, order, false, target_conv_forms(p->target));
  conv_done(p, s, &c, dw_rows_scratch(&c));
  /* is every output stored once? */
  bool once = !c.in_order || c.g.oc % c.lanes == 0;
  s->tail_overlap = once ? OVERLAP_SAME : OVERLAP_NONE;
  return true;
}
