/* .npz: a zip archive of .npy files. */
#include <string.h>
#include <zip.h>

#include "support/file.h"
#include "support/str.h"
#include "support/tensor_file.h"

bool npz_match(const uint8_t *data, size_t bytes) {
  return bytes >= 4 &&
         (memcmp(data, "PK\3\4", 4) == 0 || memcmp(data, "PK\5\6", 4) == 0);
}

/* Deflate packs at most 1032 : 1, so a larger claim is a lie that must not
 * be allocated. */
static bool size_is_possible(const zip_stat_t *st) {
  return st->comp_method == ZIP_CM_STORE ? st->size == st->comp_size
                                         : st->size / 1032 <= st->comp_size;
}

static bool read_all(zip_file_t *f, uint8_t *data, size_t bytes) {
  size_t done = 0;
  while (done < bytes) {
    zip_int64_t n = zip_fread(f, data + done, bytes - done);
    if (n <= 0)
      return false;
    done += (size_t)n;
  }
  uint8_t extra;
  return zip_fread(f, &extra, 1) == 0; /* also checks the sum */
}

static char *member_name(Arena *a, const char *name) {
  size_t n = strlen(name);
  return arena_strndup(a, name, str_has_suffix(name, ".npy") ? n - 4 : n);
}

static bool read_member(Arena *a, Diag *d, const char *path, zip_t *z,
                        zip_uint64_t i, NpzMember *out) {
  zip_stat_t st;
  if (zip_stat_index(z, i, 0, &st) != 0 || !(st.valid & ZIP_STAT_SIZE) ||
      !(st.valid & ZIP_STAT_COMP_SIZE) || !(st.valid & ZIP_STAT_COMP_METHOD) ||
      !st.name)
    return data_error(d, path, "member %llu: %s", (unsigned long long)i,
                      zip_strerror(z));
  if (!size_is_possible(&st))
    return data_error(d, path, "member %s claims an impossible size", st.name);
  uint8_t *data = arena_alloc(a, (size_t)st.size);
  zip_file_t *f = zip_fopen_index(z, i, 0);
  bool ok = f && read_all(f, data, (size_t)st.size);
  if (f)
    zip_fclose(f);
  if (!ok)
    return data_error(d, path, "member %s cannot be unpacked", st.name);
  out->name = member_name(a, st.name);
  const char *where = arena_printf(a, "%s:%s", path, out->name);
  return npy_parse(a, d, where, data, (size_t)st.size, &out->array);
}

static bool read_members(Arena *a, Diag *d, const char *path, zip_t *z,
                         Npz *out) {
  zip_int64_t n = zip_get_num_entries(z, 0);
  out->v = ARENA_ARRAY(a, NpzMember, n);
  for (out->n = 0; out->n < n; out->n++)
    if (!read_member(a, d, path, z, (zip_uint64_t)out->n, &out->v[out->n]))
      return false;
  return true;
}

static zip_t *open_zip(const MappedFile *f, zip_error_t *error) {
  zip_source_t *src = zip_source_buffer_create(f->data, f->bytes, 0, error);
  if (!src)
    return NULL;
  zip_t *z = zip_open_from_source(src, ZIP_RDONLY, error);
  if (!z)
    zip_source_free(src);
  return z;
}

bool npz_read(Arena *a, Diag *d, const char *path, Npz *out) {
  MappedFile f;
  *out = (Npz){0};
  if (!file_map(path, &f, d))
    return false;
  zip_error_t error;
  zip_error_init_with_code(&error, ZIP_ER_NOZIP);
  zip_t *z = npz_match(f.data, f.bytes) ? open_zip(&f, &error) : NULL;
  bool ok = z ? read_members(a, d, path, z, out)
              : data_error(d, path, "not a .npz file: %s",
                           zip_error_strerror(&error));
  if (z)
    zip_discard(z);
  zip_error_fini(&error);
  file_unmap(&f);
  return ok;
}

const NdArray *npz_find(const Npz *z, const char *name) {
  for (int i = 0; i < z->n; i++)
    if (strcmp(z->v[i].name, name) == 0)
      return &z->v[i].array;
  return NULL;
}

const char *npz_names(Arena *a, const Npz *z) {
  Str s = str_new(a);
  for (int i = 0; i < z->n; i++)
    str_printf(&s, "%s%s", i ? ", " : "", z->v[i].name);
  return str_cstr(&s);
}
