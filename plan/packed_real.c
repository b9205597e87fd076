/* Floats whose low bits are all zero, in 16 bits; see packed.h. */
#include <math.h>
#include <string.h>

#include "ir/element.h"
#include "plan/packed.h"
#include "plan/sparse.h"

enum { CODE_BYTES = 160, MOST_TIME_LOST = 25 }; /* as of bytes */

static uint32_t bits_of(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

/* Is x the same as f16? Of cores that take subnormals for zero, only where it
 * is none there. */
static bool is_f16(float x, bool flushes) {
  uint64_t half = element_from_double(DT_f16, (double)x);
  bool normal = x == 0 || fabsf(x) >= 0x1p-14f;
  float back = (float)element_to_double(DT_f16, half);
  return isfinite(x) && bits_of(back) == bits_of(x) && (normal || !flushes);
}

static PackForm form_of(const float *image, int64_t n, bool flushes) {
  bool f16 = true, bf16 = true;
  for (int64_t i = 0; i < n && (f16 || bf16); i++) {
    bf16 = bf16 && !(bits_of(image[i]) & 0xffff);
    f16 = f16 && is_f16(image[i], flushes);
  }
  return bf16 ? PACK_bf16 : f16 ? PACK_f16 : PACK_none;
}

static const char *why_plain(const Plan *p, const PackSource *w, PackForm f,
                             int64_t n) {
  if (w->available < 0)
    return "they are read in groups";
  if (!f)
    return "they are no 16-bit floats";
  if (2 * n <= CODE_BYTES)
    return "they are few";
  if (!p->opt.for_size && w->unpacking * (double)(n * MOST_TIME_LOST) > w->time)
    return "unpacking takes too long at this level; -Os does it";
  return NULL;
}

Packed plan_pack_real(Plan *p, Step *s, const PackSource *w) {
  const float *image = (const float *)(const void *)w->image;
  int64_t n = w->block_bytes / 4 * w->blocks;
  PackForm form = form_of(image, n, p->target->flushes);
  const char *why = why_plain(p, w, form, n);
  if (why) {
    sparse_stays_plain(p, s, why, 4 * n);
    return (Packed){.form = PACK_none};
  }
  uint16_t *to = ARENA_ARRAY(p->arena, uint16_t, n);
  for (int64_t i = 0; i < n; i++)
    to[i] = (uint16_t)(form == PACK_bf16
                           ? bits_of(image[i]) >> 16
                           : element_from_double(DT_f16, (double)image[i]));
  s->weights.form = form == PACK_bf16 ? "bf16" : "f16";
  s->weights.bytes = 2 * n;
  return (Packed){.form = form,
                  .block_bytes = w->block_bytes,
                  .blocks = w->blocks,
                  .last_bytes = w->block_bytes,
                  .data = plan_blob(p, s, "halves", to, 2 * n, 4)};
}
