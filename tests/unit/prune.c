/* prune-channels: random networks of convolutions, groups, sums, products,
 * joins, parts, pools and a dense layer behind them, with weights that are
 * often zero or twice the same and biases that often saturate, give the same
 * bytes before and after it; of floats prune-channels-float the same but for
 * rounding. */
#include "tests/testing.h"

#include <math.h>
#include <string.h>

#include "ir/exec.h"
#include "passes/pass.h"

enum { SIDE = 5, DEPTH = 6, SAMPLES = 3, OUTPUTS = 3 };

typedef struct Net {
  Arena *arena;
  Graph *g;
  uint64_t random;
  bool real;
  bool saturates; /* of floats: some biases are out of reach */
} Net;

static int below(Net *n, int limit) {
  return (int)(test_random(&n->random) % (uint64_t)limit);
}

static const Type *type_of(Net *n, int rank, const int64_t *dim, float scale) {
  if (n->real)
    return type_new(n->arena, DT_f32, rank, dim, NULL);
  const QuantParams *q = quant_per_tensor(
      n->arena, scale, below(n, 3) ? -128 : below(n, 20) - 10, DT_i8);
  return type_new(n->arena, DT_i8, rank, dim, q);
}

static const Type *image(Net *n, int64_t side, int64_t channels) {
  int64_t dim[] = {1, side, side, channels};
  return type_of(n, 4, dim, 0.05f);
}

/* --- constants ------------------------------------------------------------ */

/* Zeros in whole channels, one time in four each; outputs 0: a depthwise
 * layer's. */
static bool *dead_weights(Net *n, int64_t count, int64_t inner,
                          int64_t outputs) {
  bool *dead = ARENA_ARRAY(n->arena, bool, count);
  uint64_t out = test_random(&n->random) & test_random(&n->random);
  uint64_t in = test_random(&n->random) & test_random(&n->random);
  for (int64_t i = 0; i < count; i++)
    dead[i] = outputs ? (out >> (i / (count / outputs)) & 1) ||
                            (in >> (i % inner % 64) & 1)
                      : out >> (i % inner % 64) & 1;
  return dead;
}

/* The weights of an output from `from` bytes on once more at `to`, so that
 * twins come about. */
static void repeat_output(Net *n, void *data, int64_t bytes, int64_t outputs) {
  int64_t one = outputs > 1 ? bytes / outputs : 0;
  if (one && below(n, 2))
    memcpy((char *)data + one * below(n, (int)outputs),
           (char *)data + one * below(n, (int)outputs), (size_t)one);
}

static Value *weights(Net *n, int rank, const int64_t *dim, int64_t outputs) {
  const Type *t = n->real
                      ? type_new(n->arena, DT_f32, rank, dim, NULL)
                      : type_new(n->arena, DT_i8, rank, dim,
                                 quant_per_tensor(n->arena, 0.01f, 0, DT_i8));
  int64_t count = type_count(t);
  bool *dead = dead_weights(n, count, dim[rank - 1], outputs);
  int8_t *w = ARENA_ARRAY(n->arena, int8_t, count);
  float *reals = ARENA_ARRAY(n->arena, float, count);
  int most = below(n, 2) ? 127 : 40; /* sums of small ones fit */
  for (int64_t i = 0; i < count; i++) {
    w[i] = (int8_t)(dead[i] ? 0 : below(n, 2 * most + 1) - most);
    reals[i] = (float)w[i] / 64;
  }
  void *data = n->real ? (void *)reals : w;
  repeat_output(n, data, type_bytes(t), outputs);
  return graph_const(n->g, "w", t, data);
}

static Value *biases(Net *n, int64_t channels) {
  int32_t *b = ARENA_ARRAY(n->arena, int32_t, channels);
  float *reals = ARENA_ARRAY(n->arena, float, channels);
  int same = below(n, 20000) - 10000;
  for (int64_t i = 0; i < channels; i++) {
    b[i] = below(n, 4)   ? (below(n, 3) ? below(n, 20000) - 10000 : same)
           : below(n, 2) ? -100000000
                         : 100000000;
    bool far = b[i] < -20000 || b[i] > 20000;
    reals[i] = far && n->saturates ? (float)b[i] / 100000
                                   : (float)(b[i] % 20000) / 5000;
  }
  if (n->real)
    return graph_const(n->g, "b", type_of(n, 1, &channels, 1), reals);
  return graph_const(n->g, "b",
                     type_new(n->arena, DT_i32, 1, &channels,
                              quant_per_tensor(n->arena, 0.0005f, 0, DT_i32)),
                     b);
}

/* --- layers --------------------------------------------------------------- */

static Value *emit(Net *n, OpKind k, const Attrs *a, int nin, Value *const *in,
                   const Type *t) {
  return graph_op(n->g, NULL, k, a, nin, in, 1, &t, NULL, (Loc){0})->out[0];
}

/* Of a depthwise layer `groups` is the multiplier. */
static Value *convolution(Net *n, Value *x, OpKind kind, int64_t groups) {
  int64_t c = x->type->dim[3], k = below(n, 2) ? 3 : 1;
  bool depthwise = kind == OP_depthwise_conv2d;
  int64_t o = groups * (depthwise ? c : 1 + below(n, 9 / (int)groups));
  int64_t dim[] = {depthwise ? 1 : o, k, k, depthwise ? o : c / groups};
  Attrs a = attrs_default(kind);
  for (int i = 0; i < 4; i++)
    a.conv.pad.v[i] = k / 2;
  a.conv.act = (Act)below(n, ACT_relu6 + 1);
  Value *in[] = {x, weights(n, 4, dim, depthwise ? 0 : o), biases(n, o)};
  return emit(n, kind, &a, below(n, 5) ? 3 : 2, in, image(n, SIDE, o));
}

static Value *plain(Net *n, Value *x) {
  return convolution(n, x, OP_conv2d, 1);
}

static Value *depthwise(Net *n, Value *x) {
  return convolution(n, x, OP_depthwise_conv2d, 1);
}

static Value *multiplied(Net *n, Value *x) {
  return plain(n, convolution(n, x, OP_depthwise_conv2d, 2));
}

static Value *grouped(Net *n, Value *x) {
  int64_t c = x->type->dim[3];
  return convolution(n, x, OP_conv2d, c % 3 == 0 ? 3 : c % 2 == 0 ? 2 : 1);
}

static Value *residual(Net *n, Value *x) {
  Attrs a = attrs_default(OP_add);
  Value *in[] = {x, depthwise(n, x)};
  return emit(n, OP_add, &a, 2, in, image(n, SIDE, x->type->dim[3]));
}

static Value *join(Net *n, Value *x, Value *y) {
  Attrs a = attrs_default(OP_concat);
  a.axis.axis = 3;
  Value *in[] = {x, y};
  int64_t dim[] = {1, SIDE, SIDE, x->type->dim[3] + y->type->dim[3]};
  return emit(n, OP_concat, &a, 2, in,
              type_with_shape(n->arena, x->type, 4, dim));
}

static Value *joined(Net *n, Value *x) { return plain(n, join(n, x, x)); }

/* Parts in another order. */
static Value *parts(Net *n, Value *x) {
  int64_t c = x->type->dim[3], first = 1 + below(n, (int)c);
  if (first == c)
    return plain(n, x);
  int64_t a_dim[] = {1, SIDE, SIDE, first},
          b_dim[] = {1, SIDE, SIDE, c - first};
  const Type *types[] = {type_with_shape(n->arena, x->type, 4, a_dim),
                         type_with_shape(n->arena, x->type, 4, b_dim)};
  Attrs a = attrs_default(OP_split);
  a.axis.axis = 3;
  Op *op = graph_op(n->g, NULL, OP_split, &a, 1, &x, 2, types, NULL, (Loc){0});
  return plain(n, join(n, op->out[1], op->out[0]));
}

static Value *slice(Net *n, Value *x) {
  int64_t c = x->type->dim[3], from = below(n, (int)c);
  int64_t dim[] = {1, SIDE, SIDE, c - from};
  Attrs a = attrs_default(OP_strided_slice);
  a.slice.begin = (IntList){4, {0, 0, 0, from}};
  return plain(n, emit(n, OP_strided_slice, &a, 1, &x,
                       type_with_shape(n->arena, x->type, 4, dim)));
}

static Value *scaled(Net *n, Value *x) {
  int64_t c = x->type->dim[3];
  Attrs a = attrs_default(OP_mul);
  Value *in[] = {x, weights(n, 1, &c, c)};
  return emit(n, OP_mul, &a, 2, in, image(n, SIDE, c));
}

static Value *pooled(Net *n, Value *x) {
  OpKind k = below(n, 2) ? OP_max_pool2d : OP_avg_pool2d;
  Attrs a = attrs_default(k);
  a.pool.window = (Int2){{3, 3}};
  a.pool.pad = (Int4){{1, 1, 1, 1}};
  return emit(n, k, &a, 1, &x, x->type);
}

/* Transposed, of floats only. */
static Value *spread(Net *n, Value *x) {
  int64_t o = 1 + below(n, 9), dim[] = {o, 3, 3, x->type->dim[3]};
  Attrs a = attrs_default(OP_conv_transpose2d);
  if (!n->real)
    return plain(n, x);
  a.conv_transpose.pad = (Int2){{1, 1}};
  a.conv_transpose.act = (Act)below(n, ACT_relu6 + 1);
  Value *in[] = {x, weights(n, 4, dim, o), biases(n, o)};
  return emit(n, OP_conv_transpose2d, &a, 3, in, image(n, SIDE, o));
}

static Value *layer(Net *n, Value *x) {
  static Value *(*const all[])(Net *n, Value *x) = {
      plain,  plain, plain, depthwise, multiplied, grouped, residual,
      joined, parts, slice, scaled,    pooled,     spread};
  return all[below(n, sizeof all / sizeof *all)](n, x);
}

/* Flattened into a dense layer, channels last or first. */
static void finish(Net *n, Value *x) {
  int64_t c = x->type->dim[3], flat[] = {1, SIDE * SIDE * c};
  Attrs a = attrs_default(OP_transpose);
  a.perm.perm = (IntList){4, {0, 3, 1, 2}};
  if (below(n, 2))
    x = emit(
        n, OP_transpose, &a, 1, &x,
        type_with_shape(n->arena, x->type, 4, (int64_t[]){1, c, SIDE, SIDE}));
  a = attrs_default(OP_reshape);
  Value *rows = emit(n, OP_reshape, &a, 1, &x,
                     type_with_shape(n->arena, x->type, 2, flat));
  int64_t dim[] = {OUTPUTS, flat[1]}, out[] = {1, OUTPUTS};
  a = attrs_default(OP_fully_connected);
  Value *in[] = {rows, weights(n, 2, dim, OUTPUTS), biases(n, OUTPUTS)};
  graph_output(
      n->g, emit(n, OP_fully_connected, &a, 3, in, type_of(n, 2, out, 0.5f)));
}

/* --- before and after ------------------------------------------------------
 */

static void run(const Graph *g, const char *x, char *y) {
  Executor *e = interp_new(g, NULL, NULL);
  int64_t in_bytes = type_bytes(g->inputs.v[0]->type);
  int64_t out_bytes = type_bytes(g->outputs.v[0]->type);
  for (int k = 0; k < SAMPLES; k++) {
    const void *in = x + k * in_bytes;
    void *out = y + k * out_bytes;
    assert_true(e->run(e, &in, &out));
  }
  e->free(e);
}

static int channels_of_ops(const Graph *g) {
  int64_t n = 0;
  for (const Op *op = g->first; op; op = op->next)
    n += op->out[0]->type->dim[op->out[0]->type->rank - 1];
  return (int)n;
}

static Net make(int seed, bool real, bool saturates) {
  Net n = {.arena = arena_new(), .random = (uint64_t)seed * 7919 + 3};
  n.real = real;
  n.saturates = saturates;
  n.g = graph_new(n.arena, diag_new(n.arena), "net");
  Value *v = graph_input(n.g, "x", image(&n, SIDE, 1 + below(&n, 4)));
  for (int i = 0; i < DEPTH; i++)
    v = layer(&n, v);
  finish(&n, v);
  assert_true(graph_verify(n.g));
  return n;
}

static char *samples(Net *n) {
  const Type *t = n->g->inputs.v[0]->type;
  int64_t count = SAMPLES * type_count(t);
  int8_t *x = ARENA_ARRAY(n->arena, int8_t, count);
  float *reals = ARENA_ARRAY(n->arena, float, count);
  for (int64_t i = 0; i < count; i++) {
    x[i] = (int8_t)(below(n, 256) - 128);
    reals[i] = (float)x[i] / 64;
  }
  return n->real ? (char *)reals : (char *)x;
}

/* Of floats both zeros are the same, and what is close for the largest, or for
 * the terms of its sum, which are about 1. */
static bool is_same(const Net *n, const char *want, const char *got,
                    double part) {
  if (!n->real)
    return memcmp(want, got, OUTPUTS * SAMPLES) == 0;
  float x[OUTPUTS * SAMPLES], y[OUTPUTS * SAMPLES], most = 1;
  memcpy(x, want, sizeof x);
  memcpy(y, got, sizeof y);
  for (int i = 0; i < OUTPUTS * SAMPLES; i++)
    most = fmaxf(most, fabsf(x[i]));
  for (int i = 0; i < OUTPUTS * SAMPLES; i++)
    if (!((double)fabsf(x[i] - y[i]) <= part * (double)most))
      return false;
  return true;
}

/* How many channels went. */
static int one_net(int seed, bool real, const char *pass, double part) {
  Net n = make(seed, real, part == 0);
  char want[4 * OUTPUTS * SAMPLES], got[4 * OUTPUTS * SAMPLES];
  const char *x = samples(&n);
  run(n.g, x, want);
  int before = channels_of_ops(n.g);
  PassOptions o = {.passes = pass, .verify_each = true, .allow = PASS_reassoc};
  assert_true(passes_run(n.g, &o, NULL));
  run(n.g, x, got);
  if (!is_same(&n, want, got, part))
    fail_msg("%s: seed %d: the outputs changed", pass, seed);
  int removed = before - channels_of_ops(n.g);
  arena_free(n.arena);
  return removed;
}

static void test_same_bytes(void **state) {
  (void)state;
  int removed = 0;
  for (int seed = 0; seed < 1500; seed++)
    removed += one_net(seed, false, "prune-channels", 0) > 0;
  assert_true(removed > 750);
}

static void test_same_floats(void **state) {
  (void)state;
  int removed = 0;
  for (int seed = 0; seed < 500; seed++)
    removed += one_net(seed, true, "prune-channels", 0) > 0;
  assert_true(removed > 200);
}

static void test_close_floats(void **state) {
  (void)state;
  int removed = 0;
  for (int seed = 0; seed < 500; seed++)
    removed += one_net(seed, true, "prune-channels-float", 1e-5) > 0;
  assert_true(removed > 250);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_same_bytes),
                                     cmocka_unit_test(test_same_floats),
                                     cmocka_unit_test(test_close_floats)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
