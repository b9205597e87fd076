/* The samples that a model is run on: arrays out of files, in the types of
 * its inputs. */
#ifndef KILN_COMPRESS_FEED_H
#define KILN_COMPRESS_FEED_H

#include "dataset/data_set.h"
#include "ir/graph.h"

typedef struct Feed {
  const Graph *g;
  const NdArray *data; /* (inputs) */
  int64_t samples;     /* of each */
} Feed;

/* data[i] is for input i, and came from[i]: samples along the first axis, one
 * as a whole, or (of one axis) all their elements in a row. Inputs are i8,
 * u8, i16 or f32. false: E0302 or E0701. The arrays are borrowed. */
bool feed_open(Diag *d, const Graph *g, const NdArray *data,
               const char *const *from, Feed *out);

/* Sample s in buffers of the inputs' types. Bytes of an input's own type
 * stay; pixels move to the other signedness; reals go through its scale. */
void feed_sample(const Feed *f, int64_t s, void *const *in);

#endif
