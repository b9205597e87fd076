/* Pairs of layers that can share out a factor, or a shift, of each channel
 * between them: B reads nothing but what A makes, through ops f that treat
 * each channel alone and with f(s x) = s f(x) for s > 0. */
#ifndef KILN_COMPRESS_RECOVER_PAIRS_H
#define KILN_COMPRESS_RECOVER_PAIRS_H

#include "compress/recover/layer.h"

typedef struct Pair {
  Layer a, b;
  int64_t run;    /* channel c of a: columns j of b with j / run % n == c */
  bool may_shift; /* f(x + c) = f(x) + c where x and x + c are positive, and
                     b reads no padding */
} Pair;

typedef struct Pairs {
  ARRAY(Pair) all;
} Pairs;

/* Those of a float graph whose weights nobody else reads, in order. */
Pairs pairs_of(Arena *a, const Graph *g);
/* The channel of a that weight j of b's output o reads. */
int64_t pair_channel(const Pair *p, int64_t o, int64_t j);

#endif
