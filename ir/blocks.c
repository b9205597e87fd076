/* See blocks.h. Scales are m 2^e with m of 24 bits; those of a channel become
 * multiples of 2^e of the smallest, whose greatest common divisor divides its
 * m and is so a float again. */
#include "ir/blocks.h"

#include <math.h>

#include "ir/element.h"

enum { MANTISSA = 24, MOST_SHIFT = 62 - MANTISSA };

int blocks_channel_axis(const Type *t) {
  return t->rank < 2 ? -1 : t->q->axis == 0 ? t->rank - 1 : 0;
}

int64_t blocks_channel(const Type *t, int64_t at) {
  int axis = blocks_channel_axis(t);
  return axis > 0 ? at % t->dim[axis] : at / (type_count(t) / t->dim[0]);
}

int64_t blocks_entry_channel(const Type *t, int64_t e) {
  int axis = blocks_channel_axis(t);
  return axis > 0 ? e % t->dim[axis] : e / (t->q->nscale / t->dim[0]);
}

static uint64_t common_divisor(uint64_t a, uint64_t b) {
  while (b) {
    uint64_t rest = a % b;
    a = b;
    b = rest;
  }
  return a;
}

/* scale is the result times 2^(*e). */
static uint64_t mantissa(float scale, int *e) {
  float m = frexpf(scale, e);
  *e -= MANTISSA;
  return (uint64_t)ldexpf(m, MANTISSA);
}

const float *blocks_units(Arena *a, const Type *t) {
  int64_t n = t->dim[blocks_channel_axis(t)];
  int *least = ARENA_ARRAY(a, int, n), e;
  uint64_t *divisor = ARENA_ARRAY(a, uint64_t, n);
  float *unit = ARENA_ARRAY(a, float, n);
  for (int64_t c = 0; c < n; c++)
    least[c] = INT32_MAX;
  for (int i = 0; i < t->q->nscale; i++) {
    int64_t c = blocks_entry_channel(t, i);
    (void)mantissa(t->q->scale[i], &e);
    least[c] = e < least[c] ? e : least[c];
  }
  for (int i = 0; i < t->q->nscale; i++) {
    int64_t c = blocks_entry_channel(t, i);
    uint64_t m = mantissa(t->q->scale[i], &e);
    bool fits = e - least[c] <= MOST_SHIFT;
    divisor[c] = fits ? common_divisor(m << (e - least[c]), divisor[c]) : 1;
    unit[c] = ldexpf((float)divisor[c], least[c]);
  }
  for (int i = 0; i < t->q->nscale; i++) { /* some too far apart? */
    int64_t c = blocks_entry_channel(t, i);
    (void)mantissa(t->q->scale[i], &e);
    unit[c] = e - least[c] <= MOST_SHIFT ? unit[c] : 0;
  }
  return unit;
}

const Type *blocks_as_bytes(Arena *a, const Type *t, const void *data,
                            const int8_t **bytes) {
  int axis = blocks_channel_axis(t);
  if (axis < 0)
    return NULL;
  const float *unit = blocks_units(a, t);
  int8_t *to = arena_alloc(a, (size_t)type_count(t));
  for (int64_t i = 0; i < type_count(t); i++) {
    int64_t entry = type_entry(t, i);
    float u = unit[blocks_channel(t, i)];
    double by = u > 0 ? (double)t->q->scale[entry] / (double)u : INFINITY;
    double x = (element_quantized(t, data, i) - t->q->zero_point[entry]) * by;
    if (!(x >= INT8_MIN && x <= INT8_MAX))
      return NULL;
    to[i] = (int8_t)x;
  }
  *bytes = to;
  QuantParams q = {.axis = axis,
                   .nscale = (int)t->dim[axis],
                   .scale = unit,
                   .zero_point = ARENA_ARRAY(a, int32_t, t->dim[axis]),
                   .qmin = INT8_MIN,
                   .qmax = INT8_MAX};
  return type_with_dtype(a, t, DT_i8, &q);
}
