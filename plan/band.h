/* Bands: a depthwise layer becomes the front of the 1x1 convolution that
 * alone reads it,
 *
 *   for band of rows:
 *     scratch = depthwise(rows), output rows = pointwise(scratch)
 *
 * so that the map between them has no bytes but a band's, which stay in the
 * core's cache, and the output may follow the rows of the input in memory.
 * Both kernels do what they do alone, so every byte stays. */
#ifndef KILN_PLAN_BAND_H
#define KILN_PLAN_BAND_H

#include "plan/conv.h"

/* Makes the step added last to p the front of s, whose kernel is chosen, and
 * puts s in its place, if both kernels can do that and it pays. */
bool band_fuse(Plan *p, Step *s);
/* Prepares a step with a front, and that. */
bool band_prepare(Plan *p, Step *s);
/* conv_geom of a step's op; with a front that of a band, a row of pixels. */
ConvGeom band_geom(const Step *s);

#endif
