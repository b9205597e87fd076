/* What dw_smlad and dw_scalar share between plan and code: depthwise
 * convolutions that take one channel at a time through a strip.
 *
 * Channels do not mix. So the rows of one channel that a band of output rows
 * needs are copied to the scratch, padded, and its outputs are computed from
 * there; then the next band's rows follow, of which the first `carried` are
 * in the strip already. Where even two rows of a strip are too many, the
 * columns are cut into blocks, and nothing is carried.
 *
 * "Rows" are the axis along which pairs of elements are multiplied at once:
 * the height, or for windows of one row the width. */
#ifndef KILN_PLAN_DEPTHWISE_H
#define KILN_PLAN_DEPTHWISE_H

#include "plan/conv.h"

typedef struct DwAxis {
  int64_t in, out; /* positions */
  int64_t taps, stride, dilation, pad;
  int64_t extent;            /* of the window: (taps - 1) * dilation + 1 */
  int64_t in_step, out_step; /* bytes from position to position */
} DwAxis;

typedef struct DwParams {
  ConvParams c; /* types, requantization; c.w: the records */
  DwAxis row, col;
  bool turned;   /* rows are columns of the image */
  int pair;      /* rows of the strip that lie interleaved: 2, as i16, or 1,
                    as stored bytes */
  int tile_rows; /* outputs computed at a time; the last tile_rows of an */
  int tile_cols; /* odd height may stick out */
  int64_t bands; /* of turns * tile_rows output rows */
  int64_t turns;
  int64_t block;   /* output columns of a block; col.out: all */
  int64_t carried; /* rows of the strip that the next band keeps */
  int64_t strip_rows, strip_cols;
  int64_t record; /* bytes of a channel's constants: where its accumulators
                     start, for RF_high multiplier and add, the weights */
  bool in_place;  /* the output may lie where the input does */
} DwParams;

/* Input rows from one band to the next. */
int64_t dw_band_step(const DwParams *d);
/* Bytes from a pair of the strip's rows to the next. */
int64_t dw_strip_pitch(const DwParams *d);
int64_t dw_strip_bytes(const DwParams *d);

/* Offset of the weights in a record. */
int64_t dw_record_head(const DwParams *d);

/* How the output rows of a tile take a pair of a column's rows: both halves
 * at once, or half `x` of the input with half `w` of a word of weights. */
enum { DW_TILE_ROWS = 2 };
typedef struct DwUse {
  int word; /* -1: the row does not take this pair */
  bool both;
  int x, w;
} DwUse;

/* Words of weights that a tile takes, the same for every column. */
typedef struct DwTaps {
  int pairs; /* of rows under the tile */
  int words;
  int64_t (*tap)[2];          /* (words) taps in its halves, -1 = none */
  DwUse (*use)[DW_TILE_ROWS]; /* (pairs) */
} DwTaps;
DwTaps dw_taps(Arena *a, const DwParams *d);

#endif
