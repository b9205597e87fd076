/* Something that runs a graph: the interpreter, or the compiled object
 * loaded in process (codegen/jit.h). */
#ifndef KILN_IR_EXEC_H
#define KILN_IR_EXEC_H

#include "ir/graph.h"

typedef struct Executor Executor;
struct Executor {
  const char *name; /* "interpreter", "object" */
  /* One inference: in and out are in graph order, dense row-major bytes of
   * the graph's types. false: error in the graph's diag. */
  bool (*run)(Executor *e, const void *const *in, void *const *out);
  /* Back to the initial state; no effect for models without state. */
  void (*reset)(Executor *e);
  void (*free)(Executor *e);
};

/* Buffers for the values that an executor takes or gives, in the arena. */
void **exec_buffers(Arena *a, Value *const *values, int n);

/* The reference interpreter over a verified graph. `observe` (may be NULL)
 * sees every op's outputs as soon as they are computed. */
typedef void (*ExecObserve)(void *ctx, const Op *op, void *const *out);
Executor *interp_new(const Graph *g, ExecObserve observe, void *ctx);

/* Evaluates one op on dense buffers: in[i] of op->in[i]'s type (NULL where
 * absent), out[j] written. The table behind it has one eval_ function a row
 * of ops.def. Asserts on unverified ops. */
void op_eval(const Op *op, const void *const *in, void *const *out);

#endif
