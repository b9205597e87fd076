/* What the readers of dataset/ share. */
#ifndef KILN_DATASET_PRIVATE_H
#define KILN_DATASET_PRIVATE_H

#include "dataset/data_set.h"
#include "support/array.h"
#include "support/file.h"

/* Of idx, plain or gzipped. */
bool idx_parse(Arena *a, Diag *d, const char *file, const uint8_t *data,
               size_t bytes, NdArray *out);
bool idx_match(const uint8_t *data, size_t bytes);
bool gzip_match(const uint8_t *data, size_t bytes);

/* A column of a .csv, and the first one beside it. */
typedef struct CsvLabels {
  ARRAY(int64_t) v;
  ARRAY(const char *) names;
} CsvLabels;

/* Of a spec that is one. */
bool labels_read_csv(Arena *a, Diag *d, const char *spec, CsvLabels *out);

/* Decoders of pictures in memory: u8[h,w,1 or 3] as the file has it. */
bool jpeg_match(const uint8_t *data, size_t bytes);
bool jpeg_parse(Arena *a, Diag *d, const char *file, const uint8_t *data,
                size_t bytes, NdArray *out);
bool png_match(const uint8_t *data, size_t bytes);
bool png_parse(Arena *a, Diag *d, const char *file, const uint8_t *data,
               size_t bytes, NdArray *out);
/* Room for such a picture; false: E0701, it is too large. */
bool image_alloc(Arena *a, Diag *d, const char *file, int64_t h, int64_t w,
                 int64_t channels, NdArray *out, uint8_t **data);

#endif
