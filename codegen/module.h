/* What the files that write a module's public functions share. */
#ifndef KILN_CODEGEN_MODULE_H
#define KILN_CODEGEN_MODULE_H

#include "codegen/emit.h"

/* The pointers that run has in hand. */
typedef struct Bases {
  Val arena, state;
  Val *in, *out; /* by index of the graph's inputs and outputs */
} Bases;

/* A pointer parameter of a step function. */
typedef struct Param {
  Buffer buffer; /* of scratch: made up */
  int slot;      /* inputs, outputs, scratch counted through */
  bool written;
  int64_t stride; /* from part to part, whose own it is; 0: all share it */
} Param;

typedef struct Params {
  Param *v;
  int n;
} Params;

/* The functions of a step. */
typedef struct StepCode {
  const Step *step;
  Val fn;
  Val stage;     /* of the copy that goes before; or NULL */
  Params params; /* of both; behind them the units, where it is split */
} StepCode;

/* Part `index` (NULL: 0) of a step that is split: units first .. last - 1. */
typedef struct Part {
  Val index, first, last;
} Part;

/* Begins the public function NAME_`name` (in, out, arena, and `extra` more
 * pointers, the first of which may not be null) with its checks, up to where
 * all is well. */
Bases run_begin(Cg *g, const char *name, int extra);
/* Notes the time before step i, in plans with clocks. */
void note_clock(Cg *g, const Bases *base, int i);
/* Calls a step in all its parts; one of its functions for one part. */
void call_step(Cg *g, const Bases *base, const StepCode *c);
void call_part(Cg *g, const Bases *base, Val fn, const Params *ps,
               const Part *part);

enum { RUN_PARAMS = 5 }; /* of run_parallel */

/* parallel.c: what run_parallel calls. The functions of threads, by step. */
typedef struct Parallel {
  struct Thunks *thunks;
} Parallel;
/* Before the function that ... */
Parallel parallel_new(Cg *g, const StepCode *code);
/* ... runs the steps, with parallel_for and ctx as its last parameters, is
 * begun. */
void parallel_steps(Cg *g, const Bases *base, const StepCode *code,
                    const Parallel *p);

#endif
