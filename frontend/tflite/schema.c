#include "frontend/tflite/schema.h"

const FbField tfl_fields[TFL_FIELD_COUNT] = {
#define FIELD(table, field, number) {number, #table "." #field},
#include "frontend/tflite/schema.def"
#undef FIELD
};

static const char *const builtin_names[] = {
#define BUILTIN(name) #name,
#include "frontend/tflite/builtin.def"
#undef BUILTIN
};

static const char *const type_names[] = {
    "FLOAT32", "FLOAT16",       "INT32",      "UINT8",     "INT64",
    "STRING",  "BOOL",          "INT16",      "COMPLEX64", "INT8",
    "FLOAT64", "COMPLEX128",    "UINT64",     "RESOURCE",  "VARIANT",
    "UINT32",  "UINT16",        "INT4",       "BFLOAT16",  "INT2",
    "UINT4",   "FLOAT8_E4M3FN", "FLOAT8_E5M2"};

const char *tfl_builtin_name(int64_t code) {
  return code >= 0 && code < TFL_BUILTIN_COUNT ? builtin_names[code] : NULL;
}

const char *tfl_type_name(int code) {
  int n = (int)(sizeof type_names / sizeof *type_names);
  return code >= 0 && code < n ? type_names[code] : NULL;
}
