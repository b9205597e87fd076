/* Constants of the text form that lie in files: raw bytes, or arrays of
 * .npy, .npz and .safetensors, which have to be of the constant's type. A
 * text comes from anywhere, so it may only name files in its own folder or
 * below. */
#include <string.h>

#include "ir/array.h"
#include "ir/text_parse.h"

typedef struct CachedFile CachedFile;

static bool read_npy(Arena *a, Diag *d, const char *path, Npz *out) {
  *out = (Npz){ARENA_NEW(a, NpzMember), 1};
  out->v->name = path;
  return npy_read(a, d, path, &out->v->array);
}

static const struct {
  const char *keyword;
  bool (*read)(Arena *a, Diag *d, const char *path, Npz *out);
} formats[] = {
    {"file", NULL}, /* raw */
    {"npy", read_npy},
    {"npz", npz_read},
    {"safetensors", safetensors_read},
};
enum { FORMATS = sizeof formats / sizeof *formats };

static int find_format(const char *keyword) {
  int i = 0;
  while (i < FORMATS && strcmp(formats[i].keyword, keyword) != 0)
    i++;
  return i;
}

bool is_file_keyword(const char *keyword) {
  return find_format(keyword) < FORMATS;
}

static bool read_file(Lexer *l, CachedFile *f) {
  int format = find_format(f->keyword);
  return formats[format].read
             ? formats[format].read(l->arena, l->diag, f->path, &f->tensors)
             : file_map(f->path, &f->map, l->diag);
}

static const CachedFile *open_cached(Lexer *l, FileCache *files,
                                     const char *keyword, const char *path) {
  for (int i = 0; i < files->files.n; i++) {
    const CachedFile *f = &files->files.v[i];
    if (strcmp(f->path, path) == 0 && strcmp(f->keyword, keyword) == 0)
      return f;
  }
  CachedFile f = {.keyword = keyword, .path = path};
  if (!read_file(l, &f)) {
    diag_hint(l->diag, "%s names it in line %d", l->file, l->line);
    l->errors++;
    return NULL;
  }
  ARRAY_PUSH(l->arena, &files->files, f);
  return &files->files.v[files->files.n - 1];
}

/* "path", as one of the text's folder; NULL: reported. */
static const char *parse_path(Lexer *l) {
  lex_blanks(l);
  const char *name, *at = l->p;
  if (!lex_string(l, &name))
    return NULL;
  const char *dir = path_dir(l->arena, l->file);
  if (path_is_inside(dir, name))
    return path_join(l->arena, dir, name);
  lex_error(l, at, "'%s' is not inside of the text's folder", name);
  return NULL;
}

/* "path"+offset */
static const void *parse_raw(Lexer *l, FileCache *files, const Type *t) {
  const char *at = l->p, *path = parse_path(l);
  int64_t offset = 0, bytes = type_bytes(t);
  if (!path || (lex_accept(l, "+") && !lex_int(l, 0, INT64_MAX, &offset)))
    return NULL;
  const CachedFile *f = open_cached(l, files, "file", path);
  if (!f)
    return NULL;
  if ((uint64_t)offset > f->map.bytes ||
      (uint64_t)bytes > f->map.bytes - (size_t)offset) {
    lex_error(l, at, "%lld bytes at offset %lld are outside the file's %zu",
              (long long)bytes, (long long)offset, f->map.bytes);
    return NULL;
  }
  const uint8_t *data = f->map.data + offset;
  int align = dtype_bits(t->dtype) / 8;
  if (align > 1 && (uintptr_t)data % (uintptr_t)align != 0)
    return arena_dup(l->arena, data, (size_t)bytes);
  return data;
}

/* The name of a tensor, which may be left out where there is only one. */
static const NpzMember *parse_member(Lexer *l, const CachedFile *f) {
  lex_blanks(l);
  const char *name, *at = l->p;
  if (f->tensors.n == 1 && lex_at_eol(l))
    return f->tensors.v;
  if (!lex_name(l, &name))
    return NULL;
  for (int i = 0; i < f->tensors.n; i++)
    if (strcmp(f->tensors.v[i].name, name) == 0)
      return &f->tensors.v[i];
  lex_error(l, at, "%s has no tensor '%s'", f->path, name);
  diag_hint(l->diag, "it has: %s", npz_names(l->arena, &f->tensors));
  return NULL;
}

/* "path" tensor */
static const void *parse_array(Lexer *l, FileCache *files, const char *keyword,
                               const Type *t) {
  const char *at = l->p, *path = parse_path(l);
  const CachedFile *f = path ? open_cached(l, files, keyword, path) : NULL;
  const NpzMember *m = f ? parse_member(l, f) : NULL;
  if (!m)
    return NULL;
  if (array_is(&m->array, t))
    return array_bytes(l->arena, &m->array, t);
  Str want = str_new(l->arena);
  type_print(&want, type_new(l->arena, t->dtype, t->rank, t->dim, NULL));
  lex_error(l, at, "the file has %s, the constant is %s",
            nd_text(l->arena, &m->array), str_cstr(&want));
  return NULL;
}

const void *parse_file_const(Lexer *l, FileCache *files, const char *keyword,
                             const Type *t) {
  lex_blanks(l);
  return strcmp(keyword, "file") == 0 ? parse_raw(l, files, t)
                                      : parse_array(l, files, keyword, t);
}
