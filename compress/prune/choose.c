/* Which units go. Every group has an order and a curve of what it costs that
 * the first k of it go; the curve's lower convex hull has steps that only
 * become dearer. The unit whose step is cheapest for what it saves goes, until
 * the goal is reached: that is the least cost in all, but for the last unit
 * and for what layers save together. */
#include <math.h>

#include "compress/prune/private.h"

/* One unit in eight stays. */
static int most_of(const Group *g) { return g->units.n - (g->units.n + 7) / 8; }

/* ---- the same part of each ---- */

static void take(Pruner *p, Group *g) {
  unit_go(p, g->units.v[g->gone++], true);
}

static void choose_alike(Pruner *p, double part) {
  for (int k = 0; k < p->groups.n; k++) {
    Group *g = &p->groups.v[k];
    int n = (int)floor(part * g->units.n + 0.5);
    while (g->gone < n && g->gone < most_of(g))
      take(p, g);
  }
}

static void choose_below(Pruner *p, double worth) {
  for (int k = 0; k < p->groups.n; k++) {
    Group *g = &p->groups.v[k];
    while (g->gone < most_of(g) &&
           p->units.v[g->units.v[g->gone]].worth < worth)
      take(p, g);
  }
}

/* ---- hulls ---- */

/* The steps of the curve's lower convex hull: (most). */
static double *steps_of(Arena *a, const Group *g) {
  int n = most_of(g);
  double *step = ARENA_ARRAY(a, double, n + 1);
  for (int k = 0; k < n;) {
    int to = k + 1;
    double least = HUGE_VAL;
    for (int j = k + 1; j <= n; j++) {
      double slope = (g->curve[j] - g->curve[k]) / (j - k);
      if (slope <= least) {
        least = slope;
        to = j;
      }
    }
    for (; k < to; k++)
      step[k] = least > 0 ? least : 0;
  }
  return step;
}

/* ---- goals ---- */

static double amount_left(const Pruner *p) {
  int64_t params, macs, units = 0;
  prune_sizes(p, &params, &macs);
  if (p->opt->goal == GOAL_params)
    return (double)params;
  if (p->opt->goal == GOAL_macs)
    return (double)macs;
  for (int k = 0; k < p->groups.n; k++)
    units += p->groups.v[k].units.n - p->groups.v[k].gone;
  return (double)units;
}

/* What would be saved by the next unit of g. */
static double saving(Pruner *p, Group *g, double left) {
  if (p->opt->goal == GOAL_units)
    return 1;
  int unit = g->units.v[g->gone];
  unit_go(p, unit, true);
  double saved = left - amount_left(p);
  unit_go(p, unit, false);
  return saved;
}

/* The group whose next unit is cheapest for what it saves; NULL: none. */
static Group *cheapest(Pruner *p, double **steps, double left) {
  Group *best = NULL;
  double least = HUGE_VAL;
  for (int k = 0; k < p->groups.n; k++) {
    Group *g = &p->groups.v[k];
    if (g->gone >= most_of(g))
      continue;
    double saved = saving(p, g, left);
    double price = saved > 0 ? steps[k][g->gone] / saved : HUGE_VAL;
    if (price < least) {
      least = price;
      best = g;
    }
  }
  return best;
}

static bool choose_by_price(Pruner *p) {
  Arena *a = arena_new();
  double left = amount_left(p), goal = left * (1 - p->amount);
  double **steps = ARENA_ARRAY(a, double *, p->groups.n);
  for (int k = 0; k < p->groups.n; k++)
    steps[k] = steps_of(a, &p->groups.v[k]);
  Group *g;
  while (left > goal && (g = cheapest(p, steps, left))) {
    take(p, g);
    left = amount_left(p);
  }
  arena_free(a);
  return left <= goal;
}

/* The part of every group with which the goal is reached, in 1 of 256. */
static bool choose_alike_for_goal(Pruner *p) {
  double goal = amount_left(p) * (1 - p->amount);
  for (int part = 1; part <= 256; part++) {
    choose_alike(p, part / 256.0);
    if (amount_left(p) <= goal)
      return true;
  }
  return false;
}

static bool reach_goal(Pruner *p) {
  if (p->opt->goal == GOAL_threshold)
    choose_below(p, p->amount);
  else if (p->opt->scope != SCOPE_layer)
    return choose_by_price(p);
  else if (p->opt->goal == GOAL_units)
    choose_alike(p, p->amount);
  else
    return choose_alike_for_goal(p);
  return true;
}

bool prune_choose(Pruner *p) {
  if (p->opt->goal == GOAL_none)
    return true;
  if (p->groups.n && reach_goal(p))
    return true;
  diag_error(p->g->diag, E0302, (Loc){.file = p->g->file},
             "no more than %d units in %d groups may go, which is not enough",
             p->units.n, p->groups.n);
  diag_hint(p->g->diag, "one unit in eight of each group stays; units that "
                        "the model's inputs, outputs, states or ops across "
                        "channels need stay, too, as do those of layers "
                        "that share weights");
  return false;
}
