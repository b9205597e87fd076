/* ir/fixed.h and ir/real.h: fixed-point and correctly rounded functions
 * against the host's long double, add and softmax at their ends. */
#include "tests/testing.h"

#include <math.h>
#include <string.h>

#include "ir/fixed.h"
#include "ir/real.h"

static uint64_t seed = 7;

static float random_float(void) {
  uint32_t bits = (uint32_t)(test_random(&seed) >> 32);
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

/* A float between 2^-20 and 2^8, of any sign. */
static float random_moderate(void) {
  uint64_t r = test_random(&seed);
  float m = 1 + (float)(r >> 41) * 0x1p-23f;
  return ldexpf(r & 1 ? m : -m, (int)(r >> 1 & 31) - 23);
}

/* The long double is good to 2^-64: where it lies far enough from the middle
 * between two floats it says which is nearest. */
static void assert_nearest(float y, long double exact) {
  if (isnan(exact)) {
    assert_true(isnan(y));
    return;
  }
  float up = nextafterf(y, INFINITY), down = nextafterf(y, -INFINITY);
  long double slack = fabsl(exact) * 0x1p-60L;
  if (isinf(y)) {
    assert_true(fabsl(exact) > 0x1.fffffep127L);
    return;
  }
  long double error = fabsl(exact - (long double)y);
  assert_true(error <= fabsl(exact - (long double)up) + slack);
  assert_true(error <= fabsl(exact - (long double)down) + slack);
}

static void real_functions(void **state) {
  (void)state;
  for (int i = 0; i < 200000; i++) {
    float x = i % 4 ? random_moderate() : random_float();
    if (isnan(x))
      continue;
    assert_nearest(real_expf(x), expl((long double)x));
    assert_nearest(real_tanhf(x), tanhl((long double)x));
  }
}

static void real_ends(void **state) {
  (void)state;
  assert_true(isnan(real_expf(NAN)) && isnan(real_tanhf(NAN)));
  assert_true(isnan(real_exp(NAN)));
  assert_true(real_expf(0) == 1 && real_expf(-0.0f) == 1);
  assert_true(isinf(real_expf(88.72284f)) && !isinf(real_expf(88.72283f)));
  assert_true(real_expf(-103.97209f) == 0 && real_expf(-103.97207f) > 0);
  assert_true(isinf(real_expf(INFINITY)) && real_expf(-INFINITY) == 0);
  assert_true(isinf(real_exp(INFINITY)) && real_exp(-INFINITY) == 0);
  assert_true(real_exp(1) == 0x1.5bf0a8b145769p+1);
  assert_true(real_tanhf(INFINITY) == 1 && real_tanhf(-20) == -1);
  assert_true(signbit(real_tanhf(-0.0f)));
}

static void real_exp_double(void **state) {
  (void)state;
  for (int i = 0; i < 50000; i++) {
    double x = (double)random_moderate() * 1.000000123;
    long double exact = expl((long double)x);
    long double ulp = (long double)nextafter((double)exact, INFINITY) - exact;
    assert_true(fabsl((long double)real_exp(x) - exact) <=
                1.01L * fabsl(ulp) + exact * 0x1p-53L);
  }
}

static void exp_negative(void **state) {
  (void)state;
  assert_int_equal(fixed_exp_negative(0), INT32_MAX);
  assert_int_equal(fixed_exp_negative(INT32_MIN), 0);
  for (int i = 0; i < 50000; i++) {
    int32_t x = -(int32_t)(test_random(&seed) >> (33 + i % 20));
    double y = ldexp(fixed_exp_negative(x), -31), exact = exp(ldexp(x, -26));
    assert_true(fabs(y - exact) < 1e-6);
  }
}

static void reciprocal(void **state) {
  (void)state;
  for (int i = 0; i < 50000; i++) {
    int32_t x = (int32_t)(test_random(&seed) >> 33);
    double y = ldexp(fixed_one_over_one_plus(x), -31);
    assert_true(fabs(y - 1 / (1 + ldexp(x, -31))) < 1e-8);
  }
  assert_int_equal(fixed_one_over_one_plus(0), INT32_MAX);
}

/* --- add and softmax of an op ------------------------------------------ */

static Arena *arena;

static Op *make(OpKind kind, int nin, const Type *x, const Type *y) {
  Graph *g = graph_new(arena, diag_new(arena), "test");
  Value *in[] = {graph_input(g, "a", x), graph_input(g, "b", x)};
  return graph_op(g, NULL, kind, NULL, nin, in, 1, &y, NULL, (Loc){0});
}

static const Type *quantized(DType t, float scale, int32_t zero) {
  int64_t dim[] = {1, 4};
  return type_new(arena, t, 2, dim, quant_per_tensor(arena, scale, zero, t));
}

/* Within one step of the real sum everywhere, ends and zero points too. */
static void add_everywhere(void **state) {
  (void)state;
  arena = arena_new();
  static const int32_t zeros[] = {-128, 0, 127};
  for (int i = 0; i < 9; i++) {
    int32_t zx = zeros[i % 3], zy = zeros[i / 3];
    const Type *x = quantized(DT_i8, 0.37f, zx),
               *y = quantized(DT_i8, 0.5f, zy);
    AddStep add = add_step_of(make(OP_add, 2, x, y));
    AddStep sub = add_step_of(make(OP_sub, 2, x, y));
    for (int32_t a = -128; a < 128; a++)
      for (int32_t b = -128; b < 128; b += 5) {
        double plus = (a - zx + (b - zx)) * 0.37 / 0.5 + zy;
        double minus = (a - b) * 0.37 / 0.5 + zy;
        plus = fmin(fmax(plus, -128), 127);
        minus = fmin(fmax(minus, -128), 127);
        assert_true(fabs(add_step_apply(&add, a, b) - plus) < 0.51);
        assert_true(fabs(add_step_apply(&sub, a, b) - minus) < 0.51);
      }
  }
  arena_free(arena);
}

static int32_t softmax_of_equals(const SoftmaxStep *s, int n) {
  int32_t e = softmax_exp(s, 0);
  int32_t total = n * rounding_divide_by_pot(e, 12);
  return softmax_output(s, e, softmax_scale(s, total));
}

static void softmax_steps(void **state) {
  (void)state;
  arena = arena_new();
  const Type *x = quantized(DT_i8, 0.1f, 0);
  const Type *y = quantized(DT_i8, 1.0f / 256, -128);
  SoftmaxStep s = softmax_step_of(make(OP_softmax, 1, x, y));
  assert_int_equal(softmax_exp(&s, 0), INT32_MAX);
  assert_int_equal(softmax_of_equals(&s, 1), 127); /* 256 saturates */
  assert_int_equal(softmax_of_equals(&s, 2), 0);
  assert_int_equal(softmax_of_equals(&s, 4), 64 - 128);
  assert_int_equal(softmax_of_equals(&s, 1000), -128);
  assert_int_equal(softmax_of_equals(&s, 4095), -128);
  for (int32_t d = -255; d <= 0; d++) {
    double e = ldexp(softmax_exp(&s, d), -31);
    assert_true(fabs(e - exp((double)0.1f * d)) < 1e-6);
  }
  arena_free(arena);
}

/* Differences whose Q5.26 form would leave its range count as nothing. */
static void softmax_far(void **state) {
  (void)state;
  arena = arena_new();
  const Type *x = quantized(DT_i8, 1, 0);
  const Type *y = quantized(DT_i8, 1.0f / 256, -128);
  SoftmaxStep s = softmax_step_of(make(OP_softmax, 1, x, y));
  assert_int_equal(s.diff_min, -15);
  assert_true(softmax_exp(&s, -15) > 0);
  assert_int_equal(softmax_exp(&s, -16), 0);
  arena_free(arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(real_functions),  cmocka_unit_test(real_ends),
      cmocka_unit_test(real_exp_double), cmocka_unit_test(exp_negative),
      cmocka_unit_test(reciprocal),      cmocka_unit_test(add_everywhere),
      cmocka_unit_test(softmax_steps),   cmocka_unit_test(softmax_far),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
