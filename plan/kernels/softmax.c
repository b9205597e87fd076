/* softmax: the table of e^-d. */
#include "plan/kernels/softmax.h"

#include "ir/fixed.h"
#include "plan/kernel.h"
#include "plan/kernels/light.h"

bool match_softmax(const Op *op, const Target *t) {
  (void)t;
  return op->kind == OP_softmax && type_is_q8(op->in[0]->type) &&
         type_is_q8(op->out[0]->type);
}

double cost_softmax(const Op *op, const Target *t) {
  (void)t;
  return 20 * (double)type_count(op->out[0]->type);
}

bool match_softmax_lanes(const Op *op, const Target *t) {
  const Type *x = op->in[0]->type;
  return match_softmax(op, t) && t->arch == ARCH_x86_64 && t->masks &&
         x->dim[x->rank - 1] <= SOFTMAX_WIDE;
}

double cost_softmax_lanes(const Op *op, const Target *t) {
  (void)t;
  return 2 * (double)type_count(op->out[0]->type);
}

static SoftmaxParams *prepare(Plan *p, Step *s) {
  SoftmaxParams *q = ARENA_NEW(p->arena, SoftmaxParams);
  const Type *x = s->op->in[0]->type;
  SoftmaxStep step = softmax_step_of(s->op);
  int32_t *e = ARENA_ARRAY(p->arena, int32_t, 256);
  for (int d = 0; d < 256; d++)
    e[d] = softmax_exp(&step, -d);
  for (int d = 0; d < 256; d++)
    q->tables = e[d] ? d / 32 * 2 + 2 : q->tables;
  q->exp = plan_blob(p, s, "exp", e, 256 * (int64_t)sizeof *e,
                     p->target->simd_align);
  q->depth = x->dim[x->rank - 1];
  q->rows = type_count(x) / q->depth;
  q->out_min = step.out_min + stored_delta(s->out[0]);
  s->params = q;
  return q;
}

bool prepare_softmax(Plan *p, Step *s) {
  prepare(p, s);
  set_variant(p, s, "fixed", 0);
  return true;
}

bool prepare_softmax_lanes(Plan *p, Step *s) {
  SoftmaxParams *q = prepare(p, s);
  q->row_bytes = (q->depth + 63) / 64 * 64 * 4;
  q->together = SOFTMAX_SCRATCH / q->row_bytes;
  q->together = q->together < 1 ? 1 : q->together;
  q->together = q->together > SOFTMAX_ROWS ? SOFTMAX_ROWS : q->together;
  s->scratch_bytes = 3 * 4 * SOFTMAX_ROWS + q->together * q->row_bytes;
  set_variant(p, s, "fixed", p->target->vector_bytes);
  return true;
}
