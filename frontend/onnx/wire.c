#include "frontend/onnx/wire.h"

#include <assert.h>
#include <stdarg.h>
#include <string.h>

bool pb_corrupt(Pb *pb, size_t at, const char *what, const char *fmt, ...) {
  if (pb->bad)
    return false;
  pb->bad = true;
  char why[256];
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(why, sizeof why, fmt, ap);
  va_end(ap);
  return diag_error(pb->diag, E0102, (Loc){.file = pb->file},
                    "reading %s at byte %zu: %s", what, at, why);
}

/* Bytes of a varint at p, of which n follow; 0: it does not end. */
static size_t varint(const uint8_t *p, size_t n, uint64_t *out) {
  uint64_t x = 0;
  for (size_t i = 0; i < n && i < 10; i++) {
    x |= (uint64_t)(p[i] & 0x7f) << (7 * i);
    if (!(p[i] & 0x80)) {
      *out = x;
      return i + 1;
    }
  }
  return 0;
}

static uint64_t read_le(const uint8_t *p, size_t n) {
  uint64_t x = 0;
  for (size_t i = 0; i < n; i++)
    x |= (uint64_t)p[i] << (8 * i);
  return x;
}

/* One field as it stands in the file. */
typedef struct Raw {
  uint32_t number;
  PbWire wire;
  uint64_t bits; /* of a number */
  PbSpan span;   /* its payload */
} Raw;

/* Passes one field of `left`. Returns why that is impossible, or NULL. */
static const char *next_field(const uint8_t *data, PbSpan *left, Raw *out) {
  uint64_t tag, length = 0;
  size_t n = varint(data + left->pos, left->n, &tag);
  if (!n || tag > UINT32_MAX || tag < 8)
    return "this is not the beginning of a field";
  out->number = (uint32_t)(tag >> 3);
  out->wire = (PbWire)(tag & 7);
  left->pos += n, left->n -= n;
  const uint8_t *p = data + left->pos;
  n = 0;
  switch (out->wire) {
  case PB_VARINT:
    n = length = varint(p, left->n, &out->bits);
    if (!n)
      return "a number does not end";
    break;
  case PB_FIXED64:
    length = 8;
    break;
  case PB_FIXED32:
    length = 4;
    break;
  case PB_BYTES:
    n = varint(p, left->n, &length);
    if (!n)
      return "a length does not end";
    left->pos += n, left->n -= n;
    break;
  default:
    return "a field of unknown form";
  }
  out->span = (PbSpan){left->pos, (size_t)length};
  if (length > left->n)
    return "it ends behind what it lies in";
  left->pos += (size_t)length, left->n -= (size_t)length;
  if (out->wire == PB_FIXED32 || out->wire == PB_FIXED64)
    out->bits = read_le(p, (size_t)length);
  return NULL;
}

static const PbField *find_field(const PbField *fields, int n,
                                 uint32_t number) {
  for (int i = 0; i < n; i++)
    if (fields[i].number == number)
      return &fields[i];
  return NULL;
}

static bool wire_fits(const PbField *f, PbWire wire) {
  switch (f->kind) {
  case PK_Int:
    return wire == PB_VARINT;
  case PK_Float:
    return wire == PB_FIXED32;
  case PK_Bytes:
  case PK_Spans:
    return wire == PB_BYTES;
  case PK_Nums:
    return wire == f->wire || wire == PB_BYTES;
  }
  return false;
}

static void store(Pb *pb, const PbField *f, const Raw *raw, void *member) {
  switch (f->kind) {
  case PK_Int:
    *(PbInt *)member = (PbInt){true, (int64_t)raw->bits};
    break;
  case PK_Float: {
    uint32_t bits = (uint32_t)raw->bits;
    memcpy(member, &bits, sizeof bits);
    break;
  }
  case PK_Bytes:
    *(PbBytes *)member = raw->span;
    break;
  case PK_Spans:
    ARRAY_PUSH(pb->arena, (PbSpans *)member, raw->span);
    break;
  case PK_Nums: {
    PbNums *nums = member;
    nums->wire = f->wire;
    if (raw->span.n)
      ARRAY_PUSH(pb->arena, nums, raw->span);
    break;
  }
  }
}

bool pb_read(Pb *pb, PbSpan message, const char *what, const PbField *fields,
             int nfield, void *out) {
  while (message.n && !pb->bad) {
    Raw raw = {0};
    size_t at = message.pos;
    const char *why = next_field(pb->data, &message, &raw);
    if (why)
      return pb_corrupt(pb, at, what, "%s", why);
    const PbField *f = find_field(fields, nfield, raw.number);
    if (!f)
      continue;
    if (!wire_fits(f, raw.wire))
      return pb_corrupt(pb, at, f->name, "a field of wire type %d",
                        (int)raw.wire);
    store(pb, f, &raw, (char *)out + f->offset);
  }
  return !pb->bad;
}

bool pb_next(Pb *pb, PbCursor *c, uint64_t *bits) {
  if (pb->bad || c->chunk >= c->nums->n)
    return false;
  PbSpan s = c->nums->v[c->chunk];
  const uint8_t *p = pb->data + s.pos + c->at;
  size_t left = s.n - c->at, n = c->nums->wire == PB_FIXED64 ? 8 : 4;
  if (c->nums->wire == PB_VARINT)
    n = varint(p, left, bits);
  else if (n <= left)
    *bits = read_le(p, n);
  if (!n || n > left)
    return pb_corrupt(pb, s.pos + c->at, "repeated numbers",
                      "the last one is cut off");
  c->at += n;
  if (c->at == s.n) {
    c->at = 0;
    c->chunk++;
  }
  return true;
}

bool pb_looks_like(const uint8_t *data, size_t bytes, const PbField *fields,
                   int nfield) {
  PbSpan left = {0, bytes};
  int known = 0;
  while (left.n) {
    Raw raw = {0};
    const char *why = next_field(data, &left, &raw);
    const PbField *f = find_field(fields, nfield, raw.number);
    if (!f || !wire_fits(f, raw.wire))
      return false;
    known++;
    if (why)
      break;
  }
  return known > 0;
}
