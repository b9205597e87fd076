/* The rows that a layer is solved with (rows.c). */
#ifndef KILN_COMPRESS_PRUNE_ROWS_H
#define KILN_COMPRESS_PRUNE_ROWS_H

#include "compress/prune/private.h"

typedef struct Rows {
  Pruner *p;
  Layer *layer;
  Arena *arena;
  Value *other;         /* summed to the layer's result; or NULL */
  bool other_is_solved; /* it comes before the layer */
  Act act;              /* of the layer, or of that sum */
  int64_t n;
  float *x;     /* (rows, groups, n) what comes in now */
  float *want;  /* (rows, outputs) what W x and the bias's change should be */
  float *base;  /* (rows, outputs) what is added to it before the activation */
  double *h[2]; /* every other sample each: (groups, n, n) sum of x x^T */
  double *r[2]; /* (outputs, n) sum of want x^T */
} Rows;

Act act_of_layer(const Layer *l);
/* false: errors in the graph's diag. */
bool rows_take(Pruner *p, Layer *l, Arena *a, Rows *out);
/* r (n) += want x */
void rows_add_wanted(double *r, int n, double want, const float *x);

#endif
