/* Damaged .tflite files of operators that become several ops: cut off, and
 * with every byte changed. The importer gives a verified graph or an error,
 * and what it computes at import stays within the tensors. */
#include "tests/tflite_float_models.h"

static void import_damaged(const uint8_t *data, size_t bytes) {
  Arena *a = arena_new();
  Diag *d = diag_new(a);
  uint8_t *exact = malloc(bytes ? bytes : 1);
  memcpy(exact, data, bytes);
  Graph *g = importer_tflite.import(a, d, "m.tflite", exact, bytes, NULL);
  assert_true(g || diag_error_count(d) > 0);
  assert_true(!g || diag_error_count(d) == 0);
  free(exact);
  arena_free(a);
}

static void damage(Run *r) {
  static const uint8_t flips[] = {0xff, 0x01, 0x80, 0x04};
  for (size_t n = 0; n < r->bytes; n += 8)
    import_damaged(r->data, n);
  for (size_t i = 0; i < r->bytes; i++) {
    uint8_t was = r->data[i];
    for (size_t k = 0; k < sizeof flips; k++) {
      r->data[i] = was ^ flips[k];
      import_damaged(r->data, r->bytes);
    }
    r->data[i] = was;
  }
}

static void test_damaged(void **state) {
  (void)state;
  for (int i = 0; i < COMPUTED_COUNT; i++) {
    Run r = run_new();
    computed[i].build(r.model);
    run_import(&r);
    assert_non_null(r.graph);
    damage(&r);
    run_free(&r);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_damaged)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
