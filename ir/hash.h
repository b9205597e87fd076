/* What a graph computes, as one number. */
#ifndef KILN_IR_HASH_H
#define KILN_IR_HASH_H

#include "ir/graph.h"

/* Of inputs, outputs, states and all that they depend on: kinds, attributes,
 * types, constants' bytes. The same on every machine, for a clone, and for a
 * graph that was written as text and read again; names, the order of ops and
 * ops without effect don't count. Not made to withstand forgers. */
uint64_t graph_hash(const Graph *g);

#endif
