/* Each value's hash is made of its producer's kind and attributes and of the
 * hashes of its operands, so the hashes of the outputs tell of all. */
#include "ir/hash.h"

#include <string.h>

#include "ir/attrs.h"

enum { WORD = 8 };

/* Stands where an operand is absent. */
static const uint64_t absent = 0x6162736e74u;

/* One round of multiply and fold: every bit of both reaches the low ones. */
static uint64_t mix(uint64_t h, uint64_t x) {
  h = (h ^ x) * 0x9e3779b97f4a7c15u;
  return h ^ (h >> 29);
}

static uint64_t mix_bytes(uint64_t h, const void *data, int64_t n) {
  const uint8_t *b = data;
  uint64_t tail = 0;
  h = mix(h, (uint64_t)n);
  for (; n >= WORD; n -= WORD, b += WORD) {
    uint64_t x = 0; /* little-endian, whatever the machine is */
    for (int i = 0; i < WORD; i++)
      x |= (uint64_t)b[i] << 8 * i;
    h = mix(h, x);
  }
  for (int i = 0; i < n; i++)
    tail |= (uint64_t)b[i] << 8 * i;
  return mix(h, tail);
}

static uint64_t mix_float(uint64_t h, float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return mix(h, bits);
}

static uint64_t mix_ints(uint64_t h, const int64_t *v, int n) {
  h = mix(h, (uint64_t)n);
  for (int i = 0; i < n; i++)
    h = mix(h, (uint64_t)v[i]);
  return h;
}

static uint64_t mix_quant(uint64_t h, const QuantParams *q) {
  const int64_t ints[] = {q->axis, q->block, q->qmin, q->qmax};
  h = mix_ints(h, ints, sizeof ints / sizeof *ints);
  for (int i = 0; i < q->nscale; i++)
    h = mix(mix_float(h, q->scale[i]), (uint64_t)q->zero_point[i]);
  return q->codebook ? mix_bytes(h, q->codebook, q->ncode) : h;
}

static uint64_t mix_type(uint64_t h, const Type *t) {
  h = mix_ints(mix(h, t->dtype), t->dim, t->rank);
  return t->q ? mix_quant(h, t->q) : h;
}

static uint64_t mix_attr(uint64_t h, const AttrField *f, const Attrs *a) {
  const void *p = attr_at_const(a, f);
  switch (f->type) {
  case AT_Int:
    return mix(h, (uint64_t)*(const Int *)p);
  case AT_Word:
    return mix(h, (uint64_t)*(const Word *)p);
  case AT_Bool:
    return mix(h, *(const Bool *)p);
  case AT_Float:
    return mix_float(h, *(const Float *)p);
  case AT_Act:
    return mix(h, *(const Act *)p);
  case AT_Reduction:
    return mix(h, *(const Reduction *)p);
  case AT_Int2:
    return mix_ints(h, ((const Int2 *)p)->v, 2);
  case AT_Int4:
    return mix_ints(h, ((const Int4 *)p)->v, 4);
  case AT_IntList:
    return mix_ints(h, ((const IntList *)p)->v, ((const IntList *)p)->n);
  }
  return h;
}

/* Enumerators' values may move between versions: kinds go in by name. */
static uint64_t mix_op(uint64_t h, const Op *op, const uint64_t *values) {
  const char *name = op_info(op->kind)->name;
  int n;
  const AttrField *f = attr_fields(op->kind, &n);
  h = mix(mix_bytes(h, name, (int64_t)strlen(name)), op->rounding);
  for (int i = 0; i < n; i++)
    h = mix_attr(h, &f[i], &op->attrs);
  for (int i = 0; i < op->nin; i++)
    h = mix(h, op->in[i] ? values[op->in[i]->id] : absent);
  return h;
}

/* A source of values: constant, or the i-th input or state. */
static uint64_t source_hash(const Value *v, int i) {
  uint64_t h = mix_type((uint64_t)i, v->type);
  return v->init ? mix_bytes(h, v->init->data, type_bytes(v->type)) : h;
}

static void hash_sources(const Graph *g, uint64_t *values) {
  for (int i = 0; i < g->values.n; i++)
    if (g->values.v[i] && g->values.v[i]->init)
      values[i] = source_hash(g->values.v[i], 0);
  for (int i = 0; i < g->inputs.n; i++)
    values[g->inputs.v[i]->id] = source_hash(g->inputs.v[i], 1 + i);
  for (int i = 0; i < g->states.n; i++) {
    const State *s = &g->states.v[i];
    uint64_t h = source_hash(s->in, -1 - i);
    values[s->in->id] = mix(h, s->init ? values[s->init->id] : absent);
  }
}

uint64_t graph_hash(const Graph *g) {
  Arena *scratch = arena_new();
  uint64_t *values = ARENA_ARRAY(scratch, uint64_t, g->values.n);
  hash_sources(g, values);
  for (const Op *op = g->first; op; op = op->next) {
    uint64_t h = mix_op(0, op, values);
    for (int i = 0; i < op->nout; i++)
      values[op->out[i]->id] = mix_type(mix(h, (uint64_t)i), op->out[i]->type);
  }
  uint64_t h = mix((uint64_t)g->inputs.n, (uint64_t)g->states.n);
  for (int i = 0; i < g->outputs.n; i++)
    h = mix(h, values[g->outputs.v[i]->id]);
  for (int i = 0; i < g->states.n; i++)
    h = mix(h, values[g->states.v[i].out->id]);
  arena_free(scratch);
  return mix(h, (uint64_t)g->outputs.n);
}
