/* idx: two zero bytes, an element type code, the rank, the dimensions as
 * 32-bit big-endian numbers, the elements, big-endian. Often gzipped. */
#define ZLIB_CONST /* input is const */

#include <string.h>
#include <zlib.h>

#include "dataset/private.h"

bool idx_match(const uint8_t *data, size_t bytes) {
  return bytes >= 4 && data[0] == 0 && data[1] == 0 && data[3] > 0 &&
         data[3] <= ND_MAX_RANK && elem_of_idx(data[2]) != ELEM_COUNT;
}

bool gzip_match(const uint8_t *data, size_t bytes) {
  return bytes >= 18 && data[0] == 0x1f && data[1] == 0x8b && data[2] == 8;
}

static void refill(z_stream *z, const uint8_t **data, size_t *bytes) {
  size_t n = *bytes < 1 << 20 ? *bytes : 1 << 20;
  z->next_in = *data;
  z->avail_in = (uInt)n;
  *data += n;
  *bytes -= n;
}

/* Unpacks into a buffer that grows: nothing in the file is believed about
 * its size. A stream that ends early makes no progress at last, which
 * inflate reports. */
static bool gunzip(Arena *a, const uint8_t *data, size_t bytes, Str *out) {
  z_stream z = {0};
  uint8_t chunk[1 << 15];
  int status = inflateInit2(&z, 16 + MAX_WBITS);
  *out = str_new(a);
  while (status == Z_OK) {
    if (!z.avail_in)
      refill(&z, &data, &bytes);
    z.next_out = chunk;
    z.avail_out = sizeof chunk;
    status = inflate(&z, Z_NO_FLUSH);
    str_add_bytes(out, chunk, sizeof chunk - z.avail_out);
  }
  inflateEnd(&z);
  return status == Z_STREAM_END;
}

/* To the host's order, in place; `bytes` per element. */
static void swap_elements(uint8_t *data, size_t total, size_t bytes) {
  for (size_t k = 0; k < total; k += bytes)
    for (size_t i = 0; i < bytes / 2; i++) {
      uint8_t t = data[k + i];
      data[k + i] = data[k + bytes - 1 - i];
      data[k + bytes - 1 - i] = t;
    }
}

static bool parse_plain(Arena *a, Diag *d, const char *file,
                        const uint8_t *data, size_t bytes, NdArray *out) {
  if (!idx_match(data, bytes) || bytes < 4 + 4 * (size_t)data[3])
    return data_error(d, file, "not an idx file, or cut off");
  out->type = elem_of_idx(data[2]);
  out->rank = data[3];
  for (int i = 0; i < out->rank; i++) {
    const uint8_t *p = data + 4 + 4 * i;
    out->dim[i] = (int64_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
  }
  size_t start = 4 + 4 * (size_t)out->rank, have = bytes - start;
  if (!nd_set_bytes(out) || out->bytes != have)
    return data_error(d, file, "%s does not have the %zu bytes of the file",
                      nd_text(a, out), have);
  if (elem_bytes(out->type) == 1) {
    out->data = data + start;
    return true;
  }
  uint8_t *copy = arena_dup(a, data + start, have);
  swap_elements(copy, have, elem_bytes(out->type));
  out->data = copy;
  return true;
}

bool idx_parse(Arena *a, Diag *d, const char *file, const uint8_t *data,
               size_t bytes, NdArray *out) {
  if (!gzip_match(data, bytes))
    return parse_plain(a, d, file, data, bytes, out);
  Str s;
  if (!gunzip(a, data, bytes, &s))
    return data_error(d, file, "the gzip stream is damaged or cut off");
  return parse_plain(a, d, file, (const uint8_t *)str_cstr(&s), s.n, out);
}

bool idx_read(Arena *a, Diag *d, const char *path, NdArray *out) {
  MappedFile f;
  return file_map(path, &f, d) && idx_parse(a, d, path, f.data, f.bytes, out);
}
