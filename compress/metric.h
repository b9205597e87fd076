/* How good a model's outputs are, beside the classes of samples (labels), or
 * beside the outputs that are wanted: targets of a regression, or those of
 * another model. metric.def has a row each.
 *
 * Outputs are real numbers. Of equal scores the first counts as the higher;
 * one that is not a number is the lowest. A single output is the probability
 * of class 1 of two. Sums run in the order of samples and elements. */
#ifndef KILN_COMPRESS_METRIC_H
#define KILN_COMPRESS_METRIC_H

#include <stdbool.h>
#include <stdint.h>

#include "support/arena.h"
#include "support/str.h"

typedef enum MetricKind {
#define METRIC(name, with, better, unit, doc) METRIC_##name,
#include "compress/metric.def"
#undef METRIC
  METRIC_COUNT
} MetricKind;

typedef struct MetricSpec {
  MetricKind kind;
  int64_t k; /* of top */
} MetricSpec;

/* By "top1", "top-5", "f1", "mean-difference" (of n bytes); false: unknown. */
bool metric_find(const char *name, size_t n, MetricSpec *out);
/* "top-5"; all of them: "top1, top2, ..., f1, ...". In the arena. */
const char *metric_name(Arena *a, MetricSpec m);
const char *metric_names(Arena *a);
/* Against labels (true), or against outputs that are wanted. */
bool metric_wants_labels(MetricSpec m);
/* A part of the samples, 0 to 1, rather than a number. */
bool metric_is_part(MetricSpec m);
/* How much worse `to` is than `from`, in the metric's unit; below 0: better. */
double metric_drop(MetricSpec m, double from, double to);

/* Has it a meaning for so many classes? (Top-11 of 10 has none.) */
bool metric_fits(MetricSpec m, int64_t classes);

/* The classes that labels may be of a model of so many outputs. */
int64_t metric_classes(int64_t outputs);

/* The class, or the place, of the highest score. */
int64_t metric_decision(const double *out, int64_t outputs);

typedef struct Metric Metric;

Metric *metric_begin(Arena *a, MetricSpec m, int64_t outputs);
/* One sample: out[outputs], its label below metric_classes(outputs), and
 * want[outputs]; what the metric does not look at may be 0 and NULL.
 * Agreement looks at the label where want is NULL: what was decided. */
void metric_add(Metric *m, const double *out, int64_t label,
                const double *want);
/* Of the samples so far; 0 of none. */
double metric_value(const Metric *m);
/* How many samples were right, of a metric that is a part. */
int64_t metric_hits(const Metric *m);

#endif
