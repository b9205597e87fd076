/* Building and editing graphs. Invariants kept here and checked by
 * graph_verify: every operand has exactly one entry in its value's use list,
 * g->values is indexed by id, names are unique, op->graph and nop are right.
 * Order is the caller's duty: an op is inserted where its operands exist. */
#include "ir/graph.h"

#include <assert.h>
#include <string.h>

/* Names: a hash table with open addressing. An entry outlives its value, so
 * that `next` goes on counting and many equal names cost linear time. */
typedef struct NameEntry {
  const char *name; /* NULL: free */
  Value *value;     /* NULL: the value was removed */
  int next;         /* suffix to try next for a clash */
} NameEntry;

typedef struct NameTable {
  NameEntry *v; /* (cap), cap a power of two */
  size_t n, cap;
} NameTable;

static size_t name_hash(const char *s) {
  uint64_t h = 0xcbf29ce484222325u; /* FNV-1a */
  for (; *s; s++)
    h = (h ^ (unsigned char)*s) * 0x100000001b3u;
  return (size_t)(h ^ (h >> 32));
}

/* The entry of `name`, or the free one where it belongs. */
static NameEntry *name_slot(const NameTable *t, const char *name) {
  size_t i = name_hash(name) & (t->cap - 1);
  while (t->v[i].name && strcmp(t->v[i].name, name) != 0)
    i = (i + 1) & (t->cap - 1);
  return &t->v[i];
}

static void name_table_grow(Arena *a, NameTable *t) {
  NameTable big = {.cap = t->cap * 2, .n = t->n};
  big.v = ARENA_ARRAY(a, NameEntry, big.cap);
  for (size_t i = 0; i < t->cap; i++)
    if (t->v[i].name)
      *name_slot(&big, t->v[i].name) = t->v[i];
  *t = big;
}

static NameEntry *name_add(Graph *g, const char *name, Value *v) {
  NameTable *t = g->names;
  if (t->n * 4 >= t->cap * 3)
    name_table_grow(g->arena, t);
  NameEntry *e = name_slot(t, name);
  if (!e->name) {
    e->name = arena_strdup(g->arena, name);
    e->next = 1;
    t->n++;
  }
  assert(!e->value);
  e->value = v;
  v->name = e->name;
  return e;
}

/* Gives v the name, or name_1, name_2, ... when it is taken. */
static void name_value(Graph *g, Value *v, const char *name) {
  if (!name || !*name)
    name = arena_printf(g->arena, "%d", v->id);
  const char *free_name = name;
  NameEntry *e = name_slot(g->names, name);
  while (graph_find(g, free_name))
    free_name = arena_printf(g->arena, "%s_%d", name, e->next++);
  name_add(g, free_name, v);
}

static void name_release(Graph *g, const Value *v) {
  name_slot(g->names, v->name)->value = NULL;
}

void graph_swap_names(Graph *g, Value *a, Value *b) {
  const char *t = a->name;
  a->name = b->name;
  b->name = t;
  name_slot(g->names, a->name)->value = a;
  name_slot(g->names, b->name)->value = b;
}

void graph_rename(Graph *g, Value *v, const char *name) {
  name_release(g, v);
  name_value(g, v, name);
}

Value *graph_find(const Graph *g, const char *name) {
  return name_slot(g->names, name)->value;
}

Graph *graph_new(Arena *a, Diag *d, const char *name) {
  Graph *g = ARENA_NEW(a, Graph);
  g->arena = a;
  g->diag = d;
  g->name = arena_strdup(a, name);
  g->names = ARENA_NEW(a, NameTable);
  g->names->cap = 64;
  g->names->v = ARENA_ARRAY(a, NameEntry, g->names->cap);
  return g;
}

static Value *value_new(Graph *g, const char *name, const Type *t) {
  Value *v = ARENA_NEW(g->arena, Value);
  v->type = t;
  v->id = g->values.n;
  name_value(g, v, name);
  ARRAY_PUSH(g->arena, &g->values, v);
  return v;
}

Value *graph_input(Graph *g, const char *name, const Type *t) {
  Value *v = value_new(g, name, t);
  ARRAY_PUSH(g->arena, &g->inputs, v);
  return v;
}

Value *graph_const(Graph *g, const char *name, const Type *t,
                   const void *data) {
  Const *c = ARENA_NEW(g->arena, Const);
  c->data = data;
  Value *v = value_new(g, name, t);
  v->init = c;
  return v;
}

void graph_output(Graph *g, Value *v) { ARRAY_PUSH(g->arena, &g->outputs, v); }

Value *graph_state(Graph *g, const char *name, const Type *t, Value *init) {
  Value *v = value_new(g, name, t);
  State s = {.name = v->name, .in = v, .init = init};
  ARRAY_PUSH(g->arena, &g->states, s);
  return v;
}

void graph_set_state_out(Graph *g, const Value *in, Value *out) {
  for (int i = 0; i < g->states.n; i++)
    if (g->states.v[i].in == in)
      g->states.v[i].out = out;
}

static void use_add(Value *v, Op *op, int index) {
  Use u = {op, index};
  ARRAY_PUSH(op->graph->arena, &v->uses, u);
}

/* Drops the entry of operand `index` of op; the others keep their order. */
static void use_drop(Value *v, const Op *op, int index) {
  int i = 0;
  while (v->uses.v[i].op != op || v->uses.v[i].index != index)
    i++;
  size_t behind = (size_t)(--v->uses.n - i);
  memmove(&v->uses.v[i], &v->uses.v[i + 1], behind * sizeof(Use));
}

static void op_link(Graph *g, Op *op, Op *before) {
  op->next = before;
  op->prev = before ? before->prev : g->last;
  *(op->prev ? &op->prev->next : &g->first) = op;
  *(before ? &before->prev : &g->last) = op;
  g->nop++;
}

static void op_unlink(Graph *g, Op *op) {
  *(op->prev ? &op->prev->next : &g->first) = op->next;
  *(op->next ? &op->next->prev : &g->last) = op->prev;
  g->nop--;
}

Op *graph_op(Graph *g, Op *before, OpKind kind, const Attrs *attrs, int nin,
             Value *const *in, int nout, const Type *const *types,
             const char *const *names, Loc loc) {
  Op *op = ARENA_NEW(g->arena, Op);
  op->kind = kind;
  op->rounding = g->rounding;
  op->attrs = attrs ? *attrs : attrs_default(kind);
  op->loc = loc;
  op->graph = g;
  op->nin = nin;
  op->nout = nout;
  op->in = ARENA_ARRAY(g->arena, Value *, nin);
  op->out = ARENA_ARRAY(g->arena, Value *, nout);
  for (int i = 0; i < nin; i++)
    op_set_input(op, i, in[i]);
  for (int i = 0; i < nout; i++) {
    op->out[i] = value_new(g, names ? names[i] : NULL, types[i]);
    op->out[i]->def = op;
    op->out[i]->def_index = i;
  }
  op_link(g, op, before);
  return op;
}

void op_set_input(Op *op, int index, Value *v) {
  Value *old = op->in[index];
  if (old == v)
    return;
  if (old)
    use_drop(old, op, index);
  op->in[index] = v;
  if (v)
    use_add(v, op, index);
}

void op_add_input(Op *op, Value *v) {
  Value **in = ARENA_ARRAY(op->graph->arena, Value *, op->nin + 1);
  for (int i = 0; i < op->nin; i++)
    in[i] = op->in[i];
  op->in = in;
  op_set_input(op, op->nin++, v);
}

/* What else than operands refers to `old`: outputs and states. */
static void replace_roots(Graph *g, const Value *old, Value *with) {
  for (int i = 0; i < g->outputs.n; i++)
    if (g->outputs.v[i] == old)
      g->outputs.v[i] = with;
  for (int i = 0; i < g->states.n; i++) {
    State *s = &g->states.v[i];
    if (s->out == old)
      s->out = with;
    if (s->init == old && with->init)
      s->init = with;
  }
}

void graph_replace_uses(Graph *g, Value *old, Value *with) {
  if (old == with)
    return;
  for (int i = 0; i < old->uses.n; i++) {
    Use u = old->uses.v[i];
    u.op->in[u.index] = with;
    use_add(with, u.op, u.index);
  }
  old->uses.n = 0;
  bool keeps_name =
      value_is_output(g, old) && with->def && !value_is_output(g, with);
  replace_roots(g, old, with);
  if (keeps_name)
    graph_swap_names(g, old, with);
}

void graph_set_type(Graph *g, Value *v, const Type *t) {
  assert(g->values.v[v->id] == v);
  (void)g;
  v->type = t;
}

static void value_drop(Graph *g, Value *v) {
  assert(value_use_count(g, v) == 0);
  name_release(g, v);
  g->values.v[v->id] = NULL;
}

void graph_remove_op(Graph *g, Op *op) {
  for (int i = 0; i < op->nin; i++)
    op_set_input(op, i, NULL);
  for (int i = 0; i < op->nout; i++)
    value_drop(g, op->out[i]);
  op_unlink(g, op);
}

void graph_remove_value(Graph *g, Value *v) {
  assert(v->init);
  value_drop(g, v);
}

void graph_number(Graph *g) {
  int n = 0;
  for (Op *op = g->first; op; op = op->next)
    op->index = n++;
}

void graph_reorder(Graph *g, Op *const *order) {
  int n = g->nop;
  g->first = g->last = NULL;
  g->nop = 0;
  for (int i = 0; i < n; i++)
    op_link(g, order[i], NULL);
}

bool value_is_output(const Graph *g, const Value *v) {
  for (int i = 0; i < g->outputs.n; i++)
    if (g->outputs.v[i] == v)
      return true;
  return false;
}

int value_use_count(const Graph *g, const Value *v) {
  int n = v->uses.n;
  for (int i = 0; i < g->outputs.n; i++)
    n += g->outputs.v[i] == v;
  for (int i = 0; i < g->states.n; i++)
    n += (g->states.v[i].out == v) + (g->states.v[i].init == v);
  return n;
}

Value *op_in(const Op *op, int i) { return i < op->nin ? op->in[i] : NULL; }

/* Cloning keeps ids, so that a value's clone is to->values.v[id]. */
static Value *cloned(const Graph *to, const Value *v) {
  return v ? to->values.v[v->id] : NULL;
}

static void clone_values(Graph *to, const Graph *g) {
  for (int i = 0; i < g->values.n; i++) {
    const Value *v = g->values.v[i];
    Value *c = NULL;
    if (v) {
      c = ARENA_NEW(to->arena, Value);
      c->id = v->id;
      c->type = type_new(to->arena, v->type->dtype, v->type->rank, v->type->dim,
                         v->type->q);
      c->init = v->init ? arena_dup(to->arena, v->init, sizeof(Const)) : NULL;
      c->def_index = v->def_index;
      c->preprocess = preprocess_copy(to->arena, v->preprocess);
      name_add(to, v->name, c);
    }
    ARRAY_PUSH(to->arena, &to->values, c);
  }
}

static void clone_op(Graph *to, const Op *op) {
  Op *c = arena_dup(to->arena, op, sizeof *op);
  c->graph = to;
  c->in = ARENA_ARRAY(to->arena, Value *, op->nin);
  c->out = ARENA_ARRAY(to->arena, Value *, op->nout);
  for (int i = 0; i < op->nin; i++)
    op_set_input(c, i, cloned(to, op->in[i]));
  for (int i = 0; i < op->nout; i++) {
    c->out[i] = cloned(to, op->out[i]);
    c->out[i]->def = c;
  }
  op_link(to, c, NULL);
}

Graph *graph_clone(Arena *a, const Graph *g) {
  Graph *to = graph_new(a, g->diag, g->name);
  to->file = g->file;
  to->rounding = g->rounding;
  clone_values(to, g);
  for (const Op *op = g->first; op; op = op->next)
    clone_op(to, op);
  for (int i = 0; i < g->inputs.n; i++)
    ARRAY_PUSH(a, &to->inputs, cloned(to, g->inputs.v[i]));
  for (int i = 0; i < g->outputs.n; i++)
    graph_output(to, cloned(to, g->outputs.v[i]));
  for (int i = 0; i < g->states.n; i++) {
    const State *s = &g->states.v[i];
    State c = {.in = cloned(to, s->in),
               .out = cloned(to, s->out),
               .init = cloned(to, s->init)};
    c.name = c.in->name;
    ARRAY_PUSH(a, &to->states, c);
  }
  return to;
}
