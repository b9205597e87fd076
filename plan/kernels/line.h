/* arg, cum, topk: along one axis, for every place before and behind it.
 *
 *   for outer: for inner: the elements x[outer][k][inner], k in 0 .. n - 1
 *
 * arg (argmax, argmin):
 *   best = 0; for k in 1 .. n - 1: best = x[k] better than x[best] ? k : best
 *   y[outer][inner] = best
 * cum (cumsum, cumprod), backwards with `reverse`:
 *   total = 0 or 1
 *   for k: next = total + x[k], or times; y[k] = exclusive ? total : next
 * topk: insertion into the outputs, which are sorted at every moment:
 *   for k:
 *     at = min(k, kept)
 *     while at > 0 and x[k] comes before y[at - 1]:
 *       at -= 1; move y[at], index[at] up by one, where that is kept
 *     y[at] = x[k], index[at] = k, where that is kept
 *
 * arg and cum go over `inner` in vectors. */
#ifndef KILN_PLAN_KERNELS_LINE_H
#define KILN_PLAN_KERNELS_LINE_H

#include "plan/plan.h"

typedef struct LineParams {
  int64_t outer, n, inner;
  int64_t kept; /* of topk: along the axis of its outputs */
  int lanes;    /* over inner; 0 = scalar */
} LineParams;

#endif
