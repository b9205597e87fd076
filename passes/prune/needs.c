/* Which channels stay, backward through the graph and again until nothing
 * changes: every step only adds, so it ends. */
#include "passes/prune/channels.h"

static void keep(Prune *p, Channel *c, const Op *by, const char *why) {
  if (c->keep)
    return;
  c->keep = p->changed = true;
  c->by = by;
  c->why = why;
}

static void keep_all(Prune *p, const Value *v, const Op *by, const char *why) {
  Channels *c = channels_of(p, v);
  for (int64_t i = 0; i < c->n; i++)
    keep(p, &c->v[i], by, why);
}

/* --- convolutions and dense layers ------------------------------------- */

/* Would the biases stay in 32 bits with everything that may be folded in? */
static bool bias_has_room(const Prune *p, const Linear *l) {
  const Channel *x = channels_of(p, l->op->in[0])->v;
  for (int64_t o = 0; o < l->outputs; o++) {
    int64_t sum = linear_bias_int(l, o);
    sum = sum < 0 ? -sum : sum;
    for (int64_t i = 0; i < l->inputs; i++) {
      const Channel *c = &x[linear_channel(l, o, i)];
      for (int64_t t = 0; linear_takes(l, c) && t < l->taps; t++) {
        int64_t term =
            (c->lo - l->zero) * linear_int(l, o, linear_at(l, o, t, i));
        sum += term < 0 ? -term : term;
      }
    }
    if (sum > INT32_MAX)
      return false;
  }
  return true;
}

static bool reads(const Linear *l, int64_t o, int64_t i) {
  for (int64_t tap = 0; tap < l->taps; tap++)
    if (!linear_is_zero(l, o, linear_at(l, o, tap, i)))
      return true;
  return false;
}

static void sum_needs(Prune *p, const Linear *l) {
  const Op *op = l->op;
  Channels *x = channels_of(p, op->in[0]), *y = channels_of(p, op->out[0]);
  bool folds = dtype_is_float(l->x->dtype) || bias_has_room(p, l);
  for (int64_t i = 0; i < x->n; i++) {
    Channel *c = &x->v[i];
    bool taken = folds && linear_takes(l, c);
    for (int64_t o = 0; !c->keep && !taken && o < y->n; o++)
      if (y->v[o].keep && reads(l, o, i))
        keep(p, c, op,
             !c->constant ? "it is read"
             : folds      ? "it is constant, but not what pads it"
                          : "it is constant, but the bias has no room for it");
  }
}

/* Channel c and the products of it go together. */
static void depthwise_needs(Prune *p, const Linear *l) {
  Channels *x = channels_of(p, l->op->in[0]);
  Channels *y = channels_of(p, l->op->out[0]);
  for (int64_t o = 0; o < y->n; o++) {
    if (y->v[o].keep)
      keep(p, &x->v[o / l->group], l->op, "its product is read");
    if (x->v[o / l->group].keep)
      keep(p, &y->v[o], l->op, "its operand stays");
  }
}

static void linear_needs(Prune *p, const Linear *l) {
  bool grouped = !l->depthwise && l->group != l->outputs;
  if (l->depthwise) {
    depthwise_needs(p, l);
  } else if (grouped) {
    keep_all(p, l->op->in[0], l->op, "groups of channels stay whole");
    keep_all(p, l->op->out[0], l->op, "groups of channels stay whole");
  } else {
    sum_needs(p, l);
  }
}

/* --- all others -------------------------------------------------------- */

static void pair_needs(Prune *p, const Op *op) {
  Channels *y = channels_of(p, op->out[0]);
  for (int i = 0; i < op->nin; i++) {
    if (!op->in[i] || op->in[i]->init)
      continue;
    Channels *x = channels_of(p, op->in[i]);
    for (int64_t j = 0; j < y->n; j++) {
      int64_t k = channel_pair(op, i, j);
      if (k >= 0 && y->v[j].keep)
        keep(p, &x->v[k], op, "it is computed with one that stays");
      if (k >= 0 && x->v[k].keep)
        keep(p, &y->v[j], op, "it is computed from one that stays");
    }
  }
}

static void other_needs(Prune *p, const Op *op) {
  static const char *const why = "the op works across channels";
  for (int i = 0; i < op->nin; i++)
    if (op->in[i] && !op->in[i]->init)
      keep_all(p, op->in[i], op, why);
  for (int i = 0; i < op->nout; i++)
    keep_all(p, op->out[i], op, why);
}

static void op_needs(Prune *p, const Op *op) {
  Linear l;
  if (linear_of(op, &l))
    linear_needs(p, &l);
  else if (channels_pair(op))
    pair_needs(p, op);
  else
    other_needs(p, op);
}

static void border_needs(Prune *p) {
  const Graph *g = p->g;
  for (int i = 0; i < g->inputs.n; i++)
    keep_all(p, g->inputs.v[i], NULL, "the model takes it");
  for (int i = 0; i < g->outputs.n; i++)
    keep_all(p, g->outputs.v[i], NULL, "the model returns it");
  for (int i = 0; i < g->states.n; i++) {
    keep_all(p, g->states.v[i].in, NULL, "it is state");
    keep_all(p, g->states.v[i].out, NULL, "it is state");
  }
}

/* No tensor loses its last channel; true when one had to be kept for that. */
static bool keep_one_each(Prune *p) {
  p->changed = false;
  for (int k = 0; k < p->g->values.n; k++) {
    Channels *c = &p->of[k];
    bool any = !c->n;
    for (int64_t i = 0; i < c->n; i++)
      any |= c->v[i].keep;
    if (!any)
      keep(p, &c->v[0], NULL, "a tensor has at least one channel");
  }
  return p->changed;
}

void prune_needs(Prune *p) {
  border_needs(p);
  do {
    for (p->changed = true; p->changed;) {
      p->changed = false;
      for (const Op *op = p->g->last; op; op = op->prev)
        op_needs(p, op);
    }
  } while (keep_one_each(p));
}
