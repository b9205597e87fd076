/* conv2d and depthwise_conv2d. The loop nest, for both:
 *
 *   for n, oy, ox:
 *     acc[oc] = 0
 *     for ky, kx with iy = oy*stride - pad + ky*dilation inside x, ix alike:
 *       for oc, for the input channels of oc:
 *         acc[oc] += (x - zx) * (w - zw)
 *     y[oc] = requant(oc, acc[oc] + bias[oc])
 *
 * Padding contributes nothing: it stands for the zero point. Accumulators
 * are 64 bits wide and therefore exact. In float the sum is taken in that
 * order with fma, then the bias is added. */
#include <math.h>
#include <string.h>

#include "ir/ops/eval.h"

typedef struct Window {
  int64_t size, in, stride, dilation, pad;
} Window;

typedef struct Conv {
  int64_t batch, oh, ow, oc;
  int64_t c;      /* channels of x */
  int64_t ic;     /* input channels of one output channel */
  int64_t per_ic; /* output channels that read the same input channels */
  Window y, x;
} Conv;

/* Adds one tap: xp is the input pixel (c), w the weights of the op. */
typedef void (*IntTap)(const Conv *c, int64_t *acc, const int32_t *xp,
                       const int32_t *w, int64_t ky, int64_t kx);
typedef void (*FloatTap)(const Conv *c, float *acc, const float *xp,
                         const float *w, int64_t ky, int64_t kx);

/* The taps [*lo, *hi) whose input coordinate, base + tap * dilation, lies
 * inside; returns base. */
static int64_t taps(const Window *w, int64_t o, int64_t *lo, int64_t *hi) {
  int64_t base = o * w->stride - w->pad;
  *lo = 0;
  *hi = w->size;
  while (*lo < w->size && base + *lo * w->dilation < 0)
    ++*lo;
  while (*hi > *lo && base + (*hi - 1) * w->dilation >= w->in)
    --*hi;
  return base;
}

static Conv conv_of(const Eval *e) {
  const Type *x = eval_in_type(e, 0), *w = eval_in_type(e, 1);
  const Type *y = eval_out_type(e);
  const ConvAttrs *a = &e->op->attrs.conv;
  bool depthwise = e->op->kind == OP_depthwise_conv2d;
  Conv c = {
      .batch = y->dim[0],
      .oh = y->dim[1],
      .ow = y->dim[2],
      .oc = y->dim[3],
      .c = x->dim[3],
      .ic = depthwise ? 1 : w->dim[3],
      .y = {w->dim[1], x->dim[1], a->stride.v[0], a->dilation.v[0],
            a->pad.v[0]},
      .x = {w->dim[2], x->dim[2], a->stride.v[1], a->dilation.v[1],
            a->pad.v[2]},
  };
  c.per_ic = c.oc / (c.c / c.ic);
  return c;
}

/* OHWI weights */
static void conv_tap(const Conv *c, int64_t *acc, const int32_t *xp,
                     const int32_t *w, int64_t ky, int64_t kx) {
  for (int64_t oc = 0; oc < c->oc; oc++) {
    const int32_t *xg = xp + oc / c->per_ic * c->ic;
    const int32_t *wg = w + ((oc * c->y.size + ky) * c->x.size + kx) * c->ic;
    int64_t sum = acc[oc];
    for (int64_t i = 0; i < c->ic; i++)
      sum += (int64_t)xg[i] * wg[i];
    acc[oc] = sum;
  }
}

/* 1HWM weights */
static void depthwise_tap(const Conv *c, int64_t *acc, const int32_t *xp,
                          const int32_t *w, int64_t ky, int64_t kx) {
  const int32_t *wt = w + (ky * c->x.size + kx) * c->oc;
  for (int64_t oc = 0; oc < c->oc; oc++)
    acc[oc] += (int64_t)xp[oc / c->per_ic] * wt[oc];
}

static void conv_tap_float(const Conv *c, float *acc, const float *xp,
                           const float *w, int64_t ky, int64_t kx) {
  for (int64_t oc = 0; oc < c->oc; oc++) {
    const float *xg = xp + oc / c->per_ic * c->ic;
    const float *wg = w + ((oc * c->y.size + ky) * c->x.size + kx) * c->ic;
    float sum = acc[oc];
    for (int64_t i = 0; i < c->ic; i++)
      sum = fmaf(xg[i], wg[i], sum);
    acc[oc] = sum;
  }
}

static void depthwise_tap_float(const Conv *c, float *acc, const float *xp,
                                const float *w, int64_t ky, int64_t kx) {
  const float *wt = w + (ky * c->x.size + kx) * c->oc;
  for (int64_t oc = 0; oc < c->oc; oc++)
    acc[oc] = fmaf(xp[oc / c->per_ic], wt[oc], acc[oc]);
}

/* Runs `body` for every tap of output pixel n, oy, ox that lies inside x,
 * with `at` the first channel of the input pixel under the tap. */
#define FOR_TAPS(c, n, oy, ox, body)                                           \
  do {                                                                         \
    int64_t ky0, ky1, kx0, kx1;                                                \
    int64_t y0 = taps(&(c)->y, (oy), &ky0, &ky1);                              \
    int64_t x0 = taps(&(c)->x, (ox), &kx0, &kx1);                              \
    for (int64_t ky = ky0; ky < ky1; ky++)                                     \
      for (int64_t kx = kx0; kx < kx1; kx++) {                                 \
        int64_t iy = y0 + ky * (c)->y.dilation;                                \
        int64_t ix = x0 + kx * (c)->x.dilation;                                \
        int64_t at = (((n) * (c)->y.in + iy) * (c)->x.in + ix) * (c)->c;       \
        body;                                                                  \
      }                                                                        \
  } while (0)

/* Weights minus the zero point of their output channel. */
static int32_t *centred_weights(const Eval *e, const Conv *c) {
  const Type *t = eval_in_type(e, 1);
  int32_t *w = eval_ints(e, 1);
  int64_t n = type_count(t);
  bool depthwise = e->op->kind == OP_depthwise_conv2d;
  for (int64_t i = 0; i < n; i++) {
    int64_t oc = depthwise ? i % c->oc : i / (n / c->oc);
    w[i] -= type_channel_zero_point(t, oc);
  }
  return w;
}

static void conv_int(const Eval *e, const Conv *c, IntTap tap) {
  int32_t zx = type_zero_point(eval_in_type(e, 0));
  const int32_t *x = eval_ints_centred(e, 0, zx);
  const int32_t *w = centred_weights(e, c);
  const int64_t *bias = eval_bias(e, c->oc);
  const Requant *r = eval_requants(e, c->oc);
  int64_t *acc = ARENA_ARRAY(e->scratch, int64_t, c->oc);
  int32_t *y = ARENA_ARRAY(e->scratch, int32_t, type_count(eval_out_type(e)));
  int32_t *next = y;
  for (int64_t n = 0; n < c->batch; n++)
    for (int64_t oy = 0; oy < c->oh; oy++)
      for (int64_t ox = 0; ox < c->ow; ox++) {
        memset(acc, 0, sizeof *acc * (size_t)c->oc);
        FOR_TAPS(c, n, oy, ox, tap(c, acc, x + at, w, ky, kx));
        for (int64_t oc = 0; oc < c->oc; oc++)
          *next++ = requant_apply(&r[oc], acc[oc] + bias[oc]);
      }
  eval_store(e, y);
}

static void conv_float(const Eval *e, const Conv *c, FloatTap tap) {
  const float *x = e->in[0], *w = e->in[1];
  const float *bias = eval_bias_float(e, c->oc);
  Act act = e->op->attrs.conv.act;
  float *acc = ARENA_ARRAY(e->scratch, float, c->oc);
  float *next = e->out[0];
  for (int64_t n = 0; n < c->batch; n++)
    for (int64_t oy = 0; oy < c->oh; oy++)
      for (int64_t ox = 0; ox < c->ow; ox++) {
        memset(acc, 0, sizeof *acc * (size_t)c->oc);
        FOR_TAPS(c, n, oy, ox, tap(c, acc, x + at, w, ky, kx));
        for (int64_t oc = 0; oc < c->oc; oc++)
          *next++ = eval_act(act, acc[oc] + bias[oc]);
      }
}

void eval_conv2d(const Eval *e) {
  Conv c = conv_of(e);
  if (eval_is_float(e))
    conv_float(e, &c, conv_tap_float);
  else
    conv_int(e, &c, conv_tap);
}

void eval_depthwise_conv2d(const Eval *e) {
  Conv c = conv_of(e);
  if (eval_is_float(e))
    conv_float(e, &c, depthwise_tap_float);
  else
    conv_int(e, &c, depthwise_tap);
}
