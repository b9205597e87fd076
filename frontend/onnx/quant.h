/* Private to frontend/onnx: scales and zero points of quantized operators. */
#ifndef KILN_FRONTEND_ONNX_QUANT_H
#define KILN_FRONTEND_ONNX_QUANT_H

#include "frontend/onnx/build.h"

/* Inputs `scale` and `zero` (-1: none) of a node as parameters of a tensor of
 * type t, of which they may lie along `axis` (-1: one of each only). They
 * must be known; else what they are `of` is refused. NULL: reported. */
const QuantParams *quant_read(Node *n, int scale, int zero, const Type *t,
                              int axis, const char *of);
/* The same of inputs that may be unknown, without a report; NULL: they are
 * unknown, or no parameters that the IR has. */
const QuantParams *quant_known(Node *n, int scale, int zero, const Type *t,
                               int axis);
/* Input i with the parameters in the two inputs behind it. */
Value *quant_input(Node *n, int i, int axis);
/* The output's type: that of the zero point in input `zero` (u8 without),
 * with the shape of x. */
const Type *quant_like(Node *n, const Value *x, int scale, int zero);

/* x / scale, rounded to the nearest, plus zero (NULL: 0), saturated to t;
 * operands in f32, broadcasting. */
Value *b_quantize_by(Node *n, Value *x, Value *scale, Value *zero, DType t);
/* DynamicQuantizeLinear: *y u8, *scale f32 and *zero u8 scalars. */
bool b_quantize_dynamic(Node *n, Value *x, Value **y, Value **scale,
                        Value **zero);

#endif
