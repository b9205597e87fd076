/* What makes parts of a step independent: no part writes a byte that another
 * part reads or, but to the same value, writes. Outputs are computed once
 * each, or again to the same bytes, so that it is left to memory: outputs lie
 * apart from operands, unless those are copied before any part begins, or at
 * the very place of one that is read where it is written; and what a part
 * works in is its own. */
#include "plan/kernel.h"

/* Some bytes that a step works on. */
typedef struct Region {
  Place place;
  int index;
  int64_t at, bytes;
} Region;

static Region region_of(const Buffer *b) {
  bool own = b->place == PLACE_arena || b->place == PLACE_state;
  return (Region){b->place, own ? 0 : b->index, b->offset, b->bytes};
}

static bool meet(const Region *a, const Region *b) {
  return a->place == b->place && a->index == b->index &&
         a->at < b->at + b->bytes && b->at < a->at + a->bytes;
}

static bool is_read_where_written(const Step *s, int input) {
  const Region in = region_of(s->in[input]), out = region_of(s->out[0]);
  return step_overlap(s, input) == OVERLAP_SAME && in.at == out.at;
}

static bool operand_holds(const Step *s, int input, const Region *scratch) {
  if (!s->in[input] || s->in[input]->place == PLACE_const)
    return true;
  const Region in = region_of(s->in[input]);
  bool copied =
      s->split.stage_parts > 0 && s->reads_first && input < s->op->nin;
  if (meet(&in, scratch))
    return false;
  for (int i = 0; i < s->op->nout; i++) {
    const Region out = region_of(s->out[i]);
    if (meet(&in, &out) && !copied && !is_read_where_written(s, input))
      return false;
  }
  return true;
}

static bool counts_hold(const Split *s) {
  return s->axis > SPLIT_none && s->axis < SPLIT_stage && s->parts > 1 &&
         s->parts <= SPLIT_MOST && s->parts <= s->units &&
         s->stage_parts <= s->stage_units;
}

/* The copy, then each part's own, on lines of their own. */
static bool scratch_holds(const Step *s) {
  enum { LINE = 64 };
  const Split *p = &s->split;
  return p->own_offset >= 0 && p->own_offset % LINE == 0 &&
         p->part_bytes % LINE == 0 &&
         p->own_bytes == p->parts * p->part_bytes &&
         p->own_offset + p->own_bytes <= s->scratch_bytes;
}

bool split_holds(const Step *s) {
  if (!s->split.parts)
    return true;
  const Region scratch = {PLACE_arena, 0, s->scratch_offset, s->scratch_bytes};
  bool ok = counts_hold(&s->split) && scratch_holds(s);
  for (int i = 0; i < s->nin && ok; i++)
    ok = operand_holds(s, i, &scratch);
  for (int i = 0; i < s->op->nout && ok; i++) {
    const Region out = region_of(s->out[i]);
    ok = !meet(&out, &scratch);
  }
  return ok;
}
