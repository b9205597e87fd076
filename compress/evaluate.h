/* A model over samples: its outputs, and metrics of them. */
#ifndef KILN_COMPRESS_EVALUATE_H
#define KILN_COMPRESS_EVALUATE_H

#include "compress/engine.h"
#include "compress/feed.h"
#include "compress/metric.h"

typedef struct Evaluation {
  const Graph *g; /* as it is to run */
  Engine *engine;
  const Feed *feed; /* of g, or of a graph with the same inputs */
  int output;       /* which of g's outputs counts */
  /* Told of every sample done; may be NULL. */
  void (*progress)(void *ctx, int64_t done, int64_t total);
  void *ctx;
} Evaluation;

/* What the samples should come to; either may be NULL. */
typedef struct Truth {
  const int64_t *label; /* (samples), below metric_classes(outputs); for
                           agreement, without `want`, what was decided */
  const double *want;   /* (samples, outputs) */
} Truth;

typedef struct Measured {
  double value;
  int64_t hits; /* samples that were right, where the metric is a part */
} Measured;

typedef struct RunTime {
  const char *executor; /* which ran */
  double seconds;       /* in it */
} RunTime;

/* Elements of the output that counts. */
int64_t evaluation_outputs(const Evaluation *e);
/* out[0..n-1] for metrics[0..n-1]; *time may be NULL. false: the model could
 * not be run, errors in its diag. */
bool evaluate(const Evaluation *e, const Truth *t, const MetricSpec *metrics,
              int n, Measured *out, RunTime *time);
/* The output's real values of every sample, out[samples, outputs]. */
bool evaluate_outputs(const Evaluation *e, double *out);
/* What every sample is decided to be (metric_decision), out[samples]. */
bool evaluate_decisions(const Evaluation *e, int64_t *out);
/* Metrics of outputs that are known: out[samples, outputs]. */
void evaluate_known(int64_t samples, int64_t outputs, const double *known,
                    const Truth *t, const MetricSpec *metrics, int n,
                    Measured *out);

#endif
