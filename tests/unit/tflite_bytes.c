/* TFLite operators on bytes that become several ops: what the interpreter
 * makes of fixed inputs, held to the hash of the bytes that LiteRT's reference
 * kernels make. */
#include "tests/tflite_models.h"

enum { PATTERNS = 256 };

static void unary_by(Tb *b, int code, int zero, float s, float sy, int zy) {
  int x = tb_input(b, I8("x", s, zero, PATTERNS));
  tb_op(b, code, 2, code == TFL_GELU ? TFL_OPTIONS_Gelu : 0, IN(x),
        OUT(tb_output(b, I8("y", sy, zy, PATTERNS))));
}

static void gelu(Tb *b) {
  unary_by(b, TFL_GELU, -8, 0.0381568f, 0.0208f, -120);
}

static void gelu_tanh(Tb *b) {
  unary_by(b, TFL_GELU, 3, 0.021f, 0.0123f, -110);
  tb_set(b->ops->item[0]->field[4].obj, 0, 1, 1);
}

static void rsqrt(Tb *b) {
  unary_by(b, TFL_RSQRT, -128, 0.00472755f, 0.00419324f, -128);
}

static void rsqrt_large(Tb *b) {
  unary_by(b, TFL_RSQRT, -128, 3.5f, 0.0021f, 7);
}

/* [2,2,5,7] by [2,7,9], both transposed in the file */
static void products(Tb *b) {
  int x = tb_input(b, I8("a", 0.035f, 4, 2, 2, 7, 5));
  int z = tb_input(b, I8("b", 0.037f, -2, 2, 9, 7));
  TbObj *o = OP(BATCH_MATMUL, 2, BatchMatMul, IN(x, z),
                OUT(tb_output(b, I8("y", 0.329f, 6, 2, 2, 5, 9))));
  tb_set(o, 0, 1, 1);
  tb_set(o, 1, 1, 1);
}

static void products_plain(Tb *b) {
  int x = tb_input(b, I8("a", 0.00390625f, -128, 3, 6, 8));
  int z = tb_input(b, I8("b", 0.0382f, 11, 3, 8, 5));
  OP(BATCH_MATMUL, 2, BatchMatMul, IN(x, z),
     OUT(tb_output(b, I8("y", 0.00846f, -2, 3, 6, 5))));
}

/* Every pattern, in an order that also small tensors see ends of. */
static void fill(const Type *t, int k, void *data) {
  for (int i = 0; i < type_count(t); i++)
    ((uint8_t *)data)[i] = (uint8_t)(37 * i + 91 * k + 128);
}

typedef struct Hashed {
  const char *name;
  void (*build)(Tb *);
  uint64_t hash;
} Hashed;

static const Hashed hashed[] = {
    {"gelu", gelu, 0x40e8fa3861403db8u},
    {"gelu, tanh", gelu_tanh, 0x08fd818e3ddf1031u},
    {"rsqrt", rsqrt, 0x4f8e90655a43c7d6u},
    {"rsqrt, large", rsqrt_large, 0xb69650c79e9b919au},
    {"batch matmul, transposed", products, 0x6154a020b3322809u},
    {"batch matmul", products_plain, 0xbb01d777cdce6b66u},
};

/* FNV-1a */
static uint64_t hash_of(const uint8_t *data, int64_t n) {
  uint64_t h = 0xcbf29ce484222325u;
  for (int64_t i = 0; i < n; i++)
    h = (h ^ data[i]) * 0x100000001b3u;
  return h;
}

static void check_case(const Hashed *c) {
  Run r = run_new();
  c->build(r.model);
  const void *out = run_compute(&r, fill);
  const Type *t = r.graph->outputs.v[0]->type;
  uint64_t hash = hash_of(out, type_bytes(t));
  if (hash != c->hash)
    fail_msg("%s: 0x%016llx, not 0x%016llx", c->name, (unsigned long long)hash,
             (unsigned long long)c->hash);
  run_free(&r);
}

static void test_hashed(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof hashed / sizeof *hashed; i++)
    check_case(&hashed[i]);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_hashed)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
