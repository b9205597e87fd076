/* Which weights to round up and which down, as M. Nagel et al.: Up or Down?
 * Adaptive Rounding for Post-Training Quantization, ICML 2020, ask, but by
 * coordinate descent on their quadratic form instead of a relaxation, so that
 * there is nothing to train.
 *
 * With e = w' - w and g = H e, moving weight j by d changes e^T H e by
 *
 *   2 d g[j] + d^2 H[j][j]
 *
 * and g by d H[j]. Weights are visited in order; each that lies below w may go
 * one level up, each above it one down, where that makes less of it, until none
 * does. None gets further from w than to the level on its other side: what
 * few samples say of far ones does not hold for others. */
#include "compress/recover/round.h"

#include "compress/recover/stored.h"

enum { SWEEPS = 16 };

typedef struct Descent {
  Rounded *r;
  const Block *b;
  const double *h; /* [n][n] */
  double *e, *g;   /* (n) */
} Descent;

/* The level next to `at` whose value is above (up) or below; `at`: none. */
static int64_t next_level(const Rounded *r, int64_t o, int64_t j, int64_t at,
                          bool up) {
  int64_t lo, hi, best = at;
  double x = rounded_real(r, o, j, at), distance = 0;
  stored_range(r->t, &lo, &hi);
  if (!r->t->q->codebook) {
    int64_t to = up ? at + 1 : at - 1;
    return to < lo || to > hi ? at : to;
  }
  for (int64_t q = lo; q <= hi; q++) {
    double d = rounded_real(r, o, j, q) - x;
    d = up ? d : -d;
    if (d > 0 && (best == at || d < distance)) {
      best = q;
      distance = d;
    }
  }
  return best;
}

/* Tries one direction; was it taken? */
static bool step(Descent *d, int64_t o, int i, bool up) {
  int64_t n = d->b->n, j = d->b->column[i];
  int64_t *level = rounded_at(d->r, o, j);
  double real = rounded_real(d->r, o, j, *level);
  double off = real - (double)d->r->w[o * d->r->l->k + j];
  if (up ? off >= 0 : off <= 0)
    return false;
  int64_t to = next_level(d->r, o, j, *level, up);
  double by = rounded_real(d->r, o, j, to) - real;
  const double *row = d->h + i * n;
  if (!(2 * by * d->g[i] + by * by * row[i] < 0))
    return false;
  *level = to;
  for (int64_t k = 0; k < n; k++)
    d->g[k] += by * row[k];
  return true;
}

static void descend_output(Descent *d, int64_t o) {
  int n = d->b->n;
  rounded_errors(d->r, d->b, o, d->e);
  for (int i = 0; i < n; i++) {
    d->g[i] = 0;
    for (int k = 0; k < n; k++)
      d->g[i] += d->h[(int64_t)i * n + k] * d->e[k];
  }
  bool moved = true;
  for (int sweep = 0; sweep < SWEEPS && moved; sweep++) {
    moved = false;
    for (int i = 0; i < n; i++)
      moved |= step(d, o, i, d->g[i] < 0);
  }
}

void rounded_descend(Rounded *r) {
  int64_t per_group = r->l->outputs / r->l->groups;
  for (int64_t i = 0; i < r->l->groups * r->m->nblock; i++) {
    Arena *a = arena_new();
    const Block *b = &r->m->block[i];
    int64_t first = i / r->m->nblock * per_group;
    Descent d = {.r = r, .b = b, .h = rounded_hessian(a, r, b)};
    d.e = ARENA_ARRAY(a, double, b->n);
    d.g = ARENA_ARRAY(a, double, b->n);
    for (int64_t o = first; o < first + per_group; o++)
      descend_output(&d, o);
    arena_free(a);
  }
}
