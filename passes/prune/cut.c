/* Cuts the channels that nobody keeps, out of types, weights, biases
 * (bias.c) and constant operands. The weights on a removed twin i of r are
 * added to those on r, as x[i] = x[r]:
 *
 *   w[o, i] * x[i] + w[o, r] * x[r] = (w[o, i] + w[o, r]) * x[r] */
#include <string.h>

#include "ir/element.h"
#include "passes/prune/channels.h"

/* Old indices of what stays; n of them. */
typedef struct Kept {
  int64_t n;
  int64_t *at;
} Kept;

static Kept kept_of(const Prune *p, const Value *v) {
  const Channels *c = channels_of(p, v);
  Kept k = {0, ARENA_ARRAY(p->scratch, int64_t, c->n)};
  for (int64_t i = 0; i < c->n; i++)
    if (c->v[i].keep)
      k.at[k.n++] = i;
  return k;
}

/* Constants, those made by the cut too, have no channels of their own. */
static bool is_cut(const Prune *p, const Value *v) {
  if (v->init)
    return false;
  const Channels *c = channels_of(p, v);
  for (int64_t i = 0; i < c->n; i++)
    if (!c->v[i].keep)
      return true;
  return false;
}

/* Scales of the indices that stay, where they go along `axis`. */
static const QuantParams *cut_quant(Arena *a, const QuantParams *q, int axis,
                                    Kept k) {
  if (!q || q->axis != axis)
    return q;
  QuantParams *cut = ARENA_NEW(a, QuantParams);
  float *scale = ARENA_ARRAY(a, float, k.n);
  int32_t *zero = ARENA_ARRAY(a, int32_t, k.n);
  for (int64_t i = 0; i < k.n; i++) {
    scale[i] = q->scale[k.at[i]];
    zero[i] = q->zero_point[k.at[i]];
  }
  *cut = *q;
  cut->nscale = (int)k.n;
  cut->scale = scale;
  cut->zero_point = zero;
  return cut;
}

static const Type *cut_type(Arena *a, const Type *t, int axis, Kept k) {
  Type cut = *t;
  cut.dim[axis] = k.n;
  return type_new(a, t->dtype, t->rank, cut.dim, cut_quant(a, t->q, axis, k));
}

/* A constant with only the kept indices of one axis. */
static Value *cut_const(const Prune *p, const Value *v, int axis, Kept k) {
  Arena *a = p->g->arena;
  const Type *t = v->type, *cut = cut_type(a, t, axis, k);
  int64_t inner = 1, outer = 1;
  for (int d = 0; d < t->rank; d++)
    *(d < axis ? &outer : &inner) *= d == axis ? 1 : t->dim[d];
  void *data = arena_alloc(a, (size_t)type_bytes(cut));
  memset(data, 0, (size_t)type_bytes(cut));
  int64_t to = 0;
  for (int64_t o = 0; o < outer; o++)
    for (int64_t i = 0; i < k.n; i++)
      for (int64_t j = 0; j < inner; j++) {
        int64_t from = (o * t->dim[axis] + k.at[i]) * inner + j;
        element_store(t->dtype, data, to++,
                      element_load(t->dtype, v->init->data, from));
      }
  return graph_const(p->g, v->name, cut, data);
}

/* --- convolutions and dense layers ------------------------------------- */

/* Where the weights of a column go to: position in the new weights of its
 * group, -1: nowhere. `inputs` columns of each group stay. */
typedef struct Columns {
  int64_t inputs;
  int64_t *to; /* (groups * l->inputs) */
} Columns;

static int64_t group_of(const Linear *l, int64_t o) {
  return l->depthwise ? 0 : o / l->group;
}

/* Of the columns of output o's group. */
static void column_targets(const Prune *p, const Linear *l, int64_t o,
                           Columns *c) {
  const Channel *x = channels_of(p, l->op->in[0])->v;
  const Verdict *v = linear_verdicts(p, l);
  int64_t *to = c->to + group_of(l, o) * l->inputs, next = 0;
  for (int64_t i = 0; i < l->inputs; i++)
    to[i] = x[linear_channel(l, o, i)].keep ? next++ : -1;
  for (int64_t i = 0; i < l->inputs; i++) {
    int64_t j = linear_channel(l, o, i), r = x[j].twin;
    if (!x[j].keep && v[j].fate == FATE_merged && x[r].keep)
      to[i] = to[i - (j - r) * l->inner];
  }
  c->inputs = next > c->inputs ? next : c->inputs;
}

static Columns columns_of(const Prune *p, const Linear *l) {
  int64_t groups = l->depthwise ? 1 : l->outputs / l->group;
  Columns c = {l->depthwise,
               ARENA_ARRAY(p->scratch, int64_t, groups * l->inputs)};
  for (int64_t g = 0; g < groups && !l->depthwise; g++)
    column_targets(p, l, g * l->group, &c);
  return c;
}

static const Type *cut_weight_type(Arena *a, const Linear *l, Kept outputs,
                                   int64_t inputs) {
  int last = l->w->rank - 1;
  int out = l->depthwise || l->op->kind == OP_matmul ? last : 0;
  Type t = *cut_type(a, l->w, out, outputs);
  if (!l->depthwise)
    t.dim[out ? last - 1 : last] = inputs;
  return type_new(a, t.dtype, t.rank, t.dim, t.q);
}

/* Adds a twin's weight to one that is there; both are minus their zero
 * point, which is the same. */
static void add_weight(const Linear *l, void *data, int64_t to, int64_t o,
                       int64_t from) {
  DType t = l->w->dtype;
  uint64_t bits = element_load(t, data, to);
  if (dtype_is_float(t))
    bits = element_from_double(t, element_to_double(t, bits) +
                                      linear_float(l, from));
  else
    bits += (uint64_t)linear_int(l, o, from);
  element_store(t, data, to, bits);
}

/* Columns that stay first, then what is merged into them. */
static void move_weights(const Linear *l, const Linear *to, const Columns *c,
                         int64_t o, int64_t new_o, void *data) {
  const int64_t *target = c->to + group_of(l, o) * l->inputs;
  int64_t next = 0;
  for (int64_t i = 0; i < l->inputs; i++) {
    bool stays = target[i] == next;
    next += stays;
    for (int64_t t = 0; target[i] >= 0 && t < l->taps; t++) {
      int64_t at = linear_at(to, new_o, t, target[i]);
      int64_t from = linear_at(l, o, t, i);
      if (stays)
        element_store(
            l->w->dtype, data, at,
            element_load(l->w->dtype, l->op->in[1]->init->data, from));
      else
        add_weight(l, data, at, o, from);
    }
  }
}

static Value *cut_weights(const Prune *p, const Linear *l, Kept outputs) {
  Arena *a = p->g->arena;
  Columns c = columns_of(p, l);
  const Type *t = cut_weight_type(a, l, outputs, c.inputs);
  Linear to = *l;
  to.outputs = outputs.n;
  to.inputs = c.inputs;
  void *data = arena_alloc(a, (size_t)type_bytes(t));
  for (int64_t k = 0; k < outputs.n; k++)
    move_weights(l, &to, &c, outputs.at[k], k, data);
  return graph_const(p->g, l->op->in[1]->name, t, data);
}

static void cut_linear(const Prune *p, Op *op, const Linear *l) {
  if (!is_cut(p, op->in[0]) && !is_cut(p, op->out[0]))
    return;
  Kept outputs = kept_of(p, op->out[0]);
  Value *bias = l->biased ? prune_bias(p, l, outputs.n, outputs.at) : NULL;
  op_set_input(op, 1, cut_weights(p, l, outputs));
  if (op->nin > 2)
    op_set_input(op, 2, bias);
  else if (bias)
    op_add_input(op, bias);
}

/* --- all others -------------------------------------------------------- */

/* Constants that have the result's channels lose them with it. */
static void cut_operands(const Prune *p, Op *op) {
  for (int i = 0; is_cut(p, op->out[0]) && i < op->nin; i++) {
    int axis = channels_const_axis(p, op, i);
    if (axis >= 0)
      op_set_input(op, i,
                   cut_const(p, op->in[i], axis, kept_of(p, op->out[0])));
  }
}

/* A slice begins behind what stays of the channels before it. */
static void cut_begin(const Prune *p, Op *op) {
  const Channels *x = channels_of(p, op->in[0]);
  IntList *begin = &op->attrs.slice.begin;
  int64_t kept = 0;
  for (int64_t i = 0; begin->n && i < begin->v[x->axis]; i++)
    kept += x->v[i].keep != CAUSE_none;
  if (begin->n)
    begin->v[x->axis] = kept;
}

static void cut_value(const Prune *p, Value *v) {
  Arena *a = p->g->arena;
  graph_set_type(p->g, v,
                 cut_type(a, v->type, channels_of(p, v)->axis, kept_of(p, v)));
  if (!str_has_suffix(v->name, "/kept"))
    graph_rename(p->g, v, arena_printf(a, "%s/kept", v->name));
}

static void cut_op(const Prune *p, Op *op) {
  Linear l;
  if (linear_of(p, op, &l)) {
    cut_linear(p, op, &l);
  } else if (channels_pair(p, op)) {
    cut_operands(p, op);
    if (op->kind == OP_strided_slice)
      cut_begin(p, op);
  }
}

int64_t prune_cut(Prune *p) {
  int64_t removed = 0;
  for (Op *op = p->g->first; op; op = op->next)
    cut_op(p, op);
  for (int i = 0; i < p->g->values.n; i++) {
    Value *v = p->g->values.v[i];
    if (!v || !is_cut(p, v))
      continue;
    const Channels *c = channels_of(p, v);
    cut_value(p, v);
    removed += c->n - v->type->dim[c->axis];
  }
  return removed;
}
