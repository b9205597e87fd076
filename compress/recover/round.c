/* See round.h. The layer's outputs are off by (w' - w) x for weights w' in the
 * place of w; the mean square of that over rows x is, output by output,
 *
 *   (w' - w)^T H (w' - w),  H = mean of x x^T
 *
 * which is what the choices of levels make small. Few rows leave directions
 * open in which w' would run away: what they say of H is drawn towards a
 * multiple of the identity, by the part that Y. Chen, A. Wiesel, Y. Eldar,
 * A. Hero: Shrinkage Algorithms for MMSE Covariance Estimation, IEEE
 * Transactions on Signal Processing 58 (2010), find best for normal x (OAS),
 * and a little more. Rows of one sample resemble each other: they count as the
 * geometric mean of what they and their samples are. */
#include "compress/recover/round.h"

#include <math.h>

#include "compress/recover/stored.h"

static const double least_damping = 0.01, most_drawn = 0.9;

Rounded rounded_of(Arena *a, const Layer *l, const Moments *m, const float *w) {
  Rounded r = {.l = l, .m = m, .w = w, .t = l->weight->type};
  int64_t n = l->outputs * l->k;
  r.level = ARENA_ARRAY(a, int64_t, n);
  for (int64_t i = 0; i < n; i++)
    r.level[i] = stored_load(r.t, l->weight->init->data, i);
  return r;
}

static int64_t entry_of(const Rounded *r, int64_t o, int64_t j) {
  return type_entry(r->t, layer_at(r->l, o, j));
}

double rounded_real(const Rounded *r, int64_t o, int64_t j, int64_t level) {
  return (double)stored_real(r->t, entry_of(r, o, j), level);
}

int64_t rounded_level(const Rounded *r, int64_t o, int64_t j, double x) {
  return stored_nearest(r->t, entry_of(r, o, j), x);
}

int64_t *rounded_at(const Rounded *r, int64_t o, int64_t j) {
  return &r->level[layer_at(r->l, o, j)];
}

void rounded_nearest(Rounded *r) {
  const Layer *l = r->l;
  for (int64_t o = 0; o < l->outputs; o++)
    for (int64_t j = 0; j < l->k; j++)
      *rounded_at(r, o, j) = rounded_level(r, o, j, (double)r->w[o * l->k + j]);
}

/* The part of H that is to be the identity times its mean diagonal. */
static double drawn(const double *h, double n, double rows, double trace) {
  double square = 0, each = trace * trace / n;
  for (int64_t i = 0; i < (int64_t)n * (int64_t)n; i++)
    square += h[i] * h[i];
  double part = (1 - 2 / n) * square + trace * trace;
  double whole = (rows + 1 - 2 / n) * (square - each);
  return whole > 0 ? fmin(part / whole, most_drawn) : most_drawn;
}

double *rounded_hessian(Arena *a, const Rounded *r, const Block *b) {
  int64_t n = b->n;
  double *h = arena_dup(a, b->gram, (size_t)(n * n) * sizeof *h), trace = 0;
  for (int64_t i = 0; i < n; i++)
    trace += h[i * n + i];
  double rows = sqrt((double)r->m->rows * (double)r->m->samples);
  double part = drawn(h, (double)n, rows, trace);
  double damping = trace / (double)n * (least_damping + part / (1 - part));
  for (int64_t i = 0; i < n; i++)
    h[i * n + i] += trace > 0 ? damping : 1;
  return h;
}

void rounded_errors(const Rounded *r, const Block *b, int64_t o, double *e) {
  for (int64_t i = 0; i < b->n; i++) {
    int64_t j = b->column[i];
    e[i] = rounded_real(r, o, j, *rounded_at(r, o, j)) -
           (double)r->w[o * r->l->k + j];
  }
}

double rounded_cost(const double *h, int64_t n, const double *e) {
  double cost = 0;
  for (int64_t i = 0; i < n; i++) {
    double sum = 0;
    for (int64_t j = 0; j < n; j++)
      sum += h[i * n + j] * e[j];
    cost += e[i] * sum;
  }
  return cost;
}

const Block *rounded_blocks(const Rounded *r, int64_t group) {
  return r->m->block + group * r->m->nblock;
}
