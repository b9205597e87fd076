/* What the parts of feed.h share. */
#ifndef KILN_COMPRESS_FEED_PRIVATE_H
#define KILN_COMPRESS_FEED_PRIVATE_H

#include "compress/feed.h"

/* A feed of g without samples. */
Feed feed_start(const Graph *g);
/* Does in->data fit its type, has it the shape of samples of it? */
bool feed_check(Diag *d, const Graph *g, const FeedInput *in);
/* Are `samples` as many as f has in all? */
bool feed_check_count(Diag *d, const Feed *f, const FeedInput *in,
                      int64_t samples);
/* Samples in in->data, 0 where it has not even one element. */
int64_t feed_array_samples(const FeedInput *in);

#endif
