/* What each unit is worth, by itself, and the order that follows from it. The
 * second-order method looks at units together, and orders by itself (obs.c).
 *
 *   l1, l2  Li et al., "Pruning Filters for Efficient ConvNets", 2017
 *   fpgm    He et al., "Filter Pruning via Geometric Median", 2019: a unit in
 *           the midst of the others can be spared, however large it is
 *   fires   Hu et al., "Network Trimming", 2016 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compress/prune/score.h"

/* ---- names ---- */

static const struct Method {
  const char *name;
  bool needs_data;
} methods[METHOD_COUNT] = {
#define METHOD(name, needs_data, summary) {#name, needs_data},
#include "compress/prune/methods.def"
#undef METHOD
};

PruneMethod prune_method_find(const char *name) {
  int m = 0;
  while (m < METHOD_COUNT && strcmp(methods[m].name, name) != 0)
    m++;
  return (PruneMethod)m;
}

const char *prune_method_name(PruneMethod m) { return methods[m].name; }

bool prune_method_needs_data(PruneMethod m) { return methods[m].needs_data; }

const char *prune_method_names(Arena *a) {
  Str s = str_new(a);
  for (int m = 0; m < METHOD_COUNT; m++)
    str_printf(&s, "%s%s", m ? ", " : "", methods[m].name);
  return str_cstr(&s);
}

/* ---- magnitudes ---- */

typedef double (*Measure)(double sum, double w);

static double add_magnitude(double sum, double w) { return sum + fabs(w); }
static double add_square(double sum, double w) { return sum + w * w; }

/* Over the weights of all outputs that make unit u. */
static double over_weights(const Pruner *p, const Unit *u, Measure add) {
  double sum = 0;
  for (int i = 0; i < u->outputs.n; i++) {
    const Layer *l = &p->layers.v[u->outputs.v[i].layer];
    for (int64_t c = 0; c < l->n - 1; c++)
      sum = add(sum, (double)l->own[weight_at(l, u->outputs.v[i].i, c)]);
  }
  return sum;
}

bool prune_score_l1(Pruner *p) {
  for (int i = 0; i < p->units.n; i++)
    p->units.v[i].worth = over_weights(p, &p->units.v[i], add_magnitude);
  return true;
}

bool prune_score_l2(Pruner *p) {
  for (int i = 0; i < p->units.n; i++)
    p->units.v[i].worth = sqrt(over_weights(p, &p->units.v[i], add_square));
  return true;
}

/* ---- geometric median ---- */

static double distance(const Pruner *p, const Unit *u, const Unit *v) {
  double sum = 0;
  for (int i = 0; i < u->outputs.n && i < v->outputs.n; i++) {
    const Place *a = &u->outputs.v[i], *b = &v->outputs.v[i];
    const Layer *l = &p->layers.v[a->layer];
    for (int64_t c = 0; a->layer == b->layer && c < l->n - 1; c++) {
      double d = (double)l->own[weight_at(l, a->i, c)] -
                 (double)l->own[weight_at(l, b->i, c)];
      sum += d * d;
    }
  }
  return sqrt(sum);
}

bool prune_score_fpgm(Pruner *p) {
  for (int i = 0; i < p->units.n; i++) {
    Unit *u = &p->units.v[i];
    const Group *g = &p->groups.v[u->group];
    u->worth = 0;
    for (int k = 0; k < g->units.n; k++)
      u->worth += distance(p, u, &p->units.v[g->units.v[k]]);
  }
  return true;
}

/* ---- firing ---- */

/* Of the columns that read it; one that nothing reads never fires. */
bool prune_score_fires(Pruner *p) {
  for (int i = 0; i < p->units.n; i++) {
    Unit *u = &p->units.v[i];
    double live = 0, seen = 0;
    for (int k = 0; k < u->columns.n; k++) {
      const Place *at = &u->columns.v[k];
      const Layer *l = &p->layers.v[at->layer];
      for (int64_t t = 0; t < l->tied->taps; t++)
        live += l->m.live[at->group * l->n + t * l->tied->inputs + at->i];
      seen += l->m.count * (double)l->tied->taps;
    }
    u->worth = seen > 0 ? live / seen : 0;
  }
  return true;
}

/* ---- order ---- */

typedef struct Ranked {
  double worth;
  int unit;
} Ranked;

static int compare(const void *a, const void *b) {
  const Ranked *x = a, *y = b;
  if (x->worth != y->worth)
    return x->worth < y->worth ? -1 : 1;
  return x->unit - y->unit;
}

/* The curve: worth so far, in units of the group's mean. */
static void sort_group(Pruner *p, Group *g) {
  Ranked *r = ARENA_ARRAY(p->arena, Ranked, g->units.n);
  double sum = 0;
  for (int i = 0; i < g->units.n; i++) {
    r[i] = (Ranked){p->units.v[g->units.v[i]].worth, g->units.v[i]};
    sum += r[i].worth;
  }
  qsort(r, (size_t)g->units.n, sizeof *r, compare);
  double mean = sum > 0 ? sum / g->units.n : 1;
  for (int i = 0; i < g->units.n; i++) {
    g->units.v[i] = r[i].unit;
    g->curve[i + 1] = g->curve[i] + r[i].worth / mean;
  }
}

bool prune_order(Pruner *p) {
  static bool (*const scores[])(Pruner *p) = {
#define METHOD(name, needs_data, summary) prune_score_##name,
#include "compress/prune/methods.def"
#undef METHOD
  };
  if (!scores[p->opt->method](p))
    return false;
  for (int k = 0; p->opt->method != METHOD_obs && k < p->groups.n; k++)
    sort_group(p, &p->groups.v[k]);
  return true;
}
