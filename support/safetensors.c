/* .safetensors: the length of a header in 8 bytes, the header (JSON: a member
 * a tensor, with dtype, shape, and where its bytes lie behind the header),
 * the bytes. */
#include <json-c/json.h>
#include <string.h>

#include "support/file.h"
#include "support/tensor_file.h"

enum { LENGTH_BYTES = 8 };

typedef struct Reader {
  Arena *arena;
  Diag *diag;
  const char *path;
  const uint8_t *data; /* behind the header */
  size_t bytes;
} Reader;

/* Item i of an array of numbers from 0; -1: there is none. */
static int64_t number_at(json_object *list, size_t i) {
  json_object *x = json_object_array_get_idx(list, i);
  return x && json_object_is_type(x, json_type_int) ? json_object_get_int64(x)
                                                    : -1;
}

static json_object *array_in(json_object *o, const char *key) {
  json_object *list = json_object_object_get(o, key);
  return list && json_object_is_type(list, json_type_array) ? list : NULL;
}

static bool read_shape(json_object *o, NdArray *out) {
  json_object *shape = array_in(o, "shape");
  if (!shape || json_object_array_length(shape) > ND_MAX_RANK)
    return false;
  out->rank = (int)json_object_array_length(shape);
  for (int i = 0; i < out->rank; i++) {
    out->dim[i] = number_at(shape, (size_t)i);
    if (out->dim[i] < 0)
      return false;
  }
  return nd_set_bytes(out);
}

static bool read_tensor(const Reader *r, const char *name, json_object *o,
                        NdArray *out) {
  bool is_object = json_object_is_type(o, json_type_object);
  json_object *dtype = is_object ? json_object_object_get(o, "dtype") : NULL;
  json_object *range = is_object ? array_in(o, "data_offsets") : NULL;
  const char *type = dtype ? json_object_get_string(dtype) : "";
  *out = (NdArray){.type = elem_of_safetensors(type)};
  if (out->type == ELEM_COUNT)
    return data_error(r->diag, r->path,
                      "tensor %s: element type '%.20s' is not supported", name,
                      type);
  int64_t begin = range ? number_at(range, 0) : -1;
  int64_t end = range ? number_at(range, 1) : -1;
  if (!read_shape(o, out) || begin < 0 || end < begin ||
      (uint64_t)end > r->bytes || (uint64_t)(end - begin) != out->bytes)
    return data_error(r->diag, r->path,
                      "tensor %s: its shape or place is not possible", name);
  nd_set_data(r->arena, out, r->data + begin);
  return true;
}

static bool read_all(const Reader *r, json_object *header, Npz *out) {
  int n = json_object_object_length(header);
  out->v = ARENA_ARRAY(r->arena, NpzMember, n);
  json_object_object_foreach(header, name, o) {
    if (strcmp(name, "__metadata__") == 0)
      continue;
    NpzMember *m = &out->v[out->n++];
    m->name = arena_strdup(r->arena, name);
    if (!read_tensor(r, m->name, o, &m->array))
      return false;
  }
  return true;
}

/* NULL: it is none. Sets r->data and r->bytes to what follows. */
static json_object *parse_header(const MappedFile *f, Reader *r) {
  uint64_t n = 0;
  if (f->bytes < LENGTH_BYTES)
    return NULL;
  for (int i = 0; i < LENGTH_BYTES; i++)
    n |= (uint64_t)f->data[i] << (8 * i);
  if (n > f->bytes - LENGTH_BYTES || n > INT32_MAX)
    return NULL;
  json_tokener *t = json_tokener_new();
  json_object *o =
      json_tokener_parse_ex(t, (const char *)f->data + LENGTH_BYTES, (int)n);
  json_tokener_free(t);
  r->data = f->data + LENGTH_BYTES + n;
  r->bytes = f->bytes - LENGTH_BYTES - (size_t)n;
  if (o && json_object_is_type(o, json_type_object))
    return o;
  json_object_put(o);
  return NULL;
}

bool safetensors_read(Arena *a, Diag *d, const char *path, Npz *out) {
  MappedFile f;
  Reader r = {.arena = a, .diag = d, .path = path};
  *out = (Npz){0};
  if (!file_map(path, &f, d))
    return false;
  json_object *header = parse_header(&f, &r);
  if (!header)
    return data_error(d, path, "not a .safetensors file, or cut off");
  bool ok = read_all(&r, header, out);
  json_object_put(header);
  return ok;
}
