/* A bounds-checked cursor over a flatbuffer in memory. Nothing in the file
 * is believed: every offset, vtable, vector and string is checked against
 * the file before it is followed. The first violation is reported (E0102:
 * what was being read, at which byte, why not) and sets `bad`; from then on
 * every read gives the absent value, so that callers check `bad` once after
 * a group of reads. There is no recursion: callers descend field by field.
 *
 * Format: https://flatbuffers.dev/internals (little-endian; a table starts
 * with a signed offset back to its vtable of 16-bit field offsets). */
#ifndef KILN_FRONTEND_TFLITE_FB_H
#define KILN_FRONTEND_TFLITE_FB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "support/diag.h"

typedef struct Fb {
  const uint8_t *data; /* borrowed */
  size_t bytes;
  Diag *diag;
  const char *file; /* for locations */
  bool bad;         /* something was wrong; it has been reported */
} Fb;

/* A field of a table: its number in the schema and its name for people. */
typedef struct FbField {
  unsigned number;
  const char *name; /* "Tensor.shape" */
} FbField;

/* A table that was checked. pos == 0: absent, all fields have defaults. */
typedef struct FbTable {
  size_t pos, vtable;
  size_t vtable_bytes, table_bytes;
} FbTable;

/* A vector that was checked: n elements from byte pos on; n = 0 when
 * absent. Strings are vectors of bytes. */
typedef struct FbVec {
  size_t pos, n;
} FbVec;

/* Reports E0102 for byte `at` unless something was reported before; returns
 * false. */
bool fb_corrupt(Fb *fb, size_t at, const char *what, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

FbTable fb_root(Fb *fb, const char *what);

bool fb_has(Fb *fb, FbTable t, const FbField *f);
bool fb_bool(Fb *fb, FbTable t, const FbField *f);
int fb_i8(Fb *fb, FbTable t, const FbField *f);
unsigned fb_u8(Fb *fb, FbTable t, const FbField *f);
int32_t fb_i32(Fb *fb, FbTable t, const FbField *f, int32_t absent);
uint32_t fb_u32(Fb *fb, FbTable t, const FbField *f);
uint64_t fb_u64(Fb *fb, FbTable t, const FbField *f);
float fb_f32(Fb *fb, FbTable t, const FbField *f);

FbTable fb_table(Fb *fb, FbTable t, const FbField *f);
FbVec fb_vec(Fb *fb, FbTable t, const FbField *f, size_t elem_bytes);

/* Element i < v.n of a vector of tables / of scalars. */
FbTable fb_vec_table(Fb *fb, FbVec v, size_t i, const FbField *f);
int32_t fb_vec_i32(const Fb *fb, FbVec v, size_t i);
int64_t fb_vec_i64(const Fb *fb, FbVec v, size_t i);
float fb_vec_f32(const Fb *fb, FbVec v, size_t i);

#endif
