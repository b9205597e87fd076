/* support/arena.h and array.h. */
#include "tests/testing.h"

#include <string.h>

#include "support/array.h"

static void alignment_and_zero(void **state) {
  (void)state;
  Arena *a = arena_new();
  size_t used = 0;
  for (size_t n = 0; n < 3000; n++) {
    unsigned char *p = arena_alloc(a, n);
    assert_int_equal((uintptr_t)p % 16, 0);
    for (size_t i = 0; i < n; i++)
      assert_int_equal(p[i], 0);
    memset(p, 0xff, n);
    used += n;
  }
  assert_int_equal(arena_used(a), used);
  arena_free(a);
}

/* A big block between small ones must not disturb them. */
static void big_blocks(void **state) {
  (void)state;
  Arena *a = arena_new();
  enum { BIG = 5 << 20 };
  char *before = arena_strdup(a, "before");
  char *big = arena_alloc(a, BIG);
  char *after = arena_strdup(a, "after");
  assert_int_equal((uintptr_t)big % 16, 0);
  assert_int_equal(big[0] | big[BIG - 1], 0);
  memset(big, 0x5a, BIG);
  assert_string_equal(before, "before");
  assert_string_equal(after, "after");
  arena_free(a);
}

static void distinct(void **state) {
  (void)state;
  Arena *a = arena_new();
  assert_ptr_not_equal(arena_alloc(a, 0), arena_alloc(a, 0));
  arena_free(a);
  arena_free(NULL);
}

static void duplicates(void **state) {
  (void)state;
  Arena *a = arena_new();
  assert_string_equal(arena_strndup(a, "kiln", 2), "ki");
  assert_string_equal(arena_strndup(a, "kiln", 9), "kiln");
  assert_string_equal(arena_strndup(a, "", 0), "");
  assert_memory_equal(arena_dup(a, "a\0b", 3), "a\0b", 3);
  assert_non_null(arena_dup(a, NULL, 0));
  assert_string_equal(arena_printf(a, "%d-%s", 7, "x"), "7-x");
  char *wide = arena_printf(a, "%100000d", 1);
  assert_int_equal(strlen(wide), 100000);
  arena_free(a);
}

static void array_growth(void **state) {
  (void)state;
  Arena *a = arena_new();
  ARRAY(int64_t) all = {0};
  for (int i = 0; i < 100000; i++)
    ARRAY_PUSH(a, &all, (int64_t)i * i);
  assert_int_equal(all.n, 100000);
  assert_true(all.cap >= all.n);
  for (int i = 0; i < all.n; i++)
    assert_int_equal(all.v[i], (int64_t)i * i);
  assert_true(arena_used(a) < 8u * 400000);
  arena_free(a);
}

static void array_of_structs(void **state) {
  (void)state;
  typedef struct Pair {
    char name[3];
    int n;
  } Pair;
  Arena *a = arena_new();
  ARRAY(Pair) all = {0};
  for (int i = 0; i < 9; i++)
    ARRAY_PUSH(a, &all, ((Pair){"ab", i}));
  assert_int_equal(all.v[8].n, 8);
  assert_string_equal(all.v[0].name, "ab");
  arena_free(a);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(alignment_and_zero), cmocka_unit_test(big_blocks),
      cmocka_unit_test(distinct),           cmocka_unit_test(duplicates),
      cmocka_unit_test(array_growth),       cmocka_unit_test(array_of_structs),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
