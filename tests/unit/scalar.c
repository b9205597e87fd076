/* ir/scalar.h against the host's math library in a wider type: every k-th
 * float, and random doubles of all magnitudes. Bounds are in units of the last
 * place and stand in docs/numerics.md. */
#include "tests/testing.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "ir/scalar.h"

/* A prime, so that all low bits come by. */
enum { STRIDE = 8009, NDOUBLE = 100000, NPAIR = 400000 };

typedef long double Wide;

static Wide logistic_wide(Wide x) { return 1 / (1 + expl(-x)); }

typedef struct Unary {
  const char *name;
  float (*f32)(float x);
  double (*f64)(double x);
  Wide (*want)(Wide x);
  double bound32, bound64; /* ulp */
} Unary;

#define UNARY(name, want, bound32, bound64)                                    \
  {#name, scalar_##name##_f32, scalar_##name##_f64, want, bound32, bound64}
static const Unary unary[] = {
    UNARY(floor, floorl, 0, 0),     UNARY(ceil, ceill, 0, 0),
    UNARY(round, rintl, 0, 0),      UNARY(exp, expl, 1, 1),
    UNARY(log, logl, 1, 1),         UNARY(tanh, tanhl, 3, 3),
    UNARY(erf, erfl, 2, 4),         UNARY(logistic, logistic_wide, 2.5, 2.5),
    UNARY(sin, sinl, 2.5, 2.5),     UNARY(cos, cosl, 2.5, 2.5),
    UNARY(tan, tanl, 4, 4),         UNARY(asin, asinl, 2.5, 2.5),
    UNARY(acos, acosl, 1.5, 1.5),   UNARY(atan, atanl, 2, 2.5),
    UNARY(sinh, sinhl, 2.5, 3),     UNARY(cosh, coshl, 1.5, 1.5),
    UNARY(asinh, asinhl, 2, 2),     UNARY(acosh, acoshl, 2, 2),
    UNARY(atanh, atanhl, 2.5, 2.5),
};
enum { NUNARY = sizeof unary / sizeof *unary };

/* Distance in last places of a format of `digits` bits and least exponent
 * `least` (frexp's); infinite where the kinds differ. */
static double distance(Wide got, Wide want, Wide rounded, int digits,
                       int least) {
  if (isnan(want) || isnan(got))
    return isnan(want) && isnan(got) ? 0 : (double)INFINITY;
  if (isinf(rounded) || isinf(got))
    return got == rounded ? 0 : (double)INFINITY;
  if (got == 0 && signbit(got) != signbit(want))
    return (double)INFINITY;
  int e;
  frexpl(want, &e);
  e = e < least ? least : e;
  return (double)fabsl((got - want) / ldexpl(1, e - digits));
}

static double distance32(float got, Wide want) {
  return distance(got, want, (float)want, FLT_MANT_DIG, FLT_MIN_EXP);
}

static double distance64(double got, Wide want) {
  return distance(got, want, (double)want, DBL_MANT_DIG, DBL_MIN_EXP);
}

static float float_of(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

static double double_of(uint64_t bits) {
  double x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

static void check_f32(const Unary *u, float x) {
  double d = distance32(u->f32(x), u->want(x));
  if (!(d <= u->bound32))
    fail_msg("%s(%a) = %a is %g ulp off", u->name, (double)x, (double)u->f32(x),
             d);
}

static void test_floats(void **state) {
  (void)state;
  for (int i = 0; i < NUNARY; i++)
    for (uint64_t b = 0; b < UINT64_C(1) << 32; b += STRIDE)
      check_f32(&unary[i], float_of((uint32_t)b));
}

/* Where functions change course, and the ends. */
static void test_special_floats(void **state) {
  (void)state;
  static const float at[] = {0,  0x1p-149f, 0x1p-126f,   0.5f,     1,
                             10, 0x1.6p6f,  8192,        0x1p13f,  FLT_MAX,
                             4,  2,         3.14159265f, INFINITY, NAN};
  for (int i = 0; i < NUNARY; i++)
    for (size_t k = 0; k < sizeof at / sizeof *at; k++)
      for (int away = -2; away <= 2; away++) {
        uint32_t bits;
        memcpy(&bits, &at[k], sizeof bits);
        float x = float_of(bits + (uint32_t)away);
        check_f32(&unary[i], x);
        check_f32(&unary[i], -x);
      }
}

/* Every other one of any magnitude, else near 1. */
static double random_double(uint64_t *state) {
  uint64_t bits = test_random(state);
  if (bits % 2)
    return double_of(bits);
  return ldexp((double)(int64_t)bits, (int)(test_random(state) % 14) - 67);
}

static void test_doubles(void **state) {
  (void)state;
  if (LDBL_MANT_DIG < 64)
    skip();
  uint64_t random = 7;
  for (int i = 0; i < NUNARY; i++)
    for (int k = 0; k < NDOUBLE; k++) {
      double x = random_double(&random), y = unary[i].f64(x);
      double d = distance64(y, unary[i].want((Wide)x));
      if (!(d <= unary[i].bound64))
        fail_msg("%s(%a) = %a is %g ulp off", unary[i].name, x, y, d);
    }
}

/* Any bits; small whole numbers; bases near 1 under large exponents. */
static void random_pair(uint64_t *random, float *a, float *b) {
  uint64_t bits = test_random(random);
  uint32_t lo = (uint32_t)bits, hi = (uint32_t)(bits >> 32);
  switch (bits % 3) {
  case 0:
    *a = float_of(lo);
    *b = float_of(hi);
    break;
  case 1:
    *a = (float)(int)(lo % 2001) / 8 - 125;
    *b = (float)(int)(hi % 41) - 20;
    break;
  default:
    *a = 1 + (float)((int)(lo % 200001) - 100000) * 1e-6f;
    *b = ((float)(hi % 20001) - 10000) * 0.1f;
  }
}

static Wide mod_wide(Wide a, Wide b) {
  Wide r = fmodl(a, b);
  return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

static void check_pair(float a, float b) {
  Wide x = a, y = b;
  double d = distance32(scalar_pow_f32(a, b), powl(x, y));
  double e = distance64(scalar_pow_f64((double)a, (double)b), powl(x, y));
  if (!(d <= 3) || !(LDBL_MANT_DIG < 64 || e <= 16))
    fail_msg("pow(%a, %a) = %a: %g ulp, %g ulp", (double)a, (double)b,
             (double)scalar_pow_f32(a, b), d, e);
  d = distance32(scalar_fmod_f32(a, b), fmodl(x, y));
  e = distance64(scalar_fmod_f64((double)a, (double)b), fmodl(x, y));
  if (d != 0 || e != 0)
    fail_msg("fmod(%a, %a) = %a", (double)a, (double)b,
             (double)scalar_fmod_f32(a, b));
  d = distance32(scalar_mod_f32(a, b), mod_wide(x, y));
  if (!(d <= 0.5))
    fail_msg("mod(%a, %a) = %a", (double)a, (double)b,
             (double)scalar_mod_f32(a, b));
}

static void test_pairs(void **state) {
  (void)state;
  static const float at[] = {0,      -0.0f, 1,     -1,       2,
                             -3,     0.5f,  -0.5f, 3,        NAN,
                             1e-45f, 1e38f, -2,    INFINITY, -INFINITY};
  uint64_t random = 11;
  enum { N = sizeof at / sizeof *at };
  for (int i = 0; i < N * N; i++)
    check_pair(at[i / N], at[i % N]);
  for (int i = 0; i < NPAIR; i++) {
    float a, b;
    random_pair(&random, &a, &b);
    check_pair(a, b);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_floats),
      cmocka_unit_test(test_special_floats),
      cmocka_unit_test(test_doubles),
      cmocka_unit_test(test_pairs),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
