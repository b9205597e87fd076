#include "frontend/onnx/schema.h"

#include <stddef.h>

#define F(kind, member, number)                                                \
  {PK_##kind, number, PB_VARINT, #member, offsetof(Self, member)},
#define N(wire, member, number)                                                \
  {PK_Nums, number, PB_##wire, #member, offsetof(Self, member)},
#define MESSAGE(name, list)                                                    \
  static const PbField *fields_of_##name(int *n) {                             \
    typedef Onnx##name Self;                                                   \
    static const PbField v[] = {list};                                         \
    *n = (int)(sizeof v / sizeof *v);                                          \
    return v;                                                                  \
  }                                                                            \
  bool onnx_read_##name(Pb *pb, PbSpan span, Onnx##name *out) {                \
    int n;                                                                     \
    const PbField *fields = fields_of_##name(&n);                              \
    *out = (Onnx##name){0};                                                    \
    return pb_read(pb, span, #name, fields, n, out);                           \
  }
#include "frontend/onnx/schema.def"
#undef MESSAGE
#undef N
#undef F

bool onnx_looks_like_model(const uint8_t *data, size_t bytes) {
  int n;
  const PbField *fields = fields_of_Model(&n);
  return pb_looks_like(data, bytes, fields, n);
}

static const OnnxDType dtypes[] = {
    {1, DT_f32, "FLOAT"},
    {2, DT_u8, "UINT8"},
    {3, DT_i8, "INT8"},
    {4, DT_u16, "UINT16"},
    {5, DT_i16, "INT16"},
    {6, DT_i32, "INT32"},
    {7, DT_i64, "INT64"},
    {8, DT_COUNT, "STRING"},
    {9, DT_bool, "BOOL"},
    {10, DT_f16, "FLOAT16"},
    {11, DT_f64, "DOUBLE"},
    {12, DT_u32, "UINT32"},
    {13, DT_u64, "UINT64"},
    {14, DT_COUNT, "COMPLEX64"},
    {15, DT_COUNT, "COMPLEX128"},
    {16, DT_bf16, "BFLOAT16"},
    {17, DT_COUNT, "FLOAT8E4M3FN"},
    {18, DT_COUNT, "FLOAT8E4M3FNUZ"},
    {19, DT_COUNT, "FLOAT8E5M2"},
    {20, DT_COUNT, "FLOAT8E5M2FNUZ"},
    {21, DT_u4, "UINT4"},
    {22, DT_i4, "INT4"},
    {23, DT_COUNT, "FLOAT4E2M1"},
    {24, DT_COUNT, "FLOAT8E8M0"},
    {25, DT_COUNT, "UINT2"},
    {26, DT_COUNT, "INT2"},
    {27, DT_COUNT, "FLOAT6E2M3"},
    {28, DT_COUNT, "FLOAT6E3M2"},
};

const OnnxDType *onnx_dtype(int64_t code) {
  for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++)
    if (dtypes[i].code == code)
      return &dtypes[i];
  return NULL;
}
