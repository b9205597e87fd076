/* Correctly rounded functions by way of double-double arithmetic: a value is
 * the unevaluated sum hi + lo with |lo| <= ulp(hi) / 2, about 106 bits
 * (Dekker 1971; Knuth's exact sum, the fma's exact product).
 *
 * The worst cases for rounding e^x and tanh(x) to a 24-bit float lie within
 * 2^-60 of a rounding boundary; the sequences here are good to 2^-80, so what
 * they round to is right. Rounding from two doubles to a float goes through
 * round-to-odd, which makes the second rounding harmless, subnormals
 * included. */
#include "ir/real.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

typedef struct Dd {
  double hi, lo;
} Dd;

static Dd sum_fast(double a, double b) { /* |a| >= |b| */
  double s = a + b;
  return (Dd){s, b - (s - a)};
}

static Dd sum_exact(double a, double b) {
  double s = a + b;
  double bb = s - a;
  return (Dd){s, (a - (s - bb)) + (b - bb)};
}

static Dd product_exact(double a, double b) {
  double p = a * b;
  return (Dd){p, fma(a, b, -p)};
}

static Dd dd_add(Dd a, Dd b) {
  Dd s = sum_exact(a.hi, b.hi);
  Dd t = sum_exact(a.lo, b.lo);
  s = sum_fast(s.hi, s.lo + t.hi);
  return sum_fast(s.hi, s.lo + t.lo);
}

static Dd dd_mul(Dd a, Dd b) {
  Dd p = product_exact(a.hi, b.hi);
  return sum_fast(p.hi, p.lo + (a.hi * b.lo + a.lo * b.hi));
}

static Dd dd_neg(Dd a) { return (Dd){-a.hi, -a.lo}; }

static Dd dd_div(Dd a, Dd b) {
  double q1 = a.hi / b.hi;
  Dd r = dd_add(a, dd_neg(dd_mul(b, (Dd){q1, 0})));
  double q2 = r.hi / b.hi;
  r = dd_add(r, dd_neg(dd_mul(b, (Dd){q2, 0})));
  Dd q = sum_fast(q1, q2);
  return dd_add(q, (Dd){r.hi / b.hi, 0});
}

/* e^x = 2^k e^r, r = x - k ln 2; e^r = (e^(r/256))^256, the inner one by its
 * Taylor series up to t^10 / 10! with |t| < 2^-9.5. */
static Dd dd_exp(double x, int *k) {
  static const Dd ln2 = {0x1.62e42fefa39efp-1, 0x1.abc9e3b39803fp-56};
  double n = rint(x * 0x1.71547652b82fep+0);
  Dd nln2 = product_exact(n, ln2.hi);
  Dd r = dd_add((Dd){x, 0}, dd_neg(nln2));
  r = dd_add(r, (Dd){-n * ln2.lo, 0});
  Dd t = {r.hi * 0x1p-8, r.lo * 0x1p-8};
  Dd sum = {1, 0};
  for (int i = 10; i >= 1; i--)
    sum = dd_add((Dd){1, 0}, dd_mul(sum, dd_div(t, (Dd){i, 0})));
  for (int i = 0; i < 8; i++)
    sum = dd_mul(sum, sum);
  *k = (int)n;
  return sum;
}

/* Of the two doubles around hi + lo the one with an odd last bit. */
static double round_to_odd(Dd a) {
  uint64_t bits;
  memcpy(&bits, &a.hi, sizeof bits);
  if (a.lo == 0 || (bits & 1))
    return a.hi;
  return nextafter(a.hi, a.lo > 0 ? INFINITY : -INFINITY);
}

float real_expf(float x) {
  if (isnan(x))
    return x;
  if (x > 89)
    return INFINITY;
  if (x < -104)
    return 0;
  int k;
  Dd y = dd_exp((double)x, &k);
  return (float)ldexp(round_to_odd(y), k);
}

double real_exp(double x) {
  if (isnan(x))
    return x;
  if (x > 710)
    return INFINITY;
  if (x < -746)
    return 0;
  int k;
  Dd y = dd_exp(x, &k);
  return ldexp(y.hi, k);
}

/* x - x^3/3 + 2x^5/15 - 17x^7/315 for |x| < 2^-12. */
static Dd tanh_small(double x) {
  Dd x1 = {x, 0}, x2 = product_exact(x, x);
  Dd c7 = dd_div((Dd){-17, 0}, (Dd){315, 0});
  Dd c5 = dd_div((Dd){2, 0}, (Dd){15, 0});
  Dd c3 = dd_div((Dd){-1, 0}, (Dd){3, 0});
  Dd s = dd_add(c5, dd_mul(x2, c7));
  s = dd_add(c3, dd_mul(x2, s));
  return dd_add(x1, dd_mul(dd_mul(x1, x2), s));
}

/* (1 - e) / (1 + e) with e = e^-2x, 2^-12 <= x < 10. */
static Dd tanh_large(double x) {
  int k;
  Dd e = dd_exp(-2 * x, &k);
  e = (Dd){ldexp(e.hi, k), ldexp(e.lo, k)};
  return dd_div(dd_add((Dd){1, 0}, dd_neg(e)), dd_add((Dd){1, 0}, e));
}

float real_tanhf(float x) {
  double a = fabs((double)x);
  if (isnan(x) || a < 0x1p-30)
    return x; /* tanh x = x - x^3/3 ... rounds to x */
  if (a >= 10)
    return copysignf(1, x);
  Dd y = a < 0x1p-12 ? tanh_small(a) : tanh_large(a);
  return copysignf((float)round_to_odd(y), x);
}

/* 1 - 2 / sqrt(pi) e^-x^2 sum of 2^k x^(2k+1) / (1 3 .. (2k+1)); 1 - erf has
 * lost at most 8 bits at x = 2. */
static double erfc_near(double x) {
  double term = x, sum = x;
  for (int k = 1; k < 50; k++) {
    term *= 2 * x * x / (2 * k + 1);
    sum += term;
  }
  return 1 - 0x1.20dd750429b6dp+0 * real_exp(-x * x) * sum;
}

/* e^-x^2 / sqrt(pi) / (x + 1/2 / (x + 2/2 / (x + 3/2 / ...))), x >= 2. x^2 is
 * a float's, exact. */
static double erfc_far(double x) {
  double f = x;
  for (int k = 80; k >= 1; k--)
    f = x + 0.5 * k / f;
  return 0x1.20dd750429b6dp-1 * real_exp(-x * x) / f;
}

float real_erfcf(float x) {
  double a = fabs((double)x);
  if (isnan(x))
    return x;
  double y = a < 2 ? erfc_near(a) : a < 11 ? erfc_far(a) : 0;
  return (float)(x < 0 ? 2 - y : y);
}
