/* Stack bound: frames that LLVM reported, along the calls that the object's
 * relocations show. There is no recursion and no indirect call, so the
 * longest path from the entry is the bound. */
#include "codegen/emit.h"

#include <string.h>

typedef struct Walk {
  const ObjectFile *o;
  const Target *target;
  int64_t *frame; /* by section */
  int64_t *depth; /* by section; UNKNOWN, UNDER_WAY or the result */
} Walk;

enum { UNKNOWN = -1, UNDER_WAY = -2, RECURSION = -3 };

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
    deepest = below > deepest ? below : deepest;
  }
  *depth = w->frame[section] + call_bytes(w->target) + deepest;
  return *depth;
}

int64_t stack_depth(const ObjectFile *o, const Frames *frames, const Target *t,
                    const char *entry, Arena *a, Diag *d) {
  int n = o->sections.n, start = object_find(o, entry);
  Walk w = {o, t, ARENA_ARRAY(a, int64_t, n), ARENA_ARRAY(a, int64_t, n)};
  for (int i = 0; i < n; i++)
    w.depth[i] = UNKNOWN;
  for (int i = 0; i < frames->list.n; i++) {
    int section = object_find(o, frames->list.v[i].function);
    if (section >= 0)
      w.frame[section] = frames->list.v[i].bytes;
  }
  int64_t depth = start < 0 ? RECURSION : depth_of(&w, start);
  if (depth >= 0)
    return depth;
  diag_error(d, E0901, (Loc){0}, "emitted functions call each other in a ring");
  return -1;
}
