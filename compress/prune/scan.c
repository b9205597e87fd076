/* Sensitivity: every group is pruned alone, to several parts, solved for, and
 * run; what the model's outputs changed by becomes the group's curve. Between
 * the parts the curve follows the method's own. */
#include <math.h>
#include <string.h>

#include "compress/prune/private.h"

static const double parts[] = {0.1, 0.3, 0.5, 0.7, 0.9};
enum { PARTS = sizeof parts / sizeof *parts, SAMPLES = 128 };

/* ---- the outputs' error ---- */

typedef struct Errors {
  double sum, sum2, changed; /* of what is wanted; its square; of the change */
  double count;
} Errors;

static void add_output(Errors *e, const Type *t, const float *want,
                       const float *got) {
  for (int64_t i = 0; t->dtype == DT_f32 && i < type_count(t); i++) {
    double x = (double)want[i], d = (double)got[i] - x;
    e->sum += x;
    e->sum2 += x * x;
    e->changed += d * d;
    e->count++;
  }
}

static bool open_outputs(Pruner *p, const Graph *g, Arena *a, Probe *out) {
  const char **names = ARENA_ARRAY(a, const char *, p->g->outputs.n + 1);
  for (int i = 0; i < p->g->outputs.n; i++)
    names[i] = p->g->outputs.v[i]->name;
  return probe_open(a, g, p->engine, p->feed, names, p->g->outputs.n, out);
}

static int64_t sample_at(const Pruner *p, int64_t s) {
  return s * p->feed->samples / p->compared;
}

bool prune_want(Pruner *p) {
  int n = p->g->outputs.n;
  Probe was = {0};
  p->compared = p->feed->samples < SAMPLES ? p->feed->samples : SAMPLES;
  p->wanted = ARENA_ARRAY(p->arena, float *, p->compared *n);
  bool ok = open_outputs(p, p->g, p->arena, &was);
  for (int64_t s = 0; ok && s < p->compared; s++) {
    ok = probe_run(&was, sample_at(p, s));
    for (int i = 0; ok && i < n; i++)
      p->wanted[s * n + i] = arena_dup(
          p->arena, was.at[i], (size_t)type_bytes(p->g->outputs.v[i]->type));
  }
  probe_close(&was);
  return ok;
}

bool prune_error(Pruner *p, double *out) {
  Arena *a = arena_new();
  int n = p->g->outputs.n;
  Probe is = {0};
  Errors e = {0};
  bool ok = open_outputs(p, p->work, a, &is);
  for (int64_t s = 0; ok && s < p->compared; s++) {
    ok = probe_run(&is, sample_at(p, s));
    for (int i = 0; ok && i < n; i++)
      add_output(&e, p->g->outputs.v[i]->type, p->wanted[s * n + i], is.at[i]);
  }
  probe_close(&is);
  arena_free(a);
  double variance = e.count > 0 ? e.sum2 - e.sum * e.sum / e.count : 0;
  *out = e.changed / (variance > 0 ? variance : 1);
  return ok;
}

/* ---- curves ---- */

static bool try_part(Pruner *p, Group *g, int n, double *error) {
  for (int i = 0; i < n; i++)
    unit_go(p, g->units.v[i], true);
  prune_write_zeros(p);
  if (p->opt->reconstruct)
    prune_solve_group(p, g);
  bool ok = prune_error(p, error);
  prune_restore(p);
  for (int i = 0; i < n; i++)
    unit_go(p, g->units.v[i], false);
  return ok;
}

/* Units from..to share what the error grew by as their own costs do. */
static void set_curve(Group *g, const double *own, int from, int to,
                      double error) {
  double grew = error - g->curve[from], all = own[to] - own[from];
  for (int i = from + 1; i <= to; i++)
    g->curve[i] = g->curve[from] + (all > 0 ? grew * (own[i] - own[from]) / all
                                            : grew * (i - from) / (to - from));
}

static bool scan_group(Pruner *p, Group *g) {
  int n = g->units.n, from = 0;
  double *own = arena_dup(p->arena, g->curve, (size_t)(n + 1) * sizeof *own);
  for (int i = 0; i < PARTS; i++) {
    int to = (int)floor(parts[i] * n + 0.5);
    double error;
    if (to <= from)
      continue;
    if (!try_part(p, g, to, &error))
      return false;
    set_curve(g, own, from, to, error);
    from = to;
  }
  for (int i = from + 1; i <= n; i++)
    g->curve[i] = HUGE_VAL;
  return true;
}

bool prune_scan(Pruner *p) {
  for (int i = 0; i < p->groups.n; i++)
    if (!scan_group(p, &p->groups.v[i]))
      return false;
  return true;
}
