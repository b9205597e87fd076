/* Windows of the input image, clipped at its borders, for kernels that gather
 * them into scratch (ConvParams.patched). */
#ifndef KILN_CODEGEN_KERNELS_PATCH_H
#define KILN_CODEGEN_KERNELS_PATCH_H

#include "codegen/kernels/conv.h"

enum { PATCH_MAX_PIXELS = 4 };

/* Loops over the images, rows and tiles of c->pixels neighbouring pixels. The
 * last tile of a row that they do not divide holds its last pixel again, so
 * that no tile reads what an earlier one may have overwritten. */
typedef struct PatchTiles {
  Loop n, y, x;
  Val image; /* of the input; unpatched: the window */
  Val row;
  Val col[PATCH_MAX_PIXELS];
  Val out[PATCH_MAX_PIXELS];    /* outputs of each pixel, or of its window */
  Val begins[PATCH_MAX_PIXELS]; /* of maxima (ConvParams.pool): is the pixel
                                   its window's first? else NULL */
} PatchTiles;
PatchTiles patch_tiles_begin(Cg *g, const ConvParams *c, const StepArgs *a);
void patch_tiles_end(Cg *g, PatchTiles *t);

/* A loop over the runs of a window with a carried value a pixel. `to` counts
 * bytes: `run_bytes` a run. */
typedef struct PatchRuns {
  Loop rows, cols;
  Val to;
} PatchRuns;
PatchRuns patch_runs_begin(Cg *g, const ConvParams *c, int64_t run_bytes,
                           const Val *init);
/* carried: runs->cols.carry in the body, rows.carry after the end */
void patch_runs_end(Cg *g, PatchRuns *r, const Val *next);

/* Pointer to the run's c->run bytes of a tile's pixel p: in the image, or
 * where it sticks out of that, put together in `line`, `fill` (a byte)
 * outside. `first`: bytes to add to where it starts (of a group). */
Val patch_run(Cg *g, const ConvParams *c, const PatchTiles *t,
              const PatchRuns *r, int p, Val line, Val fill, Val first);

#endif
