/* Bands: a 3x3 depthwise layer, then the 1x1 convolution that alone reads it,
 * perhaps with a sum behind, of bytes and of floats (large maps too). Heights
 * that bands don't divide, several images, strides, pads, few and many
 * channels, outputs that grow and shrink (over the input, as far as the rows
 * allow), skips that die where they are added. */
#include "tests/kernels/light.h"

/* A plain type of floats, or a quantized one. */
static const Type *image(Check *c, Random *r, DType t, const int64_t *dim,
                         float scale) {
  return t == DT_f32 ? type_new(c->arena, t, 4, dim, NULL)
                     : q8_type(c, r, t, 4, dim, scale);
}

static Value *real_weights(Check *c, Random *r, const int64_t *dim) {
  const Type *t = type_new(c->arena, DT_f32, 4, dim, NULL);
  float *data = ARENA_ARRAY(c->arena, float, type_count(t));
  random_reals(r, data, type_count(t));
  return graph_const(c->graph, "w", t, data);
}

static const Type *filters(Check *c, Random *r, int axis, int64_t oc,
                           const int64_t *dim) {
  float *scale = ARENA_ARRAY(c->arena, float, oc);
  int32_t *zero = ARENA_ARRAY(c->arena, int32_t, oc);
  for (int64_t i = 0; i < oc; i++)
    scale[i] = 0.0002f * (float)random_in(r, 1, 100);
  QuantParams q = {.axis = axis,
                   .nscale = (int)oc,
                   .scale = scale,
                   .zero_point = zero,
                   .qmin = -128,
                   .qmax = 127};
  return type_new(c->arena, DT_i8, 4, dim, &q);
}

static Value *random_weights(Check *c, Random *r, const Type *t) {
  uint8_t *data = arena_alloc(c->arena, (size_t)type_bytes(t));
  for (int64_t i = 0; i < type_bytes(t); i++)
    data[i] = (uint8_t)random_below(r, 256);
  return graph_const(c->graph, "w", t, data);
}

/* A layer of x with `oc` outputs of oh x ow. */
static Value *layer(Check *c, Random *r, OpKind kind, const Attrs *at, Value *x,
                    const int64_t *y) {
  bool dw = kind == OP_depthwise_conv2d;
  int64_t ic = x->type->dim[3], k = dw ? 3 : 1;
  int64_t w[4] = {dw ? 1 : y[3], k, k, dw ? y[3] : ic};
  DType t = x->type->dtype;
  Value *in[] = {
      x, t == DT_f32
             ? real_weights(c, r, w)
             : random_weights(c, r, filters(c, r, dw ? 3 : 0, y[3], w))};
  return add_op(c, kind, at, 2, in, image(c, r, t, y, random_scale(r)));
}

static void one_case(const char *target, int seed) {
  Random r = {(uint32_t)seed * 7919u + 3};
  Check c = check_new(target);
  bool real = seed % 3 == 2, large = seed % 120 == 119;
  int64_t n = random_in(&r, 1, 2), oh = random_in(&r, 1, 15);
  int64_t ow = random_in(&r, 1, 13), stride = random_in(&r, 1, 2);
  int64_t ic = random_in(&r, 1, random_below(&r, 2) ? 24 : 80);
  int64_t oc = random_below(&r, 2) ? ic : random_in(&r, 1, 90);
  if (large) {
    oh = ow = 64;
    ic = random_in(&r, 64, 70);
    oc = random_in(&r, 1, 20);
    n = 1;
  }
  int64_t pad = random_below(&r, 4) ? 1 : 0;
  Attrs at = attrs_default(OP_depthwise_conv2d);
  at.conv.stride = (Int2){{(int)stride, (int)stride}};
  at.conv.pad = (Int4){{(int)pad, (int)pad, (int)pad, (int)pad}};
  at.conv.act = (Act)random_below(&r, ACT_COUNT);
  int64_t x_dim[4] = {n, (oh - 1) * stride + 3 - 2 * pad,
                      (ow - 1) * stride + 3 - 2 * pad, ic};
  const int64_t map[4] = {n, oh, ow, ic}, y_dim[4] = {n, oh, ow, oc};
  DType t = real ? DT_f32 : random_q8(&r);
  Value *x = random_input(&c, &r, "x", image(&c, &r, t, x_dim, 0.05f));
  const Type *skip = image(&c, &r, t, y_dim, random_scale(&r));
  Value *s = random_below(&r, 3) ? NULL : random_input(&c, &r, "skip", skip);
  Value *y = layer(&c, &r, OP_depthwise_conv2d, &at, x, map);
  Attrs plain = attrs_default(OP_conv2d);
  y = layer(&c, &r, OP_conv2d, &plain, y, y_dim);
  Attrs none = attrs_default(OP_add);
  if (s)
    y = add_op(&c, OP_add, &none, 2, (Value *[]){y, s},
               image(&c, &r, t, y_dim, random_scale(&r)));
  give(&c, &r, y);
  check_finish(&c, &r, seed);
}

int main(void) { return check_everywhere((Everywhere){one_case, 300, 10, 20}); }
