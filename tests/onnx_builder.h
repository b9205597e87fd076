/* Writes small .onnx files in memory for tests: messages of protobuf's wire
 * format, and on top of them the few that a model has. Knows the format by
 * itself, not through the importer. */
#ifndef KILN_TESTS_ONNX_BUILDER_H
#define KILN_TESTS_ONNX_BUILDER_H

#include <stdint.h>
#include <string.h>

#include "support/arena.h"
#include "support/str.h"

/* --- protobuf ------------------------------------------------------------ */

static inline void pw_varint(Str *m, uint64_t x) {
  for (; x >= 0x80; x >>= 7)
    str_add_bytes(m, &(uint8_t){(uint8_t)(x | 0x80)}, 1);
  str_add_bytes(m, &(uint8_t){(uint8_t)x}, 1);
}

static inline void pw_tag(Str *m, int field, int wire) {
  pw_varint(m, (uint64_t)field << 3 | (uint64_t)wire);
}

static inline void pw_int(Str *m, int field, int64_t x) {
  pw_tag(m, field, 0);
  pw_varint(m, (uint64_t)x);
}

static inline void pw_bytes(Str *m, int field, const void *data, size_t n) {
  pw_tag(m, field, 2);
  pw_varint(m, n);
  str_add_bytes(m, data, n);
}

static inline void pw_text(Str *m, int field, const char *s) {
  pw_bytes(m, field, s, strlen(s));
}

static inline void pw_message(Str *m, int field, const Str *sub) {
  pw_bytes(m, field, sub->s, sub->n);
}

static inline void pw_float(Str *m, int field, float x) {
  pw_tag(m, field, 5);
  str_add_bytes(m, &x, sizeof x);
}

/* --- ONNX ---------------------------------------------------------------- */

enum { OB_FLOAT = 1, OB_UINT8 = 2, OB_INT8 = 3, OB_INT32 = 6, OB_INT64 = 7 };

typedef struct Ob {
  Arena *arena;
  Str graph;     /* GraphProto */
  Str functions; /* fields of ModelProto */
  int64_t opset;
} Ob;

static inline Ob ob_new(Arena *a, int64_t opset) {
  return (Ob){a, str_new(a), str_new(a), opset};
}

/* Attributes, each of them a field of a NodeProto. */
static inline void ob_attr(Str *node, const char *name, int type, Str *value) {
  Str a = str_new(node->arena);
  pw_text(&a, 1, name);
  str_add_bytes(&a, value->s, value->n);
  pw_int(&a, 20, type);
  pw_message(node, 5, &a);
}

static inline void ob_attr_int(Str *node, const char *name, int64_t x) {
  Str v = str_new(node->arena);
  pw_int(&v, 3, x);
  ob_attr(node, name, 2, &v);
}

static inline void ob_attr_float(Str *node, const char *name, float x) {
  Str v = str_new(node->arena);
  pw_float(&v, 2, x);
  ob_attr(node, name, 1, &v);
}

static inline void ob_attr_text(Str *node, const char *name, const char *s) {
  Str v = str_new(node->arena);
  pw_text(&v, 4, s);
  ob_attr(node, name, 3, &v);
}

static inline void ob_attr_ints(Str *node, const char *name, int n,
                                const int64_t *x) {
  Str v = str_new(node->arena);
  for (int i = 0; i < n; i++)
    pw_int(&v, 8, x[i]);
  ob_attr(node, name, 7, &v);
}

static inline void ob_attr_graph(Str *node, const char *name, const Str *g) {
  Str v = str_new(node->arena);
  pw_message(&v, 6, g);
  ob_attr(node, name, 5, &v);
}

/* One string field for each word of a list "a b c"; "_" is the empty one. */
static inline void ob_names(Str *m, int field, const char *list) {
  while (*list) {
    size_t n = strcspn(list, " ");
    pw_bytes(m, field, list, n == 1 && *list == '_' ? 0 : n);
    list += n + (list[n] == ' ');
  }
}

/* A NodeProto; attributes may be added until it is put somewhere. */
static inline Str ob_node(Arena *a, const char *op, const char *in,
                          const char *out) {
  Str n = str_new(a);
  ob_names(&n, 1, in);
  ob_names(&n, 2, out);
  pw_text(&n, 4, op);
  return n;
}

static inline void ob_add(Ob *b, const Str *node) {
  pw_message(&b->graph, 1, node);
}

static inline void ob_op(Ob *b, const char *op, const char *in,
                         const char *out) {
  Str n = ob_node(b->arena, op, in, out);
  ob_add(b, &n);
}

/* A ValueInfoProto. Dimensions are words: numbers or names, "?" unknown. */
static inline Str ob_value_info(Arena *a, const char *name, int type,
                                const char *dims) {
  Str info = str_new(a), outer = str_new(a), tensor = str_new(a),
      shape = str_new(a);
  while (*dims) {
    Str d = str_new(a);
    size_t n = strcspn(dims, " ");
    if (*dims >= '0' && *dims <= '9')
      pw_int(&d, 1, strtoll(dims, NULL, 10));
    else if (*dims != '?')
      pw_bytes(&d, 2, dims, n);
    pw_message(&shape, 1, &d);
    dims += n + (dims[n] == ' ');
  }
  pw_int(&tensor, 1, type);
  pw_message(&tensor, 2, &shape);
  pw_message(&outer, 1, &tensor);
  pw_text(&info, 1, name);
  pw_message(&info, 2, &outer);
  return info;
}

static inline void ob_input(Ob *b, const char *name, int type,
                            const char *dims) {
  Str v = ob_value_info(b->arena, name, type, dims);
  pw_message(&b->graph, 11, &v);
}

static inline void ob_output(Ob *b, const char *name) {
  Str v = str_new(b->arena);
  pw_text(&v, 1, name);
  pw_message(&b->graph, 12, &v);
}

/* A TensorProto without its data. */
static inline Str ob_tensor(Arena *a, const char *name, int type, int rank,
                            const int64_t *dim) {
  Str t = str_new(a);
  for (int i = 0; i < rank; i++)
    pw_int(&t, 1, dim[i]);
  pw_int(&t, 2, type);
  pw_text(&t, 8, name);
  return t;
}

static inline void ob_raw(Ob *b, const char *name, int type, int rank,
                          const int64_t *dim, const void *data, size_t n) {
  Str t = ob_tensor(b->arena, name, type, rank, dim);
  pw_bytes(&t, 9, data, n);
  pw_message(&b->graph, 5, &t);
}

static inline void ob_ints(Ob *b, const char *name, int n, const int64_t *v) {
  ob_raw(b, name, OB_INT64, 1, &(int64_t){n}, v, (size_t)n * sizeof *v);
}

/* The whole file. */
static inline Str ob_model(const Ob *b) {
  Str m = str_new(b->arena), opset = str_new(b->arena);
  pw_int(&m, 1, 8);
  pw_message(&m, 7, &b->graph);
  pw_int(&opset, 2, b->opset);
  pw_message(&m, 8, &opset);
  str_add_bytes(&m, b->functions.s, b->functions.n);
  return m;
}

#endif
