#include "ir/array.h"

#include <string.h>

#include "ir/element.h"

ElemType array_elem(DType t) {
  const char *name = t == DT_i4 ? "i8" : t == DT_u4 ? "u8" : dtype_name(t);
  return elem_find(name, strlen(name));
}

static bool is_packed(DType t) { return dtype_bits(t) < 8; }

bool array_holds(const NdArray *x, DType t) {
  return x->type == array_elem(t) || (x->type == ELEM_byte && is_packed(t));
}

bool array_is(const NdArray *x, const Type *t) {
  if (!array_holds(x, t->dtype) || x->rank != t->rank)
    return false;
  for (int i = 0; i < t->rank; i++)
    if (x->dim[i] != t->dim[i])
      return false;
  return true;
}

const void *array_bytes_from(Arena *a, const NdArray *x, int64_t first,
                             const Type *t) {
  const uint8_t *from =
      (const uint8_t *)x->data + (size_t)first * elem_bytes(x->type);
  if (!is_packed(t->dtype))
    return from;
  uint8_t *packed = arena_alloc(a, (size_t)type_bytes(t) + 1);
  for (int64_t i = 0; i < type_count(t); i++)
    element_store(t->dtype, packed, i, from[i]);
  return packed;
}

const void *array_bytes(Arena *a, const NdArray *x, const Type *t) {
  return array_bytes_from(a, x, 0, t);
}

NdArray array_of(Arena *a, const Type *t, const void *data) {
  NdArray x = {.type = array_elem(t->dtype), .rank = t->rank, .data = data};
  memcpy(x.dim, t->dim, (size_t)t->rank * sizeof *t->dim);
  nd_set_bytes(&x);
  if (!is_packed(t->dtype))
    return x;
  uint8_t *bytes = arena_alloc(a, x.bytes + 1);
  for (int64_t i = 0; i < type_count(t); i++) {
    uint64_t bits = element_load(t->dtype, data, i);
    bytes[i] =
        (uint8_t)(t->dtype == DT_i4 ? (uint64_t)element_to_int(t->dtype, bits)
                                    : bits);
  }
  x.data = bytes;
  return x;
}

const Type *array_type(Arena *a, const NdArray *x, DType dtype) {
  if (dtype == DT_COUNT)
    dtype = dtype_find(elem_name(x->type));
  if (x->rank > MAX_RANK || dtype == DT_COUNT || !array_holds(x, dtype))
    return NULL;
  return type_new(a, dtype, x->rank, x->dim, NULL);
}
