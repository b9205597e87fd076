/* ir/exec.h: the ops of quantized models on cases worked out by hand. */
#include "tests/eval_case.h"

#include <math.h>
#include <string.h>

/* 2x2 input {2,3,4,5} under 2x2 weights {1,2,3,-4}, padded at the end. */
#define CONV_X "const @x : i8[1,2,2,1] q(1.0, -1) = {1, 2, 3, 4}\n"
#define CONV_W "const @w : i8[1,2,2,1] q(0.5, 0) = {1, 2, 3, -4}\n"
#define CONV_B "const @b : i32[1] = {10}\n"
#define CONV_2                                                                 \
  "const @x : i8[1,1,2,1] q(1.0, 0) = {5, -5}\n"                               \
  "const @w : i8[1,1,1,1] q(0.5, 0) = {1}\n"                                   \
  "%y : i8[1,1,2,1] q(1.0, 0) = conv2d @x, @w"

static void conv(void **state) {
  (void)state;
  static const Case cases[] = {
      /* acc 0 18 14 5, bias 10, halved (7.5 up), plus 5 */
      {CONV_X CONV_W CONV_B "%y : i8[1,2,2,1] q(1.0, 5) = conv2d @x, @w, @b "
                            "{ pad=[0,1,0,1] }" Y,
       4,
       {10, 19, 17, 13}},
      {CONV_X CONV_W "%y : i8[1,2,2,1] q(1.0, -128) = conv2d @x, @w "
                     "{ pad=[0,1,0,1], act=relu6 }" Y,
       4,
       {-128, -122, -122, -125}},
      /* 2.5 and -2.5 under each rounding */
      {CONV_2 Y, 2, {3, -2}},
      {CONV_2 " { rounding=tflm }" Y, 2, {3, -2}},
      {CONV_2 " { rounding=onnx }" Y, 2, {2, -2}},
      {CONV_2 " { rounding=single }" Y, 2, {3, -2}},
      /* stride 2, dilation 2 over 5 columns: taps 2 apart */
      {"const @x : i8[1,1,5,1] q(1.0, 0) = {1, 2, 3, 4, 5}\n"
       "const @w : i8[1,1,2,1] q(1.0, 0) = {10, 1}\n"
       "%y : i8[1,1,2,1] q(1.0, 0) = conv2d @x, @w "
       "{ stride=[1,2], dilation=[1,2] }" Y,
       2,
       {13, 35}},
      /* two groups, a scale each */
      {"const @x : i8[1,1,1,4] q(1.0, 0) = {1, 2, 3, 4}\n"
       "const @w : i8[2,1,1,2] q(axis 0, {1.0, 2.0}, 0) = {1, 1, 1, 1}\n"
       "%y : i8[1,1,1,2] q(1.0, 0) = conv2d @x, @w" Y,
       2,
       {3, 14}},
      /* zero points at both ends: (x - 255)(w - 255) */
      {"const @x : u8[1,1,1,2] q(1.0, 255) = {0, 254}\n"
       "const @w : u8[1,1,1,2] q(1.0, 255) = {0, 255}\n"
       "%y : u8[1,1,1,1] q(510.0, 0) = conv2d @x, @w" Y,
       1,
       {128}},
      {"const @x : i16[1,1,1,2] q(1.0, 0) = {-32768, 32767}\n"
       "const @w : i8[1,1,1,2] q(1.0, 0) = {-128, -128}\n"
       "const @b : i64[1] = {1000000}\n"
       "%y : i16[1,1,1,1] q(64.0, 0) = conv2d @x, @w, @b" Y,
       1,
       {15627}},
      {"const @x : f32[1,1,2,1] = {1.5, -2.0}\n"
       "const @w : f32[2,1,1,1] = {2.0, 0.5}\n"
       "const @b : f32[2] = {0.25, 0.0}\n"
       "%y : f32[1,1,2,2] = conv2d @x, @w, @b { act=relu }" Y,
       4,
       {3.25, 0.75, 0, 0}},
  };
  RUN(cases);
}

static void depthwise(void **state) {
  (void)state;
  static const Case cases[] = {
      /* multiplier 2: outputs 0, 1 read channel 0 */
      {"const @x : i8[1,1,2,2] q(1.0, 0) = {1, 2, 3, 4}\n"
       "const @w : i8[1,1,2,4] q(1.0, 0) = {1, 2, 3, 4, 5, 6, 7, 8}\n"
       "%y : i8[1,1,1,4] q(1.0, 0) = depthwise_conv2d @x, @w" Y,
       4,
       {16, 20, 34, 40}},
      {"const @x : i8[1,1,2,2] q(1.0, 1) = {2, 3, 4, 5}\n"
       "const @w : i8[1,1,2,2] q(axis 3, {1.0, 0.5}, 0) = {1, 2, 3, 4}\n"
       "%y : i8[1,1,2,2] q(1.0, 0) = depthwise_conv2d @x, @w "
       "{ pad=[0,0,1,0] }" Y,
       4,
       {3, 4, 10, 10}},
      {"const @x : f32[1,1,1,2] = {1.0, -2.0}\n"
       "const @w : f32[1,1,1,2] = {0.5, 0.5}\n"
       "%y : f32[1,1,1,2] = depthwise_conv2d @x, @w" Y,
       2,
       {0.5, -1}},
  };
  RUN(cases);
}

#define DENSE_2                                                                \
  "const @x : i8[2,1] q(1.0, 0) = {5, -5}\n"                                   \
  "const @w : i8[1,1] q(0.5, 0) = {1}\n"                                       \
  "%y : i8[2,1] q(1.0, 0) = fully_connected @x, @w"

static void dense(void **state) {
  (void)state;
  static const Case cases[] = {
      {DENSE_2 Y, 2, {3, -3}}, /* away from zero */
      {DENSE_2 " { rounding=tflm }" Y, 2, {3, -2}},
      {DENSE_2 " { rounding=onnx }" Y, 2, {2, -2}},
      {DENSE_2 " { rounding=single }" Y, 2, {3, -2}},
      {"const @x : u8[1,3] q(1.0, 128) = {0, 128, 255}\n"
       "const @w : u8[2,3] q(1.0, 1) = {1, 2, 3, 0, 0, 0}\n"
       "const @b : i32[2] = {0, -1}\n"
       "%y : u8[1,2] q(1.0, 0) = fully_connected @x, @w, @b { act=relu6 }" Y,
       2,
       {6, 0}},
      {"const @x : f32[1,2] = {1.0, 2.0}\n"
       "const @w : f32[2,2] = {1.0, 10.0, -1.0, 0.25}\n"
       "const @b : f32[2] = {0.5, 0.0}\n"
       "%y : f32[1,2] = fully_connected @x, @w, @b" Y,
       2,
       {21.5, -0.5}},
  };
  RUN(cases);
}

static void binary(void **state) {
  (void)state;
  static const Case cases[] = {
      {"const @a : i8[2,2] q(0.5, 0) = {1, 2, 3, 4}\n"
       "const @b : i8[2] q(1.0, 1) = {1, 3}\n"
       "%y : i8[2,2] q(0.5, -1) = add @a, @b" Y,
       4,
       {0, 5, 2, 7}},
      {"const @a : i8[2] q(0.5, 0) = {127, -128}\n"
       "%y : i8[2] q(0.5, 0) = add @a, @a { act=relu }" Y,
       2,
       {127, 0}},
      {"const @a : u8[1,2] q(1.0, 0) = {5, 7}\n"
       "const @b : u8[2,1] q(1.0, 0) = {1, 9}\n"
       "%y : u8[2,2] q(1.0, 100) = sub @a, @b" Y,
       4,
       {104, 106, 96, 98}},
      {"const @a : i16[2] q(1.0, 0) = {-32768, 300}\n"
       "const @b : i16[2] q(1.0, 0) = {-32768, 200}\n"
       "%y : i16[2] q(2.0, 0) = add @a, @b" Y,
       2,
       {-32768, 250}},
      {"const @a : i8[3] q(0.5, -1) = {2, -128, 127}\n"
       "const @b : i8[3] q(0.5, 0) = {4, -128, 127}\n"
       "%y : i8[3] q(1.0, 10) = mul @a, @b" Y,
       3,
       {13, 127, 127}},
      {"const @a : i8[2] q(0.5, 0) = {5, -5}\n"
       "const @b : i8[1] q(1.0, 0) = {1}\n"
       "%y : i8[2] q(1.0, 0) = mul @a, @b { rounding=onnx }" Y,
       2,
       {2, -2}},
      {"const @a : f32[2] = {1.5, -2.0}\n"
       "const @b : f32[1] = {4.0}\n"
       "%y : f32[2] = mul @a, @b { act=relu6 }" Y,
       2,
       {6, 0}},
      {"const @a : f32[2] = {1.5, -2.0}\n"
       "const @b : f32[1] = {4.0}\n"
       "%y : f32[2] = sub @b, @a" Y,
       2,
       {2.5, 6}},
      {"const @a : f32[2] = {1.5, -2.0}\n"
       "%y : f32[2] = add @a, @a { act=relu_n1_1 }" Y,
       2,
       {1, -1}},
  };
  RUN(cases);
}

#define POOL_X "const @x : i8[1,2,3,1] q(1.0, 0) = {1, 2, 4, -5, -6, -8}\n"

static void pools(void **state) {
  (void)state;
  static const Case cases[] = {
      /* 1.5 -> 2, -5.5 -> -6: away from zero */
      {POOL_X "%y : i8[1,2,2,1] q(1.0, 0) = avg_pool2d @x "
              "{ window=[1,2] }" Y,
       4,
       {2, 3, -6, -7}},
      /* padding is not counted */
      {POOL_X "%y : i8[1,2,2,1] q(1.0, 0) = avg_pool2d @x "
              "{ window=[2,2], stride=[1,2], pad=[1,0,1,0] }" Y,
       4,
       {1, 3, -2, -2}},
      {POOL_X "%y : i8[1,1,2,1] q(1.0, 0) = max_pool2d @x "
              "{ window=[2,2] }" Y,
       2,
       {2, 4}},
      {POOL_X "%y : i8[1,2,3,1] q(1.0, 0) = max_pool2d @x { act=relu }" Y,
       6,
       {1, 2, 4, 0, 0, 0}},
      {"const @x : f32[1,1,2,1] = {1.0, 2.0}\n"
       "%y : f32[1,1,1,1] = avg_pool2d @x { window=[1,2] }" Y,
       1,
       {1.5}},
      {"const @x : f32[1,1,2,1] = {-1.0, -2.0}\n"
       "%y : f32[1,1,1,1] = max_pool2d @x { window=[1,2] }" Y,
       1,
       {-1}},
  };
  RUN(cases);
}

static void means(void **state) {
  (void)state;
  static const Case cases[] = {
      {"const @x : i8[1,2,2,2] q(0.5, 1) = {1, 2, 3, 4, 5, 6, 7, 8}\n"
       "%y : i8[1,2] q(0.5, -1) = mean @x { axes=[1,2] }" Y,
       2,
       {2, 3}},
      {"const @x : i8[2,3] q(1.0, 0) = {1, 2, 3, -1, -2, -3}\n"
       "%y : i8[2,1] q(0.5, 0) = mean @x { axes=[1] }" Y,
       2,
       {4, -4}},
      {"const @x : u8[2,2] q(1.0, 255) = {0, 0, 0, 0}\n"
       "%y : u8[] q(1.0, 255) = mean @x { axes=[1,0] }" Y,
       1,
       {0}},
      {"const @x : f32[2,2] = {1.0, 2.0, 3.0, 5.0}\n"
       "%y : f32[2] = mean @x { axes=[0] }" Y,
       2,
       {2, 3.5}},
  };
  RUN(cases);
}

static void softmaxes(void **state) {
  (void)state;
  static const Case cases[] = {
      {"const @x : i8[2,2] q(1.0, 0) = {3, 3, 127, -128}\n"
       "%y : i8[2,2] q(0.00390625, -128) = softmax @x" Y,
       4,
       {0, 0, 127, -128}},
      /* 1 : e^-1 = 0.731 : 0.269 */
      {"const @x : u8[1,2] q(0.5, 9) = {2, 0}\n"
       "%y : u8[1,2] q(0.00390625, 0) = softmax @x" Y,
       2,
       {187, 69}},
      {"const @x : u8[1,2] q(0.5, 9) = {2, 0}\n"
       "%y : u8[1,2] q(0.00390625, 0) = softmax @x { beta=2.0 }" Y,
       2,
       {225, 31}},
      {"const @x : i16[1,4] q(0.001, 0) = {5, 5, 5, 5}\n"
       "%y : i16[1,4] q(3.0517578e-05, 0) = softmax @x" Y,
       4,
       {8192, 8192, 8192, 8192}},
      {"const @x : f32[1,2] = {3.0, 3.0}\n"
       "%y : f32[1,2] = softmax @x" Y,
       2,
       {0.5, 0.5}},
  };
  RUN(cases);
}

static void sigmoidals(void **state) {
  (void)state;
  static const Case cases[] = {
      /* 256 / (1 + e^-x): 128, 187.2, 68.8, 256 saturated */
      {"const @x : i8[4] q(0.25, 0) = {0, 4, -4, 127}\n"
       "%y : i8[4] q(0.00390625, -128) = logistic @x" Y,
       4,
       {0, 59, -59, 127}},
      /* 128 tanh(x): 0, 97.48, -97.48, 128 saturated */
      {"const @x : u8[4] q(0.25, 128) = {128, 132, 124, 255}\n"
       "%y : u8[4] q(0.0078125, 128) = tanh @x" Y,
       4,
       {128, 225, 31, 255}},
      {"const @x : i16[3] q(0.000244140625, 0) = {0, 32767, -32768}\n"
       "%y : i16[3] q(3.0517578e-05, 0) = logistic @x" Y,
       3,
       {16384, 32757, 11}},
      {"const @x : i16[3] q(0.001, 0) = {0, 32767, -32768}\n"
       "%y : i16[3] q(3.0517578e-05, 0) = tanh @x" Y,
       3,
       {0, 32767, -32767}},
      {"const @x : f32[3] = {0.0, inf, -inf}\n"
       "%y : f32[3] = logistic @x" Y,
       3,
       {0.5, 1, 0}},
      {"const @x : f32[3] = {0.0, inf, nan}\n"
       "%y : f32[3] = tanh @x" Y,
       3,
       {0, 1, (double)NAN}},
  };
  RUN(cases);
}

static void piecewise(void **state) {
  (void)state;
  static const Case cases[] = {
      {"const @x : i8[3] q(1.0, 0) = {-7, 3, 127}\n"
       "%y : i8[3] q(0.5, -10) = relu @x" Y,
       3,
       {-10, -4, 127}},
      {"const @x : u8[3] q(1.0, 2) = {0, 5, 255}\n"
       "%y : u8[3] q(0.5, 10) = relu6 @x" Y,
       3,
       {10, 16, 22}},
      {"const @x : i8[3] q(1.0, 0) = {-8, 8, -1}\n"
       "%y : i8[3] q(1.0, 1) = leaky_relu @x { alpha=0.25 }" Y,
       3,
       {-1, 9, 1}},
      {"const @x : i8[2] q(1.0, 0) = {-8, 8}\n"
       "%y : i8[2] q(1.0, 0) = leaky_relu @x { alpha=-0.5 }" Y,
       2,
       {4, 8}},
      {"const @x : f32[3] = {-1.0, 7.0, 2.0}\n"
       "%y : f32[3] = relu6 @x" Y,
       3,
       {0, 6, 2}},
      {"const @x : f32[2] = {-1.0, 7.0}\n"
       "%y : f32[2] = relu @x" Y,
       2,
       {0, 7}},
      {"const @x : f32[2] = {-1.0, 7.0}\n"
       "%y : f32[2] = leaky_relu @x { alpha=0.5 }" Y,
       2,
       {-0.5, 7}},
  };
  RUN(cases);
}

static void conversions(void **state) {
  (void)state;
  static const Case cases[] = {
      {"const @x : f32[8] = {0.25, -0.25, 0.75, 1e30, -inf, nan, 63.6, -0.0}\n"
       "%y : i8[8] q(0.5, 1) = quantize @x" Y,
       8,
       {2, 0, 3, 127, -128, 1, 127, 1}},
      {"const @x : f32[2,2] = {1.0, 1.0, -1.0, -1.0}\n"
       "%y : u8[2,2] q(axis 1, {0.5, 0.25}, {10, 0}) = quantize @x" Y,
       4,
       {12, 4, 8, 0}},
      {"const @x : i8[3] q(1.0, 0) = {-128, 1, 127}\n"
       "%y : u8[3] q(1.0, 128) = quantize @x" Y,
       3,
       {0, 129, 255}},
      {"const @x : i8[3] q(1.0, 0) = {-3, 1, 3}\n"
       "%y : i8[3] q(2.0, 0) = quantize @x" Y,
       3,
       {-1, 1, 2}},
      {"const @x : u8[2] q(0.5, 3) = {0, 255}\n"
       "%y : f32[2] = dequantize @x" Y,
       2,
       {-1.5, 126}},
      {"const @x : i32[2] q(axis 0, {0.5, 0.25}, 0) = {-3, 2147483647}\n"
       "%y : f32[2] = dequantize @x" Y,
       2,
       {-1.5, 536870912}},
  };
  RUN(cases);
}

static void moves(void **state) {
  (void)state;
  static const Case cases[] = {
      {"const @x : i8[2,2] q(1.0, 7) = {1, 2, 3, 4}\n"
       "%y : i8[3,4] q(1.0, 7) = pad @x "
       "{ before=[1,0], after=[0,2], value=7 }" Y,
       12,
       {7, 7, 7, 7, 1, 2, 7, 7, 3, 4, 7, 7}},
      {"const @x : i8[2,3] = {1, 2, 3, 4, 5, 6}\n"
       "%y : i8[3,2] = reshape @x" Y,
       6,
       {1, 2, 3, 4, 5, 6}},
      {"const @x : i8[2,3] = {1, 2, 3, 4, 5, 6}\n"
       "%y : i8[3,2] = transpose @x { perm=[1,0] }" Y,
       6,
       {1, 4, 2, 5, 3, 6}},
      {"const @x : i4[2,3] = {1, 2, 3, -4, -5, -6}\n"
       "%y : i4[3,2] = transpose @x { perm=[1,0] }" Y,
       6,
       {1, -4, 2, -5, 3, -6}},
      {"const @x : f64[4] = {1.0, 2.0, 3.0, 4.0}\n"
       "%y : f64[2] = strided_slice @x { begin=[3], stride=[-2] }" Y,
       2,
       {4, 2}},
      {"const @x : i8[2,3] = {1, 2, 3, 4, 5, 6}\n"
       "%z : i8[2,1], %y : i8[2,2] = split @x { axis=1 }" Y,
       4,
       {2, 3, 5, 6}},
      {"const @x : i8[1,2,2,1] = {1, 2, 3, 4}\n"
       "%y : i8[1,3,3,1] = resize_nearest @x" Y,
       9,
       {1, 1, 2, 1, 1, 2, 3, 3, 4}},
      {"const @x : i8[1,1,3,1] = {1, 2, 3}\n"
       "%y : i8[1,1,2,1] = resize_nearest @x { half_pixel_centers=true }" Y,
       2,
       {1, 3}},
      {"const @x : i8[1,1,3,1] = {1, 2, 3}\n"
       "%y : i8[1,1,2,1] = resize_nearest @x { align_corners=true }" Y,
       2,
       {1, 3}},
      {"const @x : i8[2,1] q(1.0, 0) = {1, 2}\n"
       "const @z : i8[2,2] q(1.0, 0) = {3, 4, 5, 6}\n"
       "%y : i8[2,3] q(1.0, 0) = concat @x, @z { axis=1 }" Y,
       6,
       {1, 3, 4, 2, 5, 6}},
      /* 0.5 (x - 2) + 10, ties away from zero before the zero point */
      {"const @x : u8[4] q(0.5, 2) = {0, 1, 3, 255}\n"
       "%y : u8[4] q(1.0, 10) = concat @x { axis=0 }" Y,
       4,
       {9, 9, 11, 137}},
  };
  RUN(cases);
}

/* --- the executor ------------------------------------------------------ */

/* A counter: state += input, saturating; reset goes back to the start. */
static void states(void **state) {
  (void)state;
  Arena *a = arena_new();
  Graph *g = parse(a, "input %x : i8[1] q(1.0, 0)\n"
                      "const @start : i8[1] q(1.0, 0) = {100}\n"
                      "state %s : i8[1] q(1.0, 0) = @start -> %sum\n"
                      "%sum : i8[1] q(1.0, 0) = add %s, %x\n"
                      "output %sum\n"
                      "output %s\n");
  Executor *e = interp_new(g, NULL, NULL);
  int8_t x = 10, sum, before;
  static const int8_t want[] = {110, 120, 127, 127};
  for (int turn = 0; turn < 2; turn++) {
    for (int i = 0; i < 4; i++) {
      assert_true(e->run(e, (const void *[]){&x}, (void *[]){&sum, &before}));
      assert_int_equal(sum, want[i]);
      assert_int_equal(before, i ? want[i - 1] : 100);
    }
    e->reset(e);
  }
  e->free(e);
  arena_free(a);
}

/* Without an initial value a state starts at its zero point. */
static void fresh_state(void **state) {
  (void)state;
  Arena *a = arena_new();
  Graph *g = parse(a, "input %x : u8[3] q(1.0, 9)\n"
                      "state %s : u8[3] q(1.0, 9) -> %x\n"
                      "output %s\n");
  Executor *e = interp_new(g, NULL, NULL);
  const uint8_t x[] = {1, 2, 3}, nine[] = {9, 9, 9};
  uint8_t y[3];
  assert_true(e->run(e, (const void *[]){x}, (void *[]){y}));
  assert_memory_equal(y, nine, 3);
  assert_true(e->run(e, (const void *[]){x}, (void *[]){y}));
  assert_memory_equal(y, x, 3);
  e->free(e);
  arena_free(a);
}

static void count_op(void *ctx, const Op *op, void *const *out) {
  int *seen = ctx;
  assert_int_equal(op->kind, *seen == 0 ? OP_relu : OP_split);
  assert_int_equal(*(int8_t *)out[op->nout - 1], *seen == 0 ? 0 : 4);
  ++*seen;
}

static void observer(void **state) {
  (void)state;
  Arena *a = arena_new();
  Graph *g = parse(a, "input %x : i8[2] q(1.0, 0)\n"
                      "%r : i8[2] q(1.0, 0) = relu %x\n"
                      "%a : i8[1] q(1.0, 0), %b : i8[1] q(1.0, 0) = split %r\n"
                      "output %x\n"
                      "output %b\n");
  int seen = 0;
  Executor *e = interp_new(g, count_op, &seen);
  const int8_t x[] = {-3, 4};
  int8_t y[2], b;
  assert_true(e->run(e, (const void *[]){x}, (void *[]){y, &b}));
  assert_int_equal(seen, 2);
  assert_memory_equal(y, x, 2);
  assert_int_equal(b, 4);
  e->free(e);
  arena_free(a);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(conv),        cmocka_unit_test(depthwise),
      cmocka_unit_test(dense),       cmocka_unit_test(binary),
      cmocka_unit_test(pools),       cmocka_unit_test(means),
      cmocka_unit_test(softmaxes),   cmocka_unit_test(sigmoidals),
      cmocka_unit_test(piecewise),   cmocka_unit_test(conversions),
      cmocka_unit_test(moves),       cmocka_unit_test(states),
      cmocka_unit_test(fresh_state), cmocka_unit_test(observer),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
