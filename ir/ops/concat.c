/* concat along an axis:
 *
 *   for outer (dimensions before the axis), for input j:
 *     a run of dim[axis] * inner elements, requantized where input j's
 *     parameters are not the output's:
 *       round half away(x * (sx / sy) + (-zx * (sx / sy))) + zy, in float,
 *     with sx / sy taken as sx * (1 / sy) */
#include <math.h>
#include <string.h>

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

static void copy_run(const Type *x, const Type *y, const uint8_t *from,
                     uint8_t *to, size_t elem, size_t n) {
  if (!type_is_q8(x) || same_params(x, y)) {
    memcpy(to, from, n * elem);
    return;
  }
  bool is_signed = dtype_is_signed(x->dtype);
  for (size_t i = 0; i < n; i++) {
    int32_t v = is_signed ? (int8_t)from[i] : from[i];
    to[i] = (uint8_t)rescaled(v, x, y);
  }
}

void eval_concat(const Eval *e) {
  const Type *y = eval_out_type(e);
  int axis = (int)e->op->attrs.axis.axis;
  size_t elem = eval_elem_bytes(y), inner = 1;
  int64_t outer = 1;
  for (int d = 0; d < axis; d++)
    outer *= y->dim[d];
  for (int d = axis + 1; d < y->rank; d++)
    inner *= (size_t)y->dim[d];
  uint8_t *to = e->out[0];
  for (int64_t o = 0; o < outer; o++)
    for (int j = 0; j < e->op->nin; j++) {
      const Type *x = eval_in_type(e, j);
      size_t run = (size_t)x->dim[axis] * inner;
      const uint8_t *from = e->in[j];
      copy_run(x, y, from + (size_t)o * run * elem, to, elem, run);
      to += run * elem;
    }
}
