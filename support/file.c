/* Files. A write makes a temporary in the folder of the target and renames
 * it; through a symbolic link the file behind it is replaced, and what is
 * not a regular file (/dev/null, a pipe) is written to directly. */
#define _DEFAULT_SOURCE   /* madvise */
#define _XOPEN_SOURCE 700 /* realpath */

#include "support/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/str.h"

/* Why a file that is not regular can't be read; NULL when it can. */
static const char *unreadable(const struct stat *st) {
  if (S_ISDIR(st->st_mode))
    return "it is a folder";
  if (!S_ISREG(st->st_mode))
    return "it is not a regular file";
  return NULL;
}

static const char *map_fd(int fd, MappedFile *out) {
  static const uint8_t empty[1];
  struct stat st;
  if (fstat(fd, &st) != 0)
    return strerror(errno);
  const char *why = unreadable(&st);
  if (why)
    return why;
  if (st.st_size == 0) {
    out->data = empty;
    return NULL;
  }
  void *p =
      mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, (off_t)0);
  if (p == MAP_FAILED)
    return strerror(errno);
  *out = (MappedFile){.data = p, .bytes = (size_t)st.st_size};
  return NULL;
}

bool file_map(const char *path, MappedFile *out, Diag *d) {
  *out = (MappedFile){0};
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  const char *why = fd < 0 ? strerror(errno) : map_fd(fd, out);
  if (fd >= 0)
    close(fd);
  return !why || diag_error(d, E0002, (Loc){.file = path},
                            "cannot read the file: %s", why);
}

void file_unmap(MappedFile *f) {
  if (f->bytes)
    munmap((void *)(uintptr_t)f->data, f->bytes);
  *f = (MappedFile){0};
}

void file_cold(const void *data, size_t bytes) {
#ifdef MADV_PAGEOUT
  uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
  uintptr_t from = ((uintptr_t)data + page - 1) & ~(page - 1);
  uintptr_t to = ((uintptr_t)data + bytes) & ~(page - 1);
  if (from < to)
    (void)madvise((void *)from, to - from, MADV_PAGEOUT);
#else
  (void)data, (void)bytes;
#endif
}

/* 0 or errno. */
static int write_all(int fd, const char *data, size_t bytes) {
  while (bytes) {
    ssize_t n = write(fd, data, bytes);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return errno;
    data += n;
    bytes -= (size_t)n;
  }
  return 0;
}

static int write_direct(const char *path, const void *data, size_t bytes) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0)
    return errno;
  int err = write_all(fd, data, bytes);
  if (close(fd) != 0 && !err)
    err = errno;
  return err;
}

/* A new file in the folder of `path`; its name goes to *name. */
static int temp_open(Arena *a, const char *path, char **name) {
  char *dir = path_dir(a, path);
  for (int i = 0; i < 1000; i++) {
    char *base = arena_printf(a, ".kiln-%ld-%d.tmp", (long)getpid(), i);
    *name = path_join(a, dir, base);
    int fd = open(*name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd >= 0 || errno != EEXIST)
      return fd;
  }
  return -1;
}

static int write_replace(Arena *a, const char *path, const void *data,
                         size_t bytes) {
  char *temp;
  int fd = temp_open(a, path, &temp);
  if (fd < 0)
    return errno;
  int err = write_all(fd, data, bytes);
  if (!err && fsync(fd) != 0)
    err = errno;
  if (close(fd) != 0 && !err)
    err = errno;
  if (!err && rename(temp, path) != 0)
    err = errno;
  if (err)
    unlink(temp);
  return err;
}

static int write_path(const char *path, const void *data, size_t bytes) {
  struct stat st;
  bool exists = stat(path, &st) == 0;
  if (exists && S_ISDIR(st.st_mode))
    return EISDIR;
  if (exists && !S_ISREG(st.st_mode))
    return write_direct(path, data, bytes);
  Arena *scratch = arena_new();
  char *real = exists ? realpath(path, NULL) : NULL;
  int err = write_replace(scratch, real ? real : path, data, bytes);
  free(real);
  arena_free(scratch);
  return err;
}

bool file_write(const char *path, const void *data, size_t bytes, Diag *d) {
  int err = 0;
  if (strcmp(path, "-") != 0)
    err = write_path(path, data, bytes);
  else if (fflush(stdout) != 0)
    err = errno;
  else
    err = write_all(STDOUT_FILENO, data, bytes);
  return !err || diag_error(d, E0003, (Loc){.file = path},
                            "cannot write the file: %s", strerror(err));
}

char *path_join(Arena *a, const char *dir, const char *name) {
  if (name[0] == '/' || !dir[0])
    return arena_strdup(a, name);
  const char *slash = str_has_suffix(dir, "/") ? "" : "/";
  return arena_printf(a, "%s%s%s", dir, slash, name);
}

char *path_dir(Arena *a, const char *path) {
  const char *slash = strrchr(path, '/');
  if (!slash)
    return arena_strdup(a, ".");
  while (slash > path && slash[-1] == '/')
    slash--;
  return slash == path ? arena_strdup(a, "/")
                       : arena_strndup(a, path, (size_t)(slash - path));
}

char *path_stem(Arena *a, const char *path) {
  const char *slash = strrchr(path, '/');
  const char *name = slash ? slash + 1 : path;
  const char *dot = strrchr(name, '.');
  size_t n = dot && dot > name ? (size_t)(dot - name) : strlen(name);
  return arena_strndup(a, name, n);
}

bool path_is_inside(const char *folder, const char *name) {
  if (!*name || *name == '/' || strstr(name, ".."))
    return false;
  Arena *scratch = arena_new();
  char *root = realpath(folder, NULL);
  char *real = realpath(path_join(scratch, folder, name), NULL);
  size_t n = root ? strlen(root) : 0;
  bool inside = !real || (n && strncmp(real, root, n) == 0 &&
                          (real[n] == '/' || root[n - 1] == '/'));
  free(root);
  free(real);
  arena_free(scratch);
  return inside;
}
