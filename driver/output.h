/* Several files that appear together or not at all. */
#ifndef KILN_DRIVER_OUTPUT_H
#define KILN_DRIVER_OUTPUT_H

#include <stddef.h>

#include "support/diag.h"

typedef struct OutputFile {
  const char *path;
  const void *data;
  size_t bytes;
} OutputFile;

/* All are complete beside their targets before the first replaces a file of
 * before. "-" writes to standard output. */
bool output_write(Arena *a, Diag *d, const OutputFile *files, int n);

/* Could a file be written there ("-": yes)? What takes long asks this first.
 * false: E0003. */
bool output_check(Arena *a, Diag *d, const char *path);

#endif
