/* See layer.h. */
#include "compress/recover/layer.h"

#include <math.h>
#include <string.h>

#include "compress/recover/stored.h"
#include "ir/blocks.h"

/* ---- finding ---- */

/* Does op make floats of a constant that is stored as something smaller? */
static bool widens_constant(const Op *op) {
  if (!op || !op->nin || !op->in[0]->init || op->out[0]->type->dtype != DT_f32)
    return false;
  const Type *t = op->in[0]->type;
  return op->kind == OP_dequantize
             ? t->q != NULL
             : op->kind == OP_cast && dtype_is_float(t->dtype);
}

/* The constant that v is, or that v is made of; NULL: neither. */
static Value *constant_behind(Value *v) {
  if (!v)
    return NULL;
  if (v->init)
    return v->type->dtype == DT_f32 ? v : NULL;
  return widens_constant(v->def) ? v->def->in[0] : NULL;
}

static bool describe_window(Layer *l) {
  const Type *w = l->weight->type, *x = l->op->in[0]->type;
  const Type *y = l->op->out[0]->type;
  bool depthwise = l->op->kind == OP_depthwise_conv2d;
  if (w->rank != 4 || x->rank != 4)
    return false;
  l->has_window = true;
  l->depth = depthwise ? 1 : w->dim[3];
  l->groups = x->dim[3] / l->depth;
  l->outputs = depthwise ? w->dim[3] : w->dim[0];
  l->k = w->dim[1] * w->dim[2] * l->depth;
  l->stride_o = depthwise ? 1 : l->k;
  l->stride_j = depthwise ? l->outputs : 1;
  l->rows = y->dim[0] * y->dim[1] * y->dim[2];
  return true;
}

static bool describe_dense(Layer *l) {
  const Type *w = l->weight->type;
  bool is_matmul = l->op->kind == OP_matmul;
  if (w->rank != 2 || (is_matmul && l->op->nin > 2))
    return false;
  l->groups = 1;
  l->outputs = w->dim[is_matmul];
  l->depth = l->k = w->dim[!is_matmul];
  l->stride_o = is_matmul ? 1 : l->k;
  l->stride_j = is_matmul ? l->outputs : 1;
  l->rows = type_count(l->op->in[0]->type) / l->k;
  return true;
}

static const struct {
  OpKind kind;
  bool (*describe)(Layer *l);
} kinds[] = {
    {OP_conv2d, describe_window},
    {OP_depthwise_conv2d, describe_window},
    {OP_fully_connected, describe_dense},
    {OP_matmul, describe_dense},
};

static bool (*describe_of(OpKind k))(Layer *) {
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    if (kinds[i].kind == k)
      return kinds[i].describe;
  return NULL;
}

bool layer_of(Op *op, Layer *out) {
  bool (*describe)(Layer *) = describe_of(op->kind);
  if (!describe || op->nin > 3 || op->out[0]->type->dtype != DT_f32 ||
      op->in[0]->type->dtype != DT_f32 || op->in[0]->init)
    return false;
  bool has_bias = op->kind != OP_matmul && op_in(op, 2);
  *out = (Layer){.op = op, .weight = constant_behind(op->in[1])};
  out->bias = has_bias ? constant_behind(op->in[2]) : NULL;
  return out->weight && (out->bias || !has_bias) && describe(out);
}

Layers layers_of(Arena *a, const Graph *g) {
  Layers layers = {{0}};
  Layer l;
  for (Op *op = g->first; op; op = op->next)
    if (layer_of(op, &l))
      ARRAY_PUSH(a, &layers.all, l);
  return layers;
}

/* ---- reading ---- */

int64_t layer_group(const Layer *l, int64_t o) {
  return o / (l->outputs / l->groups);
}

int64_t layer_at(const Layer *l, int64_t o, int64_t j) {
  return o * l->stride_o + j * l->stride_j;
}

float *layer_weights(Arena *a, const Layer *l) {
  const float *from = stored_reals(a, l->weight->type, l->weight->init->data);
  float *w = ARENA_ARRAY(a, float, l->outputs * l->k);
  for (int64_t o = 0; o < l->outputs; o++)
    for (int64_t j = 0; j < l->k; j++)
      w[o * l->k + j] = from[layer_at(l, o, j)];
  return w;
}

double *layer_biases(Arena *a, const Layer *l, int64_t *n) {
  *n = l->bias ? type_count(l->bias->type) : l->outputs;
  double *b = ARENA_ARRAY(a, double, *n);
  if (!l->bias)
    return b;
  const float *from = stored_reals(a, l->bias->type, l->bias->init->data);
  for (int64_t i = 0; i < *n; i++)
    b[i] = (double)from[i];
  return b;
}

static void window_row(const Layer *l, const float *x, int64_t row,
                       int64_t group, float *to) {
  const ConvAttrs *a = &l->op->attrs.conv;
  const int64_t *in = l->op->in[0]->type->dim, *w = l->weight->type->dim;
  const int64_t *out = l->op->out[0]->type->dim;
  int64_t image = row / (out[1] * out[2]);
  int64_t top = row / out[2] % out[1] * a->stride.v[0] - a->pad.v[0];
  int64_t left = row % out[2] * a->stride.v[1] - a->pad.v[2];
  size_t bytes = (size_t)l->depth * sizeof *to;
  for (int64_t t = 0; t < w[1] * w[2]; t++, to += l->depth) {
    int64_t y = top + t / w[2] * a->dilation.v[0];
    int64_t c = left + t % w[2] * a->dilation.v[1];
    if (y < 0 || y >= in[1] || c < 0 || c >= in[2])
      memset(to, 0, bytes);
    else
      memcpy(to,
             x + ((image * in[1] + y) * in[2] + c) * in[3] + group * l->depth,
             bytes);
  }
}

void layer_row(const Layer *l, const float *x, int64_t row, int64_t group,
               float *to) {
  if (l->has_window)
    window_row(l, x, row, group, to);
  else
    memcpy(to, x + row * l->k, (size_t)l->k * sizeof *to);
}

bool layer_takes_bias(const Layer *l) { return l->op->kind != OP_matmul; }

/* ---- writing ---- */

/* A constant in the place of `old`. */
static Value *replace_constant(Value *old, Graph *g, const Type *t,
                               const void *data) {
  Value *made = graph_const(g, old->name, t, data);
  graph_replace_uses(g, old, made);
  graph_swap_names(g, old, made);
  graph_remove_value(g, old);
  return made;
}

void layer_set_weight(Layer *l, const Type *t, const void *data) {
  l->weight = replace_constant(l->weight, l->op->graph, t, data);
}

const Type *layer_input_type(const Layer *l) {
  const Op *op = l->op->in[0]->def;
  while (op && (op_info(op->kind)->traits & T_MOVE) && op->nin == 1)
    op = op->in[0]->def;
  return op && op->kind == OP_dequantize ? op->in[0]->type : NULL;
}

/* The units of the accumulators, as the type of n integers of `dtype`; NULL:
 * they are floats. */
static const Type *accumulator_type(const Layer *l, DType dtype) {
  Arena *a = l->op->graph->arena;
  const Type *x = layer_input_type(l), *w = l->weight->type;
  if (!x || x->q->nscale != 1 || !w->q || w->q->codebook)
    return NULL;
  const float *unit = w->q->block ? blocks_units(a, w) : w->q->scale;
  int n = w->q->block ? (int)l->outputs : w->q->nscale;
  bool per_output = n == l->outputs && l->outputs > 1;
  if (n > 1 && !per_output)
    return NULL;
  QuantParams q = {.axis = per_output ? 0 : -1, .nscale = n};
  float *scale = ARENA_ARRAY(a, float, q.nscale);
  for (int i = 0; i < q.nscale; i++)
    scale[i] = x->q->scale[0] * unit[i];
  q.scale = scale;
  q.zero_point = ARENA_ARRAY(a, int32_t, q.nscale);
  q.qmin = dtype == DT_i64 ? INT64_MIN : dtype_min(dtype);
  q.qmax = dtype == DT_i64 ? INT64_MAX : dtype_max(dtype);
  return type_new(a, dtype, 1, &l->outputs, &q);
}

static void *integer_biases(Arena *a, const Type *t, const double *b) {
  int64_t n = type_count(t);
  int64_t *levels = ARENA_ARRAY(a, int64_t, n);
  for (int64_t i = 0; i < n; i++) {
    double q = rint(b[i] / (double)t->q->scale[type_entry(t, i)]);
    double limit = (double)INT32_MAX;
    levels[i] = (int64_t)fmin(fmax(q, -limit), limit);
  }
  return stored_bytes(a, t, levels);
}

static void *real_biases(Arena *a, const double *b, int64_t n) {
  float *to = ARENA_ARRAY(a, float, n);
  for (int64_t i = 0; i < n; i++)
    to[i] = (float)b[i];
  return to;
}

static void set_operand(Op *op, int i, Value *v) {
  if (op->nin > i)
    op_set_input(op, i, v);
  else
    op_add_input(op, v);
}

/* v, a constant or made of one, goes away if nothing reads it any more, and
 * its heir gets its name. */
static void retire(Graph *g, Value *v, Value *heir) {
  if (value_use_count(g, v))
    return;
  graph_swap_names(g, v, heir);
  if (!v->def) {
    graph_remove_value(g, v);
    return;
  }
  Value *from = v->def->in[0];
  graph_remove_op(g, v->def);
  retire(g, from, constant_behind(heir));
}

/* The op's operand 2 becomes v, in the place of another or of none. */
static void replace_bias(Layer *l, Value *v) {
  Value *old = op_in(l->op, 2);
  set_operand(l->op, 2, v);
  l->bias = constant_behind(v);
  if (old)
    retire(l->op->graph, old, v);
}

void layer_set_biases(Layer *l, const double *b, int64_t n) {
  Graph *g = l->op->graph;
  Arena *a = g->arena;
  bool is_real = l->bias && l->bias->type->dtype == DT_f32;
  DType dtype = l->bias && !is_real ? l->bias->type->dtype : DT_i32;
  const Type *t = is_real ? NULL : accumulator_type(l, dtype);
  if (!t && l->bias)
    t = l->bias->type;
  if (!t)
    t = type_new(a, DT_f32, 1, &l->outputs, NULL);
  const void *data =
      t->dtype == DT_f32 ? real_biases(a, b, n) : integer_biases(a, t, b);
  const char *name =
      l->bias ? l->bias->name : arena_printf(a, "%s/bias", l->op->out[0]->name);
  Value *v = graph_const(g, name, t, data);
  if (t->dtype != DT_f32) {
    const Type *real = type_with_dtype(a, t, DT_f32, NULL);
    v = graph_op(g, l->op, OP_dequantize, NULL, 1, &v, 1, &real, NULL,
                 l->op->loc)
            ->out[0];
  }
  replace_bias(l, v);
}

void layer_share_bias(Layer *l, const Layer *with) {
  Value *v = op_in(with->op, 2);
  if (v && v != op_in(l->op, 2))
    replace_bias(l, v);
}

/* ---- twins ---- */

Layer layer_twin(const Graph *twin, const Layer *l) {
  Layer t = {0};
  (void)layer_of(twin->values.v[l->op->out[0]->id]->def, &t);
  return t;
}

void layer_update_twin(Graph *twin, const Layer *l) {
  Arena *a = twin->arena;
  Layer t = layer_twin(twin, l);
  const Value *w = l->weight;
  int64_t n;
  layer_set_weight(&t, t.weight->type, stored_reals(a, w->type, w->init->data));
  if (l->bias) {
    const double *b = layer_biases(a, l, &n);
    layer_set_biases(&t, b, n);
  }
}

Graph *layer_float_twin(Arena *a, const Graph *g) {
  Graph *twin = graph_clone(a, g);
  for (Op *op = twin->first, *next; op; op = next) {
    next = op->next;
    if (!widens_constant(op) || value_is_output(twin, op->out[0]))
      continue;
    const Value *c = op->in[0];
    Value *real = graph_const(twin, c->name, op->out[0]->type,
                              stored_reals(a, c->type, c->init->data));
    graph_replace_uses(twin, op->out[0], real);
    graph_remove_op(twin, op);
  }
  return twin;
}
