/* Reductions over axes: the output element that an input element belongs to
 * takes it in, in row-major order.
 *
 *   quantized mean: y[o] = requant(sum of (x - zx)), where the division by
 *     their count is part of the multiplier (requant_of)
 *   mean: summed as reduce_sum, then divided by the count
 *   reduce_sum, _prod, _max, _min: y[o] = f(y[o], x), from 0, 1 or the
 *     extreme of the type, with f the op add, mul, max or min of map.def */
#include <math.h>

#include "ir/ops/map.h"

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

/* (count of x) The output element of every element of x. */
static const int64_t *output_index(const Eval *e) {
  const Type *x = eval_in_type(e, 0);
  int64_t step[MAX_RANK], index[MAX_RANK] = {0}, n = type_count(x);
  int64_t *at = ARENA_ARRAY(e->scratch, int64_t, n);
  output_steps(e, step);
  for (int64_t i = 0; i < n; i++) {
    for (int d = 0; d < x->rank; d++)
      at[i] += index[d] * step[d];
    eval_next(x, index);
  }
  return at;
}

static void mean_int(const Eval *e) {
  const Type *x = eval_in_type(e, 0);
  const int32_t *data = eval_ints_centred(e, 0, type_zero_point(x));
  const int64_t *at = output_index(e);
  int64_t ny = type_count(eval_out_type(e)), nx = type_count(x);
  int64_t *sum = ARENA_ARRAY(e->scratch, int64_t, ny);
  int32_t *y = ARENA_ARRAY(e->scratch, int32_t, ny);
  for (int64_t i = 0; i < nx; i++)
    sum[at[i]] += data[i];
  Requant r = requant_of(e->op, 0);
  for (int64_t o = 0; o < ny; o++)
    y[o] = requant_apply(&r, sum[o]);
  eval_store(e, y);
}

/* y[o] = f(y[o], x[i]), from `first` on. */
#define FOLD(T, f, first)                                                      \
  do {                                                                         \
    const T *x = data;                                                         \
    T *y = result;                                                             \
    for (int64_t o = 0; o < ny; o++)                                           \
      y[o] = (T)(first);                                                       \
    for (int64_t i = 0; i < nx; i++)                                           \
      y[at[i]] = f(y[at[i]], x[i], 0);                                         \
  } while (0)

typedef struct Fold {
  OpKind f;     /* of map.def */
  double first; /* for floats */
  int64_t s64;  /* for signed integers */
  uint64_t u64; /* for unsigned ones */
} Fold;

/* Elements of the computed type, (count of output 0). */
static void *fold(const Eval *e, const Fold *fold) {
  const MapFunctions *f = map_functions(fold->f);
  const void *data = eval_wide(e, 0);
  const int64_t *at = output_index(e);
  int64_t nx = type_count(eval_in_type(e, 0));
  int64_t ny = type_count(eval_out_type(e));
  void *result = ARENA_ARRAY(e->scratch, uint64_t, ny);
  switch (dtype_compute(eval_in_type(e, 0)->dtype)) {
  case COMPUTE_f32:
    FOLD(float, f->f32, fold->first);
    break;
  case COMPUTE_f64:
    FOLD(double, f->f64, fold->first);
    break;
  case COMPUTE_s64:
    FOLD(int64_t, f->s64, fold->s64);
    break;
  case COMPUTE_u64:
    FOLD(uint64_t, f->u64, fold->u64);
    break;
  }
  return result;
}

static const Fold sum = {OP_add, 0, 0, 0};
static const Fold product = {OP_mul, 1, 1, 1};
static const Fold maximum = {OP_max, -INFINITY, INT64_MIN, 0};
static const Fold minimum = {OP_min, INFINITY, INT64_MAX, UINT64_MAX};

static void reduce(const Eval *e, const Fold *f) {
  eval_narrow(e, dtype_compute(eval_in_type(e, 0)->dtype), fold(e, f));
}

void eval_reduce_sum(const Eval *e) { reduce(e, &sum); }
void eval_reduce_prod(const Eval *e) { reduce(e, &product); }
void eval_reduce_max(const Eval *e) { reduce(e, &maximum); }
void eval_reduce_min(const Eval *e) { reduce(e, &minimum); }

static void mean_float(const Eval *e) {
  Compute c = dtype_compute(eval_in_type(e, 0)->dtype);
  int64_t ny = type_count(eval_out_type(e));
  int64_t n = type_count(eval_in_type(e, 0)) / ny;
  void *y = fold(e, &sum);
  for (int64_t o = 0; o < ny; o++)
    if (c == COMPUTE_f64)
      ((double *)y)[o] /= (double)n;
    else
      ((float *)y)[o] /= (float)n;
  eval_narrow(e, c, y);
}

void eval_mean(const Eval *e) {
  if (eval_is_float(e))
    mean_float(e);
  else
    mean_int(e);
}
