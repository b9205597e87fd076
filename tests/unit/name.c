/* plan/name.h: whatever a model calls its tensors, C and C++ take it. */
#include "tests/testing.h"

#include <stdbool.h>
#include <string.h>

#include "plan/name.h"

static Arena *arena;

static int setup(void **state) {
  (void)state;
  arena = arena_new();
  return 0;
}

static int teardown(void **state) {
  (void)state;
  arena_free(arena);
  return 0;
}

static void prefixes(void **state) {
  (void)state;
  static const char *const cases[][2] = {
      {"kws", "kws"},
      {"kws_ref_model", "kws_ref_model"},
      {"KWS-v2.1", "KWS_v2_1"},
      {"__init__", "init"},
      {"a--b  c", "a_b_c"},
      {"a__b", "a_b"},
      {"1st", "model_1st"},
      {"", "model"},
      {"\xe9\x9f\xb3\xe5\xa3\xb0", "model"},
      {"caf\xc3\xa9_net", "caf_net"},
      {"net_", "net"},
      {"int", "int"},
      {"\xff\x01\n", "model"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    assert_string_equal(name_prefix(arena, cases[i][0]), cases[i][1]);
  assert_string_equal(name_prefix(arena, NULL), "model");
}

static void members(void **state) {
  (void)state;
  static const char *const cases[][2] = {
      {"serving_default_x:0", "serving_default_x_0"},
      {"free", "input_free"},
      {"main", "input_main"},
      {"class", "input_class"},
      {"while", "input_while"},
      {"yn", "input_yn"},
      {"BUFSIZ", "input_BUFSIZ"},
      {"state", "input_state"},
      {"0", "input_0"},
      {"", "input"},
      {"x", "x"},
      {"X", "X_2"}, /* KWS_X_COUNT is taken */
      {"x", "x_3"},
      {"\xe9\x9f\xb3", "input_2"},
      {"input_2", "input_2_2"},
  };
  NameSet set = {.arena = arena};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    assert_string_equal(name_member(&set, cases[i][0], "input"), cases[i][1]);
}

static bool is_identifier(const char *s) {
  for (const char *p = s; *p; p++) {
    bool letter = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z');
    bool inner = (*p >= '0' && *p <= '9') || *p == '_';
    if (!letter && (p == s || !inner))
      return false;
  }
  return *s && !strstr(s, "__");
}

/* Random bytes of any length are identifiers, short ones, and all differ. */
static void any_bytes(void **state) {
  (void)state;
  uint64_t random = 3;
  NameSet set = {.arena = arena};
  for (int turn = 0; turn < 500; turn++) {
    char raw[200];
    size_t n = (size_t)(test_random(&random) % sizeof raw);
    for (size_t i = 0; i < n; i++)
      raw[i] = (char)(test_random(&random) % 255 + 1);
    raw[n < sizeof raw ? n : sizeof raw - 1] = 0;
    const char *name = name_member(&set, raw, "output");
    assert_true(is_identifier(name));
    assert_true(strlen(name) < 63);
    assert_true(is_identifier(name_prefix(arena, raw)));
    for (int i = 0; i + 1 < set.taken.n; i++)
      assert_string_not_equal(set.taken.v[i], name);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(prefixes, setup, teardown),
      cmocka_unit_test_setup_teardown(members, setup, teardown),
      cmocka_unit_test_setup_teardown(any_bytes, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
