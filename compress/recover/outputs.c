/* See outputs.h. */
#include "compress/recover/outputs.h"

#include <math.h>

enum { MOST_ROWS = 4096, LEAST_ROWS = 256, MOST_PRODUCTS = 1 << 27 };

/* Every so manieth row of all is taken. */
static int64_t step_of(const Layer *l, int64_t all) {
  int64_t rows = MOST_PRODUCTS / (l->k * l->outputs);
  rows = rows < LEAST_ROWS ? LEAST_ROWS : rows > MOST_ROWS ? MOST_ROWS : rows;
  return all > rows ? all / rows | 1 : 1;
}

static double product(const float *w, const float *x, int64_t k) {
  double sum = 0;
  for (int64_t j = 0; j < k; j++)
    sum += (double)w[j] * (double)x[j];
  return sum;
}

static void add_row(const Layer *l, const float *w, const float *x,
                    int64_t group, Outputs *to) {
  int64_t n = l->outputs / l->groups;
  for (int64_t o = group * n; o < (group + 1) * n; o++) {
    double y = product(w + o * l->k, x, l->k);
    to->mean[o] += y;
    to->deviation[o] += y * y;
  }
}

Outputs outputs_of(Arena *a, const Layer *l, const float *w,
                   MomentsInput *input, void *ctx, int64_t samples) {
  Outputs to = {ARENA_ARRAY(a, double, l->outputs),
                ARENA_ARRAY(a, double, l->outputs)};
  float *x = ARENA_ARRAY(a, float, l->k);
  int64_t all = l->rows * samples;
  int64_t step = step_of(l, all);
  double rows = (double)((all + step - 1) / step);
  for (int64_t at = 0; at < all; at += step)
    for (int64_t g = 0; g < l->groups; g++) {
      layer_row(l, input(ctx, at / l->rows), at % l->rows, g, x);
      add_row(l, w, x, g, &to);
    }
  for (int64_t o = 0; o < l->outputs; o++) {
    to.mean[o] /= rows;
    double square = to.deviation[o] / rows - to.mean[o] * to.mean[o];
    to.deviation[o] = sqrt(fmax(square, 0));
  }
  return to;
}
