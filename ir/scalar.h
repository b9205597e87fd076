/* Functions of floats and doubles as the T_MAP ops compute them: the same
 * bits on every host and, where multiplication and addition are fused, on
 * every target (docs/numerics.md has their error bounds). */
#ifndef KILN_IR_SCALAR_H
#define KILN_IR_SCALAR_H

float scalar_abs_f32(float x);
double scalar_abs_f64(double x);
float scalar_sqrt_f32(float x);
double scalar_sqrt_f64(double x);

#define SCALAR1(name)                                                          \
  float scalar_##name##_f32(float x);                                          \
  double scalar_##name##_f64(double x);
#define SCALAR2(name)                                                          \
  float scalar_##name##_f32(float a, float b);                                 \
  double scalar_##name##_f64(double a, double b);
#include "ir/scalar.def"
#undef SCALAR1
#undef SCALAR2

#endif
