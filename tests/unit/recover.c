/* compress/recover/: networks that are quantized, layer by layer and as a
 * whole. */
#include "tests/unit/recover.h"

#include "passes/pass.h"

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

/* ---- weights that layers share ---- */

static const char heads_text[] =
    "model heads rounding=onnx\n"
    "input %x : f32[1,6]\n"
    "const @v0 : f32[4,6] = splat 0\nconst @v1 : f32[4,6] = splat 0\n"
    "const @v2 : f32[4,6] = splat 0\nconst @w : f32[2,4] = splat 0\n"
    "const @b0 : f32[2] = splat 0\nconst @b1 : f32[2] = splat 0\n"
    "%h0 : f32[1,4] = fully_connected %x, @v0 { act=relu }\n"
    "%h1 : f32[1,4] = fully_connected %x, @v1 { act=relu }\n"
    "%h2 : f32[1,4] = fully_connected %x, @v2 { act=relu }\n"
    "%y0 : f32[1,2] = fully_connected %h0, @w, @b0\n"
    "%y1 : f32[1,2] = fully_connected %h1, @w, @b1\n"
    "%y2 : f32[1,2] = fully_connected %h2, @w, @b1\n"
    "output %y0\noutput %y1\noutput %y2\n";

static Layer head(const Graph *g, const char *result) {
  Layer l;
  assert_true(layer_of(graph_find(g, result)->def, &l));
  return l;
}

/* Three heads, biases far apart. */
static Graph *heads(void) {
  Graph *g = parse(heads_text);
  randomize(g);
  Layer first = head(g, "y0"), second = head(g, "y1");
  layer_set_biases(&first, (const double[]){3, 4}, 2);
  layer_set_biases(&second, (const double[]){-3, -4}, 2);
  Layer third = head(g, "y2");
  layer_share_bias(&third, &second);
  return g;
}

/* Mean difference of each of the heads' results, which are to be near. */
static void assert_near_on_average(const Graph *f, const Graph *g,
                                   const Feed *feed, double limit) {
  double off[6] = {0};
  Executor *one = interp_new(f, NULL, NULL), *two = interp_new(g, NULL, NULL);
  for (int64_t s = 0; s < feed->samples; s++) {
    float x[6], y[6], z[6];
    feed_sample(feed, s, (void *const[]){x});
    const void *const in[] = {x};
    assert_true(one->run(one, in, (void *const[]){y, y + 2, y + 4}));
    assert_true(two->run(two, in, (void *const[]){z, z + 2, z + 4}));
    for (int i = 0; i < 6; i++)
      off[i] += ((double)z[i] - (double)y[i]) / (double)feed->samples;
  }
  one->free(one);
  two->free(two);
  for (int i = 0; i < 6; i++)
    assert_true(fabs(off[i]) < limit);
}

/* Heads of one weight keep their own biases; those that have one in common go
 * on having it. */
static void tunes_heads(void **state) {
  (void)state;
  static const unsigned steps[] = {TUNE_round, TUNE_bias, TUNE_bn,
                                   TUNE_round | TUNE_bias};
  Graph *f = heads();
  Feed feed = feed_of(f, 32);
  Fit fit = fit_of(&feed);
  Models m;
  assert_true(models_of(arena, &fit, f, &m));
  for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
    Graph *q = quantize_to(f, 127);
    PassOptions passes = {.passes = "cse,dce", .allow = PASS_exact};
    int changed;
    assert_true(passes_run(q, &passes, NULL));
    assert_ptr_equal(head(q, "y0").weight, head(q, "y2").weight);
    assert_true(recover_tune(&fit, &m, q, steps[i], &changed));
    assert_int_equal(changed, 6);
    assert_true(graph_verify(q));
    assert_near_on_average(f, layer_float_twin(arena, q), &feed, 0.05);
    assert_ptr_not_equal(head(q, "y0").bias, head(q, "y1").bias);
    assert_ptr_equal(head(q, "y1").bias, head(q, "y2").bias);
  }
}

/* ---- lists of steps ---- */

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

/* ---- memory ---- */

static int64_t runs;
static bool (*run_uncounted)(Executor *, const void *const *, void *const *);

static bool run_counted(Executor *e, const void *const *in, void *const *out) {
  runs++;
  return run_uncounted(e, in, out);
}

static Executor *counting_make(Engine *e, const Graph *g) {
  Executor *x = engine_make(e, g);
  run_uncounted = x->run;
  x->run = run_counted;
  return x;
}

/* Times that something ran. */
static int64_t runs_in(int64_t memory) {
  Engine counting = {counting_make};
  Graph *f = net();
  Feed feed = feed_of(f, 64);
  Recovery r = recovery(&feed);
  r.engine = &counting;
  r.memory = memory;
  runs = 0;
  assert_non_null(recover_run(&r, f, "bias"));
  return runs;
}

/* What is kept of fewer samples takes less; one is looked at in any case. */
static void bounds_memory(void **state) {
  (void)state;
  int64_t all = runs_in(0), outputs = 5 * 4;
  assert_int_equal(runs_in(1 << 30), all);
  /* twice the outputs of 4 samples: one for the steps, 4 of 16 measured */
  assert_int_equal(runs_in(8 * outputs), runs_in(1) + 3 * 3);
  assert_true(runs_in(1) < all / 10);
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

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(corrects_biases), TEST(tunes_heads), TEST(recovers),
      TEST(bounds_memory),   TEST(runs_lists),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
