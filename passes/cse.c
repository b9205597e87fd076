/* Equal constants become one, then equal ops (kind, attributes, rounding,
 * operands, result types) become one: an op is a function of these. In
 * topological order, so that chains of equal ops meet from the front. */
#include <string.h>

#include "passes/rewrite.h"

/* Hash table with open addressing over things with a hash. */
typedef struct Entry {
  uint64_t hash;
  void *item; /* NULL: free */
} Entry;

typedef struct Seen {
  Entry *v;
  size_t cap; /* a power of two, more than twice what is put in */
} Seen;

static Seen seen_new(Arena *a, int items) {
  Seen s = {.cap = 16};
  while (s.cap < 2 * (size_t)items + 1)
    s.cap *= 2;
  s.v = ARENA_ARRAY(a, Entry, s.cap);
  return s;
}

/* An item that equals `item`, or NULL after putting it in. */
static void *seen_find(Seen *s, uint64_t hash, void *item,
                       bool (*equal)(const void *a, const void *b)) {
  size_t i = (size_t)hash & (s->cap - 1);
  for (; s->v[i].item; i = (i + 1) & (s->cap - 1))
    if (s->v[i].hash == hash && equal(s->v[i].item, item))
      return s->v[i].item;
  s->v[i] = (Entry){hash, item};
  return NULL;
}

static uint64_t hash_bytes(uint64_t h, const void *data, size_t n) {
  const unsigned char *p = data;
  for (size_t i = 0; i < n; i++)
    h = (h ^ p[i]) * 0x100000001b3u; /* FNV-1a */
  return h;
}

enum { HASHED_BYTES = 4096 };

static uint64_t hash_const(const Value *v) {
  int64_t bytes = type_bytes(v->type);
  size_t n = (size_t)(bytes < HASHED_BYTES ? bytes : HASHED_BYTES);
  uint64_t h = hash_bytes(0xcbf29ce484222325u, &bytes, sizeof bytes);
  h = hash_bytes(h, v->init->data, n);
  return h ^ (h >> 29);
}

static bool equal_consts(const void *x, const void *y) {
  const Value *a = x, *b = y;
  return type_equal(a->type, b->type) &&
         memcmp(a->init->data, b->init->data, (size_t)type_bytes(a->type)) == 0;
}

static void merge_consts(Graph *g, PassCtx *c) {
  Seen seen = seen_new(c->scratch, g->values.n);
  for (int i = 0; i < g->values.n; i++) {
    Value *v = g->values.v[i];
    if (!v || !v->init || value_use_count(g, v) != v->uses.n)
      continue;
    Value *first = seen_find(&seen, hash_const(v), v, equal_consts);
    if (!first)
      continue;
    graph_replace_uses(g, v, first);
    graph_remove_value(g, v);
    pass_stat(c, "constants merged", 1);
  }
}

static uint64_t hash_op(const Op *op) {
  uint64_t h = hash_bytes(0xcbf29ce484222325u, &op->kind, sizeof op->kind);
  for (int i = 0; i < op->nin; i++) {
    int id = op->in[i] ? op->in[i]->id : -1;
    h = hash_bytes(h, &id, sizeof id);
  }
  return h ^ (h >> 29);
}

static bool equal_ops(const void *x, const void *y) {
  const Op *a = x, *b = y;
  if (a->kind != b->kind || a->rounding != b->rounding || a->nin != b->nin ||
      a->nout != b->nout || !attrs_equal(a->kind, &a->attrs, &b->attrs))
    return false;
  for (int i = 0; i < a->nin; i++)
    if (a->in[i] != b->in[i])
      return false;
  for (int i = 0; i < a->nout; i++)
    if (!type_equal(a->out[i]->type, b->out[i]->type))
      return false;
  return true;
}

/* Replaces what can be; the op goes when all of it was. */
static void merge_op(Graph *g, PassCtx *c, Op *op, const Op *first) {
  int replaced = 0;
  for (int i = 0; i < op->nout; i++)
    replaced += rewrite_replace(g, op->out[i], first->out[i]);
  if (replaced < op->nout)
    return;
  graph_remove_op(g, op);
  pass_stat(c, "ops merged", 1);
}

bool pass_cse(Graph *g, PassCtx *c) {
  merge_consts(g, c);
  Seen seen = seen_new(c->scratch, g->nop);
  for (Op *op = g->first, *next; op; op = next) {
    next = op->next;
    Op *first = seen_find(&seen, hash_op(op), op, equal_ops);
    if (first)
      merge_op(g, c, op, first);
  }
  return true;
}
