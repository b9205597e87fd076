/* The blocks of every step, as lifetimes and offsets in the finished plan
 * say. Blocks may lie over each other (in place), so that the bytes in use
 * are those of their union. */
#include "plan/peak.h"

#include <stdlib.h>

static bool is_operand(Buffer *const *v, int n, const Buffer *root) {
  for (int i = 0; i < n; i++)
    if (v[i] && (v[i] == root || v[i]->base == root))
      return true;
  return false;
}

static const char *role_of(const Step *s, const Buffer *b) {
  if (is_operand(s->out, s->op->nout, b))
    return "output";
  return is_operand(s->in, s->nin, b) ? "input" : "kept";
}

static bool is_live(const Buffer *b, int step) {
  return b->place == PLACE_arena && !b->base && b->first >= 0 &&
         b->first <= step && step <= b->last && b->bytes > 0;
}

static int compare_offsets(const void *a, const void *b) {
  const PeakBlock *x = a, *y = b;
  return (x->offset > y->offset) - (x->offset < y->offset);
}

/* Larger first, then in the order of their places. */
static int compare_bytes(const void *a, const void *b) {
  const PeakBlock *x = a, *y = b;
  if (x->bytes != y->bytes)
    return x->bytes < y->bytes ? 1 : -1;
  return compare_offsets(a, b);
}

/* Bytes that the blocks cover; they get sorted by place. */
static int64_t union_bytes(PeakBlock *v, int n) {
  int64_t sum = 0, end = 0;
  if (n)
    qsort(v, (size_t)n, sizeof *v, compare_offsets);
  for (int i = 0; i < n; i++) {
    int64_t from = v[i].offset > end ? v[i].offset : end;
    int64_t to = v[i].offset + v[i].bytes;
    if (to > from) {
      sum += to - from;
      end = to;
    }
  }
  return sum;
}

Peak plan_peak_at(const Plan *p, const Step *s) {
  Peak peak = {.step = s};
  for (int i = 0; i < p->buffers.n; i++) {
    const Buffer *b = p->buffers.v[i];
    PeakBlock block = {b, role_of(s, b), b->offset, b->bytes};
    if (is_live(b, s->index))
      ARRAY_PUSH(p->arena, &peak.blocks, block);
  }
  PeakBlock scratch = {NULL, "scratch", s->scratch_offset, s->scratch_bytes};
  if (s->scratch_bytes)
    ARRAY_PUSH(p->arena, &peak.blocks, scratch);
  peak.bytes = union_bytes(peak.blocks.v, peak.blocks.n);
  return peak;
}

Peak plan_peak(const Plan *p) {
  Peak most = {0};
  for (int i = 0; i < p->steps.n; i++) {
    Peak peak = plan_peak_at(p, p->steps.v[i]);
    if (peak.bytes > most.bytes)
      most = peak;
  }
  if (most.blocks.n)
    qsort(most.blocks.v, (size_t)most.blocks.n, sizeof *most.blocks.v,
          compare_bytes);
  return most;
}
