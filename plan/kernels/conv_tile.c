/* conv_lanes: how many pixels and vectors of outputs a tile of sums has. */
#include <math.h>

#include "plan/kernels/conv.h"

/* With two pixels in a register: vectors of a tile, whose 24 sums leave room
 * for the inputs of four pixels and the weights of two vectors. Where inputs
 * are summed up as well, one less. */
enum { PAIRS_MOST = 6 };

/* What fits the registers: pixels x vectors accumulators, `vectors` weights and
 * one broadcast; with pmaddwd the products, too; where the inputs of a pixel
 * fill a register of their own, that many more, and what the instruction works
 * with. */
static int registers_fit(const ConvParams *c, const Target *t, int vectors) {
  int width = c->lanes * 4 > t->vector_bytes ? 2 : 1;
  int weights = vectors * width, left = t->nvregs - weights;
  switch (c->dot) {
  case DOT_smull:
    return (left - 6) / (vectors + 1);
  case DOT_sdot:
    return (left - 1) / (vectors + 1);
  case DOT_smmla: /* two pixels in a register */
    return vectors > 4 ? 4 : (left - weights) / (vectors + 1) / 2 * 2;
  case DOT_pmaddwd:
    return (left - 3) / weights;
  default:
    return (left - 2) / weights;
  }
}

static int fitting_pixels(const ConvParams *c, const Target *t, int vectors) {
  int fit = registers_fit(c, t, vectors), most = vectors == 1 ? 16 : 14;
  return fit < most ? fit : most;
}

/* Cycles of a core that does two dot products and two loads in each. Where
 * few pixels share the weights, their way from the second cache takes some.
 * Results are packed four vectors at a time: of one pixel, or of four or two,
 * but for those of a tail. Measured, see docs/performance.md. */
static double tile_cycles(const ConvParams *c, int pixels, int vectors,
                          bool tail) {
  static const double store[] = {0, 2.7, 1.8, 1.75, 1.4};
  static const int together[] = {1, 4, 2, 4, 1};
  int v = vectors < 4 ? vectors : 4, sums = pixels * vectors;
  int alone = tail && v < 4 ? pixels : pixels % together[v];
  double groups = (double)(c->taps_h * c->taps_w * (c->run_padded / c->group));
  double tiles = (double)(ceil_div(c->g.ow, pixels) *
                          ceil_div(ceil_div(c->g.oc, c->lanes), vectors));
  double loads = 0.07 * (pixels + vectors) + 0.03 * vectors;
  return tiles * (groups * (0.5 * sums + loads) + sums * store[v] +
                  2.0 * alone * vectors);
}

/* For cores that pack and mask: the cheapest tile. */
static void cheapest_tile(ConvParams *c, const Target *t, bool tail) {
  int64_t nvec = ceil_div(c->g.oc, c->lanes);
  double least = INFINITY;
  for (int v = t->conv_vectors; v > 0; v--) {
    int vectors = even_part(nvec, v), fit = fitting_pixels(c, t, vectors);
    for (int p = fit < c->g.ow ? fit : (int)c->g.ow; p > 0; p--) {
      double cycles = tile_cycles(c, p, vectors, tail);
      if (cycles >= least)
        continue;
      least = cycles;
      c->vectors = vectors;
      c->pixels = p;
    }
  }
  c->blocks = ceil_div(nvec, c->vectors);
}

/* Of up to `most` pixels as many as go over n with least work; a tile costs a
 * little beyond its pixels. */
static int cheapest_pixels(int64_t n, int most) {
  int best = 1;
  for (int p = 2; p <= most && p <= n; p++)
    if (ceil_div(n, p) * (4 * p + 1) <= ceil_div(n, best) * (4 * best + 1))
      best = p;
  return best;
}

/* Cycles, times four, of a pixel and group of k where products take two pixels.
 * Cores do four of them in a cycle; putting two pixels together is as much work
 * as one; a sum's next product waits three cycles for the one before. */
static double pair_cost(int vectors, int pixels) {
  double works = vectors + 0.5, waits = 12.0 / pixels;
  return works > waits ? works : waits;
}

/* The cheapest number of vectors for them. The last block has products only
 * for the channels that are there, but weights for all. */
static int pair_vectors(const ConvParams *c, const Target *t, int64_t nvec) {
  int fit = PAIRS_MOST - (c->weight_zero != 0);
  int most = t->conv_vectors * 3 / 2, best = 1;
  double least = INFINITY;
  for (int v = 1; v <= most && v <= fit; v++) {
    int rest = (int)(nvec % v), pixels = fitting_pixels(c, t, v);
    double cost = (double)(nvec / v) * pair_cost(v, pixels);
    if (rest)
      cost += pair_cost(rest, pixels) + 0.25 * (v - rest);
    if (cost < least) {
      least = cost;
      best = v;
    }
  }
  return best;
}

void conv_choose_tile(ConvParams *c, const Target *t, bool tail) {
  if (t->masks && c->g.ow > 1) {
    cheapest_tile(c, t, tail);
    return;
  }
  int64_t nvec = ceil_div(c->g.oc, c->lanes);
  int most = c->g.ow == 1 ? 2 * t->conv_vectors : t->conv_vectors;
  c->vectors =
      c->dot == DOT_smmla ? pair_vectors(c, t, nvec) : even_part(nvec, most);
  c->blocks = ceil_div(nvec, c->vectors);
  int fit = fitting_pixels(c, t, c->vectors);
  c->pixels = c->dot == DOT_pmaddwd ? cheapest_pixels(c->g.ow, fit)
                                    : even_part(c->g.ow, fit);
  if (c->dot == DOT_smmla) /* pairs of them */
    c->pixels =
        c->pixels < c->g.ow ? (c->pixels + 1) / 2 * 2 : c->pixels / 2 * 2;
}
