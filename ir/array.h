/* Arrays of files as tensors and back. Files store 4-bit integers one a byte
 * (i8, u8 or bytes without a type), tensors two a byte. */
#ifndef KILN_IR_ARRAY_H
#define KILN_IR_ARRAY_H

#include "ir/types.h"
#include "support/tensor_file.h"

/* The element type that arrays hold `t` as; ELEM_COUNT: none. */
ElemType array_elem(DType t);
/* Do x's elements hold t's? */
bool array_holds(const NdArray *x, DType t);
/* That, and the shapes are equal. */
bool array_is(const NdArray *x, const Type *t);
/* The bytes of a tensor of t, which has as many elements as x, from element
 * `first` on; x's own where they are the same, else in the arena. */
const void *array_bytes_from(Arena *a, const NdArray *x, int64_t first,
                             const Type *t);
const void *array_bytes(Arena *a, const NdArray *x, const Type *t);
/* The array of a tensor; its data is the tensor's own or in the arena. */
NdArray array_of(Arena *a, const Type *t, const void *data);
/* The unquantized type of an array of at most MAX_RANK dimensions that holds
 * `dtype`, for one that says nothing of it: DT_COUNT, and its own is taken.
 * NULL: there is none. */
const Type *array_type(Arena *a, const NdArray *x, DType dtype);

#endif
