/* Which channels stay, backward through the graph and again until nothing
 * changes: every step only adds, so it ends. A channel that stays for another
 * one stays for that one's reason. */
#include "passes/prune/channels.h"

static void keep(Prune *p, Channel *c, Cause cause, const Op *by,
                 const char *why) {
  if (c->keep >= cause)
    return;
  c->keep = cause;
  c->by = by;
  c->why = why;
  p->changed = true;
}

static void keep_all(Prune *p, const Value *v, const Op *by, const char *why) {
  Channels *c = channels_of(p, v);
  for (int64_t i = 0; i < c->n; i++)
    keep(p, &c->v[i], CAUSE_need, by, why);
}

/* --- convolutions and dense layers ------------------------------------- */

/* What output o depends on. */
static void output_needs(Prune *p, const Linear *l, const Verdict *verdicts,
                         int64_t o) {
  Channel *x = channels_of(p, l->op->in[0])->v;
  for (int64_t i = 0; i < l->inputs; i++) {
    int64_t c = linear_channel(l, o, i);
    const Verdict *v = &verdicts[c];
    Channel *stays = &x[v->fate == FATE_merged ? x[c].twin : c];
    if (v->fate != FATE_folded && stays->keep < CAUSE_need &&
        linear_reads(l, o, i))
      keep(p, stays, CAUSE_need, l->op, v->why ? v->why : "they are read");
  }
}

static void sum_needs(Prune *p, const Linear *l) {
  const Channels *y = channels_of(p, l->op->out[0]);
  const Verdict *v = linear_verdicts(p, l);
  for (int64_t o = 0; o < y->n; o++)
    if (y->v[o].keep)
      output_needs(p, l, v, o);
}

/* --- groups --------------------------------------------------------------- */

static int64_t count_kept(const Channel *c, int64_t n) {
  int64_t kept = 0;
  for (int64_t i = 0; i < n; i++)
    kept += c[i].keep != CAUSE_none;
  return kept;
}

/* Groups of `size` channels that stay keep as many as each other. */
static void equalize(Prune *p, const Op *op, Channels *c, int64_t size,
                     const bool *stays) {
  int64_t most = 1;
  for (int64_t g = 0; g < c->n / size; g++) {
    int64_t kept = count_kept(c->v + g * size, size);
    most = kept > most ? kept : most;
  }
  for (int64_t g = 0; g < c->n / size; g++) {
    Channel *of = c->v + g * size;
    int64_t missing = stays[g] ? most - count_kept(of, size) : 0;
    for (int64_t i = 0; missing > 0; i++)
      if (!of[i].keep) {
        keep(p, &of[i], CAUSE_shape, op,
             "groups keep as many channels as others");
        missing--;
      }
  }
}

/* A group goes with all of its inputs and outputs, or stays. */
static void groups_stay(Prune *p, const Linear *l) {
  Channels *x = channels_of(p, l->op->in[0]);
  Channels *y = channels_of(p, l->op->out[0]);
  int64_t groups = x->n / l->inputs;
  bool *stays = ARENA_ARRAY(p->scratch, bool, groups);
  for (int64_t g = 0; g < groups; g++)
    stays[g] = count_kept(x->v + g * l->inputs, l->inputs) ||
               count_kept(y->v + g * l->group, l->group);
  equalize(p, l->op, x, l->inputs, stays);
  equalize(p, l->op, y, l->group, stays);
}

/* Why a channel stays that a layer or op behind makes something other of. */
static const char *differs(const Channel *x, const Channel *y, int64_t j) {
  if (x->constant && !y->constant)
    return "what is made of them is not";
  return x->twin != j ? "what is made of them differs" : y->why;
}

/* Groups of one input. */
static void depthwise_needs(Prune *p, const Linear *l) {
  Channels *x = channels_of(p, l->op->in[0]);
  Channels *y = channels_of(p, l->op->out[0]);
  for (int64_t o = 0; o < y->n; o++) {
    int64_t c = o / l->group;
    bool padded = x->v[c].constant && !y->v[o].constant;
    if (y->v[o].keep)
      keep(p, &x->v[c], y->v[o].keep, padded ? l->op : y->v[o].by,
           padded ? "they meet the padding of a depthwise layer"
                  : differs(&x->v[c], &y->v[o], c));
  }
  groups_stay(p, l);
}

static void linear_needs(Prune *p, const Linear *l) {
  if (l->depthwise)
    depthwise_needs(p, l);
  else
    sum_needs(p, l);
  if (!l->depthwise && l->group != l->outputs)
    groups_stay(p, l);
}

/* --- all others -------------------------------------------------------- */

/* Channel k of operand i, or -1, goes into channel j of output o. */
static void pair_channel(Prune *p, const Op *op, int i, int o, int64_t k,
                         int64_t j) {
  Channel *x = channels_of(p, op->in[i])->v, *y = channels_of(p, op->out[o])->v;
  if (k >= 0 && y[j].keep)
    keep(p, &x[k], y[j].keep, y[j].by, differs(&x[k], &y[j], k));
  if (k >= 0 && x[k].keep)
    keep(p, &y[j], CAUSE_along, op, "the op computes them along with others");
}

static void pair_one(Prune *p, const Op *op, int i, int o) {
  Channels *y = channels_of(p, op->out[o]);
  bool spread = channels_spread(p, op, i);
  int64_t span = channel_span(p, op);
  for (int64_t j = 0; j < y->n; j++) {
    int64_t k = channel_pair(p, op, i, o, j);
    for (int64_t n = 0; n < span; n++)
      pair_channel(p, op, i, o, k < 0 ? k : k + n, j);
    if (spread && y->v[j].keep)
      keep_all(p, op->in[i], op, "all channels depend on them");
  }
}

static void pair_needs(Prune *p, const Op *op) {
  for (int i = 0; i < op->nin; i++)
    for (int o = 0; o < op->nout && op->in[i] && !op->in[i]->init; o++)
      pair_one(p, op, i, o);
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
  if (linear_of(p, op, &l))
    linear_needs(p, &l);
  else if (channels_pair(p, op))
    pair_needs(p, op);
  else
    other_needs(p, op);
}

static void border_needs(Prune *p) {
  const Graph *g = p->g;
  for (int i = 0; i < g->inputs.n; i++)
    keep_all(p, g->inputs.v[i], NULL, "the model takes them");
  for (int i = 0; i < g->outputs.n; i++)
    keep_all(p, g->outputs.v[i], NULL, "the model returns them");
  for (int i = 0; i < g->states.n; i++) {
    keep_all(p, g->states.v[i].in, NULL, "they are state");
    keep_all(p, g->states.v[i].out, NULL, "they are state");
  }
}

/* No tensor loses its last channel; true when one had to be kept for that. */
static bool keep_one_each(Prune *p) {
  p->changed = false;
  for (int k = 0; k < p->g->values.n; k++) {
    Channels *c = &p->of[k];
    if (c->n && !count_kept(c->v, c->n))
      keep(p, &c->v[0], CAUSE_shape, NULL, "a tensor has at least one channel");
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
