/* Functions of floats and doubles as the T_MAP ops compute them. */
#include "ir/scalar.h"

#include <math.h>

static double logistic(double x) { return 1 / (1 + exp(-x)); }
static double mod(double a, double b) {
  double r = fmod(a, b);
  return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

#define UNARY(name, f)                                                         \
  float scalar_##name##_f32(float x) { return (float)f((double)x); }           \
  double scalar_##name##_f64(double x) { return f(x); }
#define BINARY(name, f)                                                        \
  float scalar_##name##_f32(float a, float b) {                                \
    return (float)f((double)a, (double)b);                                     \
  }                                                                            \
  double scalar_##name##_f64(double a, double b) { return f(a, b); }
UNARY(abs, fabs)
UNARY(sqrt, sqrt)
UNARY(floor, floor)
UNARY(ceil, ceil)
UNARY(round, rint)
UNARY(exp, exp)
UNARY(log, log)
UNARY(tanh, tanh)
UNARY(logistic, logistic)
UNARY(erf, erf)
UNARY(sin, sin)
UNARY(cos, cos)
UNARY(tan, tan)
UNARY(asin, asin)
UNARY(acos, acos)
UNARY(atan, atan)
UNARY(sinh, sinh)
UNARY(cosh, cosh)
UNARY(asinh, asinh)
UNARY(acosh, acosh)
UNARY(atanh, atanh)
BINARY(pow, pow)
BINARY(fmod, fmod)
BINARY(mod, mod)
