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
 * are 64 bits wide and therefore exact. In float the sum starts at the bias,
 * of which there may be one for each border class (ir/border.h), and takes its
 * steps in that order with fma; padding counts as zeros, each a step too. */
#include <math.h>
#include <string.h>

#include "ir/border.h"
#include "ir/map.h"
#include "ir/ops/eval.h"

typedef struct Window {
  int64_t size, in, stride, dilation, pad;
} Window;

typedef struct Conv {
  int64_t batch, oh, ow, oc;
  int64_t c;      /* channels of x */
  int64_t ic;     /* input channels of one output channel */
  int64_t per_ic; /* output channels that read the same input channels */
  Window y, x;    /* along rows, along columns */
  bool depthwise;
} Conv;

/* Taps [lo, hi) whose input coordinate, base + tap * dilation, is inside. */
typedef struct Taps {
  int64_t lo, hi, base;
} Taps;

static Taps taps_inside(const Window *w, int64_t o) {
  Taps t = {0, w->size, o * w->stride - w->pad};
  while (t.lo < w->size && t.base + t.lo * w->dilation < 0)
    t.lo++;
  while (t.hi > t.lo && t.base + (t.hi - 1) * w->dilation >= w->in)
    t.hi--;
  return t;
}

static Conv conv_of(const Eval *e) {
  const Type *x = eval_in_type(e, 0), *w = eval_in_type(e, 1);
  const Type *y = eval_out_type(e);
  const ConvAttrs *a = &e->op->attrs.conv;
  Conv c = {
      .batch = y->dim[0],
      .oh = y->dim[1],
      .ow = y->dim[2],
      .oc = y->dim[3],
      .c = x->dim[3],
      .y = {w->dim[1], x->dim[1], a->stride.v[0], a->dilation.v[0],
            a->pad.v[0]},
      .x = {w->dim[2], x->dim[2], a->stride.v[1], a->dilation.v[1],
            a->pad.v[2]},
      .depthwise = e->op->kind == OP_depthwise_conv2d,
  };
  c.ic = c.depthwise ? 1 : w->dim[3];
  c.per_ic = c.oc / (c.c / c.ic);
  return c;
}

/* Where w[oc][ky][kx] begins: OHWI, or 1HWM with M = oc. */
static int64_t weight_at(const Conv *c, int64_t oc, int64_t ky, int64_t kx) {
  return c->depthwise ? (ky * c->x.size + kx) * c->oc + oc
                      : ((oc * c->y.size + ky) * c->x.size + kx) * c->ic;
}

static int64_t pixel_at(const Conv *c, int64_t n, int64_t iy, int64_t ix) {
  return ((n * c->y.in + iy) * c->x.in + ix) * c->c;
}

/* One tap of all output channels; xp is the input pixel (c). */
static void add_tap(const Conv *c, int64_t *acc, const int32_t *xp,
                    const int32_t *w, int64_t ky, int64_t kx) {
  for (int64_t oc = 0; oc < c->oc; oc++) {
    const int32_t *xg = xp + oc / c->per_ic * c->ic;
    const int32_t *wg = w + weight_at(c, oc, ky, kx);
    int64_t sum = acc[oc];
    for (int64_t i = 0; i < c->ic; i++)
      sum += (int64_t)xg[i] * wg[i];
    acc[oc] = sum;
  }
}

static void add_tap_float(const Conv *c, float *acc, const float *xp,
                          const float *w, int64_t ky, int64_t kx) {
  for (int64_t oc = 0; oc < c->oc; oc++) {
    const float *xg = xp + oc / c->per_ic * c->ic;
    const float *wg = w + weight_at(c, oc, ky, kx);
    float sum = acc[oc];
    for (int64_t i = 0; i < c->ic; i++)
      sum = fmaf(xg[i], wg[i], sum);
    acc[oc] = sum;
  }
}

/* Sums of output pixel n, oy, ox. */
static void sum_pixel(const Conv *c, int64_t *acc, const int32_t *x,
                      const int32_t *w, int64_t n, int64_t oy, int64_t ox) {
  Taps ty = taps_inside(&c->y, oy), tx = taps_inside(&c->x, ox);
  memset(acc, 0, sizeof *acc * (size_t)c->oc);
  for (int64_t ky = ty.lo; ky < ty.hi; ky++)
    for (int64_t kx = tx.lo; kx < tx.hi; kx++) {
      int64_t iy = ty.base + ky * c->y.dilation;
      int64_t ix = tx.base + kx * c->x.dilation;
      add_tap(c, acc, x + pixel_at(c, n, iy, ix), w, ky, kx);
    }
}

/* acc starts at the biases; `zeros` (c) is the pixel that pads. */
static void sum_pixel_float(const Conv *c, float *acc, const float *x,
                            const float *zeros, const float *w, int64_t n,
                            int64_t oy, int64_t ox) {
  for (int64_t ky = 0; ky < c->y.size; ky++)
    for (int64_t kx = 0; kx < c->x.size; kx++) {
      int64_t iy = oy * c->y.stride - c->y.pad + ky * c->y.dilation;
      int64_t ix = ox * c->x.stride - c->x.pad + kx * c->x.dilation;
      bool inside = iy >= 0 && iy < c->y.in && ix >= 0 && ix < c->x.in;
      const float *xp = inside ? x + pixel_at(c, n, iy, ix) : zeros;
      add_tap_float(c, acc, xp, w, ky, kx);
    }
}

/* Weights minus the zero point of their output channel. */
static int32_t *centred_weights(const Eval *e, const Conv *c) {
  const Type *t = eval_in_type(e, 1);
  int32_t *w = eval_ints(e, 1);
  int64_t n = type_count(t);
  for (int64_t i = 0; i < n; i++) {
    int64_t oc = c->depthwise ? i % c->oc : i / (n / c->oc);
    w[i] -= type_channel_zero_point(t, oc);
  }
  return w;
}

static void conv_int(const Eval *e, const Conv *c) {
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
        sum_pixel(c, acc, x, w, n, oy, ox);
        for (int64_t oc = 0; oc < c->oc; oc++)
          *next++ = requant_apply(&r[oc], acc[oc] + bias[oc]);
      }
  eval_store(e, y);
}

/* The biases (c) of output pixel oy, ox. */
static const float *bias_at(const Conv *c, const Border *b, const float *bias,
                            int64_t oy, int64_t ox) {
  int64_t row = border_class(&b->y, oy), col = border_class(&b->x, ox);
  return bias + (row * border_classes(&b->x) + col) * c->oc;
}

static void conv_float(const Eval *e, const Conv *c) {
  const float *x = e->in[0], *w = e->in[1];
  const float *bias = eval_bias_float(e, c->oc);
  Border border = {.y.outputs = c->oh, .x.outputs = c->ow};
  if (border_is_bias(e->op))
    (void)border_of(e->op, &border);
  const float *zeros = ARENA_ARRAY(e->scratch, float, c->c);
  float *acc = ARENA_ARRAY(e->scratch, float, c->oc);
  float *next = e->out[0];
  for (int64_t n = 0; n < c->batch; n++)
    for (int64_t oy = 0; oy < c->oh; oy++)
      for (int64_t ox = 0; ox < c->ow; ox++) {
        memcpy(acc, bias_at(c, &border, bias, oy, ox),
               sizeof *acc * (size_t)c->oc);
        sum_pixel_float(c, acc, x, zeros, w, n, oy, ox);
        for (int64_t oc = 0; oc < c->oc; oc++)
          *next++ = eval_act(e->op->attrs.conv.act, acc[oc]);
      }
}

/* Operand i minus the zero points that are operand `zero`, one or one for
 * each of n runs of elements. */
static const int32_t *centred_operand(const Eval *e, int i, int zero,
                                      int64_t n) {
  int32_t *x = eval_ints(e, i);
  if (!op_in(e->op, zero))
    return x;
  const int32_t *z = eval_ints(e, zero);
  int64_t count = type_count(eval_in_type(e, i));
  bool one = type_count(eval_in_type(e, zero)) == 1;
  for (int64_t k = 0; k < count; k++)
    x[k] -= z[one ? 0 : k / (count / n)];
  return x;
}

/* The sums of plain bytes, modulo 2^32. */
static void conv_sums(const Eval *e, const Conv *c) {
  const int32_t *x = centred_operand(e, 0, 3, 1);
  const int32_t *w = centred_operand(e, 1, 4, c->oc);
  const int64_t *bias = eval_bias(e, c->oc);
  int64_t *acc = ARENA_ARRAY(e->scratch, int64_t, c->oc);
  uint32_t *next = e->out[0];
  for (int64_t n = 0; n < c->batch; n++)
    for (int64_t oy = 0; oy < c->oh; oy++)
      for (int64_t ox = 0; ox < c->ow; ox++) {
        sum_pixel(c, acc, x, w, n, oy, ox);
        for (int64_t oc = 0; oc < c->oc; oc++)
          *next++ = (uint32_t)(acc[oc] + bias[oc]);
      }
}

static void conv(const Eval *e) {
  Conv c = conv_of(e);
  if (eval_is_float(e))
    conv_float(e, &c);
  else if (op_is_plain(e->op))
    conv_sums(e, &c);
  else
    conv_int(e, &c);
}

void eval_conv2d(const Eval *e) { conv(e); }
void eval_depthwise_conv2d(const Eval *e) { conv(e); }
