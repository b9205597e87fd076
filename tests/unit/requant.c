/* ir/requant.h: the step functions against their definitions in wide
 * arithmetic, their monotony and thresholds, parameters by op. */
#include "tests/testing.h"

#include <math.h>

#include "ir/requant.h"

static uint64_t seed = 1;

static int32_t random32(void) { return (int32_t)(test_random(&seed) >> 32); }

/* A random value of a random magnitude. */
static int32_t random_any(void) {
  int32_t x = random32();
  return x >> (test_random(&seed) % 31);
}

/* Round half away from zero of num / 2^bits, by sign and magnitude. */
static int64_t divide_away(int64_t num, int bits) {
  uint64_t magnitude = num < 0 ? 0 - (uint64_t)num : (uint64_t)num;
  uint64_t half = bits > 0 ? UINT64_C(1) << (bits - 1) : 0;
  int64_t q = (int64_t)((magnitude + half) >> bits);
  return num < 0 ? -q : q;
}

static void high_mul(void **state) {
  (void)state;
  assert_int_equal(saturating_rounding_doubling_high_mul(INT32_MIN, INT32_MIN),
                   INT32_MAX);
  for (int i = 0; i < 200000; i++) {
    int32_t a = random_any(), b = random_any();
    int64_t p = (int64_t)a * b;
    int64_t nudge = p >= 0 ? INT64_C(1) << 30 : 1 - (INT64_C(1) << 30);
    int64_t want = (p + nudge) / (INT64_C(1) << 31);
    if (a == INT32_MIN && b == INT32_MIN)
      want = INT32_MAX;
    assert_int_equal(saturating_rounding_doubling_high_mul(a, b), want);
  }
}

static void rounding_shift(void **state) {
  (void)state;
  for (int e = 0; e <= 31; e++)
    for (int i = 0; i < 5000; i++) {
      int32_t x = random_any();
      assert_int_equal(rounding_divide_by_pot(x, e), divide_away(x, e));
    }
  assert_int_equal(rounding_divide_by_pot(INT32_MIN, 31), -1);
  assert_int_equal(rounding_divide_by_pot(INT32_MAX, 31), 1);
}

static void multipliers(void **state) {
  (void)state;
  static const double reals[] = {1e-9, 0.1,  0.25, 0.3, 0.5,
                                 1,    1.75, 3,    1e3, 536870911.9};
  for (size_t i = 0; i < sizeof reals / sizeof *reals; i++) {
    int32_t m;
    int shift;
    quantize_multiplier(reals[i], &m, &shift);
    assert_true(m >= 1 << 30);
    double back = ldexp(m, shift - 31);
    assert_true(fabs(back - reals[i]) <= reals[i] * 0x1p-31);
  }
}

/* Whatever a model file says as a scale, there is a multiplier. */
static void odd_multipliers(void **state) {
  (void)state;
  static const struct {
    double real;
    int32_t m;
    int shift;
  } odd[] = {
      {0, 0, 0},
      {-1, 0, 0},
      {INFINITY, 0, 0},
      {NAN, 0, 0},
      {0x1p-33, 0, 0},
      {0x1p-32, 1 << 30, -31},
      {1 - 0x1p-40, 1 << 30, 1},
      {0x1p29, 1 << 30, 30},
      {0x1p30, INT32_MAX, 30},
      {1e300, INT32_MAX, 30},
  };
  for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
    int32_t m;
    int shift;
    quantize_multiplier(odd[i].real, &m, &shift);
    assert_int_equal(m, odd[i].m);
    assert_int_equal(shift, odd[i].shift);
  }
}

static Requant requant(RequantKind kind, double real, int32_t zero) {
  Requant r = {
      .kind = kind, .real = real, .zero_point = zero, .lo = -128, .hi = 127};
  quantize_multiplier(real, &r.multiplier, &r.shift);
  return r;
}

typedef struct Step {
  int64_t acc;
  int32_t y;
} Step;

static void assert_steps(RequantKind kind, double real, const Step *s, int n) {
  Requant r = requant(kind, real, 0);
  for (int i = 0; i < n; i++)
    assert_int_equal(requant_apply(&r, s[i].acc), s[i].y);
}

/* What each kind makes of ties. */
static void ties(void **state) {
  (void)state;
  static const Step doubled[] = {{1, 1}, {3, 2}, {5, 3}, {-1, 0}, {-3, -1}};
  static const Step quarter[] = {{2, 1}, {-2, -1}, {-1, 0}, {6, 2}, {-6, -2}};
  static const Step away[] = {{1, 1}, {3, 2}, {5, 3}, {-1, -1}, {-3, -2}};
  static const Step even[] = {{1, 0}, {3, 2}, {5, 2}, {-1, 0}, {-3, -2}};
  assert_steps(RQ_double, 0.5, doubled, 5); /* the high product ties upward */
  assert_steps(RQ_double, 0.125, (const Step[]){{4, 1}, {-4, -1}}, 2);
  assert_steps(RQ_double, 0.25, quarter, 5); /* its shift ties outward */
  assert_steps(RQ_f64_away, 0.5, away, 5);
  assert_steps(RQ_f32_even, 0.5, even, 5);
  assert_steps(RQ_single, 0.5, doubled, 5);
}

/* Two roundings are not one: 0.49... up to 0.5, then up to 1. */
static void double_rounding_shows(void **state) {
  (void)state;
  int differ = 0;
  Requant two = requant(RQ_double, 0.0123, 0);
  Requant one = requant(RQ_single, 0.0123, 0);
  for (int64_t acc = -10000; acc <= 10000; acc++) {
    int32_t a = requant_apply(&two, acc), b = requant_apply(&one, acc);
    assert_true(abs(a - b) <= 1);
    differ += a != b;
  }
  assert_true(differ > 0);
}

static void single_definition(void **state) {
  (void)state;
  Requant r = requant(RQ_single, 0.00371, -7);
  r.lo = INT32_MIN;
  r.hi = INT32_MAX;
  for (int i = 0; i < 100000; i++) {
    int32_t acc = random_any();
    int64_t p = (int64_t)acc * r.multiplier;
    double exact = (double)p / ldexp(1, 31 - r.shift);
    int32_t y = requant_apply(&r, acc) + 7;
    assert_true(y <= floor(exact + 0.5) + 1e-6 && y >= exact - 0.5 - 1e-6);
  }
}

static void saturation(void **state) {
  (void)state;
  static const RequantKind kinds[] = {RQ_double,  RQ_f64_away, RQ_f32_even,
                                      RQ_f32_sum, RQ_single,   RQ_wide};
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    Requant r = requant(kinds[i], 1e6, 5);
    assert_int_equal(requant_apply(&r, INT64_C(1) << 40), 127);
    assert_int_equal(requant_apply(&r, -(INT64_C(1) << 40)), -128);
    assert_int_equal(requant_apply(&r, 0), 5);
  }
}

static void monotone_with_thresholds(void **state) {
  (void)state;
  static const double reals[] = {0.5,   0.0123, 0.3333, 0.9999, 1,
                                 1.001, 2.7,    0.0001, 17,     0};
  for (int kind = RQ_double; kind <= RQ_wide; kind++)
    for (size_t i = 0; i < sizeof reals / sizeof *reals; i++) {
      Requant r = requant((RequantKind)kind, reals[i], -3);
      enum { MIN = -30000, MAX = 30000 };
      int32_t before = -128;
      for (int64_t acc = MIN; acc <= MAX; acc++) {
        int32_t y = requant_apply(&r, acc);
        assert_true(y >= before);
        for (int32_t t = before + 1; acc > MIN && t <= y; t++)
          assert_int_equal(requant_threshold(&r, t, MIN, MAX), acc);
        before = y;
      }
      assert_int_equal(requant_threshold(&r, before + 1, MIN, MAX), MAX + 1);
      assert_int_equal(requant_threshold(&r, -128, MIN, MAX), MIN);
    }
}

/* --- parameters ------------------------------------------------------- */

static Arena *arena;

static const Type *quantized(DType t, float scale, int32_t zero) {
  int64_t dim[] = {1, 1, 1, 1};
  return type_new(arena, t, 4, dim, quant_per_tensor(arena, scale, zero, t));
}

static void activations(void **state) {
  (void)state;
  arena = arena_new();
  static const struct {
    Act act;
    float scale;
    int32_t zero, lo, hi;
  } cases[] = {
      {ACT_none, 0.1f, 3, -128, 127},
      {ACT_relu, 0.1f, 3, 3, 127},
      {ACT_relu6, 0.1f, 3, 3, 63},
      {ACT_relu6, 0.01f, 3, 3, 127},
      {ACT_relu6, 4, 3, 3, 5}, /* 1.5 rounds up */
      {ACT_relu_n1_1, 0.1f, -128, -128, -118},
      {ACT_relu_n1_1, 0.4f, 0, -3, 3}, /* 2.5 rounds away */
      {ACT_relu_0_1, 0.1f, 127, 127, 127},
      {ACT_relu6, 1e-40f, 0, 0, 127},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    int32_t lo, hi;
    act_range(cases[i].act, quantized(DT_i8, cases[i].scale, cases[i].zero),
              &lo, &hi);
    assert_int_equal(lo, cases[i].lo);
    assert_int_equal(hi, cases[i].hi);
  }
  arena_free(arena);
}

static Requant of_op(OpKind kind, DType dtype, Rounding rounding) {
  Diag *d = diag_new(arena);
  Graph *g = graph_new(arena, d, "test");
  g->rounding = rounding;
  const Type *x = quantized(dtype, 0.1f, 0), *w = quantized(DT_i8, 0.3f, 0);
  Value *in[] = {graph_input(g, "x", x), graph_input(g, "w", w)};
  const Type *y = quantized(dtype, 0.7f, 0);
  Op *op = graph_op(g, NULL, kind, NULL, 2, in, 1, &y, NULL, (Loc){0});
  return requant_of(op, 0);
}

/* The kind, and which product is taken in float. */
static void by_op(void **state) {
  (void)state;
  arena = arena_new();
  double sx = (double)0.1f, sw = (double)0.3f, sy = (double)0.7f;
  double in_double = sx * sw / sy;
  double half = (double)(0.1f * 0.3f) / sy;
  double in_float = (double)(0.1f * 0.3f / 0.7f);
  static const struct {
    OpKind op;
    DType dtype;
    Rounding rounding;
    RequantKind kind;
  } cases[] = {
      {OP_conv2d, DT_i8, ROUND_tflite, RQ_double},
      {OP_conv2d, DT_u8, ROUND_tflite, RQ_double},
      {OP_depthwise_conv2d, DT_u8, ROUND_tflite, RQ_double},
      {OP_fully_connected, DT_u8, ROUND_tflite, RQ_f64_away},
      {OP_fully_connected, DT_i8, ROUND_tflm, RQ_double},
      {OP_mul, DT_i8, ROUND_tflite, RQ_double},
      {OP_conv2d, DT_i8, ROUND_onnx, RQ_f32_even},
      {OP_fully_connected, DT_i8, ROUND_onnx, RQ_f32_even},
      {OP_mul, DT_u8, ROUND_onnx, RQ_f32_sum},
      {OP_conv2d, DT_i8, ROUND_single, RQ_single},
      {OP_fully_connected, DT_i8, ROUND_single, RQ_single},
  };
  const double real[] = {in_double, half,      half,     in_double,
                         in_double, in_float,  in_float, in_float,
                         in_float,  in_double, in_double};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    Requant r = of_op(cases[i].op, cases[i].dtype, cases[i].rounding);
    assert_int_equal(r.kind, cases[i].kind);
    assert_true(r.real == real[i]);
  }
  arena_free(arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(high_mul),
      cmocka_unit_test(rounding_shift),
      cmocka_unit_test(multipliers),
      cmocka_unit_test(odd_multipliers),
      cmocka_unit_test(ties),
      cmocka_unit_test(double_rounding_shows),
      cmocka_unit_test(single_definition),
      cmocka_unit_test(saturation),
      cmocka_unit_test(monotone_with_thresholds),
      cmocka_unit_test(activations),
      cmocka_unit_test(by_op),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
