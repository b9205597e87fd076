/* What a model costs and what it is worth: the columns of every account of a
 * compression. */
#ifndef KILN_COMPRESS_FIGURES_H
#define KILN_COMPRESS_FIGURES_H

#include "ir/graph.h"

typedef struct Figures {
  int64_t parameters;  /* elements of weights, biases, tables */
  int64_t weights;     /* of these the weights of layers ... */
  int64_t weight_bits; /* ... and the bits that they are written in */
  int64_t flash, ram;  /* bytes of the object; of its arena and state */
  int64_t macs;
  double score; /* of the metric; NAN where nothing was measured */
} Figures;

/* Sizes a graph by compiling it for the target that is asked for; the driver
 * hands it in. The passes run on a copy. */
typedef struct Gauge Gauge;
struct Gauge {
  /* Fills all but score. false: errors in g's diag. */
  bool (*measure)(Gauge *gauge, const Graph *g, Figures *out);
};

/* parameters, weights and weight_bits of g, as they are written. */
void figures_count(const Graph *g, Figures *out);

#endif
