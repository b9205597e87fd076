/* Passes: IR -> IR. passes.def has a row a pass; pipelines are strings of
 * pass names ("canonicalize,cse,dce"). A pass keeps this: a value's name
 * means the same bytes before and after, as long as the name exists. */
#ifndef KILN_PASSES_PASS_H
#define KILN_PASSES_PASS_H

#include "ir/graph.h"

/* What a pass may change: nothing; float results within a stated tolerance;
 * integer results by at most one step. */
typedef enum PassClass { PASS_exact, PASS_reassoc, PASS_requant } PassClass;

typedef struct PassOptions {
  const char *passes;      /* --passes=: NULL = default pipeline */
  const char *disable;     /* --disable-pass=a,b */
  const char *print_after; /* --print-after=a,b */
  bool print_after_all;    /* prints only graphs that changed */
  const char *stop_after;  /* --stop-after= */
  bool verify_each, time_passes, stats;
  int *changed;    /* NULL, or gets how many passes changed the graph added */
  PassClass allow; /* classes above it are refused; rounding=onnx allows all */
  FILE *out;       /* where prints go; stderr when NULL */
} PassOptions;

typedef struct PassCtx {
  Arena *scratch; /* for the pass; freed behind it */
  Diag *diag;
  int changed; /* STAT adds here too */
  ARRAY(struct PassStat {
    const char *pass;
    const char *what;
    int64_t n;
  })
  stats;
  Arena *arena; /* of the stats */
  const char *pass;
} PassCtx;

/* Counts what the running pass did; a pass that changed the graph must
 * count something, that is how "changed" is known. */
void pass_stat(PassCtx *c, const char *what, int64_t n);

typedef struct Pass {
  const char *name;
  bool (*run)(Graph *g, PassCtx *c); /* false: error reported */
  PassClass class_;
  const char *summary;
  bool in_default;
} Pass;
#define PASS(function, name, class_, in_default, summary)                      \
  bool pass_##function(Graph *g, PassCtx *c);
#include "passes/passes.def"
#undef PASS
extern const Pass pass_table[];
extern const int pass_count;
const Pass *pass_find(const char *name);
const char *pass_class_name(PassClass c);

/* Runs a pipeline over g. false: errors in g->diag. *stopped (may be NULL)
 * tells that --stop-after ended it. */
bool passes_run(Graph *g, const PassOptions *opt, bool *stopped);

#endif
