/* What kiln eval measures and tells (eval.c, eval_report.c). */
#ifndef KILN_DRIVER_EVAL_H
#define KILN_DRIVER_EVAL_H

#include "compress/evaluate.h"
#include "compress/feed_span.h"

enum { EVAL_MAX_METRICS = 16 };

/* One model, and what was measured of it. */
typedef struct Evaluated {
  Graph *g;
  Feed feed;
  int output; /* which one counts */
  RunTime time;
  Measured measured[EVAL_MAX_METRICS];
} Evaluated;

typedef struct Eval {
  Evaluated own, other;
  const char *against; /* file of the other model; NULL: there is none */
  int64_t outputs;     /* elements of an output */
  Labels labels;       /* n 0: none */
  Truth truth;
  MetricSpec metric[EVAL_MAX_METRICS];
  int n;
  Span *spans; /* (inputs) */
} Eval;

void eval_print(const Eval *e);
void eval_print_json(const Eval *e);

#endif
