/* Convolutions tap by tap: plain bytes with zero points that are operands,
 * constants or absent; quantized ones with weights computed at run time; and
 * transposed convolutions of floats. Groups, strides, dilations, pads. */
#include "tests/kernels/light.h"

typedef struct Shape2 {
  int64_t x[4], w[4], y[4];
} Shape2;

/* x NHWC and w OHWI with a few groups; y is left to the caller. */
static Shape2 random_shape(Random *r) {
  static const int depths[] = {1, 2, 3, 8, 17}, outs[] = {1, 3, 4, 9, 20, 37};
  int groups = random_below(r, 3) ? 1 : random_in(r, 2, 3);
  int ic = depths[random_below(r, 5)], oc = outs[random_below(r, 6)];
  Shape2 s = {
      {random_in(r, 1, 2), random_in(r, 1, 6), random_in(r, 1, 7), groups * ic},
      {groups * oc, random_in(r, 1, 3), random_in(r, 1, 3), ic},
      {0}};
  s.y[0] = s.x[0];
  s.y[3] = s.w[0];
  return s;
}

/* An input, or a constant of random bytes. */
static Value *operand(Check *c, Random *r, const char *name, const Type *t,
                      bool constant) {
  if (!constant)
    return graph_input(c->graph, name, t);
  void *data = arena_alloc(c->arena, (size_t)type_bytes(t));
  random_elements(r, t, false, data);
  return graph_const(c->graph, name, t, data);
}

static const Type *plain(Check *c, DType t, int rank, const int64_t *dim) {
  return type_new(c->arena, t, rank, dim, NULL);
}

/* ---- bytes ---- */

static void window_attrs(Random *r, Shape2 *s, ConvAttrs *a) {
  for (int d = 0; d < 2; d++) {
    a->stride.v[d] = random_in(r, 1, 3);
    a->dilation.v[d] = random_in(r, 1, 2);
    a->pad.v[2 * d] = random_below(r, 3);
    a->pad.v[2 * d + 1] = random_below(r, 3);
    int64_t reach = (s->w[1 + d] - 1) * a->dilation.v[d];
    int64_t padded = s->x[1 + d] + a->pad.v[2 * d] + a->pad.v[2 * d + 1];
    if (padded <= reach) {
      s->x[1 + d] += reach + 1 - padded;
      padded = reach + 1;
    }
    s->y[1 + d] = (padded - reach - 1) / a->stride.v[d] + 1;
  }
}

static Value *maybe(Check *c, Random *r, const char *name, const Type *t,
                    bool constant) {
  return random_below(r, 2) ? operand(c, r, name, t, constant) : NULL;
}

static void sums_case(Check *c, Random *r) {
  Attrs at = attrs_default(OP_conv2d);
  Shape2 s = random_shape(r);
  window_attrs(r, &s, &at.conv);
  DType tx = random_q8(r), tw = random_q8(r);
  bool constant = random_below(r, 3) > 0;
  bool each = random_below(r, 2), zero_constant = random_below(r, 4) > 0;
  Value *in[5] = {
      operand(c, r, "x", plain(c, tx, 4, s.x), false),
      operand(c, r, "w", plain(c, tw, 4, s.w), constant),
      maybe(c, r, "b", plain(c, DT_i32, 1, &s.y[3]), constant),
      maybe(c, r, "zx", plain(c, tx, 0, NULL), false),
      maybe(c, r, "zw", plain(c, tw, each, &s.y[3]), zero_constant)};
  graph_output(c->graph,
               add_op(c, OP_conv2d, &at, 5, in, plain(c, DT_i32, 4, s.y)));
}

static const Type *weight_type(Check *c, Random *r, const Shape2 *s) {
  if (random_below(r, 2))
    return q8_type(c, r, random_q8(r), 4, s->w, random_scale(r));
  float scale[128];
  int32_t zero[128];
  for (int i = 0; i < s->w[0]; i++) {
    scale[i] = random_scale(r);
    zero[i] = random_in(r, -128, 127);
  }
  QuantParams q = {.axis = 0,
                   .nscale = (int)s->w[0],
                   .scale = scale,
                   .zero_point = zero,
                   .qmin = -128,
                   .qmax = 127};
  return type_new(c->arena, DT_i8, 4, s->w, &q);
}

static void quantized_case(Check *c, Random *r) {
  Attrs at = attrs_default(OP_conv2d);
  Shape2 s = random_shape(r);
  window_attrs(r, &s, &at.conv);
  at.conv.act = (Act)random_below(r, ACT_COUNT);
  c->graph->rounding = random_below(r, 2) ? ROUND_onnx : ROUND_tflite;
  DType t = random_q8(r);
  const Type *x = q8_type(c, r, t, 4, s.x, random_scale(r));
  const Type *y = q8_type(c, r, t, 4, s.y, 30 * random_scale(r));
  Value *in[3] = {random_input(c, r, "x", x),
                  graph_input(c->graph, "w", weight_type(c, r, &s)),
                  maybe(c, r, "b", plain(c, DT_i32, 1, &s.y[3]), true)};
  give(c, r, add_op(c, OP_conv2d, &at, 3, in, y));
}

/* ---- transposed ---- */

static void spread_case(Check *c, Random *r) {
  Attrs at = attrs_default(OP_conv_transpose2d);
  ConvTransposeAttrs *a = &at.conv_transpose;
  Shape2 s = random_shape(r);
  for (int d = 0; d < 2; d++) {
    a->stride.v[d] = random_in(r, 1, 3);
    a->dilation.v[d] = random_in(r, 1, 2);
    a->pad.v[d] = random_in(r, -2, 3);
    s.y[1 + d] = random_in(r, 1, 12);
  }
  a->act = (Act)random_below(r, ACT_COUNT);
  bool constant = random_below(r, 3) > 0;
  Value *in[3] = {operand(c, r, "x", plain(c, DT_f32, 4, s.x), false),
                  operand(c, r, "w", plain(c, DT_f32, 4, s.w), constant),
                  maybe(c, r, "b", plain(c, DT_f32, 1, &s.y[3]), constant)};
  graph_output(c->graph, add_op(c, OP_conv_transpose2d, &at, 3, in,
                                plain(c, DT_f32, 4, s.y)));
}

static void one_case(const char *target, int seed) {
  static void (*const families[])(Check *, Random *) = {sums_case, spread_case,
                                                        quantized_case};
  Random r = {(uint32_t)seed * 7919u + 61};
  Check c = check_new(target);
  random_below(&r, 2);
  families[seed % 3](&c, &r);
  check_finish(&c, &r, seed);
}

int main(void) { return check_everywhere((Everywhere){one_case, 120, 24, 24}); }
