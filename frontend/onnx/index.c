/* Gather, Scatter and their kin: ops of the IR; what picks by conditions;
 * TopK, OneHot, and what is made of them. */
#include <string.h>

#include "frontend/onnx/index.h"
#include "ir/element.h"

/* --- makers ------------------------------------------------------------ */

Value *b_index(Node *n, Value *x) {
  if (n->bad)
    return NULL;
  DType t = x->type->dtype;
  if (!dtype_is_integer(t) || dtype_bits(t) < 8) {
    node_invalid(n, "indices of %s", dtype_name(t));
    return NULL;
  }
  return t == DT_i32 || t == DT_i64 ? b_plain(n, x) : b_cast(n, x, DT_i64);
}

Value *b_move(Node *n, Value *x, int from, int to) {
  int perm[MAX_RANK], k = 0;
  if (n->bad)
    return NULL;
  for (int i = 0; i < x->type->rank; i++)
    if (i != from)
      perm[k++] = i;
  memmove(perm + to + 1, perm + to, (size_t)(k - to) * sizeof *perm);
  perm[to] = from;
  return b_transpose(n, x, perm);
}

Value *b_positions(Node *n, DType t, int64_t count, int axis, int rank) {
  Dims d = {.rank = rank};
  for (int i = 0; i < rank; i++)
    d.v[i] = 1;
  d.v[axis] = count;
  return b_reshape(n, b_cast(n, b_iota(n, count), t), d);
}

/* Elements land under other indices: one scale for all, or none. */
static Value *one_scale(Node *n, Value *x) {
  return !n->bad && x->type->q && x->type->q->axis >= 0 ? b_plain(n, x) : x;
}

static bool add_dims(Node *n, Dims *d, Dims from, int begin, int end) {
  for (int i = begin; i < end; i++) {
    if (d->rank == MAX_RANK)
      return node_refuse(n, "more than %d dimensions", MAX_RANK);
    d->v[d->rank++] = from.v[i];
  }
  return true;
}

/* A constant index may not lie outside, whatever happens at run time. */
static bool check_known(Node *n, const Value *index, int64_t extent) {
  if (!index->init)
    return true;
  DType t = index->type->dtype;
  for (int64_t i = 0; i < type_count(index->type); i++) {
    int64_t at = element_to_int(t, element_load(t, index->init->data, i));
    if (at < -extent || at >= extent)
      return node_invalid(n, "index %lld of %lld elements", (long long)at,
                          (long long)extent);
  }
  return true;
}

Value *b_gather(Node *n, Value *x, int axis, Value *index) {
  x = one_scale(n, x);
  index = b_index(n, index);
  if (n->bad || !check_known(n, index, x->type->dim[axis]))
    return NULL;
  Dims from = dims_of(x), at = dims_of(index), d = {0};
  if (!add_dims(n, &d, from, 0, axis) || !add_dims(n, &d, at, 0, at.rank) ||
      !add_dims(n, &d, from, axis + 1, from.rank))
    return NULL;
  Attrs a = attrs_default(OP_gather);
  a.gather.axis = axis;
  Value *in[] = {x, index};
  return b_op1(n, OP_gather, &a, 2, in, b_like(n, x, d));
}

Value *b_gather_elements(Node *n, Value *x, int axis, Value *index) {
  x = one_scale(n, x);
  index = b_index(n, index);
  if (n->bad)
    return NULL;
  Attrs a = attrs_default(OP_gather_elements);
  a.gather.axis = axis;
  Value *in[] = {x, index};
  return b_op1(n, OP_gather_elements, &a, 2, in, b_like(n, x, dims_of(index)));
}

Value *b_gather_nd(Node *n, Value *x, int batch_dims, Value *index) {
  x = one_scale(n, x);
  index = b_index(n, index);
  if (n->bad)
    return NULL;
  Dims from = dims_of(x), at = dims_of(index), d = {0};
  int64_t last = at.rank ? at.v[at.rank - 1] : 0;
  if (batch_dims < 0 || last < 1 || last > from.rank - batch_dims) {
    node_invalid(n, "indices of %s into %s", dims_text(n, at),
                 dims_text(n, from));
    return NULL;
  }
  if (!add_dims(n, &d, at, 0, at.rank - 1) ||
      !add_dims(n, &d, from, batch_dims + (int)last, from.rank))
    return NULL;
  Attrs a = attrs_default(OP_gather_nd);
  a.gather_nd.batch_dims = batch_dims;
  Value *in[] = {x, index};
  return b_op1(n, OP_gather_nd, &a, 2, in, b_like(n, x, d));
}

Value *b_scatter_nd(Node *n, Reduction r, Value *x, Value *index,
                    Value *updates) {
  index = b_index(n, index);
  if (n->bad)
    return NULL;
  if (!type_count(index->type))
    return x;
  Attrs a = attrs_default(OP_scatter_nd);
  a.scatter_nd.reduction = r;
  Value *in[] = {x, index, updates};
  return b_op1(n, OP_scatter_nd, &a, 3, in, x->type);
}

/* --- Gather ------------------------------------------------------------ */

void onnx_gather(Node *n) {
  Value *x = node_in(n, 0), *index = node_in(n, 1);
  int axis = axis_of(n, attr_int(n, "axis", 0), x->type->rank);
  if (n->bad)
    return;
  if (index->type->rank || !index->init) {
    node_out(n, 0, b_gather(n, x, axis, index));
    return;
  }
  /* One known index is a slice. */
  int64_t extent = x->type->dim[axis];
  int64_t at = const_int(n, index, "indices", 0);
  if (!check_known(n, index, extent))
    return;
  Value *part = b_slice1(n, x, axis, at < 0 ? at + extent : at, 1);
  node_out(n, 0, b_squeeze(n, part, 1u << axis));
}

void onnx_gather_elements(Node *n) {
  Value *x = node_in(n, 0);
  int axis = axis_of(n, attr_int(n, "axis", 0), x->type->rank);
  node_out(n, 0, b_gather_elements(n, x, axis, node_in(n, 1)));
}

void onnx_gather_nd(Node *n) {
  int64_t batch = attr_int(n, "batch_dims", 0);
  batch = batch < 0 || batch > MAX_RANK ? -1 : batch;
  node_out(n, 0, b_gather_nd(n, node_in(n, 0), (int)batch, node_in(n, 1)));
}

/* --- Scatter ----------------------------------------------------------- */

static Reduction reduction_of(Node *n) {
  static const char *const names[] = {"none", "add", "mul", "min", "max", NULL};
  static const Reduction kinds[] = {REDUCTION_none, REDUCTION_add,
                                    REDUCTION_mul, REDUCTION_min,
                                    REDUCTION_max};
  return kinds[attr_choice(n, "reduction", names)];
}

void onnx_scatter_elements(Node *n) {
  Value *x = b_plain(n, node_in(n, 0)), *index = b_index(n, node_in(n, 1));
  Value *updates = b_plain(n, node_in(n, 2));
  Attrs a = attrs_default(OP_scatter_elements);
  a.scatter.reduction = reduction_of(n);
  int64_t axis = attr_int(n, "axis", 0);
  if (n->bad)
    return;
  a.scatter.axis = axis_of(n, axis, x->type->rank);
  Value *in[] = {x, index, updates};
  node_out(n, 0,
           type_count(index->type)
               ? b_op1(n, OP_scatter_elements, &a, 3, in, x->type)
               : x);
}

void onnx_scatter_nd(Node *n) {
  Reduction r = reduction_of(n);
  node_out(n, 0,
           b_scatter_nd(n, r, b_plain(n, node_in(n, 0)), node_in(n, 1),
                        b_plain(n, node_in(n, 2))));
}

/* update [B, .., T, ..] goes into past [B, .., S, ..] from index at[b] on,
 * around the end of the axis when the mode is circular. */
void onnx_tensor_scatter(Node *n) {
  static const char *const modes[] = {"linear", "circular", NULL};
  Value *past = b_plain(n, node_in(n, 0));
  Value *update = b_plain(n, node_in(n, 1)), *at = node_in(n, 2);
  bool circular = attr_choice(n, "mode", modes);
  int64_t given = attr_int(n, "axis", -2);
  if (n->bad)
    return;
  int axis = axis_of(n, given, past->type->rank);
  if (n->bad || axis == 0 || update->type->rank != past->type->rank) {
    node_invalid(n, "axis %lld of %s", (long long)given,
                 dims_text(n, dims_of(past)));
    return;
  }
  int64_t batch = past->type->dim[0], extent = past->type->dim[axis];
  Dims d = {3, {batch, update->type->dim[axis], 1}},
       column = {3, {batch, 1, 1}};
  Value *where = b_positions(n, DT_i64, d.v[1], 1, 3);
  if (at)
    where =
        b_binary(n, OP_add, where, b_reshape(n, b_cast(n, at, DT_i64), column));
  if (circular)
    where = b_binary_k(n, OP_mod, where, (double)extent);
  Value *parts[] = {b_expand(n, b_positions(n, DT_i64, batch, 0, 3), d),
                    b_expand(n, where, d)};
  Value *y = b_scatter_nd(n, REDUCTION_none, b_move(n, past, axis, 1),
                          b_concat(n, 2, 2, parts), b_move(n, update, axis, 1));
  node_out(n, 0, b_move(n, y, 1, axis));
}

/* --- TopK, OneHot ------------------------------------------------------ */

static void topk(Node *n, int64_t k) {
  Value *x = b_plain(n, node_in(n, 0));
  int64_t at = attr_int(n, "axis", -1);
  bool largest = attr_bool(n, "largest", true);
  attr_ignore(n, "sorted"); /* sorted is as good as any order */
  if (n->bad)
    return;
  int axis = axis_of(n, at, x->type->rank);
  Dims d = dims_of(x);
  if (n->bad || k < 0 || k > d.v[axis]) {
    if (!n->bad)
      node_invalid(n, "%lld of %lld elements", (long long)k,
                   (long long)d.v[axis]);
    return;
  }
  d.v[axis] = k;
  Attrs a = attrs_default(OP_topk);
  a.topk.axis = axis;
  a.topk.largest = largest;
  const Type *types[] = {b_like(n, x, d), b_type(n, DT_i64, d)};
  Value *out[2];
  b_op(n, OP_topk, &a, 1, &x, 2, types, out);
  node_out(n, 0, out[0]);
  node_out(n, 1, out[1]);
}

void onnx_topk_1(Node *n) { topk(n, attr_int(n, "k", -1)); }

void onnx_topk(Node *n) { topk(n, const_int(n, node_in(n, 1), "k", -1)); }

/* An index below 0 counts from the end, one outside is nowhere: so it is
 * compared as it is and with depth added. */
void onnx_one_hot(Node *n) {
  Value *index = node_in(n, 0), *values = b_plain(n, node_in(n, 2));
  double depth = const_number(n, node_in(n, 1), "depth", 1);
  int64_t at = attr_int(n, "axis", -1);
  if (n->bad)
    return;
  int rank = index->type->rank + 1;
  if (!(depth >= 1 && depth <= 0x1p24) || type_count(values->type) != 2 ||
      rank > MAX_RANK) {
    node_invalid(n, "depth %g of rank %d with %lld values", depth, rank,
                 (long long)type_count(values->type));
    return;
  }
  int axis = axis_of(n, at, rank);
  Value *i = b_unsqueeze(n, b_cast(n, index, DT_i64), axis);
  Value *all = b_positions(n, DT_i64, (int64_t)depth, axis, rank);
  Value *hit =
      b_binary(n, OP_or, b_binary(n, OP_equal, i, all),
               b_binary(n, OP_equal,
                        b_binary_k(n, OP_add, i, (double)(int64_t)depth), all));
  Dims scalar = {0}, flat = {1, {2}};
  values = b_reshape(n, values, flat);
  Value *off = b_reshape(n, b_slice1(n, values, 0, 0, 1), scalar);
  Value *on = b_reshape(n, b_slice1(n, values, 0, 1, 1), scalar);
  node_out(n, 0, b_select(n, hit, on, off));
}

/* --- by known conditions ----------------------------------------------- */

static bool is_set(const Value *v, int64_t i) {
  DType t = v->type->dtype;
  uint64_t bits = element_load(t, v->init->data, i);
  return dtype_is_float(t) ? element_to_double(t, bits) != 0 : bits != 0;
}

void onnx_compress(Node *n) {
  Value *x = node_in(n, 0), *c = node_in(n, 1);
  int64_t at = attr_int(n, "axis", 0), count = 0;
  bool flat = !attr_has(n, "axis");
  if (!c->init) {
    node_unknown(n, c, "the condition, and so the output's shape,");
    return;
  }
  if (flat)
    x = b_reshape(n, x, (Dims){1, {type_count(x->type)}});
  if (n->bad)
    return;
  int axis = axis_of(n, at, x->type->rank);
  int64_t *index = ARENA_ARRAY(n->im->arena, int64_t, type_count(c->type));
  for (int64_t i = 0; i < type_count(c->type); i++)
    if (is_set(c, i))
      index[count++] = i;
  node_out(n, 0, b_gather(n, x, axis, b_ints(n, (int)count, index)));
}

void onnx_non_zero(Node *n) {
  Value *x = node_in(n, 0);
  if (!x->init) {
    node_unknown(n, x, "the input, and so the output's shape,");
    return;
  }
  int64_t all = type_count(x->type), count = 0;
  int rank = x->type->rank;
  int64_t *found = ARENA_ARRAY(n->im->arena, int64_t, all);
  for (int64_t i = 0; i < all; i++)
    if (is_set(x, i))
      found[count++] = i;
  int64_t *y = ARENA_ARRAY(n->im->arena, int64_t, mul_saturating(rank, count));
  for (int64_t k = 0; k < count; k++) {
    int64_t at = found[k];
    for (int d = rank - 1; d >= 0; at /= x->type->dim[d--])
      y[d * count + k] = at % x->type->dim[d];
  }
  node_out(n, 0, b_const(n, b_type(n, DT_i64, (Dims){2, {rank, count}}), y));
}
