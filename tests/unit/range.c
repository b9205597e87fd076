/* compress/range.h on distributions whose answers are known. */
#include "compress/range.h"

#include <math.h>
#include <string.h>

#include "ir/island.h"
#include "tests/unit/fixture.h"

enum { N = 20000, SAMPLES = 10 };

static const QuantForm i8 = {.bits = 8, .is_signed = true, .scale_bits = 24};
static const QuantForm i8_symmetric = {
    .bits = 8, .is_signed = true, .scale_bits = 24, .symmetric = true};
static const QuantForm i4 = {.bits = 4, .is_signed = true, .scale_bits = 24};

static double unit(uint64_t *random) {
  return (double)(test_random(random) >> 11) * 0x1p-53;
}

static double uniform(uint64_t *random) { return 2 * unit(random) - 1; }

/* Box and Muller. */
static double gauss(uint64_t *random) {
  double r = sqrt(-2 * log(1 - unit(random)));
  return r * cos(6.283185307179586 * unit(random));
}

/* SAMPLES samples of N numbers; `extra` is the first one. */
static TensorStats observe(double (*draw)(uint64_t *), bool positive,
                           float extra) {
  static float x[N];
  uint64_t random = 7;
  const Type *t = type_new(arena, DT_f32, 1, (const int64_t[]){N}, NULL);
  TensorStats s = stats_new(arena, "x", t, SAMPLES);
  for (int k = 0; k < SAMPLES; k++) {
    for (int i = 0; i < N; i++) {
      float v = (float)draw(&random);
      x[i] = positive && v < 0 ? 0 : v;
    }
    if (k == 0 && extra != 0)
      x[0] = extra;
    stats_observe(&s, x);
  }
  return s;
}

static Range range(const TensorStats *t, const char *rule,
                   const QuantForm *form) {
  RangeRule r;
  assert_true(range_rule_parse(rule, &r));
  return calibration_range(t, &r, form);
}

static void assert_range(Range r, double lo, double hi, double tolerance) {
  if (!(fabs((double)r.lo - lo) <= tolerance) ||
      !(fabs((double)r.hi - hi) <= tolerance))
    fail_msg("%g..%g is not %g..%g", (double)r.lo, (double)r.hi, lo, hi);
}

/* ---- methods ---- */

static void reads_rules(void **state) {
  (void)state;
  RangeRule r;
  assert_true(range_rule_parse("percentile:99.5", &r));
  assert_int_equal(r.method, RANGE_percentile);
  assert_float_equal(r.percentile, 99.5, 0);
  assert_true(range_rule_parse("auto", &r));
  assert_int_equal(r.method, RANGE_automatic);
  static const char *const wrong[] = {"",
                                      "max",
                                      "mse:3",
                                      "minmax ",
                                      "percentile:",
                                      "percentile:x",
                                      "percentile:101",
                                      "percentile:0"};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
    assert_false(range_rule_parse(wrong[i], &r));
}

static void uniform_is_covered(void **state) {
  (void)state;
  TensorStats t = observe(uniform, false, 0);
  assert_range(range(&t, "minmax", &i8), -1, 1, 1e-3);
  assert_range(range(&t, "average", &i8), -1, 1, 1e-3);
  assert_range(range(&t, "percentile:99", &i8), -0.99, 0.99, 2e-3);
  assert_range(range(&t, "percentile:99", &i8_symmetric), -0.99, 0.99, 2e-3);
  assert_range(range(&t, "percentile:100", &i8), -1, 1, 1e-3);
  assert_range(range(&t, "mse", &i8), -1, 1, 0.05);
  assert_range(range(&t, "entropy", &i8), -1, 1, 0.05);
}

/* R. Banner et al., "Post training 4-bit quantization of convolutional
 * networks" (2019): a Gaussian is best cut at 2.55 sigma for 4 bits and at
 * 3.92 for 8. */
static void gaussian_is_cut_where_it_is_best(void **state) {
  (void)state;
  TensorStats t = observe(gauss, false, 0);
  assert_range(range(&t, "mse", &i4), -2.55, 2.55, 0.15);
  assert_range(range(&t, "mse", &i8), -3.92, 3.92, 0.2);
  assert_range(range(&t, "percentile:95.45", &i8), -2, 2, 0.02);
  assert_range(range(&t, "percentile:99.73", &i8_symmetric), -3, 3, 0.05);
}

static void one_sided_has_one_sided_range(void **state) {
  (void)state;
  static const char *const rules[] = {"minmax",  "average", "percentile",
                                      "entropy", "mse",     "auto"};
  TensorStats t = observe(gauss, true, 0);
  for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
    Range r = range(&t, rules[i], &i8);
    assert_true(r.lo == 0 && r.hi > 2 && r.hi < 6);
  }
}

/* One element of 200 000 is 300 times what the others reach. */
static void outliers_are_cut_off(void **state) {
  (void)state;
  TensorStats t = observe(uniform, false, 300);
  assert_range(range(&t, "minmax", &i8), -1, 300, 1e-3);
  assert_range(range(&t, "average", &i8), -1, 1 + 299 / 10.0, 1e-2);
  assert_range(range(&t, "percentile", &i8), -1, 1, 0.01);
  assert_true(range(&t, "entropy", &i8).hi < 2);
}

static double mostly_background(uint64_t *random) {
  return unit(random) < 0.9 ? 0.01 : 6 * unit(random);
}

/* Nothing diverges less from it than the background alone. */
static void background_is_not_all(void **state) {
  (void)state;
  TensorStats t = observe(mostly_background, true, 0);
  assert_range(range(&t, "entropy", &i8), 0, 6, 0.1);
}

/* (1 + 2 + ... + 100) / 100, then r += (x - r) / 100. */
static void average_moves(void **state) {
  (void)state;
  const Type *type = type_new(arena, DT_f32, 0, NULL, NULL);
  TensorStats t = stats_new(arena, "x", type, 102);
  for (int i = 1; i <= 102; i++)
    stats_observe(&t, &(float){(float)i});
  double expected = 50.5;
  for (int i = 101; i <= 102; i++)
    expected += (i - expected) / 100;
  assert_range(range(&t, "average", &i8), 0, expected, 1e-4);
}

static void people_know_better(void **state) {
  (void)state;
  TensorStats t = observe(gauss, false, 0);
  t.fixed = true;
  t.range = (Range){1, 6};
  assert_range(range(&t, "mse", &i8), 0, 6, 0);
  assert_range(
      range(&(TensorStats){.fixed = true, .range = {-2, -1}}, "auto", &i8), -2,
      0, 0);
}

static void nothing_seen_is_zero(void **state) {
  (void)state;
  const Type *type = type_new(arena, DT_f32, 0, NULL, NULL);
  TensorStats t = stats_new(arena, "x", type, 2);
  assert_range(range(&t, "mse", &i8), 0, 0, 0);
  stats_observe(&t, &(float){NAN});
  assert_range(range(&t, "entropy", &i8), 0, 0, 0);
  stats_observe(&t, &(float){0});
  static const char *const rules[] = {"minmax",  "average", "percentile",
                                      "entropy", "mse",     "auto"};
  for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
    assert_range(range(&t, rules[i], &i8), 0, 0, 0);
}

/* ---- parameters ---- */

static void chooses_parameters(void **state) {
  (void)state;
  static const struct {
    QuantForm form;
    Range range;
    QuantChoice expected;
  } cases[] = {
      {{8, true, false, 24}, {-1, 1}, {2.0f / 255, -1, -128, 127}},
      {{8, false, false, 24}, {-1, 1}, {2.0f / 255, 127, 0, 255}},
      {{8, true, false, 24}, {0, 6}, {6.0f / 255, -128, -128, 127}},
      {{8, true, false, 24}, {2, 6}, {6.0f / 255, -128, -128, 127}},
      {{8, false, false, 24}, {-3, -1}, {3.0f / 255, 255, 0, 255}},
      {{8, true, true, 24}, {-1, 4}, {4.0f / 127, 0, -128, 127}},
      {{8, false, true, 24}, {-1, 4}, {4.0f / 127, 128, 0, 255}},
      {{16, true, true, 24}, {-2, 1}, {2.0f / 32767, 0, -32768, 32767}},
      {{8, true, true, 1}, {-4, 4}, {0.03125f * 2, 0, -128, 127}},
      {{8, false, false, 1}, {0, 255}, {1, 0, 0, 255}},
      {{8, false, false, 1}, {0, 256}, {2, 0, 0, 255}},
      {{8, false, false, 4}, {0, 255}, {1, 0, 0, 255}},
      {{8, false, false, 4}, {0, 256}, {1.125f, 0, 0, 255}},
      {{8, true, false, 3}, {-1, 4}, {0x3p-7f, -85, -128, 127}},
      {{4, true, false, 24}, {-7.5f, 7.5f}, {1, 0, -8, 7}},
      {{8, true, false, 24}, {0, 0}, {1, -128, -128, 127}},
      {{8, true, true, 24}, {0, 1e-30f}, {0x1p-64f, 0, -128, 127}},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    QuantChoice q = quant_of_range(cases[i].range, &cases[i].form);
    const QuantChoice *e = &cases[i].expected;
    if (q.scale != e->scale || q.zero_point != e->zero_point ||
        q.qmin != e->qmin || q.qmax != e->qmax)
      fail_msg("case %d: scale %a, zero point %d, %d..%d", (int)i,
               (double)q.scale, q.zero_point, q.qmin, q.qmax);
  }
}

/* scale_for_sums: 5 / 3 of 2^-k times a float makes ties fall; so does what is
 * asked for where nothing is stored. */
static void finds_scales_for_sums(void **state) {
  (void)state;
  static const struct {
    double least;
    int bits;
  } cases[] = {{0.01, 3}, {0.013, 4}, {0.02, 5}, {0.0077, 4}, {0.3, 24}};
  static const float results[] = {1, 1.25f, 1.5f, 0.375f, 0.4375f, 0.8125f};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    for (size_t k = 0; k < sizeof results / sizeof *results; k++) {
      const QuantParams *q = quant_per_tensor(arena, results[k], 0, DT_i8);
      const Type *y = type_new(arena, DT_i8, 0, NULL, q);
      float plain = scale_up(cases[i].least, cases[i].bits);
      float scale = scale_for_sums(cases[i].least, cases[i].bits, 0.75f, y);
      assert_true(scale >= plain && scale <= 2 * plain);
      assert_true(scale_up((double)scale, cases[i].bits) == scale);
      assert_true(island_sum_keeps_ties(0.75f * scale, y));
      assert_true(scale_for_sums(cases[i].least, cases[i].bits, 0.75f, NULL) ==
                  plain);
    }
}

/* ---- error ---- */

static double brute_error(double (*draw)(uint64_t *), const QuantChoice *q,
                          int p) {
  uint64_t random = 7;
  double sum = 0;
  for (int i = 0; i < N * SAMPLES; i++) {
    double x = (double)(float)draw(&random);
    double steps = floor(x / (double)q->scale + 0.5) + q->zero_point;
    steps = fmin(fmax(steps, q->qmin), q->qmax) - q->zero_point;
    sum += pow(fabs(x - steps * (double)q->scale), p);
  }
  return sum / (N * SAMPLES);
}

static void error_is_expected(void **state) {
  (void)state;
  static const QuantChoice choices[] = {
      {2.0f / 255, 0, -128, 127},  /* all inside */
      {0.5f / 255, 20, -128, 127}, /* most outside, not in the middle */
      {0.4f, 0, -8, 7},            /* rough */
  };
  TensorStats t = observe(gauss, false, 0);
  for (size_t i = 0; i < sizeof choices / sizeof *choices; i++)
    for (int p = 2; p <= 3; p++) {
      double e = quant_error(&t, &choices[i], p);
      double expected = brute_error(gauss, &choices[i], p);
      if (fabs(e / expected - 1) > 0.01)
        fail_msg("choice %d, p %d: %g is not %g", (int)i, p, e, expected);
    }
}

static void automatic_has_the_least_cube(void **state) {
  (void)state;
  static const char *const rules[] = {"minmax", "average", "percentile",
                                      "entropy", "mse"};
  TensorStats t = observe(gauss, false, 30);
  QuantChoice best = quant_of_range(range(&t, "auto", &i8), &i8);
  double least = quant_error(&t, &best, 3);
  for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
    QuantChoice q = quant_of_range(range(&t, rules[i], &i8), &i8);
    assert_true(least <= quant_error(&t, &q, 3) * 1.001);
  }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(reads_rules),
      TEST(uniform_is_covered),
      TEST(gaussian_is_cut_where_it_is_best),
      TEST(one_sided_has_one_sided_range),
      TEST(outliers_are_cut_off),
      TEST(background_is_not_all),
      TEST(average_moves),
      TEST(people_know_better),
      TEST(nothing_seen_is_zero),
      TEST(chooses_parameters),
      TEST(finds_scales_for_sums),
      TEST(error_is_expected),
      TEST(automatic_has_the_least_cube),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
