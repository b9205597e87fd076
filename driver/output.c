/* See output.h. */
#define _XOPEN_SOURCE 700 /* realpath */
#include "driver/output.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/file.h"

/* Why it can't be replaced by a file; 0: it can. */
static int unfit(const char *path) {
  struct stat st;
  if (stat(path, &st) != 0 || S_ISREG(st.st_mode))
    return 0;
  return S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
}

/* Where a link leads. */
static const char *real_path(Arena *a, const char *path) {
  char *real = realpath(path, NULL);
  const char *copy = real ? arena_strdup(a, real) : path;
  free(real);
  return copy;
}

static bool cannot(Diag *d, const char *path, int err) {
  return diag_error(d, E0003, (Loc){.file = path}, "cannot write the file: %s",
                    strerror(err));
}

static char *temporary(Arena *a, const char *path) {
  return arena_printf(a, "%s.%ld.tmp", real_path(a, path), (long)getpid());
}

/* Writes temporaries; how many were made. */
static int write_temporaries(Arena *a, Diag *d, const OutputFile *files,
                             int n) {
  for (int i = 0; i < n; i++) {
    const OutputFile *f = &files[i];
    int why = unfit(f->path);
    if (why) {
      cannot(d, f->path, why);
      return i;
    }
    if (!file_write(temporary(a, f->path), f->data, f->bytes, d))
      return i;
  }
  return n;
}

static bool rename_all(Arena *a, Diag *d, const OutputFile *files, int n) {
  for (int i = 0; i < n; i++)
    if (rename(temporary(a, files[i].path), real_path(a, files[i].path)) != 0)
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

/* Why no file can be put there; 0: it can. */
static int why_not(const char *path, const char *folder) {
  struct stat st;
  bool exists = stat(path, &st) == 0;
  if (!*path)
    return ENOENT;
  if (exists && S_ISDIR(st.st_mode))
    return EISDIR;
  bool is_replaced = !exists || S_ISREG(st.st_mode);
  int mode = is_replaced ? W_OK | X_OK : W_OK;
  return access(is_replaced ? folder : path, mode) == 0 ? 0 : errno;
}

bool output_check(Arena *a, Diag *d, const char *path) {
  const char *folder = path_dir(a, real_path(a, path));
  int why =
      strcmp(path, "-") == 0 ? 0 : why_not(path, path_join(a, folder, "."));
  if (why)
    cannot(d, path, why);
  if (why == ENOENT && *path)
    diag_hint(d, "there is no folder '%s'", folder);
  return !why;
}
