/* Private to export/onnx: constants as initializers. */
#ifndef KILN_EXPORT_ONNX_CONSTANT_H
#define KILN_EXPORT_ONNX_CONSTANT_H

#include "export/onnx/exporter.h"

/* Dense bytes of type t as tensor `name` in layout p; codes of a codebook as
 * what they stand for, in i8. */
void constant_add(Exporter *x, const char *name, const Type *t,
                  const void *data, const Perm *p);
/* The element type in which the stored elements of type t are written. */
DType constant_dtype(const Type *t);

/* Tensors of numbers, named "BASE/WORD"; rank 1 or, of one, scalars. */
const char *tensor_ints(Exporter *x, const char *base, const char *word, int n,
                        const int64_t *v);
const char *tensor_int(Exporter *x, const char *base, const char *word,
                       int64_t v);
const char *tensor_float(Exporter *x, const char *base, const char *word,
                         float v);
/* One element of type t with these bits. */
const char *tensor_element(Exporter *x, const char *base, const char *word,
                           DType t, uint64_t bits);

#endif
