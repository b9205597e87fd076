/* softmax_words: the tables. */
#include "plan/kernels/softmax_words.h"

#include "ir/fixed16.h"
#include "plan/kernel.h"
#include "plan/kernels/light.h"

bool match_softmax_words(const Op *op, const Target *t) {
  (void)t;
  if (op->kind != OP_softmax)
    return false;
  const Type *x = op->in[0]->type, *y = op->out[0]->type;
  return x->dtype == DT_i16 && y->dtype == DT_i16 && x->q && y->q;
}

static const Blob *table(Plan *p, Step *s, const char *what,
                         const int32_t *data) {
  return plan_blob(p, s, what, data, 4 * TABLE16_POINTS, 4);
}

bool prepare_softmax_words(Plan *p, Step *s) {
  SoftmaxWords *q = ARENA_NEW(p->arena, SoftmaxWords);
  Softmax16 *t = ARENA_NEW(p->arena, Softmax16);
  const Type *x = s->op->in[0]->type;
  softmax16_init(t, s->op);
  Requant r = {.kind = RQ_double,
               .multiplier = t->multiplier,
               .shift = t->shift,
               .lo = -65535,
               .hi = 0};
  AccRange differences = {-65535, 0};
  q->step = word_step(p, s, 1, &r, &differences, 1);
  q->exp = table(p, s, "exp", t->exp);
  q->reciprocal = table(p, s, "reciprocal", t->reciprocal);
  q->depth = x->dim[x->rank - 1];
  q->rows = type_count(x) / q->depth;
  s->params = q;
  set_variant(p, s, "fixed", 0);
  return true;
}
