/* compress/linear.h: systems whose solutions are known. */
#include "tests/testing.h"

#include <math.h>
#include <string.h>

#include "compress/linear.h"

enum { N = 5, ROWS = 40, OUTPUTS = 2 };

static void assert_near(double want, double got) {
  if (!(fabs(want - got) <= 1e-9 * (1 + fabs(want))))
    fail_msg("%.17g instead of %.17g", got, want);
}

/* Rows of small integers, of full rank. */
static void make_rows(float x[ROWS][N]) {
  uint64_t random = 7;
  for (int r = 0; r < ROWS; r++)
    for (int i = 0; i < N; i++)
      x[r][i] = (float)(test_random(&random) % 9) - 4;
}

static void make_gram(float x[ROWS][N], double h[N * N]) {
  memset(h, 0, N * N * sizeof *h);
  for (int r = 0; r < ROWS; r++)
    gram_add(h, N, x[r]);
  gram_mirror(h, N);
}

static void test_gram(void **state) {
  (void)state;
  float x[2][3] = {{1, 2, 3}, {0, -1, 2}}, y[2][2] = {{1, 10}, {2, 5}};
  double h[9] = {0}, c[6] = {0};
  const double want[9] = {1, 2, 3, 2, 5, 4, 3, 4, 13};
  const double cross[6] = {1, 10, 0, 15, 7, 40};
  for (int r = 0; r < 2; r++) {
    gram_add(h, 3, x[r]);
    gram_add_cross(c, 3, x[r], 2, y[r]);
  }
  gram_mirror(h, 3);
  assert_memory_equal(h, want, sizeof h);
  assert_memory_equal(c, cross, sizeof c);
}

/* Weights are found again from what they give. */
static void test_solve(void **state) {
  (void)state;
  static const double weights[OUTPUTS][N] = {{1, -2, 3, 0.5, 4},
                                             {0, 1, 0, -7, 0.25}};
  float x[ROWS][N];
  double h[N * N], b[OUTPUTS][N] = {{0}};
  make_rows(x);
  make_gram(x, h);
  for (int o = 0; o < OUTPUTS; o++)
    for (int i = 0; i < N; i++)
      for (int j = 0; j < N; j++)
        b[o][i] += weights[o][j] * h[j * N + i];
  assert_true(spd_factor(h, N));
  spd_solve(h, N, b[0], OUTPUTS);
  for (int o = 0; o < OUTPUTS; o++)
    for (int i = 0; i < N; i++)
      assert_near(weights[o][i], b[o][i]);
}

static void test_factor_and_inverse(void **state) {
  (void)state;
  float x[ROWS][N];
  double h[N * N], u[N * N], inverse[N * N];
  make_rows(x);
  make_gram(x, h);
  memcpy(u, h, sizeof h);
  memcpy(inverse, h, sizeof h);
  assert_true(spd_factor(u, N) && spd_invert(inverse, N));
  for (int i = 0; i < N; i++)
    for (int j = 0; j < N; j++) {
      double product = 0, one = 0;
      for (int k = 0; k < N; k++) {
        product += k <= i && k <= j ? u[k * N + i] * u[k * N + j] : 0;
        one += h[i * N + k] * inverse[k * N + j];
      }
      assert_near(h[i * N + j], product);
      assert_near(i == j, one);
    }
}

static void test_indefinite(void **state) {
  (void)state;
  double a[4] = {1, 2, 2, 1}, b[4] = {1, 2, 2, 1};
  assert_false(spd_factor(a, 2));
  assert_false(spd_invert(b, 2));
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_gram),
                                     cmocka_unit_test(test_solve),
                                     cmocka_unit_test(test_factor_and_inverse),
                                     cmocka_unit_test(test_indefinite)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
