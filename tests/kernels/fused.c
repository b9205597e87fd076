/* Steps with tails: convolutions, depthwise and dense layers, products and
 * adds, then up to three of add, sub, mul and functions by table, which are
 * computed before anything is stored. Odd shapes, tails of pixels and channels,
 * either operand, both signednesses, skips that die where they are added (so
 * that the result lies over them), skips that live on, the layer's own input as
 * skip, constants, single elements. Maxima over windows of any shape, whose
 * result may lie over the convolution's input. */
#include "tests/kernels/light.h"

enum { MOST_TAILS = 3 };

/* What the head reads and makes. */
typedef struct Head {
  OpKind kind;
  int64_t x[4], w[4], y[4], oc;
  Attrs at;
} Head;

static Head random_head(Random *r) {
  static const OpKind kinds[] = {OP_conv2d, OP_depthwise_conv2d,
                                 OP_fully_connected, OP_add, OP_matmul};
  Head h = {.kind = kinds[random_below(r, 5)]};
  int64_t n = random_in(r, 1, 2), oh = random_in(r, 1, 9);
  int64_t ow = random_in(r, 1, 13), ic = random_in(r, 1, 20);
  int k = random_below(r, 2) ? 3 : 1, stride = random_in(r, 1, 2);
  bool dense = h.kind == OP_fully_connected, dw = h.kind != OP_conv2d;
  bool product = h.kind == OP_matmul;
  h.at = attrs_default(h.kind);
  h.oc = dw && !dense && !product ? ic
         : random_below(r, 3)     ? random_in(r, 1, 70)
                                  : ic;
  if (dense)
    oh = ow = 1;
  memcpy(h.y, (int64_t[]){n, oh, ow, h.oc}, sizeof h.y);
  if (h.kind == OP_add || dense || product) {
    memcpy(h.x, (int64_t[]){n, oh, ow, ic}, sizeof h.x);
    memcpy(h.w, (int64_t[]){h.oc, ic}, 2 * sizeof *h.w);
    if (product)
      memcpy(h.w, (int64_t[]){n, oh, ic, h.oc}, sizeof h.w);
    return h;
  }
  int pad = k / 2;
  h.at.conv.stride = (Int2){{stride, stride}};
  h.at.conv.pad = (Int4){{pad, pad, pad, pad}};
  h.at.conv.act = (Act)random_below(r, ACT_COUNT);
  memcpy(h.x, (int64_t[]){n, (oh - 1) * stride + 1, (ow - 1) * stride + 1, ic},
         sizeof h.x);
  memcpy(h.w, (int64_t[]){dw ? 1 : h.oc, k, k, dw ? h.oc : ic}, sizeof h.w);
  return h;
}

static Value *random_const(Check *c, Random *r, const Type *t) {
  uint8_t *data = arena_alloc(c->arena, (size_t)type_bytes(t));
  for (int64_t i = 0; i < type_bytes(t); i++)
    data[i] = (uint8_t)random_below(r, 256);
  return graph_const(c->graph, "c", t, data);
}

static Value *weights(Check *c, Random *r, const Head *h) {
  float *scale = ARENA_ARRAY(c->arena, float, h->oc);
  int32_t *zero = ARENA_ARRAY(c->arena, int32_t, h->oc);
  for (int64_t i = 0; i < h->oc; i++)
    scale[i] = 0.0002f * (float)random_in(r, 1, 100);
  QuantParams q = {.axis = h->kind == OP_depthwise_conv2d ? 3 : 0,
                   .nscale = (int)h->oc,
                   .scale = scale,
                   .zero_point = zero,
                   .qmin = -128,
                   .qmax = 127};
  int rank = h->kind == OP_fully_connected ? 2 : 4;
  return random_const(c, r, type_new(c->arena, DT_i8, rank, h->w, &q));
}

static Value *head_op(Check *c, Random *r, const Head *h, Value *x) {
  const Type *y = q8_type(c, r, x->type->dtype, 4, h->y, random_scale(r));
  if (h->kind == OP_add)
    return add_op(c, OP_add, &h->at, 2, (Value *[]){x, x}, y);
  if (h->kind == OP_matmul) {
    const Type *b = q8_type(c, r, x->type->dtype, 4, h->w, random_scale(r));
    return add_op(c, OP_matmul, &h->at, 2,
                  (Value *[]){x, random_input(c, r, "b", b)}, y);
  }
  Value *w = weights(c, r, h);
  if (h->kind == OP_fully_connected) {
    int64_t rows[2] = {h->x[0], h->x[3]}, out[2] = {h->y[0], h->oc};
    Attrs none = attrs_default(OP_reshape);
    x = add_op(c, OP_reshape, &none, 1, &x, with_dims(c, x->type, 2, rows));
    y = with_dims(c, y, 2, out);
  }
  return add_op(c, h->kind, &h->at, 2, (Value *[]){x, w}, y);
}

/* As large as the head's output, or one element. */
static Value *random_skip(Check *c, Random *r, DType t, const Type *shape) {
  static const int64_t one[1] = {1};
  const Type *y = random_below(r, 8)
                      ? q8_type(c, r, t, shape->rank, shape->dim, 0.1f)
                      : q8_type(c, r, t, 1, one, 0.1f);
  y = q8_type(c, r, t, y->rank, y->dim, random_scale(r));
  return random_below(r, 5) ? random_input(c, r, "skip", y)
                            : random_const(c, r, y);
}

/* lut with a table of anything. */
static Value *table_op(Check *c, Random *r, Value *y, const Type *out) {
  const int64_t patterns = 256;
  Value *in[] = {y, random_const(c, r, with_dims(c, out, 1, &patterns))};
  Attrs at = attrs_default(OP_lut);
  return add_op(c, OP_lut, &at, 2, in, out);
}

static Value *tail_op(Check *c, Random *r, Value *y, Value *skip) {
  static const OpKind two[] = {OP_add, OP_add, OP_sub, OP_mul};
  static const OpKind one[] = {OP_relu, OP_logistic, OP_lut, OP_quantize};
  const Type *t = y->type;
  bool unary = random_below(r, 4) == 0;
  OpKind kind = unary ? one[random_below(r, 4)] : two[random_below(r, 4)];
  Attrs at = attrs_default(kind);
  float scale = random_below(r, 2) ? t->q->scale[0] : random_scale(r);
  const Type *out = q8_type(c, r, t->dtype, t->rank, t->dim, scale);
  if (kind == OP_lut)
    return table_op(c, r, y, out);
  if (unary)
    return add_op(c, kind, &at, 1, &y, out);
  bool swap = random_below(r, 2);
  Value *in[] = {swap ? skip : y, swap ? y : skip};
  at.act.act = (Act)random_below(r, ACT_COUNT);
  return add_op(c, kind, &at, 2, in, out);
}

static const Type *real(Check *c, int rank, const int64_t *dim) {
  return type_new(c->arena, DT_f32, rank, dim, NULL);
}

static Value *real_const(Check *c, Random *r, const Type *t) {
  float *data = ARENA_ARRAY(c->arena, float, type_count(t));
  random_reals(r, data, type_count(t));
  return graph_const(c->graph, "c", t, data);
}

/* f32: convolutions and the functions that are short. */
static void real_case(const char *target, int seed) {
  static const OpKind kinds[] = {OP_add,  OP_sub,   OP_mul, OP_max,
                                 OP_relu, OP_relu6, OP_neg, OP_leaky_relu,
                                 OP_div,  OP_erf};
  Random r = {(uint32_t)seed * 7919u + 9};
  Check c = check_new(target);
  Head h = random_head(&r);
  while (h.kind == OP_fully_connected || h.kind == OP_matmul)
    h = random_head(&r);
  static const int64_t one[1] = {1};
  Value *x = random_input(&c, &r, "x", real(&c, 4, h.x));
  const Type *y = real(&c, 4, h.y);
  Value *skip =
      random_below(&r, 5)
          ? random_input(&c, &r, "skip", y)
          : real_const(&c, &r, random_below(&r, 2) ? y : real(&c, 1, one));
  Value *w = h.kind == OP_add ? random_input(&c, &r, "w", y)
                              : real_const(&c, &r, real(&c, 4, h.w));
  Value *v = add_op(&c, h.kind, &h.at, 2, (Value *[]){x, w}, y);
  for (int i = random_below(&r, 3); i >= 0; i--) {
    OpKind kind = kinds[random_below(&r, 10)];
    Attrs at = attrs_default(kind);
    bool swap = random_below(&r, 2);
    Value *in[] = {swap ? skip : v, swap ? v : skip};
    bool unary = kind == OP_relu || kind == OP_relu6 || kind == OP_neg ||
                 kind == OP_leaky_relu || kind == OP_erf;
    v = unary ? add_op(&c, kind, &at, 1, &v, y)
              : add_op(&c, kind, &at, 2, in, y);
  }
  give(&c, &r, v);
  check_finish(&c, &r, seed);
}

static void byte_case(const char *target, int seed) {
  Random r = {(uint32_t)seed * 7919u + 5};
  Check c = check_new(target);
  Head h = random_head(&r);
  DType t = random_q8(&r);
  if (random_below(&r, 8) == 0)
    c.graph->rounding = ROUND_onnx;
  Value *x = random_input(&c, &r, "x", q8_type(&c, &r, t, 4, h.x, 0.05f));
  int64_t dim[2] = {h.y[0], h.oc};
  const Type *shape = h.kind == OP_fully_connected
                          ? with_dims(&c, x->type, 2, dim)
                          : with_dims(&c, x->type, 4, h.y);
  Value *skip[MOST_TAILS];
  int n = random_in(&r, 1, MOST_TAILS);
  for (int i = 0; i < n; i++)
    skip[i] = random_skip(&c, &r, t, shape);
  bool own =
      type_count(x->type) == type_count(shape) && h.kind != OP_fully_connected;
  if (own && random_below(&r, 3) == 0)
    skip[0] = x;
  Value *y = head_op(&c, &r, &h, x);
  for (int i = 0; i < n; i++)
    y = tail_op(&c, &r, y, skip[i]);
  give(&c, &r, y);
  check_finish(&c, &r, seed);
}

/* A convolution whose outputs lie in whole windows of a maximum. */
static Head random_pooled(Random *r, PoolAttrs *pool) {
  Head h = random_head(r);
  while (h.kind != OP_conv2d)
    h = random_head(r);
  for (int i = 0; i < 2; i++) {
    int64_t n = random_in(r, 1, 3);
    pool->window.v[i] = pool->stride.v[i] = n;
    h.y[1 + i] *= n;
    h.x[1 + i] = (h.y[1 + i] - 1) * h.at.conv.stride.v[i] + 1;
  }
  return h;
}

static void pool_case(const char *target, int seed) {
  Random r = {(uint32_t)seed * 7919u + 13};
  Check c = check_new(target);
  Attrs at = attrs_default(OP_max_pool2d);
  Head h = random_pooled(&r, &at.pool);
  const Type *t = q8_type(&c, &r, random_q8(&r), 4, h.x, 0.05f);
  Value *y = head_op(&c, &r, &h, random_input(&c, &r, "x", t));
  int64_t dim[] = {h.y[0], h.y[1] / at.pool.window.v[0],
                   h.y[2] / at.pool.window.v[1], h.oc};
  const Type *out = with_dims(&c, y->type, 4, dim);
  give(&c, &r, add_op(&c, OP_max_pool2d, &at, 1, &y, out));
  check_finish(&c, &r, seed);
}

/* One case in four is of floats, one of a maximum over windows. */
static void one_case(const char *target, int seed) {
  if (seed % 4 == 3)
    real_case(target, seed);
  else if (seed % 4 == 2)
    pool_case(target, seed);
  else
    byte_case(target, seed);
}

int main(void) { return check_everywhere((Everywhere){one_case, 200, 80, 40}); }
