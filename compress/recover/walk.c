/* See walk.h. */
#include "compress/recover/walk.h"

#include <stdlib.h>

struct Walk {
  Graph *g;
  Engine *engine;
  int64_t n;
  const Op *at; /* the first that is not computed; NULL: none */
  int nheld;    /* entries of held */
  void **held;  /* (values by id) [n] of the value; NULL: not kept */
};

/* A piece as a graph of its own. */
typedef struct Piece {
  const Walk *w;
  const Op *end;
  Arena *arena;
  Graph *g;
  Value **made;            /* (values by id) in g */
  ARRAY(const Value *) in; /* of w->g, as g's inputs and outputs */
  ARRAY(const Value *) out;
} Piece;

/* ---- what is kept ---- */

static size_t bytes_of(const Value *v) { return (size_t)type_bytes(v->type); }

static void *allocate(size_t n, size_t bytes) {
  void *p = calloc(n, bytes ? bytes : 1);
  if (p)
    return p;
  fprintf(stderr, "kiln: out of memory\n");
  exit(EXIT_INTERNAL);
}

static void drop(Walk *w, const Value *v) {
  free(w->held[v->id]);
  w->held[v->id] = NULL;
}

/* Is v read by an op from `from` on, or an output? Ops are numbered. */
static bool is_wanted(const Graph *g, const Value *v, const Op *from) {
  for (int i = 0; from && i < v->uses.n; i++)
    if (v->uses.v[i].op->index >= from->index)
      return true;
  return value_is_output(g, v);
}

Walk *walk_new(Graph *g, Engine *e, const Feed *f, const int64_t *sample,
               int64_t n) {
  Walk *w = allocate(1, sizeof *w);
  *w = (Walk){.g = g, .engine = e, .n = n, .at = g->first};
  w->nheld = g->values.n;
  w->held = allocate((size_t)w->nheld, sizeof *w->held);
  int ninput = g->inputs.n;
  void **in = allocate((size_t)ninput, sizeof *in);
  for (int i = 0; i < ninput; i++) {
    const Value *v = g->inputs.v[i];
    w->held[v->id] = allocate((size_t)n, bytes_of(v));
  }
  for (int64_t s = 0; s < n; s++) {
    for (int i = 0; i < ninput; i++) {
      const Value *v = g->inputs.v[i];
      in[i] = (char *)w->held[v->id] + (size_t)s * bytes_of(v);
    }
    feed_sample(f, sample[s], in);
  }
  free(in);
  return w;
}

void walk_free(Walk *w) {
  for (int i = 0; i < w->nheld; i++)
    free(w->held[i]);
  free(w->held);
  free(w);
}

const void *walk_value(const Walk *w, const Value *v, int64_t i) {
  const char *all = v->id < w->nheld ? w->held[v->id] : NULL;
  return all ? all + (size_t)i * bytes_of(v) : NULL;
}

/* ---- a piece ---- */

static Value *operand(Piece *p, const Value *v) {
  if (!v)
    return NULL;
  Value **made = &p->made[v->id];
  if (*made)
    return *made;
  if (v->init)
    return *made = graph_const(p->g, v->name, v->type, v->init->data);
  ARRAY_PUSH(p->arena, &p->in, v);
  return *made = graph_input(p->g, v->name, v->type);
}

static void copy_op(Piece *p, const Op *op) {
  Value **in = ARENA_ARRAY(p->arena, Value *, op->nin);
  const Type **types = ARENA_ARRAY(p->arena, const Type *, op->nout);
  const char **names = ARENA_ARRAY(p->arena, const char *, op->nout);
  for (int i = 0; i < op->nin; i++)
    in[i] = operand(p, op->in[i]);
  for (int i = 0; i < op->nout; i++) {
    types[i] = op->out[i]->type;
    names[i] = op->out[i]->name;
  }
  Op *made = graph_op(p->g, NULL, op->kind, &op->attrs, op->nin, in, op->nout,
                      types, names, op->loc);
  made->rounding = op->rounding;
  for (int i = 0; i < op->nout; i++)
    p->made[op->out[i]->id] = made->out[i];
}

static void add_outputs(Piece *p, const Op *op) {
  for (int i = 0; i < op->nout; i++) {
    if (!is_wanted(p->w->g, op->out[i], p->end))
      continue;
    ARRAY_PUSH(p->arena, &p->out, op->out[i]);
    graph_output(p->g, p->made[op->out[i]->id]);
  }
}

static void make_piece(Piece *p) {
  const Graph *g = p->w->g;
  p->g = graph_new(p->arena, g->diag, g->name);
  p->g->file = g->file;
  p->g->rounding = g->rounding;
  p->made = ARENA_ARRAY(p->arena, Value *, g->values.n);
  for (const Op *op = p->w->at; op != p->end; op = op->next)
    copy_op(p, op);
  for (const Op *op = p->w->at; op != p->end; op = op->next)
    add_outputs(p, op);
}

/* ---- running it ---- */

static bool run_samples(Walk *w, const Piece *p, Executor *x) {
  const void **in = ARENA_ARRAY(p->arena, const void *, p->in.n);
  void **out = ARENA_ARRAY(p->arena, void *, p->out.n);
  bool ok = true;
  for (int64_t s = 0; s < w->n && ok; s++) {
    for (int i = 0; i < p->in.n; i++)
      in[i] = walk_value(w, p->in.v[i], s);
    for (int i = 0; i < p->out.n; i++) {
      const Value *v = p->out.v[i];
      out[i] = (char *)w->held[v->id] + (size_t)s * bytes_of(v);
    }
    x->reset(x);
    ok = x->run(x, in, out);
  }
  return ok;
}

static bool run_piece(Walk *w, const Piece *p) {
  Executor *x = w->engine->make(w->engine, p->g);
  if (!x)
    return false;
  for (int i = 0; i < p->out.n; i++)
    w->held[p->out.v[i]->id] = allocate((size_t)w->n, bytes_of(p->out.v[i]));
  bool ok = run_samples(w, p, x);
  x->free(x);
  return ok;
}

static void drop_unread(Walk *w) {
  for (int i = 0; i < w->nheld; i++) {
    const Value *v = w->held[i] ? w->g->values.v[i] : NULL;
    if (v && !is_wanted(w->g, v, w->at))
      drop(w, v);
  }
}

bool walk_to(Walk *w, const Op *end) {
  if (w->at == end)
    return true;
  Piece p = {.w = w, .end = end, .arena = arena_new()};
  graph_number(w->g);
  make_piece(&p);
  bool ok = !p.out.n || run_piece(w, &p);
  w->at = end;
  drop_unread(w);
  arena_free(p.arena);
  return ok;
}
