/* Writes small .tflite files in memory for tests: a tree of tables and
 * vectors that is laid out front to back, and on top of it the few tables
 * that a model has. Knows the format by itself, not through the importer. */
#ifndef KILN_TESTS_TFLITE_BUILDER_H
#define KILN_TESTS_TFLITE_BUILDER_H

#include <stdint.h>
#include <string.h>

#include "support/arena.h"
#include "support/str.h"

/* --- flatbuffers -------------------------------------------------------- */

enum { TB_FIELDS = 12, TB_ITEMS = 512 };

typedef struct TbObj TbObj;

typedef struct TbField {
  int number;
  size_t bytes;  /* of a scalar; 0: obj */
  uint64_t bits; /* of a scalar */
  TbObj *obj;
} TbField;

/* A table (fields), a vector of tables (items) or a vector of scalars
 * (data, `count` of them). */
struct TbObj {
  enum { TB_TABLE, TB_VECTOR, TB_BYTES } kind;
  TbField field[TB_FIELDS];
  int nfield;
  TbObj *item[TB_ITEMS];
  int nitem;
  const void *data;
  size_t bytes, count;
};

static inline TbObj *tb_table(Arena *a) { return ARENA_NEW(a, TbObj); }

static inline TbObj *tb_vector(Arena *a) {
  TbObj *v = ARENA_NEW(a, TbObj);
  v->kind = TB_VECTOR;
  return v;
}

static inline TbObj *tb_bytes(Arena *a, const void *data, size_t count,
                              size_t elem) {
  TbObj *v = ARENA_NEW(a, TbObj);
  v->kind = TB_BYTES;
  v->data = arena_dup(a, data, count * elem);
  v->bytes = count * elem;
  v->count = count;
  return v;
}

static inline TbField *tb_field(TbObj *t, int number) {
  for (int i = 0; i < t->nfield; i++)
    if (t->field[i].number == number)
      return &t->field[i];
  TbField *f = &t->field[t->nfield++];
  f->number = number;
  return f;
}

static inline void tb_set(TbObj *t, int number, int64_t value, size_t bytes) {
  TbField *f = tb_field(t, number);
  f->bits = (uint64_t)value;
  f->bytes = bytes;
}

static inline void tb_set_f32(TbObj *t, int number, float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  tb_set(t, number, bits, 4);
}

static inline void tb_set_obj(TbObj *t, int number, TbObj *obj) {
  tb_field(t, number)->obj = obj;
}

static inline TbObj *tb_push(TbObj *v, TbObj *item) {
  v->item[v->nitem++] = item;
  return item;
}

static inline void tb_put(Str *s, uint64_t value, size_t bytes) {
  uint8_t le[8];
  for (size_t i = 0; i < bytes; i++)
    le[i] = (uint8_t)(value >> (8 * i));
  str_add_bytes(s, le, bytes);
}

/* Pads until `behind` more bytes end at a multiple of `to`. */
static inline void tb_align(Str *s, size_t to, size_t behind) {
  while ((s->n + behind) % to)
    tb_put(s, 0, 1);
}

static inline void tb_patch(Str *s, size_t at, uint64_t value, size_t bytes) {
  for (size_t i = 0; i < bytes; i++)
    s->s[at + i] = (char)(value >> (8 * i));
}

static inline size_t tb_write(Str *s, const TbObj *o);

static inline size_t tb_write_vector(Str *s, const TbObj *o) {
  tb_align(s, 16, 4);
  size_t at = s->n;
  tb_put(s, o->kind == TB_BYTES ? o->count : (uint64_t)o->nitem, 4);
  if (o->kind == TB_BYTES) {
    str_add_bytes(s, o->data, o->bytes);
    tb_put(s, 0, 1);
    return at;
  }
  for (int i = 0; i < o->nitem; i++)
    tb_put(s, 0, 4);
  for (int i = 0; i < o->nitem; i++) {
    size_t from = at + 4 + 4 * (size_t)i;
    tb_patch(s, from, tb_write(s, o->item[i]) - from, 4);
  }
  return at;
}

static inline size_t tb_write_table(Str *s, const TbObj *o) {
  size_t last = 0, where[TB_FIELDS];
  for (int i = 0; i < o->nfield; i++)
    if ((size_t)o->field[i].number + 1 > last)
      last = (size_t)o->field[i].number + 1;
  tb_align(s, 2, 0);
  size_t vtable = s->n;
  tb_put(s, 4 + 2 * last, 2);
  for (size_t i = 0; i < last + 1; i++)
    tb_put(s, 0, 2);
  tb_align(s, 8, 0);
  size_t at = s->n;
  tb_put(s, at - vtable, 4);
  for (int i = 0; i < o->nfield; i++) {
    const TbField *f = &o->field[i];
    size_t n = f->obj ? 4 : f->bytes;
    tb_align(s, n, 0);
    where[i] = s->n;
    tb_patch(s, vtable + 4 + 2 * (size_t)f->number, s->n - at, 2);
    tb_put(s, f->bits, n);
  }
  tb_patch(s, vtable + 2, s->n - at, 2);
  for (int i = 0; i < o->nfield; i++)
    if (o->field[i].obj)
      tb_patch(s, where[i], tb_write(s, o->field[i].obj) - where[i], 4);
  return at;
}

static inline size_t tb_write(Str *s, const TbObj *o) {
  return o->kind == TB_TABLE ? tb_write_table(s, o) : tb_write_vector(s, o);
}

/* The whole file. */
static inline Str tb_file(Arena *a, const TbObj *root) {
  Str s = str_new(a);
  tb_put(&s, 0, 4);
  str_add_bytes(&s, "TFL3", 4);
  tb_patch(&s, 0, tb_write(&s, root), 4);
  return s;
}

/* --- models ------------------------------------------------------------- */

typedef struct Tb {
  Arena *arena;
  TbObj *root, *graph;
  TbObj *codes, *subgraphs, *buffers, *tensors, *ops;
  int32_t in[TB_ITEMS], out[TB_ITEMS];
  int nin, nout;
} Tb;

static inline Tb *tb_new(Arena *a) {
  Tb *b = ARENA_NEW(a, Tb);
  *b = (Tb){.arena = a, .root = tb_table(a), .graph = tb_table(a)};
  b->codes = tb_vector(a);
  b->subgraphs = tb_vector(a);
  b->buffers = tb_vector(a);
  b->tensors = tb_vector(a);
  b->ops = tb_vector(a);
  tb_set(b->root, 0, 3, 4);
  tb_set_obj(b->root, 1, b->codes);
  tb_set_obj(b->root, 2, b->subgraphs);
  tb_set_obj(b->root, 4, b->buffers);
  tb_push(b->subgraphs, b->graph);
  tb_push(b->buffers, tb_table(a)); /* the empty one */
  tb_set_obj(b->graph, 0, b->tensors);
  tb_set_obj(b->graph, 3, b->ops);
  return b;
}

/* A tensor; what is not given is absent. */
typedef struct TbTensor {
  const char *name;
  int type; /* as in the format: 0 FLOAT32, 2 INT32, 9 INT8, ... */
  int rank;
  int32_t dim[9];
  int nscale; /* 0 with a scale: one */
  float scale;
  int64_t zero;
  int axis;
  const void *data;
  size_t bytes;
} TbTensor;

static inline void tb_quantize(Tb *b, TbObj *t, const TbTensor *x) {
  int n = x->nscale ? x->nscale : 1;
  float scale[64];
  int64_t zero[64];
  for (int i = 0; i < n; i++) {
    scale[i] = x->scale * (float)(i + 1);
    zero[i] = x->zero;
  }
  TbObj *q = tb_table(b->arena);
  tb_set_obj(q, 2, tb_bytes(b->arena, scale, (size_t)n, 4));
  tb_set_obj(q, 3, tb_bytes(b->arena, zero, (size_t)n, 8));
  tb_set(q, 6, x->axis, 4);
  tb_set_obj(t, 4, q);
}

static inline int tb_tensor(Tb *b, const TbTensor *x) {
  TbObj *t = tb_push(b->tensors, tb_table(b->arena));
  tb_set_obj(t, 0, tb_bytes(b->arena, x->dim, (size_t)x->rank, 4));
  tb_set(t, 1, x->type, 1);
  if (x->name)
    tb_set_obj(t, 3, tb_bytes(b->arena, x->name, strlen(x->name), 1));
  if (x->scale != 0)
    tb_quantize(b, t, x);
  if (x->data) {
    TbObj *buffer = tb_push(b->buffers, tb_table(b->arena));
    tb_set_obj(buffer, 0, tb_bytes(b->arena, x->data, x->bytes, 1));
    tb_set(t, 2, b->buffers->nitem - 1, 4);
  }
  return b->tensors->nitem - 1;
}

static inline TbObj *tb_tensor_table(Tb *b, int index) {
  return b->tensors->item[index];
}

static inline int tb_input(Tb *b, int tensor) {
  return b->in[b->nin++] = tensor;
}

static inline int tb_output(Tb *b, int tensor) {
  return b->out[b->nout++] = tensor;
}

/* An operator of builtin `code`; its table of options is returned. */
static inline TbObj *tb_op(Tb *b, int code, int version, int options_type,
                           const int32_t *in, size_t nin, const int32_t *out,
                           size_t nout) {
  Arena *a = b->arena;
  TbObj *c = tb_push(b->codes, tb_table(a));
  tb_set(c, 0, code < 127 ? code : 127, 1);
  tb_set(c, 2, version, 4);
  tb_set(c, 3, code, 4);
  TbObj *op = tb_push(b->ops, tb_table(a)), *options = tb_table(a);
  tb_set(op, 0, b->codes->nitem - 1, 4);
  tb_set_obj(op, 1, tb_bytes(a, in, nin, 4));
  tb_set_obj(op, 2, tb_bytes(a, out, nout, 4));
  if (options_type) {
    tb_set(op, 3, options_type, 1);
    tb_set_obj(op, 4, options);
  }
  return options;
}

static inline Str tb_model(Tb *b) {
  tb_set_obj(b->graph, 1, tb_bytes(b->arena, b->in, (size_t)b->nin, 4));
  tb_set_obj(b->graph, 2, tb_bytes(b->arena, b->out, (size_t)b->nout, 4));
  return tb_file(b->arena, b->root);
}

#endif
