/* NAME_STACK_BYTES against the stack that a run really takes: the harness
 * paints the stack below the call and looks how deep the paint is gone. The
 * bound must hold, and be tight up to SLACK: alignment, spill slots that only
 * another path fills, and routines that no case of the data reaches. */
#ifndef KILN_TESTS_KERNELS_PAINTED_H
#define KILN_TESTS_KERNELS_PAINTED_H

#include <string.h>

#include "codegen/codegen.h"
#include "tests/testing.h"

/* What the data may leave of the bound. */
enum { PAINTED_SLACK = 64 };

typedef struct Painted {
  bool ran;            /* false: no emulator, or does not fit its board */
  int64_t bound, used; /* bytes */
} Painted;

/* Compiles g for t and runs it once on bytes from a fixed seed. */
static inline Painted painted_run(const Graph *g, const Target *t,
                                  const CodegenOptions *opt) {
  Arena *a = g->arena;
  Painted r = {0};
  Plan *p = plan_new(a, g, t, &(PlanOptions){.for_size = opt->for_size});
  Emitted e;
  const void **in = ARENA_ARRAY(a, const void *, g->inputs.n);
  void **out = ARENA_ARRAY(a, void *, g->outputs.n);
  uint64_t random = 29;
  for (int i = 0; i < g->inputs.n; i++) {
    int64_t n = type_bytes(g->inputs.v[i]->type);
    uint8_t *bytes = arena_alloc(a, (size_t)n);
    for (int64_t k = 0; k < n; k++)
      bytes[k] = (uint8_t)test_random(&random);
    in[i] = bytes;
  }
  for (int i = 0; i < g->outputs.n; i++)
    out[i] = arena_alloc(a, (size_t)type_bytes(g->outputs.v[i]->type));
  bool emitted = p && codegen_emit(p, opt, EMIT_object, &e);
  r.ran = emitted && qemu_run(p, &e, 1, in, out, NULL, &r.used, NULL);
  r.bound = emitted ? e.sizes.stack_bytes : 0;
  ExitStatus status = diag_exit_status(g->diag);
  if (!r.ran && status != EXIT_USAGE && status != EXIT_UNSUPPORTED) {
    diag_print(g->diag, stderr);
    fail_msg("%s for %s does not run", g->name, t->name);
  }
  return r;
}

static inline bool painted_holds(const Painted *p) {
  return p->used <= p->bound && p->used + PAINTED_SLACK >= p->bound;
}

#endif
