/* Rounding by second order. E. Frantar, S. Ashkboos, T. Hoefler, D. Alistarh:
 * GPTQ, ICLR 2023, after the Optimal Brain Surgeon (B. Hassibi, D. Stork,
 * 1993).
 *
 * Weights of an output are rounded one after the other. Rounding weight i is
 * off by e, and the best that the weights not yet rounded, F, can do about it
 * under e^T H e is to move by
 *
 *   - e / inv(H_FF)[i][i] inv(H_FF)[i][.]
 *
 * With U upper triangular and U^T U = inv(H), row i of U / U[i][i] is that
 * row of inv(H_FF) for F = i, i + 1, ... : one factor does for all steps and
 * all outputs of a group. Columns of largest H[i][i] come first, while most
 * others can still answer. Where the weights' nearest levels turn out better,
 * they stay. */
#include "compress/recover/round.h"

#include <string.h>

#include "compress/linear.h"

typedef struct Column {
  double weight;
  int at; /* in the block */
} Column;

typedef struct Solver {
  Rounded *r;
  const Block *b;
  const double *h; /* [n][n] */
  int *order;      /* (n) columns of the block, as they are rounded */
  double *u;       /* [n][n] in that order */
  double *x, *e;   /* (n) */
  int64_t *before; /* (n) */
} Solver;

/* By weight, larger ones first, then as they come: by insertion in runs that
 * are merged, which keeps equal ones in order. */
static void sort_columns(Column *v, Column *to, int n) {
  if (n < 2)
    return;
  int half = n / 2, i = 0, j = half, k = 0;
  sort_columns(v, to, half);
  sort_columns(v + half, to, n - half);
  while (i < half || j < n)
    to[k++] =
        j == n || (i < half && v[i].weight >= v[j].weight) ? v[i++] : v[j++];
  memcpy(v, to, (size_t)n * sizeof *v);
}

static int *order_of(Arena *a, const double *h, int n) {
  Column *v = ARENA_ARRAY(a, Column, n), *spare = ARENA_ARRAY(a, Column, n);
  int *order = ARENA_ARRAY(a, int, n);
  for (int i = 0; i < n; i++)
    v[i] = (Column){h[(int64_t)i * n + i], i};
  sort_columns(v, spare, n);
  for (int i = 0; i < n; i++)
    order[i] = v[i].at;
  return order;
}

/* U in the order of rounding; false: H is not positive definite. */
static bool factor(Solver *s) {
  int n = s->b->n;
  for (int i = 0; i < n; i++)
    for (int j = 0; j < n; j++)
      s->u[(int64_t)i * n + j] = s->h[(int64_t)s->order[i] * n + s->order[j]];
  return spd_invert(s->u, n) && spd_factor(s->u, n);
}

/* Rounds output o. */
static void propagate(const Solver *s, int64_t o) {
  Rounded *r = s->r;
  int64_t n = s->b->n;
  for (int64_t i = 0; i < n; i++)
    s->x[i] = (double)r->w[o * r->l->k + s->b->column[s->order[i]]];
  for (int64_t i = 0; i < n; i++) {
    const double *row = s->u + i * n;
    int64_t j = s->b->column[s->order[i]], *level = rounded_at(r, o, j);
    *level = rounded_level(r, o, j, s->x[i]);
    double off = (s->x[i] - rounded_real(r, o, j, *level)) / row[i];
    for (int64_t k = i + 1; k < n; k++)
      s->x[k] -= off * row[k];
  }
}

static double cost(const Solver *s, int64_t o) {
  rounded_errors(s->r, s->b, o, s->e);
  return rounded_cost(s->h, s->b->n, s->e);
}

static void round_output(const Solver *s, int64_t o) {
  int n = s->b->n;
  double nearest = cost(s, o);
  for (int i = 0; i < n; i++)
    s->before[i] = *rounded_at(s->r, o, s->b->column[i]);
  propagate(s, o);
  if (cost(s, o) <= nearest)
    return;
  for (int i = 0; i < n; i++)
    *rounded_at(s->r, o, s->b->column[i]) = s->before[i];
}

static void round_block(Rounded *r, int64_t group, const Block *b) {
  Arena *a = arena_new();
  int64_t n = b->n, per_group = r->l->outputs / r->l->groups;
  Solver s = {.r = r, .b = b, .h = rounded_hessian(a, r, b)};
  s.order = order_of(a, s.h, b->n);
  s.u = ARENA_ARRAY(a, double, n *n);
  s.x = ARENA_ARRAY(a, double, n);
  s.e = ARENA_ARRAY(a, double, n);
  s.before = ARENA_ARRAY(a, int64_t, n);
  if (factor(&s))
    for (int64_t o = group * per_group; o < (group + 1) * per_group; o++)
      round_output(&s, o);
  arena_free(a);
}

void rounded_propagate(Rounded *r) {
  rounded_nearest(r);
  for (int64_t g = 0; g < r->l->groups; g++)
    for (int i = 0; i < r->m->nblock; i++)
      round_block(r, g, rounded_blocks(r, g) + i);
}
