/* avg_pool2d and max_pool2d:
 *
 *   for n, oy, ox, c:
 *     over the window's cells inside x (padding is not counted):
 *       avg: sum / count, rounded half away from zero; max: the largest
 *     clamped to the activation's range
 *
 * Input and output have the same scale: the stored values are averaged as
 * they are. Every window has a cell inside (infer_). */
#include <math.h>
#include <string.h>

#include "ir/ops/eval.h"

typedef struct Range {
  int64_t lo, hi;
} Range;

typedef struct Pool {
  const Type *x, *y;
  const PoolAttrs *a;
} Pool;

static Pool pool_of(const Eval *e) {
  return (Pool){eval_in_type(e, 0), eval_out_type(e), &e->op->attrs.pool};
}

/* The window's rows (dim = 0) or columns (dim = 1) inside the input. */
static Range inside(const Pool *p, int dim, int64_t o) {
  int64_t lo = o * p->a->stride.v[dim] - p->a->pad.v[2 * dim];
  int64_t hi = lo + p->a->window.v[dim], in = p->x->dim[1 + dim];
  return (Range){lo < 0 ? 0 : lo, hi > in ? in : hi};
}

static int64_t cell_count(Range ry, Range rx) {
  return (ry.hi - ry.lo) * (rx.hi - rx.lo);
}

/* Runs `each` for every output element `k` with its window in `ry`, `rx`. */
#define FOR_OUTPUTS(p, each)                                                   \
  do {                                                                         \
    int64_t k = 0;                                                             \
    for (int64_t n = 0; n < (p)->y->dim[0]; n++)                               \
      for (int64_t oy = 0; oy < (p)->y->dim[1]; oy++)                          \
        for (int64_t ox = 0; ox < (p)->y->dim[2]; ox++) {                      \
          Range ry = inside((p), 0, oy), rx = inside((p), 1, ox);              \
          for (int64_t c = 0; c < (p)->y->dim[3]; c++, k++)                    \
            each;                                                              \
        }                                                                      \
  } while (0)

/* Runs `each` for every cell `at` of the window. */
#define FOR_CELLS(p, n, ry, rx, c, each)                                       \
  for (int64_t iy = (ry).lo; iy < (ry).hi; iy++)                               \
    for (int64_t ix = (rx).lo; ix < (rx).hi; ix++) {                           \
      int64_t at = (((n) * (p)->x->dim[1] + iy) * (p)->x->dim[2] + ix) *       \
                       (p)->x->dim[3] +                                        \
                   (c);                                                        \
      each;                                                                    \
    }

static int64_t average(const Pool *p, const int32_t *x, int64_t n, Range ry,
                       Range rx, int64_t c) {
  int64_t sum = 0, count = cell_count(ry, rx);
  FOR_CELLS(p, n, ry, rx, c, sum += x[at])
  return (sum > 0 ? sum + count / 2 : sum - count / 2) / count;
}

static int64_t largest(const Pool *p, const int32_t *x, int64_t n, Range ry,
                       Range rx, int64_t c) {
  int64_t max = INT64_MIN;
  FOR_CELLS(p, n, ry, rx, c, max = x[at] > max ? x[at] : max)
  return max;
}

static float average_float(const Pool *p, const float *x, int64_t n, Range ry,
                           Range rx, int64_t c) {
  float sum = 0;
  int64_t count = cell_count(ry, rx);
  FOR_CELLS(p, n, ry, rx, c, sum += x[at])
  return sum / (float)count;
}

static float largest_float(const Pool *p, const float *x, int64_t n, Range ry,
                           Range rx, int64_t c) {
  float max = -INFINITY;
  FOR_CELLS(p, n, ry, rx, c, max = x[at] > max ? x[at] : max)
  return max;
}

typedef int64_t (*IntCell)(const Pool *p, const int32_t *x, int64_t n, Range ry,
                           Range rx, int64_t c);
typedef float (*FloatCell)(const Pool *p, const float *x, int64_t n, Range ry,
                           Range rx, int64_t c);

static void pool_int(const Eval *e, IntCell cell) {
  Pool p = pool_of(e);
  const int32_t *x = eval_ints(e, 0);
  int32_t *y = ARENA_ARRAY(e->scratch, int32_t, type_count(p.y));
  int32_t lo, hi;
  act_range(p.a->act, p.y, &lo, &hi);
  FOR_OUTPUTS(&p, {
    int64_t v = cell(&p, x, n, ry, rx, c);
    y[k] = (int32_t)(v < lo ? lo : v > hi ? hi : v);
  });
  eval_store(e, y);
}

static void pool_float(const Eval *e, FloatCell cell) {
  Pool p = pool_of(e);
  const float *x = e->in[0];
  float *y = e->out[0];
  FOR_OUTPUTS(&p, y[k] = eval_act(p.a->act, cell(&p, x, n, ry, rx, c)));
}

void eval_avg_pool2d(const Eval *e) {
  if (eval_is_float(e))
    pool_float(e, average_float);
  else
    pool_int(e, average);
}

void eval_max_pool2d(const Eval *e) {
  if (eval_is_float(e))
    pool_float(e, largest_float);
  else
    pool_int(e, largest);
}
