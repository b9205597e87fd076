#include "driver/samples.h"

#include <string.h>

#include "ir/array.h"
#include "ir/element.h"
#include "support/random.h"

typedef struct Range {
  double lo, hi;
} Range;

/* The reals worth trying on a float input. */
static Range real_range(const Value *v) {
  Range r = {-8, 8};
  for (int i = 0; i < v->uses.n; i++) {
    const Op *op = v->uses.v[i].op;
    const Type *t = op->out[0]->type;
    if (op->kind != OP_quantize || !type_is_q8(t))
      continue;
    double scale = 1.25 * (double)type_scale(t);
    r.lo = scale * (double)(dtype_min(t->dtype) - type_zero_point(t));
    r.hi = scale * (double)(dtype_max(t->dtype) - type_zero_point(t));
  }
  return r;
}

/* Sets element i to the place of `part` (0 to 1) in the range. */
static void set_real(const Type *t, void *data, int64_t i, Range r,
                     double part) {
  double x = (double)(float)(r.lo + part * (r.hi - r.lo));
  element_store(t->dtype, data, i, element_from_double(t->dtype, x));
}

static void fill_random(const Value *v, uint64_t *state, void *data) {
  const Type *t = v->type;
  uint8_t *bytes = data;
  int64_t n = type_bytes(t);
  if (dtype_is_float(t->dtype)) {
    Range r = real_range(v);
    for (int64_t i = 0; i < type_count(t); i++)
      set_real(t, data, i, r, (double)(random_next(state) >> 40) / (1 << 24));
    return;
  }
  for (int64_t i = 0; i < n; i++)
    bytes[i] = (uint8_t)(random_next(state) >> 56);
  for (int64_t i = 0; i < n && t->dtype == DT_bool; i++)
    bytes[i] &= 1;
}

void sample_random(const Graph *g, uint64_t seed, void *const *in) {
  for (int i = 0; i < g->inputs.n; i++)
    fill_random(g->inputs.v[i], &seed, in[i]);
}

/* The end of an integer's range: its bytes are all low except that the
 * highest decides the sign. */
static void fill_extreme(const Type *t, bool high, uint8_t *bytes) {
  int64_t n = type_bytes(t);
  int width = dtype_bits(t->dtype) / 8;
  bool is_signed = dtype_is_signed(t->dtype);
  memset(bytes, high ? 0xff : 0, (size_t)n);
  if (t->dtype == DT_bool)
    memset(bytes, high, (size_t)n);
  for (int64_t i = width - 1; is_signed && width && i < n; i += width)
    bytes[i] ^= 0x80;
}

void sample_extreme(const Graph *g, bool high, void *const *in) {
  for (int i = 0; i < g->inputs.n; i++) {
    const Value *v = g->inputs.v[i];
    Range r = real_range(v);
    bool is_float = dtype_is_float(v->type->dtype);
    if (!is_float)
      fill_extreme(v->type, high, in[i]);
    for (int64_t k = 0; is_float && k < type_count(v->type); k++)
      set_real(v->type, in[i], k, r, high);
  }
}

bool sample_matches(const NdArray *x, const Type *t, int64_t *count) {
  int64_t one = type_count(t), all = nd_count(x);
  *count = one ? all / one : 0;
  return array_holds(x, t->dtype) && one > 0 && all % one == 0;
}
