/* How a layer's results are spread before its activation, by output channel,
 * over a sample of rows. */
#ifndef KILN_COMPRESS_RECOVER_OUTPUTS_H
#define KILN_COMPRESS_RECOVER_OUTPUTS_H

#include "compress/recover/moments.h"

typedef struct Outputs {
  double *mean, *deviation; /* (outputs) without bias */
} Outputs;

/* For weights w[outputs][k] over what the layer reads. */
Outputs outputs_of(Arena *a, const Layer *l, const float *w,
                   MomentsInput *input, void *ctx, int64_t samples);

#endif
