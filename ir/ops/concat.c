/* concat along an axis:
 *
 *   for outer (dimensions before the axis), for input j:
 *     a run of dim[axis] * inner elements, requantized where input j's
 *     parameters are not the output's:
 *       round half away(x * (sx / sy) + (-zx * (sx / sy))) + zy, in float,
 *     with sx / sy taken as sx * (1 / sy) */
#include <math.h>

#include "ir/ops/eval.h"

static bool same_params(const Type *a, const Type *b) {
  return type_scale(a) == type_scale(b) &&
         type_zero_point(a) == type_zero_point(b);
}

/* Stored value of input type x (8 bits) -> stored value of type y. */
static int32_t rescaled(int32_t v, const Type *x, const Type *y) {
  float inverse = 1.0f / type_scale(y);
  float scale = type_scale(x) * inverse;
  float bias = (float)-type_zero_point(x) * scale;
  float q = roundf((float)v * scale + bias) + (float)type_zero_point(y);
  int32_t lo, hi;
  act_range(ACT_none, y, &lo, &hi);
  return q<(float)lo ? lo : q>(float) hi ? hi : (int32_t)q;
}

/* A run of n elements of input j, from `from`, to `to`. */
static void put_run(const Eval *e, int64_t to, int j, int64_t from, int64_t n) {
  const Type *x = eval_in_type(e, j), *y = eval_out_type(e);
  if (!type_is_q8(x) || same_params(x, y)) {
    eval_copy(e, 0, to, j, from, n);
    return;
  }
  bool is_signed = dtype_is_signed(x->dtype);
  const uint8_t *src = e->in[j];
  uint8_t *dst = e->out[0];
  for (int64_t i = 0; i < n; i++) {
    uint8_t bits = src[from + i];
    int32_t v = is_signed ? (int8_t)bits : bits;
    dst[to + i] = (uint8_t)rescaled(v, x, y);
  }
}

void eval_concat(const Eval *e) {
  const Type *y = eval_out_type(e);
  int axis = (int)e->op->attrs.axis.axis;
  int64_t outer = 1, inner = 1, to = 0;
  for (int d = 0; d < axis; d++)
    outer *= y->dim[d];
  for (int d = axis + 1; d < y->rank; d++)
    inner *= y->dim[d];
  eval_clear(e);
  for (int64_t o = 0; o < outer; o++)
    for (int j = 0; j < e->op->nin; j++) {
      int64_t run = eval_in_type(e, j)->dim[axis] * inner;
      put_run(e, to, j, o * run, run);
      to += run;
    }
}
