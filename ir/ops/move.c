/* Ops that move elements and compute none: pad, reshape, transpose, split,
 * broadcast, strided_slice, resize_nearest; of any type. */
#include <math.h>
#include <string.h>

#include "ir/element.h"
#include "ir/ops/eval.h"

void eval_reshape(const Eval *e) {
  memcpy(e->out[0], e->in[0], (size_t)type_bytes(eval_out_type(e)));
}

static int64_t element_at(int rank, const int64_t *index, const int64_t *step) {
  int64_t at = 0;
  for (int d = 0; d < rank; d++)
    at += index[d] * step[d];
  return at;
}

/* for every output index i: y[i] = x[base + sum_d i[d] * step[d]], with base
 * and step in elements of x. Negative steps walk backwards. */
static void gather(const Eval *e, int64_t base, const int64_t *step) {
  const Type *y = eval_out_type(e);
  int64_t index[MAX_RANK] = {0};
  int64_t count = type_count(y);
  eval_clear(e);
  for (int64_t k = 0; k < count; k++) {
    eval_copy(e, 0, k, 0, base + element_at(y->rank, index, step), 1);
    eval_next(y, index);
  }
}

void eval_transpose(const Eval *e) {
  const Type *x = eval_in_type(e, 0);
  const IntList *perm = &e->op->attrs.perm.perm;
  int64_t stride[MAX_RANK], step[MAX_RANK];
  eval_strides(x, stride);
  for (int d = 0; d < x->rank; d++)
    step[d] = stride[perm->v[d]];
  gather(e, 0, step);
}

void eval_strided_slice(const Eval *e) {
  const Type *x = eval_in_type(e, 0);
  const SliceAttrs *a = &e->op->attrs.slice;
  int64_t stride[MAX_RANK], step[MAX_RANK];
  eval_strides(x, stride);
  int64_t base = 0;
  for (int d = 0; d < x->rank; d++) {
    base += a->begin.n ? a->begin.v[d] * stride[d] : 0;
    step[d] = a->stride.n ? a->stride.v[d] * stride[d] : stride[d];
  }
  gather(e, base, step);
}

/* A dimension of 1, or one that is missing, stays where it is. */
void eval_broadcast(const Eval *e) {
  const Type *x = eval_in_type(e, 0), *y = eval_out_type(e);
  int64_t stride[MAX_RANK], step[MAX_RANK] = {0};
  eval_strides(x, stride);
  for (int d = 0; d < x->rank; d++)
    step[y->rank - x->rank + d] = x->dim[d] == 1 ? 0 : stride[d];
  gather(e, 0, step);
}

/* Fill with the padding element, then put x at its offset. */
void eval_pad(const Eval *e) {
  const Type *x = eval_in_type(e, 0), *y = eval_out_type(e);
  const PadAttrs *a = &e->op->attrs.pad;
  int64_t stride[MAX_RANK], index[MAX_RANK] = {0};
  eval_strides(y, stride);
  int64_t nx = type_count(x), ny = type_count(y);
  int64_t base = element_at(x->rank, a->before.v, stride);
  eval_clear(e);
  for (int64_t k = 0; k < ny; k++)
    element_store(y->dtype, e->out[0], k, (uint64_t)a->value);
  for (int64_t k = 0; k < nx; k++) {
    int64_t at = base + element_at(x->rank, index, stride);
    eval_copy(e, 0, at, 0, k, 1);
    eval_next(x, index);
  }
}

/* Product of the dimensions in [from, to). */
static int64_t extent(const Type *t, int from, int to) {
  int64_t n = 1;
  for (int d = from; d < to; d++)
    n *= t->dim[d];
  return n;
}

/* for outer: for part j: a run of dim[axis] * inner elements to output j */
void eval_split(const Eval *e) {
  const Type *x = eval_in_type(e, 0);
  int axis = (int)e->op->attrs.axis.axis;
  int64_t inner = extent(x, axis + 1, x->rank), outer = extent(x, 0, axis);
  int64_t from = 0;
  eval_clear(e);
  for (int64_t o = 0; o < outer; o++)
    for (int j = 0; j < e->op->nout; j++) {
      int64_t run = e->op->out[j]->type->dim[axis] * inner;
      eval_copy(e, j, o * run, 0, from, run);
      from += run;
    }
}

/* Input coordinate of output coordinate i, in float as TFLite computes it. */
static int64_t nearest(int64_t i, int64_t in, int64_t out,
                       const ResizeAttrs *a) {
  float scale = a->align_corners && out > 1 ? (float)(in - 1) / (float)(out - 1)
                                            : (float)in / (float)out;
  float at = ((float)i + (a->half_pixel_centers ? 0.5f : 0.0f)) * scale;
  int64_t y = (int64_t)(a->align_corners ? roundf(at) : floorf(at));
  return y < 0 ? 0 : y > in - 1 ? in - 1 : y;
}

/* for n, oy, ox: the channels of one input pixel */
void eval_resize_nearest(const Eval *e) {
  const Type *x = eval_in_type(e, 0), *y = eval_out_type(e);
  const ResizeAttrs *a = &e->op->attrs.resize;
  int64_t c = x->dim[3], to = 0;
  eval_clear(e);
  for (int64_t n = 0; n < y->dim[0]; n++)
    for (int64_t oy = 0; oy < y->dim[1]; oy++)
      for (int64_t ox = 0; ox < y->dim[2]; ox++, to += c) {
        int64_t iy = nearest(oy, x->dim[1], y->dim[1], a);
        int64_t ix = nearest(ox, x->dim[2], y->dim[2], a);
        int64_t pixel = (n * x->dim[1] + iy) * x->dim[2] + ix;
        eval_copy(e, 0, to, 0, pixel * c, c);
      }
}
