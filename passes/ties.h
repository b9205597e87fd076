/* Which channels go together, for those who choose channels that shall go.
 * Every channel of every value is a node; nodes that ops pair up (residual
 * sums, joins, depthwise layers, pools, flattening ...) are of one class, and
 * a class can only go as a whole. The rules are those by which prune-channels
 * cuts: a class that is not held, whose outputs of layers are all zero or
 * unread, is gone behind that pass. */
#ifndef KILN_PASSES_TIES_H
#define KILN_PASSES_TIES_H

#include "ir/graph.h"

/* A convolution or dense layer with constant weights. Outputs o with the same
 * o / group read the same `inputs` columns at `taps` taps. */
typedef struct TiedLayer {
  Op *op;
  int64_t outputs, inputs, taps, group;
  const struct Linear *linear; /* ties.c's own */
} TiedLayer;

typedef struct Ties {
  ARRAY(TiedLayer) layers; /* in the order of the graph */
  int64_t nodes;
  int64_t *of;    /* (nodes) the least node of its class */
  bool *held;     /* (nodes) by that: the model's borders, or an op that works
                     across channels, need the class */
  int64_t *first; /* by id of a value: the node of its channel 0 */
} Ties;

/* In the arena; g stays as it is. */
Ties *ties_find(Arena *a, Graph *g);

/* Classes of a layer's output, and of column i of those that output reads. */
int64_t ties_output(const Ties *t, const TiedLayer *l, int64_t o);
int64_t ties_column(const Ties *t, const TiedLayer *l, int64_t o, int64_t i);
/* Where that column's weight lies in the weights. */
int64_t tied_weight(const TiedLayer *l, int64_t o, int64_t tap, int64_t i);

#endif
