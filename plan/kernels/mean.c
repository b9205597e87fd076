/* mean, reduce: shapes, and the step from sum to output.
 *
 * In place: output element q is written after all that it sums were read, and
 * the first of these has no lower an index than q; those of later outputs
 * begin higher still. */
#include "plan/kernels/mean.h"

#include "ir/map.h"
#include "plan/kernel.h"
#include "plan/kernels/map.h"

/* Sums of this many elements stay in 32 bits. */
enum { COUNT_MAX = 1 << 22 };

static bool is_reduced(const Op *op, int d) {
  const IntList *axes = &op->attrs.axes.axes;
  for (int i = 0; i < axes->n; i++)
    if (axes->v[i] == d)
      return true;
  return false;
}

static int64_t reduced_count(const Op *op) {
  int64_t n = 1;
  for (int d = 0; d < op->in[0]->type->rank; d++)
    if (is_reduced(op, d))
      n *= op->in[0]->type->dim[d];
  return n;
}

bool match_mean(const Op *op, const Target *t) {
  (void)t;
  return op->kind == OP_mean && type_is_q8(op->in[0]->type) &&
         type_is_q8(op->out[0]->type) && reduced_count(op) <= COUNT_MAX;
}

double cost_mean(const Op *op, const Target *t) {
  double n = (double)type_count(op->in[0]->type);
  return t->vector_bytes ? 4 * n / t->vector_bytes : 3 * n;
}

static void add_dim(MeanDims *m, int64_t count, int64_t stride, bool merge) {
  if (merge) {
    m->count[m->n - 1] *= count;
    m->stride[m->n - 1] = stride;
    return;
  }
  m->count[m->n] = count;
  m->stride[m->n++] = stride;
}

/* From the outermost dimension in; those of one element vanish. */
static void split_dims(MeanParams *m, const Op *op) {
  const Type *x = op->in[0]->type;
  m->elem_bytes = dtype_bits(x->dtype) / 8;
  m->n = reduced_count(op);
  int64_t stride = type_count(x);
  int last = -1; /* kind of the dimension before */
  for (int d = 0; d < x->rank; d++) {
    if (x->dim[d] == 1)
      continue;
    stride /= x->dim[d];
    int kind = is_reduced(op, d);
    add_dim(kind ? &m->reduced : &m->kept, x->dim[d], stride, kind == last);
    last = kind;
  }
  m->row = 1;
  if (m->kept.n && m->kept.stride[m->kept.n - 1] == 1)
    m->row = m->kept.count[--m->kept.n];
}

bool prepare_mean(Plan *p, Step *s) {
  MeanParams *m = ARENA_NEW(p->arena, MeanParams);
  s->params = m;
  set_variant(p, s, "mean", 0);
  split_dims(m, s->op);
  int64_t n = m->n;
  m->sum_bits = sum_bits(p->target, n);
  Requant r = requant_of(s->op, 0);
  Requant out = stored_requant(&r, s->out[0]);
  int32_t min = stored_min(s->in[0]);
  int32_t offset = (int32_t)(-n * type_zero_point(s->in[0]->type));
  m->sum = sum_step(p, s, &out, offset, n * min, n * (min + 255));
  if (!m->sum.is_linear)
    s->note = requant_form_name(m->sum.rq.form);
  if (m->row > 1)
    set_variant(p, s, "mean", p->target->vector_bytes);
  return true;
}

/* ---- 16 bits ---- */

static AccRange word_sums(const Op *op) {
  int64_t n = reduced_count(op);
  return (AccRange){-32768 * n, 32767 * n};
}

bool match_mean_words(const Op *op, const Target *t) {
  (void)t;
  const Type *x = op->in[0]->type, *y = op->out[0]->type;
  if (op->kind != OP_mean || x->dtype != DT_i16 || y->dtype != DT_i16 ||
      !x->q || !y->q)
    return false;
  Requant r = requant_of(op, 0);
  return word_step_fits(&r, word_sums(op));
}

double cost_mean_words(const Op *op, const Target *t) {
  return 2 * cost_mean(op, t);
}

bool prepare_mean_words(Plan *p, Step *s) {
  MeanParams *m = ARENA_NEW(p->arena, MeanParams);
  s->params = m;
  split_dims(m, s->op);
  Requant r = requant_of(s->op, 0);
  AccRange sums = word_sums(s->op);
  m->wide = sums.lo < INT32_MIN;
  m->word = word_step(p, s, 1, &r, &sums, 1);
  s->note = word_step_name(&m->word);
  set_variant(p, s, "mean", m->row > 1 ? p->target->vector_bytes : 0);
  return true;
}

/* ---- plain elements ---- */

/* Stored values of one scale are in the order of the real ones. */
bool match_reduce(const Op *op, const Target *t) {
  static const bool reduces[OP_COUNT] = {
      [OP_mean] = true,       [OP_reduce_sum] = true, [OP_reduce_prod] = true,
      [OP_reduce_max] = true, [OP_reduce_min] = true,
  };
  if (!reduces[op->kind])
    return false;
  const Type *x = op->in[0]->type;
  bool extreme = op->kind == OP_reduce_max || op->kind == OP_reduce_min;
  return (extreme || op_is_plain(op)) && plain_fits(t, x->dtype) &&
         reduced_count(op) > 0;
}

double cost_reduce(const Op *op, const Target *t) {
  return 4 * cost_mean(op, t);
}

/* Sums of f32 along rows that lie one after another? */
static bool sums_rows(const MeanParams *m, const Op *op) {
  return op->in[0]->type->dtype == DT_f32 &&
         (op->kind == OP_mean || op->kind == OP_reduce_sum) && m->row == 1 &&
         m->kept.n == 1 && m->reduced.n == 1 && m->reduced.stride[0] == 1 &&
         m->kept.stride[0] == m->reduced.count[0];
}

bool prepare_reduce(Plan *p, Step *s) {
  MeanParams *m = ARENA_NEW(p->arena, MeanParams);
  s->params = m;
  split_dims(m, s->op);
  if (s->in[0]->place == PLACE_const)
    plan_const_blob(p, s->in[0]);
  int lanes = plain_lanes(p->target, &s->in[0]->type->dtype, 1);
  m->lanes = m->row > 1 ? lanes : 0;
  m->row_lanes = sums_rows(m, s->op) ? lanes : 0;
  set_variant(p, s, "reduce",
              m->lanes || m->row_lanes ? p->target->vector_bytes : 0);
  return true;
}
