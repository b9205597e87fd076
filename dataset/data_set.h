/* Data sets in files: .npy, .npz, idx (also gzipped) and raw bytes; labels
 * from the same or from .csv. Everything that is wrong with a file is an
 * error in `d` (E0002 cannot be read, E0701 not what was expected) and false.
 *
 * Formats: support/tensor_file.h; the idx format of the MNIST files; RFC 1952
 * gzip. */
#ifndef KILN_DATASET_DATA_SET_H
#define KILN_DATASET_DATA_SET_H

#include "support/tensor_file.h"

/* The data stays mapped for the life of the process, or is in the arena. */
bool idx_read(Arena *a, Diag *d, const char *path, NdArray *out);
/* Any number of samples, each of `sample`'s type and shape (its data is not
 * looked at): out has one leading dimension more. */
bool raw_read(Arena *a, Diag *d, const char *path, const NdArray *sample,
              NdArray *out);

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

/* Does the spec mean a column of a .csv? */
bool labels_are_csv(Arena *a, const char *spec);
bool labels_read(Arena *a, Diag *d, const char *spec, Labels *out);
/* Leaves those of the samples index[0..n-1]. */
void labels_pick(Arena *a, Labels *l, const int64_t *index, int64_t n);

#endif
