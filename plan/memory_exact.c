/* The lower bound of a memory plan, and the exhaustive search that meets or
 * beats the greedy orders when there are few blocks. */
#include <string.h>

#include "plan/memory_solver.h"

static int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t max64(int64_t a, int64_t b) { return a > b ? a : b; }

static bool live_at(const Solver *s, int x, int t) {
  return s->block[x].bytes > 0 && s->block[x].first <= t &&
         t <= s->block[x].last;
}

/* The inputs that one output may overlap at its step. */
typedef struct Partners {
  int64_t distance[8], bytes[8]; /* ascending distance */
  int n;
  int64_t rest; /* of partners beyond the array */
} Partners;

static void partner_add(Partners *p, int64_t distance, int64_t bytes) {
  if (p->n == 8) {
    p->rest += bytes;
    return;
  }
  int i = p->n++;
  for (; i > 0 && p->distance[i - 1] > distance; i--) {
    p->distance[i] = p->distance[i - 1];
    p->bytes[i] = p->bytes[i - 1];
  }
  p->distance[i] = distance;
  p->bytes[i] = bytes;
}

/* Least extent of an output of `out` bytes and its partners: those of a set
 * stand on one another over the output's start, in order of distance, the
 * others beside it. */
static int64_t partners_extent(const Solver *s, const Partners *p,
                               int64_t out) {
  int64_t least = INT64_MAX;
  for (unsigned set = 0; set < 1u << p->n; set++) {
    int64_t top = 0, beside = 0;
    for (int i = 0; i < p->n; i++) {
      if (set >> i & 1)
        top = max64(top, memory_align(s, p->distance[i])) + p->bytes[i];
      else
        beside += p->bytes[i];
    }
    least = min64(least, max64(out, top) + beside);
  }
  return p->rest ? max64(least, p->rest) : least;
}

/* Sizes are rounded up to the alignment, but for the block on top, which may
 * be the one that loses most by it. An output's partners are counted with
 * it; two outputs never share partners here, because only steps with one
 * output have any. */
int64_t memory_step_bound(const Solver *s, int t) {
  int64_t sum = 0, most_padding = 0;
  for (int x = 0; x < s->n; x++) {
    if (!live_at(s, x, t))
      continue;
    int64_t bytes = memory_align(s, s->block[x].bytes);
    most_padding = max64(most_padding, bytes - s->block[x].bytes);
    sum += bytes;
    if (s->block[x].first != t || s->of_out[x] < 0)
      continue;
    Partners p = {.n = 0};
    int64_t apart = bytes;
    for (int y = 0; y < s->n; y++) {
      int64_t d = live_at(s, y, t) ? memory_distance(s, y, x) : INT64_MAX;
      if (d == INT64_MAX)
        continue;
      int64_t in = memory_align(s, s->block[y].bytes);
      partner_add(&p, d, in);
      apart += in;
    }
    sum -= apart - partners_extent(s, &p, bytes);
  }
  return sum - most_padding;
}

/* The search state. Blocks are placed with ascending starts, so that what is
 * unplaced at a step has to stand on top of what is placed there, or overlap
 * it as an in-place pair by at most `saving`. */
typedef struct Exact {
  Solver *s;
  int placed[MEMORY_EXACT_BLOCKS];
  int nplaced;
  bool done[MEMORY_EXACT_BLOCKS];
  int time[MEMORY_EXACT_BLOCKS]; /* steps at which some block begins */
  int ntime;
  int64_t saving[MEMORY_EXACT_BLOCKS]; /* by time */
  int tries_left;
} Exact;

static void find_times(Exact *e) {
  for (int x = 0; x < e->s->n; x++) {
    int t = e->s->block[x].first, i = 0;
    while (i < e->ntime && e->time[i] != t)
      i++;
    if (i == e->ntime)
      e->time[e->ntime++] = t;
  }
}

static void find_savings(Exact *e) {
  const Solver *s = e->s;
  for (int i = 0; i < e->ntime; i++)
    for (int out = 0; out < s->n; out++) {
      int64_t ins = 0;
      if (s->block[out].first != e->time[i])
        continue;
      for (int in = 0; in < s->n; in++)
        if (memory_distance(s, in, out) != INT64_MAX)
          ins += s->block[in].bytes;
      e->saving[i] += min64(ins, s->block[out].bytes);
    }
}

/* Can no completion be smaller than the best so far? */
static bool hopeless(const Exact *e) {
  const Solver *s = e->s;
  for (int i = 0; i < e->ntime; i++) {
    int64_t top = 0, above = 0;
    for (int x = 0; x < s->n; x++) {
      if (!live_at(s, x, e->time[i]))
        continue;
      if (e->done[x])
        top = max64(top, s->offset[x] + s->block[x].bytes);
      else
        above += s->block[x].bytes;
    }
    if (above > 0 && top + above - e->saving[i] >= s->best_bytes)
      return true;
  }
  return false;
}

/* Next block to try: the unplaced one with the lowest start after
 * (start, x); -1 when there is none. */
static int next_choice(const Exact *e, const int64_t *start, int after) {
  int best = -1;
  for (int x = 0; x < e->s->n; x++) {
    bool later = after < 0 || start[x] > start[after] ||
                 (start[x] == start[after] && x > after);
    if (!e->done[x] && later && (best < 0 || start[x] < start[best]))
      best = x;
  }
  return best;
}

static void extend(Exact *e, int64_t from, int64_t bytes) {
  Solver *s = e->s;
  int64_t start[MEMORY_EXACT_BLOCKS];
  if (e->nplaced == s->n) {
    memory_keep(s, bytes);
    return;
  }
  if (--e->tries_left < 0 || s->best_bytes == s->bound || hopeless(e))
    return;
  for (int x = 0; x < s->n; x++) {
    if (e->done[x])
      continue;
    start[x] = memory_lowest(s, x, e->placed, e->nplaced, from);
    if (start[x] + s->block[x].bytes >= s->best_bytes)
      return;
  }
  for (int x = -1; (x = next_choice(e, start, x)) >= 0;) {
    s->offset[x] = start[x];
    e->placed[e->nplaced++] = x;
    e->done[x] = true;
    extend(e, start[x], max64(bytes, start[x] + s->block[x].bytes));
    e->done[x] = false;
    e->nplaced--;
  }
}

bool memory_exact(Solver *s) {
  Exact e = {.s = s, .tries_left = 20000};
  find_times(&e);
  find_savings(&e);
  extend(&e, 0, 0);
  return e.tries_left >= 0;
}
