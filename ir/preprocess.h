/* What becomes of a sample (pixels, mostly) before it is an input's content:
 *
 *     resize, crop, order of channels, ((x * scale) - mean[c]) / std[c], layout
 *
 * in this order. Samples are N x H x W x C; c counts channels as the model
 * takes them, behind `order`. A graph's inputs remember it. */
#ifndef KILN_IR_PREPROCESS_H
#define KILN_IR_PREPROCESS_H

#include <stdbool.h>

#include "ir/types.h"
#include "support/str.h"

typedef struct RealList {
  int n; /* 0: none is said */
  const double *v;
} RealList;

/* Pixels; w 0: one number was said, for resize the shorter side (the other
 * in proportion), for crop both; h 0: none. */
typedef struct Extent {
  int64_t h, w;
} Extent;

typedef enum ChannelOrder { ORDER_rgb, ORDER_bgr } ChannelOrder;
typedef enum SampleLayout { LAYOUT_nhwc, LAYOUT_nchw } SampleLayout;

typedef struct Preprocess {
  Extent resize;      /* bilinear */
  Extent crop;        /* from the middle */
  ChannelOrder order; /* bgr: the model's; samples are RGB */
  double scale;
  RealList mean, std;  /* one number for all channels, or one each */
  SampleLayout layout; /* the model's */
} Preprocess;

/* Nothing is done: scale 1, nhwc. */
extern const Preprocess preprocess_none;

/* What may be said, in the table's order: "resize, crop, ...". */
const char *preprocess_names(Arena *a);
/* Sets what is called `name` (of n bytes) to what `value` says: numbers also
 * as a quotient (1/255), several between commas. NULL, or why not (in the
 * arena). */
const char *preprocess_set(Arena *a, Preprocess *p, const char *name, size_t n,
                           const char *value, size_t bytes);
/* "scale=1/255 mean=0.5 layout=nchw", as on a command line. NULL, or why
 * not. */
const char *preprocess_parse(Arena *a, const char *spec, Preprocess *out);
/* Can an input of type t be made so? NULL, or why not. */
const char *preprocess_misfit(Arena *a, const Preprocess *p, const Type *t);

/* "{ scale=0.5, mean=[1.0,2.0], layout=nchw }": what is not at its default;
 * reads back to the same. */
void preprocess_print(Str *out, const Preprocess *p);
/* "scale=0.5 mean=1.0,2.0 layout=nchw", for preprocess_parse; "" for none. */
void preprocess_spell(Str *out, const Preprocess *p);
bool preprocess_equal(const Preprocess *a, const Preprocess *b);
const Preprocess *preprocess_copy(Arena *a, const Preprocess *p);

/* Is there a scale, a mean or a deviation? p may be NULL. */
bool preprocess_changes_values(const Preprocess *p);
/* The dimension of t that counts channels; -1: t has none. */
int preprocess_channel_axis(const Preprocess *p, const Type *t);

#endif
