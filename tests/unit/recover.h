/* compress/recover/: small networks, samples for them, and what quantizes
 * them. */
#ifndef TESTS_UNIT_RECOVER_H
#define TESTS_UNIT_RECOVER_H

#include "tests/unit/fixture.h"

#include <math.h>
#include <string.h>

#include "compress/recover/recover.h"
#include "compress/recover/step.h"
#include "compress/recover/stored.h"
#include "ir/text.h"

static uint64_t seed;

static inline int setup_seed(void **state) {
  seed = 1;
  return setup(state);
}

/* In [-1, 1). */
static inline float pick(void) {
  return (float)(test_random(&seed) >> 40) / 8388608 - 1;
}

static inline float *picks(int64_t n, float scale) {
  float *x = ARENA_ARRAY(arena, float, n);
  for (int64_t i = 0; i < n; i++)
    x[i] = scale * pick();
  return x;
}

/* ---- networks ---- */

static inline Graph *parse(const char *text) {
  Graph *g = graph_parse(arena, diag, "net.kiln", text, strlen(text));
  if (!g || !graph_verify(g))
    diag_print(diag, stderr);
  assert_non_null(g);
  return g;
}

/* Every constant of f32 that is a layer's gets random numbers, channels of
 * ranges far apart. */
static inline void randomize(Graph *g) {
  Layers layers = layers_of(arena, g);
  for (int i = 0; i < layers.all.n; i++) {
    Layer own, *l = &own;
    assert_true(layer_of(layers.all.v[i].op, l));
    float *w = ARENA_ARRAY(arena, float, l->outputs * l->k);
    double *b = ARENA_ARRAY(arena, double, l->outputs);
    for (int64_t o = 0; o < l->outputs; o++) {
      float scale = powf(2, 4 * pick()) / (float)l->k;
      for (int64_t j = 0; j < l->k; j++)
        w[layer_at(l, o, j)] = scale * (pick() + 0.2f);
      b[o] = (double)(scale * pick());
    }
    layer_set_weight(l, l->weight->type, w);
    if (l->bias)
      layer_set_biases(l, b, l->outputs);
  }
}

static const char net_text[] =
    "model net rounding=onnx\n"
    "input %x : f32[1,8,8,3]\n"
    "const @w0 : f32[8,3,3,3] = splat 0\nconst @b0 : f32[8] = splat 0\n"
    "const @w1 : f32[1,3,3,8] = splat 0\nconst @b1 : f32[8] = splat 0\n"
    "const @w2 : f32[12,1,1,8] = splat 0\nconst @b2 : f32[12] = splat 0\n"
    "const @w3 : f32[5,48] = splat 0\nconst @b3 : f32[5] = splat 0\n"
    "%c0 : f32[1,8,8,8] = conv2d %x, @w0, @b0 { pad=[1,1,1,1], act=relu }\n"
    "%c1 : f32[1,8,8,8] = depthwise_conv2d %c0, @w1, @b1 "
    "{ pad=[1,1,1,1] }\n"
    "%r1 : f32[1,8,8,8] = relu %c1\n"
    "%c2 : f32[1,8,8,12] = conv2d %r1, @w2, @b2 { act=relu }\n"
    "%p : f32[1,2,2,12] = avg_pool2d %c2 { window=[4,4], stride=[4,4] }\n"
    "%t : f32[1,12,2,2] = transpose %p { perm=[0,3,1,2] }\n"
    "%f : f32[1,48] = reshape %t\n"
    "%y : f32[1,5] = fully_connected %f, @w3, @b3\n"
    "output %y\n";

static inline Graph *net(void) {
  Graph *g = parse(net_text);
  randomize(g);
  return g;
}

static inline Executor *engine_make(Engine *e, const Graph *g) {
  (void)e;
  return graph_verify(g) ? interp_new(g, NULL, NULL) : NULL;
}
static Engine engine = {engine_make};

static inline Feed feed_of(const Graph *g, int64_t samples) {
  int64_t one = type_count(g->inputs.v[0]->type);
  NdArray *x = ARENA_NEW(arena, NdArray);
  *x = (NdArray){.type = ELEM_f32, .rank = 2, .dim = {samples, one}};
  assert_true(nd_set_bytes(x));
  x->data = picks(samples * one, 1);
  const char *from = "test";
  Feed f;
  assert_true(feed_open(diag, g, x, &from, &f));
  return f;
}

static inline Fit fit_of(const Feed *f) {
  int64_t *s = ARENA_ARRAY(arena, int64_t, f->samples);
  for (int64_t i = 0; i < f->samples; i++)
    s[i] = i;
  return (Fit){&engine, f, s, f->samples};
}

static inline void run_net(const Graph *g, const Feed *feed, int64_t s,
                           float *y) {
  float x[8 * 8 * 3];
  feed_sample(feed, s, (void *const[]){x});
  Executor *e = interp_new(g, NULL, NULL);
  assert_true(e->run(e, (const void *const[]){x}, (void *const[]){y}));
  e->free(e);
}

/* ---- quantizing ---- */
/* ---- integers ---- */

/* v, as integers of 16 bits, in floats again. */
static inline Value *stored_activation(Graph *g, Op *before, Value *v,
                                       float scale) {
  Arena *a = g->arena;
  const Type *q = type_with_dtype(a, v->type, DT_i16,
                                  quant_per_tensor(a, scale, 0, DT_i16));
  const Type *f = v->type;
  Value *i =
      graph_op(g, before, OP_quantize, NULL, 1, &v, 1, &q, NULL, (Loc){0})
          ->out[0];
  return graph_op(g, before, OP_dequantize, NULL, 1, &i, 1, &f, NULL, (Loc){0})
      ->out[0];
}

static inline Value *stored_weights(Graph *g, const Layer *l, int64_t most) {
  Arena *a = g->arena;
  bool depthwise = l->op->kind == OP_depthwise_conv2d;
  QuantParams q = {.axis = depthwise ? 3 : 0,
                   .nscale = (int)l->outputs,
                   .zero_point = ARENA_ARRAY(a, int32_t, l->outputs),
                   .qmin = -most,
                   .qmax = most};
  float *scale = ARENA_ARRAY(a, float, l->outputs);
  const float *w = layer_weights(a, l);
  int64_t *level = ARENA_ARRAY(a, int64_t, l->outputs * l->k);
  for (int64_t o = 0; o < l->outputs; o++)
    for (int64_t j = 0; j < l->k; j++)
      scale[o] = fmaxf(scale[o], fabsf(w[o * l->k + j]) / (float)q.qmax);
  q.scale = scale;
  const Type *t = type_with_dtype(a, l->weight->type, DT_i8, &q);
  for (int64_t o = 0; o < l->outputs; o++)
    for (int64_t j = 0; j < l->k; j++)
      level[layer_at(l, o, j)] = stored_nearest(t, o, (double)w[o * l->k + j]);
  return graph_const(g, "w", t, stored_bytes(a, t, level));
}

static int64_t largest_level = 127;
static int quantized; /* times */

/* Weights, biases and what layers read. */
static inline Graph *quantize(void *ctx, const Graph *f) {
  (void)ctx;
  quantized++;
  Graph *g = graph_clone(arena, f);
  Layers layers = layers_of(arena, g);
  for (int i = 0; i < layers.all.n; i++) {
    Layer *l = &layers.all.v[i];
    Op *op = l->op;
    int64_t n;
    const double *b = layer_biases(arena, l, &n);
    op_set_input(op, 0, stored_activation(g, op, op->in[0], 1.0f / 1024));
    Value *w = stored_weights(g, l, largest_level);
    const Type *t = l->weight->type;
    op_set_input(
        op, 1,
        graph_op(g, op, OP_dequantize, NULL, 1, &w, 1, &t, NULL, (Loc){0})
            ->out[0]);
    if (op->nin > 2)
      op_set_input(op, 2, NULL);
    Layer made;
    assert_true(layer_of(op, &made));
    layer_set_biases(&made, b, n);
    assert_int_equal(made.bias->type->dtype, DT_i32);
  }
  return g;
}

static inline Graph *quantize_to(const Graph *f, int64_t most) {
  largest_level = most;
  return quantize(NULL, f);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup_seed, teardown)

#endif
