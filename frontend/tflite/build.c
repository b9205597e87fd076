/* Makers: types inferred, one op appended, shape arithmetic computed. */
#include "frontend/tflite/build.h"

#include <string.h>

#include "ir/map.h"

/* --- shapes ------------------------------------------------------------ */

Dims t_type_dims(const Type *t) {
  Dims d = {.rank = t->rank};
  memcpy(d.v, t->dim, sizeof d.v);
  return d;
}

Dims t_dims(const Value *v) { return v ? t_type_dims(v->type) : (Dims){0}; }

Dims t_dims_reduce(Dims d, unsigned axes, bool keep) {
  Dims r = {0};
  for (int i = 0; i < d.rank; i++) {
    bool gone = axes >> i & 1;
    if (!gone || keep)
      r.v[r.rank++] = gone ? 1 : d.v[i];
  }
  return r;
}

Dims t_dims_insert(TflOp *o, Dims d, int axis, int64_t extent) {
  if (d.rank == MAX_RANK) {
    if (!o->bad)
      op_refuse(o, "more than %d dimensions", MAX_RANK);
    o->bad = true;
    return d;
  }
  for (int i = d.rank++; i > axis; i--)
    d.v[i] = d.v[i - 1];
  d.v[axis] = extent;
  return d;
}

const Type *t_like(TflOp *o, const Value *x, Dims d) {
  return x ? type_with_shape(o->im->arena, x->type, d.rank, d.v) : NULL;
}

const Type *t_type(TflOp *o, DType dtype, Dims d) {
  return type_new(o->im->arena, dtype, d.rank, d.v, NULL);
}

/* Shapes that do not go together give whatever: verification tells. */
static Dims broadcast_dims(Dims a, Dims b) {
  Dims d = {.rank = a.rank > b.rank ? a.rank : b.rank};
  for (int i = 1; i <= d.rank; i++) {
    int64_t x = i <= a.rank ? a.v[a.rank - i] : 1;
    int64_t y = i <= b.rank ? b.v[b.rank - i] : 1;
    d.v[d.rank - i] = x == 1 ? y : x;
  }
  return d;
}

/* --- one op ------------------------------------------------------------ */

/* An operand that must be there is not: its maker was given none. */
static bool any_missing(OpKind kind, int n, Value *const *v) {
  for (int i = 0; i < n && i < op_info(kind)->nin_min; i++)
    if (!v[i])
      return true;
  return false;
}

bool t_ops(TflOp *o, OpKind kind, const Attrs *attrs, int nin, Value *const *in,
           int nout, const Type *const *types, Value **out) {
  Import *im = o->im;
  for (int i = 0; i < nout; i++)
    out[i] = NULL;
  if (o->bad || any_missing(kind, nin, in))
    return false;
  const char **names = ARENA_ARRAY(im->arena, const char *, nout);
  for (int i = 0; i < nout; i++)
    names[i] = arena_printf(im->arena, "%s/%s", tensor_name(im, o->tout[0]),
                            op_info(kind)->name);
  Op *op = graph_op(im->graph, NULL, kind, attrs, nin, in, nout, types, names,
                    o->loc);
  bool open = nout == 1 && tensor_is_open(im, o->tout[0]);
  if (!(open ? op_settle_shape(op) : op_verify(op))) {
    graph_remove_op(im->graph, op);
    o->bad = true;
    return false;
  }
  for (int i = 0; i < nout; i++)
    out[i] = op->out[i];
  op_fold_shapes(im->graph, op, out);
  return true;
}

Value *t_op(TflOp *o, OpKind kind, const Attrs *attrs, int nin,
            Value *const *in, const Type *type) {
  Value *out;
  return t_ops(o, kind, attrs, nin, in, 1, &type, &out) ? out : NULL;
}

void t_finish(TflOp *o, int i, Value *v) {
  Import *im = o->im;
  if (o->bad || !v)
    return;
  if (i == 0 &&
      !op_check_shape(o, v->type->rank, v->type->dim, "the operator")) {
    o->bad = true;
    return;
  }
  if (!type_equal(v->type, o->out[i]) || v->id < o->first_id)
    v = t_op(o, OP_reshape, NULL, 1, &v, o->out[i]);
  if (!v)
    return;
  graph_rename(im->graph, v, tensor_name(im, o->tout[i]));
  o->tout[i]->value = v;
}

bool t_done(TflOp *o, Value *v) {
  t_finish(o, 0, v);
  return !o->bad;
}

bool t_done_rows(TflOp *o, Value *v) {
  const Type *y = o->out[0];
  bool other = v && y->rank > 0 && y->dim[y->rank - 1] == v->type->dim[1] &&
               type_count(y) == type_count(v->type);
  return t_done(o, other ? t_reshape(o, v, t_type_dims(y)) : v);
}

/* --- constants --------------------------------------------------------- */

Value *t_const(TflOp *o, const Type *t, const void *data) {
  const char *name =
      arena_printf(o->im->arena, "%s/k", tensor_name(o->im, o->tout[0]));
  return o->bad ? NULL : graph_const(o->im->graph, name, t, data);
}

Value *t_floats(TflOp *o, Dims d, const float *v) {
  const Type *t = t_type(o, DT_f32, d);
  return t_const(o, t, arena_dup(o->im->arena, v, (size_t)type_bytes(t)));
}

Value *t_ints(TflOp *o, int64_t n, const int32_t *v) {
  Dims d = {1, {n}};
  size_t bytes = (size_t)n * sizeof *v;
  return t_const(o, t_type(o, DT_i32, d), arena_dup(o->im->arena, v, bytes));
}

Value *t_number(TflOp *o, DType dtype, double x) {
  void *data = arena_alloc(o->im->arena, 8);
  int64_t i = dtype_is_float(dtype) ? 0 : (int64_t)x;
  float f = (float)x;
  if (dtype == DT_f64)
    memcpy(data, &x, sizeof x);
  else if (dtype == DT_f32)
    memcpy(data, &f, sizeof f);
  else
    memcpy(data, &i, sizeof i); /* little-endian: its low bytes first */
  return t_const(o, t_type(o, dtype, (Dims){0}), data);
}

/* --- computing --------------------------------------------------------- */

static DType result_of(OpKind kind, DType t) {
  const MapInfo *m = map_info(kind);
  return m && m->makes_bool ? DT_bool : t;
}

Value *t_unary(TflOp *o, OpKind kind, Value *x) {
  if (!x)
    return NULL;
  DType y = result_of(kind, x->type->dtype);
  return t_op(o, kind, NULL, 1, &x, t_type(o, y, t_dims(x)));
}

Value *t_binary(TflOp *o, OpKind kind, Value *a, Value *b) {
  if (!a || !b)
    return NULL;
  DType y = result_of(kind, a->type->dtype);
  Dims d = broadcast_dims(t_dims(a), t_dims(b));
  return t_op(o, kind, NULL, 2, (Value *[]){a, b}, t_type(o, y, d));
}

Value *t_binary_k(TflOp *o, OpKind kind, Value *a, double b) {
  return a ? t_binary(o, kind, a, t_number(o, a->type->dtype, b)) : NULL;
}

Value *t_k_binary(TflOp *o, OpKind kind, double a, Value *b) {
  return b ? t_binary(o, kind, t_number(o, b->type->dtype, a), b) : NULL;
}

Value *t_select(TflOp *o, Value *c, Value *a, Value *b) {
  if (!c || !a || !b)
    return NULL;
  Dims d = broadcast_dims(t_dims(a), t_dims(b));
  d = broadcast_dims(t_dims(c), d);
  return t_op(o, OP_select, NULL, 3, (Value *[]){c, a, b}, t_like(o, a, d));
}

Value *t_cast(TflOp *o, Value *x, DType to) {
  if (!x || x->type->dtype == to)
    return x;
  return t_op(o, OP_cast, NULL, 1, &x, t_type(o, to, t_dims(x)));
}

Value *t_clamp(TflOp *o, Value *x, double lo, double hi) {
  return t_binary_k(o, OP_min, t_binary_k(o, OP_max, x, lo), hi);
}

Value *t_act(TflOp *o, Value *x, Act act) {
  switch (act) {
  case ACT_relu:
    return t_unary(o, OP_relu, x);
  case ACT_relu6:
    return t_unary(o, OP_relu6, x);
  case ACT_relu_n1_1:
    return t_clamp(o, x, -1, 1);
  case ACT_relu_0_1:
    return t_clamp(o, x, 0, 1);
  case ACT_none:
  case ACT_COUNT:
    break;
  }
  return x;
}

Value *t_reduce(TflOp *o, OpKind kind, Value *x, unsigned axes, bool keep) {
  if (!x)
    return NULL;
  Attrs a = attrs_default(kind);
  for (int i = 0; i < x->type->rank; i++)
    if (axes >> i & 1)
      a.axes.axes.v[a.axes.axes.n++] = i;
  Dims d = t_dims_reduce(t_dims(x), axes, keep);
  return t_op(o, kind, &a, 1, &x, t_like(o, x, d));
}
