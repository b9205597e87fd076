/* Functions of floats and doubles as the T_MAP ops compute them. */
#ifndef KILN_IR_SCALAR_H
#define KILN_IR_SCALAR_H

#define SCALAR_UNARY(X)                                                        \
  X(abs)                                                                       \
  X(sqrt) X(floor) X(ceil) X(round) X(exp) X(log) X(tanh) X(logistic) X(erf)   \
      X(sin) X(cos) X(tan) X(asin) X(acos) X(atan) X(sinh) X(cosh) X(asinh)    \
          X(acosh) X(atanh)
#define SCALAR_BINARY(X) X(pow) X(fmod) X(mod)

#define X(f)                                                                   \
  float scalar_##f##_f32(float x);                                             \
  double scalar_##f##_f64(double x);
SCALAR_UNARY(X)
#undef X
#define X(f)                                                                   \
  float scalar_##f##_f32(float a, float b);                                    \
  double scalar_##f##_f64(double a, double b);
SCALAR_BINARY(X)
#undef X

#endif
