/* A depthwise layer and the 1x1 convolution behind it in bands of rows (plan/
 * band.h):
 *
 *   for image, for band of rows:
 *     scratch = depthwise(rows of the band)
 *     output = pointwise(scratch), as of one row of pixels
 *
 * The last band overlaps the one before when the rows don't divide. */
#ifndef KILN_CODEGEN_KERNELS_BAND_H
#define KILN_CODEGEN_KERNELS_BAND_H

#include "codegen/kernels/conv.h"

/* Some rows of a depthwise layer's outputs: those from y on of im.src, which
 * go to im.out, rows 0 .. */
typedef struct Band {
  ConvImage im;
  Val y;
  int64_t rows;
} Band;

/* dw_rows, dw_f32_rows: the row of zero points or zeros, made in scratch, NULL
 * where none is needed; and a band. */
Val dw_rows_zeros(Cg *g, const ConvParams *c, Val scratch);
void dw_rows_band(Cg *g, const ConvParams *c, Val zeros, const Band *b);
Val dw_f32_rows_zeros(Cg *g, const ConvParams *c, Val scratch);
void dw_f32_rows_band(Cg *g, const ConvParams *c, Val zeros, const Band *b);

/* The loops around the kernel of a step with a front; what that works on is
 * `im`, its loop unused. */
typedef struct Bands {
  Loop images;
  Tiles rows;
  ConvImage im;
} Bands;
Bands bands_begin(Cg *g, const Step *s, const StepArgs *a);
void bands_end(Cg *g, Bands *b);

#endif
