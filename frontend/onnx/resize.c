/* Resize and Upsample, axis by axis with tables made at compile time
 * (resize_table.c):
 *
 *   nearest  y = x[index]                         a gather
 *   others   y = sum_k x[index_k] * weight_k      few taps: gathers
 *            y = W x                              many: a product
 *
 * Nearest by a power of two in height and width is the IR's resize_nearest,
 * channels last. */
#include "frontend/onnx/resize.h"

#include <math.h>

#include "frontend/onnx/index.h"
#include "frontend/onnx/spatial.h"

enum { MANY_TAPS = 8 };

/* --- one axis ---------------------------------------------------------- */

static Value *tap_index(Node *n, const ResizeTable *t, int64_t out, int64_t k) {
  int64_t *v = ARENA_ARRAY(n->im->arena, int64_t, out);
  for (int64_t o = 0; o < out; o++)
    v[o] = t->index[o * t->taps + k];
  return b_const(n, b_type(n, DT_i64, (Dims){1, {out}}), v);
}

/* [1, .., out, .., 1]; NULL when all are 0. */
static Value *tap_weight(Node *n, const ResizeTable *t, int64_t out, int64_t k,
                         int axis, int rank) {
  float *v = ARENA_ARRAY(n->im->arena, float, out);
  Dims d = {.rank = rank};
  bool any = false;
  for (int i = 0; i < rank; i++)
    d.v[i] = 1;
  d.v[axis] = out;
  for (int64_t o = 0; o < out; o++) {
    v[o] = t->weight[o * t->taps + k];
    any |= v[o] != 0;
  }
  return any ? b_const(n, b_type(n, DT_f32, d), v) : NULL;
}

static Value *by_taps(Node *n, Value *x, int axis, const ResizeTable *t,
                      int64_t out) {
  Value *sum = NULL;
  for (int64_t k = 0; k < t->taps && !n->bad; k++) {
    Value *w = tap_weight(n, t, out, k, axis, x->type->rank);
    if (!w)
      continue;
    Value *y =
        b_binary(n, OP_mul, b_gather(n, x, axis, tap_index(n, t, out, k)), w);
    sum = sum ? b_binary(n, OP_add, sum, y) : y;
  }
  return sum;
}

/* [outer, in, inner] by a matrix [out, in]. */
static Value *by_product(Node *n, Value *x, int axis, const ResizeTable *t,
                         const ResizeAxis *a) {
  Dims d = dims_of(x), cube = {3, {1, a->in, 1}};
  if (!b_afford(n, mul_saturating(a->out, a->in)))
    return NULL;
  float *m = ARENA_ARRAY(n->im->arena, float, a->out * a->in);
  for (int64_t o = 0; o < a->out; o++)
    for (int64_t k = 0; k < t->taps; k++)
      m[o * a->in + t->index[o * t->taps + k]] += t->weight[o * t->taps + k];
  for (int i = 0; i < d.rank; i++)
    if (i != axis)
      cube.v[i < axis ? 0 : 2] *= d.v[i];
  Dims matrix = {2, {a->out, a->in}};
  Value *y = b_matmul(n, b_const(n, b_type(n, DT_f32, matrix), m),
                      b_reshape(n, x, cube));
  d.v[axis] = a->out;
  return b_reshape(n, y, d);
}

/* The extrapolation value where the table says so. */
static Value *extrapolate(Node *n, Value *x, int axis, const Resize *r,
                          const ResizeTable *t, int64_t out) {
  Dims d = {1, {out}};
  bool any = false;
  for (int64_t o = 0; t->outside && o < out; o++)
    any |= t->outside[o];
  if (!any || n->bad)
    return x;
  Dims line = {.rank = x->type->rank - axis};
  for (int i = 0; i < line.rank; i++)
    line.v[i] = 1;
  line.v[0] = out;
  Value *c = b_reshape(n, b_const(n, b_type(n, DT_bool, d), t->outside), line);
  return b_select(n, c, b_scalar(n, x->type->dtype, (double)r->extrapolation),
                  x);
}

static Value *resize_axis(Node *n, Value *x, int axis, const Resize *r,
                          const ResizeAxis *a) {
  bool same = a->in == a->out && a->scale == 1.0f &&
              r->coord != COORD_tf_crop_and_resize;
  if (n->bad || same || !b_afford(n, mul_saturating(a->out, resize_taps(r, a))))
    return x;
  ResizeTable t = resize_table(n->im->arena, r, a);
  Value *y = r->mode == RESIZE_nearest
                 ? b_gather(n, x, axis, tap_index(n, &t, a->out, 0))
             : t.taps > MANY_TAPS ? by_product(n, x, axis, &t, a)
                                  : by_taps(n, x, axis, &t, a->out);
  return extrapolate(n, y, axis, r, &t, a->out);
}

/* --- all axes ---------------------------------------------------------- */

/* x[i / 2^k] */
static bool is_doubled(Node *n, const Resize *r, const ResizeAxis *a) {
  int64_t by = a->out / a->in;
  if (a->out % a->in || by & (by - 1) || a->out > 1 << 20)
    return false;
  if (!b_afford(n, a->out))
    return false;
  ResizeTable t = resize_table(n->im->arena, r, a);
  for (int64_t o = 0; o < a->out; o++)
    if (t.index[o] != o / by || (t.outside && t.outside[o]))
      return false;
  return true;
}

static bool is_image_nearest(Node *n, const Value *x, const Resize *r,
                             const ResizeAxis *a) {
  return r->mode == RESIZE_nearest && x->type->rank == 4 &&
         a[0].in == a[0].out && a[1].in == a[1].out &&
         is_doubled(n, r, &a[2]) && is_doubled(n, r, &a[3]) &&
         is_doubled(n, r, &a[0]) && is_doubled(n, r, &a[1]);
}

static Value *image_nearest(Node *n, Value *x, const ResizeAxis *a) {
  x = b_channels_last(n, x);
  Dims d = {4, {a[0].in, a[2].out, a[3].out, a[1].in}};
  Attrs attrs = attrs_default(OP_resize_nearest);
  return b_channels_first(n, b_op1(n, OP_resize_nearest, &attrs, 1, &x,
                                   n->bad ? NULL : b_like(n, x, d)));
}

static bool check_axes(Node *n, const Value *x, const ResizeAxis *a) {
  for (int i = 0; i < x->type->rank; i++) {
    if (!(a[i].scale > 0) || a[i].out < 1 || a[i].out > 1 << 24)
      return node_invalid(n, "axis %d: from %lld to %lld by a scale of %g", i,
                          (long long)a[i].in, (long long)a[i].out,
                          (double)a[i].scale);
    if ((double)a[i].in > 0x1p24 || 1 / a[i].scale > 0x1p16f)
      return node_refuse(n, "axis %d is too large", i);
  }
  return true;
}

static void resize(Node *n, const Resize *r, const ResizeAxis *a) {
  Value *x = node_in(n, 0);
  if (n->bad || !check_axes(n, x, a))
    return;
  bool moves = r->mode == RESIZE_nearest;
  if (moves && is_image_nearest(n, x, r, a)) {
    node_out(n, 0, image_nearest(n, x, a));
    return;
  }
  DType t = x->type->dtype;
  Value *y = moves && r->coord != COORD_tf_crop_and_resize ? x : b_plain(n, x);
  y = !moves && t != DT_f64 ? b_cast(n, y, DT_f32) : y;
  if (!moves && t == DT_f64)
    node_refuse(n, "f64 is not supported");
  for (int i = node_in(n, 0)->type->rank - 1; i >= 0; i--)
    y = resize_axis(n, y, i, r, &a[i]);
  node_out(n, 0, moves ? y : b_cast(n, y, t));
}

/* --- attributes and inputs --------------------------------------------- */

static void axes_at_rest(const Value *x, ResizeAxis *a) {
  for (int i = 0; i < x->type->rank; i++)
    a[i] = (ResizeAxis){.in = x->type->dim[i],
                        .out = x->type->dim[i],
                        .scale = 1,
                        .length = (float)x->type->dim[i],
                        .roi = {0, 1}};
}

static int64_t scaled_extent(float in, float span, float scale) {
  float out = floorf(in * span * scale);
  return out >= 0 && out <= 0x1p24f ? (int64_t)out : -1;
}

/* scales: one for each of `count` axes. */
static void set_scales(Node *n, Floats scales, const int *axes, int count,
                       bool crops, ResizeAxis *a) {
  if (n->bad)
    return;
  if (scales.n != count)
    node_invalid(n, "%d scales for %d axes", scales.n, count);
  for (int i = 0; i < count && !n->bad; i++) {
    ResizeAxis *x = &a[axes[i]];
    float span = crops ? x->roi[1] - x->roi[0] : 1;
    x->scale = scales.v[i];
    x->out = scaled_extent((float)x->in, span, x->scale);
    x->length = crops ? (float)x->out : (float)x->in * x->scale;
  }
}

/* One scale for all axes, of the largest or smallest fit. */
static void keep_ratio(int policy, const int *axes, int count, ResizeAxis *a) {
  float scale = a[axes[0]].scale;
  for (int i = 1; i < count; i++) {
    float s = a[axes[i]].scale;
    scale = policy == 1 ? fminf(scale, s) : fmaxf(scale, s);
  }
  for (int i = 0; i < count; i++) {
    ResizeAxis *x = &a[axes[i]];
    float out = roundf(scale * (float)x->in);
    x->scale = scale;
    x->length = out;
    x->out = out <= 0x1p24f ? (int64_t)out : -1;
  }
}

static void set_sizes(Node *n, Ints sizes, const int *axes, int count,
                      int policy, ResizeAxis *a) {
  if (!n->bad && sizes.n != count)
    node_invalid(n, "%d sizes for %d axes", sizes.n, count);
  for (int i = 0; i < count && !n->bad; i++) {
    a[axes[i]].out = sizes.v[i];
    a[axes[i]].scale = (float)sizes.v[i] / (float)a[axes[i]].in;
    a[axes[i]].length = (float)sizes.v[i];
  }
  if (policy && count && !n->bad)
    keep_ratio(policy, axes, count, a);
}

static void set_roi(Node *n, const Value *roi, const int *axes, int count,
                    ResizeAxis *a) {
  Floats v = const_floats(n, roi, "roi");
  if (!n->bad && v.n != 2 * count)
    node_invalid(n, "roi has %d numbers", v.n);
  for (int i = 0; i < count && !n->bad; i++) {
    a[axes[i]].roi[0] = v.v[i];
    a[axes[i]].roi[1] = v.v[count + i];
  }
}

static int read_axes(Node *n, int rank, int *axes) {
  Ints given = attr_ints(n, "axes");
  int count = given.v ? given.n : rank;
  if (count > rank) {
    node_invalid(n, "%d axes of %d", count, rank);
    return 0;
  }
  for (int i = 0; i < count && !n->bad; i++)
    axes[i] = given.v ? axis_of(n, given.v[i], rank) : i;
  return n->bad ? 0 : count;
}

static Resize read_resize(Node *n) {
  static const char *const modes[] = {"nearest", "linear", "cubic", NULL};
  static const char *const coords[] = {
      "half_pixel",           "half_pixel_symmetric",
      "pytorch_half_pixel",   "align_corners",
      "asymmetric",           "tf_crop_and_resize",
      "tf_half_pixel_for_nn", NULL};
  static const char *const rounds[] = {
      "round_prefer_floor", "round_prefer_ceil", "floor", "ceil", NULL};
  Resize r = {0};
  r.mode = (ResizeMode)attr_choice(n, "mode", modes);
  r.coord =
      (ResizeCoord)attr_choice(n, "coordinate_transformation_mode", coords);
  r.round = (ResizeRound)attr_choice(n, "nearest_mode", rounds);
  r.cubic_a = attr_float(n, "cubic_coeff_a", -0.75f);
  r.exclude_outside = attr_bool(n, "exclude_outside", false);
  r.antialias = attr_bool(n, "antialias", false);
  r.extrapolation = attr_float(n, "extrapolation_value", 0);
  return r;
}

void onnx_resize(Node *n) {
  static const char *const policies[] = {"stretch", "not_larger", "not_smaller",
                                         NULL};
  ResizeAxis a[MAX_RANK];
  int axes[MAX_RANK];
  Value *x = node_in(n, 0), *roi = node_in(n, 1), *scales = node_in(n, 2);
  Value *sizes = node_in(n, 3);
  Resize r = read_resize(n);
  int policy = attr_choice(n, "keep_aspect_ratio_policy", policies);
  int count = read_axes(n, x->type->rank, axes);
  bool crops = r.coord == COORD_tf_crop_and_resize;
  axes_at_rest(x, a);
  if (!n->bad && crops)
    set_roi(n, roi, axes, count, a);
  if (scales && !type_count(scales->type))
    scales = NULL;
  if (!n->bad && !scales && !sizes)
    node_invalid(n, "neither scales nor sizes are given");
  if (sizes)
    set_sizes(n, const_ints(n, sizes, "sizes"), axes, count, policy, a);
  else
    set_scales(n, const_floats(n, scales, "scales"), axes, count, crops, a);
  resize(n, &r, a);
}

/* Before opset 11: scales of all axes, coordinates o / scale. */
static void resize_old(Node *n, Floats scales, ResizeRound round) {
  static const char *const modes[] = {"nearest", "linear", NULL};
  ResizeAxis a[MAX_RANK];
  int axes[MAX_RANK];
  Value *x = node_in(n, 0);
  const char *mode = attr_string(n, "mode", "nearest");
  Resize r = {.coord = COORD_asymmetric, .round = round};
  r.mode = mode && mode[0] == 'b' ? RESIZE_linear /* "bilinear" */
                                  : (ResizeMode)attr_choice(n, "mode", modes);
  for (int i = 0; i < x->type->rank; i++)
    axes[i] = i;
  axes_at_rest(x, a);
  set_scales(n, scales, axes, x->type->rank, false, a);
  resize(n, &r, a);
}

void onnx_upsample_7(Node *n) {
  resize_old(n, attr_floats(n, "scales"), NEAREST_simple);
}

void onnx_upsample_9(Node *n) {
  resize_old(n, const_floats(n, node_in(n, 1), "scales"), NEAREST_simple);
}

void onnx_resize_10(Node *n) { onnx_upsample_9(n); }
