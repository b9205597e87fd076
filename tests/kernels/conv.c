/* conv2d, depthwise_conv2d and fully_connected over odd shapes: tails in
 * pixels, outputs and k; strides, dilation, pads; zero points anywhere; i8
 * and u8; per tensor and per channel; sums that leave 32 bits. And again with
 * the output as close to the input as the kernel allows. */
#include "tests/kernels/check.h"

typedef struct Shape {
  int n, ic, oc, kh, kw, ih, iw, sh, sw, dh, dw, pad[4], mult, groups;
  bool close;   /* input and output in the arena, as close as they may be */
  bool extreme; /* inputs and weights are mostly the largest and the least */
} Shape;

static int at_least(int x, int least) { return x < least ? least : x; }

/* 3x3 windows have kernels of their own, which take few channels and many
 * differently. */
static void common_depthwise(Random *r, Shape *s) {
  static const int channels[] = {4, 8, 16, 32, 64};
  s->kh = s->kw = 3;
  s->ic =
      random_below(r, 2) ? channels[random_below(r, 5)] : random_in(r, 1, 150);
}

static Shape random_shape(Random *r, OpKind kind) {
  Shape s = {.n = random_in(r, 1, 2), .dh = 1, .dw = 1, .mult = 1, .groups = 1};
  s.ic = random_in(r, 1, 40);
  s.oc = random_in(r, 1, 90);
  s.kh = random_in(r, 1, 4);
  s.kw = random_in(r, 1, 4);
  if (random_below(r, 3) == 0)
    s.kh = s.kw = 1;
  s.sh = random_in(r, 1, 2);
  s.sw = random_in(r, 1, 2);
  if (random_below(r, 4) == 0) {
    s.dh = random_in(r, 1, 2);
    s.dw = random_in(r, 1, 2);
  }
  if (kind == OP_depthwise_conv2d && random_below(r, 3))
    common_depthwise(r, &s);
  int eh = (s.kh - 1) * s.dh + 1, ew = (s.kw - 1) * s.dw + 1;
  for (int i = 0; i < 4; i++)
    s.pad[i] = random_below(r, i < 2 ? eh : ew);
  s.ih = at_least(random_in(r, 1, 12), eh);
  s.iw = at_least(random_in(r, 1, 25), ew);
  if (kind == OP_depthwise_conv2d) {
    s.mult = random_below(r, 6) == 0 ? random_in(r, 1, 8) : 1;
    s.oc = s.ic * s.mult;
  } else if (random_below(r, 6) == 0) {
    s.groups = random_in(r, 2, 3);
    s.ic *= s.groups;
    s.oc *= s.groups;
  }
  return s;
}

static int out_size(int in, int before, int after, int k, int d, int s) {
  return (in + before + after - ((k - 1) * d + 1)) / s + 1;
}

static int zero_in(Random *r, DType t) {
  return random_in(r, (int)dtype_min(t), (int)dtype_max(t));
}

/* u8 weights have one zero point; i8 ones a scale a channel, zero point 0. */
static QuantParams weight_quant(Arena *a, Random *r, DType t, int oc,
                                int axis) {
  float *scale = ARENA_ARRAY(a, float, oc);
  int32_t *zero = ARENA_ARRAY(a, int32_t, oc);
  bool per_tensor = t == DT_u8 || random_below(r, 3) == 0;
  for (int i = 0; i < oc; i++)
    scale[i] = 0.001f * (float)random_in(r, 1, 100);
  if (t == DT_u8)
    zero[0] = random_below(r, 256);
  return (QuantParams){.axis = per_tensor ? -1 : axis,
                       .nscale = per_tensor ? 1 : oc,
                       .scale = scale,
                       .zero_point = zero,
                       .qmin = dtype_min(t),
                       .qmax = dtype_max(t)};
}

/* Biases up to `most` in magnitude. */
static Value *random_const(Check *c, Random *r, const char *name, const Type *t,
                           int most) {
  uint8_t *data = arena_alloc(c->arena, (size_t)type_bytes(t));
  for (int64_t i = 0; i < type_count(t); i++) {
    int32_t bias = random_in(r, 0, most) * (random_below(r, 2) ? 1 : -1);
    if (t->dtype == DT_i32)
      memcpy(data + 4 * i, &bias, 4);
    else
      data[i] = (uint8_t)random_below(r, 256);
  }
  return graph_const(c->graph, name, t, data);
}

/* x, w, y types of a case; k is the length of a window. */
typedef struct Types {
  int xr, wr;
  int64_t x[4], w[4], y[4];
  int k, axis;
} Types;

static Types case_types(Random *r, OpKind kind, const Shape *s) {
  if (kind == OP_fully_connected) {
    int rows = random_in(r, 1, 3), k = random_in(r, 1, 200);
    return (Types){2, 2, {rows, k}, {s->oc, k}, {rows, s->oc}, k, 0};
  }
  bool dw = kind == OP_depthwise_conv2d;
  int depth = dw ? 1 : s->ic / s->groups;
  int oh = out_size(s->ih, s->pad[0], s->pad[1], s->kh, s->dh, s->sh);
  int ow = out_size(s->iw, s->pad[2], s->pad[3], s->kw, s->dw, s->sw);
  Types t = {4,
             4,
             {s->n, s->ih, s->iw, s->ic},
             {s->oc, s->kh, s->kw, depth},
             {s->n, oh, ow, s->oc},
             s->kh * s->kw * depth,
             dw ? 3 : 0};
  if (dw) {
    t.w[0] = 1;
    t.w[3] = s->oc;
  }
  return t;
}

static Attrs case_attrs(Random *r, OpKind kind, const Shape *s) {
  Attrs at = attrs_default(kind);
  Act act = (Act)random_below(r, ACT_COUNT);
  if (kind == OP_fully_connected) {
    at.dense.act = act;
    return at;
  }
  at.conv = (ConvAttrs){{{s->sh, s->sw}},
                        {{s->dh, s->dw}},
                        {{s->pad[0], s->pad[1], s->pad[2], s->pad[3]}},
                        act};
  return at;
}

/* A copy: the same scale and zero point. */
static Value *copied(Check *c, Value *x) {
  const Type *t = x->type;
  Attrs at = attrs_default(OP_quantize);
  Op *op =
      graph_op(c->graph, NULL, OP_quantize, &at, 1, &x, 1, &t, NULL, (Loc){0});
  return op->out[0];
}

/* Twice the value, which is no tail of what computes it, as that has a second
 * reader. */
static Value *doubled(Check *c, Value *x) {
  const Type *t = x->type;
  Attrs at = attrs_default(OP_add);
  Value *in[] = {copied(c, x), x};
  Op *op = graph_op(c->graph, NULL, OP_add, &at, 2, in, 1, &t, NULL, (Loc){0});
  return op->out[0];
}

/* 64 times the value, most often the largest or the least there is. */
static Value *saturated(Check *c, Value *x, const Type *t) {
  Attrs at = attrs_default(OP_quantize);
  Op *op =
      graph_op(c->graph, NULL, OP_quantize, &at, 1, &x, 1, &t, NULL, (Loc){0});
  return op->out[0];
}

static Value *extreme_weights(Check *c, Random *r, const Type *t) {
  uint8_t *data = arena_alloc(c->arena, (size_t)type_bytes(t));
  int least = (int)dtype_min(t->dtype), most = (int)dtype_max(t->dtype);
  int odds = random_in(r, 2, 9);
  for (int64_t i = 0; i < type_count(t); i++)
    data[i] = (uint8_t)(random_below(r, odds) ? least : most);
  return graph_const(c->graph, "w", t, data);
}

static void shape_case(const char *target, int seed, Random *rest, OpKind kind,
                       Shape s, DType dt) {
  Random r = *rest;
  Check c = check_new(target);
  Types t = case_types(&r, kind, &s);
  QuantParams wq = weight_quant(c.arena, &r, dt, s.oc, t.axis);
  /* One case in eight has sums that leave 32 bits. */
  bool wide = seed % 8 == 7;
  float out_scale = wide ? 0x1p31f * 5e-6f * (float)random_in(&r, 1, 40)
                         : 0.0005f * (float)(random_in(&r, 1, 40) * t.k);
  const Type *x =
      type_new(c.arena, dt, t.xr, t.x,
               quant_per_tensor(c.arena, 0.05f, zero_in(&r, dt), dt));
  const Type *w = type_new(c.arena, dt, t.wr, t.w, &wq);
  const Type *y =
      type_new(c.arena, dt, t.xr, t.y,
               quant_per_tensor(c.arena, out_scale, zero_in(&r, dt), dt));
  int64_t oc = s.oc;
  const Type *b = type_new(c.arena, DT_i32, 1, &oc, NULL);
  int32_t zero = type_zero_point(x);
  const Type *given = type_new(c.arena, dt, t.xr, t.x,
                               quant_per_tensor(c.arena, 3.2f, zero, dt));
  Value *input = graph_input(c.graph, "x", s.extreme ? given : x);
  if (s.extreme)
    input = saturated(&c, input, x);
  Value *in[] = {s.close ? copied(&c, input) : input,
                 s.extreme ? extreme_weights(&c, &r, w)
                           : random_const(&c, &r, "w", w, 0),
                 random_const(&c, &r, "b", b, wide ? INT32_MAX - 1 : 10000)};
  Attrs at = case_attrs(&r, kind, &s);
  int nin = random_below(&r, 4) ? 3 : 2;
  Op *op = graph_op(c.graph, NULL, kind, &at, nin, in, 1, &y, NULL, (Loc){0});
  if (random_below(&r, 5) == 0)
    op->rounding = wide ? ROUND_onnx : ROUND_tflm;
  graph_output(c.graph, s.close ? doubled(&c, op->out[0]) : op->out[0]);
  check_finish(&c, &r, seed);
}

static void any_case(const char *target, int seed, bool close) {
  static const OpKind kinds[] = {OP_conv2d, OP_depthwise_conv2d,
                                 OP_fully_connected};
  Random r = {(uint32_t)seed * 7919u + 1};
  OpKind kind = kinds[random_below(&r, 3)];
  Shape s = random_shape(&r, kind);
  s.close = close;
  shape_case(target, seed, &r, kind, s, random_below(&r, 2) ? DT_i8 : DT_u8);
}

static void one_case(const char *target, int seed) {
  any_case(target, seed, false);
}

static void close_case(const char *target, int seed) {
  any_case(target, seed, true);
}

/* 3x3, undilated: one pixel or several a vector, one row of outputs at a time
 * or two, strides, pads, ends of rows and of channels. */
static void rows_case(const char *target, int seed) {
  static const int channels[] = {4, 8, 16, 32, 64, 19, 57, 106, 140, 3};
  Random r = {(uint32_t)seed * 7919u + 5};
  int stride = random_in(&r, 1, 2), even = random_below(&r, 2);
  Shape s = {
      .n = 1, .kh = 3, .kw = 3, .dh = 1, .dw = 1, .mult = 1, .groups = 1};
  s.ic = s.oc = channels[seed % 10];
  s.ih = random_in(&r, 3, 12);
  s.iw = random_in(&r, 3, 45);
  s.sh = s.sw = stride;
  for (int i = 0; i < 4; i++) /* as most models have them, or any */
    s.pad[i] = even ? stride == 1 || i % 2 : random_below(&r, 3);
  shape_case(target, seed, &r, OP_depthwise_conv2d, s, DT_i8);
}

static void rows_of_depthwise(void **state) {
  (void)state;
  static const char *const t[] = {"x86-64-avx512vnni", "x86-64-avxvnni",
                                  "x86-64-v3", "x86-64-v2", "cortex-a76"};
  check_targets(t, 3, 80, rows_case);
  check_targets(t + 3, 2, 40, rows_case);
}

/* Windows of other sizes by lines of two rows: a lone row, several blocks of
 * channels, columns far outside, weights and inputs at their extremes. */
static void lines_case(const char *target, int seed) {
  Random r = {(uint32_t)seed * 7919u + 13};
  Shape s = {.n = random_in(&r, 1, 2), .dh = 1, .mult = 1, .groups = 1};
  s.ic = s.oc = seed % 3 ? random_in(&r, 4, 40) : 16 * random_in(&r, 2, 20);
  s.kh = random_in(&r, 2, 7);
  s.kw = random_in(&r, 1, 7);
  s.sh = random_in(&r, 1, 2);
  s.sw = random_in(&r, 1, 3);
  s.dw = random_in(&r, 1, 2);
  s.extreme = seed % 4 == 0;
  for (int i = 0; i < 4; i++)
    s.pad[i] = random_below(&r, i < 2 ? s.kh : (s.kw - 1) * s.dw + 1);
  s.ih = at_least(random_in(&r, 1, 9), s.kh);
  s.iw = at_least(random_in(&r, 1, 40), (s.kw - 1) * s.dw + 1);
  shape_case(target, seed, &r, OP_depthwise_conv2d, s,
             random_below(&r, 2) ? DT_i8 : DT_u8);
}

static void by_lines(void **state) {
  (void)state;
  static const char *const t[] = {"x86-64-v3", "x86-64-v2"};
  check_targets(t, 1, 60, lines_case);
  check_targets(t + 1, 1, 20, lines_case);
}

/* Depthwise of images that take several bands of rows or blocks of columns
 * where scratch is scarce. */
static void strip_case(const char *target, int seed) {
  Random r = {(uint32_t)seed * 7919u + 9};
  Shape s = {.n = random_in(&r, 1, 2), .mult = 1, .groups = 1, .close = true};
  s.ic = s.oc = random_in(&r, 1, 6);
  s.kh = random_in(&r, 1, 5);
  s.kw = random_in(&r, 1, 5);
  s.sh = random_in(&r, 1, 3);
  s.sw = random_in(&r, 1, 3);
  s.dh = random_below(&r, 6) ? 1 : 2;
  s.dw = 1;
  for (int i = 0; i < 4; i++)
    s.pad[i] = random_below(&r, i < 2 ? (s.kh - 1) * s.dh + 1 : s.kw);
  s.ih = random_in(&r, 9, 28);
  s.iw = random_in(&r, 5, 48);
  shape_case(target, seed, &r, OP_depthwise_conv2d, s,
             random_below(&r, 2) ? DT_i8 : DT_u8);
}

static void through_strips(void **state) {
  (void)state;
  static const char *const t[] = {"cortex-m3", "cortex-m4", "riscv64",
                                  "cortex-m55"};
  check_targets(t, 3, 50, strip_case);
  check_targets(t + 3, 1, 30, strip_case);
}

/* Few outputs of windows that overlap: neighbouring pixels share a vector. */
static void few_outputs_case(const char *target, int seed) {
  Random r = {(uint32_t)seed * 7919u + 3};
  int stride = random_in(&r, 1, 3);
  Shape s = {.n = 1, .kh = 2, .dh = 1, .dw = 1, .mult = 1, .groups = 1};
  s.kw = random_in(&r, 1, 4);
  s.ic = random_in(&r, 1, 5);
  s.oc = 1 << random_below(&r, 4);
  s.sh = s.sw = stride;
  s.ih = random_in(&r, 2, 6);
  s.iw = 16 * random_in(&r, 1, 3) * stride;
  s.pad[2] = random_below(&r, s.kw);
  s.pad[3] = s.kw - 1 - s.pad[2];
  shape_case(target, seed, &r, OP_conv2d, s, DT_i8);
}

static void few_outputs(void **state) {
  (void)state;
  static const char *const t[] = {"x86-64-avx512vnni", "x86-64-avxvnni",
                                  "x86-64-v3"};
  check_targets(t, 3, 30, few_outputs_case);
}

/* Weights that a cache keeps as words, of all outputs: pixels go first, and in
 * 1x1 layers become words tile by tile. */
static void few_weights_case(const char *target, int seed) {
  Random r = {(uint32_t)seed * 7919u + 15};
  Shape s = {.n = random_in(&r, 1, 2), .sh = 1, .sw = 1};
  s.kh = s.kw = seed % 4 ? 1 : 3;
  s.dh = s.dw = s.mult = s.groups = 1;
  s.ic = 16 * random_in(&r, 1, 3);
  s.oc = random_in(&r, 17, 90);
  s.ih = random_in(&r, 4, 9);
  s.iw = random_in(&r, 9, 20);
  s.close = random_below(&r, 2);
  s.extreme = seed % 5 == 0;
  shape_case(target, seed, &r, OP_conv2d, s,
             random_below(&r, 2) ? DT_i8 : DT_u8);
}

static void few_weights(void **state) {
  (void)state;
  static const char *const t[] = {"x86-64-v3", "x86-64-v2"};
  check_targets(t, 2, 24, few_weights_case);
}

/* 3x3 windows of many channels, over images of several groups of rows. */
static void winograd_case(const char *target, int seed) {
  Random r = {(uint32_t)seed * 7919u + 7};
  Shape s = {.n = 1 + (seed % 5 == 0), .kh = 3, .kw = 3, .sh = 1, .sw = 1};
  s.dh = s.dw = s.mult = s.groups = 1;
  s.ic = 8 * random_in(&r, 2, seed % 4 ? 5 : 12);
  s.oc = random_in(&r, 16, 50);
  s.ih = random_in(&r, 7, seed % 4 ? 14 : 30);
  s.iw = random_in(&r, 7, 24);
  for (int i = 0; i < 4; i++)
    s.pad[i] = random_below(&r, 3);
  shape_case(target, seed, &r, OP_conv2d, s,
             random_below(&r, 2) ? DT_i8 : DT_u8);
}

static void by_winograd(void **state) {
  (void)state;
  static const char *const t[] = {"x86-64-v3", "x86-64-v2"};
  check_targets(t, 2, 28, winograd_case);
}

static void on_the_host(void **state) {
  (void)state;
  static const char *const t[] = {"x86-64-avx512vnni", "x86-64-avxvnni",
                                  "x86-64-v3", "x86-64-v2"};
  check_targets(t, 4, 80, one_case);
}

static void on_small_cores(void **state) {
  (void)state;
  static const char *const t[] = {"cortex-m0plus", "cortex-m4", "cortex-m55"};
  check_targets(t, 3, 48, one_case);
}

static void over_the_input(void **state) {
  (void)state;
  static const char *const t[] = {"cortex-m0plus", "cortex-m4"};
  check_targets(t, 2, 40, close_case);
}

static void on_application_cores(void **state) {
  (void)state;
  static const char *const t[] = {"cortex-a53", "cortex-a76", "neoverse-v1",
                                  "armv7-neon", "riscv64"};
  check_targets(t, 5, 34, one_case);
}

/* Tiles of pairs of pixels: any number of vectors in a tile, and in the last
 * block; inputs of 8 bytes, of 16, and of less. */
static void pairs_case(const char *target, int seed) {
  Random r = {(uint32_t)seed * 7919u + 13};
  Shape s = {.n = 1, .sh = 1, .sw = 1, .dh = 1, .dw = 1};
  s.mult = s.groups = 1;
  s.kh = s.kw = random_below(&r, 3) ? 1 : 3;
  s.ic = random_in(&r, 5, 50);
  s.oc = 4 * (seed % 12 + 1) - random_below(&r, 4);
  s.ih = random_in(&r, 3, 5);
  s.iw = random_in(&r, 3, 8);
  shape_case(target, seed, &r, OP_conv2d, s,
             random_below(&r, 4) ? DT_i8 : DT_u8);
}

static void pairs_of_pixels(void **state) {
  (void)state;
  static const char *const t[] = {"neoverse-v1"};
  check_targets(t, 1, 24, pairs_case);
}

/* Products that do not fit 16 bits by twos. */
static void extreme_case(const char *target, int seed) {
  static const OpKind kinds[] = {OP_conv2d, OP_fully_connected,
                                 OP_depthwise_conv2d};
  Random r = {(uint32_t)seed * 7919u + 11};
  OpKind kind = kinds[seed % 3];
  Shape s = random_shape(&r, kind);
  s.extreme = true;
  shape_case(target, seed, &r, kind, s, random_below(&r, 4) ? DT_i8 : DT_u8);
}

static void extremes(void **state) {
  (void)state;
  static const char *const t[] = {"x86-64-v3",  "aarch64",     "cortex-a72",
                                  "cortex-a55", "neoverse-n1", "apple-m1",
                                  "neoverse-v1"};
  check_targets(t, 7, 10, extreme_case);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(pairs_of_pixels),
      cmocka_unit_test(on_the_host),
      cmocka_unit_test(rows_of_depthwise),
      cmocka_unit_test(few_outputs),
      cmocka_unit_test(on_small_cores),
      cmocka_unit_test(over_the_input),
      cmocka_unit_test(on_application_cores),
      cmocka_unit_test(through_strips),
      cmocka_unit_test(extremes),
      cmocka_unit_test(by_winograd),
      cmocka_unit_test(by_lines),
      cmocka_unit_test(few_weights),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
