/* Inputs of a graph: random, at the ends of their range, or recorded. */
#ifndef KILN_DRIVER_SAMPLES_H
#define KILN_DRIVER_SAMPLES_H

#include "dataset/data_set.h"
#include "ir/graph.h"

/* Fills one buffer an input with seeded random bytes of the type's range.
 * Floats: over the range of a quantize op that reads them, a quarter more,
 * or -8 to 8. */
void sample_random(const Graph *g, uint64_t seed, void *const *in);
/* Every element at the low (or high) end of that range. */
void sample_extreme(const Graph *g, bool high, void *const *in);

/* Is x an array of t's elements, or of whole samples of them over a leading
 * axis? *count is their number. */
bool sample_matches(const NdArray *x, const Type *t, int64_t *count);

#endif
