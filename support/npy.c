/* .npy: a magic, a version, the length of a header, the header (a Python
 * dict literal with the keys descr, fortran_order and shape, in any order),
 * the elements. */
#include <string.h>

#include "support/file.h"
#include "support/str.h"
#include "support/tensor_file.h"

static const uint8_t magic[6] = {0x93, 'N', 'U', 'M', 'P', 'Y'};

bool npy_match(const uint8_t *data, size_t bytes) {
  return bytes >= sizeof magic && memcmp(data, magic, sizeof magic) == 0;
}

/* The header while it is read; errors are told once, by the caller. */
typedef struct Scan {
  const char *s, *end;
} Scan;

typedef struct Header {
  char order, kind; /* '<' and 'f' of "<f4" */
  int64_t size;
  bool has_descr, has_order, has_shape, fortran;
  NdArray *out;
} Header;

static void skip_space(Scan *s) {
  while (s->s < s->end && memchr(" \t\r\n", *s->s, 4))
    s->s++;
}

static bool take(Scan *s, char c) {
  skip_space(s);
  if (s->s == s->end || *s->s != c)
    return false;
  s->s++;
  return true;
}

static bool take_word(Scan *s, const char *word) {
  size_t n = strlen(word);
  skip_space(s);
  if ((size_t)(s->end - s->s) < n || memcmp(s->s, word, n) != 0)
    return false;
  s->s += n;
  return true;
}

static bool take_int(Scan *s, int64_t *out) {
  skip_space(s);
  const char *start = s->s;
  *out = 0;
  for (; s->s < s->end && *s->s >= '0' && *s->s <= '9'; s->s++)
    if (__builtin_mul_overflow(*out, 10, out) ||
        __builtin_add_overflow(*out, *s->s - '0', out))
      return false;
  return s->s > start;
}

/* 'text' or "text"; the text is borrowed. */
static bool take_string(Scan *s, Scan *out) {
  char quote = take(s, '\'') ? '\'' : '"';
  if (quote == '"' && !take(s, '"'))
    return false;
  out->s = s->s;
  while (s->s < s->end && *s->s != quote)
    s->s++;
  out->end = s->s;
  return take(s, quote);
}

static bool scan_descr(Scan *s, Header *h) {
  Scan text;
  if (!take_string(s, &text) || text.end - text.s < 3)
    return false;
  h->order = text.s[0];
  h->kind = text.s[1];
  text.s += 2;
  h->has_descr = take_int(&text, &h->size) && text.s == text.end;
  return h->has_descr;
}

static bool scan_order(Scan *s, Header *h) {
  h->fortran = take_word(s, "True");
  h->has_order = h->fortran || take_word(s, "False");
  return h->has_order;
}

static bool scan_shape(Scan *s, Header *h) {
  NdArray *out = h->out;
  out->rank = 0;
  if (!take(s, '('))
    return false;
  while (!take(s, ')')) {
    if (out->rank == ND_MAX_RANK || !take_int(s, &out->dim[out->rank++]))
      return false;
    if (!take(s, ',')) {
      h->has_shape = take(s, ')');
      return h->has_shape;
    }
  }
  h->has_shape = true;
  return true;
}

static bool scan_header(Scan *s, Header *h) {
  static const struct {
    const char *key;
    bool (*scan)(Scan *, Header *);
  } keys[] = {{"descr", scan_descr},
              {"fortran_order", scan_order},
              {"shape", scan_shape}};
  if (!take(s, '{'))
    return false;
  while (!take(s, '}')) {
    Scan key;
    size_t i = 0, n = sizeof keys / sizeof *keys;
    if (!take_string(s, &key) || !take(s, ':'))
      return false;
    while (i < n && !(take_word(&key, keys[i].key) && key.s == key.end))
      i++;
    if (i == n || !keys[i].scan(s, h))
      return false;
    if (!take(s, ','))
      return take(s, '}');
  }
  return true;
}

static bool check_header(Diag *d, const char *file, Header *h) {
  if (h->fortran)
    return data_error(d, file,
                      "the array is in Fortran order, expected C "
                      "order (numpy.ascontiguousarray)");
  if (h->order == '>' && h->size > 1)
    return data_error(d, file,
                      "the array is big-endian, expected "
                      "little-endian");
  h->out->type = elem_of_numpy(h->kind, h->size);
  if (!memchr("<>|=", h->order, 4) || h->out->type == ELEM_COUNT)
    return data_error(d, file, "element type '%c%c%lld' is not supported",
                      h->order, h->kind, (long long)h->size);
  return true;
}

/* Where the header text is; its end is where the elements begin. */
static bool find_header(const uint8_t *data, size_t bytes, Scan *out) {
  if (bytes < 10)
    return false;
  int version = data[6];
  size_t wide = version == 1 ? 2 : 4, start = 8 + wide, n = 0;
  if (version < 1 || version > 3 || bytes < start)
    return false;
  for (size_t i = 0; i < wide; i++)
    n |= (size_t)data[8 + i] << (8 * i);
  if (n > bytes - start)
    return false;
  out->s = (const char *)data + start;
  out->end = out->s + n;
  return true;
}

bool npy_parse(Arena *a, Diag *d, const char *file, const uint8_t *data,
               size_t bytes, NdArray *out) {
  Scan s;
  Header h = {.out = out};
  if (!npy_match(data, bytes) || !find_header(data, bytes, &s))
    return data_error(d, file, "not a .npy file of version 1 to 3, or cut off");
  const char *elements = s.end;
  if (!scan_header(&s, &h) || !h.has_descr || !h.has_order || !h.has_shape)
    return data_error(d, file,
                      "the .npy header is not understood; only plain "
                      "arrays of numbers are");
  if (!check_header(d, file, &h))
    return false;
  size_t have = bytes - (size_t)(elements - (const char *)data);
  if (!nd_set_bytes(out) || out->bytes != have)
    return data_error(d, file, "%s does not have the %zu bytes that follow",
                      nd_text(a, out), have);
  nd_set_data(a, out, (const uint8_t *)elements);
  return true;
}

bool npy_read(Arena *a, Diag *d, const char *path, NdArray *out) {
  MappedFile f;
  return file_map(path, &f, d) && npy_parse(a, d, path, f.data, f.bytes, out);
}

static char byte_order(ElemType t) { return elem_bytes(t) > 1 ? '<' : '|'; }

static char numpy_kind(ElemType t) {
  static const char kinds[ELEM_COUNT] = {
#define ELEM(name, long_name, kind, bytes, idx, safe) kind,
#include "support/elements.def"
#undef ELEM
  };
  return kinds[t];
}

/* Padded with spaces to a multiple of 64, so that mapped elements are
 * aligned. */
static void add_header(Str *s, const NdArray *x) {
  Str h = str_new(s->arena);
  str_printf(&h, "{'descr': '%c%c%zu', 'fortran_order': False, 'shape': (",
             byte_order(x->type), numpy_kind(x->type), elem_bytes(x->type));
  for (int i = 0; i < x->rank; i++)
    str_printf(&h, "%lld%s", (long long)x->dim[i],
               i + 1 < x->rank ? ", "
               : x->rank == 1  ? ","
                               : "");
  str_add(&h, "), }");
  while ((10 + h.n + 1) % 64)
    str_add(&h, " ");
  str_add(&h, "\n");
  uint8_t start[10] = {0};
  memcpy(start, magic, sizeof magic);
  start[6] = 1;
  start[8] = (uint8_t)(h.n & 0xff);
  start[9] = (uint8_t)(h.n >> 8);
  str_add_bytes(s, start, sizeof start);
  str_add_bytes(s, h.s, h.n);
}

bool npy_write(Diag *d, const char *path, const NdArray *x) {
  Arena *scratch = arena_new();
  Str s = str_new(scratch);
  add_header(&s, x);
  str_add_bytes(&s, x->data, x->bytes);
  bool ok = file_write(path, s.s, s.n, d);
  arena_free(scratch);
  return ok;
}
