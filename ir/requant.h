/* The specified step functions from accumulators to stored values. They are
 * the numerics contract: the interpreter evaluates them, plan/ proves every
 * form that code uses equal to them. Each is monotone non-decreasing in acc
 * (all multipliers are positive), so it is fixed by at most 255 thresholds
 * for an 8-bit output. Sources: LiteRT's reference kernels
 * (MultiplyByQuantizedMultiplier with two roundings), ONNX Runtime's
 * MlasRequantizeOutput. */
#ifndef KILN_IR_REQUANT_H
#define KILN_IR_REQUANT_H

#include "ir/graph.h"

typedef enum RequantKind {
  /* saturating rounding doubling high multiply of (acc << left) by
   * multiplier, then a rounding right shift, half away from zero */
  RQ_double,
  RQ_f64_away, /* round half away from zero of (double)acc * real */
  RQ_f32_even, /* round half to even of (float)acc * (float)real, in float */
  RQ_f32_sum,  /* the same of (float)acc * (float)real + bias, a float each */
  RQ_single,   /* (acc * multiplier + 2^(30-shift)) >> (31 - shift) */
  /* (acc * m16 + 2^(14-shift)) >> (15 - shift) with m16 = min(2^15 - 1,
   * (multiplier + 2^15) >> 16): 64-bit accumulators of i16 activations */
  RQ_wide
} RequantKind;

typedef struct Requant {
  RequantKind kind;
  int32_t multiplier; /* all but the real ones: Q31, in [2^30, 2^31) or 0
                         (mean: the quotient by the count, any value) */
  int shift;          /* of it: > 0 left, < 0 right, in -31..30 */
  double real;        /* RQ_f64_away, RQ_f32_even, RQ_f32_sum: the factor */
  float bias;         /* RQ_f32_sum: added before rounding */
  int32_t zero_point; /* added after rounding */
  int32_t lo, hi;     /* clamp after that; storage units */
} Requant;

/* The step function itself. acc saturates to 32 bits for RQ_double and
 * RQ_single, to 48 bits for RQ_wide; so does RQ_double's acc << left to 32. */
int32_t requant_apply(const Requant *r, int64_t acc);

/* The step function of output channel c of a conv2d, depthwise_conv2d or
 * fully_connected op, by op->rounding; of a mul or mean; under any rounding
 * but onnx, whose are those of float_step.h, of a relu, relu6, leaky_relu
 * (above zero) or integer quantize op (c = 0). acc is the sum of products,
 * the product, the sum, or x - zero_point. */
Requant requant_of(const Op *op, int64_t c);

/* The step of a leaky_relu below zero; its multiplier has alpha's sign. */
Requant requant_below_zero(const Op *op);

/* The bias of a quantized conv2d, depthwise_conv2d or fully_connected op that
 * is a constant, in units of the accumulator; 0 without one. One of f32 is
 * rounded; what that takes away is in requant_of's step, which adds it to the
 * scaled sum. */
int64_t requant_bias(const Op *op, int64_t c);

/* Smallest acc in [acc_min, acc_max] with requant_apply(acc) >= y;
 * acc_max + 1 when there is none. For lo < y <= hi these are the
 * thresholds. */
int64_t requant_threshold(const Requant *r, int32_t y, int64_t acc_min,
                          int64_t acc_max);

/* multiplier in [2^30, 2^31) and shift with real ~ multiplier * 2^(shift-31)
 * (TFLite's QuantizeMultiplier); real >= 0. */
void quantize_multiplier(double real, int32_t *multiplier, int *shift);
/* TFLite's MultiplyByQuantizedMultiplier, two roundings. */
int32_t multiply_by_quantized_multiplier(int32_t x, int32_t multiplier,
                                         int shift);
int32_t saturating_rounding_doubling_high_mul(int32_t a, int32_t b);
int32_t rounding_divide_by_pot(int32_t x, int exponent);

/* Stored-value clamp of an activation on output type t. */
void act_range(Act act, const Type *t, int32_t *lo, int32_t *hi);

#endif
