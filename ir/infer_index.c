/* Shapes and types of the ops that move elements by indices: gathers,
 * scatters, topk, tables. Indices are i32 or i64, those of a table its 8-bit
 * elements; what they are is known at run time only, and none of them is
 * refused there (docs/ir.md). */
#include "ir/infer_map.h"

static bool check_indices(const Op *op) {
  const Type *t = op->in[1]->type;
  return ((t->dtype == DT_i32 || t->dtype == DT_i64) && !t->q) ||
         op_error(op, E0201, "indices %s: expected i32 or i64",
                  value_text(op, op->in[1]));
}

/* Where elements of one index may land under another, all must mean the
 * same. */
static bool check_one_scale(const Op *op, const Value *v) {
  const QuantParams *q = v->type->q;
  return !q || q->axis < 0 ||
         op_error(op, E0202, "%s: expected one scale and zero point",
                  value_text(op, v));
}

static bool push_dims(const Op *op, Shape *s, const Value *v, int from,
                      int to) {
  for (int d = from; d < to; d++) {
    if (s->rank == MAX_RANK)
      return op_error(op, E0302, "the output has more than %d dimensions",
                      MAX_RANK);
    s->dim[s->rank++] = v->type->dim[d];
  }
  return true;
}

/* [x before axis, indices, x after axis] */
bool infer_gather(const Op *op, Shape *out) {
  const Value *x = op->in[0], *index = op->in[1];
  int axis = (int)op->attrs.gather.axis;
  *out = (Shape){0};
  if (!check_axis(op, axis, x->type->rank) || !check_indices(op) ||
      !push_dims(op, out, x, 0, axis) ||
      !push_dims(op, out, index, 0, index->type->rank) ||
      !push_dims(op, out, x, axis + 1, x->type->rank))
    return false;
  int q = x->type->q ? x->type->q->axis : -1;
  if (q == axis)
    return check_one_scale(op, x);
  return check_moved_element(op, q < axis ? q : q + index->type->rank - 1);
}

/* Indices have x's rank, and but for the axis no dimension above x's. */
static bool check_element_indices(const Op *op, int64_t axis) {
  Shape x = shape_of(op->in[0]), index = shape_of(op->in[1]);
  bool ok = x.rank == index.rank;
  for (int d = 0; d < x.rank && ok; d++)
    ok = d == axis || index.dim[d] <= x.dim[d];
  return ok || op_error(op, E0201, "indices %s do not lie within %s",
                        value_text(op, op->in[1]), value_text(op, op->in[0]));
}

bool infer_gather_elements(const Op *op, Shape *out) {
  int64_t axis = op->attrs.gather.axis;
  *out = shape_of(op->in[1]);
  return check_axis(op, axis, op->in[0]->type->rank) && check_indices(op) &&
         check_element_indices(op, axis) && check_one_scale(op, op->in[0]) &&
         check_same_element(op, op->in[0], op->out[0]);
}

/* The length of index vectors over x's dimensions from `batch` on; 0: it
 * does not go, reported. */
static int vector_length(const Op *op, int batch) {
  const Type *x = op->in[0]->type, *index = op->in[1]->type;
  int64_t n = index->rank > batch ? index->dim[index->rank - 1] : 0;
  if (n >= 1 && n <= x->rank - batch)
    return (int)n;
  op_error(op, E0201,
           "indices %s: the last dimension must be 1 to %d, for the "
           "dimensions of %s",
           value_text(op, op->in[1]), x->rank - batch,
           value_text(op, op->in[0]));
  return 0;
}

static bool check_batch(const Op *op, int64_t batch) {
  const Type *x = op->in[0]->type, *index = op->in[1]->type;
  bool ok = batch >= 0 && batch < x->rank && batch < index->rank;
  for (int d = 0; d < batch && ok; d++)
    ok = x->dim[d] == index->dim[d];
  return ok ||
         op_error(op, E0201, "%s and %s do not share %lld batch dimensions",
                  value_text(op, op->in[0]), value_text(op, op->in[1]),
                  (long long)batch);
}

/* [indices but for the last dimension, x after batch and indexed ones] */
bool infer_gather_nd(const Op *op, Shape *out) {
  const Value *x = op->in[0], *index = op->in[1];
  int64_t batch = op->attrs.gather_nd.batch_dims;
  if (!check_indices(op) || !check_batch(op, batch))
    return false;
  int used = vector_length(op, (int)batch) + (int)batch;
  if (used == batch)
    return false;
  *out = (Shape){0};
  int lead = index->type->rank - 1;
  if (!push_dims(op, out, index, 0, lead) ||
      !push_dims(op, out, x, used, x->type->rank))
    return false;
  int q = x->type->q ? x->type->q->axis : -1;
  if (q >= batch && q < used)
    return check_one_scale(op, x);
  return check_moved_element(op, q < batch ? q : q - used + lead);
}

/* Updates are elements of x's kind; what is computed with must be a plain
 * number. */
static bool check_updates(const Op *op, Reduction reduction,
                          const Shape *expected) {
  Shape u = shape_of(op->in[2]);
  if (!shape_equal(&u, expected))
    return op_error(op, E0201, "updates %s do not go with indices %s",
                    value_text(op, op->in[2]), value_text(op, op->in[1]));
  if (reduction != REDUCTION_none &&
      (!check_plain(op) || !check_number(op, op->in[0])))
    return false;
  return check_one_scale(op, op->in[0]) &&
         check_same_element(op, op->in[2], op->out[0]) &&
         check_same_element(op, op->in[0], op->out[0]);
}

bool infer_scatter_elements(const Op *op, Shape *out) {
  const ScatterAttrs *a = &op->attrs.scatter;
  *out = shape_of(op->in[0]);
  Shape index = shape_of(op->in[1]);
  return check_axis(op, a->axis, out->rank) && check_indices(op) &&
         check_element_indices(op, a->axis) &&
         check_updates(op, a->reduction, &index);
}

bool infer_scatter_nd(const Op *op, Shape *out) {
  const Value *x = op->in[0], *index = op->in[1];
  *out = shape_of(x);
  int n = check_indices(op) ? vector_length(op, 0) : 0;
  Shape updates = {0};
  return n > 0 && push_dims(op, &updates, index, 0, index->type->rank - 1) &&
         push_dims(op, &updates, x, n, x->type->rank) &&
         check_updates(op, op->attrs.scatter_nd.reduction, &updates);
}

/* The output's extent along the axis is k. */
bool infer_topk(const Op *op, Shape *out) {
  const Value *x = op->in[0], *y = op->out[0], *index = op->out[1];
  int64_t axis = op->attrs.topk.axis;
  *out = shape_of(x);
  if (!check_axis(op, axis, out->rank) || !check_number(op, x) ||
      !check_rank(op, y, out->rank))
    return false;
  int64_t k = y->type->dim[axis];
  if (k > out->dim[axis])
    return op_error(op, E0201, "%lld of %lld elements", (long long)k,
                    (long long)out->dim[axis]);
  out->dim[axis] = k;
  Shape have = shape_of(index);
  if (!shape_equal(&have, out) || index->type->dtype != DT_i64 ||
      index->type->q)
    return op_error(op, E0201, "%s: expected i64 of the shape of %s",
                    value_text(op, index), value_text(op, y));
  return check_one_scale(op, x) && check_same_element(op, x, y);
}

bool infer_lut(const Op *op, Shape *out) {
  const Value *x = op->in[0], *table = op->in[1], *y = op->out[0];
  int bits = dtype_bits(y->type->dtype);
  *out = shape_of(x);
  if (x->type->dtype != DT_i8 && x->type->dtype != DT_u8)
    return op_error(op, E0201, "%s: expected i8 or u8", value_text(op, x));
  if (bits != 8 && bits != 16 && bits != 32)
    return op_error(op, E0201, "%s: expected elements of 8, 16 or 32 bits",
                    value_text(op, y));
  if (!table->init || table->type->rank != 1 || table->type->dim[0] != 256)
    return op_error(op, E0201, "the table %s: expected a constant of 256",
                    value_text(op, table));
  return check_one_scale(op, x) && check_one_scale(op, y) &&
         check_same_element(op, table, y);
}
