/* Compiles a graph for a target, runs the object and the interpreter on the
 * same bytes and compares every output, byte for byte. Seeds make the
 * cases: a failure names its seed. */
#ifndef KILN_TESTS_KERNELS_CHECK_H
#define KILN_TESTS_KERNELS_CHECK_H

#include <string.h>

#include "codegen/codegen.h"
#include "tests/testing.h"

typedef struct Random {
  uint64_t state; /* of test_random */
} Random;

static inline int random_below(Random *r, int n) {
  return (int)(test_random(&r->state) % (uint64_t)n);
}

/* From lo to hi, both included. */
static inline int random_in(Random *r, int lo, int hi) {
  return lo + random_below(r, hi - lo + 1);
}

/* Bytes of one kind a case: all minimal, all maximal or random; patterns
 * repeat in all dtypes of 8 bits. */
static inline void random_bytes(Random *r, uint8_t *out, int64_t n) {
  static const int fixed[] = {0x00, 0x7f, 0x80, 0xff};
  int kind = random_below(r, 8);
  for (int64_t i = 0; i < n; i++)
    out[i] = (uint8_t)(kind < 4 ? fixed[kind] : random_below(r, 256));
}

typedef struct Check {
  Arena *arena;
  Diag *diag;
  Graph *graph;
  const Target *target;
} Check;

static inline Check check_new(const char *target) {
  Check c = {.arena = arena_new()};
  c.diag = diag_new(c.arena);
  c.target = target_find(c.arena, c.diag, target, NULL, NULL, NULL);
  assert_non_null(c.target);
  c.graph = graph_new(c.arena, c.diag, "net");
  return c;
}

enum { CHECK_SAMPLES = 3 };

static inline bool check_run_here(Executor *x, const Graph *g,
                                  const void *const *in, void *out) {
  int64_t out_bytes = type_bytes(g->outputs.v[0]->type);
  bool ok = x != NULL;
  for (int k = 0; ok && k < CHECK_SAMPLES; k++) {
    const void *sample[8];
    for (int i = 0; i < g->inputs.n; i++)
      sample[i] = (const uint8_t *)in[i] + k * type_bytes(g->inputs.v[i]->type);
    void *to = (uint8_t *)out + k * out_bytes;
    ok = x->run(x, sample, &to);
  }
  if (x)
    x->free(x);
  return ok;
}

static inline bool check_run_object(const Check *c, const Plan *p,
                                    const Emitted *e, const void *const *in,
                                    void *out) {
  if (strcmp(c->target->runner, "host") != 0)
    return qemu_run(p, e, CHECK_SAMPLES, in, &out, NULL, NULL);
  return check_run_here(jit_new(p, e), c->graph, in, out);
}

static inline void check_fail(const Check *c, const char *what, int seed) {
  diag_print(c->diag, stderr);
  fail_msg("%s: seed %d: %s", c->target->name, seed, what);
}

/* One output, any number of inputs with random bytes. Frees the arena. */
static inline void check_finish(Check *c, Random *r, int seed) {
  Graph *g = c->graph;
  Value *result = g->outputs.v[0];
  if (!graph_verify(g))
    check_fail(c, "the case itself is not valid", seed);
  const void *in[8];
  for (int i = 0; i < g->inputs.n; i++) {
    int64_t n = type_bytes(g->inputs.v[i]->type);
    uint8_t *bytes = arena_alloc(c->arena, (size_t)n * CHECK_SAMPLES);
    for (int k = 0; k < CHECK_SAMPLES; k++)
      random_bytes(r, bytes + k * n, n);
    in[i] = bytes;
  }
  size_t n = (size_t)type_bytes(result->type) * CHECK_SAMPLES;
  uint8_t *want = arena_alloc(c->arena, n), *got = arena_alloc(c->arena, n);
  assert_true(check_run_here(interp_new(g, NULL, NULL), g, in, want));
  PlanOptions po = {.for_size = seed % 4 == 3};
  Plan *p = plan_new(c->arena, g, c->target, &po);
  Emitted e = {0};
  CodegenOptions co = {.opt_level = 2, .for_size = po.for_size};
  if (!p || !codegen_emit(p, &co, EMIT_object, &e))
    check_fail(c, "does not compile", seed);
  if (!check_run_object(c, p, &e, in, got))
    check_fail(c, "does not run", seed);
  for (size_t i = 0; i < n; i++)
    if (want[i] != got[i])
      fail_msg("%s: seed %d: %s: byte %zu is %d, the interpreter has %d",
               c->target->name, seed, p->steps.v[0]->symbol, i, got[i],
               want[i]);
  arena_free(c->arena);
}

/* Runs `cases` seeds on each target that can run here. */
static inline void check_targets(const char *const *targets, int ntargets,
                                 int cases, void (*one)(const char *, int)) {
  for (int t = 0; t < ntargets; t++) {
    Check probe = check_new(targets[t]);
    bool skip = strcmp(probe.target->runner, "host") == 0 &&
                !target_runs_here(probe.target);
    arena_free(probe.arena);
    if (skip)
      print_message("%s: this machine cannot run it\n", targets[t]);
    for (int seed = 0; !skip && seed < cases; seed++)
      one(targets[t], seed);
  }
}

#endif
