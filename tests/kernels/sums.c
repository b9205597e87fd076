/* Products of plain bytes, whose sums are the output: conv2d and matmul with
 * zero points that are absent, known or given at run time; and quantized
 * matmul. */
#include "tests/kernels/check.h"

static const Type *plain(const Check *c, DType t, int rank,
                         const int64_t *dim) {
  return type_new(c->arena, t, rank, dim, NULL);
}

static DType random_byte(Random *r) {
  return random_below(r, 2) ? DT_i8 : DT_u8;
}

static Value *constant(Check *c, Random *r, const char *name, const Type *t) {
  uint8_t *data = arena_alloc(c->arena, (size_t)type_bytes(t));
  for (int64_t i = 0; i < type_bytes(t); i++)
    data[i] = (uint8_t)random_below(r, 256);
  return graph_const(c->graph, name, t, data);
}

/* One chance in `late` of an input. */
static Value *operand(Check *c, Random *r, const char *name, const Type *t,
                      int late) {
  return random_below(r, late) == 0 ? graph_input(c->graph, name, t)
                                    : constant(c, r, name, t);
}

/* NULL, one zero point, or `n` of them. */
static Value *zero_point(Check *c, Random *r, const char *name, DType t,
                         int64_t n, int late) {
  int64_t one = 1;
  switch (random_below(r, 3)) {
  case 0:
    return NULL;
  case 1:
    return operand(c, r, name, plain(c, t, 1, &n), late);
  default:
    return operand(c, r, name, plain(c, t, random_below(r, 2), &one), late);
  }
}

static void conv_case(Check *c, Random *r, int late) {
  int groups = random_below(r, 5) ? 1 : 2, k = random_in(r, 1, 3);
  int64_t ic = random_in(r, 1, 20) * groups, oc = random_in(r, 1, 40) * groups;
  int pad = random_below(r, k), stride = random_in(r, 1, 2);
  int64_t n = random_in(r, 1, 2), h = random_in(r, k, 8);
  int64_t w = random_in(r, k, 12);
  DType xt = random_byte(r), wt = random_byte(r);
  Attrs at = attrs_default(OP_conv2d);
  at.conv.pad = (Int4){{pad, pad, pad, pad}};
  at.conv.stride = (Int2){{stride, stride}};
  const Type *y = plain(c, DT_i32, 4,
                        (int64_t[]){n, (h + 2 * pad - k) / stride + 1,
                                    (w + 2 * pad - k) / stride + 1, oc});
  const Type *wtype = plain(c, wt, 4, (int64_t[]){oc, k, k, ic / groups});
  Value *in[] = {
      graph_input(c->graph, "x", plain(c, xt, 4, (int64_t[]){n, h, w, ic})),
      operand(c, r, "w", wtype, late),
      random_below(r, 2) ? constant(c, r, "b", plain(c, DT_i32, 1, &oc)) : NULL,
      zero_point(c, r, "zx", xt, 1, 2), zero_point(c, r, "zw", wt, oc, late)};
  Op *op =
      graph_op(c->graph, NULL, OP_conv2d, &at, 5, in, 1, &y, NULL, (Loc){0});
  graph_output(c->graph, op->out[0]);
}

static Value *row_zero(Check *c, Random *r, DType t, int64_t m) {
  if (random_below(r, 2))
    return zero_point(c, r, "za", t, 1, 2);
  return operand(c, r, "za", plain(c, t, 2, (int64_t[]){m, 1}), 2);
}

static void matmul_case(Check *c, Random *r, int late) {
  int64_t m = random_in(r, 1, 20), k = random_in(r, 1, 150);
  int64_t n = random_in(r, 1, 90);
  DType at = random_byte(r), bt = random_byte(r);
  Value *in[] = {graph_input(c->graph, "a", plain(c, at, 2, (int64_t[]){m, k})),
                 operand(c, r, "b", plain(c, bt, 2, (int64_t[]){k, n}), late),
                 row_zero(c, r, at, m), zero_point(c, r, "zb", bt, n, late)};
  const Type *y = plain(c, DT_i32, 2, (int64_t[]){m, n});
  Op *op =
      graph_op(c->graph, NULL, OP_matmul, NULL, 4, in, 1, &y, NULL, (Loc){0});
  graph_output(c->graph, op->out[0]);
}

static const QuantParams *random_quant(Check *c, Random *r, DType t,
                                       float scale) {
  int zero = random_in(r, (int)dtype_min(t), (int)dtype_max(t));
  return quant_per_tensor(c->arena, scale, zero, t);
}

/* Scales of b by column, now and then. */
static const QuantParams *column_quant(Check *c, Random *r, DType t, int n) {
  if (random_below(r, 2))
    return random_quant(c, r, t, 0.01f);
  QuantParams q = {.axis = 1, .nscale = n};
  float *scale = ARENA_ARRAY(c->arena, float, n);
  for (int i = 0; i < n; i++)
    scale[i] = 0.001f * (float)random_in(r, 1, 20);
  q.scale = scale;
  q.zero_point = ARENA_ARRAY(c->arena, int32_t, n);
  q.qmin = dtype_min(t);
  q.qmax = dtype_max(t);
  return arena_dup(c->arena, &q, sizeof q);
}

static void quantized_case(Check *c, Random *r, int late) {
  int m = random_in(r, 1, 20), k = random_in(r, 1, 150),
      n = random_in(r, 1, 90);
  DType t = random_byte(r), bt = random_byte(r);
  const Type *a =
      type_new(c->arena, t, 2, (int64_t[]){m, k}, random_quant(c, r, t, 0.02f));
  const Type *b =
      type_new(c->arena, bt, 2, (int64_t[]){k, n}, column_quant(c, r, bt, n));
  const Type *y = type_new(c->arena, t, 2, (int64_t[]){m, n},
                           random_quant(c, r, t, 0.01f * (float)k));
  Value *in[] = {graph_input(c->graph, "a", a), operand(c, r, "b", b, late)};
  Op *op =
      graph_op(c->graph, NULL, OP_matmul, NULL, 2, in, 1, &y, NULL, (Loc){0});
  op->rounding = random_below(r, 2) ? ROUND_onnx : ROUND_tflite;
  graph_output(c->graph, op->out[0]);
}

static void (*const cases[])(Check *c, Random *r, int late) = {
    conv_case, matmul_case, quantized_case};
enum { NCASE = sizeof cases / sizeof *cases };

static void one_case(const char *target, int seed) {
  Random r = {(uint32_t)seed * 7919u + 11};
  Check c = check_new(target);
  cases[seed % NCASE](&c, &r, 3);
  check_finish(&c, &r, seed);
}

static void on_the_host(void **state) {
  (void)state;
  static const char *const t[] = {"x86-64-avx512vnni", "x86-64-v3", "x86-64-v2",
                                  "x86-64-avxvnni"};
  check_targets(t, 4, 120, one_case);
}

static void on_small_cores(void **state) {
  (void)state;
  static const char *const t[] = {"cortex-m0plus", "cortex-m4", "cortex-m55"};
  check_targets(t, 3, 60, one_case);
}

static void on_application_cores(void **state) {
  (void)state;
  static const char *const t[] = {"aarch64", "cortex-a76", "armv7-neon",
                                  "riscv64"};
  check_targets(t, 4, 45, one_case);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(on_the_host),
      cmocka_unit_test(on_small_cores),
      cmocka_unit_test(on_application_cores),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
