/* Float layers take in what is multiplied and added per channel, as batch
 * normalization and the preparation of images are. With (w, b) the weights
 * and bias of a convolution or dense layer L, c a constant that is one number
 * or one for each channel, o outputs, i inputs and t taps:
 *
 *   mul(L(x), c), div(L(x), 1/c)  ->  L'(x): w'[o] = w[o] c[o], b' = b c
 *   add(L(x), c), sub(L(x), -c)   ->  L'(x): b' = b + c
 *   L(mul(x, c))                  ->  L'(x): w'[.., i] = w[.., i] c[i]
 *   L(add(x, c))                  ->  L'(x): b'[o] = b[o] + the sum over t, i
 *                                              of w[o, t, i] c[i]
 *   L(transpose(mul(x, c)))       ->  L'(transpose(x)), c along the channels
 *                                     that L sees; add too
 *
 * Padding is zeros behind the multiplication as before it; an addition leaves
 * it alone, so that taps in the padding add no w c. A padded conv2d gets a bias
 * for each class of its border then (ir/border.h), one that is no conv2d, or
 * has more classes than taps, keeps the addition. Scales and shifts get to the
 * layers through what lies between:
 *
 *   mul(concat(L1, L2), c)        ->  concat(mul(L1, c1), mul(L2, c2)); add too
 *   mul(pad(L), c), pad by 0      ->  pad(mul(L, c)); not add, 0 + c is not 0
 *   mul(mul(x, c), d)             ->  mul(x, c d); add too
 *
 * A product with a constant matrix that stands beside such an op is a dense
 * layer, of the same sums in the same order, and from there on as above:
 *
 *   matmul(x, w)                  ->  fully_connected(x, w') with
 *                                     w'[n, k] = w[k, n]
 *
 * Weights and sums are rounded elsewhere than before: class reassoc. What
 * others read as well stays as it is, weights too: they would be stored
 * twice. */
#include <math.h>
#include <string.h>

#include "ir/border.h"
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

/* One number, or one for each of the n channels that are `behind` dimensions
 * before the last. */
static bool is_per_channel(const Value *c, int64_t n, int behind) {
  int64_t count = type_count(c->type);
  int axis = c->type->rank - 1 - behind;
  return c->init && is_real(c) &&
         (count == 1 || (count == n && axis >= 0 && c->type->dim[axis] == n));
}

static void set_channel(Affine *f, OpKind kind, int64_t i, double c) {
  f->scale[i] = kind == OP_mul ? c : kind == OP_div ? 1 / c : 1;
  f->shift[i] = kind == OP_add ? c : kind == OP_sub ? -c : 0;
  f->scales |= f->scale[i] != 1;
  f->shifts |= f->shift[i] != 0;
}

/* Is op such a function of in[0], along that axis? */
static bool affine_along(Graph *g, const Op *op, int axis, Affine *f) {
  bool is_kind = op->kind == OP_mul || op->kind == OP_div ||
                 op->kind == OP_add || op->kind == OP_sub;
  if (!is_kind || !is_real(op->out[0]) || op->in[0]->init ||
      !type_same_shape(op->in[0]->type, op->out[0]->type))
    return false;
  const Type *x = op->in[0]->type;
  int64_t n = x->rank ? x->dim[axis] : 1;
  const Value *c = op->in[1];
  if (!is_per_channel(c, n, x->rank - 1 - axis))
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

static bool affine_of(Graph *g, const Op *op, Affine *f) {
  return affine_along(g, op, op->out[0]->type->rank - 1, f);
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
  if (layer->kind == OP_fully_connected)
    return at % n;
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

static const char *bias_name(Graph *g, const Op *layer) {
  const Value *old = op_in(layer, 2);
  return old ? old->name
             : arena_printf(g->arena, "%s/bias", layer->out[0]->name);
}

/* Biases, one for each output or more (ir/border.h), become scale[o] bias +
 * shift[o]. */
static Value *moved_bias(Graph *g, const Op *layer, const Affine *f) {
  const Value *old = op_in(layer, 2);
  int64_t o = outputs(layer), n = old ? type_count(old->type) : o;
  float *to = ARENA_ARRAY(g->arena, float, n);
  for (int64_t i = 0; i < n; i++) {
    double b = old ? (double)((const float *)old->init->data)[i] : 0;
    to[i] = (float)(f->scale[i % o] * b + f->shift[i % o]);
  }
  const Type *t = old ? old->type : type_new(g->arena, DT_f32, 1, &o, NULL);
  return all_finite(to, n) ? graph_const(g, bias_name(g, layer), t, to) : NULL;
}

/* Is there a bias that takes in a shift of the layer's inputs? */
static bool takes_shift(const Op *layer) {
  return !has_padding(layer) || border_pays(layer);
}

/* Adds what a shift of the inputs adds to the sums at that place. */
static void add_shifts(const Op *layer, const Affine *f, int64_t oy, int64_t ox,
                       double *sum) {
  const Type *w = layer->in[1]->type;
  const float *weight = layer->in[1]->init->data;
  bool pads = has_padding(layer);
  for (int64_t i = 0; i < type_count(w); i++) {
    int64_t tap = pads ? i / w->dim[3] % (w->dim[1] * w->dim[2]) : 0;
    if (!pads || border_sees(layer, tap, oy, ox))
      sum[output_of(layer, i)] +=
          (double)weight[i] * f->shift[input_of(layer, i)];
  }
}

/* Biases with the shifted inputs in them: one for each class of the border
 * where the layer pads. */
static Value *shifted_bias(Graph *g, const Op *layer, const Affine *f) {
  const Value *old = op_in(layer, 2);
  bool had = border_is_bias(layer), border = had || has_padding(layer);
  Border b = {.y.outputs = 1, .x.outputs = 1};
  if (border)
    (void)border_of(layer, &b);
  int64_t o = outputs(layer);
  int64_t dim[] = {border_classes(&b.y), border_classes(&b.x), o};
  int64_t n = dim[0] * dim[1] * o;
  float *to = ARENA_ARRAY(g->arena, float, n);
  double *sum = ARENA_ARRAY(g->arena, double, n);
  for (int64_t c = 0; c < dim[0] * dim[1]; c++)
    add_shifts(layer, f, border_output(&b.y, c / dim[1]),
               border_output(&b.x, c % dim[1]), sum + c * o);
  for (int64_t i = 0; i < n; i++) {
    const float *was = old ? old->init->data : NULL;
    to[i] = (float)((was ? (double)was[had ? i : i % o] : 0) + sum[i]);
  }
  const Type *t = border ? type_new(g->arena, DT_f32, 3, dim, NULL)
                         : type_new(g->arena, DT_f32, 1, &o, NULL);
  return all_finite(to, n) ? graph_const(g, bias_name(g, layer), t, to) : NULL;
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
    bias = moved_bias(g, layer, &f);
  return w && (bias || !has_bias) &&
         put_layer(g, op, layer, layer->in[0], w, bias, f.act);
}

/* The transpose in front of the layer that nothing else reads; or NULL. */
static Op *transpose_before(const Graph *g, const Op *layer) {
  return rewrite_only_def(g, layer->in[0], OP_transpose);
}

/* The op in front of the layer, and of a transpose there, when it is a
 * function of the layer's channels; NULL: it is not, or others read it. */
static Op *affine_before(Graph *g, const Op *layer, Affine *f) {
  const Op *t = transpose_before(g, layer);
  const Value *x = t ? t->in[0] : layer->in[0];
  int axis = x->type->rank - 1;
  if (t)
    axis = (int)t->attrs.perm.perm.v[axis];
  bool fits =
      x->def && value_use_count(g, x) == 1 && affine_along(g, x->def, axis, f);
  return fits ? x->def : NULL;
}

/* Do f's channels stand for columns of the weights, as they do but for rows
 * of a dense layer that begin within a pixel? */
static bool goes_with_weights(const Op *layer, const Affine *f) {
  return layer->kind != OP_fully_connected ||
         (f->n && layer->in[1]->type->dim[1] % f->n == 0);
}

/* L(affine(x)), L(transpose(affine(x))) */
static bool fold_before(Graph *g, Op *layer) {
  Affine f;
  Op *op = is_layer(layer) ? affine_before(g, layer, &f) : NULL;
  if (!op || f.act != ACT_none || !goes_with_weights(layer, &f) ||
      (f.scales && !has_own_weights(g, layer)) ||
      (f.shifts && !takes_shift(layer)))
    return false;
  Value *w = layer->in[1], *bias = op_in(layer, 2), *x = op->in[0];
  if (f.scales)
    w = scaled_weights(g, layer, &f, input_of);
  bool has_bias = bias || f.shifts;
  if (f.shifts)
    bias = shifted_bias(g, layer, &f);
  if (!w || (has_bias && !bias))
    return false;
  const Op *t = transpose_before(g, layer);
  if (t)
    x = graph_op(g, layer, OP_transpose, &t->attrs, 1, &x, 1,
                 &layer->in[0]->type, NULL, t->loc)
            ->out[0];
  return put_layer(g, layer, layer, x, w, bias, *rewrite_activation(layer));
}

/* --- products ---------------------------------------------------------- */

/* Is a function of channels right before the product, or right behind? */
static bool is_beside_affine(Graph *g, const Op *product) {
  Affine f;
  const Value *x = product->in[0], *y = product->out[0];
  if (x->def && value_use_count(g, x) == 1 && affine_of(g, x->def, &f))
    return true;
  return y->uses.n == 1 && value_use_count(g, y) == 1 &&
         y->uses.v[0].index == 0 && affine_of(g, y->uses.v[0].op, &f);
}

/* w[k, n] as w'[n, k] */
static Value *turned(Graph *g, const Value *w) {
  int64_t k = w->type->dim[0], n = w->type->dim[1], dim[] = {n, k};
  const float *from = w->init->data;
  float *to = ARENA_ARRAY(g->arena, float, n *k);
  for (int64_t i = 0; i < n * k; i++)
    to[i] = from[i % k * n + i / k];
  return graph_const(g, w->name, type_new(g->arena, DT_f32, 2, dim, NULL), to);
}

/* matmul(x, w) */
static bool make_dense(Graph *g, Op *product) {
  Value *w = product->in[1];
  if (!is_real(product->out[0]) || !is_real(w) || !w->init ||
      w->type->rank != 2 || product->in[0]->init ||
      !type_count(product->in[0]->type) || !type_count(w->type) ||
      value_use_count(g, w) != 1 || !is_beside_affine(g, product))
    return false;
  Value *in[] = {product->in[0], turned(g, w)};
  Op *dense = graph_op(g, product, OP_fully_connected, NULL, 2, in, 1,
                       &product->out[0]->type, NULL, product->loc);
  return take_place(g, product, dense->out[0]);
}

/* --- what lies between ------------------------------------------------- */

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
    {OP_matmul, make_dense, "products made dense"},
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
