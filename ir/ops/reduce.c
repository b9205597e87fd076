/* mean over axes:
 *
 *   y[o] = requant(sum over the reduced elements of (x - zx))
 *
 * where the division by their count is part of the multiplier
 * (requant_of). In float: x summed in row-major order, then divided. */
#include "ir/ops/eval.h"

/* step[d]: how far the output index moves with x's dimension d; 0 for
 * reduced ones. */
static void output_steps(const Eval *e, int64_t step[MAX_RANK]) {
  const Type *x = eval_in_type(e, 0);
  const IntList *axes = &e->op->attrs.axes.axes;
  bool reduced[MAX_RANK] = {false};
  for (int i = 0; i < axes->n; i++)
    reduced[axes->v[i]] = true;
  int64_t s = 1;
  for (int d = x->rank - 1; d >= 0; d--) {
    step[d] = reduced[d] ? 0 : s;
    s *= reduced[d] ? 1 : x->dim[d];
  }
}

static int64_t output_at(const Type *x, const int64_t *index,
                         const int64_t *step) {
  int64_t at = 0;
  for (int d = 0; d < x->rank; d++)
    at += index[d] * step[d];
  return at;
}

static void mean_int(const Eval *e, const int64_t *step) {
  const Type *x = eval_in_type(e, 0);
  const int32_t *data = eval_ints_centred(e, 0, type_zero_point(x));
  int64_t ny = type_count(eval_out_type(e)), nx = type_count(x);
  int64_t *sum = ARENA_ARRAY(e->scratch, int64_t, ny);
  int32_t *y = ARENA_ARRAY(e->scratch, int32_t, ny);
  int64_t index[MAX_RANK] = {0};
  for (int64_t i = 0; i < nx; i++) {
    sum[output_at(x, index, step)] += data[i];
    eval_next(x, index);
  }
  Requant r = requant_of(e->op, 0);
  for (int64_t o = 0; o < ny; o++)
    y[o] = requant_apply(&r, sum[o]);
  eval_store(e, y);
}

static void mean_float(const Eval *e, const int64_t *step) {
  const Type *x = eval_in_type(e, 0);
  const float *data = e->in[0];
  float *y = e->out[0];
  int64_t ny = type_count(eval_out_type(e)), nx = type_count(x);
  int64_t index[MAX_RANK] = {0};
  for (int64_t o = 0; o < ny; o++)
    y[o] = 0;
  for (int64_t i = 0; i < nx; i++) {
    y[output_at(x, index, step)] += data[i];
    eval_next(x, index);
  }
  for (int64_t o = 0; o < ny; o++)
    y[o] /= (float)(nx / ny);
}

void eval_mean(const Eval *e) {
  int64_t step[MAX_RANK];
  output_steps(e, step);
  if (eval_is_float(e))
    mean_float(e, step);
  else
    mean_int(e, step);
}
