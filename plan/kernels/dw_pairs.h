/* dw_pairs: what plan and code share. */
#ifndef KILN_PLAN_KERNELS_DW_PAIRS_H
#define KILN_PLAN_KERNELS_DW_PAIRS_H

#include "plan/conv.h"

/* Line l is two rows of input, 2l - pt and the next, their elements widened
 * and side by side, so that a dword is a column's pair of one channel; with
 * the columns outside the image. A pass makes `rows` rows of outputs, pass k
 * from the lines k .. k + lines - 1. Those lie in a ring.
 *
 * A line holds the channels of `block` groups of c.lanes each, the last of
 * which may be of the group before, too; or, where few channels make several
 * pixels a vector (c.pixels > 1), all of them without gaps. */
typedef struct PairsParams {
  ConvParams c;
  int rows, lines;
  int64_t columns, inside; /* pixels of a line; those of the image, from
                              column g.pl on */
  int64_t groups, block;   /* of channels; those of a line, a divisor */
  int64_t pixel;           /* dwords from column to column */
  int64_t line_bytes;
  int64_t zeros; /* bytes of a row of zero points behind the ring; 0: no line
                    has rows outside */
} PairsParams;

/* Does output row `row` of a pass take a tap of its j-th line? */
bool pairs_takes(const ConvGeom *g, int row, int line);
/* Bytes of a group's weights for one row of outputs. */
int64_t pairs_weight_bytes(const PairsParams *q);
int64_t pairs_passes(const PairsParams *q);

#endif
