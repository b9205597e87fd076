/* Damaged .tflite files: a model with every operator, cut off at every byte,
 * with every byte changed, and with words that point anywhere. Whatever
 * happens, the importer gives a verified graph or an error, and reads nothing
 * outside of the file. */
#include "tests/tflite_models.h"

/* Imports `bytes` of `data` from a block of exactly that size. */
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

static void test_truncation(void **state) {
  (void)state;
  Run r = run_new();
  build_all(r.model);
  run_import(&r);
  for (size_t n = 0; n < r.bytes; n++)
    import_damaged(r.data, n);
  run_free(&r);
}

static void test_every_byte(void **state) {
  (void)state;
  static const uint8_t flips[] = {0xff, 0x01, 0x80};
  Run r = run_new();
  build_all(r.model);
  run_import(&r);
  for (size_t i = 0; i < r.bytes; i++)
    for (size_t k = 0; k < sizeof flips; k++) {
      r.data[i] ^= flips[k];
      import_damaged(r.data, r.bytes);
      r.data[i] ^= flips[k];
    }
  run_free(&r);
}

/* Words that point anywhere, several at a time. */
static void test_wild_words(void **state) {
  (void)state;
  Run r = run_new();
  uint64_t seed = 1;
  build_all(r.model);
  run_import(&r);
  uint8_t *copy = arena_dup(r.arena, r.data, r.bytes);
  for (int i = 0; i < 2000; i++) {
    for (int k = 0; k < 3; k++) {
      size_t at = test_random(&seed) % (r.bytes / 4) * 4;
      uint32_t word = (uint32_t)test_random(&seed);
      word >>= test_random(&seed) % 32;
      memcpy(r.data + at, &word, sizeof word);
    }
    import_damaged(r.data, r.bytes);
    memcpy(r.data, copy, r.bytes);
  }
  run_free(&r);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_truncation),
      cmocka_unit_test(test_every_byte),
      cmocka_unit_test(test_wild_words),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
