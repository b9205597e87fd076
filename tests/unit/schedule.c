/* passes/schedule.h: random graphs against every order there is, and larger
 * ones against the rule. */
#include "passes/schedule.h"

#include <string.h>

#include "tests/testing.h"

static int64_t pick(uint64_t *random, int64_t n) {
  return (int64_t)(test_random(random) % (uint64_t)n);
}

static bool holds(const IntArray *l, int x) {
  for (int i = 0; i < l->n; i++)
    if (l->v[i] == x)
      return true;
  return false;
}

/* Is block b needed by an op that is not done? */
static bool is_wanted(const Schedule *s, const bool *done, int b) {
  if (s->block[b].live_out)
    return true;
  for (int x = 0; x < s->nop; x++)
    if (!done[x] && holds(&s->op[x].reads, b))
      return true;
  return false;
}

/* Bytes while op x runs, written down from the definition; blocks are live
 * or not by `live`, which moves on. */
static int64_t run_op(const Schedule *s, int x, bool *done, bool *live) {
  int64_t during = 0, made = 0, covered = 0;
  for (int b = 0; b < s->nblock; b++)
    during += live[b] ? s->block[b].bytes : 0;
  done[x] = true;
  for (int i = 0; i < s->op[x].makes.n; i++) {
    live[s->op[x].makes.v[i]] = true;
    made += s->block[s->op[x].makes.v[i]].bytes;
  }
  for (int b = 0; b < s->nblock; b++) {
    if (!live[b] || is_wanted(s, done, b))
      continue;
    live[b] = false;
    if (holds(&s->op[x].over, b) && s->block[b].bytes > covered)
      covered = s->block[b].bytes;
  }
  return during + made - (covered < made ? covered : made);
}

static int64_t peak_of(const Schedule *s, const int *order) {
  bool done[64] = {0}, live[64];
  int64_t peak = 0;
  for (int b = 0; b < s->nblock; b++) {
    live[b] = s->block[b].live_in;
    peak += live[b] ? s->block[b].bytes : 0;
  }
  for (int i = 0; i < s->nop; i++) {
    const ScheduleOp *op = &s->op[order[i]];
    for (int k = 0; k < op->before.n; k++)
      assert_true(done[op->before.v[k]]);
    assert_false(done[order[i]]);
    int64_t bytes = run_op(s, order[i], done, live);
    peak = bytes > peak ? bytes : peak;
  }
  return peak;
}

/* Each op makes one block and reads some of those before it. */
static Schedule random_problem(Arena *a, uint64_t *random, int n) {
  Schedule s = {.nop = n, .nblock = n + 1};
  s.op = ARENA_ARRAY(a, ScheduleOp, n);
  s.block = ARENA_ARRAY(a, ScheduleBlock, n + 1);
  s.block[n] = (ScheduleBlock){pick(random, 20), true, pick(random, 2)};
  for (int x = 0; x < n; x++) {
    ScheduleOp *op = &s.op[x];
    s.block[x] = (ScheduleBlock){pick(random, 20), false, !pick(random, 8)};
    ARRAY_PUSH(a, &op->makes, x);
    for (int k = 0; k < 2; k++) {
      int b =
          pick(random, 3) && x ? x - 1 - (int)pick(random, x < 4 ? x : 4) : n;
      if (holds(&op->reads, b))
        continue;
      ARRAY_PUSH(a, &op->reads, b);
      if (b < n)
        ARRAY_PUSH(a, &op->before, b);
      if (pick(random, 3) == 0)
        ARRAY_PUSH(a, &op->over, b);
    }
  }
  return s;
}

/* The least peak over all orders that go on from order[0 .. n - 1]. */
static int64_t least(const Schedule *s, int *order, int n) {
  if (n == s->nop)
    return peak_of(s, order);
  int64_t best = INT64_MAX;
  for (int x = 0; x < s->nop; x++) {
    bool ready = true;
    for (int i = 0; i < n; i++)
      ready = ready && order[i] != x;
    for (int k = 0; k < s->op[x].before.n && ready; k++) {
      bool done = false;
      for (int i = 0; i < n; i++)
        done = done || order[i] == s->op[x].before.v[k];
      ready = done;
    }
    if (!ready)
      continue;
    order[n] = x;
    int64_t peak = least(s, order, n + 1);
    best = peak < best ? peak : best;
  }
  return best;
}

static void small_ones_are_optimal(void **state) {
  (void)state;
  uint64_t random = 5;
  for (int turn = 0; turn < 2000; turn++) {
    Arena *a = arena_new();
    Schedule s = random_problem(a, &random, 1 + (int)pick(&random, 7));
    int as_given[] = {0, 1, 2, 3, 4, 5, 6}, order[8];
    ScheduleResult r = schedule_order(a, &s);
    assert_int_equal(r.given, peak_of(&s, as_given));
    assert_int_equal(r.peak, peak_of(&s, r.order));
    assert_int_equal(r.peak, least(&s, order, 0));
    assert_int_equal(r.bound, r.peak);
    arena_free(a);
  }
}

/* Many chains side by side: too many sets for all of them to be kept. */
static Schedule chains(Arena *a, uint64_t *random, int nchain, int length) {
  int n = nchain * length;
  Schedule s = {.nop = n, .nblock = n};
  s.op = ARENA_ARRAY(a, ScheduleOp, n);
  s.block = ARENA_ARRAY(a, ScheduleBlock, n);
  for (int x = 0; x < n; x++) {
    s.block[x] = (ScheduleBlock){1 + pick(random, 1000), false,
                                 x % length == length - 1};
    ARRAY_PUSH(a, &s.op[x].makes, x);
    if (x % length == 0)
      continue;
    ARRAY_PUSH(a, &s.op[x].reads, x - 1);
    ARRAY_PUSH(a, &s.op[x].before, x - 1);
  }
  return s;
}

static void large_ones_are_sound(void **state) {
  (void)state;
  uint64_t random = 9;
  for (int turn = 0; turn < 10; turn++) {
    Arena *a = arena_new();
    Schedule s = chains(a, &random, 9, 7);
    ScheduleResult r = schedule_order(a, &s), again = schedule_order(a, &s);
    assert_int_equal(r.peak, peak_of(&s, r.order));
    assert_true(r.peak <= r.given && r.bound <= r.peak && r.bound > 0);
    assert_memory_equal(r.order, again.order, 63 * sizeof *r.order);
    arena_free(a);
  }
}

static void nothing_to_order(void **state) {
  (void)state;
  Arena *a = arena_new();
  Schedule s = {0};
  assert_int_equal(schedule_order(a, &s).peak, 0);
  arena_free(a);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(small_ones_are_optimal),
      cmocka_unit_test(large_ones_are_sound),
      cmocka_unit_test(nothing_to_order),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
