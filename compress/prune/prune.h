/* Pruning of trained float networks: what matters least is taken out, and the
 * weights behind it are solved for anew, so that without any training little
 * of what the network knows is lost.
 *
 * A unit is what goes as a whole: a channel in all layers that it runs
 * through, a neuron, an attention head (passes/ties.h). Units whose producers
 * are the same layers are a group. First a method says in which order the
 * units of a group go and what that costs; then a scope compares groups and
 * takes units until the goal is reached; then the layers are solved for anew
 * in order; then the passes cut. */
#ifndef KILN_COMPRESS_PRUNE_PRUNE_H
#define KILN_COMPRESS_PRUNE_PRUNE_H

#include "compress/engine.h"
#include "compress/feed.h"

/* What a unit is worth. Those from `fires` on need samples. */
typedef enum PruneMethod {
#define METHOD(name, needs_data, summary) METHOD_##name,
#include "compress/prune/methods.def"
#undef METHOD
  METHOD_COUNT
} PruneMethod;
PruneMethod prune_method_find(const char *name); /* METHOD_COUNT: unknown */
const char *prune_method_name(PruneMethod m);
bool prune_method_needs_data(PruneMethod m);
/* "l1, l2, ...". */
const char *prune_method_names(Arena *a);

/* How groups are compared. */
typedef enum PruneScope {
  SCOPE_layer,  /* not: the same part of every group */
  SCOPE_global, /* by worth, relative to the group's mean */
  SCOPE_scan,   /* by what the model's outputs lose: measured, per group */
  SCOPE_COUNT
} PruneScope;
PruneScope prune_scope_find(const char *name); /* SCOPE_COUNT: unknown */

/* What the amount is a part of. */
typedef enum PruneGoal {
  GOAL_none,
  GOAL_units,    /* all that may go */
  GOAL_params,   /* weights and biases */
  GOAL_macs,     /* multiply-accumulates */
  GOAL_threshold /* no part: units worth less than the amount go */
} PruneGoal;

/* Zeros that stay where they are, in all layers of two columns and more. */
typedef struct PruneZeros {
  double part;    /* of the weights; 0: none */
  int n, m;       /* n of m successive inputs stay instead; 0: any */
  int rows, cols; /* blocks of outputs x inputs go as a whole; 0: 1 */
} PruneZeros;

typedef struct PruneOptions {
  PruneMethod method;
  PruneScope scope;
  PruneGoal goal;
  double amount; /* 0 .. 1, of GOAL_threshold any */
  PruneZeros zeros;
  bool reconstruct; /* solve for what stays */
} PruneOptions;

/* A layer's figures. */
typedef struct PruneCost {
  int64_t channels; /* of its result */
  int64_t params;   /* weights and biases */
  int64_t zeros;    /* of the params */
  int64_t macs;
} PruneCost;

typedef struct PruneRow {
  const char *name; /* of its result in the float graph */
  PruneCost model;  /* as the model has it, with what a framework masked */
  PruneCost before; /* behind the passes, which cut such masks */
  PruneCost after;
  const char *remark; /* what could not be done here; or NULL */
} PruneRow;

typedef struct PruneReport {
  ARRAY(PruneRow) rows;
  int64_t units, gone; /* that may go; that went */
  double error;        /* mean square of what the outputs changed by, over
                          their variance; NaN: not measured */
} PruneReport;

/* A pruned copy in arena a of g, a float graph behind the default passes with
 * reassoc allowed. `feed` may be NULL when nothing in the options needs
 * samples (prune_needs_data). NULL: errors in g->diag. */
Graph *prune_graph(Arena *a, const Graph *g, const PruneOptions *options,
                   Engine *engine, const Feed *feed, PruneReport *out);
/* The same in two steps, for who tries several amounts: all that is measured
 * of g (which outlives it, as the others do), once; then a graph and a report,
 * in an arena of the caller's, for each amount: of a the graphs keep names
 * alone. NULL: errors in g->diag. */
typedef struct Pruner Pruner;
Pruner *prune_open(Arena *a, const Graph *g, const PruneOptions *options,
                   Engine *engine, const Feed *feed);
Graph *prune_to(Pruner *p, Arena *a, double amount, PruneReport *out);
void prune_close(Pruner *p); /* may be NULL */
bool prune_needs_data(const PruneOptions *options);

#endif
