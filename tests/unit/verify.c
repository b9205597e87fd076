/* op_verify and graph_verify: for every op what it must refuse, with the
 * code and the words; what they must accept is tests/ir/inputs/every_op.kiln.
 */
#include "tests/testing.h"

#include <string.h>

#include "ir/text.h"

static Arena *arena;

static int setup(void **state) {
  (void)state;
  arena = arena_new();
  return 0;
}

static int teardown(void **state) {
  (void)state;
  arena_free(arena);
  return 0;
}

/* What the cases compute on. */
static const char prelude[] =
    "model m rounding=tflite\n"
    "input %x : i8[1,8,8,4] q(0.1, 0)\n"
    "input %u : u8[1,8,8,4] q(0.1, 0)\n"
    "input %z : i8[1,8,8,4] q(0.1, 1)\n"
    "input %s : i16[1,8,8,4] q(0.1, 0)\n"
    "input %sz : i16[1,8,8,4] q(0.1, 1)\n"
    "input %f : f32[1,8,8,4]\n"
    "input %i : i32[1,8,8,4]\n"
    "input %n : i8[1,8,8,4]\n"
    "input %c : i8[1,8,8,4] q(axis 3, {1, 2, 3, 4}, 0)\n"
    "input %m : i8[3,8] q(0.1, 0)\n"
    "input %k : f32[]\n"
    "input %t : bool[1,8,8,4]\n"
    "input %ub : u8[1,8,8,4]\n"
    "input %i4 : i4[4]\n"
    "input %q4 : i4[4] q(1, 0)\n"
    "input %book : u8[4] q(1, 0, codebook {1, 2})\n"
    "input %m3 : f32[3,8]\n"
    "input %m48 : f32[4,8]\n"
    "input %i48 : i32[4,8]\n"
    "input %n48 : i8[4,8]\n"
    "input %t48 : bool[4,8]\n"
    "const @w48 : i8[4,8] q(0.1, 0) = splat 1\n"
    "const @i38 : i64[3,8] = splat 1\n"
    "const @i88 : i64[8,8] = splat 1\n"
    "const @i32 : i64[2,2] = splat 1\n"
    "const @t256 : f32[256] = splat 1\n"
    "const @tq : i8[256] q(0.1, 0) = splat 1\n"
    "const @td : f64[256] = splat 1\n"
    "const @b6 : i64[1,1,1,1,1,1] = splat 0\n"
    "const @w : i8[8,3,3,4] q(0.1, 0) = splat 1\n"
    "const @w3 : i8[8,3,3,3] q(0.1, 0) = splat 1\n"
    "const @w7 : i8[7,3,3,2] q(0.1, 0) = splat 1\n"
    "const @wa : i8[8,3,3,4] q(axis 3, {1, 2, 3, 4}, 0) = splat 1\n"
    "const @wn : i8[8,3,3,4] = splat 1\n"
    "const @wu : u8[8,3,3,4] q(0.1, 0) = splat 1\n"
    "const @wf : f32[8,3,3,4] = splat 1.0\n"
    "const @wd : i8[1,3,3,4] q(0.1, 0) = splat 1\n"
    "const @wd6 : i8[1,3,3,6] q(0.1, 0) = splat 1\n"
    "const @wda : i8[2,3,3,4] q(axis 0, {1, 2}, 0) = splat 1\n"
    "const @fc : i8[5,64] q(0.1, 0) = splat 1\n"
    "const @fc3 : i8[5,3] q(0.1, 0) = splat 1\n"
    "const @fca : i8[5,64] q(axis 1 block 64, {1, 2, 3, 4, 5}, 0) = splat 1\n"
    "const @b : i32[8] = splat 0\n"
    "const @bq : i32[8] q(0.01, 1) = splat 0\n"
    "const @b7 : i32[7] = splat 0\n"
    "const @bb : i32[1,8] = splat 0\n"
    "const @bf : f32[8] = splat 0.0\n"
    "const @b64 : i64[8] = splat 0\n";

typedef struct Case {
  const char *result; /* types of the outputs, ';' between them */
  const char *op;
  DiagCode code;
  const char *words;
} Case;

#define CONV_Y "i8[1,6,6,8] q(1, 0)"
#define DW_Y "i8[1,6,6,4] q(1, 0)"
#define X_Y "i8[1,8,8,4] q(0.1, 0)"

/* clang-format off */
static const Case cases[] = {
  /* arity, attributes, types */
  {CONV_Y, "conv2d %x", E0201, "has 1 operands, expected at least 2"},
  {X_Y, "relu %x, %x", E0201, "has 2 operands, expected at most 1"},
  {CONV_Y, "conv2d %x, _", E0201, "operand 1 is missing"},
  {"i8[1,8,16,4] q(0.1, 0)", "concat %x, _ {axis=2}", E0201, "operand 1 is missing"},
  {X_Y ";" X_Y, "relu %x", E0201, "has 2 outputs, expected 1"},
  {CONV_Y, "conv2d %x, @w {stride=[1,2147483648]}", E0201, "stride is out of range"},
  {X_Y, "leaky_relu %x {alpha=nan}", E0201, "alpha is not finite"},
  {"f32[1,0]", "relu %f", E0302, "it has no elements"},
  {"f32[1073741824,1024]", "relu %f", E0302, "it is larger than 2^40 bytes"},
  {"f32[1,8,8,4] q(1, 0)", "relu %f", E0202, "only integers can be quantized"},
  {"i8[1,8,8,4] q(0.0, 0)", "relu %x", E0202, "scale 0 is 0, must be finite and positive"},
  {"i8[1,8,8,4] q(-1, 0)", "relu %x", E0202, "scale 0 is -1"},
  {"i8[1,8,8,4] q(nan, 0)", "relu %x", E0202, "scale 0 is"},
  {"i8[1,8,8,4] q(inf, 0)", "relu %x", E0202, "scale 0 is inf"},
  {"i8[1,8,8,4] q(1, 128)", "relu %x", E0202, "zero point 0 is 128, outside -128..127"},
  {"i8[1,8,8,4] q(1, -128, range -127..127)", "relu %x", E0202, "zero point 0 is -128, outside -127..127"},
  {"i8[1,8,8,4] q(1, 0, range -129..127)", "relu %x", E0202, "the storage range is not one of its type"},
  {"i8[1,8,8,4] q(1, 0, range 5..5)", "relu %x", E0202, "the storage range is not one of its type"},
  {"u8[1,8,8,4] q(axis 3, {1, 2, 3}, 0)", "quantize %f", E0202, "it has 3 scales, needs 4"},
  {"u8[1,8,8,4] q(axis 4, {1, 2, 3, 4}, 0)", "quantize %f", E0202, "the quantized axis or block does not exist"},
  {"u8[1,8,8,4] q(axis 3, {1, 2, -3, 4}, 0)", "quantize %f", E0202, "scale 2 is -3"},
  {"u8[1,8,8,4] q(axis 3, {1, 2, 3, 4}, {0, 256, 0, 0})", "quantize %f", E0202, "zero point 1 is 256"},
  {"i8[1,8,8,4] q(1, 0, codebook {1, 2})", "relu %x", E0202, "expected one scale and zero point"},

  {CONV_Y, "conv2d %m, @w", E0201, "%m : i8[3,8] q(0.1, 0): expected rank 4"},
  {CONV_Y, "conv2d %x, @fc", E0201, "expected rank 4"},
  {CONV_Y, "conv2d %x, @w3", E0201, "the weight has 3 input channels, the input has 4"},
  {"i8[1,6,6,7] q(1, 0)", "conv2d %x, @w7", E0201, "7 output channels in 2 groups"},
  {"i8[1,6,6,7] q(1, 0)", "conv2d %x, @w", E0201, "must be i8[1,6,6,8]"},
  {"i8[1,6,8] q(1, 0)", "conv2d %x, @w", E0201, "must be i8[1,6,6,8]"},
  {CONV_Y, "conv2d %f, @w", E0201, "%f : f32[1,8,8,4] does not go with"},
  {CONV_Y, "conv2d %s, @w", E0201, "does not go with"},
  {CONV_Y, "conv2d %i, @w", E0201, "expected f32 or quantized i8, u8 or i16"},
  {CONV_Y, "conv2d %n, @w", E0202, "%n : i8[1,8,8,4] has no quantization"},
  {CONV_Y, "conv2d %c, @w", E0202, "expected one scale and zero point"},
  {"i16[1,6,6,8] q(1, 0)", "conv2d %sz, @w", E0202, "the zero point of i16 must be 0"},
  {"i16[1,6,6,8] q(1, 0)", "conv2d %s, @wu", E0201, "weight @wu : u8[8,3,3,4] q(0.1, 0): expected i8"},
  {CONV_Y, "conv2d %x, @wf", E0201, "expected i8 or u8"},
  {"f32[1,6,6,8]", "conv2d %f, @w", E0201, "expected f32"},
  {CONV_Y, "conv2d %x, @wn", E0202, "weight @wn : i8[8,3,3,4] has no quantization"},
  {CONV_Y, "conv2d %x, @wa", E0202, "expected one scale, or one per index of axis 0"},
  {CONV_Y, "conv2d %x, @w, @b7", E0201, "bias @b7 : i32[7]: expected [8]"},
  {CONV_Y, "conv2d %x, @w, @bb", E0201, "expected [8]"},
  {CONV_Y, "conv2d %x, @w, @bf", E0201, "expected i32"},
  {CONV_Y, "conv2d %x, @w, @b64", E0201, "expected i32"},
  {CONV_Y, "conv2d %x, @w, @bq", E0202, "the zero point of the bias must be 0"},
  {"f32[1,6,6,8]", "conv2d %f, @wf, @b", E0201, "expected f32"},
  {"i16[1,6,6,8] q(1, 0)", "conv2d %s, @w, @bf", E0201, "expected i64 or i32"},
  {CONV_Y, "conv2d %x, @w {stride=[0,1]}", E0201, "stride is 0, must be at least 1"},
  {CONV_Y, "conv2d %x, @w {dilation=[1,-1]}", E0201, "dilation is -1, must be at least 1"},
  {CONV_Y, "conv2d %x, @w {pad=[0,0,0,-1]}", E0201, "pad is -1, must be at least 0"},
  {CONV_Y, "conv2d %x, @w {dilation=[4,1]}", E0201, "the window's height is 3 (dilation 4), larger than the padded input's 8"},
  {CONV_Y, "conv2d %x, @w {dilation=[1,2147483647]}", E0201, "the window's width is 3"},

  {DW_Y, "depthwise_conv2d %m, @wd", E0201, "expected rank 4"},
  {DW_Y, "depthwise_conv2d %x, @w", E0201, "expected [1,H,W,M]"},
  {"i8[1,6,6,6] q(1, 0)", "depthwise_conv2d %x, @wd6", E0201, "the weight has 6 channels, no multiple of the input's 4"},
  {DW_Y, "depthwise_conv2d %x, @wda", E0201, "expected [1,H,W,M]"},
  {DW_Y, "depthwise_conv2d %x, @wd, @b", E0201, "expected [4]"},
  {"i8[1,3,6,4] q(1, 0)", "depthwise_conv2d %x, @wd", E0201, "must be i8[1,6,6,4]"},

  {"i8[4,5] q(1, 0)", "fully_connected %x, @w", E0201, "expected rank 2"},
  {"i8[4,5] q(1, 0)", "fully_connected %x, @fc3", E0201, "the weight has rows of 3, the input has 256 elements"},
  {"i8[5,4] q(1, 0)", "fully_connected %x, @fc", E0201, "must be i8[4,5]"},
  {"i8[3,5] q(1, 0)", "fully_connected %x, @fc", E0201, "must be i8[4,5]"},
  {"i8[] q(1, 0)", "fully_connected %x, @fc", E0201, "must be i8[4,5]"},
  {"i8[4,5] q(1, 0)", "fully_connected %x, @fca", E0202, "expected one scale, or one per index of axis 0"},
  {"i8[4,5] q(1, 0)", "fully_connected %x, @fc, @b", E0201, "expected [5]"},

  {X_Y, "add %x, %m", E0201, "do not broadcast"},
  {X_Y, "add %x, %f", E0201, "does not go with"},
  {"i8[1,8,8] q(0.1, 0)", "add %x, %x", E0201, "must be i8[1,8,8,4]"},
  {X_Y, "sub %x, %c", E0202, "expected one scale and zero point"},
  {X_Y, "mul %i, %i", E0201, "expected f32 or quantized"},
  {"i8[8,8] q(0.1, 0)", "mul %m, %m", E0201, "must be i8[3,8]"},

  {X_Y, "avg_pool2d %z", E0202, "must have the same quantization"},
  {"u8[1,8,8,4] q(0.1, 0)", "avg_pool2d %x", E0201, "must have the same element type"},
  {X_Y, "avg_pool2d %x {window=[2,2], pad=[2,0,0,0]}", E0201, "pads 2 and 0 of a window of 2"},
  {X_Y, "avg_pool2d %x {window=[2,2], pad=[0,0,0,2]}", E0201, "pads 0 and 2 of a window of 2"},
  {X_Y, "avg_pool2d %x {window=[9,9]}", E0201, "a window of 9 is larger than the padded input's 8"},
  {X_Y, "avg_pool2d %m", E0201, "expected rank 4"},
  {X_Y, "avg_pool2d %x {window=[0,1]}", E0201, "window is 0, must be at least 1"},
  {X_Y, "max_pool2d %x {stride=[1,0]}", E0201, "stride is 0, must be at least 1"},
  {X_Y, "max_pool2d %x {pad=[-1,0,0,0]}", E0201, "pad is -1, must be at least 0"},
  {X_Y, "max_pool2d %x {stride=[2,2]}", E0201, "must be i8[1,4,4,4]"},
  {"i8[1,8,8,4] q(0.2, 0)", "max_pool2d %x", E0202, "must have the same quantization"},

  {"i8[1,4] q(1, 0)", "mean %x", E0201, "no axes are given"},
  {"i8[1,4] q(1, 0)", "mean %x {axes=[1,4]}", E0201, "axis 4 is outside 0..3"},
  {"i8[1,4] q(1, 0)", "mean %x {axes=[-1]}", E0201, "axis -1 is outside 0..3"},
  {"i8[1,4] q(1, 0)", "mean %x {axes=[1,1]}", E0201, "axis 1 is given twice"},
  {"i8[4,1] q(1, 0)", "mean %x {axes=[1,2]}", E0201, "must be i8[1,4]"},
  {"i8[1,1,4,1] q(1, 0)", "mean %x {axes=[1,2]}", E0201, "must be i8[1,1,1,4]"},
  {"i8[1,4] q(1, 0)", "mean %n {axes=[1,2]}", E0202, "has no quantization"},

  {X_Y, "softmax %x", E0202, "expected scale 1/256 and zero point -128"},
  {"i8[1,8,8,4] q(0.00390625, 0)", "softmax %x", E0202, "zero point -128"},
  {"u8[1,8,8,4] q(0.00390625, 1)", "softmax %u", E0202, "scale 1/256 and zero point 0"},
  {"i16[1,8,8,4] q(0.00390625, 0)", "softmax %s", E0202, "scale 1/32768"},
  {"f32[]", "softmax %k", E0201, "the input is a scalar"},
  {"f32[1,8,8,4]", "softmax %f {beta=0.0}", E0201, "beta must be positive"},
  {"i8[1,4] q(0.00390625, -128)", "softmax %x", E0201, "must be i8[1,8,8,4]"},

  {"i16[1,8,8,4] q(0.1, 0)", "logistic %s", E0202, "scale 1/32768"},
  {"i8[1,8,8,5] q(0.1, 0)", "logistic %x", E0201, "must be i8[1,8,8,4]"},
  {"i16[1,8,8,4] q(0.1, 0)", "tanh %s", E0202, "scale 1/32768"},
  {"f32[1,8,8,4]", "tanh %x", E0201, "does not go with"},
  {"i8[256] q(0.1, 0)", "relu %x", E0201, "must be i8[1,8,8,4]"},
  {X_Y, "relu6 %i", E0201, "expected f32 or quantized"},
  {"i8[1,8,8,4]", "leaky_relu %x", E0202, "has no quantization"},

  {"i32[1,8,8,4]", "add %i, %i {act=relu}", E0201, "takes no activation on plain integers"},
  {"i32[1,8,8,4]", "add %i, %n", E0201, "%n : i8[1,8,8,4]: expected i32"},
  {"i8[1,8,8,4]", "leaky_relu %n", E0201, "expected floats"},
  {"bool[1,8,8,4]", "relu %t", E0201, "expected floats or integers of 8 bits"},
  {"i64[1,8,8,4]", "abs %i", E0201, "expected i32"},
  {X_Y, "abs %x", E0202, "must not be quantized"},
  {"i4[4]", "sign %i4", E0201, "expected floats or integers of 8 bits"},
  {"u8[1,8,8,4]", "neg %ub", E0201, "expected floats or signed integers"},
  {"i32[1,8,8,4]", "exp %i", E0201, "%i : i32[1,8,8,4]: expected floats"},
  {"i32[1,8,8,4]", "log %i", E0201, "%i : i32[1,8,8,4]: expected floats"},
  {"i32[1,8,8,4]", "sqrt %i", E0201, "%i : i32[1,8,8,4]: expected floats"},
  {"i32[1,8,8,4]", "floor %i", E0201, "%i : i32[1,8,8,4]: expected floats"},
  {"i32[1,8,8,4]", "ceil %i", E0201, "%i : i32[1,8,8,4]: expected floats"},
  {"i32[1,8,8,4]", "round %i", E0201, "%i : i32[1,8,8,4]: expected floats"},
  {"i32[1,8,8,4]", "sin %i", E0201, "%i : i32[1,8,8,4]: expected floats"},
  {"i32[1,8,8,4]", "cos %i", E0201, "%i : i32[1,8,8,4]: expected floats"},
  {"i32[1,8,8,4]", "tan %i", E0201, "%i : i32[1,8,8,4]: expected floats"},
  {"i32[1,8,8,4]", "asin %i", E0201, "%i : i32[1,8,8,4]: expected floats"},
  {"i32[1,8,8,4]", "acos %i", E0201, "%i : i32[1,8,8,4]: expected floats"},
  {"i32[1,8,8,4]", "atan %i", E0201, "%i : i32[1,8,8,4]: expected floats"},
  {"i32[1,8,8,4]", "sinh %i", E0201, "%i : i32[1,8,8,4]: expected floats"},
  {"i32[1,8,8,4]", "cosh %i", E0201, "%i : i32[1,8,8,4]: expected floats"},
  {"i32[1,8,8,4]", "asinh %i", E0201, "%i : i32[1,8,8,4]: expected floats"},
  {"i32[1,8,8,4]", "acosh %i", E0201, "%i : i32[1,8,8,4]: expected floats"},
  {"i32[1,8,8,4]", "atanh %i", E0201, "%i : i32[1,8,8,4]: expected floats"},
  {"i32[1,8,8,4]", "erf %i", E0201, "%i : i32[1,8,8,4]: expected floats"},
  {"i32[1,8,8,4]", "is_nan %i", E0201, "%i : i32[1,8,8,4]: expected floats"},
  {"i32[1,8,8,4]", "is_inf %i", E0201, "%i : i32[1,8,8,4]: expected floats"},
  {"f32[1,8,8,4]", "bit_not %f", E0201, "expected integers of 8 bits and more"},
  {"f32[1,8,8,4]", "bit_and %f, %f", E0201, "expected integers of 8 bits and more"},
  {"f32[1,8,8,4]", "bit_or %f, %f", E0201, "expected integers of 8 bits and more"},
  {"f32[1,8,8,4]", "bit_xor %f, %f", E0201, "expected integers of 8 bits and more"},
  {"f32[1,8,8,4]", "shift_left %f, %f", E0201, "expected integers of 8 bits and more"},
  {"f32[1,8,8,4]", "shift_right %f, %f", E0201, "expected integers of 8 bits and more"},
  {"i8[1,8,8,4]", "not %n", E0201, "%n : i8[1,8,8,4]: expected bool"},
  {"i8[1,8,8,4]", "and %n, %n", E0201, "%n : i8[1,8,8,4]: expected bool"},
  {"i8[1,8,8,4]", "or %n, %n", E0201, "%n : i8[1,8,8,4]: expected bool"},
  {"i8[1,8,8,4]", "xor %n, %n", E0201, "%n : i8[1,8,8,4]: expected bool"},
  {"f32[1,8,8,4]", "div %f, %i", E0201, "%i : i32[1,8,8,4]: expected f32"},
  {"f32[1,8,8,4]", "pow %f, %i", E0201, "%i : i32[1,8,8,4]: expected f32"},
  {"f32[1,8,8,4]", "min %f, %i", E0201, "%i : i32[1,8,8,4]: expected f32"},
  {"f32[1,8,8,4]", "max %f, %i", E0201, "%i : i32[1,8,8,4]: expected f32"},
  {"f32[1,8,8,4]", "mod %f, %i", E0201, "%i : i32[1,8,8,4]: expected f32"},
  {"f32[1,8,8,4]", "max %f, %m3", E0201, "do not broadcast"},
  {"f32[1,8,8,4]", "equal %f, %f", E0201, "%y0 : f32[1,8,8,4]: expected bool"},
  {"f32[1,8,8,4]", "less %f, %f", E0201, "%y0 : f32[1,8,8,4]: expected bool"},
  {"f32[1,8,8,4]", "less_equal %f, %f", E0201, "%y0 : f32[1,8,8,4]: expected bool"},
  {"f32[1,8,8,4]", "select %f, %f, %f", E0201, "%f : f32[1,8,8,4]: expected bool"},
  {"f32[1,8,8,4]", "select %t, %f, %i", E0201, "must have the same element type"},
  {X_Y, "select %t, %x, %z", E0202, "must have the same quantization"},
  {"i8[1,8,8,4] q(axis 3, {1, 2, 3, 4}, 0)", "select %t, %c, %c", E0202, "expected one scale"},
  {"f32[8,8,4]", "select %t, %f, %f", E0201, "must be f32[1,8,8,4]"},
  {"f32[1,8,8,4]", "cast %x", E0202, "must not be quantized"},
  {"f32[256]", "cast %i", E0201, "must be f32[1,8,8,4]"},
  {"i16[1,8,8,4]", "bitcast %f", E0201, "differ in the size of an element"},
  {"bool[1,8,8,4]", "bitcast %n", E0201, "differ in the size of an element"},

  {"f32[1,8,8]", "reduce_sum %f", E0201, "no axes are given"},
  {"f32[1,8,8]", "reduce_sum %f {axes=[4]}", E0201, "axis 4 is outside 0..3"},
  {"i8[1,8,8] q(0.1, 0)", "reduce_sum %x {axes=[3]}", E0202, "must not be quantized"},
  {"f32[1,8,8]", "reduce_prod %i {axes=[3]}", E0201, "expected i32"},
  {"bool[1,8,8]", "reduce_prod %t {axes=[3]}", E0201, "expected floats or integers"},
  {"i8[1,8,8] q(0.2, 0)", "reduce_max %x {axes=[3]}", E0202, "must have the same quantization"},
  {"i8[1,8,8] q(axis 2, {1, 2, 3, 4, 5, 6, 7, 8}, 0)", "reduce_max %c {axes=[3]}", E0202, "expected one scale"},
  {"f32[1,8]", "reduce_min %f {axes=[3]}", E0201, "must be f32[1,8,8]"},
  {"i64[1,8,8]", "argmax %f {axis=4}", E0201, "axis 4 is outside 0..3"},
  {"i16[1,8,8]", "argmax %f {axis=3}", E0201, "expected i64"},
  {"i64[1,8,8]", "argmax %t {axis=3}", E0201, "expected floats or integers"},
  {"i64[1,8,8]", "argmin %c {axis=3}", E0202, "expected one scale"},
  {"f32[1,8,8,4]", "cumsum %f {axis=-1}", E0201, "axis -1 is outside 0..3"},
  {"i8[1,8,8,4] q(0.1, 0)", "cumsum %x", E0202, "must not be quantized"},
  {"f32[1,8,8,4]", "cumprod %i", E0201, "expected i32"},
  {"f16[1,4]", "mean %f {axes=[1,2]}", E0201, "does not go with"},

  {X_Y, "quantize %i", E0201, "expected f32 or quantized"},
  {"f32[1,8,8,4]", "quantize %x", E0201, "does not go with"},
  {"i32[1,8,8,4] q(1, 0)", "quantize %f", E0201, "expected i8, u8 or i16"},
  {"i8[1,8,8,4]", "quantize %f", E0202, "expected scales and zero points"},
  {"i16[1,8,8,4] q(1, 0)", "quantize %c", E0202, "expected one scale"},
  {X_Y, "dequantize %x", E0201, "expected f32"},
  {"f32[1,8,8,4]", "dequantize %f", E0201, "expected i4, u4, i8, u8, i16 or i32"},
  {"f32[1,8,8,4]", "dequantize %n", E0202, "expected scales and zero points"},
  {"f32[8]", "dequantize %x", E0201, "must be f32[1,8,8,4]"},
  {"f32[4]", "dequantize %q4", E0202, "4 bits are read of constants only"},
  {"f32[4]", "dequantize %book", E0202, "codebooks are read of constants only"},
  {"f32[1,8,8,4]", "lut %s, @t256", E0201, "expected i8 or u8"},
  {"f32[1,8,8,4]", "lut %c, @t256", E0202, "expected one scale and zero point"},
  {"f32[1,8,8,4]", "lut %x, %f", E0201, "expected a constant of 256"},
  {"f32[1,8,8,4]", "lut %x, @w48", E0201, "expected a constant of 256"},
  {"f32[1,8,8,4]", "lut %x, @tq", E0201, "must have the same element type"},
  {"i8[1,8,8,4] q(0.2, 0)", "lut %x, @tq", E0202, "must have the same quantization"},
  {"f64[1,8,8,4]", "lut %x, @td", E0201, "expected elements of 8, 16 or 32 bits"},
  {"f32[8]", "lut %x, @t256", E0201, "must be f32[1,8,8,4]"},

  {X_Y, "pad %x {before=[0,0,0,0]}", E0201, "before and after need 4 elements"},
  {X_Y, "pad %x {before=[0,0,0,-1], after=[0,0,0,1]}", E0201, "before is -1"},
  {X_Y, "pad %x {before=[0,0,0,1], after=[0,0,0,-1]}", E0201, "after is -1"},
  {X_Y, "pad %x {before=[0,0,0,1], after=[0,0,0,0]}", E0201, "must be i8[1,8,8,5]"},
  {X_Y, "pad %x {before=[0,0,0,0], after=[0,0,0,0], value=128}", E0201, "value 128 does not fit i8"},
  {X_Y, "pad %z {before=[0,0,0,0], after=[0,0,0,0]}", E0202, "must have the same quantization"},

  {"i8[255] q(0.1, 0)", "reshape %x", E0201, "differ in their number of elements"},
  {"i8[256] q(0.1, 1)", "reshape %x", E0202, "must have the same quantization"},
  {"u8[256] q(0.1, 0)", "reshape %x", E0201, "must have the same element type"},
  {"i8[256]", "reshape %x", E0202, "must have the same quantization"},

  {X_Y, "transpose %x", E0201, "perm is no permutation of 4 dimensions"},
  {X_Y, "transpose %x {perm=[0,1,2,2]}", E0201, "perm is no permutation"},
  {X_Y, "transpose %x {perm=[0,1,2,4]}", E0201, "perm is no permutation"},
  {X_Y, "transpose %x {perm=[0,1,2,3,0]}", E0201, "perm is no permutation"},
  {X_Y, "transpose %x {perm=[0,3,1,2]}", E0201, "must be i8[1,4,8,8]"},
  {"i8[8,4,1,8] q(axis 3, {1,2,3,4,5,6,7,8}, 0)", "transpose %c {perm=[1,3,0,2]}", E0202, "must have the same quantization"},

  {X_Y, "concat %x, %x {axis=4}", E0201, "axis 4 is outside 0..3"},
  {X_Y, "concat %x, %m {axis=1}", E0201, "differ in more than axis 1"},
  {X_Y, "concat %x, %x {axis=1}", E0201, "must be i8[1,16,8,4]"},
  {"i8[1,16,8,4] q(0.1, 0)", "concat %x, %x {axis=1, act=relu}", E0201, "takes no activation"},
  {"i8[1,16,8,4] q(0.1, 0)", "concat %x, %u {axis=1}", E0201, "must have the same element type"},
  {"i16[1,16,8,4] q(0.2, 0)", "concat %s, %s {axis=1}", E0202, "must have the same quantization"},
  {"i8[1,16,8,4] q(0.1, 0)", "concat %x, %n {axis=1}", E0202, "must have the same quantization"},
  {"i8[] q(0.1, 0)", "concat %k, %k", E0201, "axis 0 is outside"},

  {X_Y, "split %x {axis=-1}", E0201, "axis -1 is outside 0..3"},
  {X_Y, "split %x {axis=3, act=relu}", E0201, "takes no activation"},
  {X_Y ";" X_Y, "split %x {axis=3}", E0201, "the parts have 8 of 4 along axis 3"},
  {"i8[1,8,8,2] q(0.1, 0);i8[1,8,4,2] q(0.1, 0)", "split %x {axis=3}", E0201, "differ in more than axis 3"},
  {"i8[1,8,8,2] q(0.1, 0);i8[1,8,8,2] q(0.1, 1)", "split %x {axis=3}", E0202, "must have the same quantization"},

  {X_Y, "strided_slice %x {begin=[0,0]}", E0201, "begin and stride need 4 elements"},
  {"i8[8,4] q(0.1, 0)", "strided_slice %x", E0201, "expected rank 4"},
  {X_Y, "strided_slice %x {begin=[0,1,0,0]}", E0201, "dimension 1: 8 elements from 1 by 1 leave 0..7"},
  {X_Y, "strided_slice %x {begin=[0,-1,0,0]}", E0201, "dimension 1: 8 elements from -1"},
  {X_Y, "strided_slice %x {stride=[1,1,0,1]}", E0201, "stride is 0"},
  {"i8[1,3,8,4] q(0.1, 0)", "strided_slice %x {begin=[0,5,0,0], stride=[1,-3,1,1]}", E0201, "dimension 1: 3 elements from 5 by -3"},
  {"i8[1,1,1,1] q(0.2, 0)", "strided_slice %x", E0202, "must have the same quantization"},

  {"i8[1,16,16,5] q(0.1, 0)", "resize_nearest %x", E0201, "must be i8[1,16,16,4]"},
  {"i8[2,16,16,4] q(0.1, 0)", "resize_nearest %x", E0201, "must be i8[1,16,16,4]"},
  {"i8[16,16] q(0.1, 0)", "resize_nearest %x", E0201, "expected rank 4"},
  {"i8[3,8] q(0.1, 0)", "resize_nearest %m", E0201, "expected rank 4"},
  {"u8[1,16,16,4] q(0.1, 0)", "resize_nearest %x", E0201, "must have the same element type"},
  {X_Y, "resize_nearest %x {align_corners=true, half_pixel_centers=true}", E0201, "exclude each other"},

  {"f32[1,8,8,8]", "matmul %f, %m3", E0201, "do not go together"},
  {"f32[1,8,8,8]", "matmul %k, %m3", E0201, "do not go together"},
  {"f32[1,8,8,4]", "matmul %f, %i48", E0201, "%i48 : i32[4,8]: expected f32"},
  {"f16[1,8,8,8]", "matmul %f, %m48", E0201, "expected f32"},
  {"bool[1,8,8,8]", "matmul %t, %t48", E0201, "expected floats or integers"},
  {"f32[1,8,8,8]", "matmul %f, %m48, %k", E0201, "only plain i8 and u8 take zero points"},
  {"i8[1,8,8,8]", "matmul %n, %n48", E0201, "expected i32"},
  {"i32[1,8,8,8]", "matmul %n, %i48", E0201, "expected i8 or u8"},
  {"i32[1,8,8,8]", "matmul %n, %n48, %k", E0201, "zero point %k : f32[] does not go with"},
  {"i32[1,8,8,8]", "matmul %n, %n48, _, %n48", E0201, "zero point %n48"},
  {"i16[1,8,8,8] q(1, 0)", "matmul %s, @w48", E0201, "expected i8 or u8"},
  {"i8[1,8,8,8] q(1, 0)", "matmul %x, %n48", E0202, "has no quantization"},
  {"i8[1,8,8,8] q(1, 0)", "matmul %x, @w48, %n48", E0201, "only plain i8 and u8"},
  {"i8[1,8,8,4] q(1, 0)", "matmul %x, @w48", E0201, "must be i8[1,8,8,8]"},

  {"i32[1,6,6,8]", "conv2d %n, @wf", E0201, "weight @wf : f32[8,3,3,4]: expected i8 or u8"},
  {"i32[1,6,6,8]", "conv2d %n, @wn {act=relu}", E0201, "sums take no activation"},
  {"i8[1,6,6,8]", "conv2d %n, @wn", E0201, "expected i32"},
  {"i32[1,6,6,8]", "conv2d %n, @wn, @b7", E0201, "expected [8]"},
  {"i32[1,6,6,8]", "conv2d %n, @wn, _, @b", E0201, "zero point @b : i32[8] does not go with"},
  {"i32[1,6,6,8]", "conv2d %n, @wn, _, _, %n48", E0201, "zero point %n48"},
  {CONV_Y, "conv2d %x, @w, _, %n", E0201, "only plain i8 and u8 take zero points"},

  {"f32[1,10,8]", "conv_transpose2d %f, @wf", E0201, "expected rank 4"},
  {"f32[1,10,10,7]", "conv_transpose2d %f, @wf", E0201, "must be f32[1,10,10,8]"},
  {"f32[1,10,10,8]", "conv_transpose2d %f, @w", E0201, "expected f32"},
  {"f32[1,10,10,8]", "conv_transpose2d %f, @wf, @b", E0201, "expected f32"},
  {"f32[1,10,10,8]", "conv_transpose2d %f, @wf {stride=[0,1]}", E0201, "stride is 0"},
  {"f32[1,10,10,8]", "conv_transpose2d %f, @wf {dilation=[1,0]}", E0201, "dilation is 0"},
  {CONV_Y, "conv_transpose2d %x, @w", E0201, "expected f32"},

  {"f32[1,8,8,4]", "window_sum %f {window=[1,1]}", E0201, "window needs 4 elements"},
  {"f32[1,8,8,4]", "window_sum %f {stride=[1,1,1,0]}", E0201, "stride is 0"},
  {"f32[1,8,8,4]", "window_sum %f {after=[1,1,1,-1]}", E0201, "after is -1"},
  {"f32[1,8,8,4]", "window_sum %f {window=[1,3,1,1], dilation=[1,4,1,1]}", E0201, "dimension 1: the window spans more than the padded input's 8"},
  {"f32[1,8,8,4]", "window_sum %f {window=[1,2,1,1]}", E0201, "must be f32[1,7,8,4]"},
  {X_Y, "window_sum %x", E0202, "must not be quantized"},
  {"bool[1,8,8,4]", "window_max %t", E0201, "expected floats or integers"},
  {"i8[1,8,8,4] q(axis 3, {1, 2, 3, 4}, 0)", "window_max %c", E0202, "expected one scale"},
  {"i32[1,8,8,4]", "window_argmax %f", E0201, "expected i64"},

  {"f32[1,8,8,4]", "gather %f, %f", E0201, "indices %f : f32[1,8,8,4]: expected i32 or i64"},
  {"f32[8,8,4]", "gather %f, @b {axis=4}", E0201, "axis 4 is outside 0..3"},
  {"f32[1,8,8]", "gather %f, @b {axis=3}", E0201, "must be f32[1,8,8,8]"},
  {"f32[1]", "gather %f, @b6", E0302, "the output has more than 8 dimensions"},
  {"i8[1,8,8,8] q(0.1, 0)", "gather %c, @b {axis=3}", E0202, "expected one scale"},
  {"i8[1,8,8,4] q(0.1, 0)", "gather %z, @b {axis=2}", E0202, "must have the same quantization"},
  {"f32[8]", "gather_elements %f, @b", E0201, "indices @b : i32[8] do not lie within"},
  {"f32[8,8]", "gather_elements %m3, @i88 {axis=1}", E0201, "do not lie within"},
  {"f32[3,8]", "gather_elements %m3, @i38 {axis=2}", E0201, "axis 2 is outside 0..1"},
  {"i32[1,8,8,4]", "gather_elements %f, %i {axis=1}", E0201, "must have the same element type"},
  {"f32[8]", "gather_nd %f, @b", E0201, "the last dimension must be 1 to 4"},
  {"f32[8]", "gather_nd %m3, @i38 {batch_dims=2}", E0201, "do not share 2 batch dimensions"},
  {"f32[8]", "gather_nd %m3, @i88 {batch_dims=1}", E0201, "do not share 1 batch dimensions"},
  {"f32[3]", "gather_nd %m3, @i32", E0201, "must be f32[2]"},
  {"f32[3,8]", "scatter_elements %m3, @i38, %f", E0201, "updates %f : f32[1,8,8,4] do not go with"},
  {"f32[3,8]", "scatter_elements %m3, @i38, @i38", E0201, "must have the same element type"},
  {"i8[3,8] q(0.1, 0)", "scatter_elements %m, @i38, %m {reduction=add}", E0202, "must not be quantized"},
  {"bool[1,8,8,4]", "scatter_elements %t, %i, %t {reduction=max}", E0201, "expected floats or integers"},
  {"f32[3,8]", "scatter_nd %m3, @i32, %m3", E0201, "do not go with indices"},
  {"f32[3,8]", "scatter_nd %m3, @i38, %m3", E0201, "the last dimension must be 1 to 2"},
  {"f32[3,2];i64[3,2]", "topk %m3 {axis=2}", E0201, "axis 2 is outside 0..1"},
  {"f32[3,9];i64[3,9]", "topk %m3 {axis=1}", E0201, "9 of 8 elements"},
  {"f32[3,2];i32[3,2]", "topk %m3 {axis=1}", E0201, "expected i64 of the shape of"},
  {"f32[3,2];i64[3,3]", "topk %m3 {axis=1}", E0201, "expected i64 of the shape of"},
  {"f32[2,2];i64[2,2]", "topk %m3 {axis=1}", E0201, "expected i64 of the shape of"},
  {"bool[1,8,8,4];i64[1,8,8,4]", "topk %t", E0201, "expected floats or integers"},
  {"f32[3,9]", "broadcast %m3", E0201, "does not broadcast to"},
  {"f32[8]", "broadcast %m3", E0201, "does not broadcast to"},
  {"f16[2,3,8]", "broadcast %m3", E0201, "must have the same element type"},
};
/* clang-format on */

static const char *diagnostics(const Diag *d) {
  FILE *out = tmpfile();
  diag_print(d, out);
  size_t n = (size_t)ftell(out);
  rewind(out);
  char *text = arena_alloc(arena, n + 1);
  assert_int_equal(fread(text, 1, n, out), n);
  fclose(out);
  return text;
}

static Graph *parse(Diag *d, const char *text) {
  Graph *g = graph_parse(arena, d, "t.kiln", text, strlen(text));
  if (!g)
    fail_msg("%s\n%s", text, diagnostics(d));
  return g;
}

static Graph *graph_of(Diag *d, const Case *c) {
  Str s = str_new(arena);
  str_add(&s, prelude);
  const char *results = c->result;
  for (int i = 0; *results; i++) {
    size_t n = strcspn(results, ";");
    str_printf(&s, "%s%%y%d : %.*s", i ? ", " : "", i, (int)n, results);
    results += n + (results[n] != 0);
  }
  str_printf(&s, " = %s\noutput %%y0\n", c->op);
  return parse(d, str_cstr(&s));
}

static void each_op_refuses(void **state) {
  (void)state;
  bool seen[OP_COUNT] = {0};
  int wrong = 0;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const Case *c = &cases[i];
    Diag *d = diag_new(arena);
    Graph *g = graph_of(d, c);
    seen[g->last->kind] = true;
    bool refused = !graph_verify(g);
    const char *text = diagnostics(d);
    if (refused && diag_error_count(d) > 0 && strstr(text, c->words) &&
        strstr(text, diag_code_name(c->code)))
      continue;
    wrong++;
    print_error("%s = %s\ngives\n%sinstead of %s %s\n\n", c->result, c->op,
                text, diag_code_name(c->code), c->words);
  }
  assert_int_equal(wrong, 0);
  for (int k = 0; k < OP_COUNT; k++)
    if (!seen[k])
      fail_msg("no case for %s", op_info((OpKind)k)->name);
}

static void errors_have_place_and_line(void **state) {
  (void)state;
  Diag *d = diag_new(arena);
  Graph *g = parse(d, "model m\ninput %x : f32[4]\n"
                      "%y : f32[5] = relu %x loc(\"op 0 RELU 'y'\")\n"
                      "output %y\n");
  assert_false(graph_verify(g));
  assert_string_equal(diagnostics(d),
                      "t.kiln:3:1: op 0 RELU 'y': error E0201: relu: %y : "
                      "f32[5] must be f32[4]\n"
                      "  %y : f32[5] = relu %x loc(\"op 0 RELU 'y'\")\n");
}

/* All of them, each once: an unsound operand is its maker's fault. */
static void all_errors_are_told(void **state) {
  (void)state;
  Diag *d = diag_new(arena);
  Graph *g = parse(d, "model m\ninput %x : f32[0]\n"
                      "%a : f32[4] = relu %x\n"
                      "%b : i8[4] q(-1, 0) = relu %a\n"
                      "%c : i8[4] q(1, 0) = add %b, %a\n"
                      "%d : f32[5] = relu %a\n");
  assert_false(graph_verify(g));
  const char *text = diagnostics(d);
  assert_non_null(strstr(text, "%x : f32[0]: it has no elements"));
  assert_non_null(strstr(text, "scale 0 is -1"));
  assert_non_null(strstr(text, "%d : f32[5] must be f32[4]"));
  assert_non_null(strstr(text, "the model has no output"));
  assert_int_equal(diag_error_count(d), 4);
}

static void states(void **state) {
  (void)state;
  static const struct {
    const char *line, *words;
  } bad[] = {
      {"state %s : f32[5] -> %x", "its type is not that of the state"},
      {"state %s : f32[4] = %x -> %x", "is no constant of the type"},
      {"const @c : f32[5] = splat 0.0\nstate %s : f32[4] = @c -> %x",
       "is no constant of the type"},
  };
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    Diag *d = diag_new(arena);
    const char *text = arena_printf(
        arena, "model m\ninput %%x : f32[4]\n%s\noutput %%x\n", bad[i].line);
    assert_false(graph_verify(parse(d, text)));
    assert_non_null(strstr(diagnostics(d), bad[i].words));
  }
  Diag *d = diag_new(arena);
  Graph *g = parse(d, "model m\ninput %x : f32[4]\noutput %x\n");
  graph_state(g, "s", g->inputs.v[0]->type, NULL);
  assert_false(graph_verify(g));
  assert_non_null(strstr(diagnostics(d), "nothing is stored back"));
}

static void order(void **state) {
  (void)state;
  Diag *d = diag_new(arena);
  Graph *g = parse(d, "model m\ninput %x : f32[4]\n%a : f32[4] = relu %x\n"
                      "%b : f32[4] = relu %x\noutput %b\n");
  op_set_input(g->first, 0, g->last->out[0]);
  assert_false(graph_verify(g));
  assert_int_equal(diag_error_count(d), 1);
  assert_non_null(strstr(diagnostics(d), "%b : f32[4] is read before it is"));
}

/* Defects of ours are internal errors, not crashes. */
static void broken_invariants(void **state) {
  (void)state;
  static const char text[] = "model m\ninput %x : f32[4]\n"
                             "%a : f32[4] = relu %x\noutput %a\n";
  for (int i = 0; i < 5; i++) {
    Diag *d = diag_new(arena);
    Graph *g = parse(d, text);
    Value *x = g->inputs.v[0];
    if (i == 0)
      x->uses.n = 0;
    else if (i == 1)
      x->uses.v[0].index = 1;
    else if (i == 2)
      g->nop++;
    else if (i == 3)
      x->name = "a";
    else
      g->inputs.n = 0;
    assert_false(graph_verify(g));
    assert_int_equal(diag_exit_status(d), EXIT_INTERNAL);
  }
}

/* Extents at the limits of what types may have; nothing wraps around. */
static void hostile_sizes(void **state) {
  (void)state;
  Diag *d = diag_new(arena);
  Graph *g = parse(
      d, "model m\n"
         "input %x : i8[1,1048576,1048576,1] q(1, 0)\n"
         "input %w : i8[1,1048576,1048576,1] q(1, 0)\n"
         "input %v : i8[1099511627776,1] q(1, 0)\n"
         "%a : i8[1,1,1,1] q(1, 0) = conv2d %x, %w "
         "{ dilation=[2147483647,2147483647], pad=[2147483647,2147483647,"
         "2147483647,2147483647] }\n"
         "%b : i8[1,1] q(1, 0) = fully_connected %x, %v\n"
         "%c : i8[1,2097152,1048576,1] q(1, 0) = concat %x, %w { axis=1 }\n"
         "output %b\n");
  assert_false(graph_verify(g));
  assert_int_equal(diag_error_count(d), 4);
  for (Op *op = g->first; op; op = op->next)
    assert_true(op_macs(op) >= 0);
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(each_op_refuses),
      TEST(errors_have_place_and_line),
      TEST(all_errors_are_told),
      TEST(states),
      TEST(order),
      TEST(broken_invariants),
      TEST(hostile_sizes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
