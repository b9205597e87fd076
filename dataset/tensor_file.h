/* Arrays in files: .npy, .npz, idx (also gzipped) and raw bytes; labels from
 * the same or from .csv. Everything that is wrong with a file is an error
 * in `d` (E0002 cannot be read, E0701 not what was expected) and false.
 *
 * Formats: numpy.lib.format 1.0 to 3.0; the idx format of the MNIST files;
 * RFC 1952 gzip. */
#ifndef KILN_DATASET_TENSOR_FILE_H
#define KILN_DATASET_TENSOR_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "support/arena.h"
#include "support/diag.h"

enum { ND_MAX_RANK = 16 };

/* elements.def has a row each: name, numpy's kind and bytes. */
typedef enum ElemType {
#define ELEM(name, long_name, kind, bytes, idx) ELEM_##name,
#include "dataset/elements.def"
#undef ELEM
  ELEM_COUNT
} ElemType;

/* "u8"; bytes of one element; by "u8" or "uint8", ELEM_COUNT when unknown. */
const char *elem_name(ElemType t);
size_t elem_bytes(ElemType t);
ElemType elem_find(const char *name, size_t length);

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

/* One file of a format. The data stays mapped for the life of the process,
 * or is in the arena. */
bool npy_read(Arena *a, Diag *d, const char *path, NdArray *out);
bool idx_read(Arena *a, Diag *d, const char *path, NdArray *out);
/* Any number of samples, each of `sample`'s type and shape (its data is not
 * looked at): out has one leading dimension more. */
bool raw_read(Arena *a, Diag *d, const char *path, const NdArray *sample,
              NdArray *out);

/* The members of a .npz in the order of the file, names without ".npy". */
typedef struct NpzMember {
  const char *name;
  NdArray array;
} NpzMember;

typedef struct Npz {
  NpzMember *v; /* (n) */
  int n;
} Npz;

bool npz_read(Arena *a, Diag *d, const char *path, Npz *out);
/* NULL: no such member. */
const NdArray *npz_find(const Npz *z, const char *name);

/* Writes format 1.0, as a whole or not at all. */
bool npy_write(Diag *d, const char *path, const NdArray *x);

/* What a command line means by
 *   x.npy, x.idx, x.gz     an array
 *   x.npz[:MEMBER]         a member; needed when there are several
 *   x:DTYPE[D,D,...]       raw samples of that type and shape; DTYPE alone
 *                          means scalars
 * The format is told by the content, not by the name. */
bool data_read(Arena *a, Diag *d, const char *spec, NdArray *out);

/* Class labels: PATH[:COLUMN] of a .csv (columns from 0, the last one when
 * none is given; a first line that has no number there is a header), or
 * integers in anything that data_read knows. */
typedef struct Labels {
  int64_t *v; /* (n) */
  int64_t n;
} Labels;

bool labels_read(Arena *a, Diag *d, const char *spec, Labels *out);

#endif
