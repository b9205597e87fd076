/* fully_connected:
 *
 *   for each row (all leading dimensions of x), n:
 *     acc = sum over k of (x[row][k] - zx) * (w[n][k] - zw[n])
 *     y[row][n] = requant(n, acc + bias[n])
 *
 * In float: from the bias on, k ascending with fma. */
#include <math.h>

#include "ir/ops/eval.h"

typedef struct Dense {
  int64_t rows, n, k;
} Dense;

static Dense dense_of(const Eval *e) {
  const Type *w = eval_in_type(e, 1);
  Dense d = {.n = w->dim[0], .k = w->dim[1]};
  d.rows = type_count(eval_in_type(e, 0)) / d.k;
  return d;
}

static void dense_int(const Eval *e, const Dense *d) {
  const Type *wt = eval_in_type(e, 1);
  int32_t zx = type_zero_point(eval_in_type(e, 0));
  const int32_t *x = eval_ints_centred(e, 0, zx), *w = eval_ints(e, 1);
  const int64_t *bias = eval_bias(e, d->n);
  const Requant *r = eval_requants(e, d->n);
  int32_t *y = ARENA_ARRAY(e->scratch, int32_t, d->rows * d->n);
  for (int64_t row = 0; row < d->rows; row++)
    for (int64_t n = 0; n < d->n; n++) {
      const int32_t *xr = x + row * d->k, *wr = w + n * d->k;
      int32_t zw = type_channel_zero_point(wt, n);
      int64_t acc = bias[n];
      for (int64_t k = 0; k < d->k; k++)
        acc += (int64_t)xr[k] * (wr[k] - zw);
      y[row * d->n + n] = requant_apply(&r[n], acc);
    }
  eval_store(e, y);
}

static void dense_float(const Eval *e, const Dense *d) {
  const float *x = e->in[0], *w = e->in[1];
  const float *bias = eval_bias_float(e, d->n);
  float *y = e->out[0];
  for (int64_t row = 0; row < d->rows; row++)
    for (int64_t n = 0; n < d->n; n++) {
      float acc = bias[n];
      for (int64_t k = 0; k < d->k; k++)
        acc = fmaf(x[row * d->k + k], w[n * d->k + k], acc);
      y[row * d->n + n] = eval_act(e->op->attrs.dense.act, acc);
    }
}

void eval_fully_connected(const Eval *e) {
  Dense d = dense_of(e);
  if (eval_is_float(e))
    dense_float(e, &d);
  else
    dense_int(e, &d);
}
