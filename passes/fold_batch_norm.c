/* Float layers take in what is multiplied and added per channel, as batch
 * normalization and the preparation of images are. With (w, b) the weights
 * and bias of a convolution or dense layer L, c a constant that is one number
 * or one for each channel, o outputs and i inputs:
 *
 *   mul(L(x), c), div(L(x), 1/c)  ->  L'(x): w'[o] = w[o] c[o], b' = b c
 *   add(L(x), c), sub(L(x), -c)   ->  L'(x): b' = b + c
 *   L(mul(x, c))                  ->  L'(x): w'[.., i] = w[.., i] c[i]
 *   L(add(x, c)), no padding      ->  L'(x): b'[o] = b[o] + sum w[o, .., i]
 * c[i]
 *
 * Padding is zeros behind the multiplication as before it; an addition leaves
 * it alone, so that one is folded only where there is none. Scales and shifts
 * get to the layers through what lies between:
 *
 *   mul(concat(L1, L2), c)        ->  concat(mul(L1, c1), mul(L2, c2)); add too
 *   mul(pad(L), c), pad by 0      ->  pad(mul(L, c)); not add, 0 + c is not 0
 *   mul(mul(x, c), d)             ->  mul(x, c d); add too
 *
 * Weights and sums are rounded elsewhere than before: class reassoc. What
 * others read as well stays as it is, weights too: they would be stored
 * twice. */
#include <math.h>
#include <string.h>

#include "passes/rewrite.h"

/* y = scale x + shift in each of n channels, then act. */
typedef struct Affine {
  int64_t n;
  double *scale, *shift; /* (n) */
  Act act;
  bool scales, shifts; /* is some scale not 1, some shift not 0? */
} Affine;

static bool is_real(const Value *v) { return v->type->dtype == DT_f32; }

static int64_t channels(const Value *v) {
  return v->type->rank ? v->type->dim[v->type->rank - 1] : 1;
}

/* One number, or one for each of n channels. */
static bool is_per_channel(const Value *c, int64_t n) {
  int64_t count = type_count(c->type);
  return c->init && is_real(c) &&
         (count == 1 || (count == n && channels(c) == n));
}

static void set_channel(Affine *f, OpKind kind, int64_t i, double c) {
  f->scale[i] = kind == OP_mul ? c : kind == OP_div ? 1 / c : 1;
  f->shift[i] = kind == OP_add ? c : kind == OP_sub ? -c : 0;
  f->scales |= f->scale[i] != 1;
  f->shifts |= f->shift[i] != 0;
}

/* Is op such a function of in[0]? */
static bool affine_of(Graph *g, const Op *op, Affine *f) {
  bool is_kind = op->kind == OP_mul || op->kind == OP_div ||
                 op->kind == OP_add || op->kind == OP_sub;
  if (!is_kind || !is_real(op->out[0]) || op->in[0]->init ||
      !type_same_shape(op->in[0]->type, op->out[0]->type))
    return false;
  int64_t n = channels(op->in[0]);
  const Value *c = op->in[1];
  if (!is_per_channel(c, n))
    return false;
  *f = (Affine){n,
                ARENA_ARRAY(g->arena, double, n),
                ARENA_ARRAY(g->arena, double, n),
                op->kind == OP_div ? ACT_none : op->attrs.act.act,
                false,
                false};
  const float *data = c->init->data;
  for (int64_t i = 0; i < n; i++) {
    set_channel(f, op->kind, i, (double)data[type_count(c->type) == 1 ? 0 : i]);
    if (!isfinite(f->scale[i]) || !isfinite(f->shift[i]))
      return false;
  }
  return true;
}

/* --- layers ------------------------------------------------------------ */

static bool is_layer(const Op *op) {
  if (op->kind != OP_conv2d && op->kind != OP_depthwise_conv2d &&
      op->kind != OP_fully_connected)
    return false;
  const Value *bias = op_in(op, 2);
  return is_real(op->out[0]) && is_real(op->in[1]) && op->in[1]->init &&
         op->nin <= 3 && (!bias || bias->init);
}

/* The layer that makes v for one reader and does not clamp; NULL: none. */
static Op *layer_behind(const Graph *g, const Value *v) {
  Op *op = v->def;
  bool fits = op && value_use_count(g, v) == 1 && is_layer(op);
  return fits && *rewrite_activation(op) == ACT_none ? op : NULL;
}

static bool has_own_weights(const Graph *g, const Op *layer) {
  return value_use_count(g, layer->in[1]) == 1;
}

/* The layer behind v when f folds into it. */
static Op *layer_for(const Graph *g, const Value *v, const Affine *f) {
  Op *layer = layer_behind(g, v);
  return layer && (!f->scales || has_own_weights(g, layer)) ? layer : NULL;
}

static int64_t outputs(const Op *layer) { return channels(layer->out[0]); }

static int64_t output_of(const Op *layer, int64_t at) {
  const Type *w = layer->in[1]->type;
  if (layer->kind == OP_depthwise_conv2d)
    return at % w->dim[3];
  return at / (type_count(w) / w->dim[0]);
}

static int64_t input_of(const Op *layer, int64_t at) {
  const Type *w = layer->in[1]->type;
  int64_t depth = w->dim[w->rank - 1], n = channels(layer->in[0]);
  if (layer->kind == OP_depthwise_conv2d)
    return at % depth / (depth / n);
  int64_t per_group = w->dim[0] / (n / depth);
  return output_of(layer, at) / per_group * depth + at % depth;
}

static bool has_padding(const Op *layer) {
  for (int i = 0; i < 4 && layer->kind != OP_fully_connected; i++)
    if (layer->attrs.conv.pad.v[i])
      return true;
  return false;
}

static bool all_finite(const float *x, int64_t n) {
  for (int64_t i = 0; i < n; i++)
    if (!isfinite(x[i]))
      return false;
  return true;
}

/* Weights times scale[channel of each]; NULL: some are no numbers then. */
static Value *scaled_weights(Graph *g, const Op *layer, const Affine *f,
                             int64_t (*channel)(const Op *, int64_t)) {
  const Value *w = layer->in[1];
  const float *from = w->init->data;
  int64_t n = type_count(w->type);
  float *to = ARENA_ARRAY(g->arena, float, n);
  for (int64_t i = 0; i < n; i++)
    to[i] = (float)((double)from[i] * f->scale[channel(layer, i)]);
  return all_finite(to, n) ? graph_const(g, w->name, w->type, to) : NULL;
}

/* Biases, one for each output or more (ir/border.h), become scale[o] bias +
 * shift[o]; scale NULL: 1. */
static Value *moved_bias(Graph *g, const Op *layer, const double *scale,
                         const double *shift) {
  const Value *old = op_in(layer, 2);
  int64_t o = outputs(layer), n = old ? type_count(old->type) : o;
  float *to = ARENA_ARRAY(g->arena, float, n);
  for (int64_t i = 0; i < n; i++) {
    double b = old ? (double)((const float *)old->init->data)[i] : 0;
    to[i] = (float)((scale ? scale[i % o] : 1) * b + shift[i % o]);
  }
  const Type *t = old ? old->type : type_new(g->arena, DT_f32, 1, &o, NULL);
  const char *name =
      old ? old->name : arena_printf(g->arena, "%s/bias", layer->out[0]->name);
  return all_finite(to, n) ? graph_const(g, name, t, to) : NULL;
}

/* --- rules ------------------------------------------------------------- */

/* y holds what op's only output held. */
static bool take_place(Graph *g, Op *op, Value *y) {
  graph_replace_uses(g, op->out[0], y);
  if (!value_is_output(g, y))
    graph_swap_names(g, op->out[0], y);
  return true;
}

/* `layer` with other operands and activation in the place of op. */
static bool put_layer(Graph *g, Op *op, const Op *layer, Value *x, Value *w,
                      Value *bias, Act act) {
  Op probe = *layer;
  Value *in[] = {x, w, bias};
  *rewrite_activation(&probe) = act;
  Op *made = graph_op(g, op, layer->kind, &probe.attrs, bias ? 3 : 2, in, 1,
                      &op->out[0]->type, NULL, layer->loc);
  made->rounding = layer->rounding;
  return take_place(g, op, made->out[0]);
}

/* affine(L(x)) */
static bool fold_behind(Graph *g, Op *op) {
  Affine f;
  Op *layer = affine_of(g, op, &f) ? layer_for(g, op->in[0], &f) : NULL;
  if (!layer)
    return false;
  Value *w = layer->in[1], *bias = op_in(layer, 2);
  if (f.scales)
    w = scaled_weights(g, layer, &f, output_of);
  bool has_bias = bias || f.shifts;
  if (has_bias)
    bias = moved_bias(g, layer, f.scale, f.shift);
  return w && (bias || !has_bias) &&
         put_layer(g, op, layer, layer->in[0], w, bias, f.act);
}

/* What a shift of the inputs adds to each output. */
static double *shifted_sums(Graph *g, const Op *layer, const Affine *f) {
  const float *w = layer->in[1]->init->data;
  double *sum = ARENA_ARRAY(g->arena, double, outputs(layer));
  for (int64_t i = 0; i < type_count(layer->in[1]->type); i++)
    sum[output_of(layer, i)] += (double)w[i] * f->shift[input_of(layer, i)];
  return sum;
}

/* L(affine(x)) */
static bool fold_before(Graph *g, Op *layer) {
  Affine f;
  Op *op = layer->in[0]->def;
  if (!op || value_use_count(g, op->out[0]) != 1 || !is_layer(layer) ||
      !affine_of(g, op, &f) || (f.scales && !has_own_weights(g, layer)) ||
      f.act != ACT_none || (f.shifts && has_padding(layer)))
    return false;
  Value *w = layer->in[1], *bias = op_in(layer, 2);
  if (f.scales)
    w = scaled_weights(g, layer, &f, input_of);
  bool has_bias = bias || f.shifts;
  if (f.shifts)
    bias = moved_bias(g, layer, NULL, shifted_sums(g, layer, &f));
  return w && (bias || !has_bias) &&
         put_layer(g, layer, layer, op->in[0], w, bias,
                   *rewrite_activation(layer));
}

/* c's numbers for n channels from `first` on. */
static Value *part_of(Graph *g, Value *c, int64_t first, int64_t n) {
  if (type_count(c->type) == 1)
    return c;
  const float *from = c->init->data;
  const Type *t = type_new(g->arena, DT_f32, 1, &n, NULL);
  return graph_const(g, c->name, t, from + first);
}

static Value *like(Graph *g, Op *op, Value *x, Value *c) {
  Value *in[] = {x, c};
  Op *made =
      graph_op(g, op, op->kind, &op->attrs, 2, in, 1, &x->type, NULL, op->loc);
  return made->out[0];
}

/* affine(concat(L1, L2, ..)) */
static bool through_concat(Graph *g, Op *op) {
  Affine f;
  Op *concat = rewrite_only_def(g, op->in[0], OP_concat);
  if (!concat || !affine_of(g, op, &f) ||
      concat->attrs.axis.axis != op->out[0]->type->rank - 1)
    return false;
  for (int i = 0; i < concat->nin; i++)
    if (!layer_for(g, concat->in[i], &f))
      return false;
  Value **in = ARENA_ARRAY(g->arena, Value *, concat->nin);
  int64_t first = 0;
  for (int i = 0; i < concat->nin; i++) {
    int64_t n = channels(concat->in[i]);
    in[i] = like(g, op, concat->in[i], part_of(g, op->in[1], first, n));
    first += n;
  }
  Op *made = graph_op(g, op, OP_concat, &concat->attrs, concat->nin, in, 1,
                      &op->out[0]->type, NULL, concat->loc);
  return take_place(g, op, made->out[0]);
}

/* mul(pad(L)) */
static bool through_pad(Graph *g, Op *op) {
  Affine f;
  Op *pad = rewrite_only_def(g, op->in[0], OP_pad);
  if (!pad || pad->attrs.pad.value != 0 || !affine_of(g, op, &f) ||
      !layer_for(g, pad->in[0], &f) || f.shifts ||
      channels(pad->in[0]) != channels(op->in[0]))
    return false;
  Value *x = like(g, op, pad->in[0], op->in[1]);
  Op *made = graph_op(g, op, OP_pad, &pad->attrs, 1, &x, 1, &op->out[0]->type,
                      NULL, pad->loc);
  return take_place(g, op, made->out[0]);
}

/* mul(mul(x, c), d), add(add(x, c), d) */
static bool join(Graph *g, Op *op) {
  Affine inner, outer;
  Op *first = rewrite_only_def(g, op->in[0], op->kind);
  if (!first || !affine_of(g, first, &inner) || !affine_of(g, op, &outer) ||
      inner.act != ACT_none)
    return false;
  float *c = ARENA_ARRAY(g->arena, float, outer.n);
  for (int64_t i = 0; i < outer.n; i++)
    c[i] = op->kind == OP_mul ? (float)(inner.scale[i] * outer.scale[i])
                              : (float)(inner.shift[i] + outer.shift[i]);
  const Type *t = type_new(g->arena, DT_f32, 1, &outer.n, NULL);
  return all_finite(c, outer.n) &&
         take_place(
             g, op,
             like(g, op, first->in[0], graph_const(g, op->in[1]->name, t, c)));
}

/* clang-format off */
static const Rule rules[] = {
    {OP_mul, fold_behind, "scales folded"},
    {OP_div, fold_behind, "scales folded"},
    {OP_add, fold_behind, "shifts folded"},
    {OP_sub, fold_behind, "shifts folded"},
    {OP_conv2d, fold_before, "inputs folded"},
    {OP_depthwise_conv2d, fold_before, "inputs folded"},
    {OP_fully_connected, fold_before, "inputs folded"},
    {OP_mul, through_concat, "concats passed"},
    {OP_div, through_concat, "concats passed"},
    {OP_add, through_concat, "concats passed"},
    {OP_sub, through_concat, "concats passed"},
    {OP_mul, through_pad, "pads passed"},
    {OP_div, through_pad, "pads passed"},
    {OP_mul, join, "scales joined"},
    {OP_add, join, "shifts joined"},
};
/* clang-format on */

bool pass_fold_batch_norm(Graph *g, PassCtx *c) {
  rewrite_graph(g, c, rules, sizeof rules / sizeof *rules);
  return true;
}
