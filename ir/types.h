/* Types: element type, shape and quantization of a tensor. Types are
 * immutable and shared by pointer; the quantization is part of the type, so
 * an op on quantized types *is* the quantized op. */
#ifndef KILN_IR_TYPES_H
#define KILN_IR_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "support/arena.h"
#include "support/str.h"

enum { MAX_RANK = 8 };

/* dtypes.def: DTYPE(name, text keyword, bits, class) with class one of
 * SINT, UINT, FLOAT, BOOL. DT_i8 is "i8". */
typedef enum DType {
#define DTYPE(name, text, bits, class) DT_##name,
#include "ir/dtypes.def"
#undef DTYPE
  DT_COUNT
} DType;

/* real = scale * (q - zero_point), per tensor, per index of one axis, or per
 * block of one axis. Source: the TFLite 8-bit quantization specification and
 * ONNX DequantizeLinear, which agree on it; blocks are those of the latter:
 * scales are a tensor in the elements' order, of which dim[axis] counts
 * blocks, the last of which may be shorter. */
typedef struct QuantParams {
  int axis;                  /* quantized dimension; -1 = per tensor */
  int block;                 /* successive indices of dim[axis] that share a
                                scale; 0 = one scale per index */
  int nscale;                /* entries of scale and of zero_point */
  const float *scale;        /* (nscale) */
  const int32_t *zero_point; /* (nscale) */
  int64_t qmin, qmax;        /* storage range, e.g. -127..127 */
  const int8_t *codebook;    /* non-uniform: what is stored is an index,
                                unsigned whatever the type: q is the entry;
                                else NULL */
  int ncode;                 /* entries of codebook */
} QuantParams;

typedef struct Type {
  DType dtype;
  int rank;              /* 0 = scalar */
  int64_t dim[MAX_RANK]; /* all >= 0 and known */
  const QuantParams *q;  /* NULL = not quantized */
} Type;

const char *dtype_name(DType t);    /* "i8" */
DType dtype_find(const char *name); /* DT_COUNT when unknown */
int dtype_bits(DType t);
bool dtype_is_float(DType t);
bool dtype_is_integer(DType t); /* signed or unsigned, not bool */
bool dtype_is_signed(DType t);
/* Range of an integer dtype of at most 32 bits, or i64. */
int64_t dtype_min(DType t);
int64_t dtype_max(DType t);

/* Makers copy dims (and params) into the arena. */
const Type *type_new(Arena *a, DType dtype, int rank, const int64_t *dim,
                     const QuantParams *q);
const Type *type_with_shape(Arena *a, const Type *t, int rank,
                            const int64_t *dim);
const Type *type_with_dtype(Arena *a, const Type *t, DType dtype,
                            const QuantParams *q);
/* Per-tensor parameters over the whole range of `dtype`. */
const QuantParams *quant_per_tensor(Arena *a, float scale, int32_t zero_point,
                                    DType dtype);

/* Sizes saturate at INT64_MAX. */
int64_t type_count(const Type *t); /* elements; 1 for a scalar */
int64_t type_bytes(const Type *t); /* storage, rounded up to bytes */
/* a * b, INT64_MAX when it does not fit; a, b >= 0. */
int64_t mul_saturating(int64_t a, int64_t b);
bool type_equal(const Type *a, const Type *b);
bool type_same_shape(const Type *a, const Type *b);
bool quant_equal(const QuantParams *a, const QuantParams *b);
bool type_is_quantized(const Type *t); /* integer with params */
bool type_is_q8(const Type *t);        /* i8 or u8 with per-tensor params */

/* First (or only) scale and zero point; 1.0 and 0 without params. */
float type_scale(const Type *t);
int32_t type_zero_point(const Type *t);
/* Which entry of scale and zero_point is that of element `at`, row-major. */
int64_t type_entry(const Type *t, int64_t at);
/* How many entries those of t's axis and block are. */
int64_t type_entries(const Type *t);
/* Scale and zero point of channel c (per tensor: the only one); entry c, where
 * they are of blocks. */
float type_channel_scale(const Type *t, int64_t c);
int32_t type_channel_zero_point(const Type *t, int64_t c);

/* The text form, e.g. "i8[1,25,5,64] q(0.023528, -128)". */
void type_print(Str *out, const Type *t);

#endif
