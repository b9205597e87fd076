/* conv_tiles: what codegen/kernels/conv_tiles.c spells out. Convolutions as
 * products of matrices in AMX's tiles: a tile of inputs is `c.pixels` pixels
 * of a row by `chunk` bytes of k, straight from (staged) NHWC; one of weights
 * chunk / 4 rows of 16 outputs' quadruples; one of sums c.pixels by 16. */
#ifndef KILN_PLAN_KERNELS_CONV_TILES_H
#define KILN_PLAN_KERNELS_CONV_TILES_H

#include "plan/conv.h"

typedef struct TileParams {
  ConvParams c;          /* first: step->params is one, too. c.w:
                            [block][run][chunk][vector][k / 4][16][4] */
  int64_t chunk, chunks; /* bytes of k; how many a run has, of which the last
                            ends with it and has zeros for what it takes
                            again */
  int64_t across;        /* tiles of a row of pixels, the last of which redoes
                            what it must ... */
  int64_t tiles;         /* ... of all rows */
  int images;            /* of which so many at once: 1 or 2 */
  const Blob *config;    /* 64 bytes, for ldtilecfg */
} TileParams;

enum { TILE_ROWS = 16, TILE_BYTES = 1024, TILE_COUNT = 8 };
/* Numbers of the tiles: sums of image i by vector v, inputs, weights. */
enum { TILE_SUMS = 0, TILE_INPUTS = 4, TILE_WEIGHTS = 6 };

/* Bytes of the sums of all images of a turn; two of them alternate at the
 * scratch's free part, the tiles themselves behind them where they are
 * emulated. */
int64_t tile_buffer_bytes(const TileParams *q);

#endif
