/* Files: mapped for reading, replaced as a whole for writing. */
#ifndef KILN_SUPPORT_FILE_H
#define KILN_SUPPORT_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "support/diag.h"

/* A read-only private mapping. An empty file maps to bytes = 0 and a
 * non-NULL data. */
typedef struct MappedFile {
  const uint8_t *data;
  size_t bytes;
} MappedFile;

/* false: the error (E0002) is in `d`, `out` is empty. */
bool file_map(const char *path, MappedFile *out, Diag *d);
void file_unmap(MappedFile *f);
/* Says that bytes of a mapping will not be read again soon: their pages need
 * not stay in memory. Changes nothing else. */
void file_cold(const void *data, size_t bytes);

/* Writes to a temporary beside `path`, syncs, renames: `path` is either the
 * old or the new content, never a part. "-" writes to standard output. */
bool file_write(const char *path, const void *data, size_t bytes, Diag *d);

/* Whether a name that an untrusted file gives leads to something inside of
 * `folder`: no absolute path, no "..", no symbolic link out of it. True, too,
 * for what does not exist. */
bool path_is_inside(const char *folder, const char *name);

/* Path helpers; results are in the arena. */
char *path_join(Arena *a, const char *dir, const char *name);
char *path_dir(Arena *a, const char *path);  /* "." when there is none */
char *path_stem(Arena *a, const char *path); /* "a/kws.tflite" -> "kws" */

#endif
