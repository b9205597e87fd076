/* topk, for every place before and behind the axis:
 *
 *   order the k in 0 .. n - 1 by x[outer, k, inner], the largest (or the
 *   smallest) first, equals by k; take the first of them
 *
 * A NaN counts as larger than any number. */
#include "ir/element.h"
#include "ir/ops/map.h"

typedef struct Topk {
  int64_t n, k, inner;
  bool largest;
} Topk;

#define BEFORE(T)                                                              \
  do {                                                                         \
    T a = ((const T *)x)[i * s->inner], b = ((const T *)x)[k * s->inner];      \
    return s->largest ? a > b || (a != a && b == b)                            \
                      : a < b || (a == a && b != b);                           \
  } while (0)

/* Does element i of the line at x come before element k, wherever they are? */
static bool comes_before(const Topk *s, Compute c, const void *x, int64_t i,
                         int64_t k) {
  switch (c) {
  case COMPUTE_f32:
    BEFORE(float);
  case COMPUTE_f64:
    BEFORE(double);
  case COMPUTE_s64:
    BEFORE(int64_t);
  case COMPUTE_u64:
    BEFORE(uint64_t);
  }
  return false;
}

/* Merges runs of `width` of `from` pairwise to `to`, (n) each. */
static void merge_runs(const Topk *s, Compute c, const void *x, int64_t width,
                       const int64_t *from, int64_t *to) {
  for (int64_t lo = 0; lo < s->n; lo += 2 * width) {
    int64_t mid = lo + width < s->n ? lo + width : s->n;
    int64_t hi = mid + width < s->n ? mid + width : s->n;
    for (int64_t i = lo, k = mid, at = lo; at < hi; at++) {
      bool second =
          i == mid || (k < hi && comes_before(s, c, x, from[k], from[i]));
      to[at] = second ? from[k++] : from[i++];
    }
  }
}

/* (n) The line's elements in order; a and b are of that size. */
static const int64_t *sort_line(const Topk *s, Compute c, const void *x,
                                int64_t *a, int64_t *b) {
  for (int64_t i = 0; i < s->n; i++)
    a[i] = i;
  for (int64_t width = 1; width < s->n; width *= 2) {
    merge_runs(s, c, x, width, a, b);
    int64_t *merged = b;
    b = a;
    a = merged;
  }
  return a;
}

/* The line's first element; what is computed in takes 4 or 8 bytes. */
static const void *line_at(Compute c, const void *x, int64_t from) {
  return (const char *)x + from * (c == COMPUTE_f32 ? 4 : 8);
}

void eval_topk(const Eval *e) {
  const Type *x = eval_in_type(e, 0), *y = eval_out_type(e);
  int axis = (int)e->op->attrs.topk.axis;
  Topk s = {x->dim[axis], y->dim[axis], 1, e->op->attrs.topk.largest};
  for (int d = axis + 1; d < x->rank; d++)
    s.inner *= x->dim[d];
  int64_t lines = type_count(x) / s.n;
  int64_t *a = ARENA_ARRAY(e->scratch, int64_t, s.n);
  int64_t *b = ARENA_ARRAY(e->scratch, int64_t, s.n);
  Compute c = dtype_compute(x->dtype);
  const void *data = eval_wide(e, 0);
  for (int64_t line = 0; line < lines; line++) {
    int64_t outer = line / s.inner, inner = line % s.inner;
    int64_t from = outer * s.n * s.inner + inner;
    int64_t to = outer * s.k * s.inner + inner;
    const int64_t *order = sort_line(&s, c, line_at(c, data, from), a, b);
    for (int64_t k = 0; k < s.k; k++) {
      eval_copy(e, 0, to + k * s.inner, 0, from + order[k] * s.inner, 1);
      element_store(DT_i64, e->out[1], to + k * s.inner, (uint64_t)order[k]);
    }
  }
}
