/* See border.h. */
#include "ir/border.h"

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

/* Of windows over n elements that reach `reach` behind where they begin. */
static BorderAxis axis_of(int64_t n, int64_t reach, int64_t stride, int64_t pad,
                          int64_t outputs) {
  BorderAxis a = {.outputs = outputs};
  a.before = least((pad + stride - 1) / stride, outputs);
  int64_t room = n + pad - reach; /* windows that begin before it end inside */
  int64_t whole = room > 0 ? (room + stride - 1) / stride : 0;
  a.after = outputs - least(whole, outputs);
  return a;
}

bool border_of(const Op *conv, Border *out) {
  const ConvAttrs *a = &conv->attrs.conv;
  const int64_t *x = conv->in[0]->type->dim, *w = conv->in[1]->type->dim;
  const int64_t *y = conv->out[0]->type->dim;
  out->y = axis_of(x[1], (w[1] - 1) * a->dilation.v[0], a->stride.v[0],
                   a->pad.v[0], y[1]);
  out->x = axis_of(x[2], (w[2] - 1) * a->dilation.v[1], a->stride.v[1],
                   a->pad.v[2], y[2]);
  return out->y.before + out->y.after < y[1] &&
         out->x.before + out->x.after < y[2];
}

int64_t border_classes(const BorderAxis *a) { return a->before + 1 + a->after; }

int64_t border_class(const BorderAxis *a, int64_t o) {
  int64_t last = a->outputs - a->after - 1; /* of those between */
  return least(o, a->before) + (o > last ? o - last : 0);
}

int64_t border_output(const BorderAxis *a, int64_t c) {
  return c <= a->before ? c : a->outputs - border_classes(a) + c;
}

bool border_sees(const Op *conv, int64_t t, int64_t oy, int64_t ox) {
  const ConvAttrs *a = &conv->attrs.conv;
  const int64_t *x = conv->in[0]->type->dim, *w = conv->in[1]->type->dim;
  int64_t iy = oy * a->stride.v[0] - a->pad.v[0];
  int64_t ix = ox * a->stride.v[1] - a->pad.v[2];
  iy += t / w[2] * a->dilation.v[0];
  ix += t % w[2] * a->dilation.v[1];
  return iy >= 0 && iy < x[1] && ix >= 0 && ix < x[2];
}

bool border_pays(const Op *conv) {
  Border b;
  const int64_t *w = conv->in[1]->type->dim;
  return conv->kind == OP_conv2d && border_of(conv, &b) &&
         border_classes(&b.y) * border_classes(&b.x) <= w[1] * w[2];
}

bool border_is_bias(const Op *conv) {
  const Value *b = conv->kind == OP_conv2d ? op_in(conv, 2) : NULL;
  return b && b->type->rank == 3;
}
