#include "export/onnx/constant.h"

#include <string.h>

#include "ir/element.h"

/* Elements that x's neighbours along each dimension are apart. */
static void strides(const Type *t, int64_t *out) {
  int64_t n = 1;
  for (int i = t->rank - 1; i >= 0; i--) {
    out[i] = n;
    n *= t->dim[i];
  }
}

/* The next index of a tensor of `dim`, the last dimension first; `at` moves
 * by `step` elements a dimension. */
static void advance(int rank, const int64_t *dim, const int64_t *step,
                    int64_t *index, int64_t *at) {
  for (int i = rank - 1; i >= 0; i--) {
    *at += step[i];
    if (++index[i] < dim[i])
      return;
    *at -= step[i] * dim[i];
    index[i] = 0;
  }
}

/* The bytes with their dimensions in p's order. */
static const void *permuted(Arena *a, const Type *t, const void *data,
                            const Perm *p) {
  if (perm_is_identity(p))
    return data;
  int64_t stride[MAX_RANK], step[MAX_RANK], dim[MAX_RANK];
  int64_t index[MAX_RANK] = {0}, n = type_count(t), at = 0;
  strides(t, stride);
  perm_apply(p, stride, step);
  perm_apply(p, t->dim, dim);
  size_t width = (size_t)dtype_bits(t->dtype) / 8;
  unsigned char *to = arena_alloc(a, (size_t)type_bytes(t));
  const unsigned char *from = data;
  for (int64_t k = 0; k < n; k++) {
    if (width)
      memcpy(to + (size_t)k * width, from + (size_t)at * width, width);
    else
      element_store(t->dtype, to, k, element_load(t->dtype, data, at));
    advance(p->n, dim, step, index, &at);
  }
  return to;
}

DType constant_dtype(const Type *t) {
  return t->q && t->q->codebook ? DT_i8 : t->dtype;
}

/* Every index into the codebook becomes its entry. */
static const void *decoded(Arena *a, const Type *t, const void *data) {
  int64_t n = type_count(t);
  int8_t *to = ARENA_ARRAY(a, int8_t, n);
  for (int64_t k = 0; k < n; k++) {
    uint64_t code = element_load(t->dtype, data, k);
    to[k] = t->q->codebook[code < (uint64_t)t->q->ncode ? code : 0];
  }
  return to;
}

/* ONNX Runtime takes any byte but 0 for true, the IR its low bit. */
static const void *truths(Arena *a, const Type *t, const void *data) {
  int64_t n = type_count(t);
  unsigned char *to = arena_dup(a, data, (size_t)n);
  for (int64_t k = 0; k < n; k++)
    to[k] &= 1;
  return to;
}

void constant_add(Exporter *x, const char *name, const Type *t,
                  const void *data, const Perm *p) {
  Arena *scratch = arena_new();
  const Type *to = type_with_dtype(scratch, t, constant_dtype(t), NULL);
  if (t->q && t->q->codebook)
    data = decoded(scratch, t, data);
  if (to->dtype == DT_bool)
    data = truths(scratch, to, data);
  data = permuted(scratch, to, data, p);
  int64_t dim[MAX_RANK];
  perm_apply(p, to->dim, dim);
  graph_add_tensor(&x->tensors, name, to->dtype, to->rank, dim, data,
                   (size_t)type_bytes(to));
  arena_free(scratch);
}

/* --- numbers ----------------------------------------------------------- */

const char *tensor_ints(Exporter *x, const char *base, const char *word, int n,
                        const int64_t *v) {
  const char *name = form_word(x, base, word);
  int64_t dim = n;
  graph_add_tensor(&x->tensors, name, DT_i64, 1, &dim, v,
                   (size_t)n * sizeof *v);
  return name;
}

const char *tensor_element(Exporter *x, const char *base, const char *word,
                           DType t, uint64_t bits) {
  const char *name = form_word(x, base, word);
  uint64_t data = 0;
  element_store(t, &data, 0, bits);
  graph_add_tensor(&x->tensors, name, t, 0, NULL, &data,
                   (size_t)(dtype_bits(t) + 7) / 8);
  return name;
}

const char *tensor_int(Exporter *x, const char *base, const char *word,
                       int64_t v) {
  return tensor_element(x, base, word, DT_i64, (uint64_t)v);
}

const char *tensor_float(Exporter *x, const char *base, const char *word,
                         float v) {
  return tensor_element(x, base, word, DT_f32,
                        element_from_double(DT_f32, (double)v));
}
