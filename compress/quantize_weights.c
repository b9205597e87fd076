/* Constants in scales of their own. With so few numbers as 4 bits have, weights
 * are better off when the largest are cut: the scale is the one of the least
 * square error among some below that of the whole range. A bias is an i32 in
 * units of the products of its channel: a channel whose weights are so small
 * that its bias would not fit gets a larger scale. */
#include "compress/quantize_weights.h"

#include <math.h>
#include <string.h>

#include "compress/codebook.h"
#include "compress/quantize_groups.h"
#include "ir/blocks.h"
#include "ir/element.h"

static const float largest_bias = 1 << 30;

enum { INPUT_BITS = 5, WEIGHT_BITS = 4, ALL_BITS = 24 };

/* ---- parameters ---- */

/* Of the mantissas of scales: together few enough of a float's 24 to leave 15
 * for the sum of products of bytes. Weights of 4 bits make sums that are
 * shorter by as much as they are. */
static int scale_bits(const LayerScheme *s, int for_bytes) {
  if (s->scale_bits)
    return s->scale_bits;
  bool bytes = dtype_bits(activation_dtype(s->activations)) == 8;
  return bytes ? for_bytes : ALL_BITS;
}

QuantForm activation_form(const LayerScheme *s) {
  DType t = activation_dtype(s->activations);
  return (QuantForm){.bits = dtype_bits(t),
                     .is_signed = dtype_is_signed(t),
                     .symmetric = s->symmetric || t == DT_i16,
                     .scale_bits = scale_bits(s, INPUT_BITS)};
}

const QuantParams *activation_quant(Arena *a, Range r, const LayerScheme *s) {
  DType t = activation_dtype(s->activations);
  QuantForm form = activation_form(s);
  QuantChoice c = quant_of_range(r, &form);
  return quant_per_tensor(a, c.scale, c.zero_point, t);
}

Range constant_range(const Value *v) {
  const float *x = v->init->data;
  Range r = {0, 0};
  for (int64_t i = 0; i < type_count(v->type); i++)
    r = (Range){fminf(r.lo, x[i]), fmaxf(r.hi, x[i])};
  return r;
}

/* ---- weights ---- */

/* Which scale element i has: i / inner % n. */
typedef struct Channels {
  int64_t n, inner;
} Channels;

static Channels channels_of(const Type *t, int axis, bool per_tensor) {
  Channels c = {1, 1};
  if (per_tensor)
    return (Channels){1, type_count(t)};
  c.n = t->dim[axis];
  for (int d = axis + 1; d < t->rank; d++)
    c.inner *= t->dim[d];
  return c;
}

static int64_t channel(Channels c, int64_t i) { return i / c.inner % c.n; }

/* A channel of zeros alone, which any scale would do for, has the range of
 * all: its bias is as fine as another's. */
static Range *channel_ranges(Arena *a, const Value *w, Channels c) {
  const float *x = w->init->data;
  Range *r = ARENA_ARRAY(a, Range, c.n), all = constant_range(w);
  for (int64_t i = 0; i < type_count(w->type); i++) {
    Range *own = &r[channel(c, i)];
    *own = (Range){fminf(own->lo, x[i]), fmaxf(own->hi, x[i])};
  }
  for (int64_t i = 0; i < c.n; i++)
    if (r[i].lo == r[i].hi)
      r[i] = all;
  return r;
}

static bool is_code(WeightForm w) {
  return w == WEIGHTS_code4 || w == WEIGHTS_code16 || w == WEIGHTS_code256;
}

static int code_count(WeightForm w) {
  return w == WEIGHTS_code4 ? 4 : w == WEIGHTS_code16 ? 16 : 256;
}

/* The square error of channel `at` of w in a choice of parameters. */
static double channel_error(const Value *w, Channels c, int64_t at,
                            const QuantChoice *q) {
  const float *x = w->init->data;
  double sum = 0;
  int64_t n = type_count(w->type), block = c.inner * c.n;
  for (int64_t first = at * c.inner; first < n; first += block)
    for (int64_t i = first; i < first + c.inner; i++) {
      float v = rintf(x[i] / q->scale) + (float)q->zero_point;
      v = fminf(fmaxf(v, (float)q->qmin), (float)q->qmax);
      double d = (double)(x[i] - q->scale * (v - (float)q->zero_point));
      sum += d * d;
    }
  return sum;
}

static Range scaled(Range r, float by) { return (Range){r.lo * by, r.hi * by}; }

/* The part of r that few numbers are best spent on. */
static Range narrowed(const Value *w, Channels c, int64_t at, Range r,
                      const QuantForm *form) {
  enum { TRIED = 16, OF = 32 };
  Range best = r;
  double least = INFINITY;
  for (int i = 0; i < TRIED && form->bits < 8; i++) {
    Range cut = scaled(r, (float)(OF - i) / (float)OF);
    QuantChoice q = quant_of_range(cut, form);
    double error = channel_error(w, c, at, &q);
    if (error < least) {
      least = error;
      best = cut;
    }
  }
  return best;
}

/* The scale that the biases of channel c, or of all, ask for. */
static float bias_scale(const float *bias, int64_t n, Channels c, int64_t at,
                        float in_scale) {
  float most = 0;
  for (int64_t i = 0; bias && in_scale > 0 && i < n; i++)
    if (c.n == 1 || i == at)
      most = fmaxf(most, fabsf(bias[i]));
  return in_scale > 0 ? most / in_scale / largest_bias : 0;
}

/* How weights that are no codes are stored, and in how many bits of it. */
static DType weight_dtype(WeightForm w, int *bits) {
  *bits = w == WEIGHTS_i4 ? 4 : w == WEIGHTS_i12 ? 12 : 8;
  return w == WEIGHTS_i4 ? DT_i4 : w == WEIGHTS_i12 ? DT_i16 : DT_i8;
}

static QuantForm weight_form(const LayerScheme *s) {
  int bits;
  bool words = weight_dtype(s->weights, &bits) == DT_i16;
  return (QuantForm){
      .bits = bits,
      .is_signed = true,
      .symmetric = !s->asymmetric_weights || is_code(s->weights) || words,
      .scale_bits = scale_bits(s, WEIGHT_BITS + (bits < 8 ? 8 - bits : 0))};
}

/* Parameters of all channels; codes are of numbers of 8 bits around zero. */
static QuantParams *weight_params(Arena *a, const Value *w, int axis,
                                  const LayerScheme *s, float in_scale,
                                  const float *bias, const Type *y) {
  Channels c = channels_of(w->type, axis, s->per_tensor);
  const Range *range = channel_ranges(a, w, c);
  QuantForm form = weight_form(s);
  QuantParams *q = ARENA_NEW(a, QuantParams);
  float *scale = ARENA_ARRAY(a, float, c.n);
  int32_t *zero = ARENA_ARRAY(a, int32_t, c.n);
  *q = (QuantParams){.axis = s->per_tensor ? -1 : axis, .nscale = (int)c.n};
  for (int64_t i = 0; i < c.n; i++) {
    float least = bias_scale(bias, w->type->dim[axis], c, i, in_scale);
    QuantChoice choice =
        quant_of_range(narrowed(w, c, i, range[i], &form), &form);
    if (least > choice.scale) {
      float most = least * (float)choice.qmax;
      choice = quant_of_range((Range){-most, most}, &form);
    }
    choice = quant_of_scale(
        range[i], &form,
        scale_for_sums((double)choice.scale, form.scale_bits, in_scale, y));
    scale[i] = choice.scale;
    zero[i] = choice.zero_point;
    q->qmin = choice.qmin;
    q->qmax = choice.qmax;
  }
  q->scale = scale;
  q->zero_point = zero;
  return q;
}

/* What the constant is called that holds v's numbers. */
static const char *stored_name(Graph *g, const Value *v) {
  return arena_printf(g->arena, "%s.q", v->name);
}

static int64_t nearest(const QuantParams *q, int64_t c, float x) {
  float v = rintf(x / q->scale[c]) + (float)q->zero_point[c];
  return (int64_t)fminf(fmaxf(v, (float)q->qmin), (float)q->qmax);
}

static Value *integers(Graph *g, const Value *v, const Type *t) {
  const float *x = v->init->data;
  void *data = arena_alloc(g->arena, (size_t)type_bytes(t));
  for (int64_t i = 0; i < type_count(t); i++)
    element_store(t->dtype, data, i,
                  (uint64_t)nearest(t->q, type_entry(t, i), x[i]));
  return graph_const(g, stored_name(g, v), t, data);
}

/* w in the scales of q, each number as the nearest of a few of 8 bits. */
static Value *coded(Graph *g, const Value *w, QuantParams *q, Channels c,
                    int ncode) {
  const float *x = w->init->data;
  int64_t n = type_count(w->type);
  float *unit = ARENA_ARRAY(g->arena, float, n);
  float *weight = ARENA_ARRAY(g->arena, float, n);
  for (int64_t i = 0; i < n; i++) {
    float scale = q->scale[channel(c, i)];
    unit[i] = x[i] / scale;
    weight[i] = scale * scale;
  }
  int8_t *book = ARENA_ARRAY(g->arena, int8_t, ncode);
  q->ncode = codebook_find(unit, weight, n, ncode, book);
  q->codebook = book;
  DType dtype = ncode <= 16 ? DT_u4 : DT_u8;
  q->qmin = dtype_min(dtype);
  q->qmax = dtype_max(dtype);
  const Type *t = type_with_dtype(g->arena, w->type, dtype, q);
  void *data = arena_alloc(g->arena, (size_t)type_bytes(t));
  for (int64_t i = 0; i < n; i++)
    element_store(dtype, data, i,
                  (uint64_t)codebook_index(book, q->ncode, unit[i]));
  return graph_const(g, stored_name(g, w), t, data);
}

/* Weights with a scale for every so many inputs; `inputs`: their axis. */
static Value *grouped(Graph *g, const Value *w, int axis, int inputs,
                      const LayerScheme *s, float in_scale, const float *bias) {
  int64_t n = w->type->dim[axis];
  float *least = ARENA_ARRAY(g->arena, float, n);
  for (int64_t i = 0; i < n; i++)
    least[i] = bias_scale(bias, n, (Channels){n, 1}, i, in_scale);
  GroupRule rule = {.group = s->group,
                    .asymmetric = s->asymmetric_weights,
                    .pow2 = s->scale_bits == 1,
                    .least = least};
  return integers(
      g, w, groups_find(g->arena, w->type, w->init->data, axis, inputs, &rule));
}

Value *weights_stored(Graph *g, const Value *w, int axis, const LayerScheme *s,
                      float in_scale, const float *bias, const Type *y) {
  int inputs = groups_axis(w->type, axis, s->group);
  if (s->weights == WEIGHTS_i4 && !s->per_tensor && inputs >= 0)
    return grouped(g, w, axis, inputs, s, in_scale, bias);
  QuantParams *q = weight_params(g->arena, w, axis, s, in_scale, bias, y);
  Channels c = channels_of(w->type, axis, s->per_tensor);
  if (is_code(s->weights))
    return coded(g, w, q, c, code_count(s->weights));
  int bits;
  DType dtype = weight_dtype(s->weights, &bits);
  return integers(g, w, type_with_dtype(g->arena, w->type, dtype, q));
}

Value *weights_shortened(Graph *g, const Value *w, DType dtype) {
  const float *x = w->init->data;
  const Type *t = type_with_dtype(g->arena, w->type, dtype, NULL);
  void *data = arena_alloc(g->arena, (size_t)type_bytes(t));
  for (int64_t i = 0; i < type_count(t); i++)
    element_store(dtype, data, i, element_from_double(dtype, (double)x[i]));
  return graph_const(g, stored_name(g, w), t, data);
}

/* ---- other constants ---- */

Value *bias_stored(Graph *g, const Value *b, const float *x, float in_scale,
                   const Type *w) {
  int64_t n = type_count(b->type);
  const float *unit = w->q->block ? blocks_units(g->arena, w) : NULL;
  float *scale = ARENA_ARRAY(g->arena, float, n);
  int32_t *data = ARENA_ARRAY(g->arena, int32_t, n);
  for (int64_t i = 0; i < n; i++) {
    scale[i] = in_scale * (unit ? unit[i] : type_channel_scale(w, i));
    data[i] = (int32_t)fmin(
        fmax(rint((double)x[i] / (double)scale[i]), -INT32_MAX), INT32_MAX);
  }
  QuantParams q = {.axis = 0,
                   .nscale = (int)n,
                   .scale = scale,
                   .zero_point = ARENA_ARRAY(g->arena, int32_t, n),
                   .qmin = INT32_MIN,
                   .qmax = INT32_MAX};
  return graph_const(g, stored_name(g, b),
                     type_with_dtype(g->arena, b->type, DT_i32, &q), data);
}

Value *constant_stored(Graph *g, const Value *v, const Type *like) {
  const Type *t = type_with_dtype(g->arena, v->type, like->dtype, like->q);
  return integers(g, v, t);
}
