/* Requests that can't be met end the process with 70 and one line. */
#include "tests/testing.h"

#include <limits.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/array.h"

static void ask_for_too_many_bytes(Arena *a) { arena_alloc(a, SIZE_MAX - 8); }

static void ask_for_wrapping_product(Arena *a) {
  arena_alloc_array(a, SIZE_MAX / 8 + 2, 8);
}

static void ask_for_negative_count(Arena *a) { ARENA_ARRAY(a, int, -1); }

static void grow_past_int(Arena *a) {
  int cap = INT_MAX;
  array_grow(a, NULL, INT_MAX, &cap, 1);
}

static void expect_death(void (*ask)(Arena *a)) {
  int said[2];
  assert_int_equal(pipe(said), 0);
  fflush(NULL);
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    dup2(said[1], STDERR_FILENO);
    static Arena *reachable; /* for the leak checker */
    reachable = arena_new();
    ask(reachable);
    _exit(0);
  }
  close(said[1]);
  char line[64] = {0};
  assert_true(read(said[0], line, sizeof line - 1) > 0);
  close(said[0]);
  int status;
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_true(WIFEXITED(status));
  assert_int_equal(WEXITSTATUS(status), 70);
  assert_string_equal(line, "kiln: out of memory\n");
}

static void dies(void **state) {
  (void)state;
  expect_death(ask_for_too_many_bytes);
  expect_death(ask_for_wrapping_product);
  expect_death(ask_for_negative_count);
  expect_death(grow_past_int);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(dies)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
