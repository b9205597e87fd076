/* The ONNX importer on small models that the tests build. */
#define _XOPEN_SOURCE 700 /* mkdtemp, symlink */

#include "tests/onnx_models.h"

#include <unistd.h>

#include "support/file.h"

/* --- shapes and options -------------------------------------------------- */

static void test_folds_shapes(void **state) {
  (void)state;
  Run r = run_new();
  build_flatten(&r.model);
  run_expect(&r, "%y : f32[2,12] = reshape %x");
  assert_int_equal(r.graph->nop, 1);
  assert_int_equal(r.graph->values.n - r.graph->inputs.n > 0, 1);
  run_free(&r);
}

static void test_dims(void **state) {
  (void)state;
  Run r = run_new();
  ob_input(&r.model, "x", OB_FLOAT, "N 3");
  ob_op(&r.model, "Abs", "x", "y");
  ob_output(&r.model, "y");
  run_expect(&r, "%x : f32[1,3]");
  assert_non_null(strstr(run_messages(&r), "(--dim N=NUMBER)"));
  assert_int_equal(r.wants.n, 1);
  assert_string_equal(r.wants.v[0].dim, "N");
  r.opt.ndim = 1;
  r.opt.dim = &(ImportDim){"N", 5};
  run_expect(&r, "%x : f32[5,3]");
  assert_string_equal(run_messages(&r), "");
  run_free(&r);
}

static void test_unknown_dim(void **state) {
  (void)state;
  Run r = run_new();
  ob_input(&r.model, "x", OB_FLOAT, "1 ?");
  ob_op(&r.model, "Abs", "x", "y");
  ob_output(&r.model, "y");
  run_expect_error(&r, "--dim x:1=NUMBER");
  assert_int_equal(r.wants.n, 1);
  assert_string_equal(r.wants.v[0].input, "x");
  assert_int_equal(r.wants.v[0].axis, 1);
  r.opt.ndim = 1;
  r.opt.dim = &(ImportDim){"x:1", 7};
  run_expect(&r, "%x : f32[1,7]");
  run_free(&r);
}

static void test_bind(void **state) {
  (void)state;
  Run r = run_new();
  static const int64_t shape[] = {3, 2}, two = 2;
  ob_input(&r.model, "x", OB_FLOAT, "6");
  ob_input(&r.model, "shape", OB_INT64, "2");
  ob_op(&r.model, "Reshape", "x shape", "y");
  ob_output(&r.model, "y");
  run_expect_error(&r, "--bind shape=FILE.npy");
  assert_int_equal(r.wants.n, 1);
  assert_string_equal(r.wants.v[0].input, "shape");
  assert_int_equal(r.wants.v[0].axis, -1);
  ImportBind b = {.name = "shape",
                  .type = type_new(r.arena, DT_i64, 1, &two, NULL),
                  .data = shape};
  r.opt.nbind = 1;
  r.opt.bind = &b;
  run_expect(&r, "%y : f32[3,2] = reshape %x");
  assert_int_equal(r.graph->inputs.n, 1);
  b.type = type_new(r.arena, DT_i32, 1, &two, NULL);
  run_expect_error(&r, "error E0701");
  b.name = "nobody";
  run_expect_error(&r, "no input 'nobody' to bind");
  run_free(&r);
}

/* What the import says of an output that is declared so, and made f32[2,3]. */
static void expect_declared(int type, const char *dims, const char *message) {
  Run r = run_new();
  ob_input(&r.model, "x", OB_FLOAT, "2 3");
  ob_op(&r.model, "Abs", "x", "y");
  Str y = ob_value_info(r.arena, "y", type, dims);
  pw_message(&r.model.graph, 12, &y);
  run_expect(&r, "%y : f32[2,3]");
  const char *said = run_messages(&r);
  if (*message ? !strstr(said, message) : *said)
    fail_msg("%d %s: %s", type, dims, said);
  run_free(&r);
}

static void test_declared_outputs(void **state) {
  (void)state;
  static const char message[] =
      "output 'y': warning: the model declares another type or shape than its "
      "nodes make, f32[2,3]";
  expect_declared(OB_FLOAT, "2 3", "");
  expect_declared(OB_FLOAT, "N 3", "");
  expect_declared(OB_FLOAT, "? ?", "");
  expect_declared(OB_FLOAT, "2 4", message);
  expect_declared(OB_FLOAT, "2 3 1", message);
  expect_declared(OB_INT64, "2 3", message);
}

/* --- constants ----------------------------------------------------------- */

/* The constant c in one encoding, as the graph has it. */
static void expect_const(const Str *tensor, const char *text) {
  Run r = run_new();
  Str t = str_new(r.arena);
  str_add_bytes(&t, tensor->s, tensor->n);
  pw_message(&r.model.graph, 5, &t);
  ob_op(&r.model, "Identity", "c", "y");
  ob_output(&r.model, "y");
  run_expect(&r, text);
  run_free(&r);
}

static void test_encodings(void **state) {
  (void)state;
  static const float floats[] = {0.5f, -2};
  Arena *a = arena_new();
  const int64_t *two = LIST(2);
  Str packed = ob_tensor(a, "c", OB_FLOAT, 1, two);
  pw_bytes(&packed, 4, floats, sizeof floats);
  expect_const(&packed, "f32[2] = {0.5, -2.0}");
  Str loose = ob_tensor(a, "c", OB_FLOAT, 1, two);
  pw_float(&loose, 4, 0.5f);
  pw_float(&loose, 4, -2);
  expect_const(&loose, "f32[2] = {0.5, -2.0}");
  Str raw = ob_tensor(a, "c", OB_FLOAT, 1, two);
  pw_bytes(&raw, 9, floats, sizeof floats);
  expect_const(&raw, "f32[2] = {0.5, -2.0}");
  Str narrow = ob_tensor(a, "c", OB_INT8, 1, two);
  pw_int(&narrow, 5, -3);
  pw_int(&narrow, 5, 100);
  expect_const(&narrow, "i8[2] = {-3, 100}");
  Str wide = ob_tensor(a, "c", OB_INT64, 1, two);
  pw_int(&wide, 7, -1);
  pw_int(&wide, 7, INT64_MAX);
  expect_const(&wide, "i64[2] = {-1, 9223372036854775807}");
  Str half = ob_tensor(a, "c", 10, 1, two);
  pw_int(&half, 5, 0x3c00);
  pw_int(&half, 5, 0xc000);
  expect_const(&half, "f16[2] = {1.0, -2.0}");
  Str nibbles = ob_tensor(a, "c", 22, 1, LIST(3));
  pw_bytes(&nibbles, 9, "\x7f\x08", 2);
  expect_const(&nibbles, "i4[3] = {-1, 7, -8}");
  arena_free(a);
}

static void expect_bad_const(const Str *tensor, const char *message) {
  Run r = run_new();
  Str t = str_new(r.arena);
  str_add_bytes(&t, tensor->s, tensor->n);
  pw_message(&r.model.graph, 5, &t);
  ob_op(&r.model, "Identity", "c", "y");
  ob_output(&r.model, "y");
  run_expect_error(&r, message);
  run_free(&r);
}

static void test_bad_constants(void **state) {
  (void)state;
  Arena *a = arena_new();
  Str longer = ob_tensor(a, "c", OB_FLOAT, 1, LIST(3));
  pw_bytes(&longer, 9, "12345678", 8);
  expect_bad_const(&longer, "has 8 bytes of data, needs 12");
  Str none = ob_tensor(a, "c", OB_INT64, 1, LIST(1000000000000));
  expect_bad_const(&none, "has too little data");
  Str negative = ob_tensor(a, "c", OB_INT8, 1, LIST(-1));
  expect_bad_const(&negative, "has a negative dimension");
  Str huge = ob_tensor(a, "c", OB_INT64, 3, LIST(1 << 30, 1 << 30, 1 << 30));
  expect_bad_const(&huge, "is too large");
  Str float8 = ob_tensor(a, "c", 17, 1, LIST(1));
  expect_bad_const(&float8, "element type FLOAT8E4M3FN, which is not");
  Str unknown = ob_tensor(a, "c", 77, 1, LIST(1));
  expect_bad_const(&unknown, "element type 77, which does not exist");
  arena_free(a);
}

/* --- external data ------------------------------------------------------- */

static Str external(Arena *a, const char *location, const char *offset) {
  Str t = ob_tensor(a, "c", OB_UINT8, 1, LIST(2)), pair = str_new(a),
      from = str_new(a);
  pw_text(&pair, 1, "location");
  pw_text(&pair, 2, location);
  pw_message(&t, 13, &pair);
  pw_text(&from, 1, "offset");
  pw_text(&from, 2, offset);
  pw_message(&t, 13, &from);
  pw_int(&t, 14, 1);
  return t;
}

static void try_external(const char *file, const char *location,
                         const char *offset, const char *expected) {
  Run r = run_new();
  Str t = external(r.arena, location, offset);
  r.file = file;
  pw_message(&r.model.graph, 5, &t);
  ob_op(&r.model, "Identity", "c", "y");
  ob_output(&r.model, "y");
  if (strstr(expected, "= {"))
    run_expect(&r, expected);
  else
    run_expect_error(&r, expected);
  run_free(&r);
}

static void test_external_data(void **state) {
  (void)state;
  char folder[] = "/tmp/kiln-onnx-XXXXXX";
  Arena *a = arena_new();
  Diag *d = diag_new(a);
  assert_non_null(mkdtemp(folder));
  const char *model = path_join(a, folder, "m.onnx");
  const char *data = path_join(a, folder, "m.data");
  const char *link = path_join(a, folder, "link");
  assert_true(file_write(data, "abcd", 4, d));
  assert_int_equal(symlink("/etc/hostname", link), 0);
  try_external(model, "m.data", "1", "u8[2] = {98, 99}");
  try_external(model, "m.data", "3", "which ends at byte 4");
  try_external(model, "m.data", "-1", "which is no number");
  try_external(model, "nothing", "0", "which cannot be read");
  try_external(model, "../m.data", "0", "not inside of the model's folder");
  try_external(model, "/etc/hostname", "0", "not inside of the model's");
  try_external(model, "link", "0", "not inside of the model's folder");
  unlink(link);
  unlink(data);
  rmdir(folder);
  arena_free(a);
}

/* --- bodies -------------------------------------------------------------- */

static void test_functions(void **state) {
  (void)state;
  Run r = run_new();
  build_functions(&r.model);
  run_expect(&r, "leaky_relu %x { alpha=0.25 }");
  run_expect(&r, "{ alpha=0.5 }");
  assert_int_equal(r.graph->nop, 2);
  run_free(&r);
}

static void test_recursion(void **state) {
  (void)state;
  Run r = run_new();
  Str f = str_new(r.arena), opset = str_new(r.arena);
  Str node = ob_node(r.arena, "F", "a", "b");
  pw_text(&node, 7, "mine");
  pw_text(&opset, 1, "mine");
  pw_text(&f, 1, "F");
  pw_text(&f, 4, "a");
  pw_text(&f, 5, "b");
  pw_message(&f, 7, &node);
  pw_message(&f, 9, &opset);
  pw_text(&f, 10, "mine");
  pw_message(&r.model.functions, 25, &f);
  Str call = ob_node(r.arena, "F", "x", "y");
  pw_text(&call, 7, "mine");
  ob_input(&r.model, "x", OB_FLOAT, "4");
  ob_add(&r.model, &call);
  ob_output(&r.model, "y");
  run_expect_error(&r, "bodies are nested more than");
  run_free(&r);
}

static void test_if(void **state) {
  (void)state;
  Run r = run_new();
  build_if(&r.model);
  run_expect(&r, "= neg %x");
  assert_int_equal(r.graph->nop, 1);
  run_free(&r);
}

static void test_loop(void **state) {
  (void)state;
  Run r = run_new();
  build_loop(&r.model);
  run_expect(&r, "%all : f32[3,4] = concat");
  run_expect(&r, "%last : f32[4] = add");
  run_free(&r);
}

static void test_lstm(void **state) {
  (void)state;
  Run r = run_new();
  build_lstm(&r.model);
  run_expect(&r, "%h : f32[2,1,2] = concat");
  run_expect(&r, "%c : i32[3,4] = cast");
  run_free(&r);
}

/* --- obstacles ----------------------------------------------------------- */

static void test_all_obstacles(void **state) {
  (void)state;
  Run r = run_new();
  ob_input(&r.model, "x", OB_FLOAT, "4");
  ob_op(&r.model, "Nonsense", "x", "a");
  ob_op(&r.model, "Abs", "a", "b"); /* told once: at Nonsense */
  Str node = ob_node(r.arena, "Neg", "x", "c");
  ob_attr_int(&node, "wobble", 1);
  ob_add(&r.model, &node);
  ob_op(&r.model, "RandomNormal", "_", "d");
  ob_op(&r.model, "Add", "x", "e");
  ob_op(&r.model, "Abs", "nothing", "f");
  ob_output(&r.model, "b");
  run_expect_error(&r, "operator Nonsense is not supported");
  assert_int_equal(diag_error_count(r.diag), 5);
  run_expect_error(&r, "attribute 'wobble' is not supported");
  run_expect_error(&r, "RandomNormal is not supported: it makes random");
  run_expect_error(&r, "1 inputs, expected at least 2");
  run_expect_error(&r, "'nothing' is read before anything has written it");
  run_free(&r);
}

static void test_no_target(void **state) {
  (void)state;
  Run r = run_new();
  ob_input(&r.model, "x", OB_FLOAT, "4");
  ob_op(&r.model, "Cast", "x", "y");
  ob_output(&r.model, "y");
  run_expect_error(&r, "attribute 'to' is absent");
  run_free(&r);
}

static void test_opset(void **state) {
  (void)state;
  Run r = run_new();
  r.model.opset = 99;
  ob_input(&r.model, "x", OB_FLOAT, "4");
  ob_op(&r.model, "Abs", "x", "y");
  ob_output(&r.model, "y");
  run_expect_error(&r, "opset 99 is not supported");
  run_free(&r);
}

static void test_written_twice(void **state) {
  (void)state;
  Run r = run_new();
  ob_input(&r.model, "x", OB_FLOAT, "4");
  ob_op(&r.model, "Abs", "x", "y");
  ob_op(&r.model, "Neg", "x", "y");
  ob_output(&r.model, "y");
  run_expect_error(&r, "'y' is written twice");
  run_free(&r);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_folds_shapes),
      cmocka_unit_test(test_dims),
      cmocka_unit_test(test_unknown_dim),
      cmocka_unit_test(test_bind),
      cmocka_unit_test(test_declared_outputs),
      cmocka_unit_test(test_encodings),
      cmocka_unit_test(test_bad_constants),
      cmocka_unit_test(test_external_data),
      cmocka_unit_test(test_functions),
      cmocka_unit_test(test_recursion),
      cmocka_unit_test(test_if),
      cmocka_unit_test(test_loop),
      cmocka_unit_test(test_lstm),
      cmocka_unit_test(test_all_obstacles),
      cmocka_unit_test(test_no_target),
      cmocka_unit_test(test_opset),
      cmocka_unit_test(test_written_twice),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
