/* Which scales a layer's weights may have; private to compress/recover/. */
#ifndef KILN_COMPRESS_RECOVER_GRID_H
#define KILN_COMPRESS_RECOVER_GRID_H

#include "compress/recover/layer.h"

/* Mantissas as short as those that quantizing chose, and sums that fall where
 * floats do (ir/island.h). */
typedef struct Grid {
  int bits;
  float in_scale; /* of what the layer reads; 0: floats */
  const Type *y;  /* what its result is stored as; NULL: no bytes */
} Grid;

Grid grid_of(const Layer *l);
/* The least scale of the grid that is not smaller; about the nearest one. */
float grid_up(const Grid *g, double scale);
float grid_near(const Grid *g, double scale);

#endif
