/* conv_transpose2d, seen from its output:
 *
 *   for n, oy, ox, oc:
 *     y = bias[oc]
 *     for ky, kx with iy * stride = oy + pad - ky * dilation, iy inside x,
 *     ix alike:
 *       for the input channels i of oc's group:
 *         y = fma(x[n][iy][ix][i], w[oc][ky][kx][i], y)
 *     y = act(y)
 */
#include <math.h>

#include "ir/ops/eval.h"

typedef struct Spread {
  const Type *x, *w, *y;
  const ConvTransposeAttrs *a;
  int64_t per_group; /* output channels of one group */
} Spread;

/* The input coordinate from which tap k reaches output o along rows (axis 0)
 * or columns; -1: none. */
static int64_t source(const Spread *s, int axis, int64_t o, int64_t k) {
  int64_t stride = s->a->stride.v[axis];
  int64_t at = o + s->a->pad.v[axis] - k * s->a->dilation.v[axis];
  return at < 0 || at % stride != 0 || at / stride >= s->x->dim[1 + axis]
             ? -1
             : at / stride;
}

/* One tap's products with the group's input channels at pixel xp. */
static float add_tap(const Spread *s, float sum, const float *xp,
                     const float *w, int64_t oc) {
  int64_t channels = s->w->dim[3], group = oc / s->per_group;
  for (int64_t i = 0; i < channels; i++)
    sum = fmaf(xp[group * channels + i], w[i], sum);
  return sum;
}

static float output(const Spread *s, const float *x, const float *w, float sum,
                    int64_t n, int64_t oy, int64_t ox, int64_t oc) {
  const int64_t *xd = s->x->dim, *wd = s->w->dim;
  for (int64_t ky = 0; ky < wd[1]; ky++)
    for (int64_t kx = 0; kx < wd[2]; kx++) {
      int64_t iy = source(s, 0, oy, ky), ix = source(s, 1, ox, kx);
      if (iy < 0 || ix < 0)
        continue;
      const float *xp = x + ((n * xd[1] + iy) * xd[2] + ix) * xd[3];
      const float *wp = w + ((oc * wd[1] + ky) * wd[2] + kx) * wd[3];
      sum = add_tap(s, sum, xp, wp, oc);
    }
  return sum;
}

void eval_conv_transpose2d(const Eval *e) {
  Spread s = {eval_in_type(e, 0), eval_in_type(e, 1), eval_out_type(e),
              &e->op->attrs.conv_transpose, 0};
  s.per_group = s.w->dim[0] / (s.x->dim[3] / s.w->dim[3]);
  const float *bias = eval_bias_float(e, s.w->dim[0]);
  float *next = e->out[0];
  for (int64_t n = 0; n < s.y->dim[0]; n++)
    for (int64_t oy = 0; oy < s.y->dim[1]; oy++)
      for (int64_t ox = 0; ox < s.y->dim[2]; ox++)
        for (int64_t oc = 0; oc < s.y->dim[3]; oc++) {
          float sum = output(&s, e->in[0], e->in[1], bias[oc], n, oy, ox, oc);
          *next++ = eval_act(s.a->act, sum);
        }
}
