/* What passes that replace ops by cheaper ones share. */
#ifndef KILN_PASSES_REWRITE_H
#define KILN_PASSES_REWRITE_H

#include "passes/pass.h"

/* One rule: tried on every op of its kind; true when it changed the graph.
 * Each must reduce the number of ops that are in use, or bring something
 * into an order that no rule undoes. */
typedef struct Rule {
  OpKind kind;
  bool (*apply)(Graph *g, Op *op);
  const char *what; /* for --stats */
} Rule;

/* Applies rules until none fits, then removes the ops left without use. */
void rewrite_graph(Graph *g, PassCtx *c, const Rule *rules, int nrule);

/* Everything that read `old` reads `with`. False, and nothing happened, when
 * `old` is a graph output and `with` can't be one (an input, a constant, an
 * output already). */
bool rewrite_replace(Graph *g, Value *old, Value *with);

/* Removes an op without use; did it? */
bool rewrite_remove_if_dead(Graph *g, Op *op);
/* Removes ops without use, users first; how many. */
int rewrite_sweep(Graph *g);

/* The op behind v when it is of that kind and v has no other use. */
Op *rewrite_only_def(const Graph *g, const Value *v, OpKind kind);

/* The activation of ops that end in a clamp; NULL for others. */
Act *rewrite_activation(Op *op);

#endif
