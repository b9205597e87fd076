/* arg, cum, topk: extents and lanes. */
#include "plan/kernels/line.h"

#include "plan/kernel.h"
#include "plan/kernels/light.h"
#include "plan/kernels/map.h"

static int axis_of(const Op *op) {
  if (op->kind == OP_topk)
    return (int)op->attrs.topk.axis;
  bool is_arg = op->kind == OP_argmax || op->kind == OP_argmin;
  return (int)(is_arg ? op->attrs.arg.axis : op->attrs.cum.axis);
}

static bool fits(const Op *op, const Target *t) {
  const Type *x = op->in[0]->type;
  return plain_fits(t, x->dtype) && x->dim[axis_of(op)] <= INT32_MAX;
}

bool match_arg(const Op *op, const Target *t) {
  return (op->kind == OP_argmax || op->kind == OP_argmin) && fits(op, t);
}

bool match_cum(const Op *op, const Target *t) {
  return (op->kind == OP_cumsum || op->kind == OP_cumprod) && fits(op, t);
}

bool match_topk(const Op *op, const Target *t) {
  return op->kind == OP_topk && fits(op, t);
}

static double elements(const Op *op) {
  return (double)type_count(op->in[0]->type);
}

double cost_arg(const Op *op, const Target *t) {
  (void)t;
  return 4 * elements(op);
}

double cost_cum(const Op *op, const Target *t) {
  (void)t;
  return 4 * elements(op);
}

double cost_topk(const Op *op, const Target *t) {
  (void)t;
  return elements(op) * (8 + 4 * (double)op->out[0]->type->dim[axis_of(op)]);
}

/* Backwards, elements are written before those in front of them are read. */
int64_t overlap_cum(const Step *s, int input) {
  return s->op->attrs.cum.reverse ? OVERLAP_NONE : overlap_in_place(s, input);
}

/* Line j of outer o is read from its first element on, and those behind it
 * from higher ones; by then all before it are written:
 *
 *   out + index of (o, j) in the output <= in + first element of (o, j)
 *
 * in bytes. Both sides are linear in o and j, so the ends decide. */
int64_t overlap_arg(const Step *s, int input) {
  (void)input;
  const LineParams *m = s->params;
  int64_t from = dtype_bits(s->in[0]->type->dtype) / 8, distance = 0;
  int64_t to = dtype_bits(s->out[0]->type->dtype) / 8;
  for (int end = 0; end < 4; end++) {
    int64_t o = end & 1 ? m->outer - 1 : 0, j = end & 2 ? m->inner - 1 : 0;
    int64_t ahead = (o * m->inner + j) * to - (o * m->n * m->inner + j) * from;
    distance = ahead > distance ? ahead : distance;
  }
  return distance;
}

static LineParams *line_params(Plan *p, Step *s) {
  const Type *x = s->op->in[0]->type;
  int axis = axis_of(s->op);
  LineParams *m = ARENA_NEW(p->arena, LineParams);
  *m = (LineParams){.outer = 1, .n = x->dim[axis], .inner = 1};
  for (int d = 0; d < axis; d++)
    m->outer *= x->dim[d];
  for (int d = axis + 1; d < x->rank; d++)
    m->inner *= x->dim[d];
  if (s->in[0]->place == PLACE_const)
    plan_const_blob(p, s->in[0]);
  s->params = m;
  return m;
}

/* Over `inner` in lanes, if there are enough of them. */
static void choose_lanes(Plan *p, Step *s, LineParams *m, const char *form,
                         const DType *types, int n) {
  m->lanes = m->inner >= 4 ? plain_lanes(p->target, types, n) : 0;
  set_variant(p, s, form, m->lanes ? p->target->vector_bytes : 0);
}

bool prepare_arg(Plan *p, Step *s) {
  LineParams *m = line_params(p, s);
  choose_lanes(p, s, m, "arg",
               (DType[]){s->in[0]->type->dtype, s->out[0]->type->dtype}, 2);
  return true;
}

bool prepare_cum(Plan *p, Step *s) {
  LineParams *m = line_params(p, s);
  choose_lanes(p, s, m, "cum", &s->in[0]->type->dtype, 1);
  return true;
}

bool prepare_topk(Plan *p, Step *s) {
  LineParams *m = line_params(p, s);
  m->kept = s->op->out[0]->type->dim[axis_of(s->op)];
  set_variant(p, s, "topk", 0);
  return true;
}
