/* Integer functions that are defined for every operand. Unsigned arithmetic
 * carries the wrapping ones; conversions back to signed are two's complement
 * on every compiler that can build this. */
#include "ir/integer.h"

int64_t integer_abs_s64(int64_t a) {
  return a < 0 ? (int64_t)(0 - (uint64_t)a) : a;
}
uint64_t integer_abs_u64(uint64_t a) { return a; }

int64_t integer_sign_s64(int64_t a) { return (a > 0) - (a < 0); }
uint64_t integer_sign_u64(uint64_t a) { return a > 0; }

int64_t integer_min_s64(int64_t a, int64_t b) { return a < b ? a : b; }
uint64_t integer_min_u64(uint64_t a, uint64_t b) { return a < b ? a : b; }
int64_t integer_max_s64(int64_t a, int64_t b) { return a > b ? a : b; }
uint64_t integer_max_u64(uint64_t a, uint64_t b) { return a > b ? a : b; }

/* -2^63 / -1 wraps. */
int64_t integer_div_s64(int64_t a, int64_t b) {
  if (b == -1)
    return (int64_t)(0 - (uint64_t)a);
  return b == 0 ? 0 : a / b;
}
uint64_t integer_div_u64(uint64_t a, uint64_t b) { return b == 0 ? 0 : a / b; }

int64_t integer_fmod_s64(int64_t a, int64_t b) {
  return b == 0 || b == -1 ? 0 : a % b;
}
uint64_t integer_fmod_u64(uint64_t a, uint64_t b) { return b == 0 ? 0 : a % b; }

int64_t integer_mod_s64(int64_t a, int64_t b) {
  int64_t r = integer_fmod_s64(a, b);
  return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}
uint64_t integer_mod_u64(uint64_t a, uint64_t b) {
  return integer_fmod_u64(a, b);
}

uint64_t integer_pow_u64(uint64_t a, uint64_t b) {
  uint64_t y = 1;
  for (; b; b >>= 1, a *= a)
    y *= b & 1 ? a : 1;
  return y;
}

int64_t integer_pow_s64(int64_t a, int64_t b) {
  if (b >= 0)
    return (int64_t)integer_pow_u64((uint64_t)a, (uint64_t)b);
  if (a == 1 || a == -1)
    return b & 1 ? a : 1;
  return 0;
}

int64_t integer_shift_left_s64(int64_t a, int64_t b) {
  return (int64_t)integer_shift_left_u64((uint64_t)a, (uint64_t)b);
}
uint64_t integer_shift_left_u64(uint64_t a, uint64_t b) {
  return b > 63 ? 0 : a << b;
}

int64_t integer_shift_right_s64(int64_t a, int64_t b) {
  int count = b < 0 || b > 63 ? 63 : (int)b;
  uint64_t kept = (uint64_t)a >> count;
  return (int64_t)(a < 0 ? kept | ~(UINT64_MAX >> count) : kept);
}
uint64_t integer_shift_right_u64(uint64_t a, uint64_t b) {
  return b > 63 ? 0 : a >> b;
}
