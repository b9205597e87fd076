/* compress/recover/: layers, walks, and the steps before quantizing. */
#include "tests/unit/recover.h"

#include "compress/recover/pairs.h"

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

/* What several layers read stays as it is for the others. */
static void owns_biases(void **state) {
  (void)state;
  Graph *g = parse("model m rounding=onnx\n"
                   "input %x : f32[1,3]\n"
                   "const @v : f32[2,3] = splat 1\n"
                   "const @w : f32[2,3] = splat 2\n"
                   "const @b : f32[2] = splat 3\n"
                   "%y : f32[1,2] = fully_connected %x, @v, @b\n"
                   "%z : f32[1,2] = fully_connected %x, @w, @b\n"
                   "output %y\noutput %z\n");
  Layers layers = layers_of(arena, g);
  Layer *l = &layers.all.v[0], other;
  int64_t n;
  layer_set_biases(l, (const double[]){5, 6}, 2);
  assert_true(layer_of(layers.all.v[1].op, &other));
  assert_true(layer_biases(arena, l, &n)[1] == 6);
  assert_true(layer_biases(arena, &other, &n)[1] == 3);
  assert_string_equal(other.bias->name, "b");
  layer_share_bias(&other, l);
  assert_ptr_equal(other.bias, l->bias);
  assert_string_equal(l->bias->name, "b");
  assert_true(graph_verify(g));
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

/* ---- steps ---- */

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

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(describes), TEST(owns_biases),  TEST(walks),
      TEST(equalizes), TEST(opens_clamps), TEST(absorbs),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
