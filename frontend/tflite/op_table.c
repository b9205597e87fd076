/* Functions of one 8-bit value as LiteRT's reference kernels compute them:
 * tables of 256 results, made here.
 *
 *   GELU   zy + round half away(f(sx * (x - zx)) * (1 / sy)), in float, with
 *            f(v) = 0.5 v erfc(v * -sqrt(1/2)), or, approximate,
 *            f(v) = 0.5 v (1 + tanh(sqrt(2 / pi) * (v + 0.044715 v v v)))
 *   RSQRT  zy + m(fixed_rsqrt(x - zx)), fixed point, where m multiplies by
 *            1 / (sqrt(sx) * sy), the product in float; the largest value
 *            for x = zx, and for x < zx, where LiteRT fails */
#include <math.h>

#include "frontend/tflite/build.h"
#include "ir/fixed.h"
#include "ir/real.h"

enum { PATTERNS = 256, RSQRT_BITS = 20 };

static float gelu(float v) { return 0.5f * v * real_erfcf(v * -0.70710678f); }

static float gelu_approximate(float v) {
  float cubic = 0.044715f * v * v * v;
  return 0.5f * v * (1 + real_tanhf(0.79788456f * (v + cubic)));
}

static int8_t saturated(int64_t y) {
  return (int8_t)(y < INT8_MIN ? INT8_MIN : y > INT8_MAX ? INT8_MAX : y);
}

/* op(x, table) becomes the operator's output. table: (256) by x + 128. */
static bool done_by_table(TflOp *o, const int8_t *table) {
  static const int64_t dim[] = {PATTERNS};
  const Type *t = type_with_shape(o->im->arena, o->out[0], 1, dim);
  Value *k = t_const(o, t, arena_dup(o->im->arena, table, PATTERNS));
  const Type *y = type_with_shape(o->im->arena, o->out[0], o->in[0]->type->rank,
                                  o->in[0]->type->dim);
  return t_done(o, t_op(o, OP_lut, NULL, 2, (Value *[]){o->in[0], k}, y));
}

bool import_gelu_table(TflOp *o, bool approximate) {
  const Type *x = o->in[0]->type, *y = o->out[0];
  float inverse = 1 / type_scale(y);
  int8_t table[PATTERNS];
  for (int i = 0; i < PATTERNS; i++) {
    float v = type_scale(x) * (float)(i - 128 - type_zero_point(x));
    float r = roundf((approximate ? gelu_approximate(v) : gelu(v)) * inverse);
    r = isnan(r) ? 0 : fminf(fmaxf(r, -0x1p30f), 0x1p30f);
    table[i] = saturated((int64_t)r + type_zero_point(y));
  }
  return done_by_table(o, table);
}

bool import_rsqrt_table(TflOp *o) {
  const Type *x = o->in[0]->type, *y = o->out[0];
  int32_t m;
  int shift;
  float unit = sqrtf(type_scale(x)) * type_scale(y);
  quantize_multiplier(1 / (double)unit, &m, &shift);
  int8_t table[PATTERNS];
  for (int i = 0; i < PATTERNS; i++) {
    int32_t v = i - 128 - type_zero_point(x);
    int32_t r = fixed_rsqrt(v, RSQRT_BITS);
    r = multiply_by_quantized_multiplier(r, m, shift - RSQRT_BITS);
    table[i] = v > 0 ? saturated((int64_t)r + type_zero_point(y)) : INT8_MAX;
  }
  return done_by_table(o, table);
}
