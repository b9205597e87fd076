/* Arrays in files: .npy, .npz and .safetensors. Everything that is wrong with
 * a file is an error in `d` (E0002 cannot be read, E0701 not what was
 * expected) and false.
 *
 * Formats: numpy.lib.format 1.0 to 3.0; the safetensors format (a JSON header
 * behind its length in 8 bytes). */
#ifndef KILN_SUPPORT_TENSOR_FILE_H
#define KILN_SUPPORT_TENSOR_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "support/arena.h"
#include "support/diag.h"

enum { ND_MAX_RANK = 16 };

/* elements.def has a row each: name, numpy's kind and bytes. */
typedef enum ElemType {
#define ELEM(name, long_name, kind, bytes, idx, safe) ELEM_##name,
#include "support/elements.def"
#undef ELEM
  ELEM_COUNT
} ElemType;

/* "u8"; bytes of one element; by "u8" or "uint8", ELEM_COUNT when unknown. */
const char *elem_name(ElemType t);
size_t elem_bytes(ElemType t);
bool elem_is_real(ElemType t); /* a floating-point type */
ElemType elem_find(const char *name, size_t length);
/* By what a format calls it; ELEM_COUNT when there is none. */
ElemType elem_of_numpy(char kind, int64_t bytes);
ElemType elem_of_idx(int code);
ElemType elem_of_safetensors(const char *name);

/* A dense array, row-major, of the host's byte order. */
typedef struct NdArray {
  ElemType type;
  int rank; /* 0 = one element */
  int64_t dim[ND_MAX_RANK];
  const void *data; /* (bytes), aligned to the element */
  size_t bytes;
} NdArray;

int64_t nd_count(const NdArray *a); /* elements */
/* Element i of the flattened array. Integers beyond 2^53 are rounded. */
double nd_real(const NdArray *a, int64_t i);
/* "u8[10000,28,28]", in the arena. */
const char *nd_text(Arena *a, const NdArray *x);
/* Sets out->bytes from type and shape; false when that overflows. */
bool nd_set_bytes(NdArray *out);
/* Points out->data at `data`, or at a copy where that is not aligned. */
void nd_set_data(Arena *a, NdArray *out, const uint8_t *data);

/* E0701 at `file`; false. */
bool data_error(Diag *d, const char *file, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* One file of a format. The data stays mapped for the life of the process,
 * or is in the arena. */
bool npy_read(Arena *a, Diag *d, const char *path, NdArray *out);
bool npy_match(const uint8_t *data, size_t bytes);
/* A .npy in memory; `file` is for messages. The data is borrowed. */
bool npy_parse(Arena *a, Diag *d, const char *file, const uint8_t *data,
               size_t bytes, NdArray *out);
/* Writes format 1.0, as a whole or not at all. */
bool npy_write(Diag *d, const char *path, const NdArray *x);

/* The members of a .npz in the order of the file, names without ".npy"; the
 * tensors of a .safetensors in the order of its header. */
typedef struct NpzMember {
  const char *name;
  NdArray array;
} NpzMember;

typedef struct Npz {
  NpzMember *v; /* (n) */
  int n;
} Npz;

bool npz_read(Arena *a, Diag *d, const char *path, Npz *out);
bool npz_match(const uint8_t *data, size_t bytes);
bool safetensors_read(Arena *a, Diag *d, const char *path, Npz *out);
/* NULL: no such member. */
const NdArray *npz_find(const Npz *z, const char *name);
/* "a, b, c", in the arena. */
const char *npz_names(Arena *a, const Npz *z);

#endif
