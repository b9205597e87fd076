/* conv_lanes: how many pixels and vectors of outputs a tile of sums has. */
#include <math.h>

#include "plan/kernels/conv.h"

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
    return (left - weights) / (vectors + 1) / 2 * 2;
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

/* Of up to `most` pixels as many as go over n with least work; a tile costs a
 * little beyond its pixels. */
static int cheapest_pixels(int64_t n, int most) {
  int best = 1;
  for (int p = 2; p <= most && p <= n; p++)
    if (ceil_div(n, p) * (4 * p + 1) <= ceil_div(n, best) * (4 * best + 1))
      best = p;
  return best;
}

void conv_choose_tile(ConvParams *c, const Target *t, bool tail) {
  if (t->masks && c->g.ow > 1) {
    cheapest_tile(c, t, tail);
    return;
  }
  int64_t nvec = ceil_div(c->g.oc, c->lanes);
  int most = c->g.ow == 1 ? 2 * t->conv_vectors : t->conv_vectors;
  c->vectors = even_part(nvec, most);
  c->blocks = ceil_div(nvec, c->vectors);
  int fit = fitting_pixels(c, t, c->vectors);
  c->pixels = c->dot == DOT_pmaddwd ? cheapest_pixels(c->g.ow, fit)
                                    : even_part(c->g.ow, fit);
  if (c->dot == DOT_smmla) /* pairs of them */
    c->pixels =
        c->pixels < c->g.ow ? (c->pixels + 1) / 2 * 2 : c->pixels / 2 * 2;
}
