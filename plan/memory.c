/* Static memory planning. Blocks that are live at one step may not overlap,
 * but for an in-place pair (in dies at the step that makes out), where out
 * may start early enough to run behind the reads of in.
 *
 * Any placement, pushed down until nothing moves, comes out of putting the
 * blocks one after another, in the order of their offsets, to the lowest
 * start that those before leave free. So the search is one over orders:
 * first several greedy ones, then for few blocks an exhaustive search
 * (memory_exact.c), for many random moves in the best greedy order; all stop
 * at the lower bound. Everything is deterministic and bounded. */
#include "plan/memory.h"

#include <stdlib.h>
#include <string.h>

#include "plan/memory_solver.h"

int64_t memory_align(const Solver *s, int64_t x) {
  return (x + s->align - 1) / s->align * s->align;
}

bool memory_conflict(const Solver *s, int a, int b) {
  const MemBlock *x = &s->block[a], *y = &s->block[b];
  return x->first <= y->last && y->first <= x->last && x->bytes > 0 &&
         y->bytes > 0;
}

int64_t memory_distance(const Solver *s, int in, int out) {
  int64_t distance = -1;
  if (s->block[in].last != s->block[out].first)
    return INT64_MAX;
  for (int o = s->of_out[out]; o >= 0; o = s->next_of_out[o])
    if (s->overlap[o].in == in && s->overlap[o].distance > distance)
      distance = s->overlap[o].distance;
  return distance < 0 ? INT64_MAX : distance;
}

static int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t max64(int64_t a, int64_t b) { return a > b ? a : b; }

static bool same_place(const Solver *s, int in, int out) {
  if (s->block[in].last != s->block[out].first)
    return false;
  for (int o = s->of_out[out]; o >= 0; o = s->next_of_out[o])
    if (s->overlap[o].in == in && s->overlap[o].same)
      return true;
  return false;
}

/* Starts of x that the placed y forbids: one interval, or two around the only
 * place that it allows. Returns how many. */
static int forbidden_by(const Solver *s, int x, int y, Forbidden *f) {
  int64_t at = s->offset[y];
  int64_t below = at - s->block[x].bytes, above = at + s->block[y].bytes;
  if (same_place(s, y, x) || same_place(s, x, y)) {
    f[0] = (Forbidden){below, at};
    f[1] = (Forbidden){at, above};
    return 2;
  }
  int64_t as_out = memory_distance(s, y, x), as_in = memory_distance(s, x, y);
  f[0].lo = at - min64(as_out, s->block[x].bytes);
  f[0].hi = at + min64(as_in, s->block[y].bytes);
  return 1;
}

static int compare_forbidden(const void *a, const void *b) {
  const Forbidden *x = a, *y = b;
  return (x->lo > y->lo) - (x->lo < y->lo);
}

/* Sorted by lo, the first interval that lies above the start ends the walk:
 * so do all after it. */
int64_t memory_lowest(Solver *s, int x, const int *placed, int nplaced,
                      int64_t from) {
  int n = 0;
  for (int i = 0; i < nplaced; i++)
    if (memory_conflict(s, x, placed[i]))
      n += forbidden_by(s, x, placed[i], s->forbidden + n);
  qsort(s->forbidden, (size_t)n, sizeof *s->forbidden, compare_forbidden);
  int64_t start = from;
  for (int i = 0; i < n && s->forbidden[i].lo < start; i++)
    if (start < s->forbidden[i].hi)
      start = memory_align(s, s->forbidden[i].hi);
  return start;
}

void memory_keep(Solver *s, int64_t bytes) {
  if (bytes >= s->best_bytes)
    return;
  s->best_bytes = bytes;
  memcpy(s->best, s->offset, (size_t)s->n * sizeof *s->best);
}

/* Places all blocks in the given order. Returns the bytes. */
static int64_t place_in_order(Solver *s, const int *order) {
  int64_t bytes = 0;
  for (int i = 0; i < s->n; i++) {
    int x = order[i];
    s->offset[x] = memory_lowest(s, x, order, i, 0);
    bytes = max64(bytes, s->offset[x] + s->block[x].bytes);
  }
  memory_keep(s, bytes);
  return bytes;
}

/* Larger keys first. */
typedef struct Key {
  double key;
  int block;
} Key;

static int compare_keys(const void *a, const void *b) {
  const Key *x = a, *y = b;
  if (x->key != y->key)
    return x->key < y->key ? 1 : -1;
  return x->block - y->block;
}

static double key_size(const MemBlock *b) { return (double)b->bytes; }
static double key_life(const MemBlock *b) { return b->last - b->first; }
static double key_area(const MemBlock *b) {
  return (double)b->bytes * (b->last - b->first + 1);
}
static double key_time(const MemBlock *b) { return -b->first; }

static void order_by(const Solver *s, double (*key)(const MemBlock *),
                     int *order) {
  Key *k = ARENA_ARRAY(s->arena, Key, s->n);
  for (int i = 0; i < s->n; i++)
    k[i] = (Key){key(&s->block[i]), i};
  qsort(k, (size_t)s->n, sizeof *k, compare_keys);
  for (int i = 0; i < s->n; i++)
    order[i] = k[i].block;
}

static void search_greedy(Solver *s, int *best_order) {
  static double (*const keys[])(const MemBlock *) = {key_size, key_area,
                                                     key_life, key_time};
  int *order = ARENA_ARRAY(s->arena, int, s->n);
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
    int64_t before = s->best_bytes;
    order_by(s, keys[i], order);
    if (place_in_order(s, order) < before)
      memcpy(best_order, order, (size_t)s->n * sizeof *order);
  }
}

/* A generator of our own: the same plan on every machine. */
static uint32_t next_random(uint64_t *state) {
  *state = *state * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(*state >> 33);
}

static void move_element(int *order, int from, int to) {
  int x = order[from];
  if (from < to)
    memmove(order + from, order + from + 1,
            (size_t)(to - from) * sizeof *order);
  else
    memmove(order + to + 1, order + to, (size_t)(from - to) * sizeof *order);
  order[to] = x;
}

/* A block to move: one that sticks out at the top, or any. */
static int pick_block(const Solver *s, const int *order, int64_t bytes,
                      uint64_t *random) {
  int n = s->n, start = (int)(next_random(random) % (uint32_t)n);
  if (next_random(random) % 2 == 0)
    return start;
  for (int i = 0; i < n; i++) {
    int at = (start + i) % n, x = order[at];
    if (s->offset[x] + s->block[x].bytes >= bytes)
      return at;
  }
  return start;
}

/* Random moves that don't make it worse; a try costs about n * n. */
static void search_local(Solver *s, int *order) {
  int64_t cost = (int64_t)s->n * s->n + 1;
  int64_t tries = min64(2000, 10000000 / cost);
  uint64_t random = 1;
  int64_t current = place_in_order(s, order);
  for (int64_t i = 0; i < tries && s->best_bytes > s->bound; i++) {
    int from = pick_block(s, order, current, &random);
    int to = (int)(next_random(&random) % (uint32_t)s->n);
    move_element(order, from, to);
    int64_t bytes = place_in_order(s, order);
    if (bytes <= current)
      current = bytes;
    else
      move_element(order, to, from);
  }
}

static void index_overlaps(Solver *s, int noverlap) {
  s->of_out = ARENA_ARRAY(s->arena, int, s->n);
  s->next_of_out = ARENA_ARRAY(s->arena, int, noverlap);
  for (int i = 0; i < s->n; i++)
    s->of_out[i] = -1;
  for (int o = 0; o < noverlap; o++) {
    s->next_of_out[o] = s->of_out[s->overlap[o].out];
    s->of_out[s->overlap[o].out] = o;
  }
}

/* The most is needed where some block begins. */
static MemBound find_bound(const Solver *s) {
  MemBound bound = {0};
  for (int i = 0; i < s->n; i++) {
    int step = s->block[i].first;
    int64_t bytes = memory_step_bound(s, step);
    if (bytes > bound.bytes || (bytes == bound.bytes && step < bound.step))
      bound = (MemBound){bytes, step};
  }
  return bound;
}

int64_t memory_plan(Arena *scratch, MemBlock *blocks, int nblock,
                    const MemOverlap *overlaps, int noverlap, int align,
                    MemBound *bound) {
  Solver s = {.arena = scratch,
              .block = blocks,
              .n = nblock,
              .overlap = overlaps,
              .align = align,
              .best_bytes = INT64_MAX};
  index_overlaps(&s, noverlap);
  s.offset = ARENA_ARRAY(scratch, int64_t, nblock);
  s.best = ARENA_ARRAY(scratch, int64_t, nblock);
  s.forbidden = ARENA_ARRAY(scratch, Forbidden, 2 * nblock);
  *bound = find_bound(&s);
  s.bound = bound->bytes;
  int *order = ARENA_ARRAY(scratch, int, nblock);
  search_greedy(&s, order);
  bool proven = s.best_bytes == s.bound ||
                (nblock <= MEMORY_EXACT_BLOCKS && memory_exact(&s));
  if (!proven)
    search_local(&s, order);
  for (int i = 0; i < nblock; i++)
    blocks[i].offset = s.best[i];
  return s.best_bytes;
}
