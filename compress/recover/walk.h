/* Runs a graph piece by piece over all samples at once, so that a layer can
 * be changed when what it reads is known and what comes behind it is not yet
 * computed. Pieces are graphs of their own for the engine: each op is
 * compiled and run once. Between pieces the values that are still read are
 * kept for all samples. Graphs with states are not for this: their samples
 * depend on each other. */
#ifndef KILN_COMPRESS_RECOVER_WALK_H
#define KILN_COMPRESS_RECOVER_WALK_H

#include "compress/engine.h"
#include "compress/feed.h"

typedef struct Walk Walk;

/* Over the given samples of the feed (borrowed, as are graph, engine, feed).
 * Numbers the ops. Ends with walk_free. */
Walk *walk_new(Graph *g, Engine *e, const Feed *f, const int64_t *sample,
               int64_t n);
void walk_free(Walk *w);
/* Computes all that comes before op (NULL: all there is). false: errors in the
 * graph's diag. Constants are read when their op's turn comes. */
bool walk_to(Walk *w, const Op *op);
/* Value v of the i-th sample, dense; v is read by an op that was not computed
 * yet, or is an output. NULL: it is not kept. */
const void *walk_value(const Walk *w, const Value *v, int64_t i);

#endif
