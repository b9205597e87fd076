/* The samples that a model is run on: what files hold, preprocessed as the
 * model's inputs say, in the types of the inputs. */
#ifndef KILN_COMPRESS_FEED_H
#define KILN_COMPRESS_FEED_H

#include "dataset/data_set.h"
#include "dataset/image.h"
#include "ir/exec.h"
#include "ir/graph.h"

/* What one input is fed with. */
typedef struct FeedInput {
  const char *name;      /* of the input */
  const Type *type;      /* of the input */
  const Preprocess *how; /* NULL: as they are */
  const char *from;      /* the file, for messages */
  NdArray data;          /* samples along the first axis, one as a whole, or
                            (of one axis) all their elements in a row */
  const ImageStack *pictures; /* they are these, data has no content; NULL */
  const int64_t *pick;        /* (samples) of data; NULL: in order */
} FeedInput;

typedef struct Feed {
  const Graph *g;
  FeedInput *in; /* (inputs) */
  int64_t samples;
  const int64_t *index;    /* (samples) their numbers in the files, ascending;
                              NULL: all that there are */
  int64_t total;           /* samples in the files */
  const ImageList *images; /* of the first input; NULL: from an array */
} Feed;

/* data[i] is for input i, and came from[i]; both are borrowed, the rest lies
 * in g's arena. Inputs may have any element type of 8 bits and more. false:
 * E0302, or E0701 with the shape that was expected. */
bool feed_open(Diag *d, const Graph *g, const NdArray *data,
               const char *const *from, Feed *out);

/* Which of a file's samples: `samples` of them (0: all that are there) from
 * `first` on, or, when `random`, so many of all, each subset as likely as any
 * other, by a sequence that `seed` alone decides (splitmix64, Floyd's
 * selection). */
typedef struct FeedPick {
  int64_t first, samples;
  bool random;
  uint64_t seed;
} FeedPick;

/* The same from files: specs[0..n-1] are [NAME=]SPEC, as data_read's, or a
 * folder of pictures, for the input NAME or the first that has none. All that
 * is wrong is told: also E0001 for inputs that are not there. */
bool feed_load(Diag *d, const Graph *g, const char *const *specs, int n,
               const FeedPick *pick, Feed *out);

/* The same samples for another graph g with inputs of as many elements, in
 * order: preprocessed as these say, or where they say nothing, and it fits
 * them, as f's do. false: E0701. */
bool feed_for(Diag *d, const Feed *f, const Graph *g, Feed *out);

/* Sample s in buffers of the inputs' types. Without scale, mean and std:
 * bytes of an input's own type stay, pixels move to the other signedness.
 * Reals go through the scale of a quantized input as the quantize operator
 * would take them. */
void feed_sample(const Feed *f, int64_t s, void *const *in);
/* Runs x on sample s, states as they begin. in and out are buffers of its
 * inputs and outputs (ir/exec.h), in those of the sample afterwards. */
bool feed_run(const Feed *f, int64_t s, Executor *x, void *const *in,
              void *const *out);
/* One input's, under the rounding of its graph. */
void feed_input(const FeedInput *x, Rounding rounding, int64_t s, void *in);

#endif
