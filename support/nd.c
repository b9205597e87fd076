#include <math.h>
#include <string.h>

#include "support/str.h"
#include "support/tensor_file.h"

typedef struct ElemRow {
  const char *name, *long_name;
  char kind;
  size_t bytes;
  int idx;
  const char *safetensors;
} ElemRow;

static const ElemRow rows[ELEM_COUNT] = {
#define ELEM(name, long_name, kind, bytes, idx, safe)                          \
  {#name, long_name, kind, bytes, idx, safe},
#include "support/elements.def"
#undef ELEM
};

bool data_error(Diag *d, const char *file, const char *fmt, ...) {
  char why[512];
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(why, sizeof why, fmt, ap);
  va_end(ap);
  return diag_error(d, E0701, (Loc){.file = file}, "%s", why);
}

const char *elem_name(ElemType t) { return rows[t].name; }

size_t elem_bytes(ElemType t) { return rows[t].bytes; }

bool elem_is_real(ElemType t) { return rows[t].kind == 'f' || t == ELEM_bf16; }

static bool is_name(const char *name, const char *s, size_t n) {
  return strlen(name) == n && memcmp(name, s, n) == 0;
}

ElemType elem_find(const char *name, size_t length) {
  int t = 0;
  while (t < ELEM_COUNT && !is_name(rows[t].name, name, length) &&
         !is_name(rows[t].long_name, name, length))
    t++;
  return (ElemType)t;
}

ElemType elem_of_numpy(char kind, int64_t bytes) {
  int t = 0;
  while (t < ELEM_COUNT &&
         (rows[t].kind != kind || (int64_t)rows[t].bytes != bytes))
    t++;
  return (ElemType)t;
}

ElemType elem_of_idx(int code) {
  int t = 0;
  while (t < ELEM_COUNT && (!code || rows[t].idx != code))
    t++;
  return (ElemType)t;
}

ElemType elem_of_safetensors(const char *name) {
  int t = 0;
  while (t < ELEM_COUNT && (!*name || strcmp(rows[t].safetensors, name) != 0))
    t++;
  return (ElemType)t;
}

int64_t nd_count(const NdArray *a) {
  int64_t n = 1;
  for (int i = 0; i < a->rank; i++)
    n *= a->dim[i];
  return n;
}

bool nd_set_bytes(NdArray *out) {
  int64_t n = (int64_t)elem_bytes(out->type);
  for (int i = 0; i < out->rank; i++)
    if (out->dim[i] < 0 || __builtin_mul_overflow(n, out->dim[i], &n))
      return false;
  out->bytes = (size_t)n;
  return true;
}

void nd_set_data(Arena *a, NdArray *out, const uint8_t *data) {
  bool aligned = (uintptr_t)data % elem_bytes(out->type) == 0;
  out->data = aligned ? (const void *)data : arena_dup(a, data, out->bytes);
}

static double half_real(uint16_t bits) {
  int e = bits >> 10 & 31, m = bits & 1023;
  double x = e == 31 ? (m ? (double)NAN : (double)INFINITY)
             : e     ? ldexp(m + 1024, e - 25)
                     : ldexp(m, -24);
  return bits >> 15 ? -x : x;
}

static double bfloat_real(uint16_t bits) {
  uint32_t wide = (uint32_t)bits << 16;
  float x;
  memcpy(&x, &wide, sizeof x);
  return (double)x;
}

double nd_real(const NdArray *a, int64_t i) {
  switch (a->type) {
  case ELEM_bool:
  case ELEM_byte:
  case ELEM_u8:
    return ((const uint8_t *)a->data)[i];
  case ELEM_i8:
    return ((const int8_t *)a->data)[i];
  case ELEM_i16:
    return ((const int16_t *)a->data)[i];
  case ELEM_u16:
    return ((const uint16_t *)a->data)[i];
  case ELEM_i32:
    return ((const int32_t *)a->data)[i];
  case ELEM_u32:
    return ((const uint32_t *)a->data)[i];
  case ELEM_i64:
    return (double)((const int64_t *)a->data)[i];
  case ELEM_u64:
    return (double)((const uint64_t *)a->data)[i];
  case ELEM_f16:
    return half_real(((const uint16_t *)a->data)[i]);
  case ELEM_bf16:
    return bfloat_real(((const uint16_t *)a->data)[i]);
  case ELEM_f32:
    return (double)((const float *)a->data)[i];
  case ELEM_f64:
    return ((const double *)a->data)[i];
  case ELEM_COUNT:
    break;
  }
  return 0;
}

const char *nd_text(Arena *a, const NdArray *x) {
  Str s = str_new(a);
  str_printf(&s, "%s[", elem_name(x->type));
  for (int i = 0; i < x->rank; i++)
    str_printf(&s, "%s%lld", i ? "," : "", (long long)x->dim[i]);
  str_add(&s, "]");
  return str_cstr(&s);
}
