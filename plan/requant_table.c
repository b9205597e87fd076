/* See requant_table.h. Tables that are the same for every channel become
 * constants of the code: `uniform` in the plan is channels == 1. */
#include "plan/requant_table.h"

#include <string.h>

static const Blob *table(Plan *p, Step *s, const char *what, const void *data,
                         size_t entry, int n, int padded) {
  if (!data)
    return NULL;
  unsigned char *image = arena_alloc(p->arena, entry * (size_t)padded);
  memcpy(image, data, entry * (size_t)n);
  for (int c = n; c < padded; c++)
    memcpy(image + entry * (size_t)c, image + entry * (size_t)(n - 1), entry);
  return plan_blob(p, s, what, image, (int64_t)entry * padded,
                   p->target->simd_align);
}

RequantTables requant_tables(Plan *p, Step *s, const RequantPlan *rp,
                             int padded) {
  int n = rp->channels;
  RequantTables t = {0};
  if (rp->form == RF_table) {
    size_t row = sizeof(int32_t) * (size_t)(rp->hi - rp->lo);
    if (row)
      t.threshold = table(p, s, "thresholds", rp->threshold, row, n, padded);
    return t;
  }
  if (n == 1)
    return t;
  bool f32 = rp->form == RF_f32, single = rp->form == RF_single;
  t.a = table(p, s, "a", f32 ? rp->a : NULL, sizeof(float), n, padded);
  t.b = table(p, s, "b", f32 ? rp->b : NULL, sizeof(float), n, padded);
  t.multiplier = table(p, s, "multiplier", f32 ? NULL : rp->multiplier,
                       sizeof(int32_t), n, padded);
  t.shift = table(p, s, "shift", f32 || single ? NULL : rp->shift,
                  sizeof(int32_t), n, padded);
  t.offset = table(p, s, "offset", single ? rp->offset : NULL, sizeof(int64_t),
                   n, padded);
  return t;
}
