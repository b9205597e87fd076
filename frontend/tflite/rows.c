/* The operators that are imported, one row each. Versions are those whose
 * meaning LiteRT's reference kernels define; most only add element types,
 * which are checked by themselves. */
#include "frontend/tflite/import.h"

#define ROW(code, min, max, operands, nout, options, ir, types, import)        \
  {TFL_##code, min,           max,                                             \
   operands,   nout,          TFL_OPTIONS_##options,                           \
   OP_##ir,    types_##types, import_##import}

/* clang-format off */
static const TflRow rows[] = {
    ROW(CONV_2D,           1,  8, "xxb",  1, Conv2D,          conv2d,
        mac, conv2d),
    ROW(DEPTHWISE_CONV_2D, 1,  7, "xxb",  1, DepthwiseConv2D, depthwise_conv2d,
        mac, depthwise),
    ROW(FULLY_CONNECTED,   1, 14, "xxb",  1, FullyConnected,  fully_connected,
        mac, fully_connected),
    ROW(ADD,               1,  5, "xx",   1, Add,             add,
        same, add),
    ROW(SUB,               1,  5, "xx",   1, Sub,             sub,
        same, sub),
    ROW(MUL,               1,  7, "xx",   1, Mul,             mul,
        same, mul),
    ROW(AVERAGE_POOL_2D,   1,  3, "x",    1, Pool2D,          avg_pool2d,
        same, pool),
    ROW(MAX_POOL_2D,       1,  3, "x",    1, Pool2D,          max_pool2d,
        same, pool),
    ROW(MEAN,              1,  3, "xk",   1, ANY,             mean,
        same, mean),
    ROW(SOFTMAX,           1,  3, "x",    1, Softmax,         softmax,
        same, softmax),
    ROW(LOGISTIC,          1,  3, "x",    1, ANY,             logistic,
        same, plain),
    ROW(TANH,              1,  3, "x",    1, ANY,             tanh,
        same, plain),
    ROW(RELU,              1,  3, "x",    1, ANY,             relu,
        same, plain),
    ROW(RELU6,             1,  3, "x",    1, ANY,             relu6,
        same, plain),
    ROW(LEAKY_RELU,        1,  2, "x",    1, LeakyRelu,       leaky_relu,
        same, leaky_relu),
    ROW(QUANTIZE,          1,  3, "x",    1, ANY,             quantize,
        quantize, plain),
    ROW(DEQUANTIZE,        1,  6, "x",    1, ANY,             dequantize,
        dequantize, plain),
    ROW(PAD,               1,  4, "xk",   1, ANY,             pad,
        move, pad),
    ROW(PADV2,             1,  4, "xkk",  1, ANY,             pad,
        move, padv2),
    ROW(RESHAPE,           1,  1, "xo",   1, Reshape,         reshape,
        move, reshape),
    ROW(SQUEEZE,           1,  2, "x",    1, Squeeze,         reshape,
        move, squeeze),
    ROW(EXPAND_DIMS,       1,  1, "xk",   1, ANY,             reshape,
        move, expand_dims),
    ROW(TRANSPOSE,         1,  7, "xk",   1, ANY,             transpose,
        move, transpose),
    ROW(CONCATENATION,     1,  5, "+",    1, Concatenation,   concat,
        move, concat),
    ROW(SPLIT,             1,  4, "kx",   0, Split,           split,
        move, split),
    ROW(STRIDED_SLICE,     1,  8, "xkkk", 1, StridedSlice,    strided_slice,
        move, strided_slice),
    ROW(RESIZE_NEAREST_NEIGHBOR, 1, 4, "xk", 1, ResizeNearestNeighbor,
        resize_nearest, move, resize_nearest),
};
/* clang-format on */

enum { ROW_COUNT = sizeof rows / sizeof *rows };

const TflRow *tfl_row(int64_t code) {
  for (int i = 0; i < ROW_COUNT; i++)
    if (rows[i].code == code)
      return &rows[i];
  return NULL;
}

void tflite_ops_visit(OpVisit visit, void *ctx) {
  for (int i = 0; i < ROW_COUNT; i++)
    visit(ctx, "tflite", tfl_builtin_name(rows[i].code), rows[i].min,
          rows[i].max, op_info(rows[i].ir)->name);
}
