/* The layers, units and groups of the working graph; which weights belong to
 * a unit, and what stays of each layer. Layers get weights and biases of
 * their own, so that they can be written.
 *
 * Not so layers that share weights (steps of a recurrence, branches of a
 * siamese network): apart they would take more room than together. They stay
 * as they are, with all that they read and make. */
#include <string.h>

#include "compress/prune/private.h"

/* --- layers --------------------------------------------------------------- */

static bool is_float(const TiedLayer *t) {
  return t->op->in[0]->type->dtype == DT_f32;
}

static int64_t rows_of(const TiedLayer *t) {
  const Type *x = t->op->in[0]->type, *y = t->op->out[0]->type;
  switch (t->op->kind) {
  case OP_conv2d:
  case OP_depthwise_conv2d:
    return type_count(y) / t->outputs;
  case OP_fully_connected:
  case OP_matmul:
    return type_count(x) / t->inputs;
  default:
    return 0;
  }
}

static float *own_copy(Pruner *p, Op *op, int index) {
  const Value *v = op->in[index];
  float *data =
      arena_dup(p->work->arena, v->init->data, (size_t)type_bytes(v->type));
  op_set_input(op, index, graph_const(p->work, v->name, v->type, data));
  return data;
}

static float *bias_of(Pruner *p, Layer *l) {
  if (l->op->kind == OP_matmul)
    return NULL;
  if (op_in(l->op, 2)) {
    l->nb = type_count(l->op->in[2]->type);
    return own_copy(p, l->op, 2);
  }
  l->nb = l->tied->outputs;
  const Type *t = type_new(p->work->arena, DT_f32, 1, &l->nb, NULL);
  float *data = ARENA_ARRAY(p->work->arena, float, l->nb);
  Value *b = graph_const(p->work, "bias", t, data);
  if (l->op->nin > 2)
    op_set_input(l->op, 2, b);
  else
    op_add_input(l->op, b);
  return data;
}

int64_t weight_at(const Layer *l, int64_t o, int64_t c) {
  return tied_weight(l->tied, o, c / l->tied->inputs, c % l->tied->inputs);
}

static const float *ordered_weights(Pruner *p, const Layer *l) {
  float *w = ARENA_ARRAY(p->arena, float, l->tied->outputs * l->n);
  for (int64_t o = 0; o < l->tied->outputs; o++)
    for (int c = 0; c < l->n - 1; c++)
      w[o * l->n + c] = l->own[weight_at(l, o, c)];
  return w;
}

/* ---- shared weights ---- */

/* The same constant, or one of the same content. */
static bool are_same(const Value *a, const Value *b) {
  return a == b || (type_equal(a->type, b->type) &&
                    memcmp(a->init->data, b->init->data,
                           (size_t)type_bytes(a->type)) == 0);
}

/* Before any layer has weights of its own. */
static void find_shared(const Pruner *p, Layer *l) {
  const Value *w = l->op->in[1];
  l->shared = w->uses.n > 1 || value_is_output(p->work, w);
  for (int i = 0; i < p->ties->layers.n; i++) {
    const TiedLayer *t = &p->ties->layers.v[i];
    if (t != l->tied && are_same(w, t->op->in[1])) {
      l->shared = true;
      l->repeated = l->repeated || t < l->tied;
    }
  }
}

static void hold(const Pruner *p, const TiedLayer *t) {
  for (int64_t o = 0; o < t->outputs; o++) {
    p->ties->held[ties_output(p->ties, t, o)] = true;
    for (int64_t i = 0; o % t->group == 0 && i < t->inputs; i++)
      p->ties->held[ties_column(p->ties, t, o, i)] = true;
  }
}

static void leave_alone(const Pruner *p, Layer *l) {
  hold(p, l->tied);
  l->nb = op_in(l->op, 2) && l->op->kind != OP_matmul
              ? type_count(l->op->in[2]->type)
              : 0;
  l->rows = 0;
  l->remark = "others have its weights, too: left as it is";
}

static void own_weights(Pruner *p, Layer *l) {
  l->w = own_copy(p, l->op, 1);
  l->b = bias_of(p, l);
  if (l->b)
    l->own_b = arena_dup(p->arena, l->b, (size_t)l->nb * sizeof *l->b);
}

/* ------------------------------------------------------------------------- */

static void add_layer(Pruner *p, const TiedLayer *t) {
  Layer l = {.tied = t, .op = t->op, .name = t->op->out[0]->name};
  l.groups = t->outputs / t->group;
  l.own = t->op->in[1]->init->data;
  l.nw = type_count(t->op->in[1]->type);
  l.rows = rows_of(t);
  if (t->taps * t->inputs >= COLUMNS_MAX)
    l.remark = "too many columns to solve for";
  l.n = (int)(t->taps * t->inputs) + 1;
  l.ordered = ordered_weights(p, &l);
  find_shared(p, &l);
  l.outs = ARENA_ARRAY(p->arena, int64_t, l.groups);
  l.ins = ARENA_ARRAY(p->arena, int64_t, l.groups);
  for (int64_t k = 0; k < l.groups; k++) {
    l.outs[k] = t->group;
    l.ins[k] = t->inputs;
  }
  ARRAY_PUSH(p->arena, &p->layers, l);
}

/* --- units ---------------------------------------------------------------- */

static int unit_of_class(Pruner *p, int64_t class_) {
  if (p->ties->held[class_])
    return -1;
  if (p->unit_of[class_] < 0) {
    p->unit_of[class_] = p->units.n;
    ARRAY_PUSH(p->arena, &p->units, (Unit){.class_ = class_});
  }
  return p->unit_of[class_];
}

int unit_of_output(const Pruner *p, const Layer *l, int64_t o) {
  return p->unit_of[ties_output(p->ties, l->tied, o)];
}

int unit_of_column(const Pruner *p, const Layer *l, int64_t k, int64_t i) {
  return p->unit_of[ties_column(p->ties, l->tied, k * l->tied->group, i)];
}

static void add_outputs(Pruner *p, int layer) {
  const Layer *l = &p->layers.v[layer];
  for (int64_t o = 0; o < l->tied->outputs; o++) {
    int u = unit_of_class(p, ties_output(p->ties, l->tied, o));
    if (u >= 0)
      ARRAY_PUSH(p->arena, &p->units.v[u].outputs,
                 ((Place){layer, o / l->tied->group, o}));
  }
}

/* Of units that some layer makes: others are nobody's to prune. */
static void add_columns(Pruner *p, int layer) {
  const Layer *l = &p->layers.v[layer];
  for (int64_t k = 0; k < l->groups; k++)
    for (int64_t i = 0; i < l->tied->inputs; i++) {
      int u = unit_of_column(p, l, k, i);
      if (u >= 0)
        ARRAY_PUSH(p->arena, &p->units.v[u].columns, ((Place){layer, k, i}));
    }
}

/* --- groups --------------------------------------------------------------- */

static bool is_made_by(const Group *g, const Unit *u) {
  int n = 0;
  for (int i = 0; i < u->outputs.n; i++) {
    int layer = u->outputs.v[i].layer;
    if (i && layer == u->outputs.v[i - 1].layer)
      continue;
    if (n == g->makers.n || g->makers.v[n++] != layer)
      return false;
  }
  return n == g->makers.n;
}

static int new_group(Pruner *p, const Unit *u) {
  Group g = {0};
  for (int i = 0; i < u->outputs.n; i++)
    if (!i || u->outputs.v[i].layer != u->outputs.v[i - 1].layer)
      ARRAY_PUSH(p->arena, &g.makers, u->outputs.v[i].layer);
  ARRAY_PUSH(p->arena, &p->groups, g);
  return p->groups.n - 1;
}

static void add_to_group(Pruner *p, int unit) {
  Unit *u = &p->units.v[unit];
  int k = p->groups.n - 1; /* units of one group follow each other, mostly */
  while (k >= 0 && !is_made_by(&p->groups.v[k], u))
    k--;
  u->group = k >= 0 ? k : new_group(p, u);
  ARRAY_PUSH(p->arena, &p->groups.v[u->group].units, unit);
}

/* ------------------------------------------------------------------------- */

static void make_units(Pruner *p) {
  p->unit_of = ARENA_ARRAY(p->arena, int, p->ties->nodes);
  for (int64_t i = 0; i < p->ties->nodes; i++)
    p->unit_of[i] = -1;
  for (int i = 0; i < p->layers.n; i++)
    add_outputs(p, i);
  for (int i = 0; i < p->layers.n; i++)
    add_columns(p, i);
  for (int u = 0; u < p->units.n; u++)
    add_to_group(p, u);
  for (int k = 0; k < p->groups.n; k++)
    p->groups.v[k].curve =
        ARENA_ARRAY(p->arena, double, p->groups.v[k].units.n + 1);
}

bool prune_view(Pruner *p) {
  p->ties = ties_find(p->arena, p->work);
  for (int i = 0; i < p->ties->layers.n; i++)
    if (is_float(&p->ties->layers.v[i]))
      add_layer(p, &p->ties->layers.v[i]);
  for (int i = 0; i < p->layers.n; i++) {
    Layer *l = &p->layers.v[i];
    if (l->shared)
      leave_alone(p, l);
    else
      own_weights(p, l);
  }
  make_units(p);
  if (p->layers.n)
    return true;
  return diag_error(p->g->diag, E0302, (Loc){.file = p->g->file},
                    "no layer of floats with constant weights to prune");
}

/* --- what stays ----------------------------------------------------------- */

bool column_is_gone(const Pruner *p, const Layer *l, int64_t k, int64_t c) {
  int u = unit_of_column(p, l, k, c % l->tied->inputs);
  return u >= 0 && p->units.v[u].gone;
}

bool output_is_gone(const Pruner *p, const Layer *l, int64_t o) {
  int u = unit_of_output(p, l, o);
  return u >= 0 && p->units.v[u].gone;
}

void unit_go(Pruner *p, int unit, bool gone) {
  Unit *u = &p->units.v[unit];
  int64_t by = gone ? -1 : 1;
  u->gone = gone;
  for (int i = 0; i < u->outputs.n; i++)
    p->layers.v[u->outputs.v[i].layer].outs[u->outputs.v[i].group] += by;
  for (int i = 0; i < u->columns.n; i++)
    p->layers.v[u->columns.v[i].layer].ins[u->columns.v[i].group] += by;
}

void prune_sizes(const Pruner *p, int64_t *params, int64_t *macs) {
  *params = *macs = 0;
  for (int i = 0; i < p->layers.n; i++) {
    const Layer *l = &p->layers.v[i];
    int64_t places = type_count(l->op->out[0]->type) / l->tied->outputs;
    for (int64_t k = 0; k < l->groups; k++) {
      int64_t weights = l->outs[k] * l->ins[k] * l->tied->taps;
      *params +=
          (l->repeated ? 0 : weights) + l->outs[k] * (l->nb / l->tied->outputs);
      *macs += weights * places;
    }
  }
}

/* --- zeros ---------------------------------------------------------------- */

static void zero_output(const Layer *l, int64_t o) {
  for (int64_t c = 0; c < l->n - 1; c++)
    l->w[weight_at(l, o, c)] = 0;
  for (int64_t i = o; i < l->nb; i += l->tied->outputs)
    l->b[i] = 0;
}

static void zero_column(const Layer *l, const Place *at) {
  for (int64_t o = 0; o < l->tied->group; o++)
    for (int64_t t = 0; t < l->tied->taps; t++)
      l->w[tied_weight(l->tied, at->group * l->tied->group + o, t, at->i)] = 0;
}

void prune_write_zeros(Pruner *p) {
  for (int k = 0; k < p->units.n; k++) {
    const Unit *u = &p->units.v[k];
    for (int i = 0; u->gone && i < u->outputs.n; i++)
      zero_output(&p->layers.v[u->outputs.v[i].layer], u->outputs.v[i].i);
    for (int i = 0; u->gone && i < u->columns.n; i++)
      zero_column(&p->layers.v[u->columns.v[i].layer], &u->columns.v[i]);
  }
}

void prune_restore(Pruner *p) {
  for (int i = 0; i < p->layers.n; i++) {
    Layer *l = &p->layers.v[i];
    if (l->w)
      memcpy(l->w, l->own, (size_t)l->nw * sizeof *l->w);
    if (l->b)
      memcpy(l->b, l->own_b, (size_t)l->nb * sizeof *l->b);
  }
}
