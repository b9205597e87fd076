/* RESIZE_BILINEAR: every output pixel from the four around it, gathered row by
 * row, then column by column, and weighted by constants:
 *
 *   y = x00 (1-dy) (1-dx) + x10 dy (1-dx) + x01 (1-dy) dx + x11 dy dx
 *
 * f32 and u8 are weighted by floats (u8 rounds by adding 1/2 and truncating),
 * i8 and i16 by integers of ten bits, rounded half away from zero: the steps
 * of LiteRT's reference kernels. */
#include "frontend/tflite/build.h"

#include <math.h>

enum { ONE = 1 << 10 };

/* One axis: pixels on either side of every output pixel, and their weights,
 * which are integers when `ten_bits`. */
typedef struct Grid {
  int64_t from, to;
  bool align_corners, half_pixel_centers, ten_bits;
  int32_t *lo, *hi;  /* (to) */
  float *near, *far; /* (to) */
} Grid;

static void place_float(Grid *g, int64_t i) {
  bool align = g->align_corners && g->to > 1;
  float scale = align ? (float)(g->from - 1) / (float)(g->to - 1)
                      : (float)g->from / (float)g->to;
  float at = g->half_pixel_centers ? ((float)i + 0.5f) * scale - 0.5f
                                   : (float)i * scale;
  float below = fmaxf(floorf(at), 0), last = (float)(g->from - 1);
  g->lo[i] = (int32_t)fminf(below, last);
  g->hi[i] = (int32_t)fminf(fmaxf(ceilf(at), 0), last);
  g->far[i] = at - below;
  g->near[i] = 1 - g->far[i];
}

static void place_ten_bits(Grid *g, int64_t i) {
  int64_t from = g->from, to = g->to;
  int64_t scale = g->align_corners && to > 1
                      ? (ONE * (from - 1) + (to - 1) / 2) / (to - 1)
                      : (ONE * from + to / 2) / to;
  int64_t at = i * scale + (g->half_pixel_centers ? scale / 2 - ONE / 2 : 0);
  int64_t below = at / ONE > 0 ? at / ONE : 0, above = (at + ONE - 1) / ONE;
  below = below < from ? below : from - 1;
  g->lo[i] = (int32_t)below;
  g->hi[i] = (int32_t)(above < from ? above : from - 1);
  g->far[i] = (float)(at - ONE * below);
  g->near[i] = (float)ONE - g->far[i];
}

static void grid_make(TflOp *o, Grid *g) {
  g->lo = ARENA_ARRAY(o->im->arena, int32_t, g->to);
  g->hi = ARENA_ARRAY(o->im->arena, int32_t, g->to);
  g->near = ARENA_ARRAY(o->im->arena, float, g->to);
  g->far = ARENA_ARRAY(o->im->arena, float, g->to);
  for (int64_t i = 0; i < g->to; i++)
    if (g->ten_bits)
      place_ten_bits(g, i);
    else
      place_float(g, i);
}

/* x's pixels `at` along the axis (1 or 2 of NHWC), weighted. */
static Value *side(TflOp *o, Value *x, const Grid *g, int axis,
                   const int32_t *at, const float *weight) {
  Dims d = axis == 1 ? (Dims){3, {g->to, 1, 1}} : (Dims){2, {g->to, 1}};
  Value *w = t_floats(o, d, weight);
  w = x ? t_cast(o, w, x->type->dtype) : NULL;
  if (w && w->def)
    w = op_fold(o->im->graph, w);
  return t_binary(o, OP_mul, t_gather(o, x, t_ints(o, g->to, at), axis), w);
}

static Value *interpolate(TflOp *o, Value *x, Grid *rows, Grid *columns) {
  grid_make(o, rows);
  grid_make(o, columns);
  Value *top = side(o, x, rows, 1, rows->lo, rows->near);
  Value *bottom = side(o, x, rows, 1, rows->hi, rows->far);
  Value *sum =
      t_binary(o, OP_add, side(o, top, columns, 2, columns->lo, columns->near),
               side(o, bottom, columns, 2, columns->lo, columns->near));
  sum = t_binary(o, OP_add, sum,
                 side(o, top, columns, 2, columns->hi, columns->far));
  return t_binary(o, OP_add, sum,
                  side(o, bottom, columns, 2, columns->hi, columns->far));
}

/* Twenty bits behind the point. */
static Value *round_away(TflOp *o, Value *x) {
  Value *half = t_binary_k(o, OP_mul, t_unary(o, OP_sign, x), ONE * ONE / 2);
  return t_binary_k(o, OP_div, t_binary(o, OP_add, x, half), ONE * ONE);
}

static Value *resize(TflOp *o, Grid *rows, Grid *columns) {
  const Type *stored = o->in[0]->type;
  DType t = stored->dtype;
  if (t == DT_f32)
    return interpolate(o, o->in[0], rows, columns);
  Value *x = t_retype(o, o->in[0], NULL);
  if (t == DT_u8) {
    x = interpolate(o, t_cast(o, x, DT_f32), rows, columns);
    x = t_binary_k(o, OP_add, x, 0.5);
  } else {
    DType wide = t == DT_i8 ? DT_i32 : DT_i64;
    x = round_away(o, interpolate(o, t_cast(o, x, wide), rows, columns));
  }
  return t_retype(o, t_cast(o, x, t), o->out[0]->q);
}

bool import_resize_bilinear(TflOp *o) {
  Fb *fb = &o->im->fb;
  const Type *x = o->in[0]->type;
  Ints size;
  Grid rows = {
      .align_corners =
          fb_bool(fb, o->options, TFL_F(ResizeBilinearOptions, align_corners)),
      .half_pixel_centers = fb_bool(
          fb, o->options, TFL_F(ResizeBilinearOptions, half_pixel_centers)),
      .ten_bits = x->dtype == DT_i8 || x->dtype == DT_i16};
  if (!op_ints(o, 1, "the size", &size))
    return false;
  if (size.n != 2 || x->rank != 4 || size.v[0] < 1 || size.v[1] < 1 ||
      size.v[0] > INT16_MAX || size.v[1] > INT16_MAX)
    return op_invalid(o, "%d sizes for a tensor of rank %d", size.n, x->rank);
  Dims y = {4, {x->dim[0], size.v[0], size.v[1], x->dim[3]}};
  if (!op_check_shape(o, y.rank, y.v, "resizing"))
    return false;
  if (rows.align_corners && rows.half_pixel_centers)
    return op_invalid(
        o, "align_corners and half_pixel_centers exclude each other");
  Grid columns = rows;
  rows.from = x->dim[1];
  rows.to = size.v[0];
  columns.from = x->dim[2];
  columns.to = size.v[1];
  return t_done(o, resize(o, &rows, &columns));
}
