/* One weight group's least squares with a ridge towards the weights as they
 * were, W0, over the columns S that stay:
 *
 *   W (H_SS + D) = R_S + W0_S D,   D = damp * mean(diag H_SS)
 *
 * but for the constant column, the bias, which nothing holds. What is not
 * settled by the samples stays as it was. */
#include <string.h>

#include "compress/linear.h"
#include "compress/prune/private.h"

typedef struct Stays {
  int n;
  int *at; /* (n) columns */
} Stays;

/* `zero` is of one output, or NULL. */
static Stays stays_of(Arena *a, const Pruner *p, const Layer *l, int64_t k,
                      const bool *zero) {
  Stays s = {0, ARENA_ARRAY(a, int, l->n)};
  for (int c = 0; c < l->n - 1; c++)
    if (!(zero && zero[c]) && !column_is_gone(p, l, k, c))
      s.at[s.n++] = c;
  if (l->b)
    s.at[s.n++] = l->n - 1;
  return s;
}

static double at(const System *s, const Stays *t, int i, int j) {
  return s->h[(ptrdiff_t)t->at[i] * s->n + t->at[j]];
}

static bool is_constant(const Layer *l, int column) {
  return column == l->n - 1;
}

static double mean_moment(const System *s, const Layer *l, const Stays *t) {
  double sum = 0;
  int n = 0;
  for (int i = 0; i < t->n; i++)
    if (!is_constant(l, t->at[i])) {
      sum += at(s, t, i, i);
      n++;
    }
  return n && sum > 0 ? sum / n : 1;
}

static void fill_matrix(const System *s, const Layer *l, const Stays *t,
                        double ridge, double *h) {
  for (int i = 0; i < t->n; i++) {
    for (int j = 0; j < t->n; j++)
      h[(ptrdiff_t)i * t->n + j] = at(s, t, i, j);
    if (!is_constant(l, t->at[i]))
      h[(ptrdiff_t)i * t->n + i] += ridge;
  }
}

/* Of output o of the layer, the i-th of its group. */
static void fill_row(const System *s, const Layer *l, const Stays *t,
                     double ridge, int64_t o, int64_t i, double *b) {
  for (int c = 0; c < t->n; c++) {
    b[c] = s->r[i * s->n + t->at[c]];
    if (!is_constant(l, t->at[c]))
      b[c] += ridge * (double)l->ordered[o * l->n + t->at[c]];
  }
}

/* Outputs first .. first + count - 1 of the group have the same columns. */
static bool solve_rows(Arena *a, const Layer *l, int64_t k, const System *s,
                       double ridge, const Stays *t, int64_t first,
                       int64_t count, double *w) {
  double *h = ARENA_ARRAY(a, double, (int64_t)t->n * t->n);
  double *b = ARENA_ARRAY(a, double, count * t->n);
  fill_matrix(s, l, t, ridge, h);
  for (int64_t i = 0; i < count; i++)
    fill_row(s, l, t, ridge, k * l->tied->group + first + i, first + i,
             b + i * t->n);
  if (t->n && !spd_factor(h, t->n))
    return false;
  if (t->n)
    spd_solve(h, t->n, b, (int)count);
  for (int64_t i = 0; i < count; i++)
    for (int c = 0; c < t->n; c++)
      w[(first + i) * s->n + t->at[c]] = b[i * t->n + c];
  return true;
}

bool system_solve(const Pruner *p, const Layer *l, int64_t k, const System *s,
                  double damp, const bool *zero, double *w) {
  int64_t outputs = l->tied->group, step = zero ? 1 : outputs;
  Arena *a = arena_new();
  Stays all = stays_of(a, p, l, k, NULL);
  double ridge = damp * mean_moment(s, l, &all);
  bool ok = true;
  memset(w, 0, (size_t)(outputs * s->n) * sizeof *w);
  for (int64_t o = 0; ok && o < outputs; o += step) {
    Arena *row = arena_new();
    Stays t = stays_of(row, p, l, k, zero ? zero + o * s->n : NULL);
    ok = solve_rows(row, l, k, s, ridge, &t, o, step, w);
    arena_free(row);
  }
  arena_free(a);
  return ok;
}

double system_error(const System *s, int64_t outputs, const double *w) {
  double sum = 0;
  for (int64_t o = 0; o < outputs; o++) {
    const double *wo = w + o * s->n, *r = s->r + o * s->n;
    for (int i = 0; i < s->n; i++) {
      double row = 0;
      if (wo[i] == 0)
        continue;
      for (int j = 0; j < s->n; j++)
        row += s->h[(ptrdiff_t)i * s->n + j] * wo[j];
      sum += wo[i] * (row - 2 * r[i]);
    }
  }
  return sum;
}
