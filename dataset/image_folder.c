/* Folders of pictures. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "dataset/image.h"
#include "dataset/private.h"

typedef struct Names {
  ARRAY(const char *) of;
} Names;

bool path_is_folder(const char *path) {
  struct stat s;
  return stat(path, &s) == 0 && S_ISDIR(s.st_mode);
}

static bool is_image_name(const char *name) {
  static const char *const suffixes[] = {".jpg", ".jpeg", ".png"};
  const char *dot = strrchr(name, '.');
  for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes && dot; i++)
    if (strcasecmp(dot, suffixes[i]) == 0)
      return true;
  return false;
}

static int by_bytes(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The pictures, or the folders, of a folder, sorted; hidden ones aside. */
static bool read_folder(Arena *a, Diag *d, const char *path, bool folders,
                        Names *out) {
  DIR *dir = opendir(path);
  if (!dir)
    return diag_error(d, E0002, (Loc){.file = path}, "%s", strerror(errno));
  for (const struct dirent *e; (e = readdir(dir));)
    if (e->d_name[0] != '.' &&
        (folders ? path_is_folder(path_join(a, path, e->d_name))
                 : is_image_name(e->d_name)))
      ARRAY_PUSH(a, &out->of, arena_strdup(a, e->d_name));
  closedir(dir);
  if (out->of.n)
    qsort(out->of.v, (size_t)out->of.n, sizeof *out->of.v, by_bytes);
  return true;
}

static bool list_class(Arena *a, Diag *d, const char *name, ImageList *out) {
  Names files = {{0}};
  if (!read_folder(a, d, path_join(a, out->folder, name), false, &files))
    return false;
  for (int i = 0; i < files.of.n; i++) {
    ARRAY_PUSH(a, &out->names, path_join(a, name, files.of.v[i]));
    ARRAY_PUSH(a, &out->labels, out->classes.n);
  }
  ARRAY_PUSH(a, &out->classes, name);
  return true;
}

bool images_list(Arena *a, Diag *d, const char *folder, ImageList *out) {
  Names own = {{0}}, folders = {{0}};
  *out = (ImageList){.folder = folder};
  if (!read_folder(a, d, folder, false, &own) ||
      (!own.of.n && !read_folder(a, d, folder, true, &folders)))
    return false;
  for (int i = 0; i < own.of.n; i++)
    ARRAY_PUSH(a, &out->names, own.of.v[i]);
  for (int i = 0; i < folders.of.n; i++)
    if (!list_class(a, d, folders.of.v[i], out))
      return false;
  return out->names.n || data_error(d, folder,
                                    "has no pictures (.jpg, .jpeg, .png), "
                                    "nor folders that have");
}

/* ---- content ---- */

static const char *path_of(Arena *a, const ImageStack *s, int64_t i) {
  const char *name = s->list->names.v[s->which ? s->which[i] : i];
  return path_join(a, s->list->folder, name);
}

static bool decode(Arena *a, const ImageStack *s, int64_t i, NdArray *out) {
  NdArray x;
  const char *path = path_of(a, s, i);
  if (!image_read(a, s->diag, path, s->form.channels, &x))
    return false;
  const char *why = image_fit(a, &x, &s->form, out);
  return !why || data_error(s->diag, path, "%s", why);
}

/* Has x the size of picture `first`? */
static bool check_size(Arena *a, const ImageStack *s, int64_t i,
                       const NdArray *x, int64_t first) {
  if (x->dim[0] == s->one.dim[0] && x->dim[1] == s->one.dim[1])
    return true;
  data_error(s->diag, path_of(a, s, i),
             "%lld x %lld pixels, but %s has %lld x %lld", (long long)x->dim[0],
             (long long)x->dim[1], path_of(a, s, first),
             (long long)s->one.dim[0], (long long)s->one.dim[1]);
  diag_hint(s->diag, "--preprocess \"resize=256 crop=224\" makes them equal");
  return false;
}

/* The first good one says what size all have. */
static bool look(Arena *scratch, ImageStack *s, int64_t i, int64_t *first,
                 NdArray *x) {
  if (!decode(scratch, s, i, x))
    return false;
  if (*first < 0) {
    *first = i;
    s->one = *x;
    s->one.data = NULL;
  }
  return check_size(scratch, s, i, x, *first);
}

bool images_open(Arena *a, Diag *d, const ImageList *list, const int64_t *which,
                 int64_t n, const ImageForm *form, int64_t keep,
                 ImageStack *out) {
  *out = (ImageStack){list, which, n, *form, .diag = d};
  out->kept = ARENA_ARRAY(a, const uint8_t *, n);
  int64_t first = -1;
  bool ok = true;
  for (int64_t i = 0; i < n; i++) {
    Arena *scratch = arena_new();
    NdArray x;
    bool good = look(scratch, out, i, &first, &x);
    if (good && (int64_t)x.bytes <= keep) {
      keep -= (int64_t)x.bytes;
      out->kept[i] = arena_dup(a, x.data, x.bytes);
    }
    ok &= good;
    arena_free(scratch);
  }
  return ok;
}

const uint8_t *images_get(const ImageStack *s, Arena *a, int64_t i) {
  NdArray x;
  if (s->kept[i])
    return s->kept[i];
  if (decode(a, s, i, &x) && x.bytes == s->one.bytes)
    return x.data;
  data_error(s->diag, path_of(a, s, i), "the picture has changed meanwhile");
  return arena_alloc(a, s->one.bytes);
}
