/* compress/recover/: what its parts promise, on small networks. */
#include "tests/unit/fixture.h"

#include <math.h>
#include <string.h>

#include "compress/linear.h"
#include "compress/recover/pairs.h"
#include "compress/recover/recover.h"
#include "compress/recover/round.h"
#include "compress/recover/step.h"
#include "compress/recover/stored.h"
#include "ir/text.h"

static uint64_t seed;

static int setup_seed(void **state) {
  seed = 1;
  return setup(state);
}

/* In [-1, 1). */
static float pick(void) {
  return (float)(test_random(&seed) >> 40) / 8388608 - 1;
}

static float *picks(int64_t n, float scale) {
  float *x = ARENA_ARRAY(arena, float, n);
  for (int64_t i = 0; i < n; i++)
    x[i] = scale * pick();
  return x;
}

/* ---- networks ---- */

static Graph *parse(const char *text) {
  Graph *g = graph_parse(arena, diag, "net.kiln", text, strlen(text));
  if (!g || !graph_verify(g))
    diag_print(diag, stderr);
  assert_non_null(g);
  return g;
}

/* Every constant of f32 that is a layer's gets random numbers, channels of
 * ranges far apart. */
static void randomize(Graph *g) {
  Layers layers = layers_of(arena, g);
  for (int i = 0; i < layers.all.n; i++) {
    Layer *l = &layers.all.v[i];
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

static Graph *net(void) {
  Graph *g = parse(net_text);
  randomize(g);
  return g;
}

static Executor *engine_make(Engine *e, const Graph *g) {
  (void)e;
  return graph_verify(g) ? interp_new(g, NULL, NULL) : NULL;
}
static Engine engine = {engine_make};

static Feed feed_of(const Graph *g, int64_t samples) {
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

static Fit fit_of(const Feed *f) {
  int64_t *s = ARENA_ARRAY(arena, int64_t, f->samples);
  for (int64_t i = 0; i < f->samples; i++)
    s[i] = i;
  return (Fit){&engine, f, s, f->samples};
}

/* ---- linear.h ---- */

static void inverts(void **state) {
  (void)state;
  enum { N = 5 };
  double a[N * N], b[N * N];
  const float *x = picks(N * N, 1);
  for (int i = 0; i < N; i++)
    for (int j = 0; j < N; j++) {
      a[i * N + j] = i == j;
      for (int k = 0; k < N; k++)
        a[i * N + j] += (double)x[i * N + k] * (double)x[j * N + k];
    }
  memcpy(b, a, sizeof a);
  assert_true(spd_invert(b, N));
  for (int i = 0; i < N; i++)
    for (int j = 0; j < N; j++) {
      double sum = 0;
      for (int k = 0; k < N; k++)
        sum += a[i * N + k] * b[k * N + j];
      assert_true(fabs(sum - (i == j)) < 1e-9);
    }
  a[0] = -1;
  assert_false(spd_factor(a, N));
}

/* ---- layer.h ---- */

static const char *const kinds[] = {
    "input %x : f32[1,7,6,4]\n"
    "const @w : f32[6,3,2,4] = splat 0\nconst @b : f32[6] = splat 0\n"
    "%y : f32[1,4,4,6] = conv2d %x, @w, @b "
    "{ stride=[2,1], dilation=[1,3], pad=[1,1,0,1] }\noutput %y\n",
    "input %x : f32[2,5,5,4]\n"
    "const @w : f32[6,3,3,2] = splat 0\n"
    "%y : f32[2,3,3,6] = conv2d %x, @w\noutput %y\n",
    "input %x : f32[1,5,5,3]\n"
    "const @w : f32[1,3,3,6] = splat 0\nconst @b : f32[6] = splat 0\n"
    "%y : f32[1,5,5,6] = depthwise_conv2d %x, @w, @b "
    "{ pad=[1,1,1,1] }\noutput %y\n",
    "input %x : f32[2,3,8]\n"
    "const @w : f32[5,8] = splat 0\nconst @b : f32[5] = splat 0\n"
    "%y : f32[2,3,5] = fully_connected %x, @w, @b\noutput %y\n",
    "input %x : f32[2,3,8]\n"
    "const @w : f32[8,5] = splat 0\n"
    "%y : f32[2,3,5] = matmul %x, @w\noutput %y\n",
};

/* What layer.h says of an op is what the op computes. */
static void describes(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    Graph *g =
        parse(arena_printf(arena, "model m rounding=onnx\n%s", kinds[i]));
    Layer l;
    int64_t n;
    randomize(g);
    assert_true(layer_of(g->first, &l));
    const float *w = layer_weights(arena, &l);
    const double *b = layer_biases(arena, &l, &n);
    const float *x = picks(type_count(g->inputs.v[0]->type), 1);
    float *y = ARENA_ARRAY(arena, float, type_count(l.op->out[0]->type));
    float *row = ARENA_ARRAY(arena, float, l.k);
    assert_int_equal(type_count(l.op->out[0]->type), l.rows * l.outputs);
    Executor *e = interp_new(g, NULL, NULL);
    assert_true(e->run(e, (const void *const[]){x}, (void *const[]){y}));
    e->free(e);
    for (int64_t r = 0; r < l.rows; r++)
      for (int64_t o = 0; o < l.outputs; o++) {
        double sum = b[o];
        layer_row(&l, x, r, layer_group(&l, o), row);
        for (int64_t j = 0; j < l.k; j++)
          sum += (double)w[o * l.k + j] * (double)row[j];
        assert_true(fabs(sum - (double)y[r * l.outputs + o]) < 1e-4);
      }
  }
}

/* ---- walk.h ---- */

/* Piece by piece is what the network computes as a whole. */
static void walks(void **state) {
  (void)state;
  Graph *g = net();
  Feed feed = feed_of(g, 3);
  Fit fit = fit_of(&feed);
  Walk *w = fit_walk(&fit, g);
  Layers layers = layers_of(arena, g);
  for (int i = 0; i < layers.all.n; i++) {
    assert_true(walk_to(w, layers.all.v[i].op));
    assert_non_null(walk_value(w, layers.all.v[i].op->in[0], 2));
  }
  assert_null(walk_value(w, g->inputs.v[0], 0));
  assert_true(walk_to(w, NULL));
  float x[8 * 8 * 3], y[5];
  Executor *e = interp_new(g, NULL, NULL);
  for (int64_t s = 0; s < 3; s++) {
    feed_sample(&feed, s, (void *const[]){x});
    assert_true(e->run(e, (const void *const[]){x}, (void *const[]){y}));
    assert_memory_equal(walk_value(w, g->outputs.v[0], s), y, sizeof y);
  }
  e->free(e);
  walk_free(w);
}

/* ---- floats ---- */

static void run_net(const Graph *g, const Feed *feed, int64_t s, float *y) {
  float x[8 * 8 * 3];
  feed_sample(feed, s, (void *const[]){x});
  Executor *e = interp_new(g, NULL, NULL);
  assert_true(e->run(e, (const void *const[]){x}, (void *const[]){y}));
  e->free(e);
}

static void assert_same_function(const Graph *f, const Graph *g,
                                 const Feed *feed, float part) {
  for (int64_t s = 0; s < feed->samples; s++) {
    float y[5], z[5], most = 0;
    run_net(f, feed, s, y);
    run_net(g, feed, s, z);
    for (int i = 0; i < 5; i++)
      most = fmaxf(most, fabsf(y[i]));
    for (int i = 0; i < 5; i++)
      assert_true(fabsf(y[i] - z[i]) <= part * most);
  }
}

/* Largest range of an output's weights over the least. */
static double unevenness(const Layer *l) {
  const float *w = layer_weights(arena, l);
  double most = 0, least = INFINITY;
  for (int64_t o = 0; o < l->outputs; o++) {
    double range = 0;
    for (int64_t j = 0; j < l->k; j++)
      range = fmax(range, fabs((double)w[o * l->k + j]));
    most = fmax(most, range);
    least = fmin(least, range);
  }
  return most / least;
}

static void equalizes(void **state) {
  (void)state;
  Graph *f = net(), *g = graph_clone(arena, f);
  Feed feed = feed_of(f, 4);
  Fit fit = fit_of(&feed);
  int changed;
  assert_int_equal(pairs_of(arena, g).all.n, 3);
  assert_true(recover_equalize(&fit, g, &changed));
  assert_true(graph_verify(g));
  assert_int_equal(changed, 3);
  assert_same_function(f, g, &feed, 1e-5f);
  Layers before = layers_of(arena, f), after = layers_of(arena, g);
  for (int i = 0; i < 3; i++)
    assert_true(unevenness(&after.all.v[i]) < unevenness(&before.all.v[i]) / 2);
}

static const char relu6_text[] =
    "model net rounding=onnx\n"
    "input %%x : f32[1,8,8,3]\n"
    "const @w0 : f32[4,1,1,3] = splat 0\nconst @b0 : f32[4] = splat %s\n"
    "const @w1 : f32[5,256] = splat 0.01\n"
    "%%c0 : f32[1,8,8,4] = conv2d %%x, @w0, @b0 { act=relu6 }\n"
    "%%f : f32[1,256] = reshape %%c0\n"
    "%%y : f32[1,5] = fully_connected %%f, @w1\n"
    "output %%y\n";

/* A clamp goes where no sample meets it, and stays where one does. */
static void opens_clamps(void **state) {
  (void)state;
  for (int high = 0; high < 2; high++) {
    Graph *g = parse(arena_printf(arena, relu6_text, high ? "7" : "3"));
    Feed feed = feed_of(g, 2);
    Fit fit = fit_of(&feed);
    int changed;
    assert_true(recover_equalize(&fit, g, &changed));
    assert_int_equal(g->first->attrs.conv.act, high ? ACT_relu6 : ACT_relu);
  }
}

static void absorbs(void **state) {
  (void)state;
  Graph *f = net();
  Layers layers = layers_of(arena, f);
  double b[12] = {9, 9, 0, 0, 0, 0, 9, 0, 0, 0, 0, 9};
  layer_set_biases(&layers.all.v[2], b, 12);
  Graph *g = graph_clone(arena, f);
  Feed feed = feed_of(f, 4);
  Fit fit = fit_of(&feed);
  int changed;
  assert_true(recover_absorb(&fit, g, &changed));
  assert_true(changed >= 1);
  layers = layers_of(arena, g);
  int64_t n;
  assert_true(layer_biases(arena, &layers.all.v[2], &n)[0] < 6);
  assert_same_function(f, g, &feed, 2e-3f);
}

/* ---- integers ---- */

/* v, as integers of 16 bits, in floats again. */
static Value *stored_activation(Graph *g, Op *before, Value *v, float scale) {
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

static Value *stored_weights(Graph *g, const Layer *l, int64_t most) {
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

static int64_t largest_level;
static int quantized; /* times */

/* Weights, biases and what layers read. */
static Graph *quantize(void *ctx, const Graph *f) {
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
    op_set_input(op, 2, NULL);
    Layer made;
    assert_true(layer_of(op, &made));
    layer_set_biases(&made, b, n);
    assert_int_equal(made.bias->type->dtype, DT_i32);
  }
  return g;
}

static Graph *quantize_to(const Graph *f, int64_t most) {
  largest_level = most;
  return quantize(NULL, f);
}

/* A layer of which one input is always 0 and two are the same. */
typedef struct Problem {
  Graph *g;
  Layer l;
  Moments m;
  float *x; /* [rows][k] */
} Problem;

static const float *problem_input(void *ctx, int64_t i) {
  const Problem *p = ctx;
  return p->x + i * p->l.k;
}

enum { ROWS = 64, K = 24, OUTPUTS = 6 };

static Problem problem(void) {
  Problem p;
  p.g = parse("model m rounding=onnx\ninput %x : f32[1,24]\n"
              "const @w : f32[6,24] = splat 0\nconst @b : f32[6] = splat 0\n"
              "%y : f32[1,6] = fully_connected %x, @w, @b\noutput %y\n");
  randomize(p.g);
  p.g = quantize_to(p.g, 127);
  assert_true(layer_of(p.g->last, &p.l));
  p.x = picks(ROWS * K, 1);
  for (int64_t r = 0; r < ROWS; r++) {
    float common = pick();
    for (int64_t j = 0; j < K; j++)
      p.x[r * K + j] += 2 * common;
    p.x[r * K + 3] = 0;
    p.x[r * K + 5] = p.x[r * K + 4];
  }
  p.m = moments_of(arena, &p.l, problem_input, &p, NULL, ROWS);
  return p;
}

/* Mean square of (w' - w) x over the rows, in units of the scales. */
static double output_error(const Problem *p, const Rounded *r) {
  double error = 0;
  for (int64_t row = 0; row < ROWS; row++)
    for (int64_t o = 0; o < OUTPUTS; o++) {
      double off = 0;
      for (int64_t j = 0; j < K; j++)
        off += (rounded_real(r, o, j, *rounded_at(r, o, j)) -
                (double)r->w[o * K + j]) *
               (double)p->x[row * K + j];
      off /= (double)p->l.weight->type->q->scale[o];
      error += off * off / (double)ROWS;
    }
  return error;
}

static void sums_moments(void **state) {
  (void)state;
  Problem p = problem();
  assert_int_equal(p.m.rows, ROWS);
  for (int i = 0; i < K; i++)
    for (int j = 0; j < K; j++) {
      double sum = 0;
      for (int r = 0; r < ROWS; r++)
        sum += (double)p.x[r * K + i] * (double)p.x[r * K + j] / (double)ROWS;
      assert_true(fabs(p.m.block[0].gram[i * K + j] - sum) < 1e-5);
    }
}

/* Weights of which column `largest` alone fills the grid. */
static float *weights_with_largest(const Problem *p, int largest) {
  float *w = picks(OUTPUTS * K, 0.5f);
  for (int i = 0; i < OUTPUTS * K; i++) {
    float most = p->l.weight->type->q->scale[i / K] * 127;
    w[i] = i % K == largest ? most : w[i] * most;
  }
  return w;
}

/* To few levels, so that there is something to gain. */
static Rounded coarse(const Problem *p, const float *w) {
  Rounded r = rounded_of(arena, &p->l, &p->m, w);
  QuantParams q = *r.t->q;
  float *scale = ARENA_ARRAY(arena, float, q.nscale);
  for (int i = 0; i < q.nscale; i++)
    scale[i] = q.scale[i] * 127 / 7;
  q.scale = scale;
  q.qmin = -7;
  q.qmax = 7;
  r.t = type_with_dtype(arena, r.t, DT_i8, &q);
  return r;
}

static void rounds(void **state) {
  (void)state;
  Problem p = problem();
  float *w = weights_with_largest(&p, 0);
  Rounded r = coarse(&p, w);
  rounded_nearest(&r);
  double nearest = output_error(&p, &r);
  int64_t dead = *rounded_at(&r, 2, 3);
  rounded_propagate(&r);
  double propagated = output_error(&p, &r);
  assert_true(propagated < 0.5 * nearest);
  assert_int_equal(*rounded_at(&r, 2, 3), dead);
  int64_t *levels = arena_dup(arena, r.level, OUTPUTS * K * sizeof *levels);
  rounded_descend(&r);
  assert_true(output_error(&p, &r) <= propagated * 1.001);
  rounded_propagate(&r);
  assert_memory_equal(levels, r.level, OUTPUTS * K * sizeof *levels);
  for (int i = 0; i < OUTPUTS * K; i++)
    assert_in_range(r.level[i] + 7, 0, 14);
  rounded_nearest(&r);
  rounded_descend(&r);
  assert_true(output_error(&p, &r) < 0.7 * nearest);
}

/* The rows as they were before the layers before were rounded. */
typedef struct Drift {
  Problem *p;
  float *x; /* [rows][k] */
} Drift;

static const float *drift_input(void *ctx, int64_t i) {
  const Drift *d = ctx;
  return d->x + i * K;
}

/* Mean square of w' x' - w x, x' the rows that the layer reads now. */
static double drift_error(const Drift *d, const Drift *now, const float *w,
                          const float *to) {
  double error = 0;
  for (int64_t row = 0; row < ROWS; row++)
    for (int64_t o = 0; o < OUTPUTS; o++) {
      double off = 0;
      for (int64_t j = 0; j < K; j++)
        off += (double)to[o * K + j] * (double)now->x[row * K + j] -
               (double)w[o * K + j] * (double)d->x[row * K + j];
      error += off * off / (double)ROWS;
    }
  return error;
}

static void retargets(void **state) {
  (void)state;
  Problem p = problem();
  Drift model = {&p, p.x}, now = {&p, arena_dup(arena, p.x, ROWS * K * 4)};
  for (int64_t i = 0; i < ROWS * K; i++)
    now.x[i] = 0.8f * now.x[i] + 0.05f * pick();
  Moments m = moments_of(arena, &p.l, drift_input, &now, &model, ROWS);
  const float *w = weights_with_largest(&p, 0);
  Rounded r = rounded_of(arena, &p.l, &m, w);
  rounded_retarget(arena, &r);
  assert_true(drift_error(&model, &now, w, r.w) <
              drift_error(&model, &now, w, w) / 10);
}

static void fits_scales(void **state) {
  (void)state;
  Problem p = problem();
  float *w = weights_with_largest(&p, 3);
  Rounded r = coarse(&p, w);
  const QuantParams *was = r.t->q;
  rounded_nearest(&r);
  double before = output_error(&p, &r);
  double b[OUTPUTS] = {[1] = 1e9};
  rounded_fit_scales(arena, &r, b, 1.0 / (double)was->scale[1]);
  rounded_nearest(&r);
  assert_true(output_error(&p, &r) < before);
  for (int i = 0; i < OUTPUTS; i++)
    assert_true(i == 1 || r.t->q->scale[i] < was->scale[i]);
  assert_true(r.t->q->scale[1] > 0.9f * was->scale[1]);
}

/* ---- the graph ---- */

static void means(const Graph *f, const Graph *q, const Feed *feed,
                  double *off) {
  memset(off, 0, 5 * sizeof *off);
  for (int64_t s = 0; s < feed->samples; s++) {
    float y[5], z[5];
    run_net(f, feed, s, y);
    run_net(layer_float_twin(arena, q), feed, s, z);
    for (int i = 0; i < 5; i++)
      off[i] += ((double)z[i] - (double)y[i]) / (double)feed->samples;
  }
}

static void corrects_biases(void **state) {
  (void)state;
  Graph *f = net(), *q = quantize_to(f, 7);
  Feed feed = feed_of(f, 16);
  Fit fit = fit_of(&feed);
  Models m;
  int changed;
  double before[5], after[5], all[2] = {0};
  assert_true(models_of(arena, &fit, f, &m));
  means(f, q, &feed, before);
  assert_true(recover_tune(&fit, &m, q, TUNE_bias, &changed));
  assert_int_equal(changed, 4);
  means(f, q, &feed, after);
  for (int i = 0; i < 5; i++) {
    all[0] += fabs(before[i]);
    all[1] += fabs(after[i]);
  }
  assert_true(all[1] < all[0] / 100);
}

static const char *printed(const Graph *g) {
  Str s = str_new(arena);
  graph_print(&s, g, TEXT_INLINE, NULL, NULL);
  return str_cstr(&s);
}

static Recovery recovery(const Feed *feed) {
  return (Recovery){
      .arena = arena, .engine = &engine, .feed = feed, .quantize = quantize};
}

static void recovers(void **state) {
  (void)state;
  largest_level = 7;
  Graph *f = net();
  Feed feed = feed_of(f, 64);
  Recovery r = recovery(&feed);
  const char *before = printed(f);
  Graph *q = recover_run(&r, f, "auto");
  assert_non_null(q);
  assert_true(graph_verify(q));
  assert_string_equal(printed(f), before);
  assert_int_equal(r.notes.n, 6);
  double error = r.notes.v[0].before;
  for (int i = 0; i < r.notes.n; i++) {
    const RecoveryNote *n = &r.notes.v[i];
    assert_true(n->before == error);
    assert_string_equal(n->step, recover_step(i)->name);
    if (n->kept)
      error = n->after;
  }
  assert_true(error < r.notes.v[0].before / 2);
  Recovery again = recovery(&feed);
  assert_string_equal(printed(recover_run(&again, f, "auto")), printed(q));
}

static void runs_lists(void **state) {
  (void)state;
  largest_level = 127;
  Graph *f = net();
  Feed feed = feed_of(f, 16);
  Recovery r = recovery(&feed);
  quantized = 0;
  const char *plain = printed(recover_run(&r, f, "none"));
  assert_int_equal(quantized, 1);
  assert_int_equal(r.notes.n, 0);
  assert_string_equal(plain, printed(quantize(NULL, f)));
  assert_non_null(recover_run(&r, f, "bias,equalize"));
  assert_int_equal(r.notes.n, 2);
  assert_string_equal(r.notes.v[0].step, "equalize");
  assert_true(r.notes.v[1].kept);
  assert_true(recover_check(diag, "auto"));
  assert_false(recover_check(diag, "bias,train"));
  assert_false(recover_check(diag, ""));
  assert_int_equal(diag_error_count(diag), 2);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup_seed, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(inverts),      TEST(describes),       TEST(walks),
      TEST(equalizes),    TEST(opens_clamps),    TEST(absorbs),
      TEST(sums_moments), TEST(rounds),          TEST(retargets),
      TEST(fits_scales),  TEST(corrects_biases), TEST(recovers),
      TEST(runs_lists),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
