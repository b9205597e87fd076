/* plan/memory.h: random instances against a checker that knows only the
 * rule (live together = apart, or a permitted distance), small ones against
 * the true optimum, found by trying every offset. */
#include "tests/testing.h"

#include <stdbool.h>

#include "plan/memory.h"

enum { MAX_BLOCKS = 200, MAX_OVERLAPS = 400 };

typedef struct Problem {
  MemBlock block[MAX_BLOCKS];
  int n;
  MemOverlap overlap[MAX_OVERLAPS];
  int noverlap, align;
} Problem;

static int64_t pick(uint64_t *random, int64_t n) {
  return (int64_t)(test_random(random) % (uint64_t)n);
}

static bool live_together(const MemBlock *a, const MemBlock *b) {
  return a->first <= b->last && b->first <= a->last;
}

static bool apart(const MemBlock *a, const MemBlock *b) {
  return a->offset + a->bytes <= b->offset ||
         b->offset + b->bytes <= a->offset || !a->bytes || !b->bytes;
}

static bool permitted(const Problem *p, int in, int out) {
  for (int i = 0; i < p->noverlap; i++) {
    const MemOverlap *o = &p->overlap[i];
    if (o->in == in && o->out == out &&
        p->block[in].last == p->block[out].first &&
        (o->same ? p->block[out].offset == p->block[in].offset
                 : p->block[out].offset <= p->block[in].offset - o->distance))
      return true;
  }
  return false;
}

static bool pair_fits(const Problem *p, int a, int b) {
  const MemBlock *x = &p->block[a], *y = &p->block[b];
  return !live_together(x, y) || apart(x, y) || permitted(p, a, b) ||
         permitted(p, b, a);
}

/* Runs the planner and holds its answer against the rule. */
static int64_t solve(Problem *p, int64_t *bound) {
  Arena *a = arena_new();
  MemBound least;
  int64_t bytes =
      memory_plan(a, p->block, p->n, p->overlap, p->noverlap, p->align, &least);
  *bound = least.bytes;
  arena_free(a);
  int64_t top = 0;
  for (int i = 0; i < p->n; i++) {
    const MemBlock *b = &p->block[i];
    assert_true(b->offset >= 0 && b->offset % p->align == 0);
    if (b->offset + b->bytes > top)
      top = b->offset + b->bytes;
    for (int k = 0; k < i; k++)
      assert_true(pair_fits(p, i, k));
  }
  assert_int_equal(top, bytes);
  assert_true(*bound <= bytes);
  return bytes;
}

/* Pairs (in, out) that meet at one step, one distance each; of a quarter of
 * them, the same place or none. */
static void add_pairs(Problem *p, uint64_t *random, int64_t max_distance) {
  for (int in = 0; in < p->n; in++)
    for (int out = 0; out < p->n; out++)
      if (in != out && p->block[in].last == p->block[out].first &&
          p->block[in].first < p->block[in].last && pick(random, 3) &&
          p->noverlap < MAX_OVERLAPS)
        p->overlap[p->noverlap++] =
            pick(random, 4)
                ? (MemOverlap){in, out, pick(random, max_distance), false}
                : (MemOverlap){in, out, 0, true};
}

static Problem random_problem(uint64_t *random, int n, int steps,
                              int64_t max_bytes, int align) {
  Problem p = {.n = n, .align = align};
  for (int i = 0; i < n; i++) {
    int first = (int)pick(random, steps);
    int longest = (int)pick(random, 4) ? 3 : steps;
    int last = first + (int)pick(random, longest);
    last = last < steps ? last : steps - 1;
    p.block[i] = (MemBlock){pick(random, max_bytes), first, last, -1};
  }
  add_pairs(&p, random, max_bytes / 2 + 1);
  return p;
}

/* Can blocks i.. be placed below `height`? */
static bool placeable(Problem *p, int i, int64_t height) {
  if (i == p->n)
    return true;
  for (int64_t at = 0; at + p->block[i].bytes <= height; at += p->align) {
    p->block[i].offset = at;
    bool fits = true;
    for (int k = 0; k < i && fits; k++)
      fits = pair_fits(p, i, k);
    if (fits && placeable(p, i + 1, height))
      return true;
  }
  return false;
}

static int64_t optimum(Problem p) {
  int64_t height = 0;
  while (!placeable(&p, 0, height))
    height++;
  return height;
}

static void small_ones_are_optimal(void **state) {
  (void)state;
  uint64_t random = 7;
  for (int turn = 0; turn < 3000; turn++) {
    int align = turn % 3 ? 1 : 2;
    Problem p = random_problem(&random, 1 + (int)pick(&random, 6), 4, 6, align);
    int64_t bound, best = optimum(p), bytes = solve(&p, &bound);
    assert_true(bound <= best);
    assert_int_equal(bytes, best);
  }
}

static void medium_ones_are_sound(void **state) {
  (void)state;
  uint64_t random = 11;
  for (int turn = 0; turn < 150; turn++) {
    int n = 7 + (int)pick(&random, 18);
    Problem p = random_problem(&random, n, 2 + (int)pick(&random, 12), 5000,
                               1 << pick(&random, 7));
    int64_t bound;
    solve(&p, &bound);
  }
}

static void large_ones_are_sound(void **state) {
  (void)state;
  uint64_t random = 13;
  for (int turn = 0; turn < 10; turn++) {
    Problem p = random_problem(&random, MAX_BLOCKS, 60, 100000, 64);
    int64_t bound;
    solve(&p, &bound);
  }
}

static void same_answer_twice(void **state) {
  (void)state;
  uint64_t random = 17;
  for (int turn = 0; turn < 20; turn++) {
    Problem p = random_problem(&random, 30, 12, 1000, 16), q = p;
    int64_t bound;
    solve(&p, &bound);
    solve(&q, &bound);
    for (int i = 0; i < p.n; i++)
      assert_int_equal(p.block[i].offset, q.block[i].offset);
  }
}

static void nothing_needs_nothing(void **state) {
  (void)state;
  int64_t bound;
  Problem p = {.align = 16};
  assert_int_equal(solve(&p, &bound), 0);
  p.n = 2; /* blocks without bytes are nowhere */
  assert_int_equal(solve(&p, &bound), 0);
  assert_int_equal(bound, 0);
}

/* A chain of layers that run in place takes what one layer takes. */
static void chain_runs_in_place(void **state) {
  (void)state;
  Problem p = {.n = 10, .align = 16};
  for (int i = 0; i < p.n; i++) {
    p.block[i] = (MemBlock){1000, i, i + 1, -1};
    if (i > 0)
      p.overlap[p.noverlap++] = (MemOverlap){i - 1, i, 0, false};
  }
  int64_t bound;
  assert_int_equal(solve(&p, &bound), 1000);
  assert_int_equal(bound, 1000);
  p.noverlap = 0;
  assert_int_equal(solve(&p, &bound), 1008 + 1000);
  assert_int_equal(bound, 1008 + 1000);
}

/* An output that has to start 100 bytes before its input. */
static void distance_costs_its_bytes(void **state) {
  (void)state;
  Problem p = {.n = 2, .align = 4, .noverlap = 1};
  p.block[0] = (MemBlock){1000, 0, 1, -1};
  p.block[1] = (MemBlock){1000, 1, 2, -1};
  p.overlap[0] = (MemOverlap){0, 1, 100, false};
  int64_t bound;
  assert_int_equal(solve(&p, &bound), 1100);
  assert_int_equal(bound, 1100);
  assert_int_equal(p.block[1].offset, 0);
  p.overlap[0].distance = 5000; /* worth nothing: they stand apart */
  assert_int_equal(solve(&p, &bound), 2000);
}

/* The add of a residual block: its output over both dying inputs. */
static void output_over_two_inputs(void **state) {
  (void)state;
  Problem p = {.n = 3, .align = 1, .noverlap = 2};
  p.block[0] = (MemBlock){100, 0, 2, -1};
  p.block[1] = (MemBlock){100, 1, 2, -1};
  p.block[2] = (MemBlock){150, 2, 3, -1};
  p.overlap[0] = (MemOverlap){0, 2, 0, false};
  p.overlap[1] = (MemOverlap){1, 2, 0, false};
  int64_t bound;
  assert_int_equal(solve(&p, &bound), 200);
  assert_int_equal(bound, 200);
}

/* A larger output that may only start where the input does. */
static void same_place_or_apart(void **state) {
  (void)state;
  Problem p = {.n = 3, .align = 4, .noverlap = 1};
  p.block[0] = (MemBlock){1000, 0, 1, -1};
  p.block[1] = (MemBlock){1000, 1, 2, -1};
  p.block[2] = (MemBlock){100, 0, 0, -1};
  p.overlap[0] = (MemOverlap){0, 1, 0, true};
  int64_t bound;
  assert_int_equal(solve(&p, &bound), 1100);
  assert_int_equal(p.block[0].offset, p.block[1].offset);
  p.block[2].last = 2; /* beside both */
  assert_int_equal(solve(&p, &bound), 1100);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(small_ones_are_optimal),
      cmocka_unit_test(medium_ones_are_sound),
      cmocka_unit_test(large_ones_are_sound),
      cmocka_unit_test(same_answer_twice),
      cmocka_unit_test(nothing_needs_nothing),
      cmocka_unit_test(chain_runs_in_place),
      cmocka_unit_test(distance_costs_its_bytes),
      cmocka_unit_test(output_over_two_inputs),
      cmocka_unit_test(same_place_or_apart),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
