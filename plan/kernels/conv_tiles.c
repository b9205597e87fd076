/* See conv_tiles.h: when tiles pay, their shape, the order of weights. */
#include "plan/kernels/conv_tiles.h"

#include "plan/kernel.h"
#include "plan/kernels/conv.h"

/* Elements of a window that lie side by side: see conv.h. */
static int64_t run_of(const ConvGeom *g) {
  return g->dw == 1 ? g->kw * g->ic : g->ic;
}

static void choose_shape(TileParams *q, int64_t run) {
  ConvParams *c = &q->c;
  q->chunk = run < 64 ? run : 64;
  q->chunks = ceil_div(run, q->chunk);
  c->lanes = 16;
  c->vectors = c->g.oc > 16 ? 2 : 1;
  c->join = c->vectors;
  c->blocks = ceil_div(c->g.oc, c->vectors * c->lanes);
  c->pixels = even_part(c->g.ow, TILE_ROWS);
  q->across = ceil_div(c->g.ow, c->pixels);
  q->tiles = c->g.oh * q->across;
  q->images = q->tiles > 1 ? 2 : 1;
}

/* Quadruples of k are whole, or can be taken again. */
bool match_conv_tiles(const Op *op, const Target *t) {
  if (!t->tiles || !conv_is_full(op) || !conv_one_group(op) ||
      !conv_one_weight_zero(op) || conv_weight_zero(op, 0))
    return false;
  ConvGeom g = conv_geom(op);
  int64_t run = run_of(&g);
  return run >= 64 || run % 4 == 0;
}

/* Half cycles, as conv_lanes counts 64 products in one. A dot takes one for
 * each of 16 rows, whatever they hold; behind them each turn loads biases,
 * stores sums, and what requantizes them loads those. */
double cost_conv_tiles(const Op *op, const Target *t) {
  if (t->tiles == TILES_emulated)
    return 1e-3; /* to be seen, whatever it costs */
  TileParams q = {.c = {.g = conv_geom(op)}};
  const ConvGeom *g = &q.c.g;
  int64_t run = run_of(g);
  choose_shape(&q, run);
  int64_t sums = q.images * q.c.vectors;
  int64_t dots = g->kh * (g->dw == 1 ? 1 : g->kw) * q.chunks * sums;
  int64_t turns = g->n * q.c.blocks * ceil_div(q.tiles, q.images);
  return 2.0 * (double)(turns * (TILE_ROWS * dots + 64 +
                                 sums * (TILE_ROWS + q.c.pixels)));
}

/* Tiles by number: rows and bytes of a row. */
static const Blob *tile_config(Plan *p, Step *s, const TileParams *q) {
  enum { PALETTE = 0, BYTES = 16, ROWS = 48 };
  uint8_t *config = arena_alloc(p->arena, 64);
  for (int i = 0; i < 64; i++)
    config[i] = 0;
  config[PALETTE] = 1;
  for (int i = 0; i < TILE_COUNT; i++) {
    bool inputs = i >= TILE_INPUTS && i < TILE_WEIGHTS;
    config[BYTES + 2 * i] = (uint8_t)(inputs ? q->chunk : 64);
    config[ROWS + i] =
        (uint8_t)(i >= TILE_WEIGHTS ? q->chunk / 4 : q->c.pixels);
  }
  return plan_blob(p, s, "tiles", config, 64, 64);
}

/* The weight of output o for element k of a run. */
static int32_t run_weight(const Step *s, const ConvParams *c, int64_t o,
                          int64_t tap, int64_t k) {
  bool folded = c->g.kw > c->taps_w;
  int64_t x = folded ? k / c->g.ic : tap % c->taps_w;
  return conv_weight(s->op, &c->g, o, tap / c->taps_w, x, k % c->g.ic);
}

/* One tile of weights: the outputs of 16 entries of `order`. */
static void pack_tile(int8_t *tile, const Step *s, const TileParams *q,
                      const int32_t *order, int64_t tap, int64_t chunk) {
  const ConvParams *c = &q->c;
  int64_t first = chunk * q->chunk, from = first;
  if (from > c->run - q->chunk)
    from = c->run - q->chunk;
  for (int64_t k = first; k < from + q->chunk; k++)
    for (int lane = 0; lane < c->lanes; lane++)
      if (order[lane] < c->g.oc)
        tile[(k - from) / 4 * 64 + lane * 4 + (k - from) % 4] =
            (int8_t)run_weight(s, c, order[lane], tap, k);
}

static const Blob *pack_tiles(Plan *p, Step *s, const TileParams *q,
                              const int32_t *order) {
  const ConvParams *c = &q->c;
  int64_t taps = c->taps_h * c->taps_w, tile = q->chunk * c->lanes;
  int64_t bytes = c->blocks * taps * q->chunks * c->vectors * tile;
  int8_t *image = pack_image(p, bytes), *to = image;
  for (int64_t b = 0; b < c->blocks; b++)
    for (int64_t tap = 0; tap < taps; tap++)
      for (int64_t chunk = 0; chunk < q->chunks; chunk++)
        for (int v = 0; v < c->vectors; v++, to += tile)
          pack_tile(to, s, q, order + (b * c->vectors + v) * c->lanes, tap,
                    chunk);
  return plan_blob(p, s, "weights", image, bytes, p->target->simd_align);
}

int64_t tile_buffer_bytes(const TileParams *q) {
  return (int64_t)q->images * q->c.pixels * q->c.vectors * 64;
}

bool prepare_conv_tiles(Plan *p, Step *s) {
  TileParams q = {.c = {.g = conv_geom(s->op), .group = 4, .weight_bytes = 1}};
  ConvParams *c = &q.c;
  c->last_back = true;
  conv_source(c, s, DT_u8, 1, false);
  choose_shape(&q, c->run);
  int32_t *order = conv_lane_order(p->arena, c);
  c->w = pack_tiles(p, s, &q, order);
  q.config = tile_config(p, s, &q);
  conv_finish(p, s, c, c->blocks * c->vectors * c->lanes, order, true,
              target_conv_forms(p->target));
  int64_t emulated = p->target->tiles == TILES_emulated;
  conv_done(p, s, c,
            2 * tile_buffer_bytes(&q) + emulated * TILE_COUNT * TILE_BYTES);
  if (q.tiles % q.images)
    s->tail_overlap = OVERLAP_NONE;
  s->variant = arena_printf(p->arena, "qu8_%dx%dc%d_amx", q.images * c->pixels,
                            c->vectors * c->lanes, (int)q.chunk);
  s->params = arena_dup(p->arena, &q, sizeof q);
  return true;
}
