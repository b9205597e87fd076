/* The real numbers that samples bring to a model's inputs: preprocessing that
 * is not the model's looks like a bad quantizer, unless somebody tells. */
#ifndef KILN_COMPRESS_FEED_SPAN_H
#define KILN_COMPRESS_FEED_SPAN_H

#include "compress/feed.h"

typedef struct Span {
  double lo, hi;
} Span;

/* What input i's samples hold, preprocessed, before an input that is
 * quantized clamps them. */
Span feed_span(const Feed *f, int i);
/* What input v is quantized for, by its type or by the quantize operator that
 * alone reads it; false: it is not. */
bool input_span(const Graph *g, const Value *v, Span *out);
/* Warns in d of inputs whose samples hold much more, or much less, than they
 * are quantized for, and of pixels that a model of floats takes as they
 * are; spans[i] is feed_span's of input i. */
void feed_warn(Diag *d, const Feed *f, const Span *spans);

#endif
