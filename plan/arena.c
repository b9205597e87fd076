/* The arena: what the plan's buffers and scratch ask of the memory planner.
 *
 * Time runs in half steps: step i reads at 2 i and what it leaves is there
 * from 2 i + 1. A buffer is live from its first step to its last; scratch
 * while its step runs. An output may lie over an operand that dies in its
 * step as far as the kernel says. */
#include "plan/arena.h"

#include "plan/memory.h"
#include "plan/place.h"

/* The memory problem, block by block. */
typedef struct Layout {
  Arena *scratch;
  ARRAY(MemBlock) blocks; /* times: 2 i while step i reads, 2 i + 1 after */
  ARRAY(MemOverlap) overlaps;
  int *of_buffer; /* by buffer id */
  int *of_step;   /* scratch, by step index */
} Layout;

static int add_block(Layout *l, int64_t bytes, int first, int last) {
  MemBlock b = {.bytes = bytes, .first = first, .last = last};
  ARRAY_PUSH(l->scratch, &l->blocks, b);
  return l->blocks.n - 1;
}

static bool in_arena(const Buffer *b) {
  return b->place == PLACE_arena && !b->base && b->first >= 0;
}

/* A step that reads its op's operands first leaves their bytes to its output.
 */
static int born(const Plan *p, const Buffer *b) {
  return 2 * b->first + p->steps.v[b->first]->reads_first;
}

/* Operands of a tail are read while the output is written. */
static bool read_late(const Step *s, const Buffer *b) {
  for (int i = s->op->nin; i < s->nin; i++)
    if (s->in[i] && buffer_root(s->in[i]) == b)
      return s->reads_first;
  return false;
}

static int dies(const Plan *p, const Buffer *b) {
  bool late = p->opt.keep_all || read_late(p->steps.v[b->last], b);
  int last = 2 * b->last + late;
  return last > born(p, b) ? last : born(p, b);
}

static void add_blocks(Plan *p, Layout *l) {
  l->of_buffer = ARENA_ARRAY(l->scratch, int, p->buffers.n);
  l->of_step = ARENA_ARRAY(l->scratch, int, p->steps.n);
  for (int i = 0; i < p->buffers.n; i++) {
    const Buffer *b = p->buffers.v[i];
    if (in_arena(b))
      l->of_buffer[i] = add_block(l, b->bytes, born(p, b), dies(p, b));
  }
  for (int i = 0; i < p->steps.n; i++) {
    int64_t bytes = p->steps.v[i]->scratch_bytes;
    l->of_step[i] = bytes ? add_block(l, bytes, 2 * i, 2 * i + 1) : -1;
  }
}

/* A single element is read again and again, and those of another size lie
 * elsewhere. */
static int64_t serial_overlap(const Step *s, int input) {
  if (input < s->op->nin)
    return s->kernel->overlap(s, input);
  const Type *x = s->in[input]->type, *y = s->out[0]->type;
  bool alike = type_count(x) == type_count(y) && type_bytes(x) == type_bytes(y);
  return alike ? s->tail_overlap : OVERLAP_NONE;
}

/* Distances rest on the order of the outputs, which parts do not keep. */
int64_t step_overlap(const Step *s, int input) {
  int64_t d = serial_overlap(s, input);
  return s->split.parts && d != OVERLAP_SAME ? OVERLAP_NONE : d;
}

/* Is input i read before the first byte of the output is written? */
static bool step_reads_first(const Step *s, int input) {
  return s->reads_first && input < s->op->nin;
}

/* How far before the dying block `in` the step's output may start: all its
 * operands that lie there have to allow it. */
static int64_t step_distance(const Step *s, const Buffer *in) {
  int64_t distance = 0;
  bool same = false;
  for (int i = 0; i < s->nin; i++) {
    if (!s->in[i] || buffer_root(s->in[i]) != in || step_reads_first(s, i))
      continue;
    int64_t d = step_overlap(s, i);
    int64_t at = s->in[i]->base_offset - s->out[0]->base_offset;
    if (d == OVERLAP_NONE || (d == OVERLAP_SAME && at))
      return OVERLAP_NONE;
    same |= d == OVERLAP_SAME;
    d = d == OVERLAP_SAME ? 0 : d - at;
    distance = d > distance ? d : distance;
  }
  if (same)
    return distance ? OVERLAP_NONE : OVERLAP_SAME;
  return distance;
}

/* An output that is a part of a block counts when it is the first of it to be
 * written: there is nothing in the rest yet. */
static void add_overlaps(Layout *l, const Step *s) {
  Buffer *out = s->op->nout == 1 ? buffer_root(s->out[0]) : NULL;
  if (!out || !in_arena(out) || out->first != s->index)
    return;
  for (int i = 0; i < s->nin; i++) {
    Buffer *in = s->in[i] ? buffer_root(s->in[i]) : NULL;
    if (!in || in == out || !in_arena(in) || in->last != s->index)
      continue;
    int64_t d = step_distance(s, in);
    MemOverlap o = {l->of_buffer[in->id], l->of_buffer[out->id],
                    d == OVERLAP_SAME ? 0 : d, d == OVERLAP_SAME};
    if (d != OVERLAP_NONE)
      ARRAY_PUSH(l->scratch, &l->overlaps, o);
  }
}

static void take_offsets(Plan *p, const Layout *l) {
  for (int i = 0; i < p->buffers.n; i++) {
    Buffer *b = p->buffers.v[i];
    if (in_arena(b))
      b->offset = l->blocks.v[l->of_buffer[i]].offset;
  }
  for (int i = 0; i < p->buffers.n; i++) {
    Buffer *b = p->buffers.v[i];
    if (b->base)
      b->offset = b->base->offset + b->base_offset;
  }
  for (int i = 0; i < p->steps.n; i++)
    if (l->of_step[i] >= 0)
      p->steps.v[i]->scratch_offset = l->blocks.v[l->of_step[i]].offset;
}

void plan_arena(Plan *p) {
  Layout l = {.scratch = arena_new()};
  add_blocks(p, &l);
  for (int i = 0; !p->opt.keep_all && i < p->steps.n; i++)
    add_overlaps(&l, p->steps.v[i]);
  MemBound bound;
  p->arena_bytes = memory_plan(l.scratch, l.blocks.v, l.blocks.n, l.overlaps.v,
                               l.overlaps.n, p->arena_align, &bound);
  p->arena_lower_bound = bound.bytes;
  p->bound_step = bound.step / 2;
  take_offsets(p, &l);
  arena_free(l.scratch);
}
