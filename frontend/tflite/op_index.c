/* Operators that move elements by indices. LiteRT refuses to run with
 * indices that are out of range; Kiln's objects clamp them. */
#include "frontend/tflite/build.h"

static bool check_indices(TflOp *o, const Value *v) {
  DType t = v->type->dtype;
  return t == DT_i32 || t == DT_i64 ||
         op_refuse(o, "indices of %s are not supported", dtype_name(t));
}

static Value *gather_nd(TflOp *o, Value *x, Value *indices, int batch) {
  if (!x || !indices)
    return NULL;
  Attrs a = attrs_default(OP_gather_nd);
  Dims i = t_dims(indices), xd = t_dims(x), d = {0};
  a.gather_nd.batch_dims = batch;
  int64_t used = i.rank ? batch + i.v[i.rank - 1] : xd.rank;
  for (int k = 0; k < i.rank - 1; k++)
    d = t_dims_insert(o, d, d.rank, i.v[k]);
  for (int64_t k = used; k < xd.rank; k++)
    d = t_dims_insert(o, d, d.rank, xd.v[k]);
  return t_op(o, OP_gather_nd, &a, 2, (Value *[]){x, indices}, t_like(o, x, d));
}

Value *t_gather(TflOp *o, Value *x, Value *indices, int axis) {
  if (!x || !indices)
    return NULL;
  Attrs a = attrs_default(OP_gather);
  Dims xd = t_dims(x), d = {0};
  a.gather.axis = axis;
  for (int k = 0; k < xd.rank; k++)
    if (k != axis)
      d = t_dims_insert(o, d, d.rank, xd.v[k]);
    else
      for (int n = 0; n < indices->type->rank; n++)
        d = t_dims_insert(o, d, d.rank, indices->type->dim[n]);
  return t_op(o, OP_gather, &a, 2, (Value *[]){x, indices}, t_like(o, x, d));
}

/* Dimension `from` goes to place `to`, before or behind it. */
static Value *move_axis(TflOp *o, Value *x, int from, int to) {
  int perm[MAX_RANK], n = 0;
  int rank = x ? x->type->rank : 0;
  for (int i = 0; i < rank; i++)
    if (i != from)
      perm[n++] = i;
  for (int i = rank - 1; i > to; i--)
    perm[i] = perm[i - 1];
  perm[to] = from;
  return from == to ? x : t_transpose(o, x, perm);
}

/* Batch by batch: with the axis behind the batch dimensions, indices are
 * vectors of one. What lay between goes back before the indices. */
static Value *gather_batches(TflOp *o, int batch, int axis) {
  Dims i = t_dims(o->in[1]);
  int found = i.rank - batch;
  Value *x = move_axis(o, o->in[0], axis, batch);
  Value *vectors = t_reshape(o, o->in[1], t_dims_insert(o, i, i.rank, 1));
  Value *y = gather_nd(o, x, vectors, batch);
  for (int k = 0; k < found && axis > batch; k++)
    y = move_axis(o, y, batch, axis + found - 1);
  return y;
}

bool import_gather(TflOp *o) {
  Fb *fb = &o->im->fb;
  int64_t axis = fb_i32(fb, o->options, TFL_F(GatherOptions, axis), 0);
  int64_t batch = fb_i32(fb, o->options, TFL_F(GatherOptions, batch_dims), 0);
  int rank = o->in[1]->type->rank;
  if (!op_axis(o, &axis, o->in[0]->type->rank) || !check_indices(o, o->in[1]))
    return false;
  batch += batch < 0 ? rank : 0;
  if (batch < 0 || batch > axis || batch > rank)
    return op_invalid(o, "%lld batch dimensions for axis %lld",
                      (long long)batch, (long long)axis);
  return t_done(o, batch ? gather_batches(o, (int)batch, (int)axis)
                         : t_gather(o, o->in[0], o->in[1], (int)axis));
}

/* Operands the other way round: ids, table. */
bool import_embedding_lookup(TflOp *o) {
  return check_indices(o, o->in[0]) &&
         t_done(o, t_gather(o, o->in[1], o->in[0], 0));
}

bool import_gather_nd(TflOp *o) {
  return check_indices(o, o->in[1]) &&
         t_done(o, gather_nd(o, o->in[0], o->in[1], 0));
}

/* Into zeros; what several updates go to is their sum. */
bool import_scatter_nd(TflOp *o) {
  Attrs a = attrs_default(OP_scatter_nd);
  Value *indices = o->in[0], *updates = o->in[1];
  Ints shape;
  if (!check_indices(o, indices) || !op_ints(o, 2, "the shape", &shape) ||
      !op_check_shape(o, shape.n, shape.v, "the shape"))
    return false;
  a.scatter_nd.reduction = REDUCTION_add;
  Value *zero = t_number(o, updates->type->dtype, 0);
  Value *x = t_broadcast(o, zero, t_type_dims(o->out[0]));
  return t_done(o, t_op(o, OP_scatter_nd, &a, 3,
                        (Value *[]){x, indices, updates}, o->out[0]));
}

static Value *iota(TflOp *o, int64_t n, DType dtype) {
  int32_t *v = ARENA_ARRAY(o->im->arena, int32_t, n);
  for (int64_t i = 0; i < n; i++)
    v[i] = (int32_t)i;
  return t_cast(o, t_ints(o, n, v), dtype);
}

/* indices, depth, on, off: the class along `axis` is compared with each
 * index. */
bool import_one_hot(TflOp *o) {
  Value *x = o->in[0];
  int64_t axis = fb_i32(&o->im->fb, o->options, TFL_F(OneHotOptions, axis), 0);
  int64_t depth;
  int rank = x->type->rank;
  if (!check_indices(o, x) || !op_int(o, 1, "the depth", &depth) ||
      !op_axis(o, &axis, rank + 1))
    return false;
  if (depth < 1 || depth > 1 << 20)
    return op_refuse(o, "depth %lld is not supported", (long long)depth);
  Dims d = t_dims_insert(o, t_dims(x), (int)axis, 1), classes = {.rank = 1};
  classes.v[0] = depth;
  while (classes.rank < d.rank - (int)axis)
    classes.v[classes.rank++] = 1;
  Value *class = t_reshape(o, iota(o, depth, x->type->dtype), classes);
  Value *hit = t_binary(o, OP_equal, t_reshape(o, x, d), class);
  return t_done(o, t_select(o, hit, o->in[2], o->in[3]));
}

/* Values, and indices as i32. */
bool import_topk(TflOp *o) {
  Attrs a = attrs_default(OP_topk);
  Value *x = o->in[0], *y[2];
  int64_t k;
  if (!op_int(o, 1, "k", &k))
    return false;
  Dims d = t_dims(x);
  if (!d.rank || k < 1 || k > d.v[d.rank - 1])
    return op_invalid(o, "%lld elements of the last dimension", (long long)k);
  a.topk.axis = d.rank - 1;
  d.v[d.rank - 1] = k;
  if (o->out[1]->dtype != DT_i32)
    return op_refuse(o, "indices of %s are not supported",
                     dtype_name(o->out[1]->dtype));
  const Type *types[] = {t_like(o, x, d), t_type(o, DT_i64, d)};
  t_ops(o, OP_topk, &a, 1, &x, 2, types, y);
  t_finish(o, 0, y[0]);
  t_finish(o, 1, t_cast(o, y[1], DT_i32));
  return !o->bad;
}
