/* See prune.h: the steps, and their account. */
#include "compress/prune/prune.h"

#include <math.h>
#include <string.h>

#include "compress/prune/private.h"
#include "passes/pass.h"

PruneScope prune_scope_find(const char *name) {
  static const char *const names[] = {"layer", "global", "scan"};
  int s = 0;
  while (s < SCOPE_COUNT && strcmp(names[s], name) != 0)
    s++;
  return (PruneScope)s;
}

bool prune_needs_data(const PruneOptions *o) {
  bool units = o->goal != GOAL_none;
  return o->reconstruct || (units && prune_method_needs_data(o->method)) ||
         (units && o->scope == SCOPE_scan);
}

/* ---- account ---- */

static int64_t zeros_in(const Value *v) {
  int64_t n = 0;
  if (v && v->init && v->type->dtype == DT_f32)
    for (int64_t i = 0; i < type_count(v->type); i++)
      n += ((const float *)v->init->data)[i] == 0;
  return n;
}

static PruneCost cost_of(const Op *op) {
  const Type *y = op->out[0]->type;
  const Value *b = op->kind == OP_matmul ? NULL : op_in(op, 2);
  return (PruneCost){y->dim[y->rank - 1],
                     type_count(op->in[1]->type) +
                         (b ? type_count(b->type) : 0),
                     zeros_in(op->in[1]) + zeros_in(b), op_macs(op)};
}

/* As the model had it; its zeros are those that stayed. */
static PruneCost cost_in_model(const Op *op) {
  PruneCost c = cost_of(op);
  const Pruned *p = op->pruned;
  if (p)
    c = (PruneCost){p->channels, (p->weight_bytes + p->bias_bytes) / 4, c.zeros,
                    p->macs};
  return c;
}

/* NULL: nothing is left of the layer. */
static const Op *find_cut(const Pruner *p, const char *name) {
  const Value *v = graph_find(p->work, name);
  if (!v)
    v = graph_find(p->work, arena_printf(p->arena, "%s/kept", name));
  return v && v->def && v->def->nin > 1 && v->def->in[1]->init ? v->def : NULL;
}

/* Without what the passes added to it. */
static const char *own_name(Arena *a, const char *name) {
  size_t n = strlen(name) - (str_has_suffix(name, "/kept") ? 5 : 0);
  return arena_strndup(a, name, n);
}

static void add_rows(const Pruner *p, Arena *a, PruneReport *out) {
  for (int i = 0; i < p->layers.n; i++) {
    const Layer *l = &p->layers.v[i];
    const Op *was = graph_find(p->g, l->name)->def, *is = find_cut(p, l->name);
    PruneRow row = {own_name(a, l->name), cost_in_model(was), cost_of(was),
                    is ? cost_of(is) : (PruneCost){0}, l->remark};
    ARRAY_PUSH(a, &out->rows, row);
  }
  out->units = p->units.n;
  for (int i = 0; i < p->units.n; i++)
    out->gone += p->units.v[i].gone;
}

/* ---- steps ---- */

static bool choose_units(Pruner *p) {
  if (p->opt->goal == GOAL_none)
    return true;
  return prune_order(p) && (p->opt->scope != SCOPE_scan || prune_scan(p)) &&
         prune_choose(p);
}

static bool change_weights(Pruner *p) {
  prune_write_zeros(p);
  zeros_share(p);
  if (p->opt->reconstruct)
    return prune_solve(p);
  zeros_by_magnitude(p, false);
  return true;
}

static bool run_steps(Pruner *p, PruneReport *out) {
  PassOptions passes = {.allow = PASS_reassoc};
  bool data = p->feed != NULL;
  out->error = (double)NAN;
  return prune_view(p) && (!data || (prune_stats(p) && prune_want(p))) &&
         choose_units(p) && change_weights(p) &&
         (!data || prune_error(p, &out->error)) &&
         passes_run(p->work, &passes, NULL) && graph_verify(p->work);
}

Graph *prune_graph(Arena *a, const Graph *g, const PruneOptions *options,
                   Engine *engine, const Feed *feed, PruneReport *out) {
  Arena *scratch = arena_new();
  Pruner p = {.arena = scratch, .g = g, .work = graph_clone(a, g)};
  p.opt = options;
  p.engine = engine;
  p.feed = feed;
  *out = (PruneReport){0};
  bool ok = run_steps(&p, out);
  if (ok)
    add_rows(&p, a, out);
  arena_free(scratch);
  return ok ? p.work : NULL;
}
