/* 16-bit activations: layers whose sums fit 32 bits and whose sums do not,
 * odd shapes, strides, pads, groups, biases of every type, weights at their
 * ends and with zero points, one side of 8 bits; add, sub, mul, functions of
 * one element, pools, means, softmax; every rounding. */
#include "tests/kernels/light.h"

static const Type *word_type(Check *c, int rank, const int64_t *dim,
                             float scale) {
  return type_new(c->arena, DT_i16, rank, dim,
                  quant_per_tensor(c->arena, scale, 0, DT_i16));
}

static bool is_onnx(const Check *c) { return c->graph->rounding == ROUND_onnx; }

/* ---- layers ---- */

typedef struct Layer {
  OpKind kind;
  Attrs at;
  int rank, axis;
  int64_t x[4], w[4], y[4], k, oc;
} Layer;

static void dense_layer(Random *r, Layer *l) {
  l->rank = 2;
  l->k = random_below(r, 3) ? random_in(r, 1, 80) : random_in(r, 480, 1100);
  l->oc = random_in(r, 1, 70);
  l->x[0] = l->y[0] = random_in(r, 1, 3);
  l->x[1] = l->k;
  l->y[1] = l->oc;
  l->w[0] = l->kind == OP_matmul ? l->k : l->oc;
  l->w[1] = l->kind == OP_matmul ? l->oc : l->k;
  l->axis = l->kind == OP_matmul;
}

static void window(Random *r, Layer *l) {
  ConvAttrs *a = &l->at.conv;
  bool point = random_below(r, 3) == 0;
  for (int i = 0; i < 2; i++) {
    int k = point ? 1 : random_in(r, 1, 4), d = random_in(r, 1, 5) / 5 + 1;
    int reach = (k - 1) * d + 1, s = random_in(r, 1, 2);
    int lo = random_below(r, reach), hi = random_below(r, reach);
    int n = random_in(r, reach, reach + (i ? 20 : 6));
    a->stride.v[i] = s;
    a->dilation.v[i] = d;
    a->pad.v[2 * i] = lo;
    a->pad.v[2 * i + 1] = hi;
    l->w[1 + i] = k;
    l->x[1 + i] = n;
    l->y[1 + i] = (n + lo + hi - reach) / s + 1;
  }
}

static void conv_layer(Random *r, Layer *l) {
  bool dw = l->kind == OP_depthwise_conv2d;
  int64_t ic = random_in(r, 1, 40), groups = 1, mult = 1;
  window(r, l);
  if (dw)
    mult = random_below(r, 4) ? 1 : random_in(r, 2, 3);
  else if (random_below(r, 6) == 0)
    groups = random_in(r, 2, 3);
  else if (random_below(r, 5) == 0)
    ic = random_in(r, 120, 300); /* sums of more than 32 bits */
  l->rank = 4;
  l->oc = dw ? ic * mult : groups * random_in(r, 1, 40);
  l->x[0] = l->y[0] = random_in(r, 1, 2);
  l->x[3] = ic * groups;
  l->w[0] = dw ? 1 : l->oc;
  l->w[3] = dw ? l->oc : ic;
  l->y[3] = l->oc;
  l->k = l->w[1] * l->w[2] * (dw ? 1 : ic);
  l->axis = dw ? 3 : 0;
}

static Layer random_layer(Check *c, Random *r) {
  static const OpKind kinds[] = {OP_conv2d, OP_conv2d, OP_depthwise_conv2d,
                                 OP_fully_connected, OP_matmul};
  Layer l = {.kind = kinds[random_below(r, is_onnx(c) ? 5 : 4)]};
  l.at = attrs_default(l.kind);
  Act act = (Act)random_below(r, ACT_COUNT);
  if (l.kind == OP_fully_connected || l.kind == OP_matmul) {
    dense_layer(r, &l);
    if (l.kind == OP_fully_connected)
      l.at.dense.act = act;
    return l;
  }
  conv_layer(r, &l);
  l.at.conv.act = act;
  return l;
}

/* Zero points other than 0 come from ONNX alone. */
static Value *random_weights(Check *c, Random *r, const Layer *l) {
  int64_t n = random_below(r, 3) ? l->oc : 1;
  float *scale = ARENA_ARRAY(c->arena, float, n);
  int32_t *zero = ARENA_ARRAY(c->arena, int32_t, n);
  static const DType types[] = {DT_i8, DT_i8, DT_u8, DT_i16};
  DType t = types[is_onnx(c) ? random_below(r, 4) : 0];
  bool moved = is_onnx(c) && t != DT_i16 && random_below(r, 3) == 0;
  for (int64_t i = 0; i < n; i++) {
    scale[i] = 0.0001f * (float)random_in(r, 1, 100);
    zero[i] = moved ? random_in(r, (int)dtype_min(t), (int)dtype_max(t)) : 0;
  }
  QuantParams q = {.axis = n > 1 || l->oc == 1 ? l->axis : -1,
                   .nscale = (int)n,
                   .scale = scale,
                   .zero_point = zero,
                   .qmin = dtype_min(t),
                   .qmax = dtype_max(t)};
  const Type *type = type_new(c->arena, t, l->rank == 4 ? 4 : 2, l->w, &q);
  uint8_t *data = arena_alloc(c->arena, (size_t)type_bytes(type));
  random_bytes(r, data, type_bytes(type));
  int bits = random_in(r, 9, 16); /* of the words */
  for (int64_t i = 0; t == DT_i16 && i < type_count(type); i++) {
    int16_t w;
    memcpy(&w, data + 2 * i, 2);
    w = (int16_t)(w >> (16 - bits));
    memcpy(data + 2 * i, &w, 2);
  }
  return graph_const(c->graph, "w", type, data);
}

static Value *random_bias(Check *c, Random *r, const Layer *l) {
  static const DType types[] = {DT_i32, DT_i64, DT_f32};
  DType t = types[random_below(r, is_onnx(c) ? 3 : 2)];
  const Type *type = type_new(c->arena, t, 1, &l->oc, NULL);
  uint8_t *data = arena_alloc(c->arena, (size_t)type_bytes(type));
  int shift = random_below(r, 6) ? 20 : 34;
  for (int64_t i = 0; i < l->oc; i++) {
    int64_t wide = (int64_t)random_in(r, -1000, 1000) << shift >> 10;
    int32_t narrow = (int32_t)wide;
    float real = 0.001f * (float)random_in(r, -1000, 1000);
    const void *from = t == DT_i64   ? (void *)&wide
                       : t == DT_i32 ? (void *)&narrow
                                     : &real;
    memcpy(data + i * dtype_bits(t) / 8, from, (size_t)dtype_bits(t) / 8);
  }
  return graph_const(c->graph, "b", type, data);
}

static void layer_case(Check *c, Random *r) {
  Layer l = random_layer(c, r);
  float sx = 0.0001f * (float)random_in(r, 1, 20);
  float sy = sx * 0.0001f * (float)(random_in(r, 1, 100) * l.k);
  const Type *x = word_type(c, l.rank, l.x, sx);
  const Type *y = word_type(c, l.rank, l.y, sy);
  int mixed = is_onnx(c) ? random_below(r, 4) : 2;
  if (mixed == 0)
    x = q8_type(c, r, random_q8(r), l.rank, l.x, 256 * sx);
  else if (mixed == 1)
    y = q8_type(c, r, random_q8(r), l.rank, l.y, 256 * sy);
  Value *in[] = {random_input(c, r, "x", x), random_weights(c, r, &l),
                 random_bias(c, r, &l)};
  int nin = l.kind != OP_matmul && random_below(r, 5) ? 3 : 2;
  give(c, r, add_op(c, l.kind, &l.at, nin, in, y));
}

/* ---- elements ---- */

static void unary_case(Check *c, Random *r) {
  static const OpKind kinds[] = {OP_relu,     OP_relu6,    OP_leaky_relu,
                                 OP_quantize, OP_logistic, OP_tanh};
  OpKind kind = kinds[random_below(r, is_onnx(c) ? 4 : 6)];
  Attrs at = attrs_default(kind);
  if (kind == OP_leaky_relu)
    at.leaky.alpha = 0.01f * (float)random_in(r, -20, 120);
  bool table = kind == OP_logistic || kind == OP_tanh;
  int64_t n = random_in(r, 1, 200);
  float sx = random_below(r, 3) ? 0.01f * random_scale(r) : 0x1p-12f;
  float sy = table                ? 0x1p-15f
             : random_below(r, 2) ? sx
                                  : 0.01f * random_scale(r);
  const Type *x = word_type(c, 1, &n, sx), *y = word_type(c, 1, &n, sy);
  int mixed = is_onnx(c) && kind == OP_quantize ? random_below(r, 3) : 2;
  if (mixed == 0)
    x = q8_type(c, r, random_q8(r), 1, &n, 256 * sx);
  else if (mixed == 1)
    y = q8_type(c, r, random_q8(r), 1, &n, 256 * sy);
  Value *in = random_input(c, r, "x", x);
  give(c, r, add_op(c, kind, &at, 1, &in, y));
}

static void pair_case(Check *c, Random *r) {
  static const OpKind kinds[] = {OP_add, OP_sub, OP_mul};
  OpKind kind = kinds[random_below(r, 3)];
  Attrs at = attrs_default(kind);
  at.act.act = (Act)random_below(r, ACT_COUNT);
  int64_t dim[3] = {random_in(r, 1, 3), random_in(r, 1, 5),
                    random_in(r, 1, 40)};
  int64_t other[3] = {dim[0], dim[1], dim[2]};
  for (int i = 0; i < 3; i++)
    other[i] = random_below(r, 4) ? dim[i] : 1;
  float sa = 0.01f * random_scale(r), sb = 0.01f * random_scale(r);
  float most = kind == OP_mul ? 30000 * sa * sb : sa > sb ? sa : sb;
  float sy = most * 0.02f * (float)random_in(r, 1, 150);
  Value *in[] = {random_input(c, r, "a", word_type(c, 3, dim, sa)),
                 random_input(c, r, "b", word_type(c, 3, other, sb))};
  give(c, r, add_op(c, kind, &at, 2, in, word_type(c, 3, dim, sy)));
}

/* ---- pools, means, softmax ---- */

static void pool_case(Check *c, Random *r) {
  OpKind kind = random_below(r, 3) ? OP_avg_pool2d : OP_max_pool2d;
  Attrs at = attrs_default(kind);
  int64_t x[4] = {random_in(r, 1, 2), 0, 0, random_in(r, 1, 70)};
  int64_t y[4] = {x[0], 0, 0, x[3]};
  for (int i = 0; i < 2; i++) {
    int k = random_in(r, 1, 5), s = random_in(r, 1, 3);
    int lo = random_below(r, k), hi = random_below(r, k);
    at.pool.window.v[i] = k;
    at.pool.stride.v[i] = s;
    at.pool.pad.v[2 * i] = lo;
    at.pool.pad.v[2 * i + 1] = hi;
    x[1 + i] = random_in(r, k, k + 7);
    y[1 + i] = (x[1 + i] + lo + hi - k) / s + 1;
  }
  at.pool.act = (Act)random_below(r, ACT_COUNT);
  float sx = 0.01f * random_scale(r), sy = sx;
  if (kind == OP_avg_pool2d && is_onnx(c) && random_below(r, 2))
    sy = 0.01f * random_scale(r);
  Value *in = random_input(c, r, "x", word_type(c, 4, x, sx));
  give(c, r, add_op(c, kind, &at, 1, &in, word_type(c, 4, y, sy)));
}

static void mean_case(Check *c, Random *r) {
  Attrs at = attrs_default(OP_mean);
  IntList *axes = &at.axes.axes;
  int64_t x[3] = {random_in(r, 1, 20), random_in(r, 1, 9), random_in(r, 1, 40)};
  int64_t y[3];
  int mask = random_in(r, 1, 7), rank = 0;
  if (random_below(r, 12) == 0)
    x[0] = 70000 / x[1]; /* sums of more than 32 bits */
  for (int i = 0; i < 3; i++) {
    if (mask >> i & 1)
      axes->v[axes->n++] = i;
    else
      y[rank++] = x[i];
  }
  float sx = 0.01f * random_scale(r), sy = 0.01f * random_scale(r);
  Value *in = random_input(c, r, "x", word_type(c, 3, x, sx));
  give(c, r, add_op(c, OP_mean, &at, 1, &in, word_type(c, rank, y, sy)));
}

static void softmax_case(Check *c, Random *r) {
  Attrs at = attrs_default(OP_softmax);
  at.softmax.beta = 0.25f * (float)random_in(r, 1, 8);
  int64_t dim[2] = {random_in(r, 1, 4), random_in(r, 1, 40)};
  Value *in =
      random_input(c, r, "x", word_type(c, 2, dim, 0.01f * random_scale(r)));
  give(c, r,
       add_op(c, OP_softmax, &at, 1, &in, word_type(c, 2, dim, 1.0f / 32768)));
}

/* f32 to 16 bits and back. */
static void conversion_case(Check *c, Random *r) {
  int64_t n = random_in(r, 1, 150);
  const Type *f = type_new(c->arena, DT_f32, 1, &n, NULL);
  const Type *q = word_type(c, 1, &n, 0.01f * random_scale(r));
  bool narrows = random_below(r, 2);
  OpKind kind = narrows ? OP_quantize : OP_dequantize;
  Attrs at = attrs_default(kind);
  Value *in = random_input(c, r, "x", narrows ? f : q);
  give(c, r, add_op(c, kind, &at, 1, &in, narrows ? q : f));
}

static void one_case(const char *target, int seed) {
  static void (*const cases[])(Check *, Random *) = {
      layer_case, layer_case, layer_case, unary_case,   pair_case,
      pool_case,  mean_case,  layer_case, softmax_case, conversion_case};
  static const Rounding roundings[] = {ROUND_tflite, ROUND_onnx, ROUND_tflm,
                                       ROUND_onnx, ROUND_single};
  Random r = {(uint32_t)seed * 7919u + 16};
  Check c = check_new(target);
  int kinds = (int)(sizeof cases / sizeof *cases);
  c.graph->rounding = roundings[seed / kinds % 5];
  cases[seed % kinds](&c, &r);
  check_finish(&c, &r, seed);
}

int main(void) { return check_everywhere((Everywhere){one_case, 200, 50, 50}); }
