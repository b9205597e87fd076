/* gather, gather_elements, gather_nd, scatter_elements, scatter_nd: which
 * loops go over the positions, how indices become offsets. */
#include "plan/kernels/index.h"

#include <string.h>

#include "plan/kernel.h"
#include "plan/kernels/light.h"
#include "plan/kernels/map.h"

static bool has_bytes(const Op *op) {
  return dtype_bits(op->in[0]->type->dtype) >= 8;
}

bool match_gather(const Op *op, const Target *t) {
  (void)t;
  return (op->kind == OP_gather || op->kind == OP_gather_elements ||
          op->kind == OP_gather_nd) &&
         has_bytes(op);
}

static Reduction reduction_of(const Op *op) {
  return op->kind == OP_scatter_nd ? op->attrs.scatter_nd.reduction
                                   : op->attrs.scatter.reduction;
}

bool match_scatter(const Op *op, const Target *t) {
  return (op->kind == OP_scatter_elements || op->kind == OP_scatter_nd) &&
         has_bytes(op) &&
         (reduction_of(op) == REDUCTION_none ||
          plain_fits(t, op->in[0]->type->dtype));
}

static double cost_bytes(const Type *t, const Target *target) {
  double bytes = (double)type_bytes(t);
  return target->vector_bytes ? 4 * bytes / target->vector_bytes : bytes;
}

double cost_gather(const Op *op, const Target *t) {
  return cost_bytes(op->out[0]->type, t) +
         8 * (double)type_count(op->in[1]->type);
}

double cost_scatter(const Op *op, const Target *t) {
  return cost_bytes(op->out[0]->type, t) + cost_bytes(op->in[2]->type, t) +
         8 * (double)type_count(op->in[1]->type);
}

/* The copy of x goes first, upwards; indices and updates are read after it. */
int64_t overlap_scatter(const Step *s, int input) {
  return input == 0 ? overlap_in_place(s, input) : OVERLAP_NONE;
}

/* ---- positions ---- */

static int64_t extent(const Type *t, int from, int to) {
  int64_t n = 1;
  for (int d = from; d < to; d++)
    n *= t->dim[d];
  return n;
}

static void add_entry(IndexParams *m, const Type *x, int d) {
  m->extent[m->entries] = x->dim[d];
  m->stride[m->entries++] = extent(x, d + 1, x->rank) * m->elem_bytes;
}

static void add_dim(IndexParams *m, int64_t n, int64_t base, int64_t index,
                    int64_t other) {
  if (n == 1)
    return;
  m->dim[m->ndim] = n;
  m->base_step[m->ndim] = base;
  m->index_step[m->ndim] = index;
  m->other_step[m->ndim++] = other;
}

static void along_axis(IndexParams *m, const Op *op) {
  const Type *x = op->in[0]->type;
  int axis = (int)op->attrs.gather.axis;
  int64_t n = type_count(op->in[1]->type);
  m->run = extent(x, axis + 1, x->rank);
  int64_t bytes = m->run * m->elem_bytes;
  add_dim(m, extent(x, 0, axis), x->dim[axis] * bytes, 0, n * bytes);
  add_dim(m, n, 0, 1, bytes);
  add_entry(m, x, axis);
}

static void by_elements(IndexParams *m, const Op *op, int axis) {
  const Type *x = op->in[0]->type, *index = op->in[1]->type;
  m->run = 1;
  for (int d = 0; d < x->rank; d++) {
    int64_t step = extent(index, d + 1, x->rank);
    int64_t base = d == axis ? 0 : extent(x, d + 1, x->rank) * m->elem_bytes;
    add_dim(m, index->dim[d], base, step, step * m->elem_bytes);
  }
  add_entry(m, x, axis);
}

static void by_vectors(IndexParams *m, const Op *op, int batch) {
  const Type *x = op->in[0]->type, *index = op->in[1]->type;
  int length = (int)index->dim[index->rank - 1];
  int64_t per_batch = extent(index, batch, index->rank - 1);
  m->run = extent(x, batch + length, x->rank);
  int64_t bytes = m->run * m->elem_bytes;
  add_dim(m, extent(x, 0, batch), extent(x, batch, x->rank) * m->elem_bytes,
          per_batch * length, per_batch * bytes);
  add_dim(m, per_batch, 0, length, bytes);
  for (int d = 0; d < length; d++)
    add_entry(m, x, batch + d);
}

static void find_positions(IndexParams *m, const Op *op) {
  switch ((int)op->kind) {
  case OP_gather:
    along_axis(m, op);
    break;
  case OP_gather_elements:
    by_elements(m, op, (int)op->attrs.gather.axis);
    break;
  case OP_scatter_elements:
    by_elements(m, op, (int)op->attrs.scatter.axis);
    break;
  case OP_gather_nd:
    by_vectors(m, op, (int)op->attrs.gather_nd.batch_dims);
    break;
  case OP_scatter_nd:
    by_vectors(m, op, 0);
    break;
  }
}

static IndexParams *index_params(Plan *p, Step *s) {
  IndexParams *m = ARENA_NEW(p->arena, IndexParams);
  m->elem_bytes = dtype_bits(s->op->in[0]->type->dtype) / 8;
  find_positions(m, s->op);
  for (int i = 0; i < s->op->nin; i++)
    if (s->in[i]->place == PLACE_const)
      plan_const_blob(p, s->in[i]);
  s->params = m;
  return m;
}

bool prepare_gather(Plan *p, Step *s) {
  const IndexParams *m = index_params(p, s);
  set_variant(p, s, "gather", m->run > 1 ? p->target->vector_bytes : 0);
  return true;
}

bool prepare_scatter(Plan *p, Step *s) {
  IndexParams *m = index_params(p, s);
  DType t = s->out[0]->type->dtype;
  m->reduction = reduction_of(s->op);
  m->lanes = m->run > 1 ? plain_lanes(p->target, &t, 1) : 0;
  const char *name = reduction_name(m->reduction);
  set_variant(p, s, arena_printf(p->arena, "scatter_%s", name),
              m->run > 1 ? p->target->vector_bytes : 0);
  return true;
}
