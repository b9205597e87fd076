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

typedef struct Stack {
  const ImageForm *form;
  NdArray *out; /* without data until the first picture */
  uint8_t *data;
  int64_t n;
  const char *first; /* path */
} Stack;

static bool start_stack(Arena *a, Diag *d, Stack *s, const NdArray *x,
                        const char *path) {
  NdArray *all = s->out;
  *all = (NdArray){.type = ELEM_u8, .rank = 4, .dim = {s->n}};
  memcpy(all->dim + 1, x->dim, 3 * sizeof *x->dim);
  if (!nd_set_bytes(all))
    return data_error(d, path, "%lld pictures of %s are too many",
                      (long long)s->n, nd_text(a, x));
  all->data = s->data = arena_alloc(a, all->bytes);
  s->first = path;
  return true;
}

static bool add_image(Arena *a, Diag *d, Arena *scratch, Stack *s, int64_t i,
                      const char *path) {
  NdArray x, y;
  if (!image_read(scratch, d, path, s->form->channels, &x))
    return false;
  const char *why = image_fit(scratch, &x, s->form, &y);
  if (why)
    return data_error(d, path, "%s", why);
  if (!s->data && !start_stack(a, d, s, &y, path))
    return false;
  if (y.dim[0] != s->out->dim[1] || y.dim[1] != s->out->dim[2]) {
    data_error(d, path, "%lld x %lld pixels, but %s has %lld x %lld",
               (long long)y.dim[0], (long long)y.dim[1], s->first,
               (long long)s->out->dim[1], (long long)s->out->dim[2]);
    diag_hint(d, "--preprocess \"resize=256 crop=224\" makes them equal");
    return false;
  }
  memcpy(s->data + (size_t)i * y.bytes, y.data, y.bytes);
  return true;
}

bool images_read(Arena *a, Diag *d, const ImageList *list, const int64_t *which,
                 int64_t n, const ImageForm *form, NdArray *out) {
  Stack s = {.form = form, .out = out, .n = n};
  bool ok = true;
  for (int64_t i = 0; i < n; i++) {
    const char *name = list->names.v[which ? which[i] : i];
    Arena *scratch = arena_new();
    ok &= add_image(a, d, scratch, &s, i, path_join(a, list->folder, name));
    arena_free(scratch);
  }
  return ok;
}
