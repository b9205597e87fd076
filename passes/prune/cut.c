/* Cuts the channels that nobody keeps, out of types, weights, biases and
 * constant operands. What a removed channel of constants k added to a sum
 * goes into the bias:
 *
 *   bias'[o] = bias[o] + sum over taps and removed i of (k[i] - zx) * w[o, i]
 *
 * where padding, if any, looks like k (linear_takes). */
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

static int64_t folded_int(const Linear *l, const Channels *x, int64_t o) {
  int64_t sum = linear_bias_int(l, o);
  for (int64_t i = 0; i < l->inputs; i++) {
    const Channel *c = &x->v[linear_channel(l, o, i)];
    for (int64_t t = 0; !c->keep && c->constant && t < l->taps; t++)
      sum += (c->lo - l->zero) * linear_int(l, o, linear_at(l, o, t, i));
  }
  return sum;
}

/* Of a depthwise layer nothing is folded: an operand that goes takes its
 * product with it. Of floats only zeros go. */
static Value *new_bias(const Prune *p, const Linear *l, Kept outputs) {
  const Channels *x = channels_of(p, l->op->in[0]);
  const Value *old = op_in(l->op, 2);
  Arena *a = p->g->arena;
  if (l->depthwise || dtype_is_float(l->x->dtype))
    return old ? cut_const(p, old, 0, outputs) : NULL;
  const Type *t = old ? cut_type(a, old->type, 0, outputs)
                      : type_new(a, DT_i32, 1, &outputs.n, NULL);
  int32_t *data = ARENA_ARRAY(a, int32_t, outputs.n);
  bool any = old != NULL;
  for (int64_t k = 0; k < outputs.n; k++) {
    data[k] = (int32_t)folded_int(l, x, outputs.at[k]);
    any |= data[k] != 0;
  }
  const char *name =
      old ? old->name : arena_printf(a, "%s/bias", l->op->out[0]->name);
  return any ? graph_const(p->g, name, t, data) : NULL;
}

static void cut_linear(const Prune *p, Op *op, const Linear *l) {
  bool x_cut = is_cut(p, op->in[0]), y_cut = is_cut(p, op->out[0]);
  if (!x_cut && !y_cut)
    return;
  Kept outputs = kept_of(p, op->out[0]), inputs = kept_of(p, op->in[0]);
  Value *bias = new_bias(p, l, outputs);
  int last = op->in[1]->type->rank - 1;
  if (l->depthwise) {
    op_set_input(op, 1, cut_const(p, op->in[1], last, outputs));
  } else {
    if (y_cut)
      op_set_input(op, 1, cut_const(p, op->in[1], 0, outputs));
    if (x_cut)
      op_set_input(op, 1, cut_const(p, op->in[1], last, inputs));
  }
  if (op->nin > 2)
    op_set_input(op, 2, bias);
  else if (bias)
    op_add_input(op, bias);
}

/* --- all others -------------------------------------------------------- */

/* Constants that have the result's channels lose them with it. */
static void cut_operands(const Prune *p, Op *op) {
  if (!is_cut(p, op->out[0]) || op->kind == OP_reshape)
    return;
  int64_t n = channels_of(p, op->out[0])->n;
  Kept k = kept_of(p, op->out[0]);
  for (int i = 0; i < op->nin; i++) {
    const Value *v = op->in[i];
    if (v && v->init && v->type->rank && v->type->dim[v->type->rank - 1] == n)
      op_set_input(op, i, cut_const(p, v, v->type->rank - 1, k));
  }
}

static void cut_value(const Prune *p, Value *v) {
  Arena *a = p->g->arena;
  graph_set_type(p->g, v,
                 cut_type(a, v->type, v->type->rank - 1, kept_of(p, v)));
  graph_rename(p->g, v, arena_printf(a, "%s/kept", v->name));
}

int64_t prune_cut(Prune *p) {
  int64_t removed = 0;
  for (Op *op = p->g->first; op; op = op->next) {
    Linear l;
    if (linear_of(op, &l))
      cut_linear(p, op, &l);
    else if (channels_pair(op))
      cut_operands(p, op);
  }
  for (int i = 0; i < p->g->values.n; i++) {
    Value *v = p->g->values.v[i];
    if (!v || !is_cut(p, v))
      continue;
    int64_t before = channels_of(p, v)->n;
    cut_value(p, v);
    removed += before - v->type->dim[v->type->rank - 1];
  }
  return removed;
}
