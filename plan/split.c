/* See split.h. What a step costs decides into how many parts it goes: one is
 * worth so many cycles at least, since a pool of threads takes some thousand to
 * start and end one. Of the ways to split it that is taken which leaves the
 * slowest part the least to do and to read. */
#include "plan/split.h"

#include "plan/kernel.h"
#include "plan/kernels/conv.h"
#include "plan/kernels/conv_tiles.h"
#include "plan/kernels/dw.h"
#include "plan/kernels/dw_pairs.h"
#include "plan/kernels/matmul.h"
#include "plan/kernels/matmul_lanes.h"
#include "plan/kernels/pool.h"
#include "plan/kernels/products.h"
#include "plan/kernels/softmax.h"
#include "plan/kernels/winograd.h"

enum { OWN_ALIGN = 64 };

/* That a part is worth at least. */
static const double cycles_of_part = 4096;
static const double bytes_a_cycle = 16;
/* Bytes of the staged copy, whose rows may be short. */
static const double staged_a_cycle = 4;
/* What others have written is so many times as dear as a core's own bytes. */
static const double from_others = 8;

/* How a step can be split: units by axis, 0 where it can't be. */
typedef struct Ways {
  double cycles; /* of the step */
  int64_t units[SPLIT_COUNT];
  double again[SPLIT_COUNT]; /* what of the cycles every part takes */
  bool staged;               /* a copy goes before, which all parts read */
  int64_t own; /* bytes of scratch behind it that each part needs, or, without
                  a copy, all that it takes */
} Ways;

/* ---- by kernel ---- */

static void conv_ways(const Step *s, Ways *w) {
  const ConvParams *c = s->params;
  if (c->g.n > 1) {
    w->units[SPLIT_images] = c->g.n;
    w->own = s->scratch_bytes;
    return;
  }
  w->units[SPLIT_blocks] = c->blocks;
  w->units[c->g.oh > 1 ? SPLIT_rows : SPLIT_tiles] =
      c->g.oh > 1 ? c->g.oh : ceil_div(c->g.ow, c->pixels);
  if (c->packed.form) /* each block is unpacked once */
    w->units[SPLIT_rows] = w->units[SPLIT_tiles] = 0;
  w->staged = c->stage.on;
  w->own = s->scratch_bytes - stage_bytes(c);
}

/* Of several images whole ones, else n units by axis; all scratch is a part's
 * own. */
static void images_or(const Step *s, const ConvGeom *g, SplitAxis axis,
                      int64_t n, Ways *w) {
  bool many = g->n > 1;
  w->units[many ? SPLIT_images : axis] = many ? g->n : n;
  w->own = s->scratch_bytes;
}

static void ways_bands(const Step *s, Ways *w) {
  const ConvGeom f = conv_geom(s->front->op);
  images_or(s, &f, SPLIT_bands, ceil_div(f.oh, s->band_rows), w);
}

static void ways_conv_tiles(const Step *s, Ways *w) {
  const TileParams *q = s->params;
  conv_ways(s, w);
  if (w->units[SPLIT_images])
    return;
  w->units[SPLIT_rows] = 0;
  w->units[SPLIT_tiles] = ceil_div(q->tiles, q->images);
}

/* Parts that divide the rows transform all weights, those that divide the
 * outputs all inputs. Cycles that one product of all 16 places takes a tile,
 * and the transforms of a weight and of an input. */
static void ways_conv_winograd(const Step *s, Ways *w) {
  static const double product = 0.67, weight = 1.5, input = 1.7;
  const WinogradParams *p = s->params;
  const ConvGeom *g = &p->c.g;
  conv_ways(s, w);
  double tiles = (double)(p->down * p->across), oc = (double)g->oc;
  double all = oc * (tiles * product + weight) + tiles * input;
  w->again[SPLIT_rows] = oc * weight / all;
  w->again[SPLIT_blocks] = tiles * input / all;
  w->units[SPLIT_tiles] = 0;
  if (w->units[SPLIT_rows])
    w->units[SPLIT_rows] = ceil_div(p->down, p->rows);
}

static void ways_conv_lanes(const Step *s, Ways *w) {
  const ConvParams *c = s->params;
  if (s->front) {
    ways_bands(s, w);
    return;
  }
  conv_ways(s, w);
  if (c->pixels_first)
    w->units[SPLIT_blocks] = 0;
}

/* What is packed late is packed once. */
static void ways_conv_f32(const Step *s, Ways *w) {
  const ConvParams *c = s->params;
  if (s->front) {
    ways_bands(s, w);
    return;
  }
  if ((c->w || c->packed.form) && c->bias)
    conv_ways(s, w);
  if (c->pixels_first)
    w->units[SPLIT_blocks] = 0;
}

static void ways_dw_lanes(const Step *s, Ways *w) {
  conv_ways(s, w);
  w->units[SPLIT_blocks] = 0;
}

static void ways_dw_rows(const Step *s, Ways *w) {
  const ConvParams *c = s->params;
  images_or(s, &c->g, SPLIT_rows, c->g.oh, w);
  w->cycles *= dw_rows_at_once(c) > 1 ? 1 : 2; /* which are twice as dear */
}

static void ways_dw_pairs(const Step *s, Ways *w) {
  const PairsParams *q = s->params;
  images_or(s, &q->c.g, SPLIT_rows, pairs_passes(q), w);
}

static void ways_dw_f32_rows(const Step *s, Ways *w) {
  const ConvParams *c = s->params;
  images_or(s, &c->g, SPLIT_rows, ceil_div(c->g.oh, c->rows), w);
}

static void ways_matmul(const Step *s, Ways *w) {
  const MatmulParams *m = s->params;
  w->units[SPLIT_rows] = ceil_div(m->m, m->rows);
  w->units[SPLIT_blocks] =
      ceil_div(m->n, m->vectors * (m->lanes ? m->lanes : 1));
}

static void ways_products(const Step *s, Ways *w) {
  const ProductParams *m = s->params;
  w->units[SPLIT_rows] = ceil_div(m->m, m->rows);
}

/* The first leading dimension of several. */
static void ways_matmul_lanes(const Step *s, Ways *w) {
  const MatmulLanes *m = s->params;
  int d = 0;
  while (d < m->ndim && m->dim[d] == 1)
    d++;
  w->units[SPLIT_images] = d < m->ndim ? m->dim[d] : 0;
  w->own = s->scratch_bytes;
}

static void ways_softmax_lanes(const Step *s, Ways *w) {
  const SoftmaxParams *p = s->params;
  w->units[SPLIT_rows] = ceil_div(p->rows, p->together);
  w->own = s->scratch_bytes;
}

static void ways_pool(const Step *s, Ways *w) {
  const PoolParams *p = s->params;
  bool many = p->batch > 1;
  w->units[many ? SPLIT_images : SPLIT_rows] = many ? p->batch : p->rows.out;
  w->own = s->scratch_bytes;
}

static void (*const ways[K_COUNT])(const Step *s, Ways *w) = {
    [K_conv_lanes] = ways_conv_lanes,
    [K_conv_tiles] = ways_conv_tiles,
    [K_conv_winograd] = ways_conv_winograd,
    [K_conv_f32] = ways_conv_f32,
    [K_dw_lanes] = ways_dw_lanes,
    [K_dw_f32] = ways_dw_lanes,
    [K_dw_pairs] = ways_dw_pairs,
    [K_dw_rows] = ways_dw_rows,
    [K_matmul] = ways_matmul,
    [K_matmul_lanes] = ways_matmul_lanes,
    [K_products] = ways_products,
    [K_dw_f32_rows] = ways_dw_f32_rows,
    [K_softmax_lanes] = ways_softmax_lanes,
    [K_pool] = ways_pool,
    [K_pool_words] = ways_pool,
    [K_pool_f32] = ways_pool,
};

/* ---- the choice ---- */

static double step_cycles(const Plan *p, const Step *s) {
  double cycles = s->kernel->cost(s->op, p->target);
  return s->front ? cycles + s->front->kernel->cost(s->front->op, p->target)
                  : cycles;
}

/* At most as many parts as `most` units, each worth its while. */
static int parts_for(const Plan *p, double cycles, int64_t most) {
  double least = p->opt.part_cycles > 0 ? p->opt.part_cycles : cycles_of_part;
  double worth = cycles / least;
  int64_t parts = p->opt.threads;
  parts = worth < (double)parts ? (int64_t)worth : parts;
  return (int)(parts < most ? parts : most);
}

/* Do parts read what the same parts of the step before have written? */
static bool reads_own(const Plan *p, const Step *s, SplitAxis axis) {
  int before = s->in[0]->first;
  if (axis == SPLIT_blocks || before < 0 || before >= s->index)
    return false;
  const Split *split = &p->steps.v[before]->split;
  return split->parts && split->axis != SPLIT_blocks;
}

/* Cycles of the slowest part: what it computes and what it reads of the input
 * and of the weights, of which one is divided. What another core has written
 * comes from there. */
static double slowest(const Plan *p, const Step *s, const Ways *w,
                      SplitAxis axis, int parts) {
  int64_t units = w->units[axis];
  double share = (double)ceil_div(units, parts) / (double)units;
  double in = (double)s->in[0]->bytes, weights = (double)step_weight_bytes(s);
  if (axis == SPLIT_blocks)
    weights *= share;
  else
    in *= share;
  if (!reads_own(p, s, axis))
    in *= from_others * (parts - 1) / parts;
  double again = w->again[axis], computed = again + (1 - again) * share;
  return w->cycles * computed + (in + weights) / bytes_a_cycle;
}

static void choose(const Plan *p, const Step *s, const Ways *w, Split *out) {
  double best = 0;
  for (int axis = SPLIT_none + 1; axis < SPLIT_COUNT; axis++) {
    int parts = parts_for(p, w->cycles, w->units[axis]);
    if (parts < 2)
      continue;
    double cycles = slowest(p, s, w, (SplitAxis)axis, parts);
    if (out->parts && cycles >= best)
      continue;
    best = cycles;
    out->axis = (SplitAxis)axis;
    out->parts = parts;
    out->units = w->units[axis];
  }
}

/* The copy's parts, and every part's own scratch behind it. */
static void place_parts(const Plan *p, Step *s, const Ways *w) {
  Split *split = &s->split;
  if (w->staged && split->axis != SPLIT_images) {
    const ConvParams *c = s->params;
    double cycles = (double)stage_bytes(c) / staged_a_cycle;
    split->stage_units = c->stage.copied_rows + 2;
    split->stage_parts = parts_for(p, cycles, split->stage_units);
    if (split->stage_parts < 1)
      split->stage_parts = 1;
    split->own_offset = ceil_div(stage_bytes(c), OWN_ALIGN) * OWN_ALIGN;
  }
  split->part_bytes = ceil_div(w->own, OWN_ALIGN) * OWN_ALIGN;
  split->own_bytes = split->parts * split->part_bytes;
  s->scratch_bytes = split->own_offset + split->own_bytes;
}

void split_steps(Plan *p) {
  for (int i = 0; p->opt.threads > 1 && i < p->steps.n; i++) {
    Step *s = p->steps.v[i];
    Ways w = {.cycles = step_cycles(p, s)};
    if (!ways[s->kernel - kernel_table])
      continue;
    ways[s->kernel - kernel_table](s, &w);
    choose(p, s, &w, &s->split);
    if (s->split.parts)
      place_parts(p, s, &w);
  }
}

const char *split_axis_name(SplitAxis axis) {
  static const char *const names[SPLIT_COUNT] = {
      [SPLIT_none] = "none",     [SPLIT_images] = "images",
      [SPLIT_blocks] = "blocks", [SPLIT_rows] = "rows",
      [SPLIT_tiles] = "tiles",   [SPLIT_bands] = "bands",
      [SPLIT_stage] = "stage"};
  return names[axis];
}
