/* Between storage and what is computed in: f16, bf16 and f32 in float, f64 in
 * double, integers and bool in 64 bits. */
#include "ir/element.h"
#include "ir/ops/map.h"

static uint64_t low_bits(DType t, uint64_t x) {
  int bits = t == DT_bool ? 1 : dtype_bits(t);
  return bits == 64 ? x : x & ((UINT64_C(1) << bits) - 1);
}

const void *eval_wide(const Eval *e, int i) {
  const Type *t = eval_in_type(e, i);
  const void *data = e->in[i];
  int64_t n = type_count(t);
  if (t->dtype == DT_f32 || t->dtype == DT_f64)
    return data;
  if (dtype_is_float(t->dtype)) {
    float *y = ARENA_ARRAY(e->scratch, float, n);
    for (int64_t k = 0; k < n; k++)
      y[k] =
          (float)element_to_double(t->dtype, element_load(t->dtype, data, k));
    return y;
  }
  uint64_t *y = ARENA_ARRAY(e->scratch, uint64_t, n);
  for (int64_t k = 0; k < n; k++) {
    uint64_t bits = element_load(t->dtype, data, k);
    y[k] = dtype_is_signed(t->dtype) ? (uint64_t)element_to_int(t->dtype, bits)
                                     : low_bits(t->dtype, bits);
  }
  return y;
}

static uint64_t float_bits(DType t, double x) {
  return t == DT_bool ? x != 0 : element_from_double(t, x);
}

static uint64_t integer_bits(DType t, uint64_t x) {
  return t == DT_bool ? x != 0 : low_bits(t, x);
}

void eval_narrow(const Eval *e, Compute c, const void *y) {
  DType t = eval_out_type(e)->dtype;
  int64_t n = type_count(eval_out_type(e));
  void *out = e->out[0];
  eval_clear(e);
  for (int64_t k = 0; k < n; k++)
    switch (c) {
    case COMPUTE_f32:
      element_store(t, out, k, float_bits(t, (double)((const float *)y)[k]));
      break;
    case COMPUTE_f64:
      element_store(t, out, k, float_bits(t, ((const double *)y)[k]));
      break;
    case COMPUTE_s64:
    case COMPUTE_u64:
      element_store(t, out, k, integer_bits(t, ((const uint64_t *)y)[k]));
      break;
    }
}

const int64_t *eval_index_map(const Eval *e, int i) {
  const Type *x = eval_in_type(e, i), *y = eval_out_type(e);
  int64_t stride[MAX_RANK], step[MAX_RANK] = {0};
  eval_strides(x, stride);
  for (int d = 0; d < x->rank; d++)
    if (x->dim[d] != 1)
      step[d + y->rank - x->rank] = stride[d];
  int64_t count = type_count(y), index[MAX_RANK] = {0};
  int64_t *at = ARENA_ARRAY(e->scratch, int64_t, count);
  for (int64_t k = 0; k < count; k++) {
    for (int d = 0; d < y->rank; d++)
      at[k] += index[d] * step[d];
    eval_next(y, index);
  }
  return at;
}
