/* Which levels a layer's weights are rounded to; private to
 * compress/recover/. */
#ifndef KILN_COMPRESS_RECOVER_ROUND_H
#define KILN_COMPRESS_RECOVER_ROUND_H

#include "compress/recover/layer.h"
#include "compress/recover/moments.h"

/* A layer's weights on their way to integers. */
typedef struct Rounded {
  const Layer *l;
  const Moments *m; /* of what it reads, with products */
  const float *w;   /* [outputs][k] what the weights should be */
  const Type *t;    /* what they are stored as */
  int64_t *level;   /* in the order that they are stored in */
} Rounded;

/* The levels that the layer has. */
Rounded rounded_of(Arena *a, const Layer *l, const Moments *m, const float *w);

/* Other weights to round, in r->w, where the layer reads something else than
 * in the float model (retarget.c). */
void rounded_retarget(Arena *a, Rounded *r);
/* Another codebook in r->t (fit.c), where it has one. */
void rounded_fit_codebook(Arena *a, Rounded *r);
/* Other scales in r->t, where it has no codebook; none so small that a
 * bias of the layer, b[outputs], would not fit its unit, in_scale times the
 * scale (0: there is no unit). Levels are then to be chosen anew. */
void rounded_fit_scales(Arena *a, Rounded *r, const double *b, double in_scale);
/* Each weight's nearest level. */
void rounded_nearest(Rounded *r);
/* One weight after the other, its error made good by the next (gptq.c). */
void rounded_propagate(Rounded *r);
/* Single weights go up or down while that helps (descend.c). */
void rounded_descend(Rounded *r);

/* ---- what those share ---- */

/* Real value of weight j of output o at that level; its nearest level. */
double rounded_real(const Rounded *r, int64_t o, int64_t j, int64_t level);
int64_t rounded_level(const Rounded *r, int64_t o, int64_t j, double x);
int64_t *rounded_at(const Rounded *r, int64_t o, int64_t j);
/* Block b's products, with what keeps weights that no sample speaks of where
 * they are on the diagonal; [n][n] in the arena. */
double *rounded_hessian(Arena *a, const Rounded *r, const Block *b);
/* w' - w in the block's columns of output o; e^T H e of such, h[n][n]. */
void rounded_errors(const Rounded *r, const Block *b, int64_t o, double *e);
double rounded_cost(const double *h, int64_t n, const double *e);
/* The nblock blocks of a group's columns. */
const Block *rounded_blocks(const Rounded *r, int64_t group);

#endif
