/* Tables of the operators on 16-bit values and what leads into them: logistic
 * and tanh by interpolation between 256 points, softmax by two tables of 513.
 * Source: LiteRT's reference kernels. */
#ifndef KILN_IR_FIXED16_H
#define KILN_IR_FIXED16_H

#include "ir/requant.h"

/* (x * multiplier + half) >> shift brings input of a scale to units of
 * 1 / (3 * 2^12). */
typedef struct Scale16 {
  int64_t multiplier;
  int shift;
} Scale16;
/* A scale within 2^+-0.001 of 2^-12 * 2^k, 0 <= k <= most, counts as that
 * power and is exact; any other gets a multiplier below 2^15. */
Scale16 scale16_of(float scale, int most);
int64_t scale16_apply(Scale16 s, int32_t x);
/* logistic: 0, tanh: 1 */
int scale16_most(OpKind k);

enum { SIGMOID16_POINTS = 256 };
/* sigmoid(i / 24) in Q16, each raised by half of what interpolation misses
 * in the middle of the step after it; the last is the largest there is. */
void sigmoid16_table(int32_t table[SIGMOID16_POINTS]);
/* logistic or tanh of x, which scale16_apply has made. */
int32_t sigmoid16(OpKind k, const int32_t table[SIGMOID16_POINTS], int64_t x);

/* softmax of a row, with d = x - max(x) times `multiplier`, `shift`:
 *   e(d) = table16_at(exp, d + 32767); total = their sum, Q16.15
 *   y = e * table16_at(reciprocal, ..) with a rounding shift */
enum { TABLE16_POINTS = 513 };
typedef struct Softmax16 {
  int32_t exp[TABLE16_POINTS], reciprocal[TABLE16_POINTS];
  int32_t multiplier; /* as in Requant */
  int shift;
} Softmax16;
void softmax16_init(Softmax16 *s, const Op *op);
void softmax16_row(const Softmax16 *s, const int32_t *x, int64_t n, int32_t *y);

#endif
