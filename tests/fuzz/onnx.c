/* Damaged .onnx files: models cut off at every byte, with every byte
 * changed, and with bytes that are anything. Whatever happens, the importer
 * gives a verified graph or an error, and reads nothing outside of the
 * file. */
#include "tests/onnx_models.h"

static void import_damaged(const uint8_t *data, size_t bytes) {
  Arena *a = arena_new();
  Diag *d = diag_new(a);
  uint8_t *exact = malloc(bytes ? bytes : 1);
  ImportWants wants = {0};
  ImportOptions opt = {.rounding = ROUND_COUNT, .wants = &wants};
  memcpy(exact, data, bytes);
  Graph *g = importer_onnx.import(a, d, "m.onnx", exact, bytes, &opt);
  assert_true(!g == (diag_error_count(d) > 0));
  (void)importer_onnx.match(exact, bytes);
  free(exact);
  arena_free(a);
}

static void (*const builders[])(Ob *) = {build_flatten, build_functions,
                                         build_if,      build_chain,
                                         build_lstm,    build_loop};
enum { BUILDERS = sizeof builders / sizeof *builders };

static Run built(int i) {
  Run r = run_new();
  r.model.opset = 20;
  builders[i](&r.model);
  if (!run_import(&r))
    fail_msg("%s", run_messages(&r));
  return r;
}

static void test_truncation(void **state) {
  (void)state;
  for (int i = 0; i < BUILDERS; i++) {
    Run r = built(i);
    for (size_t n = 0; n < r.bytes; n++)
      import_damaged(r.data, n);
    run_free(&r);
  }
}

static void test_every_byte(void **state) {
  (void)state;
  static const uint8_t flips[] = {0xff, 0x01, 0x80, 0x10};
  for (int m = 0; m < BUILDERS; m++) {
    Run r = built(m);
    for (size_t i = 0; i < r.bytes; i++)
      for (size_t k = 0; k < sizeof flips; k++) {
        r.data[i] ^= flips[k];
        import_damaged(r.data, r.bytes);
        r.data[i] ^= flips[k];
      }
    run_free(&r);
  }
}

/* Several bytes at a time, most of them small numbers, as sizes and tags
 * are. */
static void test_wild_bytes(void **state) {
  (void)state;
  uint64_t seed = 1;
  for (int m = 0; m < BUILDERS; m++) {
    Run r = built(m);
    uint8_t *copy = arena_dup(r.arena, r.data, r.bytes);
    for (int i = 0; i < 3000; i++) {
      for (int k = 0; k < 4; k++) {
        size_t at = test_random(&seed) % r.bytes;
        uint8_t byte = (uint8_t)test_random(&seed);
        r.data[at] = (uint8_t)(byte >> test_random(&seed) % 8);
      }
      import_damaged(r.data, r.bytes);
      memcpy(r.data, copy, r.bytes);
    }
    run_free(&r);
  }
}

/* Each of n functions calls the next one twice. */
static void test_bomb(void **state) {
  (void)state;
  Run r = run_new();
  Str opset = str_new(r.arena);
  pw_text(&opset, 1, "f");
  for (int i = 0; i < 30; i++) {
    Str f = str_new(r.arena);
    const char *callee = arena_printf(r.arena, "f%d", i + 1);
    Str one = ob_node(r.arena, callee, "a", "b");
    Str two = ob_node(r.arena, callee, "b", "c");
    pw_text(&one, 7, "f");
    pw_text(&two, 7, "f");
    pw_text(&f, 1, arena_printf(r.arena, "f%d", i));
    pw_text(&f, 4, "a");
    pw_text(&f, 5, "c");
    pw_message(&f, 7, &one);
    pw_message(&f, 7, &two);
    pw_message(&f, 9, &opset);
    pw_text(&f, 10, "f");
    pw_message(&r.model.functions, 25, &f);
  }
  Str call = ob_node(r.arena, "f0", "x", "y");
  pw_text(&call, 7, "f");
  ob_input(&r.model, "x", OB_FLOAT, "4");
  ob_add(&r.model, &call);
  ob_output(&r.model, "y");
  assert_false(run_import(&r));
  run_free(&r);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_truncation),
      cmocka_unit_test(test_every_byte),
      cmocka_unit_test(test_wild_bytes),
      cmocka_unit_test(test_bomb),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
