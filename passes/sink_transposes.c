/* Transposes go down the graph until they meet another one and cancel, so
 * that a network that was born NCHW, each convolution between two transposes,
 * keeps them only at its borders.
 *
 *   f(transpose(x, p), ...)  ->  transpose(f'(x, ...), p)
 *
 * for elementwise f, conversions, pads, slices, joins, splits, reductions and
 * reshapes, where f' has its axes and lists in x's order. Every other operand
 * must be transposed alike, or be free to transpose: a constant, or a view
 * (few dims other than 1, as biases and gates have). Going the other way,
 *
 *   transpose(f(transpose(x, p), y), q)  ->  f(x, transpose(y, q))
 *
 * where p and q cancel, saves one.
 *
 * Each step computes the same bytes at other places; sums of floats keep
 * their order. Between rounds canonicalize joins and drops transposes. */
#include "passes/permute.h"
#include "passes/rewrite.h"

static Op *transpose_of(const Value *v) {
  return v && v->def && v->def->kind == OP_transpose ? v->def : NULL;
}

static const IntList *perm_of(const Op *transpose) {
  return &transpose->attrs.perm.perm;
}

static Value *make(Graph *g, Op *before, OpKind kind, const Attrs *a, Value *x,
                   const Type *t) {
  return graph_op(g, before, kind, a, 1, &x, 1, &t, NULL, before->loc)->out[0];
}

static Value *make_transpose(Graph *g, Op *before, Value *x, const IntList *p) {
  Attrs a = attrs_default(OP_transpose);
  a.perm.perm = *p;
  return make(g, before, OP_transpose, &a, x, perm_type(g->arena, p, x->type));
}

/* --- operands ---------------------------------------------------------- */

/* v's type with dimensions of 1 in front up to the rank. */
static const Type *with_rank(Graph *g, const Type *t, int rank) {
  int64_t dim[MAX_RANK];
  for (int i = 0; i < rank; i++)
    dim[i] = i < rank - t->rank ? 1 : t->dim[i - (rank - t->rank)];
  return type_with_shape(g->arena, t, rank, dim);
}

static bool is_per_axis(const Type *t) { return t->q && t->q->axis >= 0; }

/* Whether `v`, which broadcasts to p->n dims, can be had as it was before a
 * transpose by p, for no more than a view or at compile time. */
static bool is_free(Graph *g, const Value *v, const IntList *p) {
  const Op *t = transpose_of(v);
  if (t && perm_equal(perm_of(t), p))
    return true;
  if (type_count(v->type) == 1 && v->type->rank <= p->n)
    return true;
  if (v->type->rank > p->n || is_per_axis(v->type))
    return false;
  IntList back = perm_inverse(p);
  return v->init || perm_is_view(&back, with_rank(g, v->type, p->n));
}

/* That value; new ops go before `before`. */
static Value *before_transpose(Graph *g, Op *before, Value *v,
                               const IntList *p) {
  Op *t = transpose_of(v);
  if (t && perm_equal(perm_of(t), p))
    return t->in[0];
  if (type_count(v->type) == 1)
    return v;
  IntList back = perm_inverse(p);
  const Type *full = with_rank(g, v->type, p->n);
  const Type *y = perm_type(g->arena, &back, full);
  if (perm_is_view(&back, full))
    return type_equal(y, v->type) ? v : make(g, before, OP_reshape, NULL, v, y);
  if (v->type->rank != p->n)
    v = make(g, before, OP_reshape, NULL, v, full);
  return make_transpose(g, before, v, &back);
}

/* --- one step ---------------------------------------------------------- */

/* `with` takes the place and the name of `old`. */
static void replace(Graph *g, Value *old, Value *with) {
  bool was_output = value_is_output(g, old);
  graph_replace_uses(g, old, with); /* swaps the names of outputs */
  if (!was_output)
    graph_swap_names(g, old, with);
}

/* What a value is called in the layout that it has before a transpose by p. */
static const char *name_before(Graph *g, const Value *v, const IntList *p) {
  static const IntList channels_first = {4, {0, 3, 1, 2}};
  return arena_printf(g->arena, "%s.%s", v->name,
                      perm_equal(p, &channels_first) ? "nhwc" : "t");
}

/* op with other operands and attributes, its results transposed back. */
static bool sink(Graph *g, Op *op, const Attrs *attrs, Value *const *in,
                 const IntList *p) {
  const Type **types = ARENA_ARRAY(g->arena, const Type *, op->nout);
  const char **names = ARENA_ARRAY(g->arena, const char *, op->nout);
  IntList back = perm_inverse(p);
  for (int i = 0; i < op->nout; i++) {
    types[i] = perm_type(g->arena, &back, op->out[i]->type);
    names[i] = name_before(g, op->out[i], p);
  }
  Op *f = graph_op(g, op, op->kind, attrs, op->nin, in, op->nout, types, names,
                   op->loc);
  f->rounding = op->rounding;
  for (int i = 0; i < op->nout; i++)
    replace(g, op->out[i], make_transpose(g, op, f->out[i], p));
  return true;
}

/* The same for an op of one data operand, others as they are. */
static bool sink_first(Graph *g, Op *op, const Attrs *attrs, const IntList *p) {
  Value *in[2] = {op->in[0]->def->in[0], op_in(op, 1)};
  return sink(g, op, attrs, in, p);
}

/* All operands; the op itself stays as it is but for its attributes. */
static bool sink_all(Graph *g, Op *op, const Attrs *attrs, const IntList *p) {
  Value **in = ARENA_ARRAY(g->arena, Value *, op->nin);
  for (int i = 0; i < op->nin; i++)
    if (!is_free(g, op->in[i], p))
      return false;
  for (int i = 0; i < op->nin; i++)
    in[i] = before_transpose(g, op, op->in[i], p);
  return sink(g, op, attrs, in, p);
}

/* The first operand that a transpose makes. */
static const Op *any_transpose(const Op *op) {
  for (int i = 0; i < op->nin; i++)
    if (transpose_of(op->in[i]) && !transpose_of(op->in[i])->in[0]->init)
      return transpose_of(op->in[i]);
  return NULL;
}

/* --- ops --------------------------------------------------------------- */

static bool sink_map(Graph *g, Op *op) {
  const Op *t = any_transpose(op);
  return t && perm_of(t)->n == op->out[0]->type->rank &&
         sink_all(g, op, &op->attrs, perm_of(t));
}

/* Parameters along an axis are those of the type, which moves along. */
static bool sink_unary(Graph *g, Op *op) {
  const Op *t = transpose_of(op->in[0]);
  return t && sink_first(g, op, &op->attrs, perm_of(t));
}

static bool sink_pad(Graph *g, Op *op) {
  const Op *t = transpose_of(op->in[0]);
  if (!t)
    return false;
  Attrs a = op->attrs;
  IntList back = perm_inverse(perm_of(t));
  a.pad.before = perm_list(&back, &a.pad.before);
  a.pad.after = perm_list(&back, &a.pad.after);
  return sink_first(g, op, &a, perm_of(t));
}

static bool sink_slice(Graph *g, Op *op) {
  const Op *t = transpose_of(op->in[0]);
  if (!t)
    return false;
  Attrs a = op->attrs;
  IntList back = perm_inverse(perm_of(t));
  a.slice.begin = perm_list(&back, &a.slice.begin);
  a.slice.stride = perm_list(&back, &a.slice.stride);
  return sink_first(g, op, &a, perm_of(t));
}

/* Joined tensors have as many dims as the result. */
static bool sink_concat(Graph *g, Op *op) {
  const Op *t = any_transpose(op);
  if (!t)
    return false;
  for (int i = 0; i < op->nin; i++)
    if (!is_free(g, op->in[i], perm_of(t)) || is_per_axis(op->in[i]->type))
      return false;
  Attrs a = op->attrs;
  a.axis.axis = perm_of(t)->v[a.axis.axis];
  return sink_all(g, op, &a, perm_of(t));
}

static bool sink_split(Graph *g, Op *op) {
  const Op *t = transpose_of(op->in[0]);
  if (!t)
    return false;
  Attrs a = op->attrs;
  a.axis.axis = perm_of(t)->v[a.axis.axis];
  return sink_first(g, op, &a, perm_of(t));
}

/* The dims that op takes away, as x has them; the rest behind p. */
static IntList perm_reduced(const Op *op, const IntList *p, unsigned gone) {
  return op->out[0]->type->rank == p->n ? *p : perm_without(p, gone);
}

/* A sum of floats goes over the reduced dims in their order, which x must
 * have, too. */
static bool keeps_sum(const Op *op, const IntList *p) {
  const IntList *axes = &op->attrs.axes.axes;
  bool ordered = dtype_is_float(op->in[0]->type->dtype) &&
                 op->kind != OP_reduce_max && op->kind != OP_reduce_min;
  unsigned mask = 0;
  int64_t last = -1;
  for (int i = 0; i < axes->n; i++)
    mask |= 1u << axes->v[i];
  for (int i = 0; i < p->n && ordered; i++) {
    if (!(mask >> i & 1) || op->in[0]->type->dim[i] == 1)
      continue;
    if (p->v[i] < last)
      return false;
    last = p->v[i];
  }
  return true;
}

static bool sink_reduction(Graph *g, Op *op) {
  const Op *t = transpose_of(op->in[0]);
  if (!t || !keeps_sum(op, perm_of(t)))
    return false;
  const IntList *p = perm_of(t);
  unsigned gone = 0;
  for (int i = 0; i < op->attrs.axes.axes.n; i++)
    gone |= 1u << p->v[op->attrs.axes.axes.v[i]];
  Attrs a = op->attrs;
  a.axes.axes.n = 0;
  for (int i = 0; i < p->n; i++)
    if (gone >> i & 1)
      a.axes.axes.v[a.axes.axes.n++] = i;
  IntList left = perm_reduced(op, p, gone);
  return sink_first(g, op, &a, &left);
}

static bool sink_arg(Graph *g, Op *op) {
  const Op *t = transpose_of(op->in[0]);
  if (!t)
    return false;
  Attrs a = op->attrs;
  a.arg.axis = perm_of(t)->v[a.arg.axis];
  IntList left = perm_reduced(op, perm_of(t), 1u << a.arg.axis);
  return sink_first(g, op, &a, &left);
}

static bool sink_cum(Graph *g, Op *op) {
  const Op *t = transpose_of(op->in[0]);
  if (!t)
    return false;
  Attrs a = op->attrs;
  a.cum.axis = perm_of(t)->v[a.cum.axis];
  return sink_first(g, op, &a, perm_of(t));
}

/* A list of indices takes the place of the axis. */
static bool sink_gather(Graph *g, Op *op) {
  const Op *t = transpose_of(op->in[0]);
  if (!t || op->in[1]->type->rank != 1)
    return false;
  Attrs a = op->attrs;
  a.gather.axis = perm_of(t)->v[a.gather.axis];
  return sink_first(g, op, &a, perm_of(t));
}

/* Along the last dim, which must be x's last. */
static bool sink_softmax(Graph *g, Op *op) {
  const Op *t = transpose_of(op->in[0]);
  if (!t)
    return false;
  const IntList *p = perm_of(t);
  return p->v[p->n - 1] == p->n - 1 && sink_first(g, op, &op->attrs, p);
}

static bool sink_broadcast(Graph *g, Op *op) {
  const Op *t = transpose_of(op->in[0]);
  return t && perm_of(t)->n == op->out[0]->type->rank &&
         sink_first(g, op, &op->attrs, perm_of(t));
}

static bool sink_reshape(Graph *g, Op *op) {
  const Op *t = transpose_of(op->in[0]);
  IntList shape, p;
  if (!t || is_per_axis(op->out[0]->type) ||
      !perm_through_reshape(perm_of(t), t->in[0]->type, op->out[0]->type,
                            &shape, &p))
    return false;
  const Type *y = type_with_shape(g->arena, op->out[0]->type, shape.n, shape.v);
  Value *view = make(g, op, OP_reshape, NULL, t->in[0], y);
  replace(g, op->out[0], make_transpose(g, op, view, &p));
  return true;
}

/* --- up ---------------------------------------------------------------- */

/* One of a constant goes at compile time anyway. */
static bool cancels(const Value *v, const IntList *back) {
  const Op *t = transpose_of(v);
  return t && !t->in[0]->init && perm_equal(perm_of(t), back);
}

/* What raising the transpose `op` above f costs: ops added less ops that go
 * away (its own, and those that cancel and have no other use). */
static int cost_of_raising(Graph *g, const Op *f, const IntList *back) {
  int cost = -1;
  for (int i = 0; i < f->nin; i++) {
    const Value *v = f->in[i];
    if (cancels(v, back))
      cost -= value_use_count(g, v) == 1;
    else
      cost += !is_free(g, v, back);
    if (v->type->rank != back->n && !is_free(g, v, back))
      return 1;
  }
  return cost;
}

static bool raise_transpose(Graph *g, Op *op) {
  Value *y = op->in[0];
  Op *f = y->def;
  if (!f || !(op_info(f->kind)->traits & T_MAP) || value_use_count(g, y) != 1)
    return false;
  IntList back = perm_inverse(perm_of(op));
  bool any = false;
  for (int i = 0; i < f->nin; i++)
    any = any || cancels(f->in[i], &back);
  if (!any || cost_of_raising(g, f, &back) >= 0)
    return false;
  Value **in = ARENA_ARRAY(g->arena, Value *, f->nin);
  for (int i = 0; i < f->nin; i++)
    in[i] = is_free(g, f->in[i], &back)
                ? before_transpose(g, op, f->in[i], &back)
                : make_transpose(g, op, f->in[i], perm_of(op));
  Op *up = graph_op(g, op, f->kind, &f->attrs, f->nin, in, 1, &op->out[0]->type,
                    NULL, f->loc);
  up->rounding = f->rounding;
  replace(g, op->out[0], up->out[0]);
  return true;
}

/* --- the pass ---------------------------------------------------------- */

typedef bool SinkFn(Graph *g, Op *op);

static SinkFn *const sinks[OP_COUNT] = {
    [OP_quantize] = sink_unary,
    [OP_dequantize] = sink_unary,
    [OP_pad] = sink_pad,
    [OP_strided_slice] = sink_slice,
    [OP_concat] = sink_concat,
    [OP_split] = sink_split,
    [OP_mean] = sink_reduction,
    [OP_reduce_sum] = sink_reduction,
    [OP_reduce_prod] = sink_reduction,
    [OP_reduce_max] = sink_reduction,
    [OP_reduce_min] = sink_reduction,
    [OP_argmax] = sink_arg,
    [OP_argmin] = sink_arg,
    [OP_cumsum] = sink_cum,
    [OP_cumprod] = sink_cum,
    [OP_gather] = sink_gather,
    [OP_softmax] = sink_softmax,
    [OP_broadcast] = sink_broadcast,
    [OP_reshape] = sink_reshape,
    [OP_transpose] = raise_transpose,
};

static bool sink_any(Graph *g, Op *op) {
  bool map = op_info(op->kind)->traits & T_MAP;
  SinkFn *f = map ? sink_map : sinks[op->kind];
  return f && f(g, op);
}

static const Rule rules[] = {
#define OP(name, attrs, member, nmin, nmax, nout, traits, doc)                 \
  {OP_##name, sink_any, "steps"},
#include "ir/ops.def"
#undef OP
};

static bool has_transpose(const Graph *g) {
  for (const Op *op = g->first; op; op = op->next)
    if (op->kind == OP_transpose)
      return true;
  return false;
}

bool pass_sink_transposes(Graph *g, PassCtx *c) {
  for (int before = -1; before != c->changed && has_transpose(g);) {
    before = c->changed;
    rewrite_graph(g, c, rules, sizeof rules / sizeof *rules);
    if (before != c->changed && !pass_canonicalize(g, c))
      return false;
  }
  return true;
}
