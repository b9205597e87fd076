/* softmax_f32: rows and lanes. */
#include "plan/kernels/softmax_f32.h"

#include "ir/map.h"
#include "plan/kernel.h"
#include "plan/kernels/light.h"
#include "plan/kernels/map.h"

bool match_softmax_f32(const Op *op, const Target *t) {
  return op->kind == OP_softmax && op_is_plain(op) &&
         dtype_is_float(op->in[0]->type->dtype) &&
         plain_fits(t, op->in[0]->type->dtype);
}

double cost_softmax_f32(const Op *op, const Target *t) {
  int lanes = target_f32_lanes(t);
  return 40.0 * (double)type_count(op->in[0]->type) / (lanes ? lanes : 1);
}

bool prepare_softmax_f32(Plan *p, Step *s) {
  SoftmaxF32Params *m = ARENA_NEW(p->arena, SoftmaxF32Params);
  const Type *t = s->op->in[0]->type;
  int64_t count = type_count(t);
  m->depth = t->dim[t->rank - 1];
  m->rows = count ? count / m->depth : 0;
  m->lanes = plain_lanes(p->target, &t->dtype, 1);
  bool many = t->dtype == DT_f32 && m->lanes && m->rows >= m->lanes;
  m->together = many ? m->lanes : 1;
  s->scratch_bytes = many ? 4 * m->together : 0;
  if (s->in[0]->place == PLACE_const)
    plan_const_blob(p, s->in[0]);
  s->params = m;
  set_variant(p, s, "softmax", m->lanes ? p->target->vector_bytes : 0);
  return true;
}
