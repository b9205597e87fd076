/* The element type of a model's borders, as users of the TFLite converter
 * know it (inference_input_type, inference_output_type). */
#ifndef KILN_PASSES_IO_TYPE_H
#define KILN_PASSES_IO_TYPE_H

#include "ir/graph.h"

/* Makes every input and output that carries reals one of `dtype`: f32, or
 * quantized i8 or u8. Others (indices, truth values) stay. To f32 a quantize
 * is put behind an input, a dequantize in front of an output; from f32 these
 * are taken away; between i8 and u8 the zero point moves by 128. Values keep
 * their names. false: E0302 where an f32 border is not quantized behind, or a
 * quantized one is not of 8 bits. */
bool graph_set_io_type(Graph *g, DType dtype);

#endif
