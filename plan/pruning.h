/* What prune-channels did (Op.pruned), for reports and `kiln inspect`. */
#ifndef KILN_PLAN_PRUNING_H
#define KILN_PLAN_PRUNING_H

#include <json-c/json.h>

#include "ir/graph.h"

/* Figures of layers. */
typedef struct LayerCost {
  int64_t channels, macs, weight_bytes, bias_bytes;
} LayerCost;
/* Of one that has op->pruned; of all that have. */
void pruning_layer(const Op *op, LayerCost *before, LayerCost *after);
void pruning_total(const Graph *g, LayerCost *before, LayerCost *after);

/* {before, after, stays}; the caller's. */
json_object *pruning_json(Arena *a, const Op *op);
/* {before, after}. */
json_object *pruning_total_json(const Graph *g);

/* Lines for people: what went, and what stays by its reason; nothing when
 * neither. */
void pruning_text(Str *out, const Graph *g);
/* "3 constant: they meet padding (68)". */
void pruning_add_stay(Str *out, const Stay *s);

#endif
