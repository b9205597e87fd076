/* The optimal brain surgeon over whole units. What the layers that read unit u
 * lose when it goes and all that stays is solved for: with q its columns, W
 * the layer's weights and H the second moments of its columns,
 *
 *   loss(u) = tr(W_q (H^-1_qq)^-1 W_q^T)
 *
 * The unit that loses least goes, and with it
 *
 *   W    -= W_q    (H^-1_qq)^-1 H^-1_q:
 *   H^-1 -= H^-1_:q (H^-1_qq)^-1 H^-1_q:
 *
 * Hassibi and Stork, "Second order derivatives for network pruning", 1993;
 * Frantar and Alistarh, "Optimal Brain Compression", 2022. Losses are parts of
 * what the layer's outputs vary by. A layer that is not solved for loses its
 * diagonal: sum of w^2 x^2 (OBD, LeCun et al. 1990). */
#include <math.h>
#include <string.h>

#include "compress/linear.h"
#include "compress/prune/score.h"

/* Of the mean second moment, added to each: what is known of few samples. */
#define DAMP 0.01

/* A weight group that reads units of the group at hand. */
typedef struct Reader {
  int layer;
  int64_t group;
  int64_t outputs;
  double *inverse; /* (n, n); NULL: not solved for */
  double *w;       /* (outputs, n) */
  double energy;   /* the layer's */
} Reader;

typedef struct Surgeon {
  Pruner *p;
  Arena *arena; /* of one group of units */
  ARRAY(Reader) readers;
  int *q;              /* columns of a unit in a reader */
  double *qq, *wq, *b; /* (nq, nq), (outputs, nq), (nq, n) */
} Surgeon;

/* ---- readers ---- */

static const Layer *layer_of(const Surgeon *s, const Reader *r) {
  return &s->p->layers.v[r->layer];
}

/* sum over outputs of w Cov w^T, or of its diagonal. */
static double energy_of(const Layer *l) {
  double sum = 0;
  for (int64_t o = 0; o < l->tied->outputs; o++) {
    int64_t k = o / l->tied->group * l->n;
    for (int i = 0; i < l->n - 1; i++) {
      double wi = (double)l->ordered[o * l->n + i];
      double mean = l->m.sum[k + i] / l->m.count, row = 0;
      for (int j = 0; l->m.h && j < l->n - 1; j++)
        row += (l->m.h[(k + i) * l->n + j] - mean * l->m.sum[k + j]) *
               (double)l->ordered[o * l->n + j];
      sum += wi * (l->m.h ? row : wi * l->m.sum2[k + i]);
    }
  }
  return sum > 0 ? sum : 1;
}

static double *damped_inverse(Surgeon *s, const Layer *l, int64_t k) {
  int n = l->n;
  size_t bytes = (size_t)n * (size_t)n * sizeof(double);
  double *h = arena_dup(s->arena, l->m.h + k * n * n, bytes), trace = 0;
  for (int i = 0; i < n - 1; i++)
    trace += h[(ptrdiff_t)i * n + i];
  double damp = n > 1 && trace > 0 ? DAMP * trace / (n - 1) : 1;
  for (int i = 0; i < n - 1; i++)
    h[(ptrdiff_t)i * n + i] += damp;
  return spd_invert(h, n) ? h : NULL;
}

static void add_reader(Surgeon *s, const Place *at) {
  const Layer *l = &s->p->layers.v[at->layer];
  Reader r = {at->layer, at->group, l->tied->group, NULL, NULL, 1};
  if (l->op->kind == OP_depthwise_conv2d || !l->rows)
    return;
  for (int i = 0; i < s->readers.n; i++)
    if (s->readers.v[i].layer == at->layer &&
        s->readers.v[i].group == at->group)
      return;
  r.w = ARENA_ARRAY(s->arena, double, r.outputs * l->n);
  for (int64_t i = 0; i < r.outputs * l->n; i++)
    r.w[i] = (double)l->ordered[at->group * r.outputs * l->n + i];
  if (l->m.h)
    r.inverse = damped_inverse(s, l, at->group);
  r.energy = energy_of(l);
  ARRAY_PUSH(s->arena, &s->readers, r);
}

/* ---- one unit in one reader ---- */

static int columns_of(const Surgeon *s, const Reader *r, const Unit *u,
                      int *q) {
  const Layer *l = layer_of(s, r);
  int n = 0;
  for (int i = 0; i < u->columns.n; i++) {
    const Place *at = &u->columns.v[i];
    for (int64_t t = 0;
         at->layer == r->layer && at->group == r->group && t < l->tied->taps;
         t++)
      q[n++] = (int)(t * l->tied->inputs + at->i);
  }
  return n;
}

static double diagonal_loss(const Layer *l, const Reader *r, const int *q,
                            int nq) {
  double sum = 0;
  for (int64_t o = 0; o < r->outputs; o++)
    for (int i = 0; i < nq; i++) {
      double w = r->w[o * l->n + q[i]];
      sum += w * w * l->m.sum2[r->group * l->n + q[i]];
    }
  return sum / r->energy;
}

/* Fills qq with H^-1_qq and wq with W_q. */
static void gather(Surgeon *s, const Reader *r, int n, int nq) {
  for (int i = 0; i < nq; i++)
    for (int j = 0; j < nq; j++)
      s->qq[i * nq + j] = r->inverse[(ptrdiff_t)s->q[i] * n + s->q[j]];
  for (int64_t o = 0; o < r->outputs; o++)
    for (int i = 0; i < nq; i++)
      s->wq[o * nq + i] = r->w[o * n + s->q[i]];
}

static double loss_in(Surgeon *s, const Reader *r, const Unit *u) {
  const Layer *l = layer_of(s, r);
  int nq = columns_of(s, r, u, s->q);
  double sum = 0;
  if (!r->inverse || !nq)
    return diagonal_loss(l, r, s->q, nq);
  gather(s, r, l->n, nq);
  if (!spd_factor(s->qq, nq))
    return diagonal_loss(l, r, s->q, nq);
  double *z = s->b;
  memcpy(z, s->wq, (size_t)(r->outputs * nq) * sizeof *z);
  spd_solve(s->qq, nq, z, (int)r->outputs);
  for (int64_t i = 0; i < r->outputs * nq; i++)
    sum += s->wq[i] * z[i];
  return sum / r->energy;
}

/* a (rows, n) -= a_q b, with a_q taken before anything changes. */
static void subtract(const Surgeon *s, double *a, int64_t rows, int n, int nq,
                     double *aq) {
  for (int64_t o = 0; o < rows; o++) {
    double *row = a + o * n;
    for (int i = 0; i < nq; i++)
      aq[i] = row[s->q[i]];
    for (int i = 0; i < nq; i++)
      for (int j = 0; aq[i] != 0 && j < n; j++)
        row[j] -= aq[i] * s->b[(ptrdiff_t)i * n + j];
  }
}

static void remove_from(Surgeon *s, Reader *r, const Unit *u) {
  const Layer *l = layer_of(s, r);
  int n = l->n, nq = columns_of(s, r, u, s->q);
  if (!r->inverse || !nq)
    return;
  gather(s, r, n, nq);
  if (!spd_invert(s->qq, nq))
    return;
  memset(s->b, 0, (size_t)nq * (size_t)n * sizeof *s->b);
  for (int i = 0; i < nq; i++)
    for (int k = 0; k < nq; k++)
      for (int j = 0; j < n; j++)
        s->b[(ptrdiff_t)i * n + j] +=
            s->qq[i * nq + k] * r->inverse[(ptrdiff_t)s->q[k] * n + j];
  subtract(s, r->w, r->outputs, n, nq, s->wq);
  subtract(s, r->inverse, n, n, nq, s->wq);
}

/* ---- groups ---- */

static double loss(Surgeon *s, const Unit *u) {
  double sum = 0;
  for (int i = 0; i < s->readers.n; i++)
    sum += loss_in(s, &s->readers.v[i], u);
  return sum;
}

/* Room for the largest unit in the largest reader. */
static void make_room(Surgeon *s, const Group *g) {
  int64_t columns = 1, outputs = 1, most = 1;
  for (int i = 0; i < s->readers.n; i++) {
    const Layer *l = layer_of(s, &s->readers.v[i]);
    columns = l->n > columns ? l->n : columns;
    outputs = l->tied->group > outputs ? l->tied->group : outputs;
  }
  s->q = ARENA_ARRAY(s->arena, int, columns);
  for (int k = 0; k < g->units.n; k++)
    for (int i = 0; i < s->readers.n; i++) {
      int nq =
          columns_of(s, &s->readers.v[i], &s->p->units.v[g->units.v[k]], s->q);
      most = nq > most ? nq : most;
    }
  int64_t wide = columns > outputs ? columns : outputs;
  s->qq = ARENA_ARRAY(s->arena, double, most *most);
  s->wq = ARENA_ARRAY(s->arena, double, most *wide);
  s->b = ARENA_ARRAY(s->arena, double, most *wide);
}

/* Brings the unit that loses least to place k. */
static double take_least(Surgeon *s, Group *g, int k) {
  int least = k;
  double least_loss = HUGE_VAL;
  for (int i = k; i < g->units.n; i++) {
    double x = loss(s, &s->p->units.v[g->units.v[i]]);
    if (x < least_loss) {
      least_loss = x;
      least = i;
    }
  }
  int unit = g->units.v[least];
  g->units.v[least] = g->units.v[k];
  g->units.v[k] = unit;
  return least_loss;
}

static void order_group(Pruner *p, Group *g) {
  Surgeon s = {.p = p, .arena = arena_new()};
  for (int k = 0; k < g->units.n; k++) {
    const Unit *u = &p->units.v[g->units.v[k]];
    for (int i = 0; i < u->columns.n; i++)
      add_reader(&s, &u->columns.v[i]);
  }
  make_room(&s, g);
  for (int k = 0; k < g->units.n; k++) {
    double x = take_least(&s, g, k);
    Unit *u = &p->units.v[g->units.v[k]];
    u->worth = x;
    g->curve[k + 1] = g->curve[k] + (x > 0 ? x : 0);
    for (int i = 0; i < s.readers.n; i++)
      remove_from(&s, &s.readers.v[i], u);
  }
  arena_free(s.arena);
}

bool prune_score_obs(Pruner *p) {
  for (int k = 0; k < p->groups.n; k++)
    order_group(p, &p->groups.v[k]);
  return true;
}
