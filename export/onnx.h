/* IR -> ONNX: a graph as a file of operator set 21, for retraining it, for
 * other runtimes, and for Kiln again.
 *
 * - Floats stay floats. An op on quantized types becomes the float operator
 *   between DequantizeLinear and QuantizeLinear; what quantizes and
 *   dequantizes by itself is just that. Biases in i32 keep their scale
 *   sx * sw. The rule of rounding is ONNX's.
 * - Inputs and outputs keep names, types and layouts. Inside, images are
 *   channels first where operators want them so.
 * - Values keep their names; a name of the IR that stands for a tensor in
 *   another layout is that tensor's. */
#ifndef KILN_EXPORT_ONNX_H
#define KILN_EXPORT_ONNX_H

#include "ir/graph.h"

/* Adds the file's bytes to `out`. false: E0306 for every op that ONNX cannot
 * say, in d. `g` is verified and stays as it is. */
bool onnx_export(Diag *d, const Graph *g, Str *out);

#endif
