/* AMX: tiles by their fixed numbers, in the shapes of a step's configuration
 * (plan/kernels/conv_tiles.h). Where the target emulates them they are KBs
 * from `emulated` on, as rows of 64 bytes. */
#ifndef KILN_CODEGEN_TARGETS_AMX_H
#define KILN_CODEGEN_TARGETS_AMX_H

#include "codegen/ll.h"
#include "plan/kernels/conv_tiles.h"

typedef struct Amx {
  const TileParams *q;
  Val emulated;
} Amx;

/* Gives the tiles their shapes; what they hold is lost. */
void amx_configure(Cg *g, const Amx *x);
/* Rows from p on, `pitch` bytes apart. */
void amx_load(Cg *g, const Amx *x, int tile, Val p, int64_t pitch);
void amx_store(Cg *g, const Amx *x, int tile, Val p, int64_t pitch);
/* sums += u8 inputs by s8 weights */
void amx_dot(Cg *g, const Amx *x, int sums, int inputs, int weights);
/* Behind the last use of tiles in a step: whoever switches threads has less to
 * save. */
void amx_release(Cg *g);

#endif
