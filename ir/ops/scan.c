/* The ops that go along one axis, for every place before and behind it:
 *
 *   argmax, argmin: the k with the best x[outer, k, inner], the first one
 *     such or, with select_last, the last; a NaN is no better than anything
 *   cumsum, cumprod: y[outer, k, inner] = f of all x up to k, in order, with
 *     `exclusive` up to k - 1; from the end with `reverse` */
#include "ir/ops/map.h"

typedef struct Lines {
  int64_t outer, n, inner; /* n: extent of the axis */
} Lines;

static Lines lines_of(const Type *t, int64_t axis) {
  Lines l = {1, t->dim[axis], 1};
  for (int64_t d = 0; d < t->rank; d++) {
    if (d < axis)
      l.outer *= t->dim[d];
    if (d > axis)
      l.inner *= t->dim[d];
  }
  return l;
}

/* Where line `i` of outer * inner starts; its elements are l.inner apart. */
static int64_t line_start(Lines l, int64_t i) {
  return i / l.inner * l.n * l.inner + i % l.inner;
}

/* --- argmax, argmin ---------------------------------------------------- */

#define BEST(T)                                                                \
  do {                                                                         \
    const T *v = (const T *)x + start;                                         \
    for (int64_t k = 1; k < l.n; k++) {                                        \
      T a = v[k * l.inner], b = v[best * l.inner];                             \
      if ((largest ? a > b : a < b) || (last && a == b))                       \
        best = k;                                                              \
    }                                                                          \
  } while (0)

static uint64_t best_of(Compute c, const void *x, Lines l, int64_t start,
                        bool largest, bool last) {
  int64_t best = 0;
  switch (c) {
  case COMPUTE_f32:
    BEST(float);
    break;
  case COMPUTE_f64:
    BEST(double);
    break;
  case COMPUTE_s64:
    BEST(int64_t);
    break;
  case COMPUTE_u64:
    BEST(uint64_t);
    break;
  }
  return (uint64_t)best;
}

static void arg(const Eval *e, bool largest) {
  const ArgAttrs *a = &e->op->attrs.arg;
  const Type *t = eval_in_type(e, 0);
  Lines l = lines_of(t, a->axis);
  const void *x = eval_wide(e, 0);
  uint64_t *y = ARENA_ARRAY(e->scratch, uint64_t, l.outer *l.inner);
  for (int64_t i = 0; i < l.outer * l.inner; i++)
    y[i] = best_of(dtype_compute(t->dtype), x, l, line_start(l, i), largest,
                   a->select_last);
  eval_narrow(e, COMPUTE_u64, y);
}

void eval_argmax(const Eval *e) { arg(e, true); }
void eval_argmin(const Eval *e) { arg(e, false); }

/* --- cumsum, cumprod --------------------------------------------------- */

#define SCAN(T, f)                                                             \
  do {                                                                         \
    const T *v = x;                                                            \
    T *y = result, total = (T)first;                                           \
    for (int64_t k = 0; k < l.n; k++) {                                        \
      int64_t at = start + (a->reverse ? l.n - 1 - k : k) * l.inner;           \
      T next = f(total, v[at], 0);                                             \
      y[at] = a->exclusive ? total : next;                                     \
      total = next;                                                            \
    }                                                                          \
  } while (0)

static void scan_line(const Eval *e, const MapFunctions *f, int first,
                      const void *x, Lines l, int64_t start, void *result) {
  const CumAttrs *a = &e->op->attrs.cum;
  switch (dtype_compute(eval_in_type(e, 0)->dtype)) {
  case COMPUTE_f32:
    SCAN(float, f->f32);
    break;
  case COMPUTE_f64:
    SCAN(double, f->f64);
    break;
  case COMPUTE_s64:
    SCAN(int64_t, f->s64);
    break;
  case COMPUTE_u64:
    SCAN(uint64_t, f->u64);
    break;
  }
}

static void scan(const Eval *e, OpKind f, int first) {
  const Type *t = eval_in_type(e, 0);
  Lines l = lines_of(t, e->op->attrs.cum.axis);
  const void *x = eval_wide(e, 0);
  void *y = ARENA_ARRAY(e->scratch, uint64_t, type_count(t));
  for (int64_t i = 0; i < l.outer * l.inner; i++)
    scan_line(e, map_functions(f), first, x, l, line_start(l, i), y);
  eval_narrow(e, dtype_compute(t->dtype), y);
}

void eval_cumsum(const Eval *e) { scan(e, OP_add, 0); }
void eval_cumprod(const Eval *e) { scan(e, OP_mul, 1); }
