/* Coordinates and weights of Resize along one axis, in the float steps of
 * ONNX Runtime where they decide which element is nearest. */
#include <math.h>

#include "frontend/onnx/resize.h"

/* The input coordinate of output o. */
static float source(const Resize *r, const ResizeAxis *x, int64_t o) {
  float at = (float)o, in = (float)x->in, out = x->length;
  switch (r->coord) {
  case COORD_half_pixel:
    break;
  case COORD_half_pixel_symmetric: {
    float adjust = (float)x->out / (x->scale * in);
    return in / 2 * (1 - adjust) + (at + 0.5f) / x->scale - 0.5f;
  }
  case COORD_pytorch_half_pixel:
    if (x->out == 1)
      return 0;
    break;
  case COORD_align_corners:
    return x->out == 1 ? 0 : at * (in - 1) / (out - 1);
  case COORD_asymmetric:
    return at / x->scale;
  case COORD_tf_crop_and_resize:
    return x->out > 1 ? x->roi[0] * (in - 1) +
                            at * (x->roi[1] - x->roi[0]) * (in - 1) / (out - 1)
                      : 0.5f * (x->roi[0] + x->roi[1]) * (in - 1);
  case COORD_tf_half_pixel_for_nn:
    return (at + 0.5f) / x->scale;
  }
  return (at + 0.5f) / x->scale - 0.5f;
}

static int64_t inside(double i, int64_t n) {
  return !(i > 0) ? 0 : i > (double)(n - 1) ? n - 1 : (int64_t)i;
}

static int64_t nearest(const Resize *r, const ResizeAxis *x, float at) {
  double c = (double)at;
  switch (r->round) {
  case NEAREST_prefer_floor:
    return inside(ceil(c - 0.5), x->in);
  case NEAREST_prefer_ceil:
    return inside(floor(c + 0.5), x->in);
  case NEAREST_floor:
    break;
  case NEAREST_ceil:
    return inside(ceil(c), x->in);
  case NEAREST_simple:
    return inside(x->scale < 1 ? ceil(c) : floor(c), x->in);
  }
  return inside(floor(c), x->in);
}

/* The kernels at distance d. */
static double kernel(const Resize *r, double d) {
  double a = (double)r->cubic_a, t = fabs(d);
  if (r->mode == RESIZE_linear)
    return t < 1 ? 1 - t : 0;
  if (t <= 1)
    return ((a + 2) * t - (a + 3)) * t * t + 1;
  return t < 2 ? ((a * t - 5 * a) * t + 8 * a) * t - 4 * a : 0;
}

/* How many elements before floor(c) count; as many behind floor(c) + 1. */
static int64_t reach(const Resize *r, double squeeze) {
  double radius = r->mode == RESIZE_linear ? 1 : 2;
  return (int64_t)ceil(radius / squeeze) - 1;
}

/* The weights of output o, which sum up to 1. */
static void weigh(const Resize *r, const ResizeAxis *x, double squeeze,
                  int64_t o, ResizeTable *t) {
  double c = (double)source(r, x, o), sum = 0;
  double first = floor(c) - (double)reach(r, squeeze);
  float *weight = t->weight + o * t->taps;
  for (int pass = 0; pass < 2; pass++)
    for (int64_t k = 0; k < t->taps; k++) {
      double at = first + (double)k;
      bool out = at < 0 || at > (double)(x->in - 1);
      double w = r->exclude_outside && out ? 0 : kernel(r, (at - c) * squeeze);
      sum += pass ? 0 : w;
      weight[k] = (float)(sum != 0 ? w / sum : w);
      t->index[o * t->taps + k] = inside(at, x->in);
    }
}

/* Below 1: how far the kernel is stretched. */
static double squeeze_of(const Resize *r, const ResizeAxis *x) {
  return r->antialias && x->scale < 1 ? (double)x->scale : 1;
}

int64_t resize_taps(const Resize *r, const ResizeAxis *x) {
  return r->mode == RESIZE_nearest ? 1 : 2 * reach(r, squeeze_of(r, x)) + 2;
}

ResizeTable resize_table(Arena *a, const Resize *r, const ResizeAxis *x) {
  double squeeze = squeeze_of(r, x);
  ResizeTable t = {.taps = resize_taps(r, x)};
  t.index = ARENA_ARRAY(a, int64_t, mul_saturating(x->out, t.taps));
  t.weight = ARENA_ARRAY(a, float, mul_saturating(x->out, t.taps));
  bool crops = r->coord == COORD_tf_crop_and_resize;
  t.outside = crops ? ARENA_ARRAY(a, bool, x->out) : NULL;
  for (int64_t o = 0; o < x->out; o++) {
    float c = source(r, x, o);
    if (crops)
      t.outside[o] = !(c >= 0 && c <= (float)(x->in - 1));
    if (r->mode == RESIZE_nearest) {
      t.index[o] = nearest(r, x, c);
      t.weight[o] = 1;
    } else {
      weigh(r, x, squeeze, o, &t);
    }
  }
  return t;
}
