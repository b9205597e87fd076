/* The messages of the ONNX format as structs, with a reader for each, made
 * from schema.def; and its element types. */
#ifndef KILN_FRONTEND_ONNX_SCHEMA_H
#define KILN_FRONTEND_ONNX_SCHEMA_H

#include "frontend/onnx/wire.h"
#include "ir/types.h"

/* OnnxModel, OnnxNode, ... */
#define F(kind, member, number) Pb##kind member;
#define N(wire, member, number) PbNums member;
#define MESSAGE(name, fields)                                                  \
  typedef struct Onnx##name {                                                  \
    fields                                                                     \
  } Onnx##name;
#include "frontend/onnx/schema.def"
#undef MESSAGE
#undef N
#undef F

/* onnx_read_Model(pb, span, &model), ...: false when the file is bad. */
#define MESSAGE(name, fields)                                                  \
  bool onnx_read_##name(Pb *pb, PbSpan span, Onnx##name *out);
#include "frontend/onnx/schema.def"
#undef MESSAGE

/* Whether bytes begin like a ModelProto. */
bool onnx_looks_like_model(const uint8_t *data, size_t bytes);

/* TensorProto.DataType. dtype is DT_COUNT where Kiln has no such type. */
typedef struct OnnxDType {
  int code;
  DType dtype;
  const char *name; /* "FLOAT" */
} OnnxDType;
/* NULL for a code that the format does not have. */
const OnnxDType *onnx_dtype(int64_t code);

/* AttributeProto.AttributeType. */
enum {
  ONNX_FLOAT = 1,
  ONNX_INT = 2,
  ONNX_STRING = 3,
  ONNX_TENSOR = 4,
  ONNX_GRAPH = 5,
  ONNX_FLOATS = 6,
  ONNX_INTS = 7,
  ONNX_STRINGS = 8
};

#endif
