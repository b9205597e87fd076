/* Private to quantizing: what rounding weights does on average. */
#ifndef KILN_COMPRESS_QUANTIZE_MEANS_H
#define KILN_COMPRESS_QUANTIZE_MEANS_H

#include "compress/tensor_stats.h"
#include "ir/graph.h"

/* The biases of op, a layer with a constant of f32 for them, as they are to be
 * when its weights become `stored`: in the arena a, or as they are, where the
 * layer is none that is known (recover/layer.h) or x, of the op's operand 0,
 * says nothing of means (NULL too). */
const float *bias_corrected(Arena *a, Op *op, Value *stored,
                            const TensorStats *x);

#endif
