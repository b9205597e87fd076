/* Points in a plane: in characters, and as a picture. */
#ifndef KILN_DRIVER_PLOT_H
#define KILN_DRIVER_PLOT_H

#include <stdio.h>

#include "support/str.h"

typedef struct PlotPoint {
  double x, y;
  char mark; /* '.', '*' better, '@' the one that is meant */
  const char *name;
} PlotPoint;

/* Points over axes from the least to the largest value of each; where several
 * fall into one place the last shows. Nothing for n = 0. */
void plot_print(Arena *a, FILE *out, const PlotPoint *points, int n,
                const char *x_name, const char *y_name);

/* The same as an SVG of its own (W3C SVG 1.1): '.' are rings, '*' are discs,
 * '@' is a large one with its name; pointing at one shows its name and
 * values. `legend` says what the marks are. */
void plot_svg(Str *out, const PlotPoint *points, int n, const char *x_name,
              const char *y_name, const char *legend);

#endif
