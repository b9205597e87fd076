/* Runs other programs (ld.lld, qemu) in a temporary folder. */
#ifndef KILN_CODEGEN_PROCESS_H
#define KILN_CODEGEN_PROCESS_H

#include "support/diag.h"

typedef struct Process {
  const char *const *argv;    /* argv[0] is the program's full path */
  const char *dir;            /* where it runs and where the files below lie */
  const char *in, *out, *err; /* file names; NULL: /dev/null */
  int timeout_s;
} Process;

/* Exit status 0..255; -1 when it didn't start, crashed or was killed for
 * taking longer than timeout_s. */
int process_run(const Process *p);

/* Full path of the first of `names` (NULL-terminated) that is an executable
 * on PATH or in `extra_dir` (may be NULL); NULL: none is. */
const char *tool_find(Arena *a, const char *const *names,
                      const char *extra_dir);

/* A new private folder; NULL: E0003 in d. */
const char *temp_dir_new(Arena *a, Diag *d);
/* Removes the folder and the files in it. */
void temp_dir_free(const char *dir);

#endif
