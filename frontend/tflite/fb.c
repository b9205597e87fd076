#include "frontend/tflite/fb.h"

#include <assert.h>
#include <stdarg.h>
#include <string.h>

enum { VTABLE_HEADER = 4 }; /* its own size and the table's size, 16 bits */

bool fb_corrupt(Fb *fb, size_t at, const char *what, const char *fmt, ...) {
  if (fb->bad)
    return false;
  fb->bad = true;
  char why[256];
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(why, sizeof why, fmt, ap);
  va_end(ap);
  return diag_error(fb->diag, E0102, (Loc){.file = fb->file},
                    "reading %s at byte %zu: %s", what, at, why);
}

/* n little-endian bytes; the caller has checked them. */
static uint64_t read_le(const Fb *fb, size_t pos, size_t n) {
  uint64_t x = 0;
  for (size_t i = 0; i < n; i++)
    x |= (uint64_t)fb->data[pos + i] << (8 * i);
  return x;
}

static bool in_file(const Fb *fb, size_t pos, uint64_t n) {
  return pos <= fb->bytes && n <= fb->bytes - pos;
}

static bool need(Fb *fb, size_t pos, uint64_t n, const char *what) {
  if (in_file(fb, pos, n))
    return true;
  return fb_corrupt(fb, pos, what,
                    "%llu bytes needed, the file ends at byte %zu",
                    (unsigned long long)n, fb->bytes);
}

static bool check_vtable(Fb *fb, FbTable *t, const char *what) {
  if (!need(fb, t->vtable, VTABLE_HEADER, what))
    return false;
  t->vtable_bytes = read_le(fb, t->vtable, 2);
  t->table_bytes = read_le(fb, t->vtable + 2, 2);
  if (t->vtable_bytes < VTABLE_HEADER || t->vtable_bytes % 2)
    return fb_corrupt(fb, t->vtable, what, "a vtable of %zu bytes",
                      t->vtable_bytes);
  if (t->table_bytes < 4)
    return fb_corrupt(fb, t->vtable, what, "a table of %zu bytes",
                      t->table_bytes);
  return need(fb, t->vtable, t->vtable_bytes, what) &&
         need(fb, t->pos, t->table_bytes, what);
}

static FbTable table_at(Fb *fb, size_t pos, const char *what) {
  FbTable none = {0}, t = {.pos = pos};
  if (fb->bad || !need(fb, pos, 4, what))
    return none;
  int64_t back = (int32_t)(uint32_t)read_le(fb, pos, 4);
  int64_t vtable = (int64_t)pos - back;
  if (vtable < 0 || (uint64_t)vtable > fb->bytes) {
    fb_corrupt(fb, pos, what, "its vtable is outside of the file");
    return none;
  }
  t.vtable = (size_t)vtable;
  return check_vtable(fb, &t, what) ? t : none;
}

/* Follows the 32-bit offset at pos, which lies in the file. 0: reported. */
static size_t follow(Fb *fb, size_t pos, const char *what) {
  uint64_t offset = read_le(fb, pos, 4);
  if (offset < 4 || !in_file(fb, pos, offset + 4)) {
    fb_corrupt(fb, pos, what, "offset %llu leads out of the file",
               (unsigned long long)offset);
    return 0;
  }
  return pos + (size_t)offset;
}

FbTable fb_root(Fb *fb, const char *what) {
  size_t pos = need(fb, 0, 8, what) ? follow(fb, 0, what) : 0;
  return pos ? table_at(fb, pos, what) : (FbTable){0};
}

/* Where the n bytes of a field are; 0: absent, or reported. */
static size_t field_at(Fb *fb, FbTable t, const FbField *f, size_t n) {
  size_t slot = VTABLE_HEADER + 2 * (size_t)f->number;
  if (fb->bad || !t.pos || slot + 2 > t.vtable_bytes)
    return 0;
  size_t offset = read_le(fb, t.vtable + slot, 2);
  if (!offset)
    return 0;
  if (offset >= 4 && offset + n <= t.table_bytes)
    return t.pos + offset;
  fb_corrupt(fb, t.vtable + slot, f->name,
             "field at byte %zu of a table of %zu bytes", offset,
             t.table_bytes);
  return 0;
}

static uint64_t scalar(Fb *fb, FbTable t, const FbField *f, size_t n,
                       uint64_t absent) {
  size_t pos = field_at(fb, t, f, n);
  return pos ? read_le(fb, pos, n) : absent;
}

bool fb_has(Fb *fb, FbTable t, const FbField *f) {
  return field_at(fb, t, f, 1) != 0;
}

bool fb_bool(Fb *fb, FbTable t, const FbField *f) {
  return scalar(fb, t, f, 1, 0) != 0;
}

int fb_i8(Fb *fb, FbTable t, const FbField *f) {
  return (int8_t)(uint8_t)scalar(fb, t, f, 1, 0);
}

unsigned fb_u8(Fb *fb, FbTable t, const FbField *f) {
  return (unsigned)scalar(fb, t, f, 1, 0);
}

int32_t fb_i32(Fb *fb, FbTable t, const FbField *f, int32_t absent) {
  return (int32_t)(uint32_t)scalar(fb, t, f, 4, (uint32_t)absent);
}

uint32_t fb_u32(Fb *fb, FbTable t, const FbField *f) {
  return (uint32_t)scalar(fb, t, f, 4, 0);
}

uint64_t fb_u64(Fb *fb, FbTable t, const FbField *f) {
  return scalar(fb, t, f, 8, 0);
}

static float float_of_bits(uint64_t bits) {
  uint32_t u = (uint32_t)bits;
  float x;
  memcpy(&x, &u, sizeof x);
  return x;
}

float fb_f32(Fb *fb, FbTable t, const FbField *f) {
  return float_of_bits(scalar(fb, t, f, 4, 0));
}

FbTable fb_table(Fb *fb, FbTable t, const FbField *f) {
  size_t pos = field_at(fb, t, f, 4);
  size_t at = pos ? follow(fb, pos, f->name) : 0;
  return at ? table_at(fb, at, f->name) : (FbTable){0};
}

FbVec fb_vec(Fb *fb, FbTable t, const FbField *f, size_t elem_bytes) {
  size_t pos = field_at(fb, t, f, 4);
  size_t at = pos ? follow(fb, pos, f->name) : 0;
  if (!at)
    return (FbVec){0};
  uint64_t n = read_le(fb, at, 4);
  if (!need(fb, at + 4, n * elem_bytes, f->name))
    return (FbVec){0};
  return (FbVec){.pos = at + 4, .n = (size_t)n};
}

FbTable fb_vec_table(Fb *fb, FbVec v, size_t i, const FbField *f) {
  assert(i < v.n);
  size_t at = fb->bad ? 0 : follow(fb, v.pos + 4 * i, f->name);
  return at ? table_at(fb, at, f->name) : (FbTable){0};
}

int32_t fb_vec_i32(const Fb *fb, FbVec v, size_t i) {
  assert(i < v.n);
  return (int32_t)(uint32_t)read_le(fb, v.pos + 4 * i, 4);
}

int64_t fb_vec_i64(const Fb *fb, FbVec v, size_t i) {
  assert(i < v.n);
  return (int64_t)read_le(fb, v.pos + 8 * i, 8);
}

float fb_vec_f32(const Fb *fb, FbVec v, size_t i) {
  assert(i < v.n);
  return float_of_bits(read_le(fb, v.pos + 4 * i, 4));
}
