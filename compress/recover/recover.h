/* Accuracy without training: steps that change a float graph before it is
 * quantized, so that it loses less, and steps that choose the integers behind
 * that by what samples show of each layer.
 *
 * Each step is a file of this folder with its paper and its algebra. */
#ifndef KILN_COMPRESS_RECOVER_RECOVER_H
#define KILN_COMPRESS_RECOVER_RECOVER_H

#include "compress/engine.h"
#include "compress/feed.h"

/* What became of a step. Errors are of the outputs on samples that the steps
 * don't see: the sum of squared differences from the float model's, as a part
 * of the sum of their squares. */
typedef struct RecoveryNote {
  const char *step;
  int changed;          /* layers, or pairs of them */
  double before, after; /* without it, with it */
  bool kept;
} RecoveryNote;

typedef struct Recovery {
  Arena *arena;
  Engine *engine;
  const Feed *feed; /* samples for a float graph's inputs; every fourth one is
                       for measuring, the others are for the steps */
  /* The quantize-dequantize graph of a float graph, which it may change no
   * value of, calibrated on it. NULL: errors in f's diag. */
  Graph *(*quantize)(void *ctx, const Graph *f);
  void *ctx;
  int64_t memory; /* about so many bytes are kept of what samples make; 0: 384
                     MiB */
  ARRAY(RecoveryNote) notes; /* of recover_run, in order */
} Recovery;

/* Checks a list of steps: names joined by commas, "auto" or "none". */
bool recover_check(Diag *d, const char *steps);
/* Names and summaries, for help; NULL behind the last. */
typedef struct RecoveryStep {
  const char *name, *summary;
} RecoveryStep;
const RecoveryStep *recover_step(int i);

/* Quantizes the float graph f, which stays as it is, with these steps; with
 * "auto" each is kept if it makes the error smaller. The result lives in
 * r->arena. NULL: errors in f's diag. f has been through the float passes. */
Graph *recover_run(Recovery *r, const Graph *f, const char *steps);

#endif
