/* Times an object beside its peers, for host.py: prints a JSON object when it
 * is ready, answers `run N` with a list of N times in nanoseconds and ends at
 * `quit`, as ../shared/bench-peers asks of its entrants. Built with MODEL_H,
 * RUN, ARENA_BYTES, IN_BYTES, OUT_BYTES and IN_FLOAT. */
#include MODEL_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static __attribute__((aligned(64))) unsigned char arena[ARENA_BYTES + 1];
static __attribute__((aligned(64))) unsigned char input[IN_BYTES];
static __attribute__((aligned(64))) unsigned char output[OUT_BYTES];

/* Bytes of all values, or floats from -1 to 1. */
static void fill_input(void) {
  uint32_t s = 12345;
  for (size_t i = 0; i < IN_BYTES; i += IN_FLOAT ? 4 : 1) {
    s = s * 1664525u + 1013904223u;
    if (IN_FLOAT) {
      float x = (float)(s >> 8) * 0x1p-23f - 1;
      memcpy(input + i, &x, sizeof x);
    } else {
      input[i] = (unsigned char)(s >> 24);
    }
  }
}

static long long now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return 1000000000LL * t.tv_sec + t.tv_nsec;
}

static int run_once(void) {
  const void *const in[] = {input};
  void *const out[] = {output};
  return RUN((const void *)in, (const void *)out, arena);
}

static int run_many(long n, long long *ns) {
  for (long i = 0; i < n; i++) {
    long long start = now();
    if (run_once())
      return 1;
    ns[i] = now() - start;
  }
  printf("[");
  for (long i = 0; i < n; i++)
    printf("%s%lld", i ? ", " : "", ns[i]);
  printf("]\n");
  return fflush(stdout);
}

int main(void) {
  char line[64];
  fill_input();
  if (run_once())
    return 1;
  printf("{\"version\": \"kiln\"}\n");
  fflush(stdout);
  while (fgets(line, sizeof line, stdin) && strncmp(line, "run ", 4) == 0) {
    long n = strtol(line + 4, NULL, 10);
    long long *ns = malloc((size_t)(n > 0 ? n : 1) * sizeof *ns);
    int failed = !ns || run_many(n, ns);
    free(ns);
    if (failed)
      return 1;
  }
  return 0;
}
