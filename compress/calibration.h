/* What the float tensors of a model hold when it runs on data: gathered,
 * written as text that people may edit, merged from parts.
 *
 * The text, a statement a line, lists also over several, # to the line's end a
 * comment:
 *   kiln-calibration 1
 *   model "NAME" HASH          graph_hash of the prepared float graph, 16 hex
 *   preprocess "INPUT" "STEPS" what became of the samples, as --preprocess has
 *                              it, where something did
 *   samples 0..499 of 500      those observed, of the data set's; also
 *                              2..498/16, each sixteenth, and lists of such
 *   range "TENSOR" = [LO, HI]  what people put in: wins over all methods
 *   tensor "NAME" N            elements of a sample; about it:
 *   low [...]                  the least element of each sample observed
 *   high [...]                 the largest
 *   zero N                     elements that are 0 (or below 2^-126)
 *   nonfinite N                infinite or no numbers, counted nowhere else
 *   bins SIGN2^E ...           counts of 128 bins from 2^E to 2^(E+1), from
 *                              the first; @I goes on with bin I
 *   channel LO HI SUM SQUARES  for each index of the last axis, all samples
 *                              together; sums are hexadecimal fixed point */
#ifndef KILN_COMPRESS_CALIBRATION_H
#define KILN_COMPRESS_CALIBRATION_H

#include "compress/engine.h"
#include "compress/feed.h"
#include "compress/tensor_stats.h"
#include "support/array.h"

/* What became of the samples of an input. */
typedef struct Prepared {
  const char *input, *steps; /* as preprocess_spell has it */
} Prepared;

typedef struct Calibration {
  const char *file; /* NULL: of no file */
  const char *model;
  uint64_t hash;
  int64_t samples; /* of the data set */
  int64_t *index;  /* (observed) of the samples observed, rising */
  int64_t observed;
  ARRAY(Prepared) prepared; /* of inputs that say so, in their order */
  ARRAY(TensorStats)
  tensors; /* inputs first, then in the order of ops, then
              states */
} Calibration;

/* Samples k - 1, k - 1 + n, k - 1 + 2n, ...: part k of n, 1 <= k <= n. */
typedef struct Shard {
  int64_t k, n;
} Shard;

/* Told how many of `total` runs are done. */
typedef struct CalibrationProgress {
  void (*step)(void *ctx, int64_t done, int64_t total);
  void *ctx;
} CalibrationProgress;

/* Runs g, prepared (compress/prepare.h), on the shard's samples and observes
 * each value of f32 that is no constant. To a model with state all samples are
 * one stream, and a state is what it is behind each of them: a shard runs those
 * before its own, too. `progress` may be NULL. false: errors in g->diag: E0302
 * when there is no such value. Values that are infinite or no numbers are
 * warned of. */
bool calibrate(Arena *a, const Graph *g, Engine *e, const Feed *f, Shard shard,
               const CalibrationProgress *progress, Calibration *out);

void calibration_print(Str *out, const Calibration *c);
/* Errors are E0002 and, with their lines, E0702. */
bool calibration_parse(Arena *a, Diag *d, const char *file, const char *text,
                       size_t bytes, Calibration *out);
bool calibration_read(Arena *a, Diag *d, const char *path, Calibration *out);

/* What one run over all samples of the n > 0 parts gives, whatever the order
 * of the parts is; `out` shares memory with them. E0702 where they are of
 * other models or data or preprocessing, have samples in common or other
 * ranges for a tensor; a warning tells of samples that are in none. */
bool calibration_merge(Arena *a, Diag *d, const Calibration *parts, int n,
                       Calibration *out);

/* Is c of g, prepared, and of samples preprocessed as g's inputs say? E0702. A
 * warning tells of samples that were not observed. */
bool calibration_check(Diag *d, const Calibration *c, const Graph *g);
/* NULL: nothing is known of it. */
const TensorStats *calibration_find(const Calibration *c, const char *name);

/* "0..499", "2..498/16 3", ... of rising numbers. */
void sample_list_print(Str *out, const int64_t *index, int64_t n);

#endif
