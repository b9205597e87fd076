/* Models of one TFLite operator each that becomes several ops, and what they
 * compute on fixed inputs: with LiteRT's reference kernels (ELU: with its
 * optimized ones). Shared by the tests of the TFLite importer. */
#ifndef KILN_TESTS_TFLITE_FLOAT_MODELS_H
#define KILN_TESTS_TFLITE_FLOAT_MODELS_H

#include "tests/tflite_models.h"

enum { MOST = 36 };

static inline int number(Tb *b, const char *name, float x) {
  return T(.name = name, .type = TFL_FLOAT32, .data = &x, .bytes = 4);
}

/* --- one operator each -------------------------------------------------- */

static inline void unary(Tb *b, int code) {
  int x = tb_input(b, F32("x", 2, 3));
  tb_op(b, code, 1, 0, IN(x), OUT(tb_output(b, F32("y", 2, 3))));
}

static inline void elu(Tb *b) { unary(b, TFL_ELU); }
static inline void hard_swish(Tb *b) { unary(b, TFL_HARD_SWISH); }
static inline void log_softmax(Tb *b) { unary(b, TFL_LOG_SOFTMAX); }
static inline void l2_norm(Tb *b) { unary(b, TFL_L2_NORMALIZATION); }
static inline void relu_n1_1(Tb *b) { unary(b, TFL_RELU_N1_TO_1); }

static inline void gelu_by(Tb *b, int tanh_form) {
  int x = tb_input(b, F32("x", 2, 3));
  tb_set(OP(GELU, 1, Gelu, IN(x), OUT(tb_output(b, F32("y", 2, 3)))), 0,
         tanh_form, 1);
}
static inline void gelu(Tb *b) { gelu_by(b, 0); }
static inline void gelu_tanh(Tb *b) { gelu_by(b, 1); }

static inline void binary(Tb *b, int code, int type) {
  int x = tb_input(b, T(.name = "a", .type = type, DIMS(2, 3)));
  int z = tb_input(b, T(.name = "b", .type = type, DIMS(3)));
  int y = tb_output(b, T(.name = "y", .type = type, DIMS(2, 3)));
  tb_op(b, code, 1, 0, IN(x, z), OUT(y));
}

static inline void floor_div(Tb *b) { binary(b, TFL_FLOOR_DIV, TFL_INT32); }
static inline void floor_mod(Tb *b) { binary(b, TFL_FLOOR_MOD, TFL_INT32); }
static inline void squared_difference(Tb *b) {
  binary(b, TFL_SQUARED_DIFFERENCE, TFL_FLOAT32);
}
static inline void prelu(Tb *b) { binary(b, TFL_PRELU, TFL_FLOAT32); }

static inline void div_relu(Tb *b) {
  int x = tb_input(b, F32("a", 2, 3)), z = tb_input(b, F32("b", 3));
  tb_set(OP(DIV, 1, Div, IN(x, z), OUT(tb_output(b, F32("y", 2, 3)))), 0, 1, 1);
}

/* A condition of rank 1 chooses rows. */
static inline void select_rows(Tb *b) {
  int c = tb_input(b, T(.name = "c", .type = TFL_BOOL, DIMS(2)));
  int x = tb_input(b, F32("a", 2, 3)), z = tb_input(b, F32("b", 2, 3));
  OP(SELECT, 1, ANY, IN(c, x, z), OUT(tb_output(b, F32("y", 2, 3))));
}

static inline void batch_matmul(Tb *b) {
  int x = tb_input(b, F32("a", 2, 2, 3)), z = tb_input(b, F32("b", 4, 3));
  TbObj *o = OP(BATCH_MATMUL, 1, BatchMatMul, IN(x, z),
                OUT(tb_output(b, F32("y", 2, 2, 4))));
  tb_set(o, 1, 1, 1);
}

static inline void transpose_conv(Tb *b) {
  int shape = INTS("shape", 1, 4, 4, 1), x = tb_input(b, F32("x", 1, 2, 2, 1));
  static const float taps[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
  int w = T(.name = "w", .type = TFL_FLOAT32, DIMS(1, 3, 3, 1), .data = taps,
            .bytes = 36);
  TbObj *o = OP(TRANSPOSE_CONV, 1, TransposeConv, IN(shape, w, x),
                OUT(tb_output(b, F32("y", 1, 4, 4, 1))));
  tb_set(o, 0, TFL_SAME, 1);
  tb_set(o, 1, 2, 4);
  tb_set(o, 2, 2, 4);
}

static inline void bilinear(Tb *b, int align, int half) {
  int x = tb_input(b, F32("x", 1, 2, 3, 1)), size = INTS("size", 3, 4);
  TbObj *o = OP(RESIZE_BILINEAR, 3, ResizeBilinear, IN(x, size),
                OUT(tb_output(b, F32("y", 1, 3, 4, 1))));
  tb_set(o, 2, align, 1);
  tb_set(o, 3, half, 1);
}
static inline void bilinear_plain(Tb *b) { bilinear(b, 0, 0); }
static inline void bilinear_align(Tb *b) { bilinear(b, 1, 0); }
static inline void bilinear_half(Tb *b) { bilinear(b, 0, 1); }

static inline void gather_batch(Tb *b) {
  int x = tb_input(b, F32("x", 2, 2, 3, 2));
  int i = T(.name = "i", .type = TFL_INT32, DIMS(2, 2), DATA(2, 0, 1, 1));
  TbObj *o =
      OP(GATHER, 5, Gather, IN(x, i), OUT(tb_output(b, F32("y", 2, 2, 2, 2))));
  tb_set(o, 0, 2, 4);
  tb_set(o, 1, 1, 4);
}

static inline void one_hot(Tb *b) {
  int x = tb_input(b, T(.name = "x", .type = TFL_INT32, DIMS(2, 2)));
  int depth = T(.name = "depth", .type = TFL_INT32, DATA(3));
  int on = number(b, "on", 5), off = number(b, "off", -1);
  TbObj *o = OP(ONE_HOT, 1, OneHot, IN(x, depth, on, off),
                OUT(tb_output(b, F32("y", 2, 3, 2))));
  tb_set(o, 0, 1, 4);
}

static inline void topk(Tb *b) {
  int x = tb_input(b, F32("x", 2, 6));
  int k = T(.name = "k", .type = TFL_INT32, DATA(3));
  int values = F32("v", 2, 3);
  int y = tb_output(b, T(.name = "y", .type = TFL_INT32, DIMS(2, 3)));
  OP(TOPK_V2, 1, ANY, IN(x, k), OUT(values, y));
}

static inline void space_to_batch(Tb *b) {
  int x = tb_input(b, F32("x", 1, 2, 3, 1)), block = INTS("block", 2, 2);
  int pads = T(.name = "pads", .type = TFL_INT32, DIMS(2, 2), DATA(0, 0, 1, 0));
  OP(SPACE_TO_BATCH_ND, 1, ANY, IN(x, block, pads),
     OUT(tb_output(b, F32("y", 4, 1, 2, 1))));
}

static inline void batch_to_space(Tb *b) {
  int x = tb_input(b, F32("x", 4, 1, 2, 1)), block = INTS("block", 2, 2);
  int cut = T(.name = "cut", .type = TFL_INT32, DIMS(2, 2), DATA(0, 0, 1, 0));
  OP(BATCH_TO_SPACE_ND, 1, ANY, IN(x, block, cut),
     OUT(tb_output(b, F32("y", 1, 2, 3, 1))));
}

static inline void depth_to_space(Tb *b) {
  int x = tb_input(b, F32("x", 1, 1, 2, 8));
  TbObj *o = OP(DEPTH_TO_SPACE, 1, DepthToSpace, IN(x),
                OUT(tb_output(b, F32("y", 1, 2, 4, 2))));
  tb_set(o, 0, 2, 4);
}

static inline void mirror(Tb *b, int symmetric) {
  int x = tb_input(b, F32("x", 2, 3));
  int by = T(.name = "by", .type = TFL_INT32, DIMS(2, 2), DATA(1, 0, 2, 1));
  TbObj *o = OP(MIRROR_PAD, 1, MirrorPad, IN(x, by),
                OUT(tb_output(b, F32("y", 3, 6))));
  tb_set(o, 0, symmetric, 1);
}
static inline void mirror_reflect(Tb *b) { mirror(b, 0); }
static inline void mirror_symmetric(Tb *b) { mirror(b, 1); }

static inline void tile(Tb *b) {
  int x = tb_input(b, F32("x", 2, 3)), n = INTS("n", 2, 3);
  OP(TILE, 1, ANY, IN(x, n), OUT(tb_output(b, F32("y", 4, 9))));
}

static inline void l2_pool(Tb *b) {
  int x = tb_input(b, F32("x", 1, 2, 3, 1));
  TbObj *o =
      OP(L2_POOL_2D, 1, Pool2D, IN(x), OUT(tb_output(b, F32("y", 1, 2, 2, 1))));
  tb_set(o, 0, TFL_SAME, 1);
  tb_set(o, 1, 2, 4);
  tb_set(o, 2, 1, 4);
  tb_set(o, 3, 3, 4);
  tb_set(o, 4, 2, 4);
}

/* The new shape is computed: [shape(x)[1], -1]. */
static inline void shape_arithmetic(Tb *b) {
  int x = tb_input(b, F32("x", 2, 3)),
      shape = T(.name = "s", .type = TFL_INT32, DIMS(2));
  int begin = INTS("begin", 1), end = INTS("end", 2), one = INTS("one", 1);
  int rows = T(.name = "rows", .type = TFL_INT32);
  int rest = T(.name = "rest", .type = TFL_INT32, DATA(-1));
  int packed = T(.name = "packed", .type = TFL_INT32, DIMS(2));
  OP(SHAPE, 1, ANY, IN(x), OUT(shape));
  TbObj *o =
      OP(STRIDED_SLICE, 1, StridedSlice, IN(shape, begin, end, one), OUT(rows));
  tb_set(o, 4, 1, 4);
  tb_set(OP(PACK, 1, Pack, IN(rows, rest), OUT(packed)), 0, 2, 4);
  OP(RESHAPE, 1, Reshape, IN(x, packed), OUT(tb_output(b, F32("y", 3, 2))));
}

/* i8 weights under float activations; the rows differ in their range. */
static int8_t weights[64];

static inline void hybrid_dense(Tb *b, int asymmetric, int scales) {
  for (int i = 0; i < 64; i++)
    weights[i] = (int8_t)((i * 53) % 251 - 125);
  int x = tb_input(b, F32("x", 2, 6));
  int w = T(.name = "w", .type = TFL_INT8, .scale = 0.01f, .nscale = scales,
            DIMS(3, 6), .data = weights, .bytes = 18);
  static const float bias[] = {0.5f, -0.25f, 2};
  int c =
      T(.name = "c", .type = TFL_FLOAT32, DIMS(3), .data = bias, .bytes = 12);
  TbObj *o = OP(FULLY_CONNECTED, 9, FullyConnected, IN(x, w, c),
                OUT(tb_output(b, F32("y", 2, 3))));
  tb_set(o, 3, asymmetric, 1);
}
static inline void hybrid_symmetric(Tb *b) { hybrid_dense(b, 0, 1); }
static inline void hybrid_asymmetric(Tb *b) { hybrid_dense(b, 1, 1); }

static inline void hybrid_conv(Tb *b, int scales) {
  for (int i = 0; i < 64; i++)
    weights[i] = (int8_t)((i * 53) % 251 - 125);
  int x = tb_input(b, F32("x", 2, 2, 3, 1));
  int w = T(.name = "w", .type = TFL_INT8, .scale = 0.01f, .nscale = scales,
            DIMS(2, 3, 3, 1), .data = weights, .bytes = 18);
  static const float bias[] = {0.5f, -0.25f};
  int c =
      T(.name = "c", .type = TFL_FLOAT32, DIMS(2), .data = bias, .bytes = 8);
  TbObj *o = OP(CONV_2D, 5, Conv2D, IN(x, w, c),
                OUT(tb_output(b, F32("y", 2, 2, 3, 2))));
  tb_set(o, 1, 1, 4);
  tb_set(o, 2, 1, 4);
}
static inline void hybrid_conv_tensor(Tb *b) { hybrid_conv(b, 1); }
static inline void hybrid_conv_channel(Tb *b) { hybrid_conv(b, 2); }

/* Weights in half precision. */
static inline void half_weights(Tb *b) {
  int x = tb_input(b, F32("x", 2, 3));
  static const uint16_t half[] = {0x3c00, 0xc100, 0x3555}; /* 1 -2.5 1/3 */
  int h =
      T(.name = "h", .type = TFL_FLOAT16, DIMS(3), .data = half, .bytes = 6);
  int k = F32("k", 3);
  OP(DEQUANTIZE, 3, ANY, IN(h), OUT(k));
  OP(MUL, 1, Mul, IN(x, k), OUT(tb_output(b, F32("y", 2, 3))));
}

typedef struct Computed {
  const char *name;
  void (*build)(Tb *b);
  double y[MOST]; /* of the only output, row-major */
} Computed;

/* clang-format off */
static const Computed computed[] = {
#define CASE(f, ...) {#f, f, {__VA_ARGS__}},
        CASE(elu, -0.747160435, 0.375, -0.527633429, 1, -0.117503099,
         -0.713495195)
        CASE(hard_swish, -0.372395843, 0.2109375, -0.28125, 0.666666687,
         -0.0598958321, -0.364583343)
        CASE(log_softmax, -2.15441561, -0.404415518, -1.52941549, -0.3577106,
         -1.4827106, -2.6077106)
        CASE(l2_norm, -0.853765547, 0.232845157, -0.465690315, 0.622799158,
         -0.0778498948, -0.778498948)
        CASE(relu_n1_1, -1, 0.375, -0.75, 1, -0.125, -1)
        CASE(gelu, -0.116277874, 0.242313668, -0.169970542, 0.841344714,
         -0.0562827215, -0.132062256)
        CASE(gelu_tanh, -0.116511412, 0.242307767, -0.170039445, 0.841192007,
         -0.0562827997, -0.132285774)
        CASE(floor_div, 0, 2, 2, 0, 1, 1)
        CASE(floor_mod, 0, 0, 0, 1, 0, 0)
        CASE(squared_difference, 0.015625, 0.015625, 0.015625, 5.0625,
         0.390625, 0.390625)
        CASE(prelu, 1.71875, 0.375, 0.46875, 1, -0.0625, 0.78125)
        CASE(div_relu, 1.10000002, 0.75, 1.20000005, 0, 0, 2)
        CASE(select_rows, -1.125, 0.625, -0.5, 1.25, 0.125, -1)
        CASE(batch_matmul, 2.375, -0.703125, -1.984375, -1.109375, -0.53125,
         2.53125, -0.875, -0.6875, -1.640625, -0.703125, 2.03125, 1.53125,
         -0.953125, -0.703125, 1.34375, 1.59375)
        CASE(transpose_conv, -1.375, -2.75, -3.75, 0.75, -5.5, -6.875, -6.75,
         1.875, -10.375, -12.5, -11, 5, -3, -3.75, -0.5, 5)
        CASE(bilinear_plain, -1.375, -0.0625, -0.1875, -0.75, 0.208333373,
         0.0833333433, -0.520833373, -1.08333337, 1, 0.15625, -0.6875,
         -1.24999988)
        CASE(bilinear_align, -1.375, -0.208333313, -4.47034836e-08, -0.75,
         -0.1875, 0.0208333321, -0.25000006, -1, 1, 0.24999997, -0.50000006,
         -1.25)
        CASE(bilinear_half, -1.375, -0.28125, -0.0468750037, -0.75, -0.1875,
         0.0078125, -0.296875, -1, 1, 0.296875, -0.546875, -1.24999988)
        CASE(gather_batch, -0.125, -1.25, -1.375, 0.375, -1.125, 0.625, 0.5,
         -0.625, 0.125, -1, 0.125, -1, -0.875, 0.875, -0.875, 0.875)
        CASE(one_hot, 5, -1, -1, -1, -1, 5, -1, -1, -1, 5, 5, -1)
        CASE(topk, 3, 1, 4, 2, 5, 0)
        CASE(space_to_batch, 0, 0.375, -1.375, -0.75, 0, -0.125, 1, -1.25)
        CASE(batch_to_space, -0.75, 0.375, 1, 0.5, -1.25, -0.625)
        CASE(depth_to_space, -1.375, 0.375, -0.75, 1, 1.125, 0, -1.125, 0.625,
         -0.125, -1.25, 0.5, -0.625, -0.5, 1.25, 0.125, -1)
        CASE(mirror_reflect, -1.25, -0.125, 1, -0.125, -1.25, -0.125, -0.75,
         0.375, -1.375, 0.375, -0.75, 0.375, -1.25, -0.125, 1, -0.125, -1.25,
         -0.125)
        CASE(mirror_symmetric, 0.375, -1.375, -1.375, 0.375, -0.75, -0.75,
         0.375, -1.375, -1.375, 0.375, -0.75, -0.75, -0.125, 1, 1, -0.125,
         -1.25, -1.25)
        CASE(tile, -1.375, 0.375, -0.75, -1.375, 0.375, -0.75, -1.375, 0.375,
         -0.75, 1, -0.125, -1.25, 1, -0.125, -1.25, 1, -0.125, -1.25, -1.375,
         0.375, -0.75, -1.375, 0.375, -0.75, -1.375, 0.375, -0.75, 1, -0.125,
         -1.25, 1, -0.125, -1.25, 1, -0.125, -1.25)
        CASE(hybrid_symmetric, 3.69552183, 1.84985232, 0.177962542,
         -1.55786419, 0.848248124, 3.43061018)
        CASE(hybrid_asymmetric, 3.71696091, 1.84186268, 0.161470532,
         -1.56082368, 0.838823557, 3.42579412)
        CASE(hybrid_conv_tensor, -1.2290355, -0.995423257, 0.0225393474,
         -2.07203746, 0.116515726, -0.197706699, 2.42878938, 1.38516736,
         3.69552183, -3.10036421, -0.56318903, 0.073720485, 1.08969498,
         -0.924468517, -0.769124031, 1.1806103, 1.88596463, 1.13596463,
         1.51108277, -1.74819887, -1.55786419, 0.391870081, 0.640846491,
         -1.68778551)
        CASE(hybrid_conv_channel, -1.22071087, -1.75602949, 0.0218333006,
         -3.92705894, 0.102955878, -0.168598041, 2.42309809, 3.05357838,
         3.71696091, -5.93453932, -0.549470663, 0.396745086, 1.0950588,
         -1.58270586, -0.761147022, 2.60158825, 1.8805294, 2.51105881,
         1.50076473, -3.25176477, -1.56082368, 1.04652953, 0.640294135,
         -3.11429429)
        CASE(half_weights, -1.375, -0.9375, -0.249938965, 1, 0.3125,
         -0.416564941)
    CASE(shape_arithmetic, -1.375, 0.375, -0.75, 1, -0.125, -1.25)
        CASE(l2_pool, 0.872765005, 0.755190372, 0.712609649, 0.888291895)
#undef CASE
};
/* clang-format on */

enum { COMPUTED_COUNT = sizeof computed / sizeof *computed };

#endif
