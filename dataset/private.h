/* What the readers of dataset/ share. */
#ifndef KILN_DATASET_PRIVATE_H
#define KILN_DATASET_PRIVATE_H

#include "dataset/tensor_file.h"
#include "support/file.h"

/* E0701 at `file`; false. */
bool data_error(Diag *d, const char *file, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* ELEM_COUNT when there is none. */
ElemType elem_of_numpy(char kind, int64_t bytes);
ElemType elem_of_idx(int code);

/* Sets out->bytes from type and shape; false when that overflows. */
bool nd_set_bytes(NdArray *out);
/* Points out->data at `data`, or at a copy where that is not aligned. */
void nd_set_data(Arena *a, NdArray *out, const uint8_t *data);

/* Parses a .npy in memory; `file` is for messages. The data is borrowed. */
bool npy_parse(Arena *a, Diag *d, const char *file, const uint8_t *data,
               size_t bytes, NdArray *out);
bool npy_match(const uint8_t *data, size_t bytes);

bool npz_match(const uint8_t *data, size_t bytes);

/* Of idx, plain or gzipped. */
bool idx_parse(Arena *a, Diag *d, const char *file, const uint8_t *data,
               size_t bytes, NdArray *out);
bool idx_match(const uint8_t *data, size_t bytes);
bool gzip_match(const uint8_t *data, size_t bytes);

#endif
