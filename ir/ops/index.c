/* Ops that read where indices say:
 *
 *   gather           y[o, i, n] = x[o, index[i], n]
 *   gather_elements  y[i] = x[i with i[axis] = index[i]]
 *   gather_nd        y[b, i, n] = x[b, index[b, i, :], n]
 *   lut              y[i] = table[x[i] - least x]
 *
 * An index below 0 counts from the end; what is outside then becomes the
 * nearest inside. */
#include "ir/ops/index.h"

#include "ir/ops/map.h"

/* Product of the dimensions in [from, to). */
static int64_t extent(const Type *t, int from, int to) {
  int64_t n = 1;
  for (int d = from; d < to; d++)
    n *= t->dim[d];
  return n;
}

/* Index i of a dimension of n. */
static int64_t inside(int64_t i, int64_t n) {
  i = i < 0 ? i + n : i;
  return i < 0 ? 0 : i >= n ? n - 1 : i;
}

void eval_gather(const Eval *e) {
  const Type *x = eval_in_type(e, 0);
  int axis = (int)e->op->attrs.gather.axis;
  int64_t outer = extent(x, 0, axis), inner = extent(x, axis + 1, x->rank);
  int64_t n = x->dim[axis], count = type_count(eval_in_type(e, 1)), to = 0;
  const int64_t *index = eval_wide(e, 1);
  eval_clear(e);
  for (int64_t o = 0; o < outer; o++)
    for (int64_t i = 0; i < count; i++, to += inner)
      eval_copy(e, 0, to, 0, (o * n + inside(index[i], n)) * inner, inner);
}

Slices slices_of_elements(const Eval *e, int64_t axis) {
  const Type *x = eval_in_type(e, 0), *t = eval_in_type(e, 1);
  const int64_t *index = eval_wide(e, 1);
  int64_t stride[MAX_RANK], at[MAX_RANK] = {0}, n = type_count(t);
  int64_t *named = ARENA_ARRAY(e->scratch, int64_t, n);
  eval_strides(x, stride);
  for (int64_t k = 0; k < n; k++) {
    for (int d = 0; d < x->rank; d++) {
      int64_t i = d == axis ? inside(index[k], x->dim[d]) : at[d];
      named[k] += i * stride[d];
    }
    eval_next(t, at);
  }
  return (Slices){n, 1, named};
}

Slices slices_of_vectors(const Eval *e, int batch) {
  const Type *x = eval_in_type(e, 0), *t = eval_in_type(e, 1);
  const int64_t *index = eval_wide(e, 1);
  int length = (int)t->dim[t->rank - 1];
  int64_t stride[MAX_RANK], n = type_count(t) / length;
  int64_t per_batch = n / extent(t, 0, batch);
  int64_t batch_step = extent(x, batch, x->rank);
  int64_t *at = ARENA_ARRAY(e->scratch, int64_t, n);
  eval_strides(x, stride);
  for (int64_t k = 0; k < n; k++) {
    at[k] = k / per_batch * batch_step;
    for (int d = 0; d < length; d++)
      at[k] += inside(*index++, x->dim[batch + d]) * stride[batch + d];
  }
  return (Slices){n, extent(x, batch + length, x->rank), at};
}

static void gather_slices(const Eval *e, Slices s) {
  eval_clear(e);
  for (int64_t k = 0; k < s.n; k++)
    eval_copy(e, 0, k * s.elements, 0, s.at[k], s.elements);
}

void eval_gather_elements(const Eval *e) {
  gather_slices(e, slices_of_elements(e, e->op->attrs.gather.axis));
}

void eval_gather_nd(const Eval *e) {
  gather_slices(e,
                slices_of_vectors(e, (int)e->op->attrs.gather_nd.batch_dims));
}

void eval_lut(const Eval *e) {
  const Type *x = eval_in_type(e, 0);
  const uint8_t *from = e->in[0];
  int flip = x->dtype == DT_i8 ? 0x80 : 0;
  int64_t count = type_count(x);
  for (int64_t k = 0; k < count; k++)
    eval_copy(e, 0, k, 1, from[k] ^ flip, 1);
}
