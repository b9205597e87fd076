/* Points in a rectangle of characters. */
#ifndef KILN_DRIVER_PLOT_H
#define KILN_DRIVER_PLOT_H

#include <stdio.h>

#include "support/arena.h"

typedef struct PlotPoint {
  double x, y;
  char mark;
} PlotPoint;

/* Points over axes from the least to the largest value of each; where several
 * fall into one place the last shows. Nothing for n = 0. */
void plot_print(Arena *a, FILE *out, const PlotPoint *points, int n,
                const char *x_name, const char *y_name);

#endif
