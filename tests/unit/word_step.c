/* plan/word_step.h: the arithmetic that stands for a step function to 16 bits
 * against the definition, around the thresholds and at the ends. */
#include "tests/testing.h"

#include <math.h>

#include "plan/word_step.h"

static uint64_t seed = 1;

static int64_t random_in(int64_t lo, int64_t hi) {
  return lo + (int64_t)(test_random(&seed) % (uint64_t)(hi - lo + 1));
}

/* Random factors, and those that make ties often. */
static double random_factor(void) {
  double fraction = random_in(0, 3) ? (double)random_in(1 << 20, 1 << 30)
                                    : (double)random_in(1, 15);
  return ldexp(fraction, -(int)random_in(24, 44));
}

static int64_t limited(double x, int64_t most) {
  return x<-(double)most ? -most : x>(double) most ? most : (int64_t)x;
}

static void check_around(const WordStep *w, const Requant *r, int64_t most) {
  for (int i = 0; i < 200; i++) {
    double y = (double)random_in(-33000, 33000) + 0.5;
    int64_t acc = limited(y / r->real, most - 2);
    for (int64_t a = acc - 2; a <= acc + 2; a++)
      assert_int_equal(word_step_apply(w, 0, a), requant_apply(r, a));
  }
  for (int i = 0; i < 50; i++) {
    int64_t acc = random_in(-most, most);
    assert_int_equal(word_step_apply(w, 0, acc), requant_apply(r, acc));
  }
}

static void equal_to_the_definition(void **state) {
  (void)state;
  static const RequantKind kinds[] = {RQ_double,  RQ_f64_away, RQ_f32_even,
                                      RQ_f32_sum, RQ_single,   RQ_wide};
  Plan plan = {.arena = arena_new()};
  Step step = {0};
  for (int i = 0; i < 6000; i++) {
    Requant r = {.kind = kinds[i % 6],
                 .real = random_factor(),
                 .bias = kinds[i % 6] == RQ_f32_sum ? 0.375f : 0,
                 .lo = INT16_MIN,
                 .hi = INT16_MAX};
    quantize_multiplier(r.real, &r.multiplier, &r.shift);
    int64_t most = INT64_C(1) << random_in(16, 50);
    AccRange range = {-most, most};
    if (!word_step_fits(&r, range))
      continue;
    WordStep w = word_step(&plan, &step, 1, &r, &range, 1);
    check_around(&w, &r, most);
  }
  arena_free(plan.arena);
}

/* The product, rounded to a double, is a tie that the exact one is below. */
static void rounded_into_a_tie(void **state) {
  (void)state;
  Plan plan = {.arena = arena_new()};
  Step step = {0};
  int found = 0;
  for (int64_t acc = 3; acc < 40001; acc += 2) {
    double real = 15000.5 / (double)acc;
    Requant r = {.kind = RQ_f64_away, .real = real, .lo = -32768, .hi = 32767};
    AccRange range = {-acc, acc};
    found +=
        fma(real, (double)acc, -15000.5) < 0 && real * (double)acc >= 15000.5;
    WordStep w = word_step(&plan, &step, 1, &r, &range, 1);
    assert_int_equal(word_step_apply(&w, 0, acc), requant_apply(&r, acc));
    assert_int_equal(word_step_apply(&w, 0, -acc), requant_apply(&r, -acc));
  }
  assert_true(found > 100);
  arena_free(plan.arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(equal_to_the_definition),
      cmocka_unit_test(rounded_into_a_tie),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
