/* What ONNX's operators on tensors of static shapes become. Their values are
 * checked on ONNX's own tests (tests/shared/onnx_nodes.c); here it is that
 * they become the ops that have fast kernels, and what is said of wrong
 * ones. */
#include "tests/onnx_models.h"

typedef struct Attr {
  const char *name; /* NULL: none */
  int n;            /* 0: a single integer, v[0] */
  int64_t v[6];
} Attr;

typedef struct Case {
  const char *op, *x, *w; /* shapes; w NULL: one input */
  Attr attr[3];
  const char *want[3]; /* all of these in the graph's text */
} Case;

static void build_case(Run *r, const Case *c) {
  ob_input(&r->model, "x", OB_FLOAT, c->x);
  if (c->w)
    ob_input(&r->model, "w", OB_FLOAT, c->w);
  Str node = ob_node(r->arena, c->op, c->w ? "x w" : "x", "y");
  for (int i = 0; i < 3 && c->attr[i].name; i++) {
    const Attr *a = &c->attr[i];
    if (a->n)
      ob_attr_ints(&node, a->name, a->n, a->v);
    else
      ob_attr_int(&node, a->name, a->v[0]);
  }
  ob_add(&r->model, &node);
  ob_output(&r->model, "y");
}

static const Case cases[] = {
    {"Conv",
     "1 3 8 8",
     "4 3 3 3",
     {{"pads", 4, {1, 2, 3, 0}}, {"strides", 2, {2, 1}}},
     {"f32[1,8,8,3] = transpose %x { perm=[0,2,3,1] }", "= conv2d",
      "{ stride=[2,1], pad=[1,3,2,0] }"}},
    {"Conv", "1 6 9", "6 1 3", {{"group", 0, {6}}}, {"= depthwise_conv2d"}},
    {"Conv", "1 4 9", "6 2 3", {{"group", 0, {2}}}, {"f32[1,1,7,6] = conv2d"}},
    {"Conv",
     "1 2 5 6 7",
     "3 2 2 3 3",
     {{"dilations", 3, {2, 1, 1}}},
     {"f32[3,4,5,3] = conv2d", "= add", "%y : f32[1,3,3,4,5]"}},
    {"ConvTranspose",
     "1 2 3 3",
     "2 4 2 2",
     {{"strides", 2, {2, 2}}},
     {"f32[1,6,6,4] = conv_transpose2d"}},
    {"MaxPool",
     "1 3 8 8",
     NULL,
     {{"kernel_shape", 2, {3, 3}},
      {"strides", 2, {2, 2}},
      {"ceil_mode", 0, {1}}},
     {"f32[1,4,4,3] = max_pool2d", "pad=[0,1,0,1]"}},
    {"MaxPool",
     "1 3 8 8",
     NULL,
     {{"kernel_shape", 2, {2, 2}}, {"dilations", 2, {2, 2}}},
     {"%y : f32[1,3,6,6] = window_max %x"}},
    {"AveragePool",
     "1 3 8",
     NULL,
     {{"kernel_shape", 1, {3}}, {"pads", 2, {1, 1}}},
     {"f32[1,1,8,3] = avg_pool2d"}},
    {"MatMul", "2 3 4", "2 4 5", {{0}}, {"%y : f32[2,3,5] = matmul %x, %w"}},
    {"Gemm", "3 4", "5 4", {{"transB", 0, {1}}}, {"= matmul"}},
    {"DepthToSpace",
     "1 8 2 3",
     NULL,
     {{"blocksize", 0, {2}}},
     {"f32[1,2,2,2,2,3] = reshape %x", "perm=[0,3,4,1,5,2]"}},
};

static void test_ops(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    Run r = run_new();
    build_case(&r, &cases[i]);
    for (int k = 0; k < 3 && cases[i].want[k]; k++)
      run_expect(&r, cases[i].want[k]);
    run_free(&r);
  }
}

static const Case wrong[] = {
    {"Conv", "1 3 8 8", "4 2 3 3", {{0}}, {"do not go with 1 groups"}},
    {"Conv", "1 3 8 8", "4 3 9 3", {{0}}, {"larger than the padded input's"}},
    {"Conv",
     "1 3 8 8",
     "4 3 3 3",
     {{"strides", 2, {0, 1}}},
     {"strides is 0, must be at least 1"}},
    {"Conv",
     "1 3 8 8",
     "4 3 3 3",
     {{"kernel_shape", 2, {3, 2}}},
     {"kernel_shape is not that of the weight"}},
    {"MaxPool", "1 3 8 8", NULL, {{0}}, {"kernel_shape is missing"}},
    {"MatMul", "2 3", "2 3", {{0}}, {"[2,3] times [2,3]"}},
    {"DepthToSpace",
     "1 6 2 3",
     NULL,
     {{"blocksize", 0, {2}}},
     {"blocks of 2 of [1,6,2,3]"}},
    {"Gather", "4", "2", {{0}}, {"indices of f32"}},
};

static void test_wrong(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    Run r = run_new();
    build_case(&r, &wrong[i]);
    run_expect_error(&r, wrong[i].want[0]);
    run_free(&r);
  }
}

/* A matrix that is known makes a dense layer, transposed at import. */
static void test_dense(void **state) {
  (void)state;
  static const float w[6] = {1, 2, 3, 4, 5, 6};
  Run r = run_new();
  int64_t dims[] = {3, 2};
  ob_input(&r.model, "x", OB_FLOAT, "1 5 3");
  ob_raw(&r.model, "w", OB_FLOAT, 2, dims, w, sizeof w);
  ob_op(&r.model, "MatMul", "x w", "y");
  ob_output(&r.model, "y");
  run_expect(&r, "%y : f32[1,5,2] = fully_connected %x");
  run_expect(&r, "f32[2,3] = {1.0, 3.0, 5.0, 2.0, 4.0, 6.0}");
  run_free(&r);
}

/* The reasons of refused.def. */
static void test_refused(void **state) {
  (void)state;
  static const char *const ops[][2] = {
      {"Unique", "shape of its output depends on the data"},
      {"SequenceConstruct", "it works on sequences"},
      {"ImageDecoder", "hint: decode images outside"},
  };
  for (int i = 0; i < 3; i++) {
    Run r = run_new();
    ob_input(&r.model, "x", OB_FLOAT, "4");
    ob_op(&r.model, ops[i][0], "x", "y");
    ob_output(&r.model, "y");
    run_expect_error(&r, ops[i][1]);
    run_free(&r);
  }
}

/* What decides an output's shape must be known. */
static void test_unknown(void **state) {
  (void)state;
  Run r = run_new();
  ob_input(&r.model, "x", OB_FLOAT, "4 4");
  ob_input(&r.model, "k", OB_INT64, "1");
  ob_op(&r.model, "TopK", "x k", "y i");
  ob_output(&r.model, "y");
  run_expect_error(&r, "k is not known at compile time");
  run_expect_error(&r, "--bind k=FILE.npy");
  run_free(&r);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_ops),     cmocka_unit_test(test_wrong),
      cmocka_unit_test(test_dense),   cmocka_unit_test(test_refused),
      cmocka_unit_test(test_unknown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
