/* What the readers of dataset/ share. */
#ifndef KILN_DATASET_PRIVATE_H
#define KILN_DATASET_PRIVATE_H

#include "dataset/data_set.h"
#include "support/file.h"

/* Of idx, plain or gzipped. */
bool idx_parse(Arena *a, Diag *d, const char *file, const uint8_t *data,
               size_t bytes, NdArray *out);
bool idx_match(const uint8_t *data, size_t bytes);
bool gzip_match(const uint8_t *data, size_t bytes);

#endif
