/* The integer functions of map.def and of cast, on 64 bits signed (s64) and
 * unsigned (u64). None can overflow or divide by zero: results wrap, and
 * what has no value is 0. */
#ifndef KILN_IR_INTEGER_H
#define KILN_IR_INTEGER_H

#include <stdint.h>

int64_t integer_abs_s64(int64_t a);
uint64_t integer_abs_u64(uint64_t a);
int64_t integer_sign_s64(int64_t a);
uint64_t integer_sign_u64(uint64_t a);
int64_t integer_min_s64(int64_t a, int64_t b);
uint64_t integer_min_u64(uint64_t a, uint64_t b);
int64_t integer_max_s64(int64_t a, int64_t b);
uint64_t integer_max_u64(uint64_t a, uint64_t b);
/* The quotient, truncated; 0 for b = 0. */
int64_t integer_div_s64(int64_t a, int64_t b);
uint64_t integer_div_u64(uint64_t a, uint64_t b);
/* The remainder with a's sign (fmod) or b's (mod); 0 for b = 0. */
int64_t integer_fmod_s64(int64_t a, int64_t b);
uint64_t integer_fmod_u64(uint64_t a, uint64_t b);
int64_t integer_mod_s64(int64_t a, int64_t b);
uint64_t integer_mod_u64(uint64_t a, uint64_t b);
/* a^b modulo 2^64; for b < 0 the quotient 1 / a^-b truncated, 0 for a = 0. */
int64_t integer_pow_s64(int64_t a, int64_t b);
uint64_t integer_pow_u64(uint64_t a, uint64_t b);
/* Counts outside 0..63 shift everything out: left to 0, right to 0 or, below
 * zero, to -1. */
int64_t integer_shift_left_s64(int64_t a, int64_t b);
uint64_t integer_shift_left_u64(uint64_t a, uint64_t b);
int64_t integer_shift_right_s64(int64_t a, int64_t b);
uint64_t integer_shift_right_u64(uint64_t a, uint64_t b);

#endif
