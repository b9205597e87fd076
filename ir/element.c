/* Elements as bits; see element.h. The 16-bit floats are converted by
 * rounding a scaled significand, so that one function serves every format. */
#include "ir/element.h"

#include <math.h>
#include <string.h>

uint64_t element_load(DType t, const void *data, int64_t i) {
  const uint8_t *p = data;
  int bits = dtype_bits(t);
  if (bits < 8) {
    int64_t at = i * bits;
    return (uint64_t)(p[at / 8] >> (at % 8)) & ((1u << bits) - 1);
  }
  uint64_t x = 0;
  p += i * (bits / 8);
  for (int b = 0; b < bits; b += 8)
    x |= (uint64_t)*p++ << b;
  return x;
}

void element_store(DType t, void *data, int64_t i, uint64_t bits) {
  uint8_t *p = data;
  int n = dtype_bits(t);
  if (n < 8) {
    int64_t at = i * n;
    p[at / 8] = (uint8_t)(p[at / 8] | (bits & ((1u << n) - 1)) << (at % 8));
    return;
  }
  p += i * (n / 8);
  for (int b = 0; b < n; b += 8)
    *p++ = (uint8_t)(bits >> b);
}

int64_t element_to_int(DType t, uint64_t bits) {
  uint64_t sign = (uint64_t)1 << (dtype_bits(t) - 1);
  uint64_t x = (bits ^ sign) - sign;
  int64_t r;
  memcpy(&r, &x, sizeof r);
  return r;
}

/* Significand bits stored, and the exponent bias. */
typedef struct FloatFormat {
  int significand, bias;
} FloatFormat;

static FloatFormat format_of(DType t) {
  return t == DT_f16 ? (FloatFormat){10, 15} : (FloatFormat){7, 127};
}

static double small_to_double(FloatFormat f, uint64_t bits) {
  uint64_t m = bits & ((1u << f.significand) - 1);
  int max = 2 * f.bias + 1;
  int e = (int)(bits >> f.significand & (uint64_t)max);
  double x =
      e == max ? (m ? (double)NAN : (double)INFINITY)
      : e ? ldexp((double)(m | 1u << f.significand), e - f.bias - f.significand)
          : ldexp((double)m, 1 - f.bias - f.significand);
  return bits >> 15 ? -x : x;
}

/* x in units of the last place of its binade; a carry out of the
 * significand runs into the exponent field, which is what it should do. */
static uint64_t small_from_double(FloatFormat f, double x) {
  uint64_t sign = signbit(x) ? 0x8000u : 0;
  uint64_t infinity = (uint64_t)(2 * f.bias + 1) << f.significand;
  if (isnan(x))
    return infinity | 1u << (f.significand - 1);
  if (isinf(x))
    return sign | infinity;
  int e;
  frexp(x, &e);
  e = x == 0 || e - 1 < 1 - f.bias ? 1 - f.bias : e - 1;
  uint64_t m = (uint64_t)nearbyint(ldexp(fabs(x), f.significand - e));
  uint64_t r = m + ((uint64_t)(e + f.bias - 1) << f.significand);
  return sign | (e > f.bias || r > infinity ? infinity : r);
}

double element_to_double(DType t, uint64_t bits) {
  float f;
  double d;
  uint32_t low = (uint32_t)bits;
  switch (dtype_bits(t)) {
  case 64:
    memcpy(&d, &bits, sizeof d);
    return d;
  case 32:
    memcpy(&f, &low, sizeof f);
    return (double)f;
  default:
    return small_to_double(format_of(t), bits);
  }
}

uint64_t element_from_double(DType t, double x) {
  float f = (float)x;
  uint64_t bits = 0;
  uint32_t low = 0;
  switch (dtype_bits(t)) {
  case 64:
    memcpy(&bits, &x, sizeof bits);
    break;
  case 32:
    memcpy(&low, &f, sizeof low);
    bits = low;
    break;
  default:
    return small_from_double(format_of(t), x);
  }
  return isnan(x) ? (t == DT_f64 ? 0x7ff8000000000000u : 0x7fc00000u) : bits;
}

double element_real(DType t, const void *data, int64_t i) {
  uint64_t bits = element_load(t, data, i);
  if (dtype_is_float(t))
    return element_to_double(t, bits);
  return dtype_is_signed(t) ? (double)element_to_int(t, bits) : (double)bits;
}

int32_t element_quantized(const Type *t, const void *data, int64_t i) {
  uint64_t bits = element_load(t->dtype, data, i);
  if (t->q && t->q->codebook)
    return t->q->codebook[bits];
  return (int32_t)(dtype_is_signed(t->dtype) ? element_to_int(t->dtype, bits)
                                             : (int64_t)bits);
}
