/* conv_winograd: 3x3 windows over integers by Winograd's F(2x2, 3x3) (Lavin
 * and Gray 2016), 16 products for four outputs instead of 36. Weights are
 * transformed times 2 in each direction, so that all stays whole and the sums
 * come out times 4, exactly; everything is computed modulo 2^32. */
#ifndef KILN_PLAN_KERNELS_WINOGRAD_H
#define KILN_PLAN_KERNELS_WINOGRAD_H

#include "plan/conv.h"

enum { WINOGRAD_PLACES = 16 };

typedef struct WinogradParams {
  ConvParams c;         /* `pixels`: tiles of 2x2 outputs in registers */
  int64_t down, across; /* such tiles in the image; the last ones overlap */
  int64_t rows;         /* rows of tiles that are transformed at a time */
  /* In scratch, behind the staged copy: */
  int64_t w_bytes; /* a block's weights [place][ic / 2][vector][lane][2] i16 */
  int64_t x_bytes; /* inputs [row][tile][place][ic] i16 */
  int64_t w_place, x_place; /* from place to place */
  int64_t m_bytes;          /* products [place][pixel][vector][lane] i32 */
} WinogradParams;

#endif
