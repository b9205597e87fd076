/* Grids that suit the weights that matter. Each weight counts by the mean
 * square of what it is multiplied with, the Hessian's diagonal h:
 *
 *   cost = sum of h[j] (w'[o][j] - w[o][j])^2,  w' the nearest level
 *
 * A scale may shrink, so that the largest weights are cut off and the others
 * get a finer grid: of s, 0.98 s, 0.96 s, ... (as near as scales may be,
 * grid.h) that of least cost, for each scale of the tensor. The fewer levels,
 * the more there is to gain.
 *
 * Scales of groups are multiples of one of their channel (ir/blocks.h), which
 * shrinks likewise, and each takes the multiple of least cost.
 *
 * A codebook is found again by k-means with those weights (Y. Choi,
 * M. El-Khamy, J. Lee: Towards the Limit of Network Quantization, ICLR 2017;
 * compress/codebook.c). */
#include <math.h>

#include "compress/codebook.h"
#include "compress/quantize_groups.h"
#include "compress/recover/grid.h"
#include "compress/recover/round.h"
#include "compress/recover/stored.h"
#include "ir/blocks.h"

enum { TRIES = 31, UNITS = 8, UNITS_OF = 16 };
static const double shrink = 0.02, largest_bias = 0x1p30, least_weight = 1e-9;

/* h of every column of a group. */
static double *diagonal(Arena *a, const Rounded *r, int64_t group) {
  double *h = ARENA_ARRAY(a, double, r->l->k);
  for (int i = 0; i < r->m->nblock; i++) {
    const Block *b = rounded_blocks(r, group) + i;
    for (int64_t c = 0; c < b->n; c++)
      h[b->column[c]] = b->gram[c * b->n + c];
  }
  return h;
}

/* t with its scales times about `factor`. */
static Type with_scales(const Type *t, QuantParams *q, float *scale,
                        const Grid *grid, double factor) {
  Type to = *t;
  *q = *t->q;
  for (int i = 0; i < q->nscale; i++)
    scale[i] = grid_up(grid, (double)t->q->scale[i] * factor);
  q->scale = scale;
  to.q = q;
  return to;
}

/* Adds up the costs by scale. */
static void add_costs(Arena *a, const Rounded *r, const Type *t, double *cost) {
  const Layer *l = r->l;
  const double *h = NULL;
  int64_t per_group = l->outputs / l->groups;
  for (int64_t o = 0; o < l->outputs; o++) {
    if (o % per_group == 0)
      h = diagonal(a, r, o / per_group);
    for (int64_t j = 0; j < l->k; j++) {
      int64_t e = type_entry(t, layer_at(l, o, j));
      double x = (double)r->w[o * l->k + j];
      double off = (double)stored_real(t, e, stored_nearest(t, e, x)) - x;
      cost[e] += (h[j] + least_weight) * off * off;
    }
  }
}

/* The least factor for scale e at which the layer's biases fit their units. */
static double least_factor(const Rounded *r, const double *b, double in_scale,
                           int64_t e) {
  double most = 0;
  for (int64_t o = 0; o < r->l->outputs && in_scale > 0; o++)
    if (r->t->q->nscale == 1 || type_entry(r->t, layer_at(r->l, o, 0)) == e)
      most = fmax(most, fabs(b[o]));
  return in_scale > 0
             ? most / (in_scale * (double)r->t->q->scale[e] * largest_bias)
             : 0;
}

static bool has_zero_points(const QuantParams *q) {
  for (int i = 0; i < q->nscale; i++)
    if (q->zero_point[i])
      return true;
  return false;
}

/* Scales of groups, of those that are u[channel] times a multiple; [nscale] in
 * `to`, and what they cost each channel. */
static void fit_multiples(Arena *a, const Rounded *r, const float *u, float *to,
                          double *sum) {
  const QuantParams *q = r->t->q;
  float *scale = ARENA_ARRAY(a, float, q->nscale);
  double *least = ARENA_ARRAY(a, double, q->nscale);
  for (int m = 1; m <= groups_most(false, false); m++) {
    double *cost = ARENA_ARRAY(a, double, q->nscale);
    QuantParams params = *q;
    Type t = *r->t;
    for (int e = 0; e < q->nscale; e++)
      scale[e] = u[blocks_entry_channel(r->t, e)] * (float)m;
    params.scale = scale;
    t.q = &params;
    add_costs(a, r, &t, cost);
    for (int e = 0; e < q->nscale; e++)
      if (m == 1 || cost[e] < least[e]) {
        least[e] = cost[e];
        to[e] = scale[e];
      }
  }
  for (int e = 0; e < q->nscale; e++)
    sum[blocks_entry_channel(r->t, e)] += least[e];
}

static void fit_groups(Arena *a, Rounded *r, const double *b, double in_scale) {
  const QuantParams *q = r->t->q;
  int64_t n = r->l->outputs;
  Arena *scratch = arena_new();
  float *widest = ARENA_ARRAY(scratch, float, n);
  float *u = ARENA_ARRAY(scratch, float, n);
  float *scale = ARENA_ARRAY(scratch, float, q->nscale);
  float *best = ARENA_ARRAY(a, float, q->nscale);
  double *least = ARENA_ARRAY(scratch, double, n);
  for (int e = 0; e < q->nscale; e++) {
    float *w = &widest[blocks_entry_channel(r->t, e)];
    *w = fmaxf(*w, q->scale[e] / (float)groups_most(false, false));
  }
  for (int try = 0; try < UNITS; try++) {
    double *sum = ARENA_ARRAY(scratch, double, n);
    float f = (float)(UNITS_OF - try) / (float)UNITS_OF;
    for (int64_t o = 0; o < n; o++) {
      double fits = in_scale > 0 ? fabs(b[o]) / (in_scale * largest_bias) : 0;
      u[o] = groups_unit(fmaxf(widest[o] * f, (float)fits));
    }
    fit_multiples(scratch, r, u, scale, sum);
    for (int e = 0; e < q->nscale; e++) {
      int64_t o = blocks_entry_channel(r->t, e);
      best[e] = !try || sum[o] < least[o] ? scale[e] : best[e];
    }
    for (int64_t o = 0; o < n; o++)
      least[o] = !try ? sum[o] : fmin(sum[o], least[o]);
  }
  QuantParams fitted = *q;
  fitted.scale = best;
  r->t = type_with_dtype(a, r->t, r->t->dtype, &fitted);
  arena_free(scratch);
}

void rounded_fit_scales(Arena *a, Rounded *r, const double *b,
                        double in_scale) {
  const QuantParams *q = r->t->q;
  int n = q->nscale;
  if (q->codebook)
    return;
  if (q->block) {
    if (!has_zero_points(q))
      fit_groups(a, r, b, in_scale);
    return;
  }
  Grid grid = grid_of(r->l);
  Arena *scratch = arena_new();
  float *best = arena_dup(a, q->scale, (size_t)n * sizeof *best);
  float *scale = ARENA_ARRAY(scratch, float, n);
  double *least = ARENA_ARRAY(scratch, double, n);
  for (int try = 0; try < TRIES; try++) {
    double *cost = ARENA_ARRAY(scratch, double, n), f = 1 - shrink * try;
    QuantParams params;
    Type t = with_scales(r->t, &params, scale, &grid, f);
    add_costs(scratch, r, &t, cost);
    for (int i = 0; i < n; i++) {
      if (try && (cost[i] >= least[i] || f < least_factor(r, b, in_scale, i)))
        continue;
      least[i] = cost[i];
      best[i] = scale[i];
    }
  }
  QuantParams fitted = *q;
  fitted.scale = best;
  r->t = type_with_dtype(a, r->t, r->t->dtype, &fitted);
  arena_free(scratch);
}

void rounded_fit_codebook(Arena *a, Rounded *r) {
  const Layer *l = r->l;
  const QuantParams *q = r->t->q;
  if (!q->codebook)
    return;
  Arena *scratch = arena_new();
  int64_t n = l->outputs * l->k, per_group = l->outputs / l->groups;
  float *x = ARENA_ARRAY(scratch, float, n);
  float *weight = ARENA_ARRAY(scratch, float, n);
  const double *h = NULL;
  for (int64_t i = 0; i < n; i++) {
    int64_t o = i / l->k, j = i % l->k;
    int64_t e = type_entry(r->t, layer_at(l, o, j));
    double scale = (double)q->scale[e];
    if (i % (l->k * per_group) == 0)
      h = diagonal(scratch, r, o / per_group);
    x[i] = (float)((double)r->w[i] / scale) + (float)q->zero_point[e];
    weight[i] = (float)((h[j] + least_weight) * scale * scale);
  }
  int8_t book[CODEBOOK_MOST];
  QuantParams fitted = *q;
  fitted.ncode = codebook_find(x, weight, n, q->ncode, book);
  fitted.codebook = book;
  r->t = type_with_dtype(a, r->t, r->t->dtype, &fitted);
  arena_free(scratch);
}
