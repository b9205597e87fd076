/* What a cmocka program of this tree starts with. */
#ifndef KILN_TESTS_TESTING_H
#define KILN_TESTS_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* The folder of models and data beside the tree; tests that use it skip()
 * when what they want is not there. */
static inline const char *shared_dir(void) {
  const char *dir = getenv("KILN_SHARED");
  return dir ? dir : KILN_SOURCE_DIR "/../shared";
}

/* xorshift64*: the same numbers on every host. *state must not be 0. */
static inline uint64_t test_random(uint64_t *state) {
  uint64_t x = *state;
  x ^= x >> 12;
  x ^= x << 25;
  x ^= x >> 27;
  *state = x;
  return x * 0x2545F4914F6CDD1Du;
}

#endif
