/* The facts of the TFLite format that the importer uses: field numbers
 * (schema.def), operator names (builtin.def) and enumerations. */
#ifndef KILN_FRONTEND_TFLITE_SCHEMA_H
#define KILN_FRONTEND_TFLITE_SCHEMA_H

#include "frontend/tflite/fb.h"

enum { TFL_SCHEMA_VERSION = 3 };

typedef enum TflFieldId {
#define FIELD(table, field, number) TFL_##table##_##field,
#include "frontend/tflite/schema.def"
#undef FIELD
  TFL_FIELD_COUNT
} TflFieldId;

extern const FbField tfl_fields[TFL_FIELD_COUNT];
#define TFL_F(table, field) (&tfl_fields[TFL_##table##_##field])

typedef enum TflBuiltin {
#define BUILTIN(name) TFL_##name,
#include "frontend/tflite/builtin.def"
#undef BUILTIN
  TFL_BUILTIN_COUNT
} TflBuiltin;

/* "CONV_2D"; NULL for a code that the format does not have. */
const char *tfl_builtin_name(int64_t code);

typedef enum TflTensorType {
  TFL_FLOAT32 = 0,
  TFL_FLOAT16 = 1,
  TFL_INT32 = 2,
  TFL_UINT8 = 3,
  TFL_INT64 = 4,
  TFL_BOOL = 6,
  TFL_INT16 = 7,
  TFL_INT8 = 9,
  TFL_FLOAT64 = 10,
  TFL_UINT64 = 12,
  TFL_UINT32 = 15,
  TFL_UINT16 = 16
} TflTensorType;

/* "FLOAT32"; NULL for a code that the format does not have. */
const char *tfl_type_name(int code);

typedef enum TflPadding { TFL_SAME, TFL_VALID, TFL_PADDING_COUNT } TflPadding;

/* Which member of the union Operator.builtin_options holds. */
typedef enum TflOptions {
  TFL_OPTIONS_ANY = 0, /* nothing in it is read */
  TFL_OPTIONS_Conv2D = 1,
  TFL_OPTIONS_DepthwiseConv2D = 2,
  TFL_OPTIONS_Pool2D = 5,
  TFL_OPTIONS_FullyConnected = 8,
  TFL_OPTIONS_Softmax = 9,
  TFL_OPTIONS_Concatenation = 10,
  TFL_OPTIONS_Add = 11,
  TFL_OPTIONS_L2Norm = 12,
  TFL_OPTIONS_LocalResponseNormalization = 13,
  TFL_OPTIONS_ResizeBilinear = 15,
  TFL_OPTIONS_Reshape = 17,
  TFL_OPTIONS_SpaceToDepth = 19,
  TFL_OPTIONS_Mul = 21,
  TFL_OPTIONS_Gather = 23,
  TFL_OPTIONS_Reducer = 27,
  TFL_OPTIONS_Sub = 28,
  TFL_OPTIONS_Div = 29,
  TFL_OPTIONS_Squeeze = 30,
  TFL_OPTIONS_StridedSlice = 32,
  TFL_OPTIONS_Split = 35,
  TFL_OPTIONS_TransposeConv = 49,
  TFL_OPTIONS_Pack = 59,
  TFL_OPTIONS_OneHot = 61,
  TFL_OPTIONS_Unpack = 64,
  TFL_OPTIONS_ResizeNearestNeighbor = 74,
  TFL_OPTIONS_LeakyRelu = 75,
  TFL_OPTIONS_MirrorPad = 77,
  TFL_OPTIONS_DepthToSpace = 94,
  TFL_OPTIONS_BatchMatMul = 101,
  TFL_OPTIONS_Cumsum = 102,
  TFL_OPTIONS_Gelu = 116
} TflOptions;

#endif
