/* A model as text, planned and emitted: for tests of what runs objects. */
#ifndef KILN_TESTS_KERNELS_NET_H
#define KILN_TESTS_KERNELS_NET_H

#include "ir/text.h"
#include "tests/kernels/hand.h"
#include "tests/testing.h"

typedef struct Net {
  Arena *arena;
  Graph *graph;
  Plan *plan;
  Emitted emitted;
} Net;

/* For a preset, with those of its tiers that are named; NULL: with its own. */
static inline Net net_new(const char *model, const char *preset,
                          const char *tiers, const PlanOptions *plan,
                          const CodegenOptions *opt) {
  Net n = {.arena = arena_new()};
  Diag *d = diag_new(n.arena);
  n.graph = graph_parse(n.arena, d, "net.kiln", model, strlen(model));
  const Target *t = target_find(n.arena, d, preset, NULL, NULL, NULL);
  assert_non_null(n.graph);
  assert_non_null(t);
  t = target_pick_tiers(n.arena, d, t, tiers);
  assert_non_null(t);
  n.plan = plan_new(n.arena, n.graph, t, plan);
  assert_non_null(n.plan);
  if (!codegen_emit(n.plan, opt, EMIT_object, &n.emitted)) {
    diag_print(d, stderr);
    fail();
  }
  return n;
}

/* Skips the test where this process cannot run it. */
static inline void net_runs_here(Net *n) {
  if (target_runs_here(n->plan->whole))
    return;
  arena_free(n->arena);
  skip();
}

#endif
