/* See quantize_ties.h. An operator is tried on types alone (ir/island.h). */
#include "compress/quantize_ties.h"

#include <math.h>

#include "compress/quantize_weights.h"
#include "ir/island.h"

enum {
  TRIES = 16, /* with mantissas of 5 bits to twice the scale */
  ALL_BITS = 24
};

/* The operator that is tried, its operands as they are stored. */
typedef struct Probe {
  Op op;
  Value operand[2], result;
  Value *in[2], *out[1];
} Probe;

/* A single number c is +-1 in the scale |c|, as fold-scales has it. */
static void set_scalar(Arena *a, const Value *v, Value *to) {
  static const int8_t one = 1;
  static const Const data = {.data = &one};
  float c = fabsf(*(const float *)v->init->data);
  const QuantParams *q = quant_per_tensor(a, c > 0 ? c : 1, 0, DT_i8);
  to->type = type_with_dtype(a, v->type, DT_i8, q);
  to->init = &data;
}

static void set_operand(Places *p, const LayerScheme *s, Value *v, Value *to) {
  Arena *a = p->scratch;
  if (v->init && type_count(v->type) == 1) {
    set_scalar(a, v, to);
    return;
  }
  bool own;
  const QuantParams *q = v->init ? activation_quant(a, constant_range(v), s)
                                 : place_read(p, v, s, &own);
  to->type = type_with_dtype(a, v->type, activation_dtype(s->activations), q);
}

static void set_probe(Places *p, const Op *op, const LayerScheme *s,
                      Probe *to) {
  *to = (Probe){.op = *op};
  to->op.rounding = ROUND_onnx;
  to->op.in = to->in;
  to->op.out = to->out;
  to->out[0] = &to->result;
  for (int i = 0; i < op->nin; i++) {
    to->in[i] = &to->operand[i];
    set_operand(p, s, op->in[i], to->in[i]);
  }
}

static bool is_exact(const Op *op) {
  const Type *x = op->in[0]->type, *y = op->out[0]->type;
  int pairs;
  switch ((int)op->kind) {
  case OP_add:
  case OP_sub:
  case OP_mul:
    return island_pair_differences(op, &pairs) == 0;
  case OP_mean:
  case OP_avg_pool2d:
    return island_average_is_exact(x, y, type_count(x) / type_count(y));
  }
  return true;
}

static const QuantParams *params_of(Arena *a, const LayerScheme *s,
                                    const QuantChoice *c) {
  return quant_per_tensor(a, c->scale, c->zero_point,
                          activation_dtype(s->activations));
}

/* The first scale that is exact; false: none of those tried. */
static bool find_exact(Places *p, Probe *probe, const Value *v, Place *at,
                       Range r) {
  QuantForm form = activation_form(at->scheme);
  DType t = activation_dtype(at->scheme->activations);
  float scale = at->q->scale[0];
  for (int i = 0; i < TRIES; i++) {
    QuantChoice c = quant_of_scale(r, &form, scale);
    const QuantParams *q = params_of(p->g->arena, at->scheme, &c);
    probe->result.type = type_with_dtype(p->scratch, v->type, t, q);
    if (is_exact(&probe->op)) {
      at->q = q;
      return true;
    }
    scale = scale_next(scale, form.scale_bits);
  }
  return false;
}

/* op's result is stored as v is, at `at`. Integers have no step for windows
 * whose averages make ties (passes/fold_scales.c). */
static void settle(Places *p, const Op *op, const Value *v, Place *at) {
  Range r = place_range(p, v, at->scheme);
  QuantForm form = activation_form(at->scheme);
  bool has_step = op->kind != OP_avg_pool2d || window_is_whole(op);
  Probe probe;
  set_probe(p, op, at->scheme, &probe);
  if (has_step && find_exact(p, &probe, v, at, r))
    return;
  form.scale_bits = ALL_BITS;
  QuantChoice c = quant_of_range(r, &form);
  at->q = params_of(p->g->arena, at->scheme, &c);
}

void ties_settle(Places *p) {
  for (const Op *op = p->g->first; op; op = op->next) {
    if (role_of(p->roles, op) != ROLE_light || op->nin > 2)
      continue;
    Value *v = op->out[0];
    while (value_is_clamped(p->roles, v))
      v = v->uses.v[0].op->out[0];
    Place *at = &p->at[v->id];
    bool is_own = at->used && !at->joined && !at->shares;
    if (is_own && dtype_bits(activation_dtype(at->scheme->activations)) == 8)
      settle(p, op, v, at);
  }
}
