/* Shared by the files of the dw_* kernels. */
#ifndef KILN_PLAN_KERNELS_DW_H
#define KILN_PLAN_KERNELS_DW_H

#include "plan/depthwise.h"

bool dw_is_q8(const Op *op);
/* Do the taps of a window fit the kernels that spell out every one? */
bool dw_taps_unroll(const Op *op);
/* Weight (channel, tap) less its zero point. */
int32_t dw_weight(const Op *op, const ConvGeom *g, int64_t c, int64_t tap);
/* Do all weights less their zero points fit i8? */
bool dw_narrow_weights(const Op *op, const ConvGeom *g);
/* Element `at` of an image of weights of `bytes` (1 or 2) bytes. */
void dw_store_weight(int8_t *image, int64_t at, int bytes, int32_t w);
/* Bands, blocks and in_place of a d whose axes and tile are set. */
void dw_choose_strip(const Plan *p, const Step *s, DwParams *d);

/* dw_rows: rows of outputs that are made at once, 2 or 1; lanes of the vector
 * behind the blocks (c->lanes channels each), 0 = there is none. */
int dw_rows_at_once(const ConvParams *c);
int dw_rows_tail(const ConvParams *c);
/* Bytes of its row of zero points, 0 = all rows of windows are inside. */
int64_t dw_rows_scratch(const ConvParams *c);

#endif
