/* window: window_sum, window_max, window_argmax over any dimensions.
 *
 *   for o in out of dim[0] x dim[1] x ...: for j in run by blocks:
 *     for taps k in window of dim[0] x dim[1] x ...,
 *     with i = o * stride - before + k * dilation inside n, where padded:
 *       y = f(y, x[sum i * x_step + j])
 *
 * The run is what lies behind the last dimension that has a window; without
 * one every dimension is in dim and the run is 1. */
#ifndef KILN_PLAN_KERNELS_WINDOW_H
#define KILN_PLAN_KERNELS_WINDOW_H

#include "plan/plan.h"

typedef struct WindowDim {
  int64_t out, n; /* extents of y, x */
  int64_t window, stride, dilation, before;
  int64_t x_step; /* elements */
  bool padded;    /* some tap of some window falls outside */
} WindowDim;

typedef struct WindowParams {
  int ndim;
  WindowDim dim[MAX_RANK];
  int64_t out[MAX_RANK];    /* dim[].out */
  int64_t y_step[MAX_RANK]; /* elements */
  int64_t run;
  int lanes; /* 0 = scalar */
} WindowParams;

#endif
