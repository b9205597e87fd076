/* softmax of the last axis, row by row:
 *
 *   8 bits: the fixed-point sequence of SoftmaxStep (fixed.h)
 *   16 bits: e^d and the reciprocal of the sum from interpolated tables
 *   float: e^(beta (x - max)) divided by their sum, in order */
#include <math.h>

#include "ir/fixed.h"
#include "ir/fixed16.h"
#include "ir/ops/map.h"
#include "ir/real.h"
#include "ir/scalar.h"

typedef struct Rows {
  int64_t count, depth;
} Rows;

static Rows rows_of(const Eval *e) {
  const Type *x = eval_in_type(e, 0);
  int64_t depth = x->dim[x->rank - 1];
  return (Rows){type_count(x) / depth, depth};
}

static int32_t row_max(const int32_t *x, int64_t n) {
  int32_t max = INT32_MIN;
  for (int64_t i = 0; i < n; i++)
    max = x[i] > max ? x[i] : max;
  return max;
}

/* The sum saturates; up to 4 095 elements it cannot get there. */
static void softmax_row8(const SoftmaxStep *s, const int32_t *x, int64_t n,
                         int32_t *y) {
  int32_t max = row_max(x, n);
  int64_t total = 0;
  for (int64_t i = 0; i < n; i++)
    total += rounding_divide_by_pot(softmax_exp(s, x[i] - max), 12);
  if (total > INT32_MAX)
    total = INT32_MAX;
  SoftmaxScale scale = softmax_scale(s, (int32_t)total);
  for (int64_t i = 0; i < n; i++)
    y[i] = softmax_output(s, softmax_exp(s, x[i] - max), scale);
}

/* --- by type ----------------------------------------------------------- */

static void softmax_int(const Eval *e) {
  Rows r = rows_of(e);
  const int32_t *x = eval_ints(e, 0);
  int32_t *y = ARENA_ARRAY(e->scratch, int32_t, r.count *r.depth);
  bool wide = eval_in_type(e, 0)->dtype == DT_i16;
  SoftmaxStep s8 = softmax_step_of(e->op);
  Softmax16 *s16 = ARENA_NEW(e->scratch, Softmax16);
  softmax16_init(s16, e->op);
  for (int64_t i = 0; i < r.count; i++) {
    const int32_t *xr = x + i * r.depth;
    if (wide)
      softmax16_row(s16, xr, r.depth, y + i * r.depth);
    else
      softmax_row8(&s8, xr, r.depth, y + i * r.depth);
  }
  eval_store(e, y);
}

static void softmax_row_f32(float beta, const float *x, int64_t n, float *y) {
  float max = -INFINITY, sum = 0;
  for (int64_t i = 0; i < n; i++)
    max = x[i] > max ? x[i] : max;
  for (int64_t i = 0; i < n; i++) {
    y[i] = scalar_exp_f32((x[i] - max) * beta);
    sum += y[i];
  }
  for (int64_t i = 0; i < n; i++)
    y[i] /= sum;
}

static void softmax_row_f64(double beta, const double *x, int64_t n,
                            double *y) {
  double max = -INFINITY, sum = 0;
  for (int64_t i = 0; i < n; i++)
    max = x[i] > max ? x[i] : max;
  for (int64_t i = 0; i < n; i++) {
    y[i] = scalar_exp_f64((x[i] - max) * beta);
    sum += y[i];
  }
  for (int64_t i = 0; i < n; i++)
    y[i] /= sum;
}

static void softmax_float(const Eval *e) {
  Rows r = rows_of(e);
  Compute c = dtype_compute(eval_out_type(e)->dtype);
  float beta = e->op->attrs.softmax.beta;
  const void *x = eval_wide(e, 0);
  double *y = ARENA_ARRAY(e->scratch, double, r.count *r.depth);
  for (int64_t i = 0; i < r.count * r.depth; i += r.depth)
    if (c == COMPUTE_f64)
      softmax_row_f64((double)beta, (const double *)x + i, r.depth, y + i);
    else
      softmax_row_f32(beta, (const float *)x + i, r.depth, (float *)y + i);
  eval_narrow(e, c, y);
}

void eval_softmax(const Eval *e) {
  if (eval_is_float(e))
    softmax_float(e);
  else
    softmax_int(e);
}
