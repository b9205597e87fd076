/* Constants of scalar_steps.h, one set for float and one for double. */
#ifndef KILN_IR_SCALAR_CONSTANTS_H
#define KILN_IR_SCALAR_CONSTANTS_H

#include <stdint.h>

/* Highest power first. */
typedef struct Poly {
  int n;
  double c[27];
} Poly;

typedef struct ScalarConstants {
  int width, mantissa, bias; /* of the format; mantissa: stored bits */
  double shifter;            /* 1.5 * 2^mantissa: adding it rounds to whole */
  double exp_lo, exp_hi;     /* beyond them exp is 0 and infinite */
  double two_lo, two_hi;     /* exp2 alike */
  double ln2[2];             /* the first times any exponent is exact */
  double inv_ln2[2];
  double log_2;             /* ln2 as one number */
  double many;              /* x^2 + 1 = x^2 above, to rounding */
  double tanh_one, erf_one; /* from here on the result is 1 */
  double erf_mid;           /* the variable of erf_tail is x - erf_mid */
  double pow_most;          /* exponents beyond act as this one */
  double trig_most;         /* up to here pi/2 is subtracted in parts */
  double half_pi_parts[4];  /* the first two times any quotient are exact */
  double half_pi[2];
  double tan_pi_8, tan_3pi_8;
  const uint32_t *two_over_pi; /* 32-bit words behind the point */
  int nwindow;                 /* words that a window may start in */
  Poly exp;                    /* (e^r - 1 - r) / r^2, |r| <= ln 2 / 2 */
  Poly log;      /* (2 atanh(s) - 2 s) / s^3 of s^2, |s| <= 0.172 */
  Poly atan;     /* (atan(x) - x) / x^3 of x^2, |x| <= tan(pi / 8) */
  Poly asin;     /* (asin(x) - x) / x^3 of x^2, |x| <= 1/2 */
  Poly sin;      /* (sin(x) - x) / x^3 of x^2, |x| <= pi / 4 */
  Poly cos;      /* (cos(x) - 1 + x^2 / 2) / x^4 of x^2 */
  Poly erf;      /* erf(x) / x - 1 of x^2, |x| <= 1 */
  Poly erf_tail; /* -log(1 - erf(x)) of x - erf_mid, 1 <= x <= erf_one */
} ScalarConstants;

extern const ScalarConstants scalar_f32, scalar_f64;

#endif
