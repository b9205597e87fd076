/* Which form is the smallest, and making it; see packed.h. */
#include "plan/packed.h"

#include <string.h>

#include "plan/packed_groups.h"
#include "plan/sparse.h"

enum {
  CODE_BYTES = 160,    /* of flash that unpacking takes itself, about */
  MOST_TIME_LOST = 25, /* one part of so many, but for size */
};

/* What the image looks like. */
typedef struct Census {
  int16_t code[256]; /* of each byte, -1: does not occur */
  int8_t table[256];
  int distinct;
  int64_t nonzero, count;
} Census;

int64_t packed_source_bytes(const PackSource *w) {
  return w->block_bytes * (w->blocks - 1) + w->last_bytes;
}

static Census census_of(const PackSource *w) {
  Census c = {.count = packed_source_bytes(w)};
  bool there[256] = {false};
  for (int64_t i = 0; i < c.count; i++) {
    there[(uint8_t)w->image[i]] = true;
    c.nonzero += w->image[i] != 0;
  }
  for (int x = INT8_MIN; x <= INT8_MAX; x++) {
    c.code[x & 255] = there[x & 255] ? (int16_t)c.distinct : -1;
    if (there[x & 255])
      c.table[c.distinct++] = (int8_t)x;
  }
  return c;
}

/* Bits of an index; 8: there is no shorter one. */
static int code_bits(const Census *c) {
  return c->distinct <= 2    ? 1
         : c->distinct <= 4  ? 2
         : c->distinct <= 16 ? 4
                             : 8;
}

static int64_t bits_bytes(const PackSource *w, int bits) {
  return (w->block_bytes * bits + 7) / 8 * (w->blocks - 1) +
         (w->last_bytes * bits + 7) / 8;
}

static int64_t codes_bytes(const PackSource *w, int bits) {
  return bits_bytes(w, bits) + (1 << bits);
}

static int64_t mask_bytes(const PackSource *w, const Census *c) {
  return bits_bytes(w, 1) + c->nonzero + 4 * w->blocks;
}

/* ---- making them ---- */

/* `bits` of every byte's code, or whether it is not zero. */
static const Blob *pack_bits(Plan *p, Step *s, const PackSource *w,
                             const Census *c, int bits, bool mask) {
  int64_t row = (w->block_bytes * bits + 7) / 8;
  int64_t bytes = bits_bytes(w, bits);
  uint8_t *to = ARENA_ARRAY(p->arena, uint8_t, bytes);
  for (int64_t i = 0; i < c->count; i++) {
    int64_t at = i % w->block_bytes * bits;
    int x = mask ? w->image[i] != 0 : c->code[(uint8_t)w->image[i]];
    uint8_t *byte = &to[i / w->block_bytes * row + at / 8];
    *byte = (uint8_t)(*byte | x << at % 8);
  }
  return plan_blob(p, s, mask ? "mask" : "codes", to, bytes, 4);
}

static Packed pack_codes(Plan *p, Step *s, const PackSource *w, const Census *c,
                         int bits) {
  int8_t *table = ARENA_ARRAY(p->arena, int8_t, 1 << bits);
  memcpy(table, c->table, (size_t)c->distinct);
  return (Packed){.form = PACK_codes,
                  .bits = bits,
                  .data = pack_bits(p, s, w, c, bits, false),
                  .table = plan_blob(p, s, "codebook", table, 1 << bits, 4)};
}

static Packed pack_mask(Plan *p, Step *s, const PackSource *w,
                        const Census *c) {
  /* one more than there are: the last zeros read a byte, too */
  int8_t *values = ARENA_ARRAY(p->arena, int8_t, c->nonzero + 1);
  uint32_t *starts = ARENA_ARRAY(p->arena, uint32_t, w->blocks);
  int64_t n = 0;
  for (int64_t i = 0; i < c->count; i++) {
    if (i % w->block_bytes == 0)
      starts[i / w->block_bytes] = (uint32_t)n;
    if (w->image[i])
      values[n++] = w->image[i];
  }
  return (Packed){.form = PACK_mask,
                  .data = pack_bits(p, s, w, c, 1, true),
                  .values = plan_blob(p, s, "values", values, n + 1, 1),
                  .starts =
                      plan_blob(p, s, "starts", starts, 4 * w->blocks, 4)};
}

/* ---- choice ---- */

static int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }

static const char *why_plain(const Plan *p, const PackSource *w,
                             const Census *c, int64_t packed) {
  if (packed >= c->count - CODE_BYTES)
    return c->count <= 2 * CODE_BYTES ? "they are few"
                                      : "they have many values, few of them 0";
  if (w->available < 0)
    return "they are read in bands of rows";
  if (w->scratch > w->available)
    return "unpacked they would raise the arena's peak";
  double lost = w->unpacking * (double)c->count;
  if (!p->opt.for_size && lost * (double)MOST_TIME_LOST > w->time)
    return "unpacking takes too long at this level; -Os does it";
  return NULL;
}

static const char *const code_form[] = {
    [1] = "1-bit codes", [2] = "2-bit codes", [4] = "4-bit codes"};

Packed plan_pack(Plan *p, Step *s, const PackSource *w) {
  Census c = census_of(w);
  int bits = code_bits(&c);
  int64_t codes = bits < 8 ? codes_bytes(w, bits) : INT64_MAX;
  bool masks = p->opt.sparse == SPARSE_size ||
               (p->opt.sparse == SPARSE_auto && p->opt.for_size);
  int64_t mask = masks ? mask_bytes(w, &c) : INT64_MAX;
  Arena *scratch = arena_new();
  Groups groups;
  int64_t in_groups = packed_groups_find(scratch, w, &groups);
  int64_t least = min64(min64(codes, mask), in_groups);
  const char *why = c.count ? why_plain(p, w, &c, least) : "there are none";
  s->weights.zeros = c.count ? 1 - (double)c.nonzero / (double)c.count : 0;
  Packed packed = {.form = PACK_none};
  if (why)
    sparse_stays_plain(p, s, why, c.count);
  else
    packed = least == codes  ? pack_codes(p, s, w, &c, bits)
             : least == mask ? pack_mask(p, s, w, &c)
                             : packed_groups_make(p, s, w, &groups);
  arena_free(scratch);
  if (why)
    return packed;
  packed.block_bytes = w->block_bytes;
  packed.blocks = w->blocks;
  packed.last_bytes = w->last_bytes;
  s->weights.form = packed.form == PACK_mask     ? "mask"
                    : packed.form == PACK_groups ? "4-bit groups"
                                                 : code_form[bits];
  s->weights.remark = NULL;
  s->weights.bytes = least;
  return packed;
}

/* ---- the arena ---- */

static int64_t max64(int64_t a, int64_t b) { return a > b ? a : b; }

/* Bytes that live while step i runs; `least`: as few as with the largest of
 * its operands lying over its output. */
static int64_t live_bytes(const Plan *p, int i, bool least) {
  int64_t sum = 0, first = 0, made = 0;
  for (int k = 0; k < p->buffers.n; k++) {
    const Buffer *b = p->buffers.v[k];
    bool lives = b->place == PLACE_arena && !b->base && b->first >= 0 &&
                 b->first <= i && i <= b->last;
    if (!lives)
      continue;
    sum += b->bytes;
    if (b->last == i && b->first < i)
      first = max64(first, b->bytes);
    if (b->first == i)
      made = max64(made, b->bytes);
  }
  return least ? sum - (first < made ? first : made) : sum;
}

int64_t arena_spare(Plan *p, const Step *s) {
  int64_t peak = 0;
  for (int i = 0; !p->least_peak && i < p->steps.n; i++)
    peak = max64(peak, live_bytes(p, i, true));
  if (!p->least_peak)
    p->least_peak = peak;
  return p->least_peak - live_bytes(p, s->index, false);
}
