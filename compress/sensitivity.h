/* Which layers a model's outputs feel most when they are quantized, and
 * schemes that spare those. */
#ifndef KILN_COMPRESS_SENSITIVITY_H
#define KILN_COMPRESS_SENSITIVITY_H

#include "compress/quantize.h"

typedef struct LayerError {
  const char *layer; /* the name of its result */
  double error;      /* mean square error of the outputs over their mean square,
                        with this layer alone quantized */
} LayerError;

typedef struct SensitivityScan {
  const Graph *f; /* prepared */
  const Scheme *scheme;
  const Calibration *ranges;
  Engine *engine;
  const Feed *feed;
  int64_t samples; /* the feed's first ones; at most its number */
  /* Told how many of `total` layers are done; may be NULL. */
  void (*step)(void *ctx, int64_t done, int64_t total);
  void *ctx;
} SensitivityScan;

typedef ARRAY(LayerError) LayerErrors;

/* How many layers with constant weights f has. */
int64_t sensitivity_layers(const Graph *f);
/* All of them, the worst first. false: errors in
 * f->diag. */
bool sensitivity_scan(Arena *a, const SensitivityScan *s, LayerErrors *out);

/* Gives the n worst layers more bits: weights of 8 where they have fewer, else
 * activations of 16. */
void scheme_spare(Arena *a, Scheme *s, const Graph *f,
                  const LayerErrors *errors, int64_t n);
/* Gives the n worst layers what they have in `wide`. */
void scheme_mix(Arena *a, Scheme *s, const Scheme *wide, const Graph *f,
                const LayerErrors *errors, int64_t n);

#endif
