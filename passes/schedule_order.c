/* Least peak of live bytes over the orders of a few hundred ops.
 *
 * What can still happen depends on the set of ops done, not on their order:
 * that set fixes which blocks are live. So states are sets, and of all ways
 * to one set the least peak is kept: dynamic programming, from sets of n ops
 * to sets of n + 1. A set that has cost as much as the best order known leads
 * nowhere. An op that frees at least what it makes, at no new peak, is done at
 * once: whatever comes before it in some order can come after it too, with no
 * more bytes live.
 *
 * Where a level holds too many sets, those of the least peak and the fewest
 * live bytes go on. The least peak among those dropped bounds what was
 * missed; with none dropped, the order is the best one there is. */
#include "passes/schedule.h"

#include <stdlib.h>
#include <string.h>

typedef struct State State;
struct State {
  const State *from; /* NULL: nothing done */
  int op;            /* done last */
  int seq;           /* in order of making, for a total order */
  int ndone, words;
  int64_t live, peak;
  int64_t area;    /* live bytes, summed over the ops done */
  uint64_t done[]; /* (words) a set of ops */
};

typedef ARRAY(State *) Level;

typedef struct Search {
  Arena *arena;
  const Schedule *s;
  int words;
  uint64_t **before;  /* by op: what has to be done first */
  uint64_t **readers; /* by block */
  Level *level;       /* by number of ops done */
  int width, made;
  int64_t best, dropped; /* peaks */
  int64_t best_area;     /* 0: of the given order, which wins all ties */
  const State *last;     /* of the best order; NULL: the given one */
} Search;

static int64_t max64(int64_t a, int64_t b) { return a > b ? a : b; }
static int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }

static bool has(const uint64_t *set, int i) {
  return set[i / 64] >> (i % 64) & 1;
}

static void put(uint64_t *set, int i) {
  set[i / 64] |= UINT64_C(1) << (i % 64);
}

/* Is all of a in b, or x? */
static bool within(const Search *z, const uint64_t *a, const uint64_t *b,
                   int x) {
  for (int w = 0; w < z->words; w++) {
    uint64_t missing = a[w] & ~b[w];
    if (x >= 0 && w == x / 64)
      missing &= ~(UINT64_C(1) << (x % 64));
    if (missing)
      return false;
  }
  return true;
}

/* What doing op x after `done` costs. */
typedef struct Cost {
  int64_t during, after; /* live bytes, more than before */
} Cost;

/* The block's bytes if x is the last to read it. */
static int64_t frees(const Search *z, const uint64_t *done, int x, int b) {
  const ScheduleBlock *k = &z->s->block[b];
  return !k->live_out && within(z, z->readers[b], done, x) ? k->bytes : 0;
}

static Cost cost_of(const Search *z, const uint64_t *done, int x) {
  const ScheduleOp *op = &z->s->op[x];
  int64_t made = 0, freed = 0, covered = 0;
  for (int i = 0; i < op->makes.n; i++) {
    made += z->s->block[op->makes.v[i]].bytes;
    freed += frees(z, done, -1, op->makes.v[i]); /* nobody reads it */
  }
  for (int i = 0; i < op->reads.n; i++)
    freed += frees(z, done, x, op->reads.v[i]);
  for (int i = 0; i < op->over.n; i++)
    covered = max64(covered, frees(z, done, x, op->over.v[i]));
  return (Cost){made - min64(made, covered), made - freed};
}

static bool is_ready(const Search *z, const State *t, int x) {
  return !has(t->done, x) && within(z, z->before[x], t->done, -1);
}

static State *state_after(Search *z, const State *t, int x, Cost c) {
  size_t set = (size_t)z->words * sizeof t->done[0];
  State *n = arena_alloc(z->arena, sizeof *n + set);
  memcpy(n->done, t->done, set);
  put(n->done, x);
  n->from = t;
  n->op = x;
  n->seq = z->made++;
  n->ndone = t->ndone + 1;
  n->words = t->words;
  n->live = t->live + c.after;
  n->peak = max64(t->peak, t->live + c.during);
  n->area = t->area + t->live + c.during;
  return n;
}

/* Does what costs nothing, until there is no more of it. */
static State *settled(Search *z, State *t) {
  for (int x = 0; x < z->s->nop; x++) {
    if (!is_ready(z, t, x))
      continue;
    Cost c = cost_of(z, t->done, x);
    if (c.after > 0 || t->live + c.during > t->peak)
      continue;
    t = state_after(z, t, x, c);
    x = -1;
  }
  return t;
}

/* Of orders with the least peak, the one with less live over all is better. */
static bool may_win(const Search *z, int64_t peak, int64_t area) {
  return peak < z->best || (peak == z->best && area < z->best_area);
}

static void reach(Search *z, State *t) {
  t = settled(z, t);
  if (t->ndone < z->s->nop) {
    ARRAY_PUSH(z->arena, &z->level[t->ndone], t);
  } else if (may_win(z, t->peak, t->area)) {
    z->best = t->peak;
    z->best_area = t->area;
    z->last = t;
  }
}

static void expand(Search *z, const State *t) {
  for (int x = 0; x < z->s->nop; x++) {
    if (!is_ready(z, t, x))
      continue;
    Cost c = cost_of(z, t->done, x);
    int64_t during = t->live + c.during;
    if (may_win(z, max64(t->peak, during), t->area + during))
      reach(z, state_after(z, t, x, c));
  }
}

/* ---- one level ---- */

static int compare(int64_t a, int64_t b) { return (a > b) - (a < b); }

static int by_merit(const void *a, const void *b) {
  const State *x = *(State *const *)a, *y = *(State *const *)b;
  int c = compare(x->peak, y->peak);
  c = c ? c : compare(x->live, y->live);
  return c ? c : x->seq - y->seq;
}

static int by_set(const void *a, const void *b) {
  const State *x = *(State *const *)a, *y = *(State *const *)b;
  for (int w = 0; w < x->words; w++)
    if (x->done[w] != y->done[w])
      return x->done[w] < y->done[w] ? -1 : 1;
  int c = compare(x->peak, y->peak);
  c = c ? c : compare(x->area, y->area);
  return c ? c : x->seq - y->seq;
}

/* The best state of every set. */
static void drop_doubles(Level *l) {
  int n = 0;
  qsort(l->v, (size_t)l->n, sizeof *l->v, by_set);
  for (int i = 0; i < l->n; i++) {
    size_t set = (size_t)l->v[i]->words * sizeof l->v[i]->done[0];
    if (!n || memcmp(l->v[n - 1]->done, l->v[i]->done, set) != 0)
      l->v[n++] = l->v[i];
  }
  l->n = n;
}

static void narrow(Search *z, Level *l) {
  qsort(l->v, (size_t)l->n, sizeof *l->v, by_merit);
  for (int i = z->width; i < l->n; i++)
    z->dropped = min64(z->dropped, l->v[i]->peak);
  l->n = l->n < z->width ? l->n : z->width;
}

static void search(Search *z, int64_t live) {
  State *start = arena_alloc(z->arena, sizeof *start +
                                           (size_t)z->words * sizeof(uint64_t));
  start->words = z->words;
  start->live = start->peak = live;
  reach(z, start);
  for (int n = 0; n < z->s->nop; n++) {
    Level *l = &z->level[n];
    if (!l->n)
      continue;
    drop_doubles(l);
    narrow(z, l);
    for (int i = 0; i < l->n; i++)
      if (may_win(z, l->v[i]->peak, l->v[i]->area))
        expand(z, l->v[i]);
  }
}

/* ---- the problem ---- */

static uint64_t **sets(Search *z, int n) {
  uint64_t **set = ARENA_ARRAY(z->arena, uint64_t *, n);
  for (int i = 0; i < n; i++)
    set[i] = ARENA_ARRAY(z->arena, uint64_t, z->words);
  return set;
}

static void index_sets(Search *z) {
  const Schedule *s = z->s;
  z->before = sets(z, s->nop);
  z->readers = sets(z, s->nblock);
  for (int x = 0; x < s->nop; x++) {
    for (int i = 0; i < s->op[x].before.n; i++)
      put(z->before[x], s->op[x].before.v[i]);
    for (int i = 0; i < s->op[x].reads.n; i++)
      put(z->readers[s->op[x].reads.v[i]], x);
  }
}

static int64_t live_before(const Schedule *s) {
  int64_t live = 0;
  for (int b = 0; b < s->nblock; b++)
    if (s->block[b].live_in)
      live += s->block[b].bytes;
  return live;
}

static int64_t peak_as_given(Search *z, int64_t live) {
  uint64_t *done = ARENA_ARRAY(z->arena, uint64_t, z->words);
  int64_t peak = live;
  for (int x = 0; x < z->s->nop; x++) {
    Cost c = cost_of(z, done, x);
    peak = max64(peak, live + c.during);
    live += c.after;
    put(done, x);
  }
  return peak;
}

/* States a level: many where there are few ops, so that about the same work
 * is done. */
static int width_for(int nop) {
  int width = 4000000 / (nop * nop + 1);
  return width < 16 ? 16 : width > 2000 ? 2000 : width;
}

ScheduleResult schedule_order(Arena *scratch, const Schedule *s) {
  Search z = {.arena = scratch,
              .s = s,
              .words = (s->nop + 63) / 64,
              .width = width_for(s->nop),
              .dropped = INT64_MAX};
  ScheduleResult r = {.order = ARENA_ARRAY(scratch, int, s->nop)};
  z.level = ARENA_ARRAY(scratch, Level, s->nop);
  index_sets(&z);
  int64_t live = live_before(s);
  r.given = z.best = peak_as_given(&z, live);
  if (s->nop > 1)
    search(&z, live);
  for (int i = 0; i < s->nop; i++)
    r.order[i] = i;
  for (const State *t = z.last; t && t->from; t = t->from)
    r.order[t->ndone - 1] = t->op;
  r.peak = z.best;
  r.bound = min64(z.best, z.dropped);
  return r;
}
