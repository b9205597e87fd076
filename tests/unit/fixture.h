/* What a program of unit tests starts with whose tests each want an arena and
 * diagnostics of their own: cmocka_unit_test_setup_teardown(test, setup,
 * teardown). */
#ifndef KILN_TESTS_UNIT_FIXTURE_H
#define KILN_TESTS_UNIT_FIXTURE_H

#include "support/diag.h"
#include "tests/testing.h"

static Arena *arena;
static Diag *diag;

static int setup(void **state) {
  (void)state;
  arena = arena_new();
  diag = diag_new(arena);
  return 0;
}

/* All that was reported so far, as it is printed. */
static inline const char *messages(void) {
  char *text;
  size_t n;
  FILE *out = open_memstream(&text, &n);
  diag_print(diag, out);
  fclose(out);
  const char *copy = arena_strdup(arena, text);
  free(text);
  return copy;
}

static int teardown(void **state) {
  (void)state;
  arena_free(arena);
  return 0;
}

#endif
