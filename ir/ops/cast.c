/* cast between all element types, and bitcast.
 *
 *   float to integer: truncated, saturated; NaN gives 0
 *   integer to integer: the low bits, or saturated where the op says so
 *   to float: rounded to nearest, ties to even; to f16 and bf16 by way of f32
 *   to bool: not 0 (NaN is true) */
#include <math.h>
#include <string.h>

#include "ir/ops/map.h"

/* x limited to [lo, hi] and truncated; the limits are compared as doubles, so
 * 2^63 and 2^64 are caught before they are converted. */
static uint64_t truncate_signed(double x, DType t) {
  int64_t lo = dtype_min(t), hi = dtype_max(t);
  if (isnan(x))
    return 0;
  if (x <= (double)lo)
    return (uint64_t)lo;
  return (uint64_t)(x >= (double)hi ? hi : (int64_t)x);
}

static uint64_t unsigned_max(DType t) {
  return t == DT_u64 ? UINT64_MAX : (uint64_t)dtype_max(t);
}

static uint64_t truncate_unsigned(double x, DType t) {
  uint64_t hi = unsigned_max(t);
  if (!(x > 0))
    return 0;
  return x >= (double)hi ? hi : (uint64_t)x;
}

static uint64_t float_to_bits(double x, DType t) {
  if (t == DT_bool)
    return x != 0;
  return dtype_is_signed(t) ? truncate_signed(x, t) : truncate_unsigned(x, t);
}

/* x is a signed value when from_signed. */
static uint64_t saturate(uint64_t x, bool from_signed, DType t) {
  bool negative = from_signed && (int64_t)x < 0;
  if (!dtype_is_signed(t))
    return negative ? 0 : x > unsigned_max(t) ? unsigned_max(t) : x;
  if (negative)
    return (int64_t)x < dtype_min(t) ? (uint64_t)dtype_min(t) : x;
  return x > (uint64_t)dtype_max(t) ? (uint64_t)dtype_max(t) : x;
}

/* Element k as a double, which holds every float; where `from` is an integer
 * too wide for that, see to_float. */
static double float_at(Compute from, const void *x, int64_t k) {
  return from == COMPUTE_f32 ? (double)((const float *)x)[k]
                             : ((const double *)x)[k];
}

static void cast_to_integer(const Eval *e, Compute from, const void *x) {
  DType t = eval_out_type(e)->dtype;
  int64_t n = type_count(eval_out_type(e));
  const uint64_t *bits = x;
  bool wraps = !e->op->attrs.cast.saturate || t == DT_bool;
  uint64_t *y = ARENA_ARRAY(e->scratch, uint64_t, n);
  for (int64_t k = 0; k < n; k++)
    if (from == COMPUTE_f32 || from == COMPUTE_f64)
      y[k] = float_to_bits(float_at(from, x, k), t);
    else
      y[k] = wraps ? bits[k] : saturate(bits[k], from == COMPUTE_s64, t);
  eval_narrow(e, COMPUTE_u64, y);
}

#define CONVERT(To, From)                                                      \
  for (int64_t k = 0; k < n; k++)                                              \
    ((To *)y)[k] = (To)((const From *)x)[k];                                   \
  break

static void convert_f32(Compute from, const void *x, int64_t n, float *y) {
  switch (from) {
  case COMPUTE_f32:
    CONVERT(float, float);
  case COMPUTE_f64:
    CONVERT(float, double);
  case COMPUTE_s64:
    CONVERT(float, int64_t);
  case COMPUTE_u64:
    CONVERT(float, uint64_t);
  }
}

static void convert_f64(Compute from, const void *x, int64_t n, double *y) {
  switch (from) {
  case COMPUTE_f32:
    CONVERT(double, float);
  case COMPUTE_f64:
    CONVERT(double, double);
  case COMPUTE_s64:
    CONVERT(double, int64_t);
  case COMPUTE_u64:
    CONVERT(double, uint64_t);
  }
}

void eval_cast(const Eval *e) {
  Compute from = dtype_compute(eval_in_type(e, 0)->dtype);
  Compute to = dtype_compute(eval_out_type(e)->dtype);
  int64_t n = type_count(eval_out_type(e));
  const void *x = eval_wide(e, 0);
  if (to == COMPUTE_s64 || to == COMPUTE_u64) {
    cast_to_integer(e, from, x);
    return;
  }
  void *y = ARENA_ARRAY(e->scratch, double, n);
  if (to == COMPUTE_f64)
    convert_f64(from, x, n, y);
  else
    convert_f32(from, x, n, y);
  eval_narrow(e, to, y);
}

void eval_bitcast(const Eval *e) {
  memcpy(e->out[0], e->in[0], (size_t)type_bytes(eval_out_type(e)));
}
