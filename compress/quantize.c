/* A float graph becomes one of quantize-dequantize islands, in three steps:
 * which operators become integer ones (quantize_roles.c); which values are
 * stored as integers, and how (quantize_places.c); and here
 *
 *   x -> quantize -> dequantize
 *
 * at each place, and weights and biases as constants before a dequantize.
 *
 * Where an operator computes in another element type than the one that made
 * its operand, a second pair stands between them. */
#include "compress/quantize.h"

#include <math.h>

#include "compress/quantize_dynamic.h"
#include "compress/quantize_means.h"
#include "compress/quantize_places.h"
#include "compress/quantize_weights.h"
#include "passes/pass.h"

typedef struct Quantizer {
  Graph *g;
  const Graph *f; /* that it is a clone of */
  const Calibration *ranges;
  const Roles *roles;
  Places *places;
  Dynamic dynamic;
  QuantizeReport *report;
  Arena *report_arena;
} Quantizer;

static Value *insert(Graph *g, Op *before, OpKind kind, Value *x, const Type *t,
                     const char *name) {
  Op *op = graph_op(g, before, kind, NULL, 1, &x, 1, &t, &name, (Loc){0});
  op->index = NEW_OP;
  return op->out[0];
}

/* quantize, dequantize of x before `at`; returns the reals. */
static Value *insert_pair(Graph *g, Op *at, Value *x, DType dtype,
                          const QuantParams *q, const char *name) {
  const Type *t = type_with_dtype(g->arena, x->type, dtype, q);
  Value *stored = insert(g, at, OP_quantize, x, t, name);
  return insert(g, at, OP_dequantize, stored, x->type,
                arena_printf(g->arena, "%s.dq", x->name));
}

static Value *dequantized(Graph *g, Op *at, Value *constant) {
  return insert(g, at, OP_dequantize, constant,
                type_with_dtype(g->arena, constant->type, DT_f32, NULL),
                arena_printf(g->arena, "%s.dq", constant->name));
}

/* ---- places ---- */

/* Does this reader of v take the integers? New ones do. */
static bool takes_integers(const Quantizer *z, const Op *reader) {
  return reader->index == NEW_OP || op_wants(z->roles, reader, false);
}

static void store_value(Quantizer *z, Value *v, const Place *at) {
  ARRAY(Use) uses = {0};
  for (int i = 0; i < v->uses.n; i++)
    ARRAY_PUSH(z->places->scratch, &uses, v->uses.v[i]);
  Op *before = v->def ? v->def->next : z->g->first;
  DType dtype = activation_dtype(at->scheme->activations);
  Value *real = insert_pair(z->g, before, v, dtype, at->q,
                            arena_printf(z->g->arena, "%s.q", v->name));
  Op *quantize = real->def->in[0]->def;
  if (at->whole) {
    graph_replace_uses(z->g, v, real);
    op_set_input(quantize, 0, v);
    return;
  }
  for (int i = 0; i < uses.n; i++)
    if (takes_integers(z, uses.v[i].op))
      op_set_input(uses.v[i].op, uses.v[i].index, real);
}

/* ---- operands ---- */

/* The parameters in which op reads operand i: those of its place, or those of
 * a pair put between. */
static const QuantParams *read_as(Quantizer *z, Op *op, int i) {
  const LayerScheme *s = z->roles->layer[op->index];
  Value *v = op->in[i];
  bool own;
  const QuantParams *q = place_read(z->places, v, s, &own);
  if (own)
    return q;
  DType dtype = activation_dtype(s->activations);
  const char *name =
      arena_printf(z->g->arena, "%s.%s", v->name, dtype_name(dtype));
  op_set_input(op, i, insert_pair(z->g, op, v, dtype, q, name));
  return q;
}

/* ---- constants ---- */

/* The axis of a layer's weights along which its output channels lie. */
static int channel_axis(const Op *op) {
  switch ((int)op->kind) {
  case OP_depthwise_conv2d:
    return 3;
  case OP_matmul:
    return op->in[1]->type->rank - 1;
  }
  return 0;
}

static bool is_short(WeightForm w) {
  return w == WEIGHTS_f16 || w == WEIGHTS_bf16;
}

static void shorten_weights(Quantizer *z, Op *op, WeightForm form) {
  Value *w = op->in[1];
  Value *stored =
      weights_shortened(z->g, w, form == WEIGHTS_f16 ? DT_f16 : DT_bf16);
  op_set_input(op, 1,
               insert(z->g, op, OP_cast, stored, w->type,
                      arena_printf(z->g->arena, "%s.dq", w->name)));
}

/* Steps of a recurrence, which share their weights, also share a bias. */
static bool corrects_bias(const Quantizer *z, const Op *op) {
  return z->roles->scheme->corrects_biases &&
         z->f->values.v[op->in[1]->id]->uses.n == 1;
}

/* The type that op's result is stored in, behind a clamp that it has; NULL: it
 * has none of 8 bits. */
static const Type *stored_result(const Quantizer *z, const Op *op) {
  const Value *v = op->out[0];
  while (value_is_clamped(z->roles, v))
    v = v->uses.v[0].op->out[0];
  const Place *at = place_at(z->places, v);
  DType t = at ? activation_dtype(at->scheme->activations) : DT_f32;
  return dtype_bits(t) == 8 ? type_with_dtype(z->g->arena, v->type, t, at->q)
                            : NULL;
}

/* Of a layer that reads integers in_scale is their scale, else 0, and the
 * bias stays; x is what it reads in the float graph. */
static void store_weights(Quantizer *z, Op *op, const Value *x,
                          float in_scale) {
  const LayerScheme *s = z->roles->layer[op->index];
  Value *bias = in_scale > 0 ? op_in(op, 2) : NULL;
  const float *reals = bias ? bias->init->data : NULL;
  Value *w = weights_stored(z->g, op->in[1], channel_axis(op), s, in_scale,
                            reals, in_scale > 0 ? stored_result(z, op) : NULL);
  if (bias && corrects_bias(z, op))
    reals = bias_corrected(z->places->scratch, op, w,
                           calibration_find(z->ranges, x->name));
  op_set_input(op, 1, dequantized(z->g, op, w));
  if (bias)
    op_set_input(
        op, 2,
        dequantized(z->g, op,
                    bias_stored(z->g, bias, reals, in_scale, w->type)));
}

/* A constant that is no single number: those need no type. */
static void store_constant(Quantizer *z, Op *op, int i) {
  Value *v = op->in[i];
  const LayerScheme *s = z->roles->layer[op->index];
  if (type_count(v->type) == 1)
    return;
  const QuantParams *q = activation_quant(z->g->arena, constant_range(v), s);
  const Type *t = type_with_dtype(z->g->arena, v->type,
                                  activation_dtype(s->activations), q);
  op_set_input(op, i, dequantized(z->g, op, constant_stored(z->g, v, t)));
}

/* Weights of a layer that computes on floats, in fewer bits. */
static void store_float_layer(Quantizer *z, Op *op) {
  WeightForm form = z->roles->layer[op->index]->weights;
  if (op_weights(op) < 0 || form == WEIGHTS_f32)
    return;
  if (is_short(form))
    shorten_weights(z, op, form);
  else
    store_weights(z, op, op->in[0], 0);
}

static void store_integer_op(Quantizer *z, Op *op) {
  bool has_weights = op_weights(op) >= 0;
  const Value *x = op->in[0];
  float in_scale = 0;
  for (int i = 0; i < (has_weights ? 1 : op->nin); i++) {
    Value *v = op->in[i];
    if (!v || v->type->dtype != DT_f32 || value_is_clamped(z->roles, v) ||
        role_of(z->roles, v->def) == ROLE_inner)
      continue;
    if (v->init)
      store_constant(z, op, i);
    else if (i == 0)
      in_scale = read_as(z, op, i)->scale[0];
    else
      read_as(z, op, i);
  }
  if (has_weights)
    store_weights(z, op, x, in_scale);
}

/* Constants that are joined to integers are in their type. */
static void store_joined(Quantizer *z, Op *concat) {
  Values roots = {0};
  place_roots(z->places, concat->out[0], &roots);
  const Place *at = roots.n ? place_at(z->places, roots.v[0]) : NULL;
  for (int i = 0; i < concat->nin && at; i++) {
    Value *v = concat->in[i];
    DType dtype = activation_dtype(at->scheme->activations);
    const Type *t = type_with_dtype(z->g->arena, v->type, dtype, at->q);
    if (v->init)
      op_set_input(concat, i,
                   dequantized(z->g, concat, constant_stored(z->g, v, t)));
  }
}

/* ---- the account ---- */

/* The constant v, or the one behind it; NULL: there is none. */
static const Value *constant_of(const Value *v) {
  while (v && v->def && v->def->nin == 1)
    v = v->def->in[0];
  return v && v->init ? v : NULL;
}

static int group_of(const Value *w) {
  const Value *c = constant_of(w);
  return c && c->type->q ? c->type->q->block : 0;
}

/* Scales of blocks are multiples of a channel's, of 4 bits. */
static int64_t stored_bytes(const Value *v) {
  const Value *c = constant_of(v);
  int64_t multiples = group_of(c) ? c->type->q->nscale : 0;
  return c ? type_bytes(c->type) + (multiples + 1) / 2 : 0;
}

static int64_t parameters(const Op *op) {
  const Value *bias = op->nin > 2 ? op->in[2] : NULL;
  return type_count(op->in[1]->type) + (bias ? type_count(bias->type) : 0);
}

/* Functions that have tables of 8 bits: of 16 bits they are floats between two
 * conversions. */
static bool wants_table(const Op *op) {
  return op->kind == OP_logistic || op->kind == OP_tanh ||
         op->kind == OP_leaky_relu;
}

/* Of op, whose result had that name and whose weights, if it has any, are
 * stored in w. */
static QuantizedOp account(const Quantizer *z, const Op *op, const char *name,
                           const Value *w) {
  bool is_float = role_of(z->roles, op) == ROLE_float;
  QuantizedOp row = {.name = arena_strdup(z->report_arena, name),
                     .kind = op->kind,
                     .scheme = *z->roles->layer[op->index],
                     .has_weights = w != NULL,
                     .why = is_float ? z->roles->why[op->index] : NULL};
  if (!row.why && row.scheme.activations == ACTIVATIONS_i16 && wants_table(op))
    row.why = "its table has 8 bits: computed in floats";
  if (w) {
    row.parameters = parameters(op);
    row.group = group_of(w);
    row.bytes = stored_bytes(w) + stored_bytes(op_in(op, 2));
  }
  return row;
}

static bool is_counted(const Quantizer *z, const Op *op) {
  Role role = role_of(z->roles, op);
  return role == ROLE_float || role == ROLE_dynamic || role_is_integer(role);
}

/* ---- all of it ---- */

/* Returns what the weights are stored in, NULL where there are none. */
static Value *store_op(Quantizer *z, Op *op) {
  bool has_weights = op_weights(op) >= 0;
  switch (role_of(z->roles, op)) {
  case ROLE_heavy:
  case ROLE_light:
    store_integer_op(z, op);
    break;
  case ROLE_dynamic:
    return dynamic_layer(&z->dynamic, op, channel_axis(op),
                         z->roles->layer[op->index]);
  case ROLE_float:
    store_float_layer(z, op);
    break;
  case ROLE_move:
    if (op->kind == OP_concat)
      store_joined(z, op);
    break;
  case ROLE_inner:
  case ROLE_other:
    break;
  }
  return has_weights ? op->in[1] : NULL;
}

/* ---- what no integer stands for ---- */

/* Is constant operand i of op to be integers? A single number of a light one
 * has no type. */
static bool becomes_integers(const Quantizer *z, const Op *op, int i) {
  Role role = role_of(z->roles, op);
  if (!op->in[i] || !op->in[i]->init || op->in[i]->type->dtype != DT_f32)
    return false;
  if (role == ROLE_light)
    return type_count(op->in[i]->type) > 1;
  return role == ROLE_heavy || role == ROLE_dynamic ||
         (role == ROLE_float && i == op_weights(op));
}

static bool check_numbers(const Quantizer *z, const Op *op, const Value *v) {
  const float *x = v->init->data;
  for (int64_t i = 0; i < type_count(v->type); i++)
    if (!isfinite(x[i]))
      return diag_error(z->g->diag, E0203, op->loc,
                        "'%s' holds %s, element %lld", v->name,
                        isnan(x[i]) ? "NaN" : "infinity", (long long)i);
  return true;
}

static bool check_constants(const Quantizer *z) {
  bool ok = true;
  for (const Op *op = z->g->first; op; op = op->next)
    for (int i = 0; i < op->nin; i++)
      if (becomes_integers(z, op, i))
        ok = check_numbers(z, op, op->in[i]) && ok;
  return ok;
}

static void store_all(Quantizer *z) {
  for (Op *op = z->g->first; op; op = op->next) {
    if (op->index == NEW_OP)
      continue;
    const char *name = op->nout ? op->out[0]->name : NULL;
    Value *w = store_op(z, op);
    if (z->report && is_counted(z, op))
      ARRAY_PUSH(z->report_arena, &z->report->ops, account(z, op, name, w));
  }
  for (int i = 0; i < z->places->n; i++)
    if (z->places->at[i].used)
      store_value(z, z->g->values.v[i], &z->places->at[i]);
}

static bool tidy(Graph *g) {
  for (Op *op = g->first; op; op = op->next)
    op->rounding = ROUND_onnx;
  g->rounding = ROUND_onnx;
  PassOptions passes = {.passes = "cse,dce", .allow = PASS_exact};
  return passes_run(g, &passes, NULL) && graph_verify(g);
}

Graph *quantize_graph(Arena *a, const Graph *f, const Scheme *s,
                      const Calibration *c, QuantizeReport *report) {
  Arena *scratch = arena_new();
  Graph *g = graph_clone(a, f);
  graph_number(g);
  Roles roles = roles_find(scratch, g, s);
  Places places;
  Quantizer z = {g,      f, c, &roles, &places, {.g = g, .scratch = scratch},
                 report, a};
  bool ok = places_find(scratch, g, s, c, &roles, &places);
  ok = check_constants(&z) && ok;
  if (ok)
    store_all(&z);
  ok = ok && tidy(g);
  arena_free(scratch);
  return ok ? g : NULL;
}
