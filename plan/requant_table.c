/* See requant_table.h. Tables that are the same for every channel become
 * constants of the code: `uniform` in the plan is channels == 1. */
#include "plan/requant_table.h"

#include <string.h>

/* The table being made: entry i is for channel order[i], or without an order
 * for i; past the last channel for that one. */
typedef struct Maker {
  Plan *plan;
  Step *step;
  int channels, entries;
  const int32_t *order;
} Maker;

/* The channel of entry i. */
static int channel_of(const Maker *m, int i) {
  int c = m->order ? m->order[i] : i;
  return c < m->channels ? c : m->channels - 1;
}

static const Blob *table(const Maker *m, const char *what, const void *data,
                         size_t entry) {
  if (!data)
    return NULL;
  size_t bytes = entry * (size_t)m->entries;
  unsigned char *image = arena_alloc(m->plan->arena, bytes);
  for (int i = 0; i < m->entries; i++) {
    size_t c = (size_t)channel_of(m, i);
    memcpy(image + entry * (size_t)i, (const unsigned char *)data + entry * c,
           entry);
  }
  return plan_blob(m->plan, m->step, what, image, (int64_t)bytes,
                   m->plan->target->simd_align);
}

static const Blob *high_table(const Maker *m, const RequantPlan *rp) {
  int32_t *pair = ARENA_ARRAY(m->plan->arena, int32_t, 2 * rp->channels);
  for (int c = 0; c < rp->channels; c++) {
    pair[2 * c] = rp->multiplier[c];
    pair[2 * c + 1] = rp->add[c] * (1 << (c % 2 ? rp->odd_up : 0));
  }
  return table(m, "high", pair, 2 * sizeof(int32_t));
}

/* Vector v's patch i of every lane; false: it has no such. */
static bool vector_patches(const Maker *m, const RequantPlan *rp, int lanes,
                           int v, int i, int32_t *out) {
  bool any = false;
  for (int l = 0; l < lanes; l++) {
    out[l] = i < rp->patches ? rp->patch[i][channel_of(m, v * lanes + l)] : 0;
    any |= out[l] != 0;
  }
  return any;
}

static void list_patches(const Maker *m, const RequantPlan *rp, int lanes,
                         RequantTables *t) {
  int vectors = m->entries / lanes, n = 0;
  size_t most = (size_t)m->entries * (size_t)(rp->patches + 1);
  int32_t *list = ARENA_ARRAY(m->plan->arena, int32_t, most);
  int32_t *at = ARENA_ARRAY(m->plan->arena, int32_t, vectors + 1);
  for (int v = 0; v < vectors; v++) {
    for (int i = 0; vector_patches(m, rp, lanes, v, i, list + n * lanes); i++)
      n++;
    at[v + 1] = n;
  }
  if (!n)
    return;
  t->list = plan_blob(m->plan, m->step, "patches", list, 4LL * n * lanes,
                      m->plan->target->simd_align);
  t->list_at =
      plan_blob(m->plan, m->step, "patches_at", at, 4LL * (vectors + 1), 4);
}

static void bits_tables(const Maker *m, const RequantPlan *rp, int lanes,
                        RequantTables *t) {
  t->split = table(m, "split", rp->split, sizeof(int32_t));
  t->below = table(m, "below", rp->below, sizeof(int32_t));
  t->turn = table(m, "turn", rp->turn, sizeof(int32_t));
  if (rp->listed) {
    list_patches(m, rp, lanes, t);
    return;
  }
  static const char *const patch[] = {"patch0", "patch1", "patch2", "patch3"};
  for (int i = 0; i < rp->patches; i++)
    t->patch[i] = table(m, patch[i], rp->patch[i], sizeof(int32_t));
}

RequantTables requant_tables_ordered(Plan *p, Step *s, const RequantPlan *rp,
                                     int entries, const int32_t *order,
                                     int lanes) {
  Maker m = {p, s, rp->channels, entries, order};
  RequantTables t = {0};
  if (rp->form == RF_table) {
    size_t row = sizeof(int32_t) * (size_t)(rp->hi - rp->lo);
    if (rp->channels == 1)
      m.entries = 1;
    t.threshold = row ? table(&m, "thresholds", rp->threshold, row) : NULL;
    return t;
  }
  if (rp->channels == 1)
    return t;
  if (rp->form == RF_high) {
    t.high = high_table(&m, rp);
    return t;
  }
  if (rp->form == RF_bits)
    bits_tables(&m, rp, lanes, &t);
  bool f32 = rp->form == RF_bits || rp->form == RF_f32 || rp->form == RF_even;
  bool single = rp->form == RF_single;
  t.a = table(&m, "a", f32 ? rp->a : NULL, sizeof(float));
  t.b = table(&m, "b", f32 ? rp->b : NULL, sizeof(float));
  t.multiplier =
      table(&m, "multiplier", f32 ? NULL : rp->multiplier, sizeof(int32_t));
  t.shift =
      table(&m, "shift", f32 || single ? NULL : rp->shift, sizeof(int32_t));
  t.offset = table(&m, "offset", single ? rp->offset : NULL, sizeof(int64_t));
  return t;
}

RequantTables requant_tables(Plan *p, Step *s, const RequantPlan *rp,
                             int padded) {
  return requant_tables_ordered(p, s, rp, padded, NULL, 1);
}
