/* Fixed-point functions and the parameters of the ops that are built on
 * them: add and sub, and softmax. Source: gemmlowp's fixedpoint.h and
 * LiteRT's reference kernels. Qm.n: m integer bits, n fraction bits. */
#ifndef KILN_IR_FIXED_H
#define KILN_IR_FIXED_H

#include "ir/requant.h"

/* e^x for x <= 0 in Q5.26; the result is Q0.31, saturated below 1. */
int32_t fixed_exp_negative(int32_t x);
/* 1 / (1 + x) for x in [0, 1), both Q0.31. */
int32_t fixed_one_over_one_plus(int32_t x);
/* 2^bits / sqrt(x) for an integer x in [1, 255], bits in [0, 30]. */
int32_t fixed_rsqrt(int32_t x, int bits);

/* add and sub on quantized types:
 *   sum = in[0]((a - zero[0]) << left) +- in[1]((b - zero[1]) << left)
 *   y = out(sum)
 * where in[] and out are step functions of kind RQ_double. */
typedef struct AddStep {
  int left; /* 20; 15 for i16 */
  int32_t zero[2];
  Requant in[2], out;
  bool subtract;
} AddStep;
AddStep add_step_of(const Op *op);
int32_t add_step_apply(const AddStep *s, int32_t a, int32_t b);

/* softmax of 8-bit values. With d = x - max(x) of a row, <= 0:
 *   e(d) = softmax_exp(d), Q0.31; 0 where d < diff_min
 *   total = sum of round(e / 2^12), Q12.19
 *   y = softmax_output(e, softmax_scale(total)) */
typedef struct SoftmaxStep {
  int32_t multiplier; /* d to Q5.26, as in Requant */
  int shift;
  int32_t diff_min;
  int out_bits;    /* 8 or 16: of the output type */
  int32_t out_min; /* lowest value of the output type */
} SoftmaxStep;
/* 1 / total as multiplier (Q0.31) * 2^-shift; 0 where even e = 1 would
 * round to 0. */
typedef struct SoftmaxScale {
  int32_t multiplier;
  int shift; /* of the last rounding, 0..31 */
} SoftmaxScale;
SoftmaxStep softmax_step_of(const Op *op);
int32_t softmax_exp(const SoftmaxStep *s, int32_t d);
SoftmaxScale softmax_scale(const SoftmaxStep *s, int32_t total);
int32_t softmax_output(const SoftmaxStep *s, int32_t e, SoftmaxScale scale);

#endif
