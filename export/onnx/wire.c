#include "export/onnx/wire.h"

#include <string.h>

typedef enum Wire { VARINT = 0, BYTES = 2, FIXED32 = 5 } Wire;

static void add_varint(Str *m, uint64_t v) {
  unsigned char b[10];
  size_t n = 0;
  for (; v >= 0x80; v >>= 7)
    b[n++] = (unsigned char)(v | 0x80);
  b[n++] = (unsigned char)v;
  str_add_bytes(m, b, n);
}

static void add_tag(Str *m, int field, Wire wire) {
  add_varint(m, (uint64_t)field << 3 | (uint64_t)wire);
}

void wire_int(Str *m, int field, int64_t v) {
  add_tag(m, field, VARINT);
  add_varint(m, (uint64_t)v);
}

void wire_float(Str *m, int field, float v) {
  uint32_t bits;
  memcpy(&bits, &v, sizeof bits);
  unsigned char b[4];
  for (int i = 0; i < 4; i++)
    b[i] = (unsigned char)(bits >> 8 * i);
  add_tag(m, field, FIXED32);
  str_add_bytes(m, b, sizeof b);
}

void wire_begin(Str *m, int field, size_t n) {
  add_tag(m, field, BYTES);
  add_varint(m, n);
}

void wire_bytes(Str *m, int field, const void *data, size_t n) {
  wire_begin(m, field, n);
  str_add_bytes(m, data, n);
}

void wire_string(Str *m, int field, const char *s) {
  wire_bytes(m, field, s, strlen(s));
}

void wire_message(Str *m, int field, const Str *inner) {
  wire_bytes(m, field, str_cstr(inner), inner->n);
}

void wire_ints(Str *m, int field, const int64_t *v, int n) {
  for (int i = 0; i < n; i++)
    wire_int(m, field, v[i]);
}

int onnx_code(DType t) {
  static const unsigned char codes[DT_COUNT] = {
      [DT_f32] = 1,   [DT_u8] = 2,   [DT_i8] = 3,   [DT_u16] = 4,
      [DT_i16] = 5,   [DT_i32] = 6,  [DT_i64] = 7,  [DT_bool] = 9,
      [DT_f16] = 10,  [DT_f64] = 11, [DT_u32] = 12, [DT_u64] = 13,
      [DT_bf16] = 16, [DT_u4] = 21,  [DT_i4] = 22,
  };
  return codes[t];
}

/* --- AttributeProto, NodeProto ----------------------------------------- */

enum { ATTRIBUTE_FLOAT = 1, ATTRIBUTE_INT = 2, ATTRIBUTE_STRING = 3 };
enum { ATTRIBUTE_INTS = 7 }; /* of AttributeType */

static void add_attribute(Str *node, const Attr *a) {
  static const int types[] = {[ATTR_INT] = ATTRIBUTE_INT,
                              [ATTR_FLOAT] = ATTRIBUTE_FLOAT,
                              [ATTR_STRING] = ATTRIBUTE_STRING,
                              [ATTR_INTS] = ATTRIBUTE_INTS};
  Str m = str_new(node->arena);
  wire_string(&m, 1, a->name);
  switch (a->kind) {
  case ATTR_INT:
    wire_int(&m, 3, a->i);
    break;
  case ATTR_FLOAT:
    wire_float(&m, 2, a->f);
    break;
  case ATTR_STRING:
    wire_string(&m, 4, a->s);
    break;
  case ATTR_INTS:
    wire_ints(&m, 8, a->ints, a->n);
    break;
  }
  wire_int(&m, 20, types[a->kind]);
  wire_message(node, 5, &m);
}

void graph_add_node(Str *graph, const char *op, int nin, const char *const *in,
                    int nout, const char *const *out, int nattr,
                    const Attr *attrs) {
  Str m = str_new(graph->arena);
  for (int i = 0; i < nin; i++)
    wire_string(&m, 1, in[i]);
  for (int i = 0; i < nout; i++)
    wire_string(&m, 2, out[i]);
  wire_string(&m, 3, out[0]);
  wire_string(&m, 4, op);
  for (int i = 0; i < nattr; i++)
    add_attribute(&m, &attrs[i]);
  wire_message(graph, 1, &m);
}

/* --- TensorProto, ValueInfoProto --------------------------------------- */

/* The data goes to the graph directly: it may be most of the file. */
void graph_add_tensor(Str *graph, const char *name, DType t, int rank,
                      const int64_t *dim, const void *data, size_t bytes) {
  Str m = str_new(graph->arena);
  wire_ints(&m, 1, dim, rank);
  wire_int(&m, 2, onnx_code(t));
  wire_string(&m, 8, name);
  wire_begin(&m, 9, bytes);
  wire_begin(graph, 5, m.n + bytes);
  str_add_bytes(graph, str_cstr(&m), m.n);
  str_add_bytes(graph, data, bytes);
}

void graph_add_end(Str *graph, GraphEnd end, const char *name, const Type *t) {
  Arena *a = graph->arena;
  Str shape = str_new(a), tensor = str_new(a), type = str_new(a);
  Str m = str_new(a);
  for (int i = 0; i < t->rank; i++) {
    Str dim = str_new(a);
    wire_int(&dim, 1, t->dim[i]);
    wire_message(&shape, 1, &dim);
  }
  wire_int(&tensor, 1, onnx_code(t->dtype));
  wire_message(&tensor, 2, &shape);
  wire_message(&type, 1, &tensor);
  wire_string(&m, 1, name);
  wire_message(&m, 2, &type);
  wire_message(graph, (int)end, &m);
}
