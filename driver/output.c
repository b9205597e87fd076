#include "driver/output.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/file.h"

static bool is_folder(const char *path) {
  struct stat st;
  return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static bool cannot(Diag *d, const char *path, int err) {
  return diag_error(d, E0003, (Loc){.file = path}, "cannot write the file: %s",
                    strerror(err));
}

static char *temporary(Arena *a, const char *path) {
  return arena_printf(a, "%s.%ld.tmp", path, (long)getpid());
}

/* Writes temporaries; how many were made. */
static int write_temporaries(Arena *a, Diag *d, const OutputFile *files,
                             int n) {
  for (int i = 0; i < n; i++) {
    const OutputFile *f = &files[i];
    if (is_folder(f->path)) {
      cannot(d, f->path, EISDIR);
      return i;
    }
    if (!file_write(temporary(a, f->path), f->data, f->bytes, d))
      return i;
  }
  return n;
}

static bool rename_all(Arena *a, Diag *d, const OutputFile *files, int n) {
  for (int i = 0; i < n; i++)
    if (rename(temporary(a, files[i].path), files[i].path) != 0)
      return cannot(d, files[i].path, errno);
  return true;
}

bool output_write(Arena *a, Diag *d, const OutputFile *files, int n) {
  if (n == 1)
    return file_write(files->path, files->data, files->bytes, d);
  int made = write_temporaries(a, d, files, n);
  bool ok = made == n && rename_all(a, d, files, n);
  for (int i = 0; i < made && !ok; i++)
    unlink(temporary(a, files[i].path));
  return ok;
}
