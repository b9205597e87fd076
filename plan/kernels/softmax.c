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

bool prepare_softmax(Plan *p, Step *s) {
  SoftmaxParams *q = ARENA_NEW(p->arena, SoftmaxParams);
  const Type *x = s->op->in[0]->type;
  SoftmaxStep step = softmax_step_of(s->op);
  int32_t *e = ARENA_ARRAY(p->arena, int32_t, 256);
  for (int d = 0; d < 256; d++)
    e[d] = softmax_exp(&step, -d);
  q->exp = plan_blob(p, s, "exp", e, 256 * (int64_t)sizeof *e, 4);
  q->depth = x->dim[x->rank - 1];
  q->rows = type_count(x) / q->depth;
  q->out_min = step.out_min + stored_delta(s->out[0]);
  s->params = q;
  set_variant(p, s, "fixed", 0);
  return true;
}
