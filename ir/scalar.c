/* The functions of scalar.def in C: their steps, expanded for float and for
 * double. */
#include "ir/scalar.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "ir/scalar_constants.h"

typedef const ScalarConstants *Cx;
typedef bool Mask;
#define KONST(c) (c)

#define S(name) step_##name##_f32
#define Real float
#define Bits uint32_t
#define Sign int32_t
#define FUSED fmaf
#define ROOT sqrtf
/* clang-format off */
#include "ir/scalar_operations.h"
#include "ir/scalar_steps.h"
#include "ir/scalar_angles.h"
#include "ir/scalar_powers.h"
/* clang-format on */
#undef S
#undef Real
#undef Bits
#undef Sign
#undef FUSED
#undef ROOT

#define S(name) step_##name##_f64
#define Real double
#define Bits uint64_t
#define Sign int64_t
#define FUSED fma
#define ROOT sqrt
/* clang-format off */
#include "ir/scalar_operations.h"
#include "ir/scalar_steps.h"
#include "ir/scalar_angles.h"
#include "ir/scalar_powers.h"
/* clang-format on */

#define SCALAR1(name)                                                          \
  float scalar_##name##_f32(float x) {                                         \
    return step_##name##_f32(&scalar_f32, x);                                  \
  }                                                                            \
  double scalar_##name##_f64(double x) {                                       \
    return step_##name##_f64(&scalar_f64, x);                                  \
  }
#define SCALAR2(name)                                                          \
  float scalar_##name##_f32(float a, float b) {                                \
    return step_##name##_f32(&scalar_f32, a, b);                               \
  }                                                                            \
  double scalar_##name##_f64(double a, double b) {                             \
    return step_##name##_f64(&scalar_f64, a, b);                               \
  }
#include "ir/scalar.def"

float scalar_abs_f32(float x) { return fabsf(x); }
double scalar_abs_f64(double x) { return fabs(x); }
float scalar_sqrt_f32(float x) { return sqrtf(x); }
double scalar_sqrt_f64(double x) { return sqrt(x); }
