/* PATH[:WHAT] of a command line: which format, which member, which shape. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dataset/private.h"
#include "support/str.h"

bool raw_read(Arena *a, Diag *d, const char *path, const NdArray *sample,
              NdArray *out) {
  MappedFile f;
  NdArray one = *sample;
  if (!file_map(path, &f, d))
    return false;
  if (one.rank >= ND_MAX_RANK || !nd_set_bytes(&one) || !one.bytes)
    return data_error(d, path, "no samples of shape %s", nd_text(a, sample));
  if (!f.bytes || f.bytes % one.bytes)
    return data_error(d, path,
                      "%zu bytes are no whole number of samples %s of %zu "
                      "bytes",
                      f.bytes, nd_text(a, &one), one.bytes);
  *out = (NdArray){.type = one.type, .rank = one.rank + 1, .bytes = f.bytes};
  out->dim[0] = (int64_t)(f.bytes / one.bytes);
  memcpy(out->dim + 1, one.dim, (size_t)one.rank * sizeof one.dim[0]);
  nd_set_data(a, out, f.data);
  return true;
}

/* DTYPE or DTYPE[D,D,...] */
static bool parse_sample(const char *s, NdArray *out) {
  size_t n = strcspn(s, "[");
  *out = (NdArray){.type = elem_find(s, n)};
  if (out->type == ELEM_COUNT)
    return false;
  if (!s[n])
    return true;
  const char *p = s + n;
  while (*p != ']') {
    char *end;
    if (out->rank == ND_MAX_RANK - 1 || p[1] < '0' || p[1] > '9')
      return false;
    int64_t dim = strtoll(p + 1, &end, 10);
    if (dim < 1 || dim > INT32_MAX || (*end != ',' && *end != ']'))
      return false;
    out->dim[out->rank++] = dim;
    p = end;
  }
  return !p[1];
}

static bool read_npz(Arena *a, Diag *d, const char *path, const char *member,
                     NdArray *out) {
  Npz z;
  if (!npz_read(a, d, path, &z))
    return false;
  const NdArray *found = member     ? npz_find(&z, member)
                         : z.n == 1 ? &z.v[0].array
                                    : NULL;
  if (found) {
    *out = *found;
    return true;
  }
  if (member)
    data_error(d, path, "no member '%s'", member);
  else
    data_error(d, path, "has %d members, one must be named", z.n);
  diag_hint(d, "members are: %s", npz_names(a, &z));
  return false;
}

typedef struct Format {
  const char *name;
  bool (*match)(const uint8_t *data, size_t bytes);
  bool (*read)(Arena *a, Diag *d, const char *path, NdArray *out);
} Format;

static const Format formats[] = {
    {"npy", npy_match, npy_read},
    {"idx", idx_match, idx_read},
    {"gz", gzip_match, idx_read},
};

static bool read_self_describing(Arena *a, Diag *d, const char *path,
                                 const MappedFile *f, NdArray *out) {
  for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
    if (formats[i].match(f->data, f->bytes))
      return formats[i].read(a, d, path, out);
  data_error(d, path, "neither .npy, .npz nor idx");
  diag_hint(d, "raw samples need their type and shape: %s:u8[32,32,3]", path);
  return false;
}

/* Splits at the last ':' unless the whole is a file. `*what` is NULL when
 * there is nothing behind the path. */
static char *split_spec(Arena *a, const char *spec, const char **what) {
  const char *colon = strrchr(spec, ':');
  *what = NULL;
  if (!colon || access(spec, F_OK) == 0)
    return arena_strdup(a, spec);
  *what = colon + 1;
  return arena_strndup(a, spec, (size_t)(colon - spec));
}

bool data_read(Arena *a, Diag *d, const char *spec, NdArray *out) {
  const char *what;
  char *path = split_spec(a, spec, &what);
  MappedFile f;
  NdArray sample;
  if (!file_map(path, &f, d))
    return false;
  bool ok;
  if (npz_match(f.data, f.bytes))
    ok = read_npz(a, d, path, what, out);
  else if (!what)
    ok = read_self_describing(a, d, path, &f, out);
  else if (!parse_sample(what, &sample))
    ok = data_error(d, path, "'%s' is no type and shape, such as u8[32,32,3]",
                    what);
  else
    ok = raw_read(a, d, path, &sample, out);
  file_unmap(&f);
  return ok;
}
