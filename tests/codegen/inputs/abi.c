/* docs/abi.md from a program's side: status codes, state, unaligned data,
 * calls side by side. The model (mem.kiln) adds its input to a total that it
 * keeps, and its second input to the result. */
#include "mem.h"

#include <stdio.h>
#include <string.h>

static int failures;

static void check(int ok, int line) {
  if (!ok) {
    failures++;
    printf("line %d\n", line);
  }
}
#define CHECK(x) check((x) ? 1 : 0, __LINE__)

static MEM_DECLARE_ARENA(arena);
static MEM_DECLARE_ARENA(other_arena);
static MEM_DECLARE_STATE(state);
static MEM_DECLARE_STATE(other_state);

enum { N = MEM_X_COUNT };

/* One byte off any alignment. */
static int8_t memory[3][N + 1];
static int8_t *const x = memory[0] + 1;
static int8_t *const gain = memory[1] + 1;
static int8_t *const y = memory[2] + 1;

static void test_null(void) {
  const mem_in in = {x, gain, state};
  const mem_out out = {y};
  mem_in bad_in = in;
  const mem_out bad_out = {0};
  CHECK(mem_run(0, &out, arena) == 1);
  CHECK(mem_run(&in, 0, arena) == 1);
  CHECK(mem_run(&in, &out, 0) == 1);
  CHECK(mem_run(&in, &bad_out, arena) == 1);
  bad_in.x = 0;
  CHECK(mem_run(&bad_in, &out, arena) == 1);
  bad_in = in;
  bad_in.gain = 0;
  CHECK(mem_run(&bad_in, &out, arena) == 1);
  bad_in = in;
  bad_in.state = 0;
  CHECK(mem_run(&bad_in, &out, arena) == 1);
}

static void test_alignment(void) {
  mem_in in = {x, gain, state};
  const mem_out out = {y};
  CHECK(mem_run(&in, &out, arena + 1) == 2);
  CHECK(mem_run(&in, &out, arena + MEM_ARENA_ALIGN / 2) == 2);
  in.state = state + 1;
  CHECK(mem_run(&in, &out, arena) == 2);
}

static int run(const void *a, const void *b, void *s, void *o, void *w) {
  mem_in in;
  mem_out out;
  in.x = (const int8_t *)a;
  in.gain = (const int8_t *)b;
  in.state = s;
  out.y = (int8_t *)o;
  return mem_run(&in, &out, w);
}

static void test_overlap(void) {
  static int8_t row[2 * N];
  CHECK(run(x, gain, state, x, arena) == 3);
  CHECK(run(x, gain, state, gain, arena) == 3);
  CHECK(run(row, gain, state, row + N - 1, arena) == 3);
  CHECK(run(row + N - 1, gain, state, row, arena) == 3);
  CHECK(run(row, gain, state, row + N, arena) == 0);
  CHECK(run(row + N, gain, state, row, arena) == 0);
  CHECK(run(arena, gain, state, y, arena) == 3);
  CHECK(run(x, gain, state, arena + MEM_ARENA_BYTES - 1, arena) == 3);
  CHECK(run(x, state, state, y, arena) == 3);
  CHECK(run(x, gain, state, state, arena) == 3);
  CHECK(run(x, gain, arena, y, arena) == 3);
  CHECK(run(x, x, state, y, arena) == 0); /* inputs are only read */
}

/* What has failed has written nothing, not even the state. */
static void test_untouched(void) {
  static const unsigned char garbage = 0x5a;
  int i;
  memset(y, garbage, N);
  memset(state, garbage, sizeof state);
  CHECK(run(x, 0, state, y, arena) == 1);
  CHECK(run(x, gain, state, y, arena + 1) == 2);
  CHECK(run(x, gain, state, x, arena) == 3);
  for (i = 0; i < N; i++)
    CHECK(y[i] == 0x5a);
  for (i = 0; i < MEM_STATE_BYTES; i++)
    CHECK(state[i] == garbage);
}

static void test_state(void) {
  static const int8_t start[N] = {-9, 0, 1, 2, 3, 4, 5, 6, 7, 8};
  static int8_t other_y[N];
  int step, i;
  memset(state, 0x5a, sizeof state);
  mem_reset(state);
  mem_reset(other_state);
  for (i = 0; i < N; i++) {
    x[i] = (int8_t)(3 + i);
    gain[i] = (int8_t)(3 - 2 * i);
  }
  for (step = 1; step < 4; step++) {
    memset(arena, 0xa5, sizeof arena);
    CHECK(run(x, gain, state, y, arena) == 0);
    CHECK(run(gain, x, other_state, other_y, other_arena) == 0);
    for (i = 0; i < N; i++) {
      CHECK(y[i] == start[i] + step * i - 2 * i);
      CHECK(other_y[i] == start[i] - step * 2 * i + i);
    }
  }
  mem_reset(state);
  CHECK(run(x, gain, state, y, arena) == 0);
  for (i = 0; i < N; i++)
    CHECK(y[i] == start[i] + i - 2 * i);
}

int main(void) {
  test_null();
  test_alignment();
  test_overlap();
  test_untouched();
  test_state();
  return failures != 0;
}
