/* The steps of a recurrence, written out one after another, add up their
 * errors: a state of 8 bits loses what each step adds to it. So what a step
 * computes has activations of 16 bits, unless it was asked for otherwise:
 *
 *  - products by weights that three operators or more share;
 *  - light operators behind these, up to the next product, and before them,
 *    which is how a first step ends;
 *  - products whose results only these read (of all steps' inputs at once).
 *
 * TFLite's quantized LSTM has its gates and its state in 16 bits, too. */
#include "compress/quantize_roles.h"

enum { STEPS = 3 };

typedef struct Recurrence {
  Roles *r;
  bool *step; /* by op->index */
} Recurrence;

static bool is_shared(const Op *op) {
  int n = 0;
  const Value *w = op->in[1];
  for (int i = 0; i < w->uses.n; i++)
    n += w->uses.v[i].index == 1 && w->uses.v[i].op->kind == op->kind;
  return n >= STEPS;
}

static bool reads_step(const Recurrence *c, const Op *op) {
  for (int i = 0; i < op->nin; i++)
    if (op->in[i] && op->in[i]->def && c->step[op->in[i]->def->index])
      return true;
  return false;
}

static bool leads_to_step(const Recurrence *c, const Op *op) {
  for (int i = 0; i < op->nout; i++)
    for (int k = 0; k < op->out[i]->uses.n; k++)
      if (c->step[op->out[i]->uses.v[k].op->index])
        return true;
  return false;
}

/* Do steps alone read v, also behind moves? */
static bool is_for_steps(const Recurrence *c, const Value *v) {
  if (!v->uses.n || value_use_count(c->r->g, v) != v->uses.n)
    return false;
  for (int i = 0; i < v->uses.n; i++) {
    const Op *op = v->uses.v[i].op;
    bool moves = role_of(c->r, op) == ROLE_move;
    for (int k = 0; moves && k < op->nout; k++)
      if (value_use_count(c->r->g, op->out[k]) && !is_for_steps(c, op->out[k]))
        return false;
    if (!moves && !c->step[op->index])
      return false;
  }
  return true;
}

static void find_steps(Recurrence *c) {
  for (const Op *op = c->r->g->first; op; op = op->next) {
    Role role = role_of(c->r, op);
    if (role == ROLE_heavy)
      c->step[op->index] = op_weights(op) >= 0 && is_shared(op);
    else if (role == ROLE_light || role == ROLE_move)
      c->step[op->index] = reads_step(c, op);
  }
  for (const Op *op = c->r->g->last; op; op = op->prev) {
    Role role = role_of(c->r, op);
    if (role == ROLE_heavy)
      c->step[op->index] |= op_weights(op) >= 0 && is_for_steps(c, op->out[0]);
    else if (role == ROLE_light || role == ROLE_move)
      c->step[op->index] |= leads_to_step(c, op);
  }
}

void widen_recurrences(Arena *a, Roles *r) {
  Recurrence c = {r, ARENA_ARRAY(a, bool, r->g->nop)};
  LayerScheme *wide = arena_dup(a, &r->scheme->base, sizeof *wide);
  if (wide->activations != ACTIVATIONS_i8 &&
      wide->activations != ACTIVATIONS_u8)
    return;
  wide->activations = ACTIVATIONS_i16;
  find_steps(&c);
  for (const Op *op = r->g->first; op; op = op->next)
    if (c.step[op->index] && r->layer[op->index] == &r->scheme->base)
      r->layer[op->index] = wide;
}
