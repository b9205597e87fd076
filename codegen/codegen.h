/* Plan -> LLVM -> object and header; what driver/ sees of codegen. */
#ifndef KILN_CODEGEN_CODEGEN_H
#define KILN_CODEGEN_CODEGEN_H

#include "ir/exec.h"
#include "plan/plan.h"

typedef struct CodegenOptions {
  int opt_level;  /* 0..3 */
  bool for_size;  /* -Os */
  bool open_tier; /* for tests: of an object with tiers, shows the word that
                     notes the tier, as NAME_tier */
} CodegenOptions;

typedef struct Bytes {
  const char *data;
  size_t bytes;
} Bytes;

/* Everything emitted of one plan; bytes are in the plan's arena. */
typedef struct Emitted {
  Bytes object;   /* checked: no undefined symbol, no writable section */
  Bytes assembly; /* only when asked for */
  Bytes llvm;     /* optimized module as text; only when asked for */
  Bytes header;
  ObjectSizes sizes;
  bool open_tier; /* with tiers: NAME_tier is there */
  int tier;       /* with that: qemu_run's runs are of tier number tier - 1;
                     0: they choose */
} Emitted;

enum { EMIT_object = 1, EMIT_header = 2, EMIT_assembly = 4, EMIT_llvm = 8 };

/* An object of the plan's tiers. Also fills code_bytes of their steps. false:
 * errors in p->diag. */
bool codegen_emit(Plan *p, const CodegenOptions *opt, unsigned what,
                  Emitted *out);

/* Loads an emitted object of a host plan into this process. NULL: errors. */
Executor *jit_new(const Plan *p, const Emitted *e);

/* An object that was emitted at another time, and what its header says. */
typedef struct Product {
  const char *name; /* prefix of its functions */
  const char *file; /* where it lies, for messages; NULL: nowhere */
  Bytes object;
  int64_t arena_bytes, state_bytes;
  int align;   /* of arena and state */
  int threads; /* to run it by NAME_run_parallel; 0: by NAME_run */
  bool open_tier;
} Product;

/* As jit_new: an object of the model that p is a plan of. */
Executor *jit_new_product(const Plan *p, const Product *product);

/* Of an object to be run by NAME_run_parallel: how the next runs are. */
typedef enum PartOrder {
  ORDER_pool,      /* by a pool of the plan's threads */
  ORDER_backwards, /* the last part first, in the caller's thread */
  ORDER_whole      /* by NAME_run */
} PartOrder;
void jit_set_order(Executor *e, PartOrder order);

/* Of an object with an open tier: the next runs are of tier i of the plan's;
 * -1: they choose. */
void jit_set_tier(Executor *e, int i);
/* The tier that the last run took. */
int jit_tier(Executor *e);

/* On a plan with clocks: after a run, the machine's cycle counter before the
 * first step and behind each (steps + 1). */
const uint64_t *jit_clocks(Executor *e);
/* As jit_new, on a keep_all plan: after run, bytes of a value in the form
 * of the model's own type (flipped back), or NULL if it has no buffer. */
const void *jit_value(Executor *e, const Value *v);

/* What one core of this machine can do at most, by measurement: 1e9
 * multiply-accumulates a second of t's dot instruction on bytes, or of its f32
 * vectors, all operands in registers. 0: t has no such instruction. false:
 * E0901 in d. */
bool codegen_peak(const Target *t, bool floats, Diag *d, double *gmacs);

/* Runs an emitted object elsewhere: under the target's qemu (or, for a host
 * target, as a process), with a harness made here and linked by ld.lld.
 * in[i] and out[i] hold `samples` tensors one after the other, which are run
 * in order (state is reset once, at the start). A plan for threads is run by
 * NAME_run_parallel, the last part first. Before each run the arena is
 * filled with garbage. arena_out (arena_bytes, may be NULL) gets the arena
 * after the last run, *stack (may be NULL) the bytes of stack that the
 * deepest run really took, *tier (may be NULL) the tier that the last one
 * took, if it is open. false: errors in the diag: E0004 tool missing,
 * E0304 no emulator or qemu_fits() is false, E0901 it crashed or hung. */
bool qemu_run(const Plan *p, const Emitted *e, int samples,
              const void *const *in, void *const *out, void *arena_out,
              int64_t *stack, int *tier);
/* Bytes of stack that a run of it may take. */
int64_t qemu_stack_bound(const Plan *p, const Emitted *e);
/* Has the emulated board the memory for this model? */
bool qemu_fits(const Plan *p, const Emitted *e);

#endif
