/* Choices that measuring has made, in place of the cost model's: which kernel
 * computes a layer, and how many vectors of outputs its tile has. A layer is
 * known by its shape, not by its place in a network. */
#ifndef KILN_PLAN_TUNE_H
#define KILN_PLAN_TUNE_H

#include "plan/plan.h"

typedef struct Choice {
  const Kernel *kernel;
  int vectors; /* of outputs in a tile; 0: as the target says */
} Choice;

/* The best choice for a layer on a CPU. */
typedef struct TunedLayer {
  const char *target, *layer; /* row of the target table; tune_layer's */
  const char *cpu;            /* one word */
  Choice choice;
  double us, usual_us; /* with it, and with the cost model's */
} TunedLayer;

typedef struct Tuning {
  const char *cpu; /* whose layers count */
  ARRAY(TunedLayer) layers;
} Tuning;

enum { TUNE_MOST = 12 };

/* "conv2d i8[1,8,8,4] i8[8,3,3,4] i32[8] -> i8[1,8,8,8] stride 1x1 ..." */
const char *tune_layer(Arena *a, const Op *op);
/* What may be chosen for op, the cost model's choice first; how many. */
int tune_candidates(const Op *op, const Target *t, Choice out[TUNE_MOST]);
/* The row for op on t, of a kernel that can still compute it (a file may be
 * older than the kernels' conditions, or edited); NULL: none. */
const TunedLayer *tune_find(Arena *a, const Tuning *all, const Target *t,
                            const Op *op);
/* Adds a row, in place of the one of its target, CPU and layer if there is. */
void tune_put(Arena *a, Tuning *all, const TunedLayer *l);
/* The choice for op in p: number opt.trial - 1 of its candidates (the first,
 * where it has fewer) of layers that are not known, what is known of it, or
 * the cost model's. kernel NULL: there is none. */
Choice tune_choose(const Plan *p, const Op *op);

/* Lines "TARGET CPU KERNEL VECTORS US USUAL-US LAYER", in both directions;
 * rows with unknown kernels count as unknown layers. false: a line is no such
 * line (E0001 in d, at `path`). */
bool tune_read(Arena *a, const char *path, const char *text, size_t bytes,
               Diag *d, Tuning *out);
void tune_print(Str *out, const Tuning *all);

#endif
