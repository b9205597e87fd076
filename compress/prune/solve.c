/* Reconstruction: the weights that stay are solved for by least squares, so
 * that a layer gives what it gave before, of what comes in now.
 *
 * Layers are taken in order. Wanted is t = W x of the float graph's columns x;
 * where a residual sum follows, t also makes up for what its other operand,
 * which is computed before, has lost. How much of a ridge is right is found by
 * solving on the even samples and looking at the odd ones, and the other way
 * round. Behind a clamp, what is wanted where it cuts is any value that it
 * cuts, too: those places want what the weights already give, and the layer
 * is solved again.
 *
 * He et al., "Channel Pruning for Accelerating Very Deep Neural Networks",
 * 2017; Luo et al., "ThiNet", 2017; Zhang et al., "Accelerating Very Deep
 * Convolutional Networks", 2016, for the clamps. */
#include <math.h>
#include <string.h>

#include "compress/prune/rows.h"

/* For the columns of a group that are tried: see prune_solve_group. */
#define DAMP 0.01

static const double damps[] = {1e-6, 1e-4, 1e-3, 1e-2, 1e-1, 1};
enum { DAMPS = sizeof damps / sizeof *damps, CLAMP_ROUNDS = 4 };

/* Weights and the change of the bias. */
static void write_group(const Pruner *p, Layer *l, int64_t k, const double *w) {
  int64_t outputs = l->tied->group;
  for (int64_t i = 0; i < outputs; i++) {
    int64_t o = k * outputs + i;
    const double *row = w + i * l->n;
    if (output_is_gone(p, l, o))
      continue;
    for (int c = 0; c < l->n - 1; c++)
      l->w[weight_at(l, o, c)] = (float)row[c];
    for (int64_t b = o; b < l->nb; b += l->tied->outputs)
      l->b[b] = (float)((double)l->own_b[b] + row[l->n - 1]);
  }
}

/* ---- one group, for a trial ---- */

/* r = W h */
static void want_own(const Layer *l, int64_t k, const double *h, double *r) {
  for (int64_t o = 0; o < l->tied->group; o++)
    for (int i = 0; i < l->n - 1; i++) {
      double w = (double)l->ordered[(k * l->tied->group + o) * l->n + i];
      for (int j = 0; w != 0 && j < l->n; j++)
        r[o * l->n + j] += w * h[(ptrdiff_t)i * l->n + j];
    }
}

static void solve_trial(Pruner *p, Layer *l, int64_t k) {
  Arena *a = arena_new();
  int64_t count = l->tied->group * l->n;
  System s = {l->n, l->m.h + k * l->n * l->n, ARENA_ARRAY(a, double, count)};
  double *w = ARENA_ARRAY(a, double, count);
  want_own(l, k, s.h, s.r);
  if (system_solve(p, l, k, &s, DAMP, NULL, w))
    write_group(p, l, k, w);
  arena_free(a);
}

static bool reads_group(const Pruner *p, const Layer *l, int64_t k,
                        const Group *group) {
  for (int64_t c = 0; c < l->tied->inputs; c++) {
    int u = unit_of_column(p, l, k, c);
    if (u >= 0 && &p->groups.v[p->units.v[u].group] == group)
      return true;
  }
  return false;
}

void prune_solve_group(Pruner *p, const Group *group) {
  for (int i = 0; i < p->layers.n; i++) {
    Layer *l = &p->layers.v[i];
    for (int64_t k = 0; layer_is_solved(l) && k < l->groups; k++)
      if (reads_group(p, l, k, group))
        solve_trial(p, l, k);
  }
}

/* ---- the ridge ---- */

static System system_of(const Rows *r, int half, int64_t k) {
  const Layer *l = r->layer;
  return (System){l->n, r->h[half] + k * l->n * l->n,
                  r->r[half] + k * l->tied->group * l->n};
}

/* The error on each half of what the other half says. */
static double cross_error(Rows *r, int64_t k, double damp, double *w) {
  double sum = 0;
  for (int half = 0; half < 2; half++) {
    System from = system_of(r, half, k), on = system_of(r, 1 - half, k);
    if (!system_solve(r->p, r->layer, k, &from, damp, NULL, w))
      return HUGE_VAL;
    sum += system_error(&on, r->layer->tied->group, w);
  }
  return sum;
}

static double best_damp(Rows *r, int64_t k, double *w) {
  double least = HUGE_VAL, best = damps[DAMPS - 1];
  for (int i = 0; i < DAMPS; i++) {
    double error = cross_error(r, k, damps[i], w);
    if (error < least) {
      least = error;
      best = damps[i];
    }
  }
  return best;
}

/* The halves become one. */
static System join_halves(Rows *r, int64_t k) {
  System a = system_of(r, 0, k), b = system_of(r, 1, k);
  for (int64_t i = 0; i < (int64_t)a.n * a.n; i++)
    a.h[i] += b.h[i];
  for (int64_t i = 0; i < r->layer->tied->group * a.n; i++)
    a.r[i] += b.r[i];
  return a;
}

/* ---- clamps ---- */

static const struct Clamp {
  double lo, hi;
} clamps[ACT_COUNT] = {
    [ACT_none] = {-HUGE_VAL, HUGE_VAL},
    [ACT_relu] = {0, HUGE_VAL},
    [ACT_relu6] = {0, 6},
    [ACT_relu_n1_1] = {-1, 1},
    [ACT_relu_0_1] = {0, 1},
};

/* What is wanted before a clamp that gives `want` and is given `have`. */
static double wanted(const struct Clamp *c, double want, double have) {
  if (want <= c->lo)
    return have < c->lo ? have : c->lo;
  if (want >= c->hi)
    return have > c->hi ? have : c->hi;
  return want;
}

/* Output i of group k, in row n. */
static double wanted_in_row(const Rows *r, int64_t n, int64_t k, int64_t i,
                            const double *w) {
  const Layer *l = r->layer;
  const float *x = r->x + (n * l->groups + k) * l->n;
  int64_t at = n * l->tied->outputs + k * l->tied->group + i;
  double base = (double)r->base[at], have = base;
  for (int c = 0; c < l->n; c++)
    have += w[i * l->n + c] * (double)x[c];
  return wanted(&clamps[r->act], (double)r->want[at] + base, have) - base;
}

static void want_again(const Rows *r, int64_t k, const double *w, double *to) {
  const Layer *l = r->layer;
  memset(to, 0, (size_t)(l->tied->group * l->n) * sizeof *to);
  for (int64_t n = 0; n < r->n; n++)
    for (int64_t i = 0; i < l->tied->group; i++)
      if (!output_is_gone(r->p, l, k * l->tied->group + i))
        rows_add_wanted(to + i * l->n, l->n, wanted_in_row(r, n, k, i, w),
                        r->x + (n * l->groups + k) * l->n);
}

/* Biases that differ at the border are not told apart by rows. */
static bool has_clamp(const Rows *r) {
  return r->act != ACT_none && r->layer->nb <= r->layer->tied->outputs;
}

/* ---- layers ---- */

static bool solve_group(Rows *r, int64_t k, double *w) {
  Layer *l = r->layer;
  double damp = best_damp(r, k, w);
  System s = join_halves(r, k);
  bool ok = system_solve(r->p, l, k, &s, damp, NULL, w);
  for (int i = 0; ok && has_clamp(r) && i < CLAMP_ROUNDS; i++) {
    want_again(r, k, w, s.r);
    ok = system_solve(r->p, l, k, &s, damp, NULL, w);
  }
  if (ok && l->part > 0)
    zeros_solve(r->p, l, k, &s, damp, w);
  return ok;
}

static bool solve_layer(Pruner *p, Layer *l) {
  Arena *a = arena_new();
  Rows r;
  bool ok = rows_take(p, l, a, &r);
  double *w = ARENA_ARRAY(a, double, l->tied->group * l->n);
  for (int64_t k = 0; ok && k < l->groups; k++) {
    if (solve_group(&r, k, w))
      write_group(p, l, k, w);
    else
      l->remark = "its inputs do not settle its weights";
  }
  arena_free(a);
  return ok;
}

static bool loses_columns(const Pruner *p, const Layer *l) {
  for (int64_t k = 0; k < l->groups; k++)
    for (int c = 0; c < l->n - 1; c++)
      if (column_is_gone(p, l, k, c))
        return true;
  return false;
}

bool layer_is_solved(const Layer *l) { return l->m.h && l->rows; }

bool prune_solve(Pruner *p) {
  bool changed = false, ok = true;
  zeros_by_magnitude(p, true);
  graph_number(p->work);
  for (int i = 0; i < p->layers.n && ok; i++) {
    Layer *l = &p->layers.v[i];
    changed = changed || l->part > 0 || loses_columns(p, l);
    if (changed && layer_is_solved(l))
      ok = solve_layer(p, l);
  }
  if (ok && changed && !(p->opt->zeros.part > 0))
    ok = prune_solve_head(p);
  return ok;
}
