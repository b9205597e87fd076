/* Products, windows and sums of f32 over odd shapes: tails in pixels, outputs
 * and k; strides, dilation, pads, groups; weights known early or late. */
#include "ir/border.h"
#include "tests/kernels/check.h"

typedef struct Shape {
  int n, ic, oc, kh, kw, ih, iw, sh, sw, dh, dw, pad[4], groups;
} Shape;

static int at_least(int x, int least) { return x < least ? least : x; }

/* A window of sizes kh, kw with its strides, dilations, pads and input. */
static void random_window(Random *r, Shape *s, bool dilates) {
  s->kh = random_in(r, 1, 4);
  s->kw = random_in(r, 1, 4);
  if (random_below(r, 3) == 0)
    s->kh = s->kw = 1;
  s->sh = random_in(r, 1, 2);
  s->sw = random_in(r, 1, 2);
  s->dh = s->dw = 1;
  if (dilates && random_below(r, 4) == 0) {
    s->dh = random_in(r, 1, 2);
    s->dw = random_in(r, 1, 2);
  }
  int eh = (s->kh - 1) * s->dh + 1, ew = (s->kw - 1) * s->dw + 1;
  for (int i = 0; i < 4; i++)
    s->pad[i] = random_below(r, i < 2 ? eh : ew);
  s->ih = at_least(random_in(r, 1, 12), eh);
  s->iw = at_least(random_in(r, 1, 20), ew);
}

static Shape random_shape(Random *r) {
  Shape s = {.n = random_in(r, 1, 2), .groups = 1};
  random_window(r, &s, true);
  s.ic = random_in(r, 1, 40);
  s.oc = random_in(r, 1, 90);
  if (random_below(r, 5) == 0) {
    s.groups = random_in(r, 2, 4);
    s.ic = random_in(r, 1, 9) * s.groups;
    s.oc = random_in(r, 1, 20) * s.groups;
  }
  return s;
}

static int64_t out_size(int in, int before, int after, int k, int d, int s) {
  return (in + before + after - ((k - 1) * d + 1)) / s + 1;
}

static int64_t out_rows(const Shape *s) {
  return out_size(s->ih, s->pad[0], s->pad[1], s->kh, s->dh, s->sh);
}

static int64_t out_cols(const Shape *s) {
  return out_size(s->iw, s->pad[2], s->pad[3], s->kw, s->dw, s->sw);
}

static const Type *f32(const Check *c, int rank, const int64_t *dim) {
  return type_new(c->arena, DT_f32, rank, dim, NULL);
}

static const Type *image(const Check *c, int64_t n, int64_t h, int64_t w,
                         int64_t ch) {
  return f32(c, 4, (int64_t[]){n, h, w, ch});
}

/* A constant, or an input now and then. */
static Value *weight(Check *c, Random *r, const char *name, const Type *t) {
  if (random_below(r, 4) == 0)
    return graph_input(c->graph, name, t);
  float *data = ARENA_ARRAY(c->arena, float, type_count(t));
  random_reals(r, data, type_count(t));
  return graph_const(c->graph, name, t, data);
}

static void one_op(Check *c, OpKind kind, const Attrs *at, int nin,
                   Value *const *in, const Type *y) {
  Op *op = graph_op(c->graph, NULL, kind, at, nin, in, 1, &y, NULL, (Loc){0});
  graph_output(c->graph, op->out[0]);
}

static Attrs conv_attrs(Random *r, OpKind kind, const Shape *s) {
  Attrs at = attrs_default(kind);
  at.conv = (ConvAttrs){{{s->sh, s->sw}},
                        {{s->dh, s->dw}},
                        {{s->pad[0], s->pad[1], s->pad[2], s->pad[3]}},
                        (Act)random_below(r, ACT_COUNT)};
  return at;
}

static void conv_case(Check *c, Random *r) {
  Shape s = random_shape(r);
  int64_t oc = s.oc;
  Value *in[] = {graph_input(c->graph, "x", image(c, s.n, s.ih, s.iw, s.ic)),
                 weight(c, r, "w", image(c, oc, s.kh, s.kw, s.ic / s.groups)),
                 weight(c, r, "b", f32(c, 1, &oc))};
  Attrs at = conv_attrs(r, OP_conv2d, &s);
  one_op(c, OP_conv2d, &at, random_below(r, 4) ? 3 : 2, in,
         image(c, s.n, out_rows(&s), out_cols(&s), oc));
}

/* The bias in place of op's: one for each border class, if it has them. */
static void classify_bias(Check *c, Random *r, Op *op) {
  Border b;
  if (!border_of(op, &b))
    return;
  const Type *t = f32(c, 3,
                      (int64_t[]){border_classes(&b.y), border_classes(&b.x),
                                  op->in[1]->type->dim[0]});
  float *data = ARENA_ARRAY(c->arena, float, type_count(t));
  random_reals(r, data, type_count(t));
  op_set_input(op, 2, graph_const(c->graph, "classes", t, data));
}

static void border_case(Check *c, Random *r) {
  conv_case(c, r);
  if (c->graph->last->nin == 3)
    classify_bias(c, r, c->graph->last);
}

static void depthwise_case(Check *c, Random *r) {
  Shape s = {.n = random_in(r, 1, 2), .ic = random_in(r, 1, 70)};
  if (random_below(r, 3) == 0)
    s.ic = 1 << random_below(r, 4);
  random_window(r, &s, true);
  int64_t oc = s.ic;
  if (random_below(r, 4) == 0)
    oc *= random_in(r, 2, 4);
  Value *in[] = {graph_input(c->graph, "x", image(c, s.n, s.ih, s.iw, s.ic)),
                 weight(c, r, "w", image(c, 1, s.kh, s.kw, oc)),
                 weight(c, r, "b", f32(c, 1, &oc))};
  Attrs at = conv_attrs(r, OP_depthwise_conv2d, &s);
  one_op(c, OP_depthwise_conv2d, &at, random_below(r, 4) ? 3 : 2, in,
         image(c, s.n, out_rows(&s), out_cols(&s), oc));
}

static void dense_case(Check *c, Random *r) {
  int64_t rows = random_in(r, 1, 20), k = random_in(r, 1, 200);
  int64_t n = random_in(r, 1, 150);
  Value *in[] = {graph_input(c->graph, "x", f32(c, 2, (int64_t[]){rows, k})),
                 weight(c, r, "w", f32(c, 2, (int64_t[]){n, k})),
                 weight(c, r, "b", f32(c, 1, &n))};
  Attrs at = attrs_default(OP_fully_connected);
  at.dense.act = (Act)random_below(r, ACT_COUNT);
  one_op(c, OP_fully_connected, &at, random_below(r, 4) ? 3 : 2, in,
         f32(c, 2, (int64_t[]){rows, n}));
}

/* Leading dimensions that one of the operands may lack. */
static void matmul_case(Check *c, Random *r) {
  int64_t m = random_in(r, 1, 30), k = random_in(r, 1, 70);
  int64_t n = random_in(r, 1, 100), y[4] = {1, 1, m, n};
  int64_t a[4] = {1, 1, m, k}, b[4] = {1, 1, k, n};
  for (int d = 0; d < 2; d++) {
    y[d] = random_in(r, 1, 3);
    int lacks = random_below(r, 4);
    a[d] = lacks == 1 ? 1 : y[d];
    b[d] = lacks == 2 ? 1 : y[d];
  }
  int lead = a[0] == 1 && random_below(r, 2); /* of a, left out */
  int both = b[0] * b[1] == 1 ? 2 * random_below(r, 2) : 0;
  y[0] = a[0] > b[0] ? a[0] : b[0];
  y[1] = a[1] > b[1] ? a[1] : b[1];
  Value *in[] = {graph_input(c->graph, "a", f32(c, 4 - lead, a + lead)),
                 weight(c, r, "b", f32(c, 4 - both, b + both))};
  Attrs at = attrs_default(OP_matmul);
  int out = lead < both ? lead : both;
  one_op(c, OP_matmul, &at, 2, in, f32(c, 4 - out, y + out));
}

static void pool_case(Check *c, Random *r) {
  Shape s = {.n = random_in(r, 1, 2), .ic = random_in(r, 1, 70)};
  random_window(r, &s, false);
  OpKind kind = random_below(r, 2) ? OP_avg_pool2d : OP_max_pool2d;
  Attrs at = attrs_default(kind);
  at.pool = (PoolAttrs){{{s.kh, s.kw}},
                        {{s.sh, s.sw}},
                        {{s.pad[0], s.pad[1], s.pad[2], s.pad[3]}},
                        (Act)random_below(r, ACT_COUNT)};
  Value *x = graph_input(c->graph, "x", image(c, s.n, s.ih, s.iw, s.ic));
  one_op(c, kind, &at, 1, &x, image(c, s.n, out_rows(&s), out_cols(&s), s.ic));
}

static void mean_case(Check *c, Random *r) {
  int64_t dim[4], kept[4];
  Attrs at = attrs_default(OP_mean);
  IntList *axes = &at.axes.axes;
  for (int d = 0; d < 4; d++) {
    dim[d] = kept[d] = random_in(r, 1, d == 3 ? 70 : 7);
    if (random_below(r, 2) || (d == 3 && axes->n == 0)) {
      axes->v[axes->n++] = d;
      kept[d] = 1;
    }
  }
  Value *x = graph_input(c->graph, "x", f32(c, 4, dim));
  one_op(c, OP_mean, &at, 1, &x, f32(c, 4, kept));
}

/* Outputs, or weights, that no first cache holds. */
static void large_case(Check *c, Random *r) {
  bool outputs = random_below(r, 2);
  Shape s = {.n = 1, .kh = 1, .kw = 1, .sh = 1, .sw = 1, .dh = 1, .dw = 1};
  s.kw = random_in(r, 1, 2);
  s.pad[2] = random_below(r, s.kw);
  s.ih = outputs ? 40 : random_in(r, 1, 3);
  s.iw = outputs ? random_in(r, 40, 47) : random_in(r, 2, 9);
  s.ic = outputs ? random_in(r, 1, 5) : random_in(r, 256, 260);
  int64_t oc = outputs ? random_in(r, 90, 130) : 1100 + random_below(r, 40);
  float *w = ARENA_ARRAY(c->arena, float, oc *s.kw *s.ic);
  random_reals(r, w, oc * s.kw * s.ic);
  Value *in[] = {graph_input(c->graph, "x", image(c, s.n, s.ih, s.iw, s.ic)),
                 graph_const(c->graph, "w", image(c, oc, 1, s.kw, s.ic), w)};
  Attrs at = conv_attrs(r, OP_conv2d, &s);
  one_op(c, OP_conv2d, &at, 2, in,
         image(c, s.n, out_rows(&s), out_cols(&s), oc));
}

static void (*const cases[])(Check *c, Random *r) = {
    conv_case,   border_case, depthwise_case, dense_case,
    matmul_case, pool_case,   mean_case};
enum { NCASE = sizeof cases / sizeof *cases };

static void one_case(const char *target, int seed) {
  Random r = {(uint32_t)seed * 7919u + 5};
  Check c = check_new(target);
  cases[seed % NCASE](&c, &r);
  check_finish(&c, &r, seed);
}

static void one_large_case(const char *target, int seed) {
  Random r = {(uint32_t)seed * 7919u + 5};
  Check c = check_new(target);
  large_case(&c, &r);
  check_finish(&c, &r, seed);
}

static void large_on_the_host(void **state) {
  (void)state;
  static const char *const t[] = {"x86-64-avx512vnni", "x86-64-v3"};
  check_targets(t, 2, 12, one_large_case);
}

static void on_the_host(void **state) {
  (void)state;
  static const char *const t[] = {"x86-64-avx512vnni", "x86-64-v3",
                                  "x86-64-v2"};
  check_targets(t, 3, 200, one_case);
}

static void on_small_cores(void **state) {
  (void)state;
  static const char *const t[] = {"cortex-m4", "cortex-m55"};
  check_targets(t, 2, 60, one_case);
}

static void on_application_cores(void **state) {
  (void)state;
  static const char *const t[] = {"aarch64", "cortex-a76", "armv7-neon",
                                  "riscv64"};
  check_targets(t, 4, 50, one_case);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(on_the_host),
      cmocka_unit_test(large_on_the_host),
      cmocka_unit_test(on_small_cores),
      cmocka_unit_test(on_application_cores),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
