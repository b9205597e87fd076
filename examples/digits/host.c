/* The example on this machine: accuracy, and the time of one inference as
 * the best of many passes over the test set. */
#define _POSIX_C_SOURCE 200809L

#include "classify.h"

#include <stdio.h>
#include <time.h>

enum { PASSES = 200 };

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return 1e6 * (double)t.tv_sec + 1e-3 * (double)t.tv_nsec;
}

int main(void) {
  int count = test_set_count(), correct = 0;
  double best = 0;
  for (int i = 0; i < PASSES; i++) {
    double start = now(), time;
    correct = test_set_correct();
    time = (now() - start) / count;
    best = i == 0 || time < best ? time : best;
  }
  printf("%d of %d digits right, %.2f us an inference\n", correct, count, best);
  return 0;
}
