/* prune-channels: random networks of convolutions, sums, pools and a dense
 * layer behind them, with weights that are often zero and biases that often
 * saturate, give the same bytes before and after it. */
#include "tests/testing.h"

#include <string.h>

#include "ir/exec.h"
#include "passes/pass.h"

enum { SIDE = 5, DEPTH = 6, SAMPLES = 3 };

typedef struct Net {
  Arena *arena;
  Graph *g;
  uint64_t random;
} Net;

static int below(Net *n, int limit) {
  return (int)(test_random(&n->random) % (uint64_t)limit);
}

static const Type *image(Net *n, int64_t side, int64_t channels) {
  int64_t dim[] = {1, side, side, channels};
  const QuantParams *q = quant_per_tensor(
      n->arena, 0.05f, below(n, 3) ? -128 : below(n, 20) - 10, DT_i8);
  return type_new(n->arena, DT_i8, 4, dim, q);
}

/* Whole channels of zeros, one time in three. */
static Value *weights(Net *n, int rank, const int64_t *dim, int64_t outputs) {
  const Type *t = type_new(n->arena, DT_i8, rank, dim,
                           quant_per_tensor(n->arena, 0.01f, 0, DT_i8));
  int64_t count = type_count(t), inner = dim[rank - 1];
  int8_t *w = ARENA_ARRAY(n->arena, int8_t, count);
  uint64_t dead_out = test_random(&n->random) & test_random(&n->random);
  uint64_t dead_in = test_random(&n->random) & test_random(&n->random);
  for (int64_t i = 0; i < count; i++) {
    bool dead = outputs ? (dead_out >> (i / (count / outputs)) & 1) ||
                              (dead_in >> (i % inner % 64) & 1)
                        : dead_out >> (i % inner % 64) & 1;
    w[i] = (int8_t)(dead ? 0 : below(n, 255) - 127);
  }
  return graph_const(n->g, "w", t, w);
}

static Value *biases(Net *n, int64_t channels) {
  int32_t *b = ARENA_ARRAY(n->arena, int32_t, channels);
  for (int64_t i = 0; i < channels; i++)
    b[i] = below(n, 4) ? below(n, 20000) - 10000
                       : (below(n, 2) ? -1 : 1) * 100000000;
  return graph_const(n->g, "b",
                     type_new(n->arena, DT_i32, 1, &channels,
                              quant_per_tensor(n->arena, 0.0005f, 0, DT_i32)),
                     b);
}

static Value *emit(Net *n, OpKind k, const Attrs *a, int nin, Value *const *in,
                   const Type *t) {
  return graph_op(n->g, NULL, k, a, nin, in, 1, &t, NULL, (Loc){0})->out[0];
}

static Value *convolution(Net *n, Value *x, bool depthwise) {
  int64_t c = x->type->dim[3], k = below(n, 2) ? 3 : 1;
  int64_t o = depthwise ? c : 1 + below(n, 9);
  int64_t dim[] = {depthwise ? 1 : o, k, k, c};
  Attrs a = attrs_default(OP_conv2d);
  for (int i = 0; i < 4; i++)
    a.conv.pad.v[i] = k / 2;
  a.conv.act = below(n, 2) ? ACT_relu : ACT_none;
  Value *in[] = {x, weights(n, 4, dim, depthwise ? 0 : o), biases(n, o)};
  return emit(n, depthwise ? OP_depthwise_conv2d : OP_conv2d, &a,
              below(n, 5) ? 3 : 2, in, image(n, SIDE, o));
}

static Value *layer(Net *n, Value *x) {
  Attrs a = attrs_default(OP_add);
  Value *twice[] = {x, x};
  switch (below(n, 5)) {
  case 0:
    return convolution(n, x, true);
  case 1:
    twice[1] = convolution(n, x, true);
    return emit(n, OP_add, &a, 2, twice, image(n, SIDE, x->type->dim[3]));
  case 2:
    a = attrs_default(OP_concat);
    a.axis.axis = 3;
    twice[1] = emit(n, OP_concat, &a, 2, twice,
                    type_new(n->arena, DT_i8, 4,
                             (int64_t[]){1, SIDE, SIDE, 2 * x->type->dim[3]},
                             x->type->q));
    return convolution(n, twice[1], false);
  default:
    return convolution(n, x, false);
  }
}

/* Flattened into a dense layer. */
static void finish(Net *n, Value *x) {
  int64_t flat[] = {1, SIDE * SIDE * x->type->dim[3]}, out[] = {1, 3};
  Attrs a = attrs_default(OP_reshape);
  Value *rows = emit(n, OP_reshape, &a, 1, &x,
                     type_new(n->arena, DT_i8, 2, flat, x->type->q));
  int64_t dim[] = {3, flat[1]};
  a = attrs_default(OP_fully_connected);
  Value *in[] = {rows, weights(n, 2, dim, 3), biases(n, 3)};
  const Type *t = type_new(n->arena, DT_i8, 2, out,
                           quant_per_tensor(n->arena, 0.5f, 0, DT_i8));
  graph_output(n->g, emit(n, OP_fully_connected, &a, 3, in, t));
}

static void run(const Graph *g, const int8_t *x, int8_t *y) {
  Executor *e = interp_new(g, NULL, NULL);
  int64_t step = type_bytes(g->inputs.v[0]->type);
  for (int k = 0; k < SAMPLES; k++) {
    const void *in = x + k * step;
    void *out = y + 3 * k;
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

/* How many channels went. */
static int one_net(int seed) {
  Net n = {.arena = arena_new(), .random = (uint64_t)seed * 7919 + 3};
  n.g = graph_new(n.arena, diag_new(n.arena), "net");
  Value *v = graph_input(n.g, "x", image(&n, SIDE, 1 + below(&n, 4)));
  for (int i = 0; i < DEPTH; i++)
    v = layer(&n, v);
  finish(&n, v);
  assert_true(graph_verify(n.g));
  int64_t bytes = SAMPLES * type_bytes(n.g->inputs.v[0]->type);
  int8_t *x = ARENA_ARRAY(n.arena, int8_t, bytes);
  int8_t want[3 * SAMPLES], got[3 * SAMPLES];
  for (int64_t i = 0; i < bytes; i++)
    x[i] = (int8_t)(below(&n, 256) - 128);
  run(n.g, x, want);
  int before = channels_of_ops(n.g);
  PassOptions o = {.passes = "prune-channels", .verify_each = true};
  assert_true(passes_run(n.g, &o, NULL));
  run(n.g, x, got);
  if (memcmp(want, got, sizeof want))
    fail_msg("seed %d: the outputs changed", seed);
  int removed = before - channels_of_ops(n.g);
  arena_free(n.arena);
  return removed;
}

static void test_same_bytes(void **state) {
  (void)state;
  int removed = 0;
  for (int seed = 0; seed < 1500; seed++)
    removed += one_net(seed) > 0;
  assert_true(removed > 750);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_same_bytes)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
