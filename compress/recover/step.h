/* What the steps share; private to compress/recover/. */
#ifndef KILN_COMPRESS_RECOVER_STEP_H
#define KILN_COMPRESS_RECOVER_STEP_H

#include "compress/recover/outputs.h"
#include "compress/recover/walk.h"

/* The samples that steps look at. */
typedef struct Fit {
  Engine *engine;
  const Feed *feed;
  const int64_t *sample; /* (n) of the feed */
  int64_t n;
} Fit;

Walk *fit_walk(const Fit *fit, Graph *g);

/* What a layer reads in a walk, for moments_of and outputs_of. */
typedef struct FitInput {
  const Walk *walk;
  const Value *v;
} FitInput;
MomentsInput fit_input;

/* ---- on float graphs; errors in g's diag ---- */

bool recover_equalize(const Fit *fit, Graph *g, int *changed);
bool recover_absorb(const Fit *fit, Graph *g, int *changed);

/* ---- on a graph that is to do what a float graph does ---- */

/* Layers of the float graph, in order. */
typedef struct Model {
  Layer l;
  const float *w;  /* [outputs][k] */
  const double *b; /* (biases) */
  int64_t biases;
  const double *mean; /* [groups][k] of what it reads */
  Outputs out;
} Model;
typedef struct Models {
  Graph *f;
  ARRAY(Model) all;
} Models;

/* Looks at all layers of f. */
bool models_of(Arena *a, const Fit *fit, Graph *f, Models *out);

typedef enum TuneStep {
  TUNE_round = 1,  /* retarget.c, fit.c, gptq.c */
  TUNE_refine = 2, /* descend.c */
  TUNE_bias = 4,   /* bias.c */
  TUNE_bn = 8      /* norm.c */
} TuneStep;

/* Layer by layer in order, with what each reads in g as the layers before have
 * become. g has the layers of the models, in floats or quantized. */
bool recover_tune(const Fit *fit, const Models *m, Graph *g, unsigned steps,
                  int *changed);

/* One layer of g, `w` as it now is in floats; those with another bias, or
 * other weights too, than before return true. mean[groups][k] is of what the
 * layer reads in g, `out` of what w makes of it. */
bool recover_bias(const Model *m, Layer *l, const float *w, const double *mean);
bool recover_norm(const Model *m, Layer *l, const Outputs *out);

#endif
