/* Writing protobuf's wire format, and in it the few messages of onnx.proto
 * that a graph without bodies takes. A message is a Str of bytes; one inside
 * another is written first and added with its length.
 *
 * Sources: https://protobuf.dev/programming-guides/encoding; field numbers
 * and codes of onnx.proto, ONNX 1.17 (operator set 21). */
#ifndef KILN_EXPORT_ONNX_WIRE_H
#define KILN_EXPORT_ONNX_WIRE_H

#include "ir/types.h"

/* One field each; `field` is its number. */
void wire_int(Str *m, int field, int64_t v);
void wire_float(Str *m, int field, float v);
void wire_string(Str *m, int field, const char *s);
void wire_bytes(Str *m, int field, const void *data, size_t n);
void wire_message(Str *m, int field, const Str *inner);
/* What stands before n bytes. */
void wire_begin(Str *m, int field, size_t n);
/* One field for each of n: onnx.proto does not pack. */
void wire_ints(Str *m, int field, const int64_t *v, int n);

/* TensorProto.DataType. */
int onnx_code(DType t);

/* An attribute of a node. */
typedef enum AttrKind { ATTR_INT, ATTR_FLOAT, ATTR_STRING, ATTR_INTS } AttrKind;

typedef struct Attr {
  const char *name;
  AttrKind kind;
  int64_t i;
  float f;
  const char *s;
  const int64_t *ints; /* (n) */
  int n;
} Attr;

#define A_INT(key, value) {.name = key, .kind = ATTR_INT, .i = value}
#define A_FLOAT(key, value) {.name = key, .kind = ATTR_FLOAT, .f = value}
#define A_STRING(key, value) {.name = key, .kind = ATTR_STRING, .s = value}
#define A_INTS(key, v, count)                                                  \
  {.name = key, .kind = ATTR_INTS, .ints = v, .n = count}

/* Adds to a GraphProto: a node, named like its first output; an operand that
 * is absent is "". */
void graph_add_node(Str *graph, const char *op, int nin, const char *const *in,
                    int nout, const char *const *out, int nattr,
                    const Attr *attrs);
/* An initializer of dense little-endian bytes, copied. */
void graph_add_tensor(Str *graph, const char *name, DType t, int rank,
                      const int64_t *dim, const void *data, size_t bytes);
typedef enum GraphEnd { GRAPH_INPUT = 11, GRAPH_OUTPUT = 12 } GraphEnd;
void graph_add_end(Str *graph, GraphEnd end, const char *name, const Type *t);

#endif
