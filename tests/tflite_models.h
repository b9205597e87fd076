/* Models of one operator each, in memory, and what they are in the IR; shared
 * by the tests of the TFLite importer. */
#ifndef KILN_TESTS_TFLITE_MODELS_H
#define KILN_TESTS_TFLITE_MODELS_H

#include <string.h>

#include "frontend/frontend.h"
#include "frontend/tflite/schema.h"
#include "ir/exec.h"
#include "ir/text.h"
#include "tests/testing.h"
#include "tests/tflite_builder.h"

#define COUNT(...) (sizeof((int32_t[]){__VA_ARGS__}) / sizeof(int32_t))
#define DIMS(...) .rank = (int)COUNT(__VA_ARGS__), .dim = {__VA_ARGS__}
#define T(...) tb_tensor(b, &(TbTensor){__VA_ARGS__})
#define I8(n, s, z, ...)                                                       \
  T(.name = n, .type = TFL_INT8, .scale = s, .zero = z, DIMS(__VA_ARGS__))
#define U8(n, s, z, ...)                                                       \
  T(.name = n, .type = TFL_UINT8, .scale = s, .zero = z, DIMS(__VA_ARGS__))
#define F32(n, ...) T(.name = n, .type = TFL_FLOAT32, DIMS(__VA_ARGS__))
#define DATA(...)                                                              \
  .data = (const int32_t[]){__VA_ARGS__}, .bytes = 4 * COUNT(__VA_ARGS__)
#define INTS(n, ...)                                                           \
  T(.name = n, .type = TFL_INT32, DIMS((int32_t)COUNT(__VA_ARGS__)),           \
    DATA(__VA_ARGS__))
#define LIST(...) (const int32_t[]){__VA_ARGS__}, COUNT(__VA_ARGS__)
#define OP(code, version, options, in, out)                                    \
  tb_op(b, TFL_##code, version, TFL_OPTIONS_##options, in, out)
#define IN(...) LIST(__VA_ARGS__)
#define OUT(...) LIST(__VA_ARGS__)

static const uint8_t zeros[4096];

/* --- one function an operator ------------------------------------------- */

/* Per-channel weights; the quantized dimension of the 1-D bias names none
 * that it has, as in some files, and is not looked at. */
static inline void conv_like(Tb *b, const char *name, int stride, int dilation,
                             int padding, int act, int size) {
  char x[32], w[32], c[32], y[32];
  snprintf(x, sizeof x, "%s_x", name);
  snprintf(w, sizeof w, "%s_w", name);
  snprintf(c, sizeof c, "%s_c", name);
  snprintf(y, sizeof y, "%s_y", name);
  int in = tb_input(b, I8(x, 0.5f, 3, 1, 7, 8, 2));
  int weight = T(.name = w, .type = TFL_INT8, .scale = 0.25f, .nscale = 4,
                 DIMS(4, 3, 2, 2), .data = zeros, .bytes = 48);
  int bias = T(.name = c, .type = TFL_INT32, .scale = 0.125f, .nscale = 4,
               .axis = 3, DIMS(4), .data = zeros, .bytes = 16);
  int out = tb_output(b, I8(y, 1, -128, 1, size / 10, size % 10, 4));
  TbObj *o = OP(CONV_2D, 3, Conv2D, IN(in, weight, bias), OUT(out));
  tb_set(o, 0, padding, 1);
  tb_set(o, 1, stride, 4);
  tb_set(o, 2, stride + 1, 4);
  tb_set(o, 3, act, 1);
  if (dilation > 1) {
    tb_set(o, 4, dilation, 4);
    tb_set(o, 5, dilation, 4);
  }
}

static inline void conv_same(Tb *b) {
  conv_like(b, "cs", 1, 1, TFL_SAME, 1, 48);
}
static inline void conv_valid(Tb *b) {
  conv_like(b, "cv", 2, 1, TFL_VALID, 3, 24);
}
static inline void conv_dilated(Tb *b) {
  conv_like(b, "cd", 1, 2, TFL_SAME, 2, 48);
}

/* Multiplier 2, a zero point in the weights. */
static inline void depthwise(Tb *b) {
  int x = tb_input(b, U8("dw_x", 0.5f, 128, 1, 4, 4, 2));
  int w = T(.name = "dw_w", .type = TFL_UINT8, .scale = 0.25f, .zero = 7,
            DIMS(1, 2, 2, 4), .data = zeros, .bytes = 16);
  int c = T(.name = "dw_c", .type = TFL_INT32, .scale = 0.125f, DIMS(4),
            .data = zeros, .bytes = 16);
  int y = tb_output(b, U8("dw_y", 1, 128, 1, 2, 2, 4));
  TbObj *o = OP(DEPTHWISE_CONV_2D, 2, DepthwiseConv2D, IN(x, w, c), OUT(y));
  tb_set(o, 0, TFL_SAME, 1);
  tb_set(o, 1, 2, 4);
  tb_set(o, 2, 2, 4);
  tb_set(o, 3, 2, 4);
}

static inline void dense(Tb *b) {
  int x = tb_input(b, I8("fc_x", 0.5f, 3, 2, 2, 3));
  int w = T(.name = "fc_w", .type = TFL_INT8, .scale = 0.25f, DIMS(5, 6),
            .data = zeros, .bytes = 30);
  int y = tb_output(b, I8("fc_y", 1, 0, 2, 5));
  TbObj *o = OP(FULLY_CONNECTED, 4, FullyConnected, IN(x, w, -1), OUT(y));
  tb_set(o, 0, 3, 1);
}

static inline void dense_float(Tb *b) {
  int x = tb_input(b, F32("ff_x", 2, 6));
  int w = T(.name = "ff_w", .type = TFL_FLOAT32, DIMS(5, 6), .data = zeros,
            .bytes = 120);
  int c = T(.name = "ff_c", .type = TFL_FLOAT32, DIMS(5), .data = zeros,
            .bytes = 20);
  int y = tb_output(b, F32("ff_y", 2, 5));
  OP(FULLY_CONNECTED, 1, FullyConnected, IN(x, w, c), OUT(y));
}

static inline void add(Tb *b) {
  int x = tb_input(b, I8("add_a", 0.5f, 3, 1, 4));
  int k = T(.name = "add_b", .type = TFL_INT8, .scale = 0.25f, DIMS(1),
            .data = zeros, .bytes = 1);
  int y = tb_output(b, I8("add_y", 1, 0, 1, 4));
  tb_set(OP(ADD, 2, Add, IN(x, k), OUT(y)), 0, 1, 1);
}

static inline void sub(Tb *b) {
  int x = tb_input(b, F32("sub_a", 1, 4)), k = tb_input(b, F32("sub_b", 4));
  OP(SUB, 1, Sub, IN(x, k), OUT(tb_output(b, F32("sub_y", 1, 4))));
}

static inline void mul(Tb *b) {
  int x = tb_input(b, I8("mul_a", 0.5f, 3, 1, 4));
  int y = tb_output(b, I8("mul_y", 1, 0, 1, 4));
  tb_set(OP(MUL, 2, Mul, IN(x, x), OUT(y)), 0, 3, 1);
}

static inline void pool(Tb *b, int code, int padding, int x, int y) {
  TbObj *o = tb_op(b, code, 2, TFL_OPTIONS_Pool2D, IN(x), OUT(y));
  tb_set(o, 0, padding, 1);
  tb_set(o, 1, 2, 4);
  tb_set(o, 2, 1, 4);
  tb_set(o, 3, 3, 4);
  tb_set(o, 4, 2, 4);
}

static inline void avg_pool(Tb *b) {
  int x = tb_input(b, I8("ap_x", 0.5f, 3, 1, 4, 6, 2));
  pool(b, TFL_AVERAGE_POOL_2D, TFL_SAME, x,
       tb_output(b, I8("ap_y", 0.5f, 3, 1, 4, 3, 2)));
}

static inline void max_pool(Tb *b) {
  int x = tb_input(b, F32("mp_x", 1, 4, 6, 2));
  pool(b, TFL_MAX_POOL_2D, TFL_VALID, x, tb_output(b, F32("mp_y", 1, 3, 2, 2)));
}

static inline void mean(Tb *b) {
  int x = tb_input(b, I8("mean_x", 0.5f, 3, 1, 4, 6, 2));
  int axes = INTS("mean_axes", -2, 1, 2);
  OP(MEAN, 2, ANY, IN(x, axes), OUT(tb_output(b, I8("mean_y", 1, 0, 1, 2))));
}

static inline void softmax(Tb *b) {
  int x = tb_input(b, I8("sm_x", 0.5f, 3, 1, 10));
  int y = tb_output(b, I8("sm_y", 1.0f / 256, -128, 1, 10));
  tb_set_f32(OP(SOFTMAX, 2, Softmax, IN(x), OUT(y)), 0, 0.5f);
}

static inline void unary_i8(Tb *b, int code, const char *x, const char *y,
                            float scale, int zero) {
  int in = tb_input(b, I8(x, 0.5f, 3, 1, 4));
  tb_op(b, code, 1, 0, IN(in), OUT(tb_output(b, I8(y, scale, zero, 1, 4))));
}

static inline void logistic(Tb *b) {
  unary_i8(b, TFL_LOGISTIC, "lo_x", "lo_y", 1.0f / 256, -128);
}
static inline void tanh_(Tb *b) {
  unary_i8(b, TFL_TANH, "th_x", "th_y", 1.0f / 128, 0);
}
static inline void relu(Tb *b) {
  unary_i8(b, TFL_RELU, "re_x", "re_y", 0.5f, 3);
}
static inline void relu6(Tb *b) {
  unary_i8(b, TFL_RELU6, "r6_x", "r6_y", 0.5f, 3);
}

static inline void leaky_relu(Tb *b) {
  int x = tb_input(b, I8("lr_x", 0.5f, 3, 1, 4));
  int y = tb_output(b, I8("lr_y", 0.25f, 1, 1, 4));
  tb_set_f32(OP(LEAKY_RELU, 2, LeakyRelu, IN(x), OUT(y)), 0, 0.2f);
}

static inline void pad(Tb *b) {
  int x = tb_input(b, I8("pad_x", 0.5f, 3, 1, 4));
  int by = T(.name = "pad_by", .type = TFL_INT32, DIMS(2, 2), DATA(0, 1, 2, 3));
  OP(PAD, 2, ANY, IN(x, by), OUT(tb_output(b, I8("pad_y", 0.5f, 3, 2, 9))));
}

static inline void padv2(Tb *b) {
  int x = tb_input(b, I8("p2_x", 0.5f, 3, 4));
  int by = T(.name = "p2_by", .type = TFL_INT64, DIMS(1, 2), DATA(1, 0, 2, 0));
  int with = T(.name = "p2_with", .type = TFL_INT8, .scale = 0.5f, .zero = 3,
               .data = "\xf9", .bytes = 1);
  OP(PADV2, 1, ANY, IN(x, by, with), OUT(tb_output(b, I8("p2_y", 0.5f, 3, 7))));
}

static inline void reshape(Tb *b) {
  int x = tb_input(b, I8("rs_x", 0.5f, 3, 2, 6));
  int to = INTS("rs_to", -1, 3);
  OP(RESHAPE, 1, Reshape, IN(x, to),
     OUT(tb_output(b, I8("rs_y", 0.5f, 3, 4, 3))));
}

static inline void reshape_plain(Tb *b) {
  int x = tb_input(b, F32("rp_x", 2, 6));
  OP(RESHAPE, 1, ANY, IN(x), OUT(tb_output(b, F32("rp_y", 12))));
}

static inline void squeeze(Tb *b) {
  int x = tb_input(b, I8("sq_x", 0.5f, 3, 1, 6, 1));
  int y = tb_output(b, I8("sq_y", 0.5f, 3, 1, 6));
  TbObj *o = OP(SQUEEZE, 1, Squeeze, IN(x), OUT(y));
  tb_set_obj(o, 0, tb_bytes(b->arena, LIST(-1), 4));
}

static inline void expand_dims(Tb *b) {
  int x = tb_input(b, I8("ed_x", 0.5f, 3, 2, 6)), axis = INTS("ed_axis", -2);
  OP(EXPAND_DIMS, 1, ANY, IN(x, axis),
     OUT(tb_output(b, I8("ed_y", 0.5f, 3, 2, 1, 6))));
}

static inline void transpose(Tb *b) {
  int x = tb_input(b, I8("tr_x", 0.5f, 3, 2, 3, 4));
  int perm = INTS("tr_perm", 2, 0, -2);
  OP(TRANSPOSE, 2, ANY, IN(x, perm),
     OUT(tb_output(b, I8("tr_y", 0.5f, 3, 4, 2, 3))));
}

static inline void concat(Tb *b) {
  int x = tb_input(b, U8("cc_a", 0.5f, 3, 2, 3));
  int k = tb_input(b, U8("cc_b", 0.25f, 4, 2, 1));
  int y = tb_output(b, U8("cc_y", 0.5f, 3, 2, 7));
  tb_set(OP(CONCATENATION, 1, Concatenation, IN(x, k, x), OUT(y)), 0, -1, 4);
}

static inline void split(Tb *b) {
  int axis = T(.name = "sp_axis", .type = TFL_INT32, DATA(-1));
  int x = tb_input(b, I8("sp_x", 0.5f, 3, 2, 6));
  int y0 = tb_output(b, I8("sp_y", 0.5f, 3, 2, 3));
  int y1 = tb_output(b, I8("sp_z", 0.5f, 3, 2, 3));
  tb_set(OP(SPLIT, 1, Split, IN(axis, x), OUT(y0, y1)), 0, 2, 4);
}

/* x[:, 5:0:-2, 1]: begin is masked, stride negative, the last dropped */
static inline void strided_slice(Tb *b) {
  int x = tb_input(b, I8("ss_x", 0.5f, 3, 2, 6, 3));
  int begin = INTS("ss_begin", 1, 5, 1), end = INTS("ss_end", 2, 0, 9);
  int stride = INTS("ss_stride", 1, -2, 1);
  int y = tb_output(b, I8("ss_y", 0.5f, 3, 2, 3));
  TbObj *o =
      OP(STRIDED_SLICE, 2, StridedSlice, IN(x, begin, end, stride), OUT(y));
  tb_set(o, 0, 1, 4);
  tb_set(o, 4, 4, 4);
}

/* x[..., None, -3:] of a spec with three entries on a rank of two */
static inline void slice_ellipsis(Tb *b) {
  int x = tb_input(b, F32("se_x", 2, 6));
  int begin = INTS("se_begin", 0, 0, -3), end = INTS("se_end", 0, 0, 0);
  int stride = INTS("se_stride", 1, 1, 1);
  int y = tb_output(b, F32("se_y", 2, 1, 3));
  TbObj *o =
      OP(STRIDED_SLICE, 1, StridedSlice, IN(x, begin, end, stride), OUT(y));
  tb_set(o, 1, 4, 4);
  tb_set(o, 2, 1, 4);
  tb_set(o, 3, 2, 4);
}

static inline void quantize(Tb *b) {
  int x = tb_input(b, F32("qu_x", 1, 4));
  OP(QUANTIZE, 1, ANY, IN(x), OUT(tb_output(b, I8("qu_y", 0.5f, 3, 1, 4))));
}

static inline void requantize(Tb *b) {
  int x = tb_input(b, U8("rq_x", 0.5f, 131, 1, 4));
  OP(QUANTIZE, 1, ANY, IN(x), OUT(tb_output(b, I8("rq_y", 0.5f, 3, 1, 4))));
}

static inline void dequantize(Tb *b) {
  int x = tb_input(b, I8("dq_x", 0.5f, 3, 1, 4));
  OP(DEQUANTIZE, 2, ANY, IN(x), OUT(tb_output(b, F32("dq_y", 1, 4))));
}

static inline void resize(Tb *b) {
  int x = tb_input(b, I8("rn_x", 0.5f, 3, 1, 2, 3, 1));
  int size = INTS("rn_size", 4, 6);
  int y = tb_output(b, I8("rn_y", 0.5f, 3, 1, 4, 6, 1));
  TbObj *o = OP(RESIZE_NEAREST_NEIGHBOR, 2, ResizeNearestNeighbor, IN(x, size),
                OUT(y));
  tb_set(o, 1, 1, 1);
}

typedef struct Case {
  void (*build)(Tb *b);
  const char *ir; /* the ops in the text form, without locations */
} Case;

/* clang-format off */
static const Case cases[] = {
    {conv_same,
     "%cs_y : i8[1,4,8,4] q(1.0, -128) = conv2d %cs_x, @cs_w, @cs_c "
     "{ stride=[2,1], pad=[1,1,0,1], act=relu }\n"},
    {conv_valid,
     "%cv_y : i8[1,2,4,4] q(1.0, -128) = conv2d %cv_x, @cv_w, @cv_c "
     "{ stride=[3,2], act=relu6 }\n"},
    {conv_dilated,
     "%cd_y : i8[1,4,8,4] q(1.0, -128) = conv2d %cd_x, @cd_w, @cd_c "
     "{ stride=[2,1], dilation=[2,2], pad=[2,2,1,1], act=relu_n1_1 "
     "}\n"},
    {depthwise,
     "%dw_y : u8[1,2,2,4] q(1.0, 128) = depthwise_conv2d %dw_x, "
     "@dw_w, @dw_c { stride=[2,2] }\n"},
    {dense,
     "%fc_y : i8[2,5] q(1.0, 0) = fully_connected %fc_x, @fc_w { "
     "act=relu6 }\n"},
    {dense_float,
     "%ff_y : f32[2,5] = fully_connected %ff_x, @ff_w, @ff_c\n"},
    {add,
     "%add_y : i8[1,4] q(1.0, 0) = add %add_a, @add_b { act=relu }\n"},
    {sub,
     "%sub_y : f32[1,4] = sub %sub_a, %sub_b\n"},
    {mul,
     "%mul_y : i8[1,4] q(1.0, 0) = mul %mul_a, %mul_a { act=relu6 }\n"},
    {avg_pool,
     "%ap_y : i8[1,4,3,2] q(0.5, 3) = avg_pool2d %ap_x { "
     "window=[2,3], stride=[1,2], pad=[0,1,0,1] }\n"},
    {max_pool,
     "%mp_y : f32[1,3,2,2] = max_pool2d %mp_x { window=[2,3], "
     "stride=[1,2] }\n"},
    {mean,
     "%mean_y : i8[1,2] q(1.0, 0) = mean %mean_x { axes=[1,2] }\n"},
    {softmax,
     "%sm_y : i8[1,10] q(0.00390625, -128) = softmax %sm_x { "
     "beta=0.5 }\n"},
    {logistic,
     "%lo_y : i8[1,4] q(0.00390625, -128) = logistic %lo_x\n"},
    {tanh_,
     "%th_y : i8[1,4] q(0.0078125, 0) = tanh %th_x\n"},
    {relu,
     "%re_y : i8[1,4] q(0.5, 3) = relu %re_x\n"},
    {relu6,
     "%r6_y : i8[1,4] q(0.5, 3) = relu6 %r6_x\n"},
    {leaky_relu,
     "%lr_y : i8[1,4] q(0.25, 1) = leaky_relu %lr_x { alpha=0.2 }\n"},
    {pad,
     "%pad_y : i8[2,9] q(0.5, 3) = pad %pad_x { before=[0,2], "
     "after=[1,3], value=3 }\n"},
    {padv2,
     "%p2_y : i8[7] q(0.5, 3) = pad %p2_x { before=[1], after=[2], "
     "value=-7 }\n"},
    {reshape,
     "%rs_y : i8[4,3] q(0.5, 3) = reshape %rs_x\n"},
    {reshape_plain,
     "%rp_y : f32[12] = reshape %rp_x\n"},
    {squeeze,
     "%sq_y : i8[1,6] q(0.5, 3) = reshape %sq_x\n"},
    {expand_dims,
     "%ed_y : i8[2,1,6] q(0.5, 3) = reshape %ed_x\n"},
    {transpose,
     "%tr_y : i8[4,2,3] q(0.5, 3) = transpose %tr_x { perm=[2,0,1] "
     "}\n"},
    {concat,
     "%cc_y : u8[2,7] q(0.5, 3) = concat %cc_a, %cc_b, %cc_a { "
     "axis=1 }\n"},
    {split,
     "%sp_y : i8[2,3] q(0.5, 3), %sp_z : i8[2,3] q(0.5, 3) = split "
     "%sp_x { axis=1 }\n"},
    {strided_slice,
     "%\"ss_y/slice\" : i8[2,3,1] q(0.5, 3) = strided_slice %ss_x { "
     "begin=[0,5,1], stride=[1,-2,1] }\n"
     "%ss_y : i8[2,3] q(0.5, 3) = reshape %\"ss_y/slice\"\n"},
    {slice_ellipsis,
     "%\"se_y/slice\" : f32[2,3] = strided_slice %se_x { begin=[0,3], "
     "stride=[1,1] }\n"
     "%se_y : f32[2,1,3] = reshape %\"se_y/slice\"\n"},
    {quantize,
     "%qu_y : i8[1,4] q(0.5, 3) = quantize %qu_x\n"},
    {requantize,
     "%rq_y : i8[1,4] q(0.5, 3) = quantize %rq_x\n"},
    {dequantize,
     "%dq_y : f32[1,4] = dequantize %dq_x\n"},
    {resize,
     "%rn_y : i8[1,4,6,1] q(0.5, 3) = resize_nearest %rn_x { "
     "half_pixel_centers=true }\n"},
};
/* clang-format on */

enum { CASE_COUNT = sizeof cases / sizeof *cases };

static inline void build_all(Tb *b) {
  for (int i = 0; i < CASE_COUNT; i++)
    cases[i].build(b);
}

/* --- running ------------------------------------------------------------ */

/* A model under import. The file is a block of exactly its bytes, so that
 * the sanitizers see any overrun. */
typedef struct Run {
  Arena *arena;
  Diag *diag;
  Tb *model;
  uint8_t *data;
  size_t bytes;
  Graph *graph;
} Run;

static inline Run run_new(void) {
  Arena *a = arena_new();
  return (Run){.arena = a, .diag = diag_new(a), .model = tb_new(a)};
}

static inline void run_import(Run *r) {
  Str s = tb_model(r->model);
  r->data = malloc(s.n);
  r->bytes = s.n;
  memcpy(r->data, s.s, s.n);
  r->graph = importer_tflite.import(r->arena, r->diag, "dir/m.tflite", r->data,
                                    r->bytes, NULL);
}

static inline const char *run_messages(Run *r) {
  char *text;
  size_t n;
  FILE *out = open_memstream(&text, &n);
  diag_print(r->diag, out);
  fclose(out);
  const char *copy = arena_strdup(r->arena, text);
  free(text);
  return copy;
}

/* Imports the model, which must succeed, and computes it with the interpreter:
 * its only output, on what `fill` makes input number k. */
static inline const void *run_compute(Run *r, void (*fill)(const Type *t, int k,
                                                           void *data)) {
  run_import(r);
  assert_string_equal(run_messages(r), "");
  const Graph *g = r->graph;
  const void **in = ARENA_ARRAY(r->arena, const void *, g->inputs.n);
  for (int i = 0; i < g->inputs.n; i++) {
    const Type *t = g->inputs.v[i]->type;
    void *data = arena_alloc(r->arena, (size_t)type_bytes(t));
    fill(t, i, data);
    in[i] = data;
  }
  void *out = arena_alloc(r->arena, (size_t)type_bytes(g->outputs.v[0]->type));
  Executor *e = interp_new(g, NULL, NULL);
  assert_true(e->run(e, in, &out));
  e->free(e);
  return out;
}

static inline void run_free(Run *r) {
  free(r->data);
  arena_free(r->arena);
}

#endif
