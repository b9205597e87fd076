/* See plot.h. */
#include "driver/plot.h"

#include <math.h>
#include <string.h>

enum { COLUMNS = 60, ROWS = 12 };

typedef struct Axis {
  double lo, hi;
} Axis;

static void widen(Axis *axis, double x) {
  axis->lo = fmin(axis->lo, x);
  axis->hi = fmax(axis->hi, x);
}

/* Which of n cells x is in. */
static int cell(const Axis *axis, double x, int n) {
  double span = axis->hi - axis->lo;
  double part = span > 0 ? (x - axis->lo) / span : 0;
  return (int)lround(part * (n - 1));
}

void plot_print(Arena *a, FILE *out, const PlotPoint *points, int n,
                const char *x_name, const char *y_name) {
  Axis x = {INFINITY, -INFINITY}, y = x;
  char(*cells)[COLUMNS] = arena_alloc(a, (size_t)ROWS * COLUMNS);
  memset(cells, ' ', (size_t)ROWS * COLUMNS);
  for (int i = 0; i < n; i++) {
    widen(&x, points[i].x);
    widen(&y, points[i].y);
  }
  for (int i = 0; i < n; i++) {
    int row = ROWS - 1 - cell(&y, points[i].y, ROWS);
    cells[row][cell(&x, points[i].x, COLUMNS)] = points[i].mark;
  }
  if (!n)
    return;
  fprintf(out, "%s\n", y_name);
  for (int row = 0; row < ROWS; row++) {
    double edge = row ? y.lo : y.hi;
    if (row == 0 || row == ROWS - 1)
      fprintf(out, "%10.4g |%.*s\n", edge, COLUMNS, cells[row]);
    else
      fprintf(out, "%10s |%.*s\n", "", COLUMNS, cells[row]);
  }
  fprintf(out, "%10s +%.*s\n%10s  %-*.*g%.*g %s\n", "", COLUMNS,
          "------------------------------------------------------------", "",
          COLUMNS - 10, 6, x.lo, 6, x.hi, x_name);
}
