/* Stack bound: frames that LLVM reported, along the calls that the object's
 * relocations show. There is no recursion, and the
 * only calls through pointers, in NAME_run_parallel, are of functions that it
 * takes the addresses of, so the longest path from the entry is the bound. */
#include "codegen/emit.h"

#include <string.h>

/* All by section. */
typedef struct Walk {
  const ObjectFile *o;
  int64_t *frame; /* with what a call pushes on top */
  int64_t *depth; /* UNKNOWN, UNDER_WAY or the result */
  int *next;      /* the callee that makes the depth, NONE */
} Walk;

enum { UNKNOWN = -1, UNDER_WAY = -2, RECURSION = -3, NONE = -1 };

/* What a call pushes on top of the frames on both sides. */
static int64_t call_bytes(const Target *t) {
  return t->arch == ARCH_x86_64 ? 8 : 0;
}

static int64_t depth_of(Walk *w, int section) {
  int64_t *depth = &w->depth[section];
  if (*depth == UNDER_WAY)
    return RECURSION;
  if (*depth != UNKNOWN)
    return *depth;
  *depth = UNDER_WAY;
  int64_t deepest = 0;
  for (int i = 0; i < w->o->edges.n; i++) {
    const ObjEdge *e = &w->o->edges.v[i];
    if (e->from != section || e->to == section ||
        w->o->sections.v[e->to].kind != OBJ_CODE)
      continue;
    int64_t below = depth_of(w, e->to);
    if (below == RECURSION)
      return RECURSION;
    if (below > deepest) {
      deepest = below;
      w->next[section] = e->to;
    }
  }
  *depth = w->frame[section] + deepest;
  return *depth;
}

static Walk walk_new(const ObjectFile *o, const Frames *frames, const Target *t,
                     Arena *a) {
  int n = o->sections.n;
  Walk w = {o, ARENA_ARRAY(a, int64_t, n), ARENA_ARRAY(a, int64_t, n),
            ARENA_ARRAY(a, int, n)};
  for (int i = 0; i < n; i++) {
    w.frame[i] = call_bytes(t);
    w.depth[i] = UNKNOWN;
    w.next[i] = NONE;
  }
  for (int i = 0; i < frames->list.n; i++) {
    int section = object_find(o, frames->list.v[i].function);
    if (section >= 0)
      w.frame[section] = frames->list.v[i].bytes + call_bytes(t);
  }
  return w;
}

static bool is_on_chain(const Walk *w, int start, int section) {
  int s = start;
  while (s != NONE && s != section)
    s = w->next[s];
  return s == section;
}

static void list_functions(const Walk *w, int start, Arena *a,
                           ObjectSizes *out) {
  for (int i = 0; i < w->o->symbols.n; i++) {
    const ObjSymbol *s = &w->o->symbols.v[i];
    if (!s->function || s->section < 0 ||
        w->o->sections.v[s->section].kind != OBJ_CODE)
      continue;
    FunctionSize f = {s->name, w->o->sections.v[s->section].bytes,
                      w->frame[s->section], is_on_chain(w, start, s->section)};
    ARRAY_PUSH(a, &out->functions, f);
  }
}

bool stack_measure(const ObjectFile *o, const Frames *frames, const Target *t,
                   const char *entry, Arena *a, Diag *d, ObjectSizes *out) {
  int start = object_find(o, entry);
  Walk w = walk_new(o, frames, t, a);
  int64_t depth = start < 0 ? RECURSION : depth_of(&w, start);
  if (depth < 0)
    return diag_error(d, E0901, (Loc){0},
                      "emitted functions call each other in a ring");
  out->stack_bytes = depth;
  list_functions(&w, start, a, out);
  return true;
}
