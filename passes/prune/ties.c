/* See passes/ties.h. Classes are found by union over one array, in which the
 * least node of a class stands for it. */
#include "passes/ties.h"

#include "passes/prune/channels.h"

typedef struct Finder {
  Ties *t;
  Prune p;
  Arena *arena;
} Finder;

static int64_t root(Ties *t, int64_t node) {
  while (t->of[node] != node)
    node = t->of[node] = t->of[t->of[node]];
  return node;
}

static void tie(Ties *t, int64_t a, int64_t b) {
  a = root(t, a);
  b = root(t, b);
  int64_t least = a < b ? a : b, other = a < b ? b : a;
  t->of[other] = least;
  t->held[least] = t->held[least] || t->held[other];
}

static void hold_all(const Finder *f, const Value *v) {
  for (int64_t i = 0; i < channels_of(&f->p, v)->n; i++)
    f->t->held[root(f->t, f->t->first[v->id] + i)] = true;
}

/* --- nodes ---------------------------------------------------------------- */

static void number_nodes(const Finder *f) {
  Ties *t = f->t;
  int count = f->p.g->values.n;
  t->first = ARENA_ARRAY(f->arena, int64_t, count);
  for (int i = 0; i < count; i++) {
    const Channels *c = &f->p.of[i];
    t->first[i] = t->nodes;
    t->nodes += c->n;
  }
  t->of = ARENA_ARRAY(f->arena, int64_t, t->nodes);
  t->held = ARENA_ARRAY(f->arena, bool, t->nodes);
  for (int64_t i = 0; i < t->nodes; i++)
    t->of[i] = i;
}

static void hold_borders(const Finder *f) {
  const Graph *g = f->p.g;
  for (int i = 0; i < g->inputs.n; i++)
    hold_all(f, g->inputs.v[i]);
  for (int i = 0; i < g->outputs.n; i++)
    hold_all(f, g->outputs.v[i]);
  for (int i = 0; i < g->states.n; i++) {
    hold_all(f, g->states.v[i].in);
    hold_all(f, g->states.v[i].out);
  }
}

/* --- ops ------------------------------------------------------------------ */

/* Groups keep as many channels as each other: those in the same place go. */
static void tie_places(const Finder *f, const Value *v, int64_t size) {
  int64_t first = f->t->first[v->id];
  for (int64_t i = size; i < channels_of(&f->p, v)->n; i++)
    tie(f->t, first + i % size, first + i);
}

static void tie_linear(const Finder *f, const Linear *l) {
  const Value *x = l->op->in[0], *y = l->op->out[0];
  if (l->depthwise) {
    for (int64_t o = 0; o < l->outputs; o++)
      tie(f->t, f->t->first[x->id] + o / l->group, f->t->first[y->id] + o);
  } else if (l->group != l->outputs) {
    tie_places(f, x, l->inputs);
    tie_places(f, y, l->group);
  }
}

static void tie_operand(const Finder *f, const Op *op, int i, int o) {
  const Value *x = op->in[i], *y = op->out[o];
  if (channels_spread(&f->p, op, i))
    hold_all(f, x);
  for (int64_t j = 0; j < channels_of(&f->p, y)->n; j++) {
    int64_t k = channel_pair(&f->p, op, i, o, j);
    for (int64_t n = 0; k >= 0 && n < channel_span(&f->p, op); n++)
      tie(f->t, f->t->first[x->id] + k + n, f->t->first[y->id] + j);
  }
}

static void tie_pairs(const Finder *f, const Op *op) {
  for (int i = 0; i < op->nin; i++)
    for (int o = 0; o < op->nout && op->in[i] && !op->in[i]->init; o++)
      tie_operand(f, op, i, o);
}

static void hold_op(const Finder *f, const Op *op) {
  for (int i = 0; i < op->nin; i++)
    if (op->in[i] && !op->in[i]->init)
      hold_all(f, op->in[i]);
  for (int o = 0; o < op->nout; o++)
    hold_all(f, op->out[o]);
}

static void add_layer(const Finder *f, Op *op, const Linear *l) {
  const Linear *own = arena_dup(f->arena, l, sizeof *l);
  ARRAY_PUSH(f->arena, &f->t->layers,
             ((TiedLayer){op, l->outputs, l->inputs, l->taps, l->group, own}));
}

static void tie_op(const Finder *f, Op *op) {
  Linear l;
  if (linear_of(&f->p, op, &l)) {
    add_layer(f, op, &l);
    tie_linear(f, &l);
  } else if (channels_pair(&f->p, op)) {
    tie_pairs(f, op);
  } else {
    hold_op(f, op);
  }
}

Ties *ties_find(Arena *a, Graph *g) {
  Ties *t = ARENA_NEW(a, Ties);
  Finder f = {t, {.g = g, .scratch = a}, a};
  f.p.of = ARENA_ARRAY(a, Channels, g->values.n);
  f.p.pairs = ARENA_ARRAY(a, bool, g->values.n);
  prune_axes(&f.p);
  number_nodes(&f);
  hold_borders(&f);
  for (Op *op = g->first; op; op = op->next)
    tie_op(&f, op);
  for (int64_t i = 0; i < t->nodes; i++)
    t->of[i] = root(t, i);
  return t;
}

/* --- what they are asked -------------------------------------------------- */

int64_t ties_output(const Ties *t, const TiedLayer *l, int64_t o) {
  return t->of[t->first[l->op->out[0]->id] + o];
}

int64_t ties_column(const Ties *t, const TiedLayer *l, int64_t o, int64_t i) {
  return t->of[t->first[l->op->in[0]->id] + linear_channel(l->linear, o, i)];
}

int64_t tied_weight(const TiedLayer *l, int64_t o, int64_t tap, int64_t i) {
  return linear_at(l->linear, o, tap, i);
}
