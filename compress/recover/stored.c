/* See stored.h. */
#include "compress/recover/stored.h"

#include <math.h>
#include <string.h>

#include "ir/element.h"

float stored_real(const Type *t, int64_t entry, int64_t q) {
  int64_t level = t->q->codebook ? t->q->codebook[q] : q;
  return (float)(level - t->q->zero_point[entry]) * t->q->scale[entry];
}

static int64_t nearest_code(const Type *t, int64_t entry, double x) {
  int64_t best = 0;
  for (int64_t q = 1; q < t->q->ncode; q++)
    if (fabs((double)stored_real(t, entry, q) - x) <
        fabs((double)stored_real(t, entry, best) - x))
      best = q;
  return best;
}

int64_t stored_nearest(const Type *t, int64_t entry, double x) {
  if (t->q->codebook)
    return nearest_code(t, entry, x);
  double zero = t->q->zero_point[entry];
  double level = ceil(x / (double)t->q->scale[entry] + zero - 0.5);
  int64_t lo, hi;
  stored_range(t, &lo, &hi);
  return (int64_t)fmin(fmax(level, (double)lo), (double)hi);
}

void stored_range(const Type *t, int64_t *lo, int64_t *hi) {
  *lo = t->q->codebook ? 0 : t->q->qmin;
  *hi = t->q->codebook ? t->q->ncode - 1 : t->q->qmax;
}

int64_t stored_load(const Type *t, const void *data, int64_t at) {
  uint64_t bits = element_load(t->dtype, data, at);
  return dtype_is_signed(t->dtype) && !(t->q && t->q->codebook)
             ? element_to_int(t->dtype, bits)
             : (int64_t)bits;
}

void *stored_bytes(Arena *a, const Type *t, const int64_t *levels) {
  void *data = arena_alloc(a, (size_t)type_bytes(t));
  uint64_t mask = UINT64_MAX >> (64 - dtype_bits(t->dtype));
  for (int64_t i = 0; i < type_count(t); i++)
    element_store(t->dtype, data, i, (uint64_t)levels[i] & mask);
  return data;
}

static float real_at(const Type *t, const void *data, int64_t at) {
  if (dtype_is_float(t->dtype))
    return (float)element_to_double(t->dtype, element_load(t->dtype, data, at));
  return stored_real(t, type_entry(t, at), stored_load(t, data, at));
}

float *stored_reals(Arena *a, const Type *t, const void *data) {
  int64_t n = type_count(t);
  float *to = ARENA_ARRAY(a, float, n);
  if (t->dtype == DT_f32)
    memcpy(to, data, (size_t)n * sizeof *to);
  for (int64_t i = 0; i < n && t->dtype != DT_f32; i++)
    to[i] = real_at(t, data, i);
  return to;
}
