/* window_sum, window_max, window_argmax:
 *
 *   for o in y: over k in the window, row-major,
 *   with i = o * stride - before + k * dilation inside x:
 *     y = f(y, x[i])
 *
 * with f the op add or max of map.def, from 0 or the lowest value of the
 * type. argmax has the row-major index of the first i that max took its
 * value from, 0 where all is padding. */
#include <math.h>

#include "ir/ops/map.h"

typedef struct Windows {
  const Type *x, *y;
  int64_t window[MAX_RANK], stride[MAX_RANK], dilation[MAX_RANK],
      before[MAX_RANK];
  int64_t x_stride[MAX_RANK];
} Windows;

static Windows windows_of(const Eval *e) {
  const WindowAttrs *a = &e->op->attrs.window;
  Windows w = {.x = eval_in_type(e, 0), .y = eval_out_type(e)};
  for (int d = 0; d < w.x->rank; d++) {
    w.window[d] = a->window.n ? a->window.v[d] : 1;
    w.stride[d] = a->stride.n ? a->stride.v[d] : 1;
    w.dilation[d] = a->dilation.n ? a->dilation.v[d] : 1;
    w.before[d] = a->before.n ? a->before.v[d] : 0;
  }
  eval_strides(w.x, w.x_stride);
  return w;
}

/* The taps of one output that lie inside of x. */
typedef struct Taps {
  Type count;    /* for its shape */
  int64_t first; /* index of the first one's element */
  int64_t step[MAX_RANK];
} Taps;

/* false: all is padding. */
static bool taps_inside(const Windows *w, const int64_t *o, Taps *t) {
  *t = (Taps){.count.rank = w->x->rank};
  for (int d = 0; d < w->x->rank; d++) {
    int64_t dilation = w->dilation[d];
    int64_t base = o[d] * w->stride[d] - w->before[d];
    int64_t last = w->x->dim[d] - 1 - base;
    int64_t lo = base < 0 ? (dilation - 1 - base) / dilation : 0;
    int64_t hi = last < 0 ? 0 : last / dilation + 1;
    hi = hi < w->window[d] ? hi : w->window[d];
    if (lo >= hi)
      return false;
    t->count.dim[d] = hi - lo;
    t->first += (base + lo * dilation) * w->x_stride[d];
    t->step[d] = dilation * w->x_stride[d];
  }
  return true;
}

static int64_t element_under(const Taps *t, const int64_t *k) {
  int64_t at = t->first;
  for (int d = 0; d < t->count.rank; d++)
    at += k[d] * t->step[d];
  return at;
}

/* y[o] = f over its window; where `place` is given, that of the value. */
#define WINDOWS(T, first, f)                                                   \
  do {                                                                         \
    int64_t o[MAX_RANK] = {0}, n = 0;                                          \
    do {                                                                       \
      int64_t k[MAX_RANK] = {0}, found = -1;                                   \
      Taps taps;                                                               \
      T y = (T)(first);                                                        \
      bool more = taps_inside(w, o, &taps);                                    \
      for (; more; more = eval_next(&taps.count, k)) {                         \
        int64_t at = element_under(&taps, k);                                  \
        T v = ((const T *)x)[at];                                              \
        if (found < 0 || v > y || (v != v && y == y))                          \
          found = at;                                                          \
        y = f(y, v, 0);                                                        \
      }                                                                        \
      if (place)                                                               \
        place[n] = found < 0 ? 0 : found;                                      \
      ((T *)result)[n++] = y;                                                  \
    } while (eval_next(w->y, o));                                              \
  } while (0)

/* (count of y) In what x is computed in. */
static void *all_windows(const Eval *e, const Windows *w, bool sums,
                         int64_t *place) {
  const MapFunctions *f = map_functions(sums ? OP_add : OP_max);
  const void *x = eval_wide(e, 0);
  void *result = ARENA_ARRAY(e->scratch, uint64_t, type_count(w->y));
  DType t = w->x->dtype;
  switch (dtype_compute(t)) {
  case COMPUTE_f32:
    WINDOWS(float, sums ? 0 : -INFINITY, f->f32);
    break;
  case COMPUTE_f64:
    WINDOWS(double, sums ? 0 : -(double)INFINITY, f->f64);
    break;
  case COMPUTE_s64:
    WINDOWS(int64_t, sums ? 0 : dtype_min(t), f->s64);
    break;
  case COMPUTE_u64:
    WINDOWS(uint64_t, 0, f->u64);
    break;
  }
  return result;
}

static void windows(const Eval *e, bool sums) {
  Windows w = windows_of(e);
  eval_narrow(e, dtype_compute(w.x->dtype), all_windows(e, &w, sums, NULL));
}

void eval_window_sum(const Eval *e) { windows(e, true); }
void eval_window_max(const Eval *e) { windows(e, false); }

void eval_window_argmax(const Eval *e) {
  Windows w = windows_of(e);
  int64_t *place = ARENA_ARRAY(e->scratch, int64_t, type_count(w.y));
  all_windows(e, &w, false, place);
  eval_narrow(e, COMPUTE_s64, place);
}
