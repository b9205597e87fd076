/* Where the arena is fullest. */
#ifndef KILN_PLAN_PEAK_H
#define KILN_PLAN_PEAK_H

#include "plan/plan.h"

/* A block of the arena while a step runs. */
typedef struct PeakBlock {
  const Buffer *buffer; /* NULL: the step's scratch */
  const char *role;     /* "input", "output", "scratch"; "kept" for later */
  int64_t offset, bytes;
} PeakBlock;

typedef struct Peak {
  const Step *step;        /* NULL: nothing lies in the arena */
  int64_t bytes;           /* in use; what two blocks share counts once */
  ARRAY(PeakBlock) blocks; /* of plan_peak the largest first */
} Peak;

/* What lies in the arena while s runs, by place. */
Peak plan_peak_at(const Plan *p, const Step *s);
/* The step (the first of several) during which most bytes are in use. */
Peak plan_peak(const Plan *p);

#endif
