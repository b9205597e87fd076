/* From a float graph to a quantized one: floats between quantize and
 * dequantize ops, weights and biases as integer constants behind dequantize
 * ops. The passes make integer layers of it (passes/fold_scales.c); what has
 * no integer form just computes on floats. */
#ifndef KILN_COMPRESS_QUANTIZE_H
#define KILN_COMPRESS_QUANTIZE_H

#include "compress/scheme.h"

/* What became of one operator. */
typedef struct QuantizedOp {
  const char *name; /* of its result */
  OpKind kind;
  LayerScheme scheme; /* what it is stored and computed in; weights are
                         WEIGHTS_f32 where it has none */
  bool has_weights;
  int group;       /* inputs that share a scale; 0: all */
  const char *why; /* it computes on floats; NULL: on integers */
  int64_t parameters;
  int64_t bytes; /* of its weights and biases, as stored */
} QuantizedOp;

typedef struct QuantizeReport {
  ARRAY(QuantizedOp) ops; /* all that compute on floats in f, in order */
} QuantizeReport;

/* A quantized copy of f, a prepared graph (compress/prepare.h), in arena `a`;
 * its values keep their names; the integers of value x are "x.q", and those of
 * another type that a layer reads it in "x.i16" and the like. Ranges come from
 * `c`, which may be NULL where `s` has no integer activations. NULL:
 * errors in f->diag, E0701 for ranges that are needed and not there, E0203 for
 * constants that no integers stand for. `report`
 * may be NULL. */
Graph *quantize_graph(Arena *a, const Graph *f, const Scheme *s,
                      const Calibration *c, QuantizeReport *report);

#endif
