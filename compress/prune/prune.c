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

/* `repeated`: another layer has its weights, which count once. */
static PruneCost cost_of(const Op *op, bool repeated) {
  const Type *y = op->out[0]->type;
  const Value *b = op->kind == OP_matmul ? NULL : op_in(op, 2);
  return (PruneCost){y->dim[y->rank - 1],
                     (repeated ? 0 : type_count(op->in[1]->type)) +
                         (b ? type_count(b->type) : 0),
                     (repeated ? 0 : zeros_in(op->in[1])) + zeros_in(b),
                     op_macs(op)};
}

/* As the model had it; its zeros are those that stayed. */
static PruneCost cost_in_model(const Op *op, bool repeated) {
  PruneCost c = cost_of(op, repeated);
  const Pruned *p = op->pruned;
  if (p)
    c = (PruneCost){p->channels,
                    ((repeated ? 0 : p->weight_bytes) + p->bias_bytes) / 4,
                    c.zeros, p->macs};
  return c;
}

/* NULL: nothing is left of the layer. */
static const Op *find_cut(Arena *a, const Graph *cut, const char *name) {
  const Value *v = graph_find(cut, name);
  if (!v)
    v = graph_find(cut, arena_printf(a, "%s/kept", name));
  return v && v->def && v->def->nin > 1 && v->def->in[1]->init ? v->def : NULL;
}

/* Without what the passes added to it. */
static const char *own_name(Arena *a, const char *name) {
  size_t n = strlen(name) - (str_has_suffix(name, "/kept") ? 5 : 0);
  return arena_strndup(a, name, n);
}

static void add_rows(const Pruner *p, Arena *a, const Graph *cut,
                     PruneReport *out) {
  for (int i = 0; i < p->layers.n; i++) {
    const Layer *l = &p->layers.v[i];
    const Op *was = graph_find(p->g, l->name)->def;
    const Op *is = find_cut(p->arena, cut, l->name);
    PruneRow row = {own_name(a, l->name), cost_in_model(was, l->repeated),
                    cost_of(was, l->repeated),
                    is ? cost_of(is, l->repeated) : (PruneCost){0}, l->remark};
    ARRAY_PUSH(a, &out->rows, row);
  }
  out->units = p->units.n;
  for (int i = 0; i < p->units.n; i++)
    out->gone += p->units.v[i].gone;
}

/* ---- steps ---- */

static bool look(Pruner *p) {
  bool data = p->feed != NULL, units = p->opt->goal != GOAL_none;
  return prune_view(p) && (!data || (prune_stats(p) && prune_want(p))) &&
         (!units || prune_order(p)) &&
         (!units || p->opt->scope != SCOPE_scan || prune_scan(p));
}

static bool change_weights(Pruner *p) {
  prune_write_zeros(p);
  zeros_share(p);
  if (p->opt->reconstruct)
    return prune_solve(p);
  zeros_by_magnitude(p, false);
  return true;
}

/* The working graph goes on changing: its weights are copied. */
static Graph *copy_of(const Pruner *p, Arena *a) {
  Graph *g = graph_clone(a, p->work);
  int n = g->values.n; /* the copies come behind */
  for (int i = 0; i < n; i++) {
    const Value *v = g->values.v[i];
    const Const *init = v ? v->init : NULL;
    if (!init || v->type->dtype != DT_f32)
      continue;
    Value *own =
        graph_const(g, v->name, v->type,
                    arena_dup(a, init->data, (size_t)type_bytes(v->type)));
    graph_replace_uses(g, g->values.v[i], own);
  }
  return g;
}

static Graph *cut(const Pruner *p, Arena *a) {
  PassOptions passes = {.allow = PASS_reassoc};
  Graph *g = copy_of(p, a);
  return passes_run(g, &passes, NULL) && graph_verify(g) ? g : NULL;
}

static void begin_again(Pruner *p) {
  prune_restore(p);
  for (int i = 0; i < p->units.n; i++)
    if (p->units.v[i].gone)
      unit_go(p, i, false);
  for (int k = 0; k < p->groups.n; k++)
    p->groups.v[k].gone = 0;
}

Pruner *prune_open(Arena *a, const Graph *g, const PruneOptions *options,
                   Engine *engine, const Feed *feed) {
  Arena *own = arena_new();
  Pruner *p = ARENA_NEW(own, Pruner);
  *p = (Pruner){.arena = own, .g = g, .work = graph_clone(a, g)};
  p->opt = options;
  p->engine = engine;
  p->feed = feed;
  if (look(p))
    return p;
  arena_free(own);
  return NULL;
}

Graph *prune_to(Pruner *p, Arena *a, double amount, PruneReport *out) {
  *out = (PruneReport){.error = (double)NAN};
  begin_again(p);
  p->amount = amount;
  bool ok = prune_choose(p) && change_weights(p) &&
            (!p->feed || prune_error(p, &out->error));
  Graph *g = ok ? cut(p, a) : NULL;
  if (g)
    add_rows(p, a, g, out);
  return g;
}

void prune_close(Pruner *p) {
  if (p)
    arena_free(p->arena);
}

Graph *prune_graph(Arena *a, const Graph *g, const PruneOptions *options,
                   Engine *engine, const Feed *feed, PruneReport *out) {
  Pruner *p = prune_open(a, g, options, engine, feed);
  Graph *made = p ? prune_to(p, a, options->amount, out) : NULL;
  prune_close(p);
  return made;
}
