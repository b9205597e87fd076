/* export/onnx: graphs written as ONNX and read back by Kiln's own importer
 * compute what they computed, and written again are the same file. */
#include "export/onnx.h"

#include <math.h>
#include <string.h>

#include "export/onnx/wire.h"
#include "frontend/frontend.h"
#include "ir/element.h"
#include "ir/exec.h"
#include "ir/text.h"
#include "passes/pass.h"
#include "tests/unit/fixture.h"

/* --- the writer -------------------------------------------------------- */

#define EXPECT_BYTES(m, ...)                                                   \
  do {                                                                         \
    static const unsigned char want[] = {__VA_ARGS__};                         \
    assert_int_equal((m).n, sizeof want);                                      \
    assert_memory_equal((m).s, want, sizeof want);                             \
  } while (0)

static void fields(void **state) {
  (void)state;
  Str m = str_new(arena), inner = str_new(arena);
  wire_int(&m, 1, 300);
  wire_string(&m, 16, "ab"); /* a tag of two bytes */
  EXPECT_BYTES(m, 0x08, 0xac, 0x02, 0x82, 0x01, 2, 'a', 'b');
  wire_float(&inner, 2, 1.0f);
  m.n = 0;
  wire_message(&m, 5, &inner);
  EXPECT_BYTES(m, 0x2a, 5, 0x15, 0, 0, 0x80, 0x3f);
  m.n = 0;
  wire_int(&m, 3, -1); /* ten bytes, as int64 */
  EXPECT_BYTES(m, 0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
               1);
}

static void nodes(void **state) {
  (void)state;
  Str graph = str_new(arena);
  static const char *const in[] = {"x", ""}, *const out[] = {"y"};
  Attr a = A_INT("k", 2);
  graph_add_node(&graph, "Op", 2, in, 1, out, 1, &a);
  EXPECT_BYTES(graph, 0x0a, 25, 0x0a, 1, 'x', 0x0a, 0, 0x12, 1, 'y', 0x1a, 1,
               'y', 0x22, 2, 'O', 'p', 0x2a, 8, 0x0a, 1, 'k', 0x18, 2, 0xa0, 1,
               2);
}

static void tensors(void **state) {
  (void)state;
  Str graph = str_new(arena);
  static const int64_t dim[] = {2, 1};
  static const unsigned char data[] = {7, 9};
  graph_add_tensor(&graph, "w", DT_u8, 2, dim, data, sizeof data);
  EXPECT_BYTES(graph, 0x2a, 13, 0x08, 2, 0x08, 1, 0x10, 2, 0x42, 1, 'w', 0x4a,
               2, 7, 9);
}

/* --- there and back ---------------------------------------------------- */

static Graph *parse(const char *text) {
  Graph *g = graph_parse(arena, diag, "case.kiln", text, strlen(text));
  if (!g || !graph_verify(g)) {
    diag_print(diag, stderr);
    fail_msg("bad case: %s", text);
  }
  return g;
}

static Str written(const Graph *g) {
  Str bytes = str_new(arena);
  if (!onnx_export(diag, g, &bytes)) {
    diag_print(diag, stderr);
    fail_msg("not written");
  }
  return bytes;
}

static Graph *imported(const Str *bytes) {
  static const ImportOptions opt = {.rounding = ROUND_COUNT};
  Graph *g =
      importer_onnx.import(arena, diag, "case.onnx",
                           (const uint8_t *)str_cstr(bytes), bytes->n, &opt);
  if (!g || !graph_verify(g)) {
    diag_print(diag, stderr);
    fail_msg("not read back");
  }
  return g;
}

static double element(const Type *t, const void *data, int64_t i) {
  uint64_t bits = element_load(t->dtype, data, i);
  if (dtype_is_float(t->dtype))
    return element_to_double(t->dtype, bits);
  return dtype_is_signed(t->dtype) ? (double)element_to_int(t->dtype, bits)
                                   : (double)bits;
}

/* An input of type t: floats of -2 to 2 in steps of 1/32, any integers. */
static void *random_input(const Type *t, uint64_t *seed) {
  int64_t n = type_count(t);
  void *data = arena_alloc(arena, (size_t)type_bytes(t));
  for (int64_t i = 0; i < n; i++) {
    uint64_t r = test_random(seed) >> 20;
    double f = (double)(r % 129) / 32 - 2;
    element_store(t->dtype, data, i,
                  dtype_is_float(t->dtype) ? element_from_double(t->dtype, f)
                  : t->dtype == DT_bool    ? r & 1
                  : dtype_bits(t->dtype) > 16
                      ? r % 2
                      : r & ((1u << dtype_bits(t->dtype)) - 1));
  }
  return data;
}

static void **run(const Graph *g, const void *const *in) {
  void **out = ARENA_ARRAY(arena, void *, g->outputs.n);
  for (int i = 0; i < g->outputs.n; i++)
    out[i] = arena_alloc(arena, (size_t)type_bytes(g->outputs.v[i]->type));
  Executor *e = interp_new(g, NULL, NULL);
  assert_true(e->run(e, in, out));
  e->free(e);
  return out;
}

/* Outputs may differ by `within` times their largest; types and names are
 * what they were. */
static void compare(const Graph *g, const Graph *h, double within) {
  uint64_t seed = 7;
  const void **in = ARENA_ARRAY(arena, const void *, g->inputs.n);
  assert_int_equal(g->inputs.n, h->inputs.n);
  for (int i = 0; i < g->inputs.n; i++) {
    assert_string_equal(g->inputs.v[i]->name, h->inputs.v[i]->name);
    in[i] = random_input(g->inputs.v[i]->type, &seed);
  }
  void **want = run(g, in), **got = run(h, in);
  for (int i = 0; i < g->outputs.n; i++) {
    const Type *t = g->outputs.v[i]->type, *u = h->outputs.v[i]->type;
    assert_string_equal(g->outputs.v[i]->name, h->outputs.v[i]->name);
    assert_true(t->dtype == u->dtype && type_same_shape(t, u));
    double largest = 0;
    for (int64_t k = 0; k < type_count(t); k++)
      largest = fmax(largest, fabs(element(t, want[i], k)));
    for (int64_t k = 0; k < type_count(t); k++) {
      double a = element(t, want[i], k), b = element(t, got[i], k);
      if (fabs(a - b) > within * largest || isnan(a) != isnan(b))
        fail_msg("[%lld]: %.9g, was %.9g", (long long)k, b, a);
    }
  }
}

/* The file of a text, read back and compared. */
static Str round_trip(const char *text, double within) {
  Graph *g = parse(text);
  Str bytes = written(g);
  compare(g, imported(&bytes), within);
  return bytes;
}

static bool mentions(const Str *bytes, const char *word) {
  size_t n = strlen(word);
  for (size_t i = 0; i + n <= bytes->n; i++)
    if (memcmp(bytes->s + i, word, n) == 0)
      return true;
  return false;
}

#define IMAGE "input %x : f32[1,5,6,4]\n"
#define SECOND "input %z : f32[1,5,6,4]\n"
#define W                                                                      \
  "const @w : f32[2,3,3,4] = splat 0.25\nconst @b : f32[2] = {0.5, -1.5}\n"
#define Y "\noutput %y\n"

/* One op each, on what its row accepts. */
#define ROUND_TRIPS(cases) round_trips(cases, sizeof(cases) / sizeof *(cases))

static void round_trips(const char *const *cases, size_t n) {
  for (size_t i = 0; i < n; i++)
    round_trip(arena_printf(arena, "model m rounding=onnx\n%s", cases[i]),
               1e-6);
}

static void convolutions(void **state) {
  (void)state;
  static const char *const cases[] = {
      IMAGE W "%y : f32[1,3,4,2] = conv2d %x, @w, @b" Y,
      IMAGE W "%y : f32[1,2,3,2] = conv2d %x, @w { stride=[2,3], "
              "pad=[1,0,2,1], act=relu6 }" Y,
      IMAGE W "%y : f32[1,1,2,2] = conv2d %x, @w, @b { dilation=[2,2], "
              "act=relu_n1_1 }" Y,
      IMAGE "const @w : f32[6,1,2,2] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, "
            "13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24}\n"
            "%y : f32[1,5,5,6] = conv2d %x, @w" Y,
      IMAGE "const @w : f32[1,2,1,8] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, "
            "13, 14, 15, 16}\n"
            "%y : f32[1,4,6,8] = depthwise_conv2d %x, @w { act=relu }" Y,
      IMAGE
      "const @w : f32[2,3,3,4] = splat 0.25\n"
      "const @b : f32[3,3,2] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, "
      "13, 14, 15, 16, 17, 18}\n"
      "%y : f32[1,5,6,2] = conv2d %x, @w, @b { pad=[1,1,1,1], act=relu }" Y,
      IMAGE "const @w : f32[2,3,2,4] = splat 0.25\nconst @b : f32[2] = {1, 2}\n"
            "%y : f32[1,10,13,2] = conv_transpose2d %x, @w, @b { stride=[2,2], "
            "pad=[1,0] }" Y,
      IMAGE "const @w : f32[6,2,2,2] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, "
            "13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, "
            "29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, "
            "45, 46, 47, 48}\n"
            "%y : f32[1,6,7,6] = conv_transpose2d %x, @w" Y,
  };
  ROUND_TRIPS(cases);
}

static void products(void **state) {
  (void)state;
  static const char *const cases[] = {
      "input %x : f32[3,4]\nconst @w : f32[2,4] = {1, 2, 3, 4, 5, 6, 7, 8}\n"
      "const @b : f32[2] = {1, -2}\n"
      "%y : f32[3,2] = fully_connected %x, @w, @b { act=relu }" Y,
      "input %x : f32[2,3,4]\nconst @w : f32[2,4] = {1, 2, 3, 4, 5, 6, 7, 8}\n"
      "const @b : f32[2] = {1, -2}\n"
      "%y : f32[2,3,2] = fully_connected %x, @w, @b" Y,
      "input %x : f32[1,2,2,2]\nconst @w : f32[2,8] = {1, 2, 3, 4, 5, 6, 7, 8, "
      "9, 8, 7, 6, 5, 4, 3, 2}\n%y : f32[1,2] = fully_connected %x, @w" Y,
      "input %x : f32[2,3,4]\ninput %z : f32[4,5]\n"
      "%y : f32[2,3,5] = matmul %x, %z" Y,
      "input %x : i8[3,4]\ninput %z : i8[4,5]\nconst @p : i8[] = {3}\n"
      "%y : i32[3,5] = matmul %x, %z, @p, @p" Y,
      "input %x : u8[1,4,4,2]\nconst @w : u8[3,2,2,2] = splat 9\n"
      "const @p : u8[] = {3}\n%y : i32[1,3,3,3] = conv2d %x, @w, _, @p, @p" Y,
  };
  ROUND_TRIPS(cases);
}

static void windows(void **state) {
  (void)state;
  static const char *const cases[] = {
      IMAGE "%y : f32[1,2,4,4] = max_pool2d %x { window=[3,2], stride=[2,2], "
            "pad=[1,0,1,1] }" Y,
      IMAGE "%y : f32[1,5,6,4] = avg_pool2d %x { window=[3,3], "
            "pad=[1,1,1,1], act=relu }" Y,
      IMAGE "%y : f32[1,4,6,4] = window_sum %x { window=[1,2,3,1], "
            "before=[0,0,1,0], after=[0,0,1,0] }" Y,
      IMAGE "%y : f32[1,3,5,4] = window_max %x { window=[1,2,2,1], "
            "dilation=[1,2,1,1] }" Y,
      IMAGE "%y : f32[1,10,9,4] = resize_nearest %x" Y,
      IMAGE "%y : f32[1,7,11,4] = resize_nearest %x { align_corners=true }" Y,
      IMAGE
      "%y : f32[1,3,11,4] = resize_nearest %x { half_pixel_centers=true }" Y,
  };
  ROUND_TRIPS(cases);
}

static void reductions(void **state) {
  (void)state;
  static const char *const cases[] = {
      IMAGE "%y : f32[1,4] = mean %x { axes=[1,2] }" Y,
      IMAGE "%y : f32[1,5,1,4] = reduce_sum %x { axes=[2] }" Y,
      IMAGE "%y : f32[5] = reduce_max %x { axes=[0,2,3] }" Y,
      IMAGE "%y : i32[1,5,4] = argmax %x { axis=2, select_last=true }" Y,
      IMAGE "%y : i64[1,5,1,4] = argmin %x { axis=2 }" Y,
      IMAGE "%y : f32[1,5,6,4] = cumsum %x { axis=2, reverse=true }" Y,
      IMAGE "%y : f32[1,5,6,4] = softmax %x { beta=0.5 }" Y,
      IMAGE "%y : f32[1,5,2,4], %k : i64[1,5,2,4] = topk %x { axis=2 }"
            "\noutput %y, %k\n",
  };
  ROUND_TRIPS(cases);
}

static void moves(void **state) {
  (void)state;
  static const char *const cases[] = {
      IMAGE "%y : f32[1,4,5,6] = transpose %x { perm=[0,3,1,2] }" Y,
      IMAGE "%y : f32[6,20] = reshape %x" Y,
      IMAGE "%y : f32[1,8,7,4] = pad %x { before=[0,1,0,0], after=[0,2,1,0], "
            "value=1065353216 }" Y,
      IMAGE SECOND "%y : f32[1,5,12,4] = concat %x, %z { axis=2 }" Y,
      IMAGE "%y : f32[1,5,2,4], %k : f32[1,5,4,4] = split %x { axis=2 }"
            "\noutput %y, %k\n",
      (IMAGE "%y : f32[1,2,3,4] = strided_slice %x { begin=[0,4,1,0], "
             "stride=[1,-4,2,1] }" Y),
      "input %x : f32[5,1]\n%y : f32[2,5,3] = broadcast %x" Y,
  };
  ROUND_TRIPS(cases);
}

static void gathers(void **state) {
  (void)state;
  static const char *const cases[] = {
      IMAGE "const @i : i64[3] = {2, 0, -1}\n"
            "%y : f32[1,3,6,4] = gather %x, @i { axis=1 }" Y,
      "input %x : f32[3,4]\ninput %i : i32[2,2]\n"
      "%y : f32[2] = gather_nd %x, %i" Y,
      "input %x : f32[3,4]\ninput %i : i64[2,4]\n"
      "%y : f32[2,4] = gather_elements %x, %i" Y,
      "input %x : f32[3,4]\nconst @i : i64[1,2] = {1, 2}\ninput %u : f32[1,2]\n"
      "%y : f32[3,4] = scatter_elements %x, @i, %u { axis=1, reduction=add }" Y,
      "input %x : f32[3,4]\nconst @i : i32[2,1] = {2, 0}\ninput %u : f32[2,4]\n"
      "%y : f32[3,4] = scatter_nd %x, @i, %u" Y,
  };
  ROUND_TRIPS(cases);
}

static void lane_by_lane(void **state) {
  (void)state;
  static const char *const cases[] = {
      IMAGE SECOND "%c : bool[1,5,6,4] = less %x, %z\n"
                   "%y : f32[1,5,6,4] = select %c, %x, %z" Y,
      IMAGE "const @k : f32[4] = {1, 2, 3, 4}\n"
            "%y : f32[1,5,6,4] = sub %x, @k { act=relu_0_1 }" Y,
      IMAGE "%y : f32[1,5,6,4] = leaky_relu %x { alpha=0.1 }" Y,
      IMAGE "%y : f32[1,5,6,4] = relu6 %x" Y,
      IMAGE "%y : bool[1,5,6,4] = is_inf %x { detect_negative=false }" Y,
      IMAGE SECOND "%y : f32[1,5,6,4] = mod %x, %z { fmod=true }" Y,
      "input %x : u8[7]\ninput %z : u8[7]\n%y : u8[7] = shift_left %x, %z" Y,
      "input %x : f32[9]\n%y : u8[9] = cast %x { saturate=true }" Y,
      "input %x : i16[9]\n%y : i8[9] = cast %x { saturate=true }" Y,
      "input %x : f32[9]\n%y : i32[9] = cast %x" Y,
  };
  ROUND_TRIPS(cases);
}

/* Unary and binary ops are rows of one table: all of them, by it. */
static void every_map(void **state) {
  (void)state;
  for (int k = 0; k < OP_COUNT; k++) {
    const OpInfo *info = op_info((OpKind)k);
    if (!(info->traits & T_MAP) || info->nin_min > 2 || k == OP_cast ||
        k == OP_mod || k == OP_shift_left || k == OP_shift_right)
      continue;
    bool truth = k == OP_not || k == OP_and || k == OP_or || k == OP_xor;
    bool bits = strncmp(info->name, "bit_", 4) == 0;
    bool asks = k == OP_is_nan || k == OP_is_inf || k == OP_equal ||
                k == OP_less || k == OP_less_equal;
    const char *in = truth ? "bool" : bits ? "u8" : "f32";
    round_trip(arena_printf(arena,
                            "model m rounding=onnx\ninput %%a : %s[2,3]\n"
                            "input %%b : %s[2,3]\n%%y : %s[2,3] = %s %%a%s\n"
                            "output %%y\n",
                            in, in, asks ? "bool" : in, info->name,
                            info->nin_min == 2 ? ", %b" : ""),
               0);
  }
}

/* --- quantization ------------------------------------------------------ */

/* What is between conversions already is bytes that stay. */
static void qdq(void **state) {
  (void)state;
  static const char *const cases[] = {
      "input %x : f32[1,4,4,2]\n"
      "%q : i8[1,4,4,2] q(0.03125, -3) = quantize %x\n"
      "%y : f32[1,4,4,2] = dequantize %q" Y,
      "input %x : f32[3,4]\n"
      "%q : i16[3,4] q(0.001, 0) = quantize %x\n"
      "%y : f32[3,4] = dequantize %q" Y,
      "input %x : f32[3,4]\n"
      "%y : u8[3,4] q(0.1, 7, range 3..20) = quantize %x" Y,
      "input %x : f32[3,2]\nconst @w : i8[4,2] q(axis 0, {0.5, 0.25, 1.0, "
      "2.0}, 0) = {1, 2, 3, 4, 5, 6, 7, 8}\n"
      "const @b : i32[4] q(axis 0, {0.5, 0.25, 1.0, 2.0}, 0) = {5, 6, 7, 8}\n"
      "%wf : f32[4,2] = dequantize @w\n%bf : f32[4] = dequantize @b\n"
      "%y : f32[3,4] = fully_connected %x, %wf, %bf" Y,
      "input %x : f32[1,4,4,2]\nconst @w : i8[2,1,1,2] q(axis 0, {0.5, 0.25}, "
      "0) = {1, 2, 3, 4}\n%wf : f32[2,1,1,2] = dequantize @w\n"
      "%y : f32[1,4,4,2] = conv2d %x, %wf" Y,
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    round_trip(arena_printf(arena, "model m rounding=onnx\n%s", cases[i]), 0);
}

/* Ops on quantized types are floats between conversions: the same but for
 * ties, of which these scales make none. */
static void islands(void **state) {
  (void)state;
  static const char *const cases[] = {
      "input %x : i8[1,4,4,2] q(0.1, -3)\n"
      "const @w : i8[2,3,3,2] q(axis 0, {0.013, 0.027}, 0) = splat 3\n"
      "const @b : i32[2] = {100, -200}\n"
      "%y : i8[1,4,4,2] q(0.21, 5) = conv2d %x, @w, @b { pad=[1,1,1,1], "
      "act=relu }" Y,
      "input %x : i16[1,4] q(0.001, 0)\nconst @w : i8[2,4] q(0.013, 0) = splat "
      "3\nconst @b : i64[2] = {100, -200}\n"
      "%y : i16[1,2] q(0.0021, 0) = fully_connected %x, @w, @b" Y,
      "input %x : u8[5] q(0.1, 3)\nconst @k : u8[1] q(0.3, 9) = {20}\n"
      "%y : u8[5] q(0.17, 5) = mul %x, @k" Y,
      "input %x : u8[5] q(0.1, 3)\n%y : i8[5] q(0.05, 0) = logistic %x" Y,
      "input %x : i8[2,2] q(0.1, 3)\ninput %z : i8[2,2] q(0.3, 9)\n"
      "%y : i8[2,4] q(0.3, 9) = concat %x, %z { axis=1 }" Y,
      "input %x : i8[2,2] q(0.1, 3)\n%y : i8[2,2] q(0.17, 9) = quantize %x" Y,
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    round_trip(arena_printf(arena, "model m rounding=onnx\n%s", cases[i]), 0);
}

/* Weights of 4 bits stay packed; of a codebook its entries are left. */
static void packed_weights(void **state) {
  (void)state;
  static const char *const cases[] = {
      "i4[2,4] q(axis 0, {0.5, 0.25}, 0) = {-8, -7, -1, 0, 1, 2, 6, 7}",
      "u4[2,4] q(0.5, 3) = {0, 15, 1, 14, 2, 13, 3, 12}",
      ("u4[2,4] q(axis 0, {0.5, 0.25}, 0, codebook {-9, -1, 0, 100}) = "
       "{0, 1, 2, 3, 3, 2, 1, 0}"),
      ("i4[2,4] q(axis 1 block 3, {0.5, 0.25, 0.1, 3}, 0) = "
       "{-8, -7, -1, 0, 1, 2, 6, 7}"),
      ("u4[2,4] q(axis 1 block 2, {0.5, 0.25, 1, 3}, {0, 1, 2, 15}) = "
       "{0, 1, 2, 3, 3, 2, 15, 0}"),
  };
  static const char *const types[] = {"i4", "u4", "i8", "i4", "u4"};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    Str bytes = round_trip(
        arena_printf(arena,
                     "model m rounding=onnx\ninput %%x : f32[3,4]\n"
                     "const @w : %s\n%%wf : f32[2,4] = dequantize @w\n"
                     "%%y : f32[3,2] = fully_connected %%x, %%wf\noutput %%y\n",
                     cases[i]),
        0);
    const Value *w = graph_find(imported(&bytes), "w");
    assert_non_null(w);
    assert_string_equal(dtype_name(w->type->dtype), types[i]);
  }
}

/* Blocks lie where the layout puts them. */
static void blocks(void **state) {
  (void)state;
  round_trip("model m rounding=onnx\n"
             "input %x : f32[1,2,2,3]\n"
             "const @w : i4[2,1,2,3] q(axis 3 block 2, {1, 2, 3, 4, 0.5, 0.25, "
             "0.1, 7}, 0) = {1, 2, 3, 4, 5, 6, 7, -1, -2, -3, -4, -5}\n"
             "%wf : f32[2,1,2,3] = dequantize @w\n"
             "%y : f32[1,2,1,2] = conv2d %x, %wf\n"
             "output %y\n",
             0);
}

/* --- the graph --------------------------------------------------------- */

#define CNN                                                                    \
  "model m rounding=onnx\n"                                                    \
  "input %x : f32[1,3,8,8]\n"                                                  \
  "const @w1 : f32[4,3,3,3] = splat 0.25\nconst @b1 : f32[4] = splat 0.5\n"    \
  "const @w2 : f32[1,3,3,4] = splat 0.125\n"                                   \
  "const @d : f32[5,64] = splat 0.03125\n"                                     \
  "%t : f32[1,8,8,3] = transpose %x { perm=[0,2,3,1] }\n"                      \
  "%c : f32[1,8,8,4] = conv2d %t, @w1, @b1 { pad=[1,1,1,1], act=relu }\n"      \
  "%c_first : f32[1,4,8,8] = transpose %c { perm=[0,3,1,2] }\n"                \
  "%k : f32[1,8,8,4] = depthwise_conv2d %c, @w2 { pad=[1,1,1,1] }\n"           \
  "%s : f32[1,8,8,4] = add %c, %k\n"                                           \
  "%p : f32[1,4,4,4] = max_pool2d %s { window=[2,2], stride=[2,2] }\n"         \
  "%first : f32[1,4,4,4] = transpose %p { perm=[0,3,1,2] }\n"                  \
  "%flat : f32[1,64] = reshape %first\n"                                       \
  "%y : f32[1,5] = fully_connected %flat, @d\n"                                \
  "output %y\n"

/* Images are channels first throughout; tensors have the names of the values
 * whose bytes they are. */
static void no_transposes(void **state) {
  (void)state;
  Str bytes = round_trip(CNN, 0);
  assert_false(mentions(&bytes, "Transpose"));
  Graph *g = imported(&bytes);
  static const char *const names[] = {"x", "c_first", "first", "flat", "y"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    assert_non_null(graph_find(g, names[i]));
}

/* Passes that move layouts around leave names that lead back. */
static void names_after_passes(void **state) {
  (void)state;
  Str bytes = written(parse(CNN));
  Graph *g = imported(&bytes);
  PassOptions opt = {.allow = PASS_reassoc,
                     .disable = "prune-channels,prune-channels-float"};
  assert_true(passes_run(g, &opt, NULL));
  compare(imported(&bytes), g, 1e-6);
  Str after = written(g);
  assert_false(mentions(&after, "nhwc"));
  static const char *const names[] = {"c_first", "k", "first", "flat", "w1"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    assert_true(mentions(&after, names[i]));
}

/* Read and written again, the file is the same. */
static void again(void **state) {
  (void)state;
  Str once = written(parse(CNN));
  Str twice = written(imported(&once));
  Str thrice = written(imported(&twice));
  assert_int_equal(twice.n, thrice.n);
  assert_memory_equal(twice.s, thrice.s, twice.n);
}

/* An output keeps its layout and its name, whoever else reads the value. */
static void outputs(void **state) {
  (void)state;
  round_trip("model m rounding=onnx\ninput %x : f32[1,4,4,2]\n"
             "const @w : f32[2,1,1,2] = {1, 2, 3, 4}\n"
             "%c : f32[1,4,4,2] = conv2d %x, @w\n"
             "%t : f32[1,2,4,4] = transpose %c { perm=[0,3,1,2] }\n"
             "%y : f32[1,4,4,2] = relu %c\n"
             "output %c, %t, %y\n",
             0);
}

/* Goes into the metadata and comes back. */
static void preprocessing(void **state) {
  (void)state;
  Graph *g = parse("model m rounding=onnx\n"
                   "input %x : f32[1,3,4,4] preprocess { scale=0.1, "
                   "mean=[1.0,2.5,3.0], layout=nchw }\n"
                   "input %z : f32[1,3,4,4]\n"
                   "%y : f32[1,3,4,4] = add %x, %z\noutput %y\n");
  Str bytes = written(g);
  Graph *h = imported(&bytes);
  assert_non_null(h->inputs.v[0]->preprocess);
  assert_true(
      preprocess_equal(g->inputs.v[0]->preprocess, h->inputs.v[0]->preprocess));
  assert_null(h->inputs.v[1]->preprocess);
}

/* --- refusals ---------------------------------------------------------- */

static const char *refusals(const char *text) {
  Str bytes = str_new(arena);
  assert_false(onnx_export(diag, parse(text), &bytes));
  char *s = NULL;
  size_t n = 0;
  FILE *f = open_memstream(&s, &n);
  diag_print(diag, f);
  fclose(f);
  char *copy = arena_strdup(arena, s);
  free(s);
  return copy;
}

/* All of them at once. */
static void refused(void **state) {
  (void)state;
  const char *s = refusals("model m rounding=onnx\ninput %x : f32[1,4]\n"
                           "state %mem : f32[1,4] -> %a\ninput %i : i32[4]\n"
                           "%a : f32[1,4] = cumprod %x { axis=1 }\n"
                           "%b : i32[4] = shift_left %i, %i\n"
                           "output %a, %b\n");
  static const char *const parts[] = {
      "error E0306: state 'mem': ONNX keeps nothing from run to run",
      "error E0306: cumprod: has no counterpart in ONNX",
      "error E0306: shift_left: ONNX shifts unsigned integers only",
      "%b : i32[4] = shift_left"};
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
    if (!strstr(s, parts[i]))
      fail_msg("'%s' is not in\n%s", parts[i], s);
}

/* Metadata that an input cannot have. */
static void bad_metadata(void **state) {
  (void)state;
  Str bytes = written(parse("model m rounding=onnx\n"
                            "input %x : f32[2] preprocess { scale=0.5 }\n"
                            "%y : f32[2] = relu %x\noutput %y\n"));
  static const ImportOptions opt = {.rounding = ROUND_COUNT};
  for (size_t i = 0; i + 5 < bytes.n; i++)
    if (memcmp(bytes.s + i, "scale", 5) == 0)
      bytes.s[i] = 'S';
  assert_null(importer_onnx.import(arena, diag, "case.onnx",
                                   (const uint8_t *)bytes.s, bytes.n, &opt));
  assert_int_equal(diag_exit_status(diag), EXIT_BAD_MODEL);
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(fields),        TEST(nodes),          TEST(tensors),
      TEST(convolutions),  TEST(products),       TEST(windows),
      TEST(reductions),    TEST(moves),          TEST(gathers),
      TEST(lane_by_lane),  TEST(every_map),      TEST(qdq),
      TEST(islands),       TEST(packed_weights), TEST(blocks),
      TEST(no_transposes), TEST(again),          TEST(names_after_passes),
      TEST(outputs),       TEST(preprocessing),  TEST(refused),
      TEST(bad_metadata),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
