/* Integer ops beside their float islands (ir/island.h), and the scales that
 * quantizing chooses so that both are the same. */
#include "ir/island.h"

#include <math.h>
#include <string.h>

#include "compress/quantize.h"
#include "ir/float_step.h"
#include "ir/text.h"
#include "tests/unit/fixture.h"

static const Type *byte(float scale) {
  return type_new(arena, DT_i8, 0, NULL,
                  quant_per_tensor(arena, scale, 0, DT_i8));
}

/* How many sums up to `most` in units of num / den steps both round alike, with
 * a factor that is a float; the real quotient is rounded half to even. */
static int64_t count_alike(int64_t num, int64_t den, float factor,
                           int64_t most) {
  int64_t alike = 0;
  for (int64_t n = 0; n <= most; n++) {
    int64_t twice = 2 * n * num, floor = twice / (2 * den);
    int64_t rest = twice - floor * 2 * den;
    int64_t want = floor + (rest > den || (rest == den && floor % 2));
    alike += want == (int64_t)rintf((float)n * factor);
  }
  return alike;
}

/* Units of num / 1024, results of den / 16. */
static void test_sums(void **state) {
  (void)state;
  int kept = 0, broken = 0;
  for (int num = 9; num < 100; num += 2)
    for (int den = 1; den < 16; den += 2) {
      float unit = (float)num / 1024, sy = (float)den / 16;
      int64_t most = 256 * 64 * den / num;
      bool alike = count_alike(num, 64 * den, unit / sy, most) == most + 1;
      assert_int_equal(island_sum_keeps_ties(unit, byte(sy)), alike);
      kept += alike;
      broken += !alike;
    }
  assert_true(kept > 100 && broken > 50);
}

static void test_averages(void **state) {
  (void)state;
  for (int count = 1; count < 70; count++)
    for (int den = 1; den < 16; den += 2) {
      float sx = 5.0f / 16, sy = (float)den / 16;
      int64_t most = 255 * count;
      float factor = sx / (sy * (float)count);
      if (5 * most > 256 * den * count)
        most = 256 * den * count / 5;
      bool alike =
          count_alike(5, (int64_t)den * count, factor, most) == most + 1;
      assert_int_equal(island_average_is_exact(byte(sx), byte(sy), count),
                       alike);
    }
  assert_false(island_average_is_exact(byte(0.3f), byte(0.3f), 16));
}

/* ---- quantizing ---- */

static const char network[] =
    "model m\n"
    "input %x : f32[1,8,8,3]\n"
    "const @w : f32[5,1,1,3] = {1, -2, 0.5, 0.7, 0.25, 0.1, -0.5, 0.5, 0.3,"
    "1.1, 1.3, -1.7, 0.9, 0.8, 0.6}\n"
    "const @v : f32[5,1,1,5] = {1, -2, 0.5, 0.7, 0.25, 0.1, -0.5, 0.5, 0.3,"
    "1.1, 1.3, -1.7, 0.9, 0.8, 0.6, 1, -2, 0.5, 0.7, 0.25, 0.1, -0.5, 0.5, "
    "0.3, 4.4}\n"
    "%a : f32[1,8,8,5] = conv2d %x, @w\n"
    "%b : f32[1,8,8,5] = conv2d %a, @v\n"
    "%s : f32[1,8,8,5] = add %a, %b\n"
    "%m : f32[1,8,8,5] = mul %s, %a\n"
    "%p : f32[1,1,1,5] = mean %m { axes=[1,2] }\n"
    "%y : f32[1,1,1,5] = conv2d %p, @v\n"
    "output %y\n";

static Graph *quantized(const Scheme *s, uint64_t *random) {
  Graph *f = graph_parse(arena, diag, "test.kiln", network, strlen(network));
  assert_non_null(f);
  Calibration c = {.samples = 1};
  for (int i = 0; i < f->values.n; i++) {
    const Value *v = f->values.v[i];
    float lo = -(float)(test_random(random) % 1000 + 1) / 100;
    float hi = (float)(test_random(random) % 1000 + 1) / 100;
    TensorStats t = {.name = v->name, .fixed = true, .range = {lo, hi}};
    if (!v->init)
      ARRAY_PUSH(arena, &c.tensors, t);
  }
  return quantize_graph(arena, f, s, &c, NULL);
}

static const Type *type_named(const Graph *g, const char *name) {
  return graph_find(g, name)->type;
}

static void assert_bits(const QuantParams *q, int bits) {
  for (int i = 0; i < q->nscale; i++)
    assert_true(scale_up((double)q->scale[i], bits) == q->scale[i]);
}

static int differences(const Graph *g, OpKind k, const char *a, const char *b,
                       const char *y) {
  Value v[] = {{.type = type_named(g, a)},
               {.type = type_named(g, b)},
               {.type = type_named(g, y)}};
  Value *in[] = {&v[0], &v[1]}, *out[] = {&v[2]};
  Op op = {.kind = k,
           .rounding = ROUND_onnx,
           .nin = 2,
           .nout = 1,
           .in = in,
           .out = out,
           .attrs = attrs_default(k)};
  int pairs, n = island_pair_differences(&op, &pairs);
  assert_int_equal(pairs, 65536);
  return n;
}

/* Of one layer's sums, all channels. */
static void assert_sums(const Graph *g, const char *x, const char *w,
                        const char *y) {
  const Type *t = type_named(g, w);
  for (int i = 0; i < t->q->nscale; i++)
    assert_true(island_sum_keeps_ties(
        type_scale(type_named(g, x)) * t->q->scale[i], type_named(g, y)));
}

/* Whatever the ranges, floats and integers are the same, or, where no short
 * scale makes them so, nearly. */
static void test_scales(void **state) {
  (void)state;
  uint64_t random = 3;
  Scheme s = scheme_default();
  int exact = 0;
  for (int i = 0; i < 12; i++) {
    Graph *g = quantized(&s, &random);
    assert_bits(type_named(g, "x.q")->q, 5);
    assert_bits(type_named(g, "v.q")->q, 4);
    assert_sums(g, "x.q", "w.q", "a.q");
    assert_sums(g, "a.q", "v.q", "b.q");
    int sums = differences(g, OP_add, "a.q", "b.q", "s.q");
    int products = differences(g, OP_mul, "s.q", "a.q", "m.q");
    assert_true(sums <= 6 && products <= 6);
    exact += sums == 0;
    exact +=
        island_average_is_exact(type_named(g, "m.q"), type_named(g, "p.q"), 64);
  }
  assert_true(exact > 14);
}

static void test_bits(void **state) {
  (void)state;
  uint64_t random = 5;
  Scheme s = scheme_default();
  s.base.weights = WEIGHTS_i4;
  Graph *g = quantized(&s, &random);
  assert_bits(type_named(g, "x.q")->q, 5);
  assert_bits(type_named(g, "w.q")->q, 8);
  s.base.scale_bits = 2;
  g = quantized(&s, &random);
  assert_bits(type_named(g, "x.q")->q, 2);
  assert_bits(type_named(g, "w.q")->q, 2);
  s = scheme_default();
  s.base.activations = ACTIVATIONS_i16;
  g = quantized(&s, &random);
  float scale = type_scale(type_named(g, "x.q"));
  assert_false(scale_up((double)scale, 12) == scale);
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_sums, setup, teardown),
      cmocka_unit_test_setup_teardown(test_averages, setup, teardown),
      cmocka_unit_test_setup_teardown(test_scales, setup, teardown),
      cmocka_unit_test_setup_teardown(test_bits, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
