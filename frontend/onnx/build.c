/* Making ops: the step that all makers share, constants, and shapes. */
#include "frontend/onnx/build.h"

#include <math.h>
#include <string.h>

#include "ir/exec.h"

/* --- shapes ------------------------------------------------------------ */

Dims dims_make(int rank, const int64_t *v) {
  Dims d = {.rank = rank};
  for (int i = 0; i < rank; i++)
    d.v[i] = v[i];
  return d;
}

Dims dims_of(const Value *v) {
  return v ? dims_make(v->type->rank, v->type->dim) : (Dims){0};
}

int64_t dims_count(Dims d) {
  int64_t n = 1;
  for (int i = 0; i < d.rank; i++)
    n = d.v[i] ? mul_saturating(n, d.v[i]) : 0;
  for (int i = 0; i < d.rank; i++)
    n = d.v[i] ? n : 0;
  return n;
}

bool dims_equal(Dims a, Dims b) {
  bool same = a.rank == b.rank;
  for (int i = 0; same && i < a.rank; i++)
    same = a.v[i] == b.v[i];
  return same;
}

Dims dims_reduce(Dims d, unsigned axes, bool keep) {
  Dims r = {0};
  for (int i = 0; i < d.rank; i++) {
    bool gone = axes >> i & 1;
    if (!gone || keep)
      r.v[r.rank++] = gone ? 1 : d.v[i];
  }
  return r;
}

Dims dims_insert(Dims d, int axis, int64_t extent) {
  for (int i = d.rank++; i > axis; i--)
    d.v[i] = d.v[i - 1];
  d.v[axis] = extent;
  return d;
}

const char *dims_text(Node *n, Dims d) {
  Str s = str_new(n->im->arena);
  for (int i = 0; i < d.rank; i++)
    str_printf(&s, "%s%lld", i ? "," : "[", (long long)d.v[i]);
  str_add(&s, d.rank ? "]" : "[]");
  return str_cstr(&s);
}

const Type *b_type(Node *n, DType dtype, Dims d) {
  return type_new(n->im->arena, dtype, d.rank, d.v, NULL);
}

const Type *b_like(Node *n, const Value *x, Dims d) {
  return x ? type_with_shape(n->im->arena, x->type, d.rank, d.v)
           : b_type(n, DT_f32, d);
}

bool b_broadcast_dims(Node *n, Dims a, Dims b, Dims *out) {
  out->rank = a.rank > b.rank ? a.rank : b.rank;
  for (int i = 1; i <= out->rank; i++) {
    int64_t x = i <= a.rank ? a.v[a.rank - i] : 1;
    int64_t y = i <= b.rank ? b.v[b.rank - i] : 1;
    if (x != y && x != 1 && y != 1)
      return !n->bad && node_invalid(n, "shapes %s and %s do not broadcast",
                                     dims_text(n, a), dims_text(n, b));
    out->v[out->rank - i] = x == 1 ? y : x;
  }
  return !n->bad;
}

bool b_product_dims(Node *n, Dims a, Dims b, Dims *out) {
  int64_t rows = a.v[a.rank - 2], columns = b.v[b.rank - 1];
  if (a.v[a.rank - 1] != b.v[b.rank - 2])
    return node_invalid(n, "%s times %s", dims_text(n, a), dims_text(n, b));
  a.v[a.rank - 1] = a.v[a.rank - 2] = 1;
  b.v[b.rank - 1] = b.v[b.rank - 2] = 1;
  if (!b_broadcast_dims(n, a, b, out))
    return false;
  out->v[out->rank - 2] = rows;
  out->v[out->rank - 1] = columns;
  return true;
}

/* --- one op ------------------------------------------------------------ */

/* What is worth keeping as a constant, and quick to compute. */
enum { FOLD_BYTES = 1 << 20, FOLD_GROWTH = 4, FOLD_MACS = 1 << 28 };
enum { OP_WORK = 16, MOST_INTS = 1 << 24 };

static bool all_const(int nin, Value *const *in) {
  for (int i = 0; i < nin; i++)
    if (in[i] && !in[i]->init)
      return false;
  return true;
}

static int64_t bytes_of(int n, Value *const *v) {
  int64_t sum = 0;
  for (int i = 0; i < n; i++)
    sum += v[i] ? type_bytes(v[i]->type) : 0;
  return sum;
}

/* The same bytes in another shape, also by a transpose that moves only
 * dimensions of 1. */
static bool is_view(const Op *op) {
  if (op_info(op->kind)->traits & T_VIEW)
    return true;
  if (op->kind != OP_transpose)
    return false;
  int64_t last = -1;
  for (int i = 0; i < op->attrs.perm.perm.n; i++) {
    int64_t from = op->attrs.perm.perm.v[i];
    if (op->in[0]->type->dim[from] == 1)
      continue;
    if (from < last)
      return false;
    last = from;
  }
  return true;
}

/* Views are free, and all the rest has a budget. Dequantized constants stay
 * what they are, for fold-scales. */
static bool is_foldable(Import *im, const Op *op) {
  if (!all_const(op->nin, op->in) || op->kind == OP_dequantize)
    return false;
  int64_t in = bytes_of(op->nin, op->in), out = bytes_of(op->nout, op->out);
  if (out > FOLD_BYTES && out / FOLD_GROWTH > in)
    return false;
  int64_t macs = op_macs(op), cost = macs > FOLD_MACS ? macs : in + out + macs;
  if (is_view(op))
    return true;
  if (cost > im->fold_left)
    return false;
  im->fold_left -= cost;
  return true;
}

static void eval(Import *im, const Op *op, void **out) {
  Arena *scratch = arena_new();
  const void **in = ARENA_ARRAY(scratch, const void *, op->nin);
  bool moves = op_info(op->kind)->traits & T_MOVE; /* byte by byte */
  for (int i = 0; i < op->nin; i++)
    if (op->in[i])
      in[i] = moves ? op->in[i]->init->data
                    : tensor_aligned_data(im, scratch, op->in[i]);
  for (int i = 0; i < op->nout; i++)
    out[i] = arena_alloc(im->arena, (size_t)type_bytes(op->out[i]->type));
  op_eval(op, in, out);
  import_touched(im, (size_t)bytes_of(op->nin, op->in));
  arena_free(scratch);
}

/* Weights that were moved for the IR's layout go by the name that they have
 * in the model; what they were moved from is left without a reader. */
static void keep_name(Graph *g, const Op *op, Value *moved) {
  Value *x = op->in[0];
  if (op->nin == 1 && op_info(op->kind)->traits & (T_MOVE | T_VIEW) &&
      value_use_count(g, x) == 1)
    graph_swap_names(g, x, moved);
}

static void fold(Import *im, Op *op, Value **out) {
  Graph *g = im->graph;
  void **data = ARENA_ARRAY(g->arena, void *, op->nout);
  const void *view = is_view(op) ? op->in[0]->init->data : NULL;
  if (!view)
    eval(im, op, data);
  for (int i = 0; i < op->nout; i++) {
    const Type *t = op->out[i]->type;
    out[i] = graph_const(g, NULL, t, view ? view : data[i]);
    graph_swap_names(g, out[i], op->out[i]);
  }
  if (op->nout == 1)
    keep_name(g, op, out[0]);
  graph_remove_op(g, op);
}

Value *b_const(Node *n, const Type *t, const void *data) {
  return n->bad ? NULL : graph_const(n->im->graph, NULL, t, data);
}

static bool any_empty(int n, Value *const *v) {
  for (int i = 0; i < n; i++)
    if (v[i] && !type_count(v[i]->type))
      return true;
  return false;
}

/* Nothing is left to compute when no output has an element. */
static bool empty_outputs(Node *n, int nout, const Type *const *types,
                          Value **out) {
  static const uint64_t nothing[1];
  for (int i = 0; i < nout; i++)
    if (type_count(types[i]))
      return false;
  for (int i = 0; i < nout; i++)
    out[i] = b_const(n, types[i], nothing);
  return true;
}

static const char *const *inner_names(Node *n, OpKind kind, int nout) {
  const char **names = ARENA_ARRAY(n->im->arena, const char *, nout);
  for (int i = 0; i < nout; i++)
    names[i] =
        arena_printf(n->im->arena, "%s/%s", n->name, op_info(kind)->name);
  return names;
}

bool b_op(Node *n, OpKind kind, const Attrs *attrs, int nin, Value *const *in,
          int nout, const Type *const *types, Value **out) {
  for (int i = 0; i < nout; i++)
    out[i] = NULL;
  if (n->bad || empty_outputs(n, nout, types, out))
    return !n->bad;
  if (any_empty(nin, in))
    return node_refuse(n, "%s of a tensor without elements is not supported",
                       op_info(kind)->name);
  Op *op = graph_op(n->im->graph, NULL, kind, attrs, nin, in, nout, types,
                    inner_names(n, kind, nout), n->loc);
  if (!onnx_spend(n->im, OP_WORK, n->loc) || !op_verify(op)) {
    n->bad = true;
    return false;
  }
  for (int i = 0; i < nout; i++)
    out[i] = op->out[i];
  if (is_foldable(n->im, op))
    fold(n->im, op, out);
  return true;
}

Value *b_op1(Node *n, OpKind kind, const Attrs *attrs, int nin,
             Value *const *in, const Type *type) {
  Value *out;
  return b_op(n, kind, attrs, nin, in, 1, &type, &out) ? out : NULL;
}

bool b_is_known(const Value *v) {
  while (!v->init && v->def && v->def->nin == 1 &&
         (v->def->kind == OP_dequantize ||
          (op_info(v->def->kind)->traits & T_MOVE)))
    v = v->def->in[0];
  return v->init != NULL;
}

/* --- constants --------------------------------------------------------- */

Value *b_floats(Node *n, Dims d, const float *v) {
  size_t bytes = (size_t)dims_count(d) * sizeof *v;
  return b_const(n, b_type(n, DT_f32, d), arena_dup(n->im->arena, v, bytes));
}

Value *b_ints(Node *n, int count, const int64_t *v) {
  Dims d = {1, {count}};
  size_t bytes = (size_t)count * sizeof *v;
  return b_const(n, b_type(n, DT_i64, d), arena_dup(n->im->arena, v, bytes));
}

Value *b_scalar(Node *n, DType dtype, double x) {
  bool whole = x == floor(x) && fabs(x) < 0x1p62;
  bool wide = dtype_is_integer(dtype) && dtype_bits(dtype) == 64 && whole;
  int64_t i = wide ? (int64_t)x : 0;
  Value *v = wide ? b_ints(n, 1, &i)
                  : b_const(n, b_type(n, DT_f64, (Dims){0}),
                            arena_dup(n->im->arena, &x, sizeof x));
  return b_cast(n, b_reshape(n, v, (Dims){0}), dtype);
}

Value *b_fill(Node *n, DType dtype, Dims d, double x) {
  return b_expand(n, b_scalar(n, dtype, x), d);
}

bool b_afford(Node *n, int64_t count) {
  if (!n->bad && (count < 0 || count > MOST_INTS))
    node_refuse(n, "a table of %lld numbers", (long long)count);
  n->bad = n->bad || !onnx_spend(n->im, count / 16, n->loc);
  return !n->bad;
}

int64_t *b_table(Node *n, int64_t count) {
  return b_afford(n, count) ? ARENA_ARRAY(n->im->arena, int64_t, count) : NULL;
}

Value *b_iota(Node *n, int64_t count) {
  int64_t *v = b_table(n, count);
  for (int64_t i = 0; !n->bad && i < count; i++)
    v[i] = i;
  return b_const(n, b_type(n, DT_i64, (Dims){1, {count}}), v);
}
