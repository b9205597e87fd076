/* Weights for what a layer now reads. The layers before have been rounded, so
 * that it reads x where the float model's reads x + d. Those of least squared
 * error from w (x + d) are, with H = mean of x x^T,
 *
 *   w' = w (mean of (x + d) x^T) inv(H) = w + w (mean of d x^T) inv(H)
 *
 * and are what is rounded in the place of w. Y. Li et al.: GPTAQ, Efficient
 * Finetuning-Free Quantization for Asymmetric Calibration, ICML 2025, whose
 * error feedback starts from the same solution. With H damped (round.c) w'
 * stays at w where samples say little. */
#include "compress/recover/round.h"

#include "compress/linear.h"

/* to[n] = x[n] a[n][n] */
static void multiply(const double *x, const double *a, int64_t n, double *to) {
  for (int64_t j = 0; j < n; j++)
    to[j] = 0;
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < n; j++)
      to[j] += x[i] * a[i * n + j];
}

static void retarget_block(const Rounded *r, const Block *b, int64_t first,
                           int64_t outputs, float *to) {
  Arena *a = arena_new();
  int64_t n = b->n, k = r->l->k;
  double *inverse = rounded_hessian(a, r, b), *x = ARENA_ARRAY(a, double, n);
  double *y = ARENA_ARRAY(a, double, n);
  bool ok = spd_invert(inverse, b->n);
  for (int64_t o = first; o < first + outputs && ok; o++) {
    for (int64_t i = 0; i < n; i++)
      x[i] = (double)r->w[o * k + b->column[i]];
    multiply(x, b->drift, n, y);
    multiply(y, inverse, n, x);
    for (int64_t i = 0; i < n; i++)
      to[o * k + b->column[i]] += (float)x[i];
  }
  arena_free(a);
}

void rounded_retarget(Arena *a, Rounded *r) {
  const Moments *m = r->m;
  int64_t per_group = r->l->outputs / r->l->groups;
  size_t bytes = (size_t)(r->l->outputs * r->l->k) * sizeof(float);
  float *to = arena_dup(a, r->w, bytes);
  for (int64_t i = 0; i < m->groups * m->nblock; i++)
    retarget_block(r, &m->block[i], i / m->nblock * per_group, per_group, to);
  r->w = to;
}
