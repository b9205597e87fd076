/* Private to quantizing: constants as integers, codes or short floats. */
#ifndef KILN_COMPRESS_QUANTIZE_WEIGHTS_H
#define KILN_COMPRESS_QUANTIZE_WEIGHTS_H

#include "compress/scheme.h"

/* The weights of a layer whose output channels lie along `axis` of w. Where it
 * has a bias (bias, one a channel, else NULL) the scales are large enough for
 * its i32 in units of in_scale times theirs; in_scale 0: there are no such
 * units. Where y, the 8-bit type of the result, is known (else NULL), they are
 * such that sums fall where floats do (ir/island.h). The constant has the name
 * "W.q" for w called W. s->weights is neither f32, f16 nor bf16. */
Value *weights_stored(Graph *g, const Value *w, int axis, const LayerScheme *s,
                      float in_scale, const float *bias, const Type *y);
/* w as f16 or bf16. */
Value *weights_shortened(Graph *g, const Value *w, DType t);
/* The f32 bias b, of which the elements are to be x, as i32 in units of
 * in_scale times the weights' scales. */
Value *bias_stored(Graph *g, const Value *b, const float *x, float in_scale,
                   const Type *w);
/* A constant operand as an integer of type t's element and parameters. */
Value *constant_stored(Graph *g, const Value *v, const Type *t);

/* The form of s's activations, which are integers. */
QuantForm activation_form(const LayerScheme *s);
/* The least and largest element of a constant of f32, and 0. */
Range constant_range(const Value *v);
/* The parameters of s's activations for such a range. */
const QuantParams *activation_quant(Arena *a, Range r, const LayerScheme *s);

#endif
