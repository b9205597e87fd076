/* Integer ops of rounding=onnx beside the float islands that they stand for,
 *
 *   quantize(op(dequantize(a), dequantize(b), ...))
 *
 * Both are one real function, rounded at other places: the float one divides
 * by the scale of the result, the integer one multiplies by a quotient of
 * scales that is itself rounded. Where floats hold every product and sum
 * exactly, as they do of scales with short mantissas, the real result is
 * either a tie or far from one; so both are equal if they agree on ties. */
#ifndef KILN_IR_ISLAND_H
#define KILN_IR_ISLAND_H

#include "ir/graph.h"

/* Does a sum of products in units of `unit` (scale of the operand times that of
 * the weights), stored as y of 8 bits, fall where floats do at every tie? */
bool island_sum_keeps_ties(float unit, const Type *y);
/* The same of averages of `count` 8-bit values of type x, where their sum is
 * exact in floats; false: it is not. */
bool island_average_is_exact(const Type *x, const Type *y, int64_t count);
/* Does the window of an avg_pool2d cover all of its operand, without padding?
 */
bool window_is_whole(const Op *pool);
/* add, sub, mul of 8-bit values: on how many pairs of those that may meet, of
 * *pairs, the two differ. */
int island_pair_differences(const Op *op, int *pairs);

#endif
