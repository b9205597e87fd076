/* matmul with numpy's broadcasting of the leading dimensions:
 *
 *   for batch, m, n:
 *     y[m][n] = sum over k of a[m][k] * b[k][n]
 *
 * Floats: k ascending, a fused multiply-add each, from 0. Plain integers wrap
 * at the output's width; bytes are taken minus their zero points. Quantized:
 * requant(n, sum of (a - za) * (b - zb[n])). */
#include <math.h>

#include "ir/ops/map.h"

typedef struct Matmul {
  int64_t batches, m, n, k;
  const int64_t *a_batch, *b_batch; /* (batches) which matrix of a, of b */
} Matmul;

/* (batches) Index of operand i's matrix for every one of the output. */
static const int64_t *batch_index(const Eval *e, int i, int64_t batches) {
  const Type *x = eval_in_type(e, i), *y = eval_out_type(e);
  int64_t *at = ARENA_ARRAY(e->scratch, int64_t, batches);
  for (int64_t b = 0; b < batches; b++) {
    int64_t rest = b, step = 1;
    for (int d = 3; d <= y->rank; d++) {
      int64_t dim = d <= x->rank ? x->dim[x->rank - d] : 1;
      at[b] += dim == 1 ? 0 : rest % y->dim[y->rank - d] * step;
      rest /= y->dim[y->rank - d];
      step *= dim;
    }
  }
  return at;
}

static Matmul matmul_of(const Eval *e) {
  const Type *a = eval_in_type(e, 0), *y = eval_out_type(e);
  Matmul m = {.m = y->dim[y->rank - 2],
              .n = y->dim[y->rank - 1],
              .k = a->dim[a->rank - 1]};
  m.batches = type_count(y) / (m.m * m.n);
  m.a_batch = batch_index(e, 0, m.batches);
  m.b_batch = batch_index(e, 1, m.batches);
  return m;
}

static float step_f32(float a, float b, float sum) { return fmaf(a, b, sum); }
static double step_f64(double a, double b, double sum) {
  return fma(a, b, sum);
}
static uint64_t step_int(uint64_t a, uint64_t b, uint64_t sum) {
  return sum + a * b;
}

/* All products of T, widened operands in, a widened output out. */
#define PRODUCTS(name, T, STEP)                                                \
  static void name(const Matmul *m, const T *a, const T *b, T *y) {            \
    for (int64_t i = 0; i < m->batches; i++)                                   \
      for (int64_t row = 0; row < m->m; row++)                                 \
        for (int64_t col = 0; col < m->n; col++) {                             \
          const T *ar = a + (m->a_batch[i] * m->m + row) * m->k;               \
          const T *bc = b + m->b_batch[i] * m->k * m->n + col;                 \
          T sum = 0;                                                           \
          for (int64_t k = 0; k < m->k; k++)                                   \
            sum = STEP(ar[k], bc[k * m->n], sum);                              \
          *y++ = sum;                                                          \
        }                                                                      \
  }

PRODUCTS(products_f32, float, step_f32)
PRODUCTS(products_f64, double, step_f64)
PRODUCTS(products_int, uint64_t, step_int)

/* Operand i minus its zero points, operand `zero`, which broadcast to it. */
static const uint64_t *centred(const Eval *e, int i, int zero) {
  const uint64_t *x = eval_wide(e, i);
  if (!op_in(e->op, zero))
    return x;
  const uint64_t *z = eval_wide(e, zero);
  const Type *t = eval_in_type(e, i), *zt = eval_in_type(e, zero);
  int64_t n = type_count(t), index[MAX_RANK] = {0}, stride[MAX_RANK];
  uint64_t *y = ARENA_ARRAY(e->scratch, uint64_t, n);
  eval_strides(zt, stride);
  for (int64_t k = 0; k < n; k++) {
    int64_t at = 0;
    for (int d = 0; d < zt->rank; d++)
      if (zt->dim[d] != 1)
        at += index[t->rank - zt->rank + d] * stride[d];
    y[k] = x[k] - z[at];
    eval_next(t, index);
  }
  return y;
}

static void matmul_plain(const Eval *e, const Matmul *m) {
  Compute c = dtype_compute(eval_out_type(e)->dtype);
  int64_t n = type_count(eval_out_type(e));
  void *y = ARENA_ARRAY(e->scratch, uint64_t, n);
  switch (c) {
  case COMPUTE_f32:
    products_f32(m, eval_wide(e, 0), eval_wide(e, 1), y);
    break;
  case COMPUTE_f64:
    products_f64(m, eval_wide(e, 0), eval_wide(e, 1), y);
    break;
  case COMPUTE_s64:
  case COMPUTE_u64:
    products_int(m, centred(e, 0, 2), centred(e, 1, 3), y);
    break;
  }
  eval_narrow(e, c, y);
}

/* Stored values minus their zero points, per column where w has them. */
static const uint64_t *centred_by_type(const Eval *e, int i, int64_t columns) {
  const Type *t = eval_in_type(e, i);
  const int32_t *x = eval_ints(e, i);
  int64_t n = type_count(t);
  uint64_t *y = ARENA_ARRAY(e->scratch, uint64_t, n);
  for (int64_t k = 0; k < n; k++)
    y[k] = (uint64_t)((int64_t)x[k] - type_channel_zero_point(t, k % columns));
  return y;
}

static void matmul_quantized(const Eval *e, const Matmul *m) {
  int64_t n = type_count(eval_out_type(e));
  uint64_t *sum = ARENA_ARRAY(e->scratch, uint64_t, n);
  int32_t *y = ARENA_ARRAY(e->scratch, int32_t, n);
  products_int(m, centred_by_type(e, 0, m->n), centred_by_type(e, 1, m->n),
               sum);
  const Requant *r = eval_requants(e, m->n);
  for (int64_t i = 0; i < n; i++)
    y[i] = requant_apply(&r[i % m->n], (int64_t)sum[i]);
  eval_store(e, y);
}

void eval_matmul(const Eval *e) {
  Matmul m = matmul_of(e);
  if (op_is_plain(e->op))
    matmul_plain(e, &m);
  else
    matmul_quantized(e, &m);
}
