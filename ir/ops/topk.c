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

/* Keeps order[0 .. k) of all elements seen so far; v is the first one. */
#define SORT(T)                                                                \
  do {                                                                         \
    const T *v = (const T *)x + start;                                         \
    for (int64_t i = 0; i < s->n; i++) {                                       \
      T a = v[i * s->inner];                                                   \
      int64_t at = i < s->k ? i : s->k;                                        \
      for (; at > 0; at--) {                                                   \
        T b = v[order[at - 1] * s->inner];                                     \
        bool before = s->largest ? a > b || (a != a && b == b)                 \
                                 : a < b || (a == a && b != b);                \
        if (!before)                                                           \
          break;                                                               \
        if (at < s->k)                                                         \
          order[at] = order[at - 1];                                           \
      }                                                                        \
      if (at < s->k)                                                           \
        order[at] = i;                                                         \
    }                                                                          \
  } while (0)

static void sort_line(const Topk *s, Compute c, const void *x, int64_t start,
                      int64_t *order) {
  switch (c) {
  case COMPUTE_f32:
    SORT(float);
    break;
  case COMPUTE_f64:
    SORT(double);
    break;
  case COMPUTE_s64:
    SORT(int64_t);
    break;
  case COMPUTE_u64:
    SORT(uint64_t);
    break;
  }
}

void eval_topk(const Eval *e) {
  const Type *x = eval_in_type(e, 0), *y = eval_out_type(e);
  int axis = (int)e->op->attrs.topk.axis;
  Topk s = {x->dim[axis], y->dim[axis], 1, e->op->attrs.topk.largest};
  for (int d = axis + 1; d < x->rank; d++)
    s.inner *= x->dim[d];
  int64_t lines = type_count(x) / s.n;
  int64_t *order = ARENA_ARRAY(e->scratch, int64_t, s.k);
  const void *data = eval_wide(e, 0);
  for (int64_t line = 0; line < lines; line++) {
    int64_t outer = line / s.inner, inner = line % s.inner;
    int64_t from = outer * s.n * s.inner + inner;
    int64_t to = outer * s.k * s.inner + inner;
    sort_line(&s, dtype_compute(x->dtype), data, from, order);
    for (int64_t k = 0; k < s.k; k++) {
      eval_copy(e, 0, to + k * s.inner, 0, from + order[k] * s.inner, 1);
      element_store(DT_i64, e->out[1], to + k * s.inner, (uint64_t)order[k]);
    }
  }
}
