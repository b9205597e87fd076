/* What becomes of a float model before anything in it is observed,
 * quantized or pruned. */
#ifndef KILN_COMPRESS_PREPARE_H
#define KILN_COMPRESS_PREPARE_H

#include "passes/pass.h"

/* Runs the float pipeline over g: what remains are the layers as they will be
 * computed, batch norms in their weights, activations in their results, and
 * the channels that count. What had a name keeps it, new results get one that
 * tells of their layer. A prepared graph stays as it is. Of `how` all but
 * `passes` and `allow` holds. false: errors in g->diag. */
bool prepare_float(Graph *g, const PassOptions *how);

#endif
