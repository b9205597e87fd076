/* One description for all that multiplies by constant weights: conv2d,
 * depthwise_conv2d, fully_connected and matmul by a constant, in floats, with
 * constants of f32 or (in a quantize-dequantize graph) integers behind a
 * dequantize, or short floats behind a cast.
 *
 * A layer is y[row][o] = sum over j of w[o][j] x[row][group of o][j] + b[o],
 * with x gathered into rows of k numbers: the window of a convolution, tap by
 * tap and within a tap channel by channel. */
#ifndef KILN_COMPRESS_RECOVER_LAYER_H
#define KILN_COMPRESS_RECOVER_LAYER_H

#include "ir/graph.h"

typedef struct Layer {
  Op *op;
  Value *weight; /* the constant */
  Value *bias;   /* likewise; NULL: none */
  bool has_window;
  int64_t groups, outputs, k;
  int64_t depth;              /* input channels that a group reads */
  int64_t stride_o, stride_j; /* of weights as they are stored */
  int64_t rows;               /* of one sample */
} Layer;

/* Describes op; false: it is no such layer. */
bool layer_of(Op *op, Layer *out);
/* All of a graph, in order. */
typedef struct Layers {
  ARRAY(Layer) all;
} Layers;
Layers layers_of(Arena *a, const Graph *g);

int64_t layer_group(const Layer *l, int64_t o);
/* Where weight j of output o is stored. */
int64_t layer_at(const Layer *l, int64_t o, int64_t j);
/* Real weights, [outputs][k]. */
float *layer_weights(Arena *a, const Layer *l);
/* Real biases, one for each output (zeros without a bias), or more of them
 * (ir/border.h); how many in *n, entry i is for output i % outputs. */
double *layer_biases(Arena *a, const Layer *l, int64_t *n);
/* Row `row` of group `group` of a sample x of the layer's input; to[k]. */
void layer_row(const Layer *l, const float *x, int64_t row, int64_t group,
               float *to);
/* What the layer's input is dequantized from, before elements were moved; NULL:
 * it is of floats. */
const Type *layer_input_type(const Layer *l);
/* Can a bias be set: has the op an operand for it? */
bool layer_takes_bias(const Layer *l);

/* Another constant in the weights' place: of all layers that share them, and
 * with their name. `data` of the type's bytes is kept, not copied. */
void layer_set_weight(Layer *l, const Type *t, const void *data);
/* Real biases as the layer stores them, n as from layer_biases; a layer
 * without gets some: of i32 in the accumulator's unit where input and weights
 * are quantized. Integer biases take their unit from the types of input and
 * weights. Other layers that read the old ones go on doing so. */
void layer_set_biases(Layer *l, const double *b, int64_t n);
/* l's biases become those of `with`, which comes before it in the graph. */
void layer_share_bias(Layer *l, const Layer *with);

/* A clone with the same value ids, in which layers' constants are f32 of the
 * same values. What it computes is what g computes. */
Graph *layer_float_twin(Arena *a, const Graph *g);
/* The layer of `twin`, a clone, that is l there; and l's weights and biases,
 * which have changed, as its constants. */
Layer layer_twin(const Graph *twin, const Layer *l);
void layer_update_twin(Graph *twin, const Layer *l);

#endif
