/* Ops that move elements and compute none: pad, reshape, transpose, split,
 * strided_slice, resize_nearest. They work on bytes, whatever the type. */
#include <math.h>
#include <string.h>

#include "ir/ops/eval.h"

static const char *source(const Eval *e) { return e->in[0]; }

static char *target(const Eval *e, int j) { return e->out[j]; }

void eval_reshape(const Eval *e) {
  memcpy(e->out[0], e->in[0], (size_t)type_bytes(eval_out_type(e)));
}

/* for every output index i: y[i] = x[sum_d begin[d] + i[d] * step[d]],
 * with begin and step in elements of x. Negative steps walk backwards. */
static void gather(const Eval *e, int64_t base, const int64_t *step) {
  const Type *y = eval_out_type(e);
  size_t elem = eval_elem_bytes(y);
  int64_t index[MAX_RANK] = {0};
  int64_t count = type_count(y);
  for (int64_t k = 0; k < count; k++) {
    int64_t at = base;
    for (int d = 0; d < y->rank; d++)
      at += index[d] * step[d];
    memcpy(target(e, 0) + (size_t)k * elem, source(e) + (size_t)at * elem,
           elem);
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

/* Fill with the padding element, then put x at its offset. */
void eval_pad(const Eval *e) {
  const Type *x = eval_in_type(e, 0), *y = eval_out_type(e);
  const PadAttrs *a = &e->op->attrs.pad;
  size_t elem = eval_elem_bytes(y);
  for (int64_t k = 0; k < type_count(y); k++)
    memcpy(target(e, 0) + (size_t)k * elem, &a->value, elem);
  int64_t stride[MAX_RANK], index[MAX_RANK] = {0};
  eval_strides(y, stride);
  int64_t count = type_count(x);
  for (int64_t k = 0; k < count; k++) {
    int64_t at = 0;
    for (int d = 0; d < x->rank; d++)
      at += (index[d] + a->before.v[d]) * stride[d];
    memcpy(target(e, 0) + (size_t)at * elem, source(e) + (size_t)k * elem,
           elem);
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
  size_t inner = (size_t)extent(x, axis + 1, x->rank) * eval_elem_bytes(x);
  const char *from = source(e);
  for (int64_t outer = 0; outer < extent(x, 0, axis); outer++)
    for (int j = 0; j < e->op->nout; j++) {
      size_t run = (size_t)e->op->out[j]->type->dim[axis] * inner;
      memcpy(target(e, j) + (size_t)outer * run, from, run);
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
  size_t pixel = (size_t)x->dim[3] * eval_elem_bytes(x);
  char *to = target(e, 0);
  for (int64_t n = 0; n < y->dim[0]; n++)
    for (int64_t oy = 0; oy < y->dim[1]; oy++)
      for (int64_t ox = 0; ox < y->dim[2]; ox++) {
        int64_t iy = nearest(oy, x->dim[1], y->dim[1], a);
        int64_t ix = nearest(ox, x->dim[2], y->dim[2], a);
        int64_t at = (n * x->dim[1] + iy) * x->dim[2] + ix;
        memcpy(to, source(e) + (size_t)at * pixel, pixel);
        to += pixel;
      }
}
