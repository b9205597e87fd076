/* RESIZE_BILINEAR, one dimension after the other: gathered from the two
 * pixels on either side, weighted by constants. */
#include "frontend/tflite/build.h"

#include <math.h>

typedef struct Grid {
  bool align_corners, half_pixel_centers;
} Grid;

static float grid_scale(const Grid *g, int64_t from, int64_t to) {
  return g->align_corners && to > 1 ? (float)(from - 1) / (float)(to - 1)
                                    : (float)from / (float)to;
}

/* Where output pixel i lies in the input. */
static float grid_at(const Grid *g, float scale, int64_t i) {
  return g->half_pixel_centers ? ((float)i + 0.5f) * scale - 0.5f
                               : (float)i * scale;
}

/* x with `to` pixels along the axis (1 or 2 of NHWC). */
static Value *resize_axis(TflOp *o, Value *x, const Grid *g, int axis,
                          int64_t to) {
  Arena *a = o->im->arena;
  int32_t *lo = ARENA_ARRAY(a, int32_t, to), *hi = ARENA_ARRAY(a, int32_t, to);
  float *near = ARENA_ARRAY(a, float, to), *far = ARENA_ARRAY(a, float, to);
  int64_t from = o->in[0]->type->dim[axis];
  float scale = grid_scale(g, from, to);
  bool same = true;
  for (int64_t i = 0; i < to; i++) {
    float at = grid_at(g, scale, i), below = fmaxf(floorf(at), 0);
    lo[i] = (int32_t)fminf(below, (float)(from - 1));
    hi[i] = (int32_t)fminf(fmaxf(ceilf(at), 0), (float)(from - 1));
    far[i] = at - below;
    near[i] = 1 - far[i];
    same = same && lo[i] == i && (hi[i] == i || far[i] == 0);
  }
  if (same && from == to)
    return x;
  Dims d = axis == 1 ? (Dims){3, {to, 1, 1}} : (Dims){2, {to, 1}};
  Value *a0 = t_gather(o, x, t_ints(o, to, lo), axis);
  Value *a1 = t_gather(o, x, t_ints(o, to, hi), axis);
  return t_binary(o, OP_add, t_binary(o, OP_mul, a0, t_floats(o, d, near)),
                  t_binary(o, OP_mul, a1, t_floats(o, d, far)));
}

bool import_resize_bilinear(TflOp *o) {
  Fb *fb = &o->im->fb;
  const Type *x = o->in[0]->type;
  Ints size;
  Grid g = {
      fb_bool(fb, o->options, TFL_F(ResizeBilinearOptions, align_corners)),
      fb_bool(fb, o->options,
              TFL_F(ResizeBilinearOptions, half_pixel_centers))};
  if (!op_ints(o, 1, "the size", &size))
    return false;
  if (size.n != 2 || x->rank != 4 || size.v[0] < 1 || size.v[1] < 1 ||
      size.v[0] > INT16_MAX || size.v[1] > INT16_MAX)
    return op_invalid(o, "%d sizes for a tensor of rank %d", size.n, x->rank);
  Dims y = {4, {x->dim[0], size.v[0], size.v[1], x->dim[3]}};
  if (!op_check_shape(o, y.rank, y.v, "resizing"))
    return false;
  if (g.align_corners && g.half_pixel_centers)
    return op_invalid(o, "align_corners and half_pixel_centers exclude each "
                         "other");
  Value *rows = resize_axis(o, o->in[0], &g, 1, size.v[0]);
  return t_done(o, rows ? resize_axis(o, rows, &g, 2, size.v[1]) : NULL);
}
