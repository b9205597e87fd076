/* Private to quantizing: layers whose input's range is taken at run time. */
#ifndef KILN_COMPRESS_QUANTIZE_DYNAMIC_H
#define KILN_COMPRESS_QUANTIZE_DYNAMIC_H

#include "compress/scheme.h"

/* A tensor as bytes, and how they mean it; all of them values of the graph. */
typedef struct DynamicTensor {
  const Value *x;
  Value *bytes, *scale, *zero;
} DynamicTensor;

typedef struct Dynamic {
  Graph *g;
  Arena *scratch;
  ARRAY(DynamicTensor) tensors; /* made so far: what several layers read */
} Dynamic;

/* Computes op, a layer of constant weights, with products of bytes, channels
 * of its weights along `axis` as s says; op is left without readers. Returns
 * the constant that holds the weights. */
Value *dynamic_layer(Dynamic *d, Op *op, int axis, const LayerScheme *s);

#endif
