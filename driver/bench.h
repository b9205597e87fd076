/* kiln bench: what was timed, on the way to the report. */
#ifndef KILN_DRIVER_BENCH_H
#define KILN_DRIVER_BENCH_H

#include "driver/session.h"

/* Seconds of a call; of a batch of calls divided by their number where one
 * is too short for the clock. */
typedef struct Timing {
  double min, median, p99;
  int64_t samples, batch;
} Timing;

typedef struct Bench {
  const Plan *plan;
  Timing own, other;   /* other: --against */
  const char *against; /* its path; NULL: none */
  bool same;           /* its outputs */
  double *step;        /* (plan->steps.n) least seconds of each step */
  double step_sum;
  int cores;                   /* that may work on it */
  double peak_int, peak_float; /* GMAC/s of those; 0: not known */
} Bench;

/* Parts of the peak: 1e9 MACs a second that `seconds` for `macs` are; of
 * integers or floats. 0: not known. */
double bench_part_of_peak(const Bench *b, const Step *s, double seconds);

/* Runs the object of b->plan, which has clocks, for that many seconds: sets
 * b->step to the least of each step, and their sum. */
bool bench_time_steps(Executor *e, const void *const *in, void *const *out,
                      double seconds, Bench *b);

void bench_print(Cli *cli, const Bench *b);
void bench_print_json(Cli *cli, const Bench *b);

/* rival.c: the object of --against and the header beside it, of the model
 * that `own` was emitted of. NULL: error reported. */
Executor *rival_new(Cli *cli, const char *path, const Built *own);

#endif
