/* What a quantized element may be: levels of a grid, or entries of a
 * codebook, times the scale that its place in the tensor has. */
#ifndef KILN_COMPRESS_RECOVER_STORED_H
#define KILN_COMPRESS_RECOVER_STORED_H

#include "ir/types.h"

/* The real value of level q, an integer of t's or an index into its codebook,
 * under scale and zero point number `entry` (type_entry). */
float stored_real(const Type *t, int64_t entry, int64_t q);
/* The level nearest to x; of two the lower one. */
int64_t stored_nearest(const Type *t, int64_t entry, double x);
/* Least and greatest level. */
void stored_range(const Type *t, int64_t *lo, int64_t *hi);
/* Levels in a tensor's bytes. */
int64_t stored_load(const Type *t, const void *data, int64_t at);
/* Bytes of type_count(t) levels, in the arena. */
void *stored_bytes(Arena *a, const Type *t, const int64_t *levels);
/* All real values, of floats of any size, too. */
float *stored_reals(Arena *a, const Type *t, const void *data);

#endif
