/* See pairs.h. */
#include "compress/recover/pairs.h"

#include "passes/rewrite.h"

/* On the way from a to b: element e of the value is of channel e / run % n. */
typedef struct Way {
  const Value *v;
  int64_t n, run;
  bool may_shift;
} Way;

static bool is_homogeneous(Act a) { return a == ACT_none || a == ACT_relu; }

static bool channels_are_last(const Way *w) {
  const Type *t = w->v->type;
  return w->run == 1 && t->rank && t->dim[t->rank - 1] == w->n;
}

static bool pass_through(Way *w, const Op *op) {
  (void)op;
  return w->n > 0;
}

static bool pass_leaky(Way *w, const Op *op) {
  w->may_shift = false;
  return op->attrs.leaky.alpha > 0;
}

static bool pass_pool(Way *w, const Op *op) {
  return channels_are_last(w) && is_homogeneous(op->attrs.pool.act);
}

static bool pass_mean(Way *w, const Op *op) {
  const IntList *axes = &op->attrs.axes.axes;
  for (int i = 0; i < axes->n; i++)
    if (axes->v[i] == w->v->type->rank - 1)
      return false;
  return channels_are_last(w);
}

static bool pass_pad(Way *w, const Op *op) {
  const PadAttrs *a = &op->attrs.pad;
  int last = w->v->type->rank - 1;
  w->may_shift = false;
  return channels_are_last(w) && a->value == 0 && !a->before.v[last] &&
         !a->after.v[last];
}

static bool pass_transpose(Way *w, const Op *op) {
  const Type *t = op->out[0]->type;
  int at = 0;
  if (!channels_are_last(w))
    return false;
  while (op->attrs.perm.perm.v[at] != t->rank - 1)
    at++;
  for (int i = at + 1; i < t->rank; i++)
    w->run *= t->dim[i];
  return true;
}

static const struct {
  OpKind kind;
  bool (*pass)(Way *w, const Op *op);
} ways[] = {
    {OP_relu, pass_through},     {OP_reshape, pass_through},
    {OP_leaky_relu, pass_leaky}, {OP_max_pool2d, pass_pool},
    {OP_avg_pool2d, pass_pool},  {OP_mean, pass_mean},
    {OP_pad, pass_pad},          {OP_transpose, pass_transpose},
};

static bool pass_op(Way *w, const Op *op) {
  for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
    if (ways[i].kind == op->kind)
      return op->out[0]->type->dtype == DT_f32 && ways[i].pass(w, op);
  return false;
}

/* Has l floats of its own? */
static bool is_own(const Graph *g, const Layer *l) {
  return l->weight->type->dtype == DT_f32 &&
         value_use_count(g, l->weight) == 1 &&
         (!l->bias ||
          (l->bias->type->dtype == DT_f32 && value_use_count(g, l->bias) == 1));
}

static bool reads_padding(const Layer *l) {
  for (int i = 0; i < 4 && l->has_window; i++)
    if (l->op->attrs.conv.pad.v[i])
      return true;
  return false;
}

/* Do b's columns stand for the channels? */
static bool ends(const Way *w, const Layer *b) {
  if (b->op->in[0] != w->v)
    return false;
  return b->has_window ? channels_are_last(w) : b->k % (w->run * w->n) == 0;
}

/* The layer that alone reads what a makes. */
static bool find_reader(const Graph *g, Pair *p) {
  Way w = {p->a.op->out[0], p->a.outputs, 1, true};
  if (!is_homogeneous(*rewrite_activation(p->a.op)))
    return false;
  for (;;) {
    if (value_use_count(g, w.v) != 1 || w.v->uses.n != 1)
      return false;
    Op *op = w.v->uses.v[0].op;
    if (layer_of(op, &p->b)) {
      p->run = w.run;
      p->may_shift =
          w.may_shift && !reads_padding(&p->b) && layer_takes_bias(&p->b);
      return ends(&w, &p->b) && is_own(g, &p->b);
    }
    if (!pass_op(&w, op))
      return false;
    w.v = op->out[0];
  }
}

Pairs pairs_of(Arena *a, const Graph *g) {
  Pairs pairs = {{0}};
  for (Op *op = g->first; op; op = op->next) {
    Pair p;
    if (layer_of(op, &p.a) && layer_takes_bias(&p.a) && is_own(g, &p.a) &&
        find_reader(g, &p))
      ARRAY_PUSH(a, &pairs.all, p);
  }
  return pairs;
}

int64_t pair_channel(const Pair *p, int64_t o, int64_t j) {
  const Layer *b = &p->b;
  if (!b->has_window)
    return j / p->run % p->a.outputs;
  return layer_group(b, o) * b->depth + j % b->depth;
}
