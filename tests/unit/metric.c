/* Metrics, by cases worked out by hand; a model evaluated over samples; what
 * samples hold beside what inputs are quantized for. */
#include "tests/unit/fixture.h"

#include <math.h>
#include <string.h>

#include "compress/evaluate.h"
#include "compress/feed_span.h"
#include "ir/text.h"

static MetricSpec spec_of(const char *name) {
  MetricSpec m;
  if (!metric_find(name, strlen(name), &m))
    fail_msg("unknown: %s", name);
  return m;
}

/* Samples of `outputs` each. */
typedef struct Case {
  const char *metric;
  int samples, outputs;
  double out[12];
  int64_t label[6];
  double want[12];
  double value;
} Case;

static const Case cases[] = {
    {"top1", 2, 3, {.1, .5, .4, .1, .5, .4}, {1, 2}, {0}, .5},
    {"top-2", 2, 3, {.1, .5, .4, .1, .5, .4}, {1, 2}, {0}, 1},
    /* of equals the first; what is not a number never */
    {"top1", 3, 2, {1, 1, 1, 1, 0, NAN}, {0, 1, 1}, {0}, 1 / 3.},
    {"top2", 2, 2, {NAN, NAN, NAN, 0}, {0, 1}, {0}, .5},
    {"top1", 3, 1, {.7, .7, .2}, {1, 0, 0}, {0}, 2 / 3.},
    /* 2/3, 2/3, 1 */
    {"f1",
     4,
     3,
     {1, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 1},
     {0, 0, 1, 2},
     {0},
     (2 / 3. + 2 / 3. + 1) / 3},
    {"f1", 4, 1, {.9, .4, .6, .1}, {1, 1, 0, 0}, {0}, .5},
    {"f1", 2, 3, {1, 0, 0, 1, 0, 0}, {0, 0}, {0}, 1},
    {"auc", 4, 1, {.9, .4, .6, .1}, {1, 1, 0, 0}, {0}, .75},
    {"auc", 3, 1, {.5, .5, .1}, {1, 0, 0}, {0}, .75},
    {"auc", 2, 1, {.5, .1}, {1, 1}, {0}, 0},
    /* logits: 2 - 0 above 6 - 5 */
    {"auc", 2, 2, {0, 2, 5, 6}, {1, 0}, {0}, 1},
    /* 0: 1 of 2 pairs; 1: 2 of 2; 2: 1 of 2 */
    {"auc",
     3,
     3,
     {.2, .1, .3, .1, .9, .2, .4, 0, .25},
     {0, 1, 2},
     {0},
     (.5 + 1 + .5) / 3},
    {"mse", 2, 2, {1, 2, 3, 4}, {0}, {0, 4, 3, 4}, 1.25},
    {"mean-difference", 2, 2, {1, 2, 3, 4}, {0}, {0, 4, 3, 4}, .75},
    {"max_difference", 2, 2, {1, 2, 3, 4}, {0}, {0, 4, 3, 4}, 2},
    {"cos", 3, 2, {1, 0, 0, 0, 0, 0}, {0}, {3, 4, 0, 0, 1, 0}, 1.6 / 3},
    {"agreement", 3, 2, {1, 2, 2, 1, 1, 1}, {0}, {0, 9, 0, 9, 5, 5}, 2 / 3.},
    {"agreement", 2, 1, {.6, .6}, {0}, {.9, .4}, .5},
};

/* Decisions alone are enough for it. */
static void agreement_with_decisions(void **state) {
  (void)state;
  static const double own[3][2] = {{1, 2}, {2, 1}, {1, 1}};
  static const double want[3][2] = {{0, 9}, {0, 9}, {5, 5}};
  Metric *m = metric_begin(arena, spec_of("agreement"), 2);
  for (int s = 0; s < 3; s++)
    metric_add(m, own[s], metric_decision(want[s], 2), NULL);
  assert_int_equal(metric_hits(m), 2);
}

static void metrics(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const Case *c = &cases[i];
    Metric *m = metric_begin(arena, spec_of(c->metric), c->outputs);
    for (int s = 0; s < c->samples; s++)
      metric_add(m, c->out + s * c->outputs, c->label[s],
                 c->want + s * c->outputs);
    if (!(fabs(metric_value(m) - c->value) < 1e-15))
      fail_msg("%zu %s: %.17g, expected %.17g", i, c->metric, metric_value(m),
               c->value);
  }
}

static void not_a_number(void **state) {
  (void)state;
  static const double out[2] = {1, NAN}, want[2] = {1, 2};
  static const char *const names[] = {"mse", "mean-difference",
                                      "max-difference"};
  for (int i = 0; i < 3; i++) {
    Metric *m = metric_begin(arena, spec_of(names[i]), 2);
    metric_add(m, out, 0, want);
    metric_add(m, want, 0, want);
    assert_true(isnan(metric_value(m)));
  }
}

static void spelling(void **state) {
  (void)state;
  MetricSpec m = spec_of("top-10");
  assert_int_equal(m.k, 10);
  assert_string_equal(metric_name(arena, m), "top-10");
  assert_string_equal(metric_name(arena, spec_of("mean_difference")),
                      "mean-difference");
  static const char *const bad[] = {
      "", "top", "top0", "top-", "f", "f11", "top1x", "top99999999999", "mean"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    assert_false(metric_find(bad[i], strlen(bad[i]), &m));
  assert_true(metric_find("f1,auc", 2, &m));
  assert_int_equal(m.kind, METRIC_f1);
  assert_true(metric_drop(spec_of("top1"), .9, .8) > 0);
  assert_true(metric_drop(spec_of("mse"), .9, .8) < 0);
}

/* ---- a model ---- */

static Executor *interpret(Engine *e, const Graph *g) {
  (void)e;
  return interp_new(g, NULL, NULL);
}

static Graph *parse(const char *text) {
  text = arena_printf(arena, "model m rounding=onnx\n%s", text);
  Graph *g = graph_parse(arena, diag, "m.kiln", text, strlen(text));
  assert_non_null(g);
  return g;
}

static const int8_t numbers[6] = {-3, 2, 5, -1, 4, 3};
static const NdArray data = {ELEM_i8, 2, {3, 2}, numbers, 6};
static const char *const from[] = {"x.npy"};

static void count(void *ctx, int64_t done, int64_t total) {
  assert_int_equal(total, 3);
  *(int64_t *)ctx = done;
}

static void evaluated(void **state) {
  (void)state;
  Graph *g = parse("input %x : i8[1,2] q(0.5, -1)\n"
                   "%y : f32[1,2] = dequantize %x\n"
                   "output %x\noutput %y\n");
  static const int64_t labels[3] = {1, 0, 1};
  static const double reals[6] = {-1, 1.5, 3, 0, 2.5, 2};
  static const double want[6] = {-1, 1.5, 3, 0, 2.5, 5};
  const MetricSpec top[2] = {spec_of("top1"), spec_of("max-difference")};
  const Truth truth = {labels, want};
  Engine engine = {interpret};
  Feed feed;
  Measured m[2];
  RunTime time;
  double out[6];
  int64_t done = 0;
  assert_true(feed_open(diag, g, &data, from, &feed));
  for (int output = 0; output < 2; output++) {
    const Evaluation e = {g, &engine, &feed, output, count, &done};
    assert_true(evaluate(&e, &truth, top, 2, m, &time));
    assert_int_equal(done, 3);
    assert_int_equal(m[0].hits, 2);
    assert_true(m[1].value == 3);
    assert_string_equal(time.executor, "interpreter");
    assert_true(evaluate_outputs(&e, out));
    assert_memory_equal(out, reals, sizeof out);
  }
  evaluate_known(3, 2, want, &truth, top, 2, m);
  assert_int_equal(m[0].hits, 3);
  assert_true(m[1].value == 0);
}

/* ---- ranges ---- */

/* What is said of pixels 0, 100 and 255 at such an input. */
static const char *warned(const char *graph, double lo, double hi) {
  static const uint8_t pixels[3] = {0, 100, 255};
  static const NdArray x = {ELEM_u8, 2, {3, 1}, pixels, 3};
  Graph *g = parse(graph);
  Feed feed;
  assert_true(feed_open(diag, g, &x, from, &feed));
  Span span = feed_span(&feed, 0);
  assert_true(span.lo == lo && span.hi == hi);
  diag = diag_new(arena);
  feed_warn(diag, &feed, &span);
  return messages();
}

static void spans(void **state) {
  (void)state;
  assert_string_equal(
      warned("input %x : u8[1] q(0.5, 0)\noutput %x\n", 0, 127.5), "");
  /* seen before it is clamped */
  const char *text = warned("input %x : i8[1] q(0.5, -128) preprocess "
                            "{ scale=4 }\noutput %x\n",
                            0, 1020);
  assert_non_null(strstr(text, "warning: the samples hold 0 to 1020, input 'x' "
                               "is quantized for 0 to 127.5"));
  text = warned("input %x : f32[1]\n%r : f32[1,1] = reshape %x\n"
                "%q : i8[1,1] q(2.0, 0) = quantize %r\noutput %q\n",
                0, 255);
  assert_string_equal(text, "");
  text = warned("input %x : f32[1] preprocess { scale=0.25 }\n"
                "%q : i8[1] q(8.0, 0) = quantize %x\noutput %q\n",
                0, 63.75);
  assert_non_null(strstr(text, "is quantized for -1024 to 1016"));
  text = warned("input %x : f32[1]\noutput %x\n", 0, 255);
  assert_non_null(strstr(text, "takes pixels as they are, 0 to 255"));
  text = warned("input %x : f32[1] preprocess { }\noutput %x\n", 0, 255);
  assert_string_equal(text, "");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(metrics),      TEST(agreement_with_decisions),
      TEST(not_a_number), TEST(spelling),
      TEST(evaluated),    TEST(spans),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
