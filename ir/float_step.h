/* Step functions of rounding=onnx that are taken in float: those of
 * quantize and of ops with 8-bit operands that are no function of one
 * accumulator. Sources: ONNX QuantizeLinear, ONNX Runtime's QLinearAdd,
 * QLinearMul, QLinearAveragePool and its table of unary functions. */
#ifndef KILN_IR_FLOAT_STEP_H
#define KILN_IR_FLOAT_STEP_H

#include "ir/requant.h"

/* round half even(x / scale) + zero_point of channel c of t, limited to its
 * storage range; NaN becomes the zero point. */
int32_t float_quantize(const Type *t, int64_t c, float x);
/* scale * (q - zero_point), in float. */
float float_dequantize(const Type *t, int64_t c, int32_t q);

/* add and sub:
 *   y = round half even(fma(a, ratio[0], fma(b, ratio[1], base)))
 * with ratio = s / sy (that of sub's b negated) and base = zy - fma(ratio[0],
 * za, ratio[1] * zb). */
typedef struct FloatAdd {
  float ratio[2], base;
  int32_t lo, hi;
} FloatAdd;
FloatAdd float_add_of(const Op *op);
int32_t float_add_apply(const FloatAdd *s, int32_t a, int32_t b);

/* add, sub and mul of 16-bit values: float_quantize(float_dequantize(a) op
 * float_dequantize(b)), then limited to the activation's stored range. */
bool float_is_pair(const Op *op);
int32_t float_pair_apply(const Op *op, int32_t a, int32_t b);

/* avg_pool2d: the sum of `count` stored values to the stored average. Under
 * rounding=onnx round half even(float(sum - count zx) * (sx / (sy count))) +
 * zy, else their quotient, rounded half away from zero. */
int32_t pool_average(const Op *op, int64_t count, int64_t sum);

/* Do averages of `count` values of type x, stored as type y, lie within 2^-15
 * of a tie more often than one time in 10 000? Then no multiplication gives
 * what floats give, added one by one. */
bool average_makes_ties(const Type *x, const Type *y, int64_t count);

/* leaky_relu, logistic, tanh, quantize, relu or relu6 of one stored value (the
 * tables of 16 bits apart):
 * float_quantize(f(float_dequantize(x))), where the last two clamp to the
 * activation's stored range instead of having an f. */
int32_t float_unary(const Op *op, int32_t x);

#endif
