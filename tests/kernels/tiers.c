/* codegen/tiers.c: the first runs of an object in several threads at once; and
 * its tiers in turns over one state. */
#include <pthread.h>
#include <stdlib.h>

#include "codegen/loaded.h"
#include "tests/kernels/net.h"

static const char model[] =
    "model net rounding=tflite\n"
    "input %x : i8[1,6,5,6] q(0.05, -3)\n"
    "const @w : i8[9,3,3,6] q(0.01, 0) = splat 3\n"
    "state %old : i8[1,6,5,9] q(0.1, 4) -> %new\n"
    "%c : i8[1,6,5,9] q(0.1, 4) = conv2d %x, @w { pad=[1,1,1,1] }\n"
    "%new : i8[1,6,5,9] q(0.1, 4) = add %c, %old\n"
    "output %new\n";

enum { IN = 6 * 5 * 6, OUT = 6 * 5 * 9, THREADS = 4, RUNS = 6 };

static Net emit(const char *family, const char *tiers, bool open_tier) {
  return net_new(model, family, tiers,
                 &(PlanOptions){.threads = 3, .part_cycles = 1e-6},
                 &(CodegenOptions){.opt_level = 2, .open_tier = open_tier});
}

/* One that runs in this process. */
static Net build(bool open_tier) {
  Net n = emit("x86-64", NULL, open_tier);
  net_runs_here(&n);
  return n;
}

static void fill(int8_t *x, int seed) {
  for (int i = 0; i < IN; i++)
    x[i] = (int8_t)(i * 29 + seed * 53);
}

static void run(Executor *e, int seed, int8_t *y) {
  int8_t x[IN];
  fill(x, seed);
  assert_true(e->run(e, (const void *[]){x}, (void *[]){y}));
}

/* A parallel_for that counts parts. */
typedef void Body(void *data, int part);
static void one_by_one(void *ctx, int count, Body *body, void *data) {
  for (int i = 0; i < count; i++)
    body(data, i);
  *(int *)ctx += count;
}

/* A caller of one object that all share, by one function or the other. */
typedef struct Racer {
  pthread_t thread;
  pthread_barrier_t *start;
  int (*run)(const void *const *in, void *const *out, void *arena);
  int (*run_parallel)(const void *const *in, void *const *out, void *arena,
                      void (*parallel_for)(void *, int, Body *, void *),
                      void *ctx);
  int parts;
  void *arena, *state;
  int8_t in[IN], out[OUT];
} Racer;

static void *race(void *arg) {
  Racer *r = arg;
  const void *in[] = {r->in, r->state};
  void *out[] = {r->out};
  pthread_barrier_wait(r->start);
  int status = r->run
                   ? r->run(in, out, r->arena)
                   : r->run_parallel(in, out, r->arena, one_by_one, &r->parts);
  return status || (!r->run && !r->parts) ? arg : NULL;
}

/* Bytes in whole multiples of the alignment. */
static size_t blocks(int64_t bytes, size_t align) {
  return ((size_t)bytes / align + 1) * align;
}

static void racer_begin(Racer *r, const Plan *p, pthread_barrier_t *start) {
  size_t align = (size_t)p->arena_align;
  r->start = start;
  r->arena = aligned_alloc(align, blocks(p->arena_bytes, align));
  r->state = aligned_alloc(align, blocks(p->state_bytes, align));
  assert_non_null(r->arena);
  assert_non_null(r->state);
  memset(r->state, 4, (size_t)p->state_bytes); /* its zero point */
  fill(r->in, 1);
  assert_int_equal(pthread_create(&r->thread, NULL, race, r), 0);
}

static void test_first_runs_at_once(void **state) {
  (void)state;
  Net n = build(false);
  Racer r[THREADS] = {0};
  pthread_barrier_t start;
  int8_t want[OUT];
  Executor *interp = interp_new(n.graph, NULL, NULL);
  run(interp, 1, want);
  Loaded *object =
      loaded_new(n.graph->diag, E0901, n.emitted.object, "net", NULL);
  assert_non_null(object);
  assert_int_equal(pthread_barrier_init(&start, NULL, THREADS), 0);
  for (int i = 0; i < THREADS; i++) {
    assert_true(
        i % 2 ? loaded_symbol(object, "net_run", &r[i].run)
              : loaded_symbol(object, "net_run_parallel", &r[i].run_parallel));
    racer_begin(&r[i], n.plan, &start);
  }
  for (int i = 0; i < THREADS; i++) {
    void *failed;
    pthread_join(r[i].thread, &failed);
    assert_null(failed);
    assert_memory_equal(r[i].out, want, OUT);
    free(r[i].arena);
    free(r[i].state);
  }
  pthread_barrier_destroy(&start);
  loaded_free(object);
  interp->free(interp);
  arena_free(n.arena);
}

static int tiers_here(const Plan *p, int *list) {
  int n = 0;
  for (int i = 0; i < p->tiers.n; i++)
    if (target_runs_here(p->tiers.v[i]->target))
      list[n++] = i;
  return n;
}

/* One run each, the state going from one to the next. */
static void test_one_state_for_all(void **state) {
  (void)state;
  Net n = build(true);
  Executor *interp = interp_new(n.graph, NULL, NULL);
  Executor *jit = jit_new(n.plan, &n.emitted);
  assert_non_null(jit);
  int list[8], have = tiers_here(n.plan, list);
  int8_t got[OUT], want[OUT];
  for (int r = 0; r < RUNS; r++) {
    jit_set_tier(jit, list[r % have]);
    run(jit, r, got);
    run(interp, r, want);
    assert_memory_equal(got, want, OUT);
    assert_int_equal(jit_tier(jit), list[r % have]);
  }
  jit_set_tier(jit, -1);
  run(jit, RUNS, got);
  assert_int_equal(jit_tier(jit), list[have - 1]);
  jit->free(jit);
  interp->free(interp);
  arena_free(n.arena);
}

/* What several have is there once. */
static void test_equal_constants_are_one(void **state) {
  (void)state;
  Net n = build(false);
  int shared = 0;
  for (int i = 0; i < n.emitted.sizes.tiers.n; i++) {
    const TierSize *z = &n.emitted.sizes.tiers.v[i];
    assert_true(z->code_bytes > 0 && z->shared_bytes <= z->rodata_bytes);
    shared += z->shared_bytes > 0;
  }
  assert_true(shared >= 2);
  const Plan *p = n.plan;
  for (int i = 0; i < p->tiers.n; i++) {
    assert_int_equal(p->tiers.v[i]->arena_bytes, p->arena_bytes);
    assert_int_equal(p->tiers.v[i]->arena_align, 64);
    assert_int_equal(p->tiers.v[i]->state_bytes, p->state_bytes);
  }
  arena_free(n.arena);
}

/* Only a build for tests shows its word. */
static void test_only_tests_see_the_tier(void **state) {
  (void)state;
  Net n = build(true);
  ObjectFile o;
  assert_true(object_read(n.arena, n.emitted.object, &o, n.graph->diag));
  assert_true(object_check(&o, n.plan, true));
  assert_false(object_check(&o, n.plan, false));
  n.plan->tiers.n = 1;
  assert_false(object_check(&o, n.plan, true));
  arena_free(n.arena);
}

/* What it chooses on several processors, as qemu has them. */
static void test_choice_on_arm(void **state) {
  (void)state;
  static const struct {
    const char *cpu;
    int tier;
  } rows[] = {
      {"cortex-a53", 0}, {"cortex-a72", 0}, {"cortex-a76", 1}, {"max", 2}};
  Net n = emit("aarch64", "neon,dotprod,i8mm", true);
  Executor *interp = interp_new(n.graph, NULL, NULL);
  int8_t x[IN], got[OUT], want[OUT];
  fill(x, 3);
  run(interp, 3, want);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    int tier = -1;
    assert_int_equal(setenv("QEMU_CPU", rows[i].cpu, 1), 0);
    assert_true(qemu_run(n.plan, &n.emitted, 1, (const void *[]){x},
                         (void *[]){got}, NULL, NULL, &tier));
    assert_int_equal(tier, rows[i].tier);
    assert_memory_equal(got, want, OUT);
  }
  unsetenv("QEMU_CPU");
  interp->free(interp);
  arena_free(n.arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_first_runs_at_once),
      cmocka_unit_test(test_one_state_for_all),
      cmocka_unit_test(test_equal_constants_are_one),
      cmocka_unit_test(test_only_tests_see_the_tier),
      cmocka_unit_test(test_choice_on_arm),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
