/* Whether lists pay, and making them; see sparse.h. */
#include "plan/sparse.h"

/* What lists would come to. */
typedef struct Size {
  int64_t nonzero, groups, segments;
  bool fits; /* every value a signed byte */
} Size;

static int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }

static int64_t groups_for(int64_t entries) {
  return (entries + SPARSE_GROUP - 1) / SPARSE_GROUP;
}

static int64_t segment_end(const SparseWeights *w, int64_t segment) {
  return min64((segment + 1) * SPARSE_SEGMENT, w->window);
}

static int64_t count_entries(const SparseWeights *w, int64_t output,
                             int64_t segment) {
  int64_t n = 0;
  for (int64_t k = segment * SPARSE_SEGMENT; k < segment_end(w, segment); k++)
    n += w->w[output * w->window + k] != 0;
  return n;
}

static Size size_of(const SparseWeights *w) {
  Size z = {.segments = (w->window + SPARSE_SEGMENT - 1) / SPARSE_SEGMENT,
            .fits = true};
  for (int64_t i = 0; i < w->outputs * w->window; i++)
    z.fits = z.fits && w->w[i] >= INT8_MIN && w->w[i] <= INT8_MAX;
  for (int64_t o = 0; o < w->outputs; o++)
    for (int64_t s = 0; s < z.segments; s++) {
      int64_t n = count_entries(w, o, s);
      z.nonzero += n;
      z.groups += groups_for(n);
    }
  return z;
}

static int64_t listed_bytes(const SparseWeights *w, const Size *z) {
  return w->outputs * z->segments + SPARSE_GROUP_BYTES * z->groups;
}

static double dense_time(const SparseWeights *w) {
  return (double)(w->outputs * w->window) * w->cost.element;
}

static double listed_time(const SparseWeights *w, const Size *z) {
  return (double)(z->groups * SPARSE_GROUP) * w->cost.entry +
         (double)(w->outputs * z->segments) * w->cost.segment;
}

/* NULL: lists are made. */
static const char *why_dense(const Plan *p, const SparseWeights *w,
                             const Size *z) {
  bool smaller = listed_bytes(w, z) < w->dense_bytes;
  bool faster = listed_time(w, z) < dense_time(w);
  if (!z->nonzero)
    return "all weights are zero";
  if (!z->fits)
    return "a weight less its zero point is no signed byte";
  switch (p->opt.sparse) {
  case SPARSE_off:
    return "--sparse=off";
  case SPARSE_size:
    return smaller ? NULL : "too few weights are zero for a smaller list";
  case SPARSE_speed:
    return faster ? NULL : "too few weights are zero to skip them faster";
  case SPARSE_auto:
    break;
  }
  if (p->opt.for_size ? smaller : faster && smaller)
    return NULL;
  return p->opt.for_size ? "too few weights are zero for a smaller list"
                         : "too few weights are zero to skip them faster";
}

/* The list of one output's segment at `to`; its groups. */
static int64_t list_segment(const SparseWeights *w, int64_t output,
                            int64_t segment, uint8_t *to) {
  int64_t first = segment * SPARSE_SEGMENT, n = 0;
  for (int64_t k = first; k < segment_end(w, segment); k++) {
    int16_t x = w->w[output * w->window + k];
    if (!x)
      continue;
    uint8_t *group = to + n / SPARSE_GROUP * SPARSE_GROUP_BYTES;
    group[n % SPARSE_GROUP] = (uint8_t)(k - first);
    group[n % SPARSE_GROUP + SPARSE_GROUP] = (uint8_t)x;
    n++;
  }
  return groups_for(n);
}

static SparseLists make_lists(Plan *p, Step *s, const SparseWeights *w,
                              const Size *z) {
  int64_t lists = w->outputs * z->segments, at = 0;
  int64_t bytes = z->groups * SPARSE_GROUP_BYTES;
  uint8_t *counts = ARENA_ARRAY(p->arena, uint8_t, lists);
  uint8_t *groups = ARENA_ARRAY(p->arena, uint8_t, bytes);
  for (int64_t i = 0; i < lists; i++) {
    counts[i] = (uint8_t)list_segment(w, i / z->segments, i % z->segments,
                                      groups + at * SPARSE_GROUP_BYTES);
    at += counts[i];
  }
  return (SparseLists){.counts = plan_blob(p, s, "counts", counts, lists, 1),
                       .groups = plan_blob(p, s, "groups", groups, bytes, 4),
                       .segments = z->segments};
}

void sparse_stays_plain(Plan *p, Step *s, const char *why, int64_t bytes) {
  const char *before = s->weights.remark;
  s->weights.form = "plain";
  s->weights.remark =
      before ? arena_printf(p->arena, "%s; %s", before, why) : why;
  s->weights.bytes = bytes;
}

bool sparse_is_fast(const Plan *p) {
  return p->opt.sparse == SPARSE_speed ||
         (p->opt.sparse == SPARSE_auto && !p->opt.for_size);
}

SparseLists sparse_lists(Plan *p, Step *s, const SparseWeights *w) {
  Size z = size_of(w);
  int64_t all = w->outputs * w->window;
  const char *why = why_dense(p, w, &z);
  s->weights.zeros = all ? 1 - (double)z.nonzero / (double)all : 0;
  if (why) {
    sparse_stays_plain(p, s, why, w->dense_bytes);
    return (SparseLists){.segments = 0};
  }
  s->weights.form = "lists";
  s->weights.remark = NULL;
  s->weights.bytes = listed_bytes(w, &z);
  return make_lists(p, s, w, &z);
}
