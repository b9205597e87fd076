/* GridSample, AffineGrid, RoiAlign, MaxRoiPool, DeformConv: images read at
 * coordinates that are computed. */
#include "frontend/onnx/sample.h"

#include <math.h>

#include "frontend/onnx/index.h"
#include "frontend/onnx/spatial.h"

static Value *mul_k(Node *n, Value *x, double k) {
  return b_binary_k(n, OP_mul, x, k);
}
static Value *add_k(Node *n, Value *x, double k) {
  return b_binary_k(n, OP_add, x, k);
}
static Value *add(Node *n, Value *a, Value *b) {
  return b_binary(n, OP_add, a, b);
}
static Value *mul(Node *n, Value *a, Value *b) {
  return b_binary(n, OP_mul, a, b);
}

/* x[.., i] */
static Value *component(Node *n, Value *x, int64_t i) {
  if (n->bad)
    return NULL;
  int last = x->type->rank - 1;
  return b_squeeze(n, b_slice1(n, x, last, i, 1), 1u << last);
}

/* --- GridSample -------------------------------------------------------- */

/* From -1 .. 1 over the image to elements. */
static Value *from_unit(Node *n, Value *g, int64_t extent, bool corners) {
  double e = (double)extent;
  return corners ? mul_k(n, add_k(n, g, 1), (e - 1) / 2)
                 : mul_k(n, add_k(n, mul_k(n, add_k(n, g, 1), e), -1), 0.5);
}

static SampleMode read_mode(Node *n) {
  static const char *const old[] = {"bilinear", "nearest", "bicubic", NULL};
  static const char *const names[] = {"linear", "nearest", "cubic", NULL};
  return (SampleMode)attr_choice(n, "mode", n->opset < 20 ? old : names);
}

void onnx_grid_sample(Node *n) {
  static const char *const borders[] = {"zeros", "border", "reflection", NULL};
  Value *x = node_in(n, 0), *grid = b_widen(n, node_in(n, 1));
  bool corners = attr_bool(n, "align_corners", false);
  Sampler s = {.mode = read_mode(n), .combine = OP_add};
  s.border = (SampleBorder)attr_choice(n, "padding_mode", borders);
  if (s.border == BORDER_reflect && corners)
    s.border = BORDER_mirror;
  s.k = x->type->rank - 2;
  if (n->bad)
    return;
  if (s.k < 1 || s.k > MAX_SAMPLED || grid->type->rank != s.k + 2 ||
      grid->type->dim[s.k + 1] != s.k ||
      grid->type->dim[0] != x->type->dim[0]) {
    node_refuse(n, "a grid of %s for %s", dims_text(n, dims_of(grid)),
                dims_text(n, dims_of(x)));
    return;
  }
  Value *coord[MAX_SAMPLED];
  for (int d = 0; d < s.k; d++) { /* the grid has x before y before z */
    s.dim[d] = x->type->dim[2 + d];
    coord[d] = from_unit(n, component(n, grid, s.k - 1 - d), s.dim[d], corners);
  }
  s.flat = b_sample_flat(n, x);
  s.base = b_sample_base(n, x, 0, s.k + 1);
  Value *y = b_channels_first(n, b_sample(n, &s, coord));
  node_out(n, 0, b_cast(n, y, x->type->dtype));
}

/* --- AffineGrid -------------------------------------------------------- */

/* Coordinates of a dimension, -1 .. 1, along axis of rank. */
static Value *unit_positions(Node *n, int64_t count, bool corners, int axis,
                             int rank) {
  Value *p = b_positions(n, DT_f64, count, axis, rank);
  double e = (double)count;
  if (corners)
    return add_k(n, mul_k(n, p, count > 1 ? 2 / (e - 1) : 0),
                 count > 1 ? -1 : 0);
  return add_k(n, mul_k(n, p, 2 / e), 1 / e - 1);
}

/* theta [N, k, k + 1] times the points [.., (x, y, 1)]. */
void onnx_affine_grid(Node *n) {
  Value *theta = node_in(n, 0), *parts[MAX_SAMPLED + 1];
  Ints size = const_ints(n, node_in(n, 1), "size");
  bool corners = attr_bool(n, "align_corners", false);
  if (n->bad)
    return;
  int k = size.n - 2;
  Dims t = dims_of(theta);
  if (k < 2 || k > MAX_SAMPLED || t.rank != 3 || t.v[1] != k ||
      t.v[2] != k + 1) {
    node_invalid(n, "theta of %s for a size of %d numbers", dims_text(n, t),
                 size.n);
    return;
  }
  Dims point = {k + 1, {0}};
  point.v[k] = 1;
  for (int d = 0; d < k; d++) {
    point.v[d] = size.v[2 + d];
    if (point.v[d] < 1 || point.v[d] > 1 << 24)
      node_refuse(n, "a grid of %lld", (long long)point.v[d]);
  }
  for (int d = 0; d < k && !n->bad; d++) /* x is the last dimension */
    parts[k - 1 - d] =
        b_expand(n, unit_positions(n, point.v[d], corners, d, k + 1), point);
  parts[k] = b_fill(n, DT_f64, point, 1);
  Value *points = b_concat(n, k, k + 1, parts);
  points =
      b_cast(n, n->bad ? NULL : b_matrix(n, points, k), theta->type->dtype);
  Value *y = b_matmul(n, points, b_swap(n, theta, 1, 2));
  Dims d = point;
  d.v[k] = k;
  d = dims_insert(d, 0, t.v[0]);
  node_out(n, 0, b_reshape(n, y, d));
}

/* --- RoiAlign ---------------------------------------------------------- */

typedef struct Roi {
  int64_t out[2], samples;
  double scale;
  bool half_pixel, max;
} Roi;

static bool read_roi(Node *n, Roi *r) {
  static const char *const modes[] = {"avg", "max", NULL};
  static const char *const pixels[] = {"half_pixel", "output_half_pixel", NULL};
  r->out[0] = attr_int(n, "output_height", 1);
  r->out[1] = attr_int(n, "output_width", 1);
  r->samples = attr_int(n, "sampling_ratio", 0);
  r->scale = (double)attr_float(n, "spatial_scale", 1);
  r->max = attr_choice(n, "mode", modes);
  r->half_pixel = n->opset >= 16 &&
                  attr_choice(n, "coordinate_transformation_mode", pixels) == 0;
  if (r->samples == 0)
    return node_refuse(n, "sampling_ratio 0, which depends on the data, is "
                          "not supported");
  for (int i = 0; i < 2; i++)
    if (r->out[i] < 1 || r->out[i] > 4096 || r->samples < 0 || r->samples > 64)
      return node_invalid(n, "an output of %lld by %lld samples",
                          (long long)r->out[i], (long long)r->samples);
  return !n->bad;
}

/* Coordinates along dimension d (0: height) as [R, out * samples]. */
static Value *roi_line(Node *n, const Roi *r, Value *rois, int d) {
  int64_t points = r->out[d] * r->samples;
  double offset = r->half_pixel ? -0.5 : 0;
  Value *low = add_k(n, mul_k(n, component(n, rois, 1 - d), r->scale), offset);
  Value *high = add_k(n, mul_k(n, component(n, rois, 3 - d), r->scale), offset);
  Value *size = b_binary(n, OP_sub, high, low);
  if (!r->half_pixel)
    size = b_binary_k(n, OP_max, size, 1);
  Value *step = b_unsqueeze(n, mul_k(n, size, 1 / (double)points), 1);
  Value *at = add_k(n, b_positions(n, DT_f32, points, 1, 2), 0.5);
  return add(n, b_unsqueeze(n, low, 1), mul(n, at, step));
}

/* 1 where a coordinate is at most one element outside. */
static Value *roi_reaches(Node *n, Value *c, int64_t extent) {
  Value *low = b_k_binary(n, OP_less_equal, -1, c);
  Value *high = b_binary_k(n, OP_less_equal, c, (double)extent);
  return b_cast(n, b_binary(n, OP_and, low, high), DT_f32);
}

/* [R, oh, s, ow, s, C] -> [R, C, oh, ow] */
static Value *roi_pool(Node *n, const Roi *r, Value *y) {
  unsigned samples = 1u << 2 | 1u << 4;
  y = r->max ? b_reduce(n, OP_reduce_max, y, samples, false)
             : b_mean(n, y, samples, false);
  return b_channels_first(n, y);
}

void onnx_roi_align(Node *n) {
  Value *x = node_in(n, 0), *rois = b_cast(n, node_in(n, 1), DT_f32);
  Value *image = node_in(n, 2), *c[2], *reach[2];
  Roi r;
  if (!read_roi(n, &r))
    return;
  Dims d = dims_of(x), dr = dims_of(rois);
  if (d.rank != 4 || dr.rank != 2 || dr.v[1] != 4) {
    node_invalid(n, "regions of %s in %s", dims_text(n, dr), dims_text(n, d));
    return;
  }
  int64_t h = r.out[0] * r.samples, w = r.out[1] * r.samples;
  Dims lines[] = {{3, {dr.v[0], h, 1}}, {3, {dr.v[0], 1, w}}};
  Dims all = {3, {dr.v[0], h, w}};
  for (int i = 0; i < 2 && !n->bad; i++) {
    Value *line = b_reshape(n, roi_line(n, &r, rois, i), lines[i]);
    reach[i] = roi_reaches(n, line, d.v[2 + i]);
    c[i] = b_expand(n, b_clamp(n, line, 0, (double)(d.v[2 + i] - 1)), all);
  }
  Dims column = {3, {dr.v[0], 1, 1}};
  Value *base = mul_k(n, b_reshape(n, b_cast(n, image, DT_i64), column),
                      (double)(d.v[2] * d.v[3]));
  Sampler s = {.flat = b_sample_flat(n, x),
               .k = 2,
               .dim = {d.v[2], d.v[3]},
               .base = base,
               .border = BORDER_edge,
               .combine = r.max ? OP_max : OP_add};
  Value *y = b_sample(n, &s, c);
  if (n->bad)
    return;
  Value *reaches = b_cast(n, mul(n, reach[0], reach[1]), y->type->dtype);
  y = mul(n, y, b_unsqueeze(n, reaches, 3));
  Dims split = {6, {dr.v[0], r.out[0], r.samples, r.out[1], r.samples, d.v[1]}};
  y = roi_pool(n, &r, b_reshape(n, y, split));
  node_out(n, 0, b_cast(n, y, x->type->dtype));
}

/* --- MaxRoiPool -------------------------------------------------------- */

/* The maximum of one cell of one region; an empty one is 0. */
static Value *roi_cell(Node *n, Value *x, int64_t image, const int64_t *lo,
                       const int64_t *hi) {
  Dims d = dims_of(x), one = {4, {1, d.v[1], 1, 1}};
  int64_t begin[MAX_RANK] = {image, 0, lo[0], lo[1]};
  if (hi[0] <= lo[0] || hi[1] <= lo[1])
    return b_fill(n, x->type->dtype, one, 0);
  Dims part = {4, {1, d.v[1], hi[0] - lo[0], hi[1] - lo[1]}};
  return b_reduce(n, OP_reduce_max, b_slice(n, x, begin, part, NULL), 12, true);
}

static int64_t limit(double at, int64_t extent) {
  return at<0 ? 0 : at>(double) extent ? extent : (int64_t)at;
}

/* One region {image, x1, y1, x2, y2} as [1, C, oh, ow]. */
static Value *roi_region(Node *n, Value *x, const float *roi, double scale,
                         Ints out) {
  Dims d = dims_of(x);
  Value *rows[64], *cells[64];
  double start[2], size[2];
  for (int i = 0; i < 2; i++) {
    start[i] = round((double)roi[2 - i] * scale);
    double extent = round((double)roi[4 - i] * scale) - start[i] + 1;
    size[i] = (extent < 1 ? 1 : extent) / (double)out.v[i];
  }
  for (int64_t h = 0; h < out.v[0]; h++) {
    for (int64_t w = 0; w < out.v[1]; w++) {
      double at[2] = {(double)h, (double)w};
      int64_t lo[2], hi[2];
      for (int i = 0; i < 2; i++) {
        lo[i] = limit(start[i] + floor(at[i] * size[i]), d.v[2 + i]);
        hi[i] = limit(start[i] + ceil((at[i] + 1) * size[i]), d.v[2 + i]);
      }
      cells[w] = roi_cell(n, x, (int64_t)roi[0], lo, hi);
    }
    rows[h] = b_concat(n, 3, (int)out.v[1], cells);
  }
  return b_concat(n, 2, (int)out.v[0], rows);
}

void onnx_max_roi_pool(Node *n) {
  Value *x = b_plain(n, node_in(n, 0)), *r = node_in(n, 1);
  double scale = (double)attr_float(n, "spatial_scale", 1);
  Ints out = attr_ints(n, "pooled_shape");
  Floats roi = const_floats(n, r, "the regions' list");
  if (n->bad)
    return;
  int count = roi.n / 5;
  if (x->type->rank != 4 || roi.n % 5 || !roi.n || out.n != 2 || out.v[0] < 1 ||
      out.v[0] > 64 || out.v[1] < 1 || out.v[1] > 64) {
    node_invalid(n, "regions of %s", dims_text(n, dims_of(r)));
    return;
  }
  Value **y = ARENA_ARRAY(n->im->arena, Value *, count);
  for (int i = 0; i < count && !n->bad; i++) {
    float image = roi.v[5 * i];
    if (!(image >= 0 && image < (float)x->type->dim[0]))
      node_invalid(n, "region %d is of image %g", i, (double)image);
    else
      y[i] = roi_region(n, x, roi.v + 5 * i, scale, out);
  }
  node_out(n, 0, n->bad ? NULL : b_concat(n, 0, count, y));
}

/* --- DeformConv -------------------------------------------------------- */

typedef struct Deform {
  Spatial s;
  int64_t n, channels, taps, places, groups, offset_groups;
} Deform;

static bool read_deform(Node *n, Deform *d) {
  Value *x = node_in(n, 0), *w = node_in(n, 1), *offset = node_in(n, 2);
  d->groups = attr_int(n, "group", 1);
  d->offset_groups = attr_int(n, "offset_group", 1);
  if (!spatial_read(n, x, w, false, &d->s))
    return false;
  if (d->s.n != 2)
    return node_refuse(n, "only two spatial dimensions are supported");
  d->n = x->type->dim[0];
  d->channels = x->type->dim[1];
  d->taps = mul_saturating(d->s.kernel[0], d->s.kernel[1]);
  d->places = mul_saturating(d->s.out[0], d->s.out[1]);
  bool ok =
      d->groups >= 1 && d->offset_groups >= 1 && d->channels % d->groups == 0 &&
      d->channels % d->offset_groups == 0 && w->type->dim[0] % d->groups == 0 &&
      w->type->dim[1] == d->channels / d->groups;
  Dims want = {4, {d->n, 0, d->s.out[0], d->s.out[1]}};
  want.v[1] =
      ok ? mul_saturating(mul_saturating(2, d->taps), d->offset_groups) : 0;
  if (!ok || !dims_equal(want, dims_of(offset)))
    return node_invalid(n, "the weight or the offsets do not go with the "
                           "groups");
  return true;
}

/* [N, taps, places] of offset group g: where taps would be, by offsets
 * [N, groups, taps, 2, places]. */
static Value *deform_coord(Node *n, const Deform *d, Value *offset, int64_t g,
                           int axis) {
  const Spatial *s = &d->s;
  int64_t *at = b_table(n, mul_saturating(d->taps, d->places));
  for (int64_t t = 0; at && t < d->taps; t++)
    for (int64_t p = 0; p < d->places; p++) {
      int64_t k = axis ? t % s->kernel[1] : t / s->kernel[1];
      int64_t o = axis ? p % s->out[1] : p / s->out[1];
      at[t * d->places + p] =
          o * s->stride[axis] + k * s->dilation[axis] - s->before[axis];
    }
  Value *grid =
      b_const(n, b_type(n, DT_i64, (Dims){2, {d->taps, d->places}}), at);
  Value *part = b_slice1(n, b_slice1(n, offset, 1, g, 1), 3, axis, 1);
  return add(n, b_squeeze(n, part, 1u << 1 | 1u << 3), b_cast(n, grid, DT_f32));
}

/* The samples of the channels of offset group g: [N, taps, places, C']. */
static Value *deform_samples(Node *n, const Deform *d, Value *offset,
                             Value *mask, int64_t g) {
  int64_t c = d->channels / d->offset_groups;
  Value *x = b_slice1(n, node_in(n, 0), 1, g * c, c);
  Sampler s = {.flat = b_sample_flat(n, x),
               .k = 2,
               .dim = {d->s.in[0], d->s.in[1]},
               .border = BORDER_zeros,
               .combine = OP_add};
  if (n->bad)
    return NULL;
  s.base = b_sample_base(n, x, 0, 3);
  Value *coord[] = {deform_coord(n, d, offset, g, 0),
                    deform_coord(n, d, offset, g, 1)};
  Value *y = b_sample(n, &s, coord);
  if (!mask)
    return y;
  Value *m = b_squeeze(n, b_slice1(n, mask, 1, g, 1), 1u << 1);
  m = b_cast(n, m, n->bad ? DT_f32 : y->type->dtype);
  return mul(n, y, b_unsqueeze(n, m, 3));
}

/* Group g's samples [N, places, taps * C'] times its weights. */
static Value *deform_group(Node *n, const Deform *d, Value *all, Value *w,
                           int64_t g) {
  static const int taps_last[] = {0, 2, 1, 3}, taps_first[] = {2, 1, 0};
  int64_t c = d->channels / d->groups;
  Dims from = dims_of(w);
  int64_t m = from.v[0] / d->groups;
  Dims columns = {3, {d->n, d->places, d->taps * c}};
  Dims flat = {3, {m, c, d->taps}}, matrix = {2, {d->taps * c, m}};
  Value *x = b_transpose(n, b_slice1(n, all, 3, g * c, c), taps_last);
  w = b_reshape(n, b_slice1(n, w, 0, g * m, m), flat);
  w = b_reshape(n, b_transpose(n, w, taps_first), matrix);
  return b_matmul(n, b_reshape(n, x, columns), w);
}

void onnx_deform_conv(Node *n) {
  Deform d;
  if (!read_deform(n, &d))
    return;
  Value *x = node_in(n, 0), *mask = node_in(n, 4);
  Dims offsets = {5, {d.n, d.offset_groups, d.taps, 2, d.places}};
  Dims masks = {4, {d.n, d.offset_groups, d.taps, d.places}};
  Value *offset = b_reshape(n, b_cast(n, node_in(n, 2), DT_f32), offsets);
  mask = mask ? b_reshape(n, b_widen(n, mask), masks) : NULL;
  if (!n->bad && (d.offset_groups > 1024 || d.groups > 1024))
    node_refuse(n, "more than 1024 groups are not supported");
  if (n->bad)
    return;
  Value *parts[1024];
  for (int64_t g = 0; g < d.offset_groups; g++)
    parts[g] = deform_samples(n, &d, offset, mask, g);
  Value *all = b_concat(n, 3, (int)d.offset_groups, parts);
  Value *w = b_widen(n, node_in(n, 1));
  for (int64_t g = 0; g < d.groups && !n->bad; g++)
    parts[g] = deform_group(n, &d, all, w, g);
  Value *y = b_concat(n, 2, (int)d.groups, parts);
  if (node_in(n, 3))
    y = add(n, y, b_widen(n, node_in(n, 3)));
  if (n->bad)
    return;
  Dims out = {4, {d.n, y->type->dim[2], d.s.out[0], d.s.out[1]}};
  y = b_reshape(n, b_swap(n, y, 1, 2), out);
  node_out(n, 0, b_cast(n, y, x->type->dtype));
}
