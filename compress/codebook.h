/* Weight sharing: a few numbers that stand for all weights of a layer. */
#ifndef KILN_COMPRESS_CODEBOOK_H
#define KILN_COMPRESS_CODEBOOK_H

#include <stdint.h>

enum { CODEBOOK_MOST = 256 };

/* At most k (1 .. CODEBOOK_MOST) numbers of -127 .. 127, ascending, such that
 * the sum of weight[i] times the squared distance from x[i] (within -127 ..
 * 127) to the nearest one is about as small as can be; returns how many they
 * are. Where a quarter of all x are 0, 0 is one of them. */
int codebook_find(const float *x, const float *weight, int64_t n, int k,
                  int8_t *book);
/* The index of the entry nearest to x, the lower one of two. */
int codebook_index(const int8_t *book, int k, float x);

#endif
