/* See packed_groups.h. A group's bytes are all multiples of some m up to 16 of
 * integers from -8 to 7; which, is looked for among the bytes themselves: what
 * the model called them does not matter. */
#include "plan/packed_groups.h"

enum { MOST_MULTIPLE = 16, LARGEST = 128, SMALLEST = 8 };

/* Which multiple byte `at` of the image has. */
static int64_t multiple_of(const Weave *v, int64_t rows, int64_t at) {
  int64_t row = v->run * v->runs, run = at % row / v->run;
  return (at / (row * rows) * v->runs + run) * v->slots + v->slot[at % v->run];
}

/* Keeps those of the bits m - 1 of `fit` whose multiples x is one of. */
static uint16_t fitting(uint16_t fit, int x) {
  for (int m = 1; m <= MOST_MULTIPLE; m++)
    if (x % m || x / m < -8 || x / m > 7)
      fit = (uint16_t)(fit & ~(1u << (m - 1)));
  return fit;
}

/* Groups of `rows` rows; false: there are other bytes. */
static bool try_rows(Arena *a, const PackSource *w, int64_t rows, Groups *out) {
  const Weave *v = &w->weave;
  int64_t n = packed_source_bytes(w), each = v->run * v->runs * rows;
  *out = (Groups){rows, n / each * v->runs * v->slots, NULL};
  uint16_t *fit = ARENA_ARRAY(a, uint16_t, out->count);
  for (int64_t i = 0; i < out->count; i++)
    fit[i] = UINT16_MAX;
  for (int64_t i = 0; i < n; i++) {
    int64_t k = multiple_of(v, rows, i);
    fit[k] = fitting(fit[k], w->image[i]);
    if (!fit[k])
      return false;
  }
  out->multiple = ARENA_ARRAY(a, uint8_t, out->count);
  for (int64_t i = 0; i < out->count; i++)
    out->multiple[i] = (uint8_t)(1 + __builtin_ctz(fit[i]));
  return true;
}

int64_t packed_groups_find(Arena *a, const PackSource *w, Groups *out) {
  const Weave *v = &w->weave;
  if (!v->run || !w->blocks)
    return INT64_MAX;
  for (int64_t size = LARGEST; size >= SMALLEST; size /= 2) {
    int64_t rows = size / v->depth;
    bool whole = size % v->depth == 0 && v->inputs % size == 0 &&
                 w->block_bytes % (v->run * v->runs * rows) == 0 &&
                 w->last_bytes % (v->run * v->runs * rows) == 0;
    if (whole && try_rows(a, w, rows, out))
      return packed_source_bytes(w) / 2 + (out->count + 1) / 2;
  }
  return INT64_MAX;
}

static void put_nibble(uint8_t *to, int64_t at, int x) {
  to[at / 2] = (uint8_t)(to[at / 2] | (x & 15) << at % 2 * 4);
}

Packed packed_groups_make(Plan *p, Step *s, const PackSource *w,
                          const Groups *z) {
  int64_t n = packed_source_bytes(w);
  uint8_t *code = ARENA_ARRAY(p->arena, uint8_t, n / 2);
  uint8_t *multiple = ARENA_ARRAY(p->arena, uint8_t, (z->count + 1) / 2);
  for (int64_t i = 0; i < n; i++) {
    int64_t k = multiple_of(&w->weave, z->rows, i);
    put_nibble(code, i, w->image[i] / z->multiple[k] + 8);
  }
  for (int64_t i = 0; i < z->count; i++)
    put_nibble(multiple, i, z->multiple[i] - 1);
  return (Packed){
      .form = PACK_groups,
      .bits = 4,
      .weave = w->weave,
      .rows = z->rows,
      .data = plan_blob(p, s, "codes", code, n / 2, 4),
      .values = plan_blob(p, s, "multiples", multiple, (z->count + 1) / 2, 1)};
}
