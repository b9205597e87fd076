/* Looks for the smallest form of a float model that keeps a bound on what its
 * results are worth: forms of weights and activations, steps that recover
 * accuracy, parts of the channels taken out; what is cheap to try first. */
#ifndef KILN_COMPRESS_SEARCH_H
#define KILN_COMPRESS_SEARCH_H

#include "compress/evaluate.h"
#include "compress/figures.h"
#include "compress/scheme.h"
#include "passes/pass.h"

/* What a form may lose and take. */
typedef struct Bound {
  double max_drop;                      /* of the score */
  int64_t max_flash, max_ram, max_macs; /* INT64_MAX: any */
} Bound;

typedef struct Recipe {
  const char *name;     /* "30.0 % pruned, int8, recovered" */
  const char *form;     /* the same without the part that is pruned */
  double prune;         /* part of the parameters that goes */
  double zeros;         /* part of the weights that become zero */
  const Scheme *scheme; /* NULL: floats */
  const char *recover;  /* as recover_run takes it */
} Recipe;

typedef struct Candidate {
  Recipe recipe;
  Figures figures;
  bool failed; /* it could not be made or measured: no figures */
  bool within; /* it keeps the bound */
  bool front;  /* no other is at least as good in score, flash, RAM and MACs
                  and better in one of them */
} Candidate;

enum { SEARCH_quantize = 1, SEARCH_prune = 2 };

typedef struct Search Search;
struct Search {
  Arena *arena;
  const Graph *model; /* a prepared float graph (compress/prepare.h) */
  Engine *engine;
  Gauge *gauge;
  const Feed *feed;          /* samples for calibration, recovery, pruning */
  const PassOptions *passes; /* run on every form before it is scored */
  Bound bound;
  unsigned uses; /* SEARCH_ bits */
  double pruned; /* part of the parameters that goes from every form */

  MetricSpec metric;  /* the score */
  const Feed *scored; /* on these samples ... */
  Truth truth; /* ... beside this; where it lacks what the metric compares
                  with, beside the model's own outputs */
  int output;  /* of the model's */

  /* Called when a candidate was measured; may be NULL. */
  void (*tell)(Search *s, const Candidate *c);
  void *ctx; /* for it */

  /* Results. */
  Figures reference; /* of the model as it is */
  ARRAY(Candidate) tried;
  int best; /* of tried: of those that keep the score the one that keeps the
               budgets, or comes nearest to them, and is smallest in flash;
               else the one that loses least */
  const Graph *graph; /* of the best; NULL: no form could be made */
  Arena *kept;        /* where that lives, when it is not the model itself */
};

/* false: errors in the model's diag: E0601 where none keeps the bound, and
 * then the results are there; where no form could be made, why. */
bool search_run(Search *s);
/* Lets go of the graph. */
void search_free(Search *s);

#endif
