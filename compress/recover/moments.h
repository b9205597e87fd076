/* What a layer reads, in numbers that don't grow with the samples: for each
 * group the mean of its rows x, and the sums of x[i] x[j] over rows, which are
 * half the Hessian of the layer's squared error in its weights. Of many rows
 * every so manieth is taken. Sums are in a fixed order. */
#ifndef KILN_COMPRESS_RECOVER_MOMENTS_H
#define KILN_COMPRESS_RECOVER_MOMENTS_H

#include "compress/recover/layer.h"

/* Columns whose products are kept: all of a group, or where those are too
 * many, all taps of some channels. */
typedef struct Block {
  int n;
  const int64_t *column; /* (n) of the layer's k */
  double *gram;          /* [n][n] mean of x[i] x[j] over the rows */
  double *drift;         /* [n][n] mean of d[i] x[j]; NULL: d is not known */
} Block;

typedef struct Moments {
  int64_t groups, k;
  int64_t rows;       /* that were taken, of each group */
  int64_t samples;    /* that they are of */
  double *mean;       /* [groups][k] */
  double *drift_mean; /* [groups][k] of d */
  int nblock;         /* of each group */
  Block *block;       /* [groups][nblock] */
} Moments;

/* The value that reads as input of the layer, of sample i, f32. */
typedef const float *MomentsInput(void *ctx, int64_t i);

/* Means of the rows of input(ctx, .) alone. */
Moments means_of(Arena *a, const Layer *l, MomentsInput *input, void *ctx,
                 int64_t samples);
/* The products, too, and those with d, the rows of input(model, .) minus
 * those; model NULL: not these. */
Moments moments_of(Arena *a, const Layer *l, MomentsInput *input, void *ctx,
                   void *model, int64_t samples);

/* The products become those of x and d less their means: what is left where a
 * bias answers for the means. */
void moments_center(Moments *m);

#endif
