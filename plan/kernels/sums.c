/* Zero points and requantization of sums of products: sums.h. */
#include "plan/kernels/sums.h"

#include "plan/kernels/light.h"

static int32_t stored_zero(const Buffer *b, int64_t channel) {
  return type_channel_zero_point(b->type, channel);
}

static void find_zeros(Plan *p, Step *s, SumEnds *e, int64_t channels) {
  const Buffer *b = s->in[1];
  e->a_zero = stored_zero(s->in[0], 0);
  e->b_zero = stored_zero(b, 0);
  int32_t *zero = ARENA_ARRAY(p->arena, int32_t, channels);
  bool differ = false;
  for (int64_t c = 0; c < channels; c++) {
    zero[c] = stored_zero(b, c);
    differ |= zero[c] != zero[0];
  }
  if (differ)
    e->b_zeros = plan_blob(p, s, "zeros", zero, 4 * channels, 4);
}

/* Products of bytes, each less a byte, plus a bias: whatever 32 bits hold. */
static AccRange range_of(const Op *op, int64_t k) {
  int64_t most = op_in(op, 2) ? INT32_MAX : 255 * 255 * k;
  return (AccRange){-most, most};
}

SumEnds sum_ends(Plan *p, Step *s, int64_t channels, int64_t k) {
  SumEnds e = {.requantizes = s->op->out[0]->type->q != NULL};
  if (!e.requantizes)
    return e;
  find_zeros(p, s, &e, channels);
  const QuantParams *q = s->in[1]->type->q;
  int specs = q->axis < 0 ? 1 : (int)channels;
  Arena *scratch = arena_new();
  Requant *spec = ARENA_ARRAY(scratch, Requant, specs);
  AccRange *range = ARENA_ARRAY(scratch, AccRange, specs);
  unsigned forms = target_requant_forms(p->target);
  for (int c = 0; c < specs; c++) {
    Requant r = requant_of(s->op, c);
    spec[c] = stored_requant(&r, s->out[0]);
    range[c] = range_of(s->op, k);
    if (range[c].hi >> (30 - (r.shift > 0 ? r.shift : 0)) != 0)
      forms &= ~(1u << RF_double);
  }
  e.rq = requant_plan(p->arena, specs, spec, range, forms);
  e.rt = requant_tables(p, s, &e.rq, specs);
  arena_free(scratch);
  return e;
}
