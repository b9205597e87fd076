/* TensorProto and TypeProto: constants in all their encodings, and types.
 * Large constants stay where they are in the mapped file; only those that
 * are still in use when import ends are copied, and only where the file has
 * not aligned them. */
#define _XOPEN_SOURCE 700 /* realpath */

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "frontend/onnx/import.h"
#include "support/file.h"

enum { DATA_EXTERNAL = 1 };

/* One TensorProto on its way to a constant. */
typedef struct Reading {
  Import *im;
  OnnxTensor proto;
  const char *name;
  Loc loc;
  DType dtype;
} Reading;

static bool refuse(const Reading *r, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static bool refuse(const Reading *r, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  const char *why = arena_vprintf(r->im->arena, fmt, ap);
  va_end(ap);
  return diag_error(r->im->diag, E0302, r->loc, "tensor '%.80s' %s", r->name,
                    why);
}

static bool corrupt(const Reading *r, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static bool corrupt(const Reading *r, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  const char *why = arena_vprintf(r->im->arena, fmt, ap);
  va_end(ap);
  return diag_error(r->im->diag, E0102, r->loc, "tensor '%.80s' %s", r->name,
                    why);
}

static bool read_dtype(Reading *r) {
  const OnnxDType *t = onnx_dtype(r->proto.data_type.v);
  if (!t)
    return corrupt(r, "has element type %lld, which does not exist",
                   (long long)r->proto.data_type.v);
  r->dtype = t->dtype;
  return t->dtype != DT_COUNT ||
         refuse(r, "has element type %s, which is not supported", t->name);
}

static bool read_dims(Reading *r, int *rank, int64_t *dim) {
  PbCursor c = {.nums = &r->proto.dims};
  uint64_t bits;
  for (*rank = 0; pb_next(&r->im->pb, &c, &bits); ++*rank) {
    if (*rank == MAX_RANK)
      return refuse(r, "has more than %d dimensions", MAX_RANK);
    dim[*rank] = (int64_t)bits;
    if (dim[*rank] < 0)
      return corrupt(r, "has a negative dimension");
  }
  return !r->im->pb.bad;
}

/* --- data in typed fields ---------------------------------------------- */

/* A field of numbers, and how many bytes of each are the element's. */
typedef struct Numbers {
  const PbNums *nums;
  size_t bytes;
} Numbers;

static Numbers numbers_of(const Reading *r) {
  const OnnxTensor *p = &r->proto;
  int bits = dtype_bits(r->dtype);
  size_t bytes = bits < 8 ? 1 : (size_t)bits / 8;
  switch (r->dtype) {
  case DT_f32:
    return (Numbers){&p->float_data, bytes};
  case DT_f64:
    return (Numbers){&p->double_data, bytes};
  case DT_i64:
    return (Numbers){&p->int64_data, bytes};
  case DT_u32:
  case DT_u64:
    return (Numbers){&p->uint64_data, bytes};
  default:
    return (Numbers){&p->int32_data, bytes};
  }
}

static const void *read_numbers(Reading *r, size_t bytes) {
  Import *im = r->im;
  Numbers from = numbers_of(r);
  bool fixed = from.nums->wire != PB_VARINT && from.nums->n == 1;
  if (fixed && from.nums->v[0].n == bytes)
    return im->pb.data + from.nums->v[0].pos;
  size_t stored = 0; /* every number takes at least a byte of the file */
  for (int i = 0; i < from.nums->n; i++)
    stored += from.nums->v[i].n;
  if (stored < bytes / from.bytes) {
    corrupt(r, "has too little data");
    return NULL;
  }
  uint8_t *data = arena_alloc(im->arena, bytes);
  PbCursor c = {.nums = from.nums};
  uint64_t bits;
  size_t at = 0;
  for (; pb_next(&im->pb, &c, &bits); at += from.bytes)
    for (size_t k = 0; k < from.bytes && at + from.bytes <= bytes; k++)
      data[at + k] = (uint8_t)(bits >> (8 * k));
  if (at != bytes && !im->pb.bad)
    corrupt(r, "has %zu bytes of data, needs %zu", at, bytes);
  return at == bytes && !im->pb.bad ? data : NULL;
}

/* --- external data ----------------------------------------------------- */

/* The path of a file inside of the model's folder; NULL: reported. What
 * leads out of it, by "..", an absolute path or a symbolic link, is
 * refused. */
static const char *confine(const Reading *r, const char *location) {
  Import *im = r->im;
  const char *path = path_join(im->arena, im->folder, location);
  char *folder = realpath(im->folder, NULL), *real = realpath(path, NULL);
  size_t n = folder ? strlen(folder) : 0;
  bool climbs = strstr(location, "..") || location[0] == '/' || !*location;
  bool inside = real && folder && strncmp(real, folder, n) == 0 &&
                (real[n] == '/' || (n && folder[n - 1] == '/'));
  bool missing = !real;
  free(folder);
  free(real);
  if (!climbs && inside)
    return path;
  if (climbs || !missing)
    refuse(r,
           "has its data in '%.200s', which is not inside of the model's "
           "folder",
           location);
  else
    diag_error(im->diag, E0002, r->loc,
               "tensor '%.80s' has its data in '%.200s', which cannot be read",
               r->name, path);
  return NULL;
}

static bool map_companion(const Reading *r, const char *location,
                          struct Companion *out) {
  Import *im = r->im;
  const char *path = confine(r, location);
  if (!path)
    return false;
  for (int i = 0; i < im->companions.n; i++)
    if (strcmp(im->companions.v[i].path, path) == 0) {
      *out = im->companions.v[i];
      return true;
    }
  MappedFile f;
  if (!file_map(path, &f, im->diag))
    return false;
  *out = (struct Companion){path, f.data, f.bytes};
  ARRAY_PUSH(im->arena, &im->companions, *out);
  return true;
}

/* A decimal number of at most 18 digits. */
static bool read_decimal(const char *s, uint64_t *out) {
  size_t n = strspn(s, "0123456789");
  if (!n || n > 18 || s[n])
    return false;
  *out = strtoull(s, NULL, 10);
  return true;
}

typedef struct External {
  const char *location;
  uint64_t offset, length;
  bool has_length;
} External;

static bool read_external(Reading *r, External *e) {
  Import *im = r->im;
  *e = (External){0};
  for (int i = 0; i < r->proto.external_data.n; i++) {
    OnnxStringString pair;
    if (!onnx_read_StringString(&im->pb, r->proto.external_data.v[i], &pair))
      return false;
    const char *value = import_string(im, pair.value);
    bool ok = true;
    if (span_is(im, pair.key, "location"))
      e->location = value;
    else if (span_is(im, pair.key, "offset"))
      ok = read_decimal(value, &e->offset);
    else if (span_is(im, pair.key, "length"))
      ok = e->has_length = read_decimal(value, &e->length);
    if (!ok)
      return corrupt(r, "has external data at '%.40s', which is no number",
                     value);
  }
  return e->location || corrupt(r, "has external data without location");
}

static const void *external_data(Reading *r, size_t bytes) {
  External e;
  struct Companion file;
  if (!read_external(r, &e) || !map_companion(r, e.location, &file))
    return NULL;
  if (e.has_length && e.length != bytes) {
    corrupt(r, "has %llu bytes of external data, needs %zu",
            (unsigned long long)e.length, bytes);
    return NULL;
  }
  if (e.offset > file.bytes || bytes > file.bytes - e.offset) {
    corrupt(r,
            "has %zu bytes of data at byte %llu of '%.200s', which ends at "
            "byte %zu",
            bytes, (unsigned long long)e.offset, e.location, file.bytes);
    return NULL;
  }
  return file.data + e.offset;
}

/* --- constants --------------------------------------------------------- */

static const void *read_data(Reading *r, size_t bytes) {
  static const uint64_t nothing[1];
  Import *im = r->im;
  const OnnxTensor *p = &r->proto;
  if (p->segment.pos) {
    refuse(r, "is stored in segments, which is not supported");
    return NULL;
  }
  if (!bytes)
    return nothing;
  if (p->data_location.v == DATA_EXTERNAL)
    return external_data(r, bytes);
  if (!p->raw_data.pos)
    return read_numbers(r, bytes);
  if (p->raw_data.n == bytes)
    return im->pb.data + p->raw_data.pos;
  corrupt(r, "has %zu bytes of data, needs %zu", p->raw_data.n, bytes);
  return NULL;
}

Value *tensor_const(Import *im, PbSpan proto, const char *name, Loc loc) {
  Reading r = {.im = im, .name = name, .loc = loc};
  int rank;
  int64_t dim[MAX_RANK];
  if (!onnx_read_Tensor(&im->pb, proto, &r.proto))
    return NULL;
  if (!*name)
    r.name = import_string(im, r.proto.name);
  if (!read_dtype(&r) || !read_dims(&r, &rank, dim))
    return NULL;
  const Type *t = type_new(im->arena, r.dtype, rank, dim, NULL);
  if (type_bytes(t) > PTRDIFF_MAX / 2) {
    corrupt(&r, "is too large");
    return NULL;
  }
  const void *data = read_data(&r, (size_t)type_bytes(t));
  return data ? graph_const(im->graph, r.name, t, data) : NULL;
}

/* --- declared types ---------------------------------------------------- */

/* How a dimension without a number is called on the command line. */
static const char *dim_key(Import *im, const OnnxDim *d, const char *name,
                           int axis) {
  return d->dim_param.n ? import_string(im, d->dim_param)
                        : arena_printf(im->arena, "%s:%d", name, axis);
}

static bool find_bound(Import *im, const char *key, int64_t *out) {
  for (int i = 0; i < im->dims.n; i++)
    if (strcmp(im->dims.v[i].bound.name, key) == 0) {
      im->dims.v[i].asked = true;
      *out = im->dims.v[i].bound.value;
      return true;
    }
  return false;
}

static bool read_dim(Import *im, const char *name, PbSpan span, int axis,
                     bool report, Loc loc, int64_t *out) {
  OnnxDim d;
  if (!onnx_read_Dim(&im->pb, span, &d))
    return false;
  *out = d.dim_value.v;
  if (d.dim_value.has && d.dim_value.v >= 0)
    return true;
  const char *key = dim_key(im, &d, name, axis);
  if (find_bound(im, key, out))
    return true;
  if (!report)
    return false;
  import_want(im, (ImportWant){name, axis, key});
  diag_error(im->diag, E0303, loc, "dimension %d ('%.80s') is not known", axis,
             key);
  diag_hint(im->diag, "give it: --dim %.80s=NUMBER", key);
  return false;
}

static bool read_elem_type(Import *im, const OnnxTypeProto *p,
                           const OnnxTensorType *t, bool report, Loc loc,
                           DType *out) {
  const char *what = NULL;
  const OnnxDType *row = onnx_dtype(t->elem_type.v);
  if (p->sequence_type.pos)
    what = "a sequence";
  else if (p->map_type.pos)
    what = "a map";
  else if (p->optional_type.pos)
    what = "an optional value";
  else if (p->sparse_tensor_type.pos)
    what = "a sparse tensor";
  else if (row && row->dtype == DT_COUNT)
    what = arena_printf(im->arena, "of element type %s", row->name);
  if (what)
    return report && diag_error(im->diag, E0302, loc,
                                "it is %s, which is not supported", what);
  if (!row)
    return report && diag_error(im->diag, E0201, loc, "it has no element type");
  *out = row->dtype;
  return true;
}

const Type *tensor_declared(Import *im, const char *name, PbSpan type,
                            bool report, Loc loc) {
  OnnxTypeProto p;
  OnnxTensorType t;
  OnnxShape s;
  DType dtype = DT_COUNT;
  int64_t dim[MAX_RANK] = {0};
  if (!onnx_read_TypeProto(&im->pb, type, &p) ||
      !onnx_read_TensorType(&im->pb, p.tensor_type, &t) ||
      !onnx_read_Shape(&im->pb, t.shape, &s) ||
      !read_elem_type(im, &p, &t, report, loc, &dtype))
    return NULL;
  if (!t.shape.pos) {
    if (report) {
      import_want(im, (ImportWant){name, -1, NULL});
      diag_error(im->diag, E0303, loc, "its shape is not known");
    }
    return NULL;
  }
  if (s.dim.n > MAX_RANK) {
    if (report)
      diag_error(im->diag, E0302, loc, "it has more than %d dimensions",
                 MAX_RANK);
    return NULL;
  }
  bool ok = true;
  for (int i = 0; i < s.dim.n; i++)
    ok &= read_dim(im, name, s.dim.v[i], i, report, loc, &dim[i]);
  return ok ? type_new(im->arena, dtype, s.dim.n, dim, NULL) : NULL;
}

void tensor_default_dim(Import *im, const char *name, PbSpan type, Loc loc) {
  OnnxTypeProto p;
  OnnxTensorType t;
  OnnxShape s;
  OnnxDim d;
  int64_t bound;
  if (!onnx_read_TypeProto(&im->pb, type, &p) ||
      !onnx_read_TensorType(&im->pb, p.tensor_type, &t) ||
      !onnx_read_Shape(&im->pb, t.shape, &s) || !s.dim.n ||
      !onnx_read_Dim(&im->pb, s.dim.v[0], &d) ||
      (d.dim_value.has && d.dim_value.v >= 0))
    return;
  const char *key = dim_key(im, &d, name, 0);
  if (find_bound(im, key, &bound))
    return;
  ARRAY_PUSH(im->arena, &im->dims, ((struct OpenDim){{key, 1}, true}));
  import_want(im, (ImportWant){name, 0, key});
  diag_note(im->diag, loc,
            "the leading dimension '%.80s' is not fixed; compiled for 1 "
            "(--dim %.80s=NUMBER)",
            key, key);
}

/* --- alignment --------------------------------------------------------- */

static size_t alignment(const Type *t) {
  int bits = dtype_bits(t->dtype);
  return bits < 8 ? 1 : (size_t)bits / 8;
}

bool tensor_is_aligned(const Value *v) {
  return (uintptr_t)v->init->data % alignment(v->type) == 0;
}

void import_touched(Import *im, size_t bytes) {
  enum { OFTEN = 8 << 20, SHARE = 64 };
  im->touched += bytes;
  if (im->touched < OFTEN || im->touched < im->pb.bytes / SHARE)
    return;
  im->touched = 0;
  file_cold(im->pb.data, im->pb.bytes);
  for (int i = 0; i < im->companions.n; i++)
    file_cold(im->companions.v[i].data, im->companions.v[i].bytes);
}

const void *tensor_aligned_data(Import *im, Arena *a, const Value *v) {
  enum { PIECE = 4 << 20 };
  size_t bytes = (size_t)type_bytes(v->type);
  const uint8_t *from = v->init->data;
  if (tensor_is_aligned(v))
    return from;
  uint8_t *to = arena_alloc(a, bytes);
  for (size_t at = 0; at < bytes; at += PIECE) {
    size_t n = bytes - at < PIECE ? bytes - at : PIECE;
    memcpy(to + at, from + at, n);
    import_touched(im, n);
  }
  return to;
}

void tensor_align_consts(Import *im) {
  const Graph *g = im->graph;
  for (int i = 0; i < g->values.n; i++) {
    Value *v = g->values.v[i];
    if (!v || !v->init || tensor_is_aligned(v))
      continue;
    Const *c = ARENA_NEW(im->arena, Const);
    c->data = tensor_aligned_data(im, im->arena, v);
    v->init = c;
  }
}
