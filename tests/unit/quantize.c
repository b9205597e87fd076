/* Quantizing small graphs: which operators become integer ones, what shares a
 * scale, the constants, and that the integer layers which the passes make of
 * it compute what the floats did, to within a step. */
#include "tests/unit/fixture.h"

#include <math.h>
#include <string.h>

#include "compress/codebook.h"
#include "compress/sensitivity.h"
#include "ir/element.h"
#include "ir/text.h"
#include "passes/pass.h"

static Graph *parsed(const char *text) {
  Graph *g = graph_parse(arena, diag, "test.kiln", text, strlen(text));
  if (!g)
    diag_print(diag, stderr);
  assert_non_null(g);
  return g;
}

/* Every value seen from lo to hi. */
static Calibration ranges(const Graph *g, float lo, float hi) {
  Calibration c = {.samples = 1};
  for (int i = 0; i < g->values.n; i++) {
    const Value *v = g->values.v[i];
    if (!v || v->init || v->type->dtype != DT_f32)
      continue;
    TensorStats t = {.name = v->name, .fixed = true, .range = {lo, hi}};
    ARRAY_PUSH(arena, &c.tensors, t);
  }
  return c;
}

static void set_range(Calibration *c, const char *name, float lo, float hi) {
  for (int i = 0; i < c->tensors.n; i++)
    if (strcmp(c->tensors.v[i].name, name) == 0)
      c->tensors.v[i].range = (Range){lo, hi};
}

static const Type *type_named(const Graph *g, const char *name) {
  Value *v = graph_find(g, name);
  assert_non_null(v);
  return v->type;
}

static const char *why(const QuantizeReport *r, const char *name) {
  for (int i = 0; i < r->ops.n; i++)
    if (strcmp(r->ops.v[i].name, name) == 0)
      return r->ops.v[i].why ? r->ops.v[i].why : "";
  fail_msg("no operator %s", name);
  return NULL;
}

static int count(const Graph *g, OpKind k) {
  int n = 0;
  for (const Op *op = g->first; op; op = op->next)
    n += op->kind == k;
  return n;
}

/* ---- a layer ---- */

static const char layer[] =
    "model m\n"
    "input %x : f32[1,4]\n"
    "const @w : f32[2,4] = {1, -2, 0.5, 0, 0.25, 0.125, -0.5, 0.5}\n"
    "const @b : f32[2] = {1, -3}\n"
    "%y : f32[1,2] = fully_connected %x, @w, @b { act=relu }\n"
    "output %y\n";

static void test_layer(void **state) {
  (void)state;
  Graph *f = parsed(layer);
  Calibration c = ranges(f, -1, 1);
  set_range(&c, "y", 0, 5.1f);
  Scheme s = scheme_default();
  s.base.scale_bits = 24;
  QuantizeReport r = {0};
  Graph *g = quantize_graph(arena, f, &s, &c, &r);
  assert_non_null(g);
  assert_string_equal(why(&r, "y"), "");
  assert_int_equal(g->rounding, ROUND_onnx);

  const Type *w = type_named(g, "w.q"), *b = type_named(g, "b.q");
  assert_int_equal(w->q->axis, 0);
  assert_float_equal(w->q->scale[0], 2.0f / 127, 1e-9);
  assert_float_equal(w->q->scale[1], 0.5f / 127, 1e-9);
  const int8_t *q = graph_find(g, "w.q")->init->data;
  assert_int_equal(q[1], -127);
  assert_int_equal(q[3], 0);

  float in_scale = type_scale(type_named(g, "x.q"));
  assert_int_equal(b->dtype, DT_i32);
  for (int i = 0; i < 2; i++)
    assert_float_equal(b->q->scale[i], in_scale * w->q->scale[i], 1e-12);
  const int32_t *bias = graph_find(g, "b.q")->init->data;
  assert_int_equal(bias[0], lrintf(1 / b->q->scale[0]));

  PassOptions passes = {.allow = PASS_requant};
  assert_true(passes_run(g, &passes, NULL));
  const Op *op = graph_find(g, "y.q")->def;
  assert_int_equal(op->kind, OP_fully_connected);
  assert_int_equal(op->in[0]->type->dtype, DT_i8);
}

/* A channel of hardly any weight, but a bias: that fits all the same. */
static void test_large_bias(void **state) {
  (void)state;
  Graph *f = parsed("model m\n"
                    "input %x : f32[1,1]\n"
                    "const @w : f32[2,1] = {1, 1e-9}\n"
                    "const @b : f32[2] = {0, 100}\n"
                    "%y : f32[1,2] = fully_connected %x, @w, @b\n"
                    "output %y\n");
  Calibration c = ranges(f, -1, 100);
  Scheme s = scheme_default();
  Graph *g = quantize_graph(arena, f, &s, &c, NULL);
  const int32_t *bias = graph_find(g, "b.q")->init->data;
  const Type *b = type_named(g, "b.q");
  assert_true(bias[1] > 1 << 20 && bias[1] <= 1 << 30);
  assert_float_equal((float)bias[1] * b->q->scale[1], 100, 1e-3);
}

/* ---- who shares a scale, who stays float ---- */

static void test_joined(void **state) {
  (void)state;
  Graph *f = parsed("model m\n"
                    "input %x : f32[1,4,4,2]\n"
                    "const @w : f32[2,1,1,2] = {1, 2, 3, 4}\n"
                    "%a : f32[1,4,4,2] = conv2d %x, @w\n"
                    "%p : f32[1,4,4,2] = max_pool2d %a { window=[3,3], "
                    "pad=[1,1,1,1] }\n"
                    "%b : f32[1,4,4,2] = conv2d %p, @w\n"
                    "%j : f32[1,4,4,4] = concat %p, %b { axis=3 }\n"
                    "const @v : f32[1,1,1,4] = {1, 2, 3, 4}\n"
                    "%y : f32[1,4,4,1] = conv2d %j, @v\n"
                    "output %y\n");
  Calibration c = ranges(f, -1, 1);
  set_range(&c, "j", -1, 3);
  Scheme s = scheme_default();
  s.base.scale_bits = 24;
  QuantizeReport r = {0};
  Graph *g = quantize_graph(arena, f, &s, &c, &r);
  assert_non_null(g);
  const Type *a = type_named(g, "a.q"), *b = type_named(g, "b.q");
  assert_true(quant_equal(a->q, b->q));
  assert_float_equal(type_scale(a), 4.0f / 255, 1e-7);
  assert_null(graph_find(g, "p.q"));
  assert_null(graph_find(g, "j.q"));
  PassOptions passes = {.allow = PASS_requant};
  assert_true(passes_run(g, &passes, NULL));
  assert_int_equal(count(g, OP_dequantize), 1);
  assert_int_equal(count(g, OP_quantize), 1);
}

/* The inside of a normalization, and the sum behind it, is float; the layers
 * are not. */
static void test_normalization(void **state) {
  (void)state;
  Graph *f = parsed("model m\n"
                    "input %x : f32[2,4]\n"
                    "const @w : f32[4,4] = splat 0.5\n"
                    "const @eps : f32[] = splat 0.001\n"
                    "%h : f32[2,4] = fully_connected %x, @w\n"
                    "%m : f32[2,1] = mean %h { axes=[1] }\n"
                    "%d : f32[2,4] = sub %h, %m\n"
                    "%s : f32[2,4] = mul %d, %d\n"
                    "%v : f32[2,1] = mean %s { axes=[1] }\n"
                    "%e : f32[2,1] = add %v, @eps\n"
                    "%r : f32[2,1] = sqrt %e\n"
                    "%n : f32[2,4] = div %d, %r\n"
                    "%y : f32[2,4] = fully_connected %n, @w\n"
                    "%z : f32[2,4] = add %y, %h\n"
                    "output %z\n");
  Calibration c = ranges(f, -1, 1);
  Scheme s = scheme_default();
  QuantizeReport r = {0};
  assert_non_null(quantize_graph(arena, f, &s, &c, &r));
  const char *const real[] = {"m", "d", "s", "v", "e", "r", "n"};
  for (int i = 0; i < 7; i++)
    assert_string_not_equal(why(&r, real[i]), "");
  assert_string_equal(why(&r, "h"), "");
  assert_string_equal(why(&r, "y"), "");
  assert_string_equal(why(&r, "z"), "");
}

/* x sigmoid(x) is one table, so the sigmoid has no scale. */
static void test_table(void **state) {
  (void)state;
  Graph *f = parsed("model m\n"
                    "input %x : f32[1,4]\n"
                    "const @w : f32[4,4] = splat 0.5\n"
                    "%h : f32[1,4] = fully_connected %x, @w\n"
                    "%s : f32[1,4] = logistic %h\n"
                    "%a : f32[1,4] = mul %h, %s\n"
                    "%y : f32[1,4] = fully_connected %a, @w\n"
                    "output %y\n");
  Calibration c = ranges(f, -1, 1);
  Scheme s = scheme_default();
  Graph *g = quantize_graph(arena, f, &s, &c, NULL);
  assert_null(graph_find(g, "s.q"));
  PassOptions passes = {.allow = PASS_requant};
  assert_true(passes_run(g, &passes, NULL));
  assert_int_equal(count(g, OP_lut), 1);
  assert_int_equal(count(g, OP_mul), 0);
}

static void test_keep_float(void **state) {
  (void)state;
  Graph *f = parsed(layer);
  Calibration c = ranges(f, -1, 1);
  Scheme s = scheme_default();
  SchemeRow row = {"y", {WEIGHTS_f32, ACTIVATIONS_f32, .per_tensor = false}};
  ARRAY_PUSH(arena, &s.rows, row);
  QuantizeReport r = {0};
  Graph *g = quantize_graph(arena, f, &s, &c, &r);
  assert_string_equal(why(&r, "y"), "asked to stay float");
  assert_int_equal(count(g, OP_quantize), 0);
  assert_int_equal(count(g, OP_dequantize), 0);
}

/* ---- schemes ---- */

static Graph *layer_as(LayerScheme base, const Calibration *c) {
  Scheme s = {.base = base};
  Graph *g = quantize_graph(arena, parsed(layer), &s, c, NULL);
  assert_non_null(g);
  return g;
}

static void test_forms(void **state) {
  (void)state;
  Calibration c = ranges(parsed(layer), -1, 1);
  LayerScheme s = scheme_default().base;
  s.activations = ACTIVATIONS_u8;
  s.per_tensor = true;
  Graph *g = layer_as(s, &c);
  assert_int_equal(type_named(g, "x.q")->dtype, DT_u8);
  assert_int_equal(type_named(g, "w.q")->q->axis, -1);

  s = scheme_default().base;
  s.activations = ACTIVATIONS_i16;
  g = layer_as(s, &c);
  assert_int_equal(type_named(g, "x.q")->dtype, DT_i16);
  assert_int_equal(type_zero_point(type_named(g, "x.q")), 0);

  s.weights = WEIGHTS_i12;
  g = layer_as(s, &c);
  assert_int_equal(type_named(g, "w.q")->dtype, DT_i16);
  assert_int_equal(type_named(g, "w.q")->q->qmax, 2047);
  PassOptions passes = {.allow = PASS_requant};
  assert_true(passes_run(g, &passes, NULL));
  assert_int_equal(type_named(g, "y.q")->dtype, DT_i16);

  s = scheme_default().base;
  s.scale_bits = 1;
  s.symmetric = true;
  g = layer_as(s, &c);
  int e;
  assert_true(frexpf(type_scale(type_named(g, "x.q")), &e) == 0.5f);
  assert_true(frexpf(type_scale(type_named(g, "w.q")), &e) == 0.5f);
  assert_int_equal(type_zero_point(type_named(g, "y.q")), 0);

  s = scheme_default().base;
  s.asymmetric_weights = true;
  s.scale_bits = 24;
  g = layer_as(s, &c);
  const Type *w = type_named(g, "w.q");
  assert_float_equal(w->q->scale[0], 3.0f / 255, 1e-8);
  assert_int_equal(w->q->zero_point[0], 42);
}

/* A few numbers for all weights, an index each. */
static void test_codes(void **state) {
  (void)state;
  Calibration c = ranges(parsed(layer), -1, 1);
  LayerScheme s = scheme_default().base;
  s.weights = WEIGHTS_code4;
  const Graph *g = layer_as(s, &c);
  const Type *w = type_named(g, "w.q");
  assert_int_equal(w->dtype, DT_u4);
  assert_int_equal(w->q->ncode, 4);
  s.weights = WEIGHTS_i4;
  g = layer_as(s, &c);
  w = type_named(g, "w.q");
  assert_int_equal(w->dtype, DT_i4);
  assert_true(w->q->scale[0] < 1.99f / 7 && w->q->scale[0] > 1.0f / 7);
  s.weights = WEIGHTS_i12;
  s.activations = ACTIVATIONS_i16;
  g = layer_as(s, &c);
  assert_int_equal(type_named(g, "w.q")->dtype, DT_i16);
}

/* A dense layer of 32 inputs, the second half of which are small, and a matrix
 * of 32 rows. */
static const char grouped[] =
    "model m\n"
    "input %%x : f32[1,32]\n"
    "const @w : f32[2,32] = {%s, %s, %s, %s}\n"
    "const @b : f32[2] = {1, -3}\n"
    "%%y : f32[1,2] = fully_connected %%x, @w, @b { act=relu }\n"
    "output %%y\n";
static const char large[] = "1, -2, 0.5, 0, 0.25, 0.125, -0.5, 0.5, 1, 1.5, "
                            "-1.75, 0.3, 0.1, -0.1, 2, -0.7",
                  small[] = "0.01, -0.02, 0.005, 0, 0.02, 0.01, -0.005, 0.005, "
                            "0.01, 0.015, -0.0175, 0, 0.001, -0.01, 0.02, 0";

static const Type *in_groups(LayerScheme base, Graph **g) {
  Graph *f = parsed(arena_printf(arena, grouped, large, small, small, large));
  Calibration c = ranges(f, -1, 1);
  Scheme s = {.base = base};
  *g = quantize_graph(arena, f, &s, &c, NULL);
  assert_non_null(*g);
  return type_named(*g, "w.q");
}

/* Scales of groups, small multiples of one a channel: bytes of an integer
 * layer whose bias has its unit. */
static void test_groups(void **state) {
  (void)state;
  LayerScheme s = scheme_default().base;
  const char *expected;
  s.weights = WEIGHTS_i4;
  assert_true(scheme_set(&s, "group", "16", &expected));
  Graph *g;
  const Type *t = in_groups(s, &g);
  assert_int_equal(t->dtype, DT_i4);
  assert_int_equal(t->q->axis, 1);
  assert_int_equal(t->q->block, 16);
  assert_int_equal(t->q->nscale, 4);
  float m = t->q->scale[0] / t->q->scale[1];
  assert_true(m == rintf(m) && m > 8 && m <= 15);
  assert_true(t->q->scale[3] / t->q->scale[2] == m);
  PassOptions passes = {.allow = PASS_requant};
  assert_true(passes_run(g, &passes, NULL));
  const Op *op = graph_find(g, "y.q")->def;
  assert_int_equal(op->kind, OP_fully_connected);
  assert_int_equal(op->in[1]->type->dtype, DT_i8);
  assert_int_equal(op->in[2]->type->dtype, DT_i32);
  s.scale_bits = 1;
  s.asymmetric_weights = true;
  t = in_groups(s, &g);
  m = t->q->scale[0] / t->q->scale[1];
  assert_true(m == 8 || m == 4);
  assert_true(passes_run(g, &passes, NULL));
  assert_int_equal(graph_find(g, "y.q")->def->kind, OP_fully_connected);
  s.group = 64; /* all inputs have one */
  t = in_groups(s, &g);
  assert_int_equal(t->q->axis, 0);
  assert_false(scheme_set(&s, "group", "12", &expected));
  assert_false(scheme_set(&s, "group", "x", &expected));
}

/* A product by a constant matrix has a scale a column. */
static void test_columns(void **state) {
  (void)state;
  Graph *f = parsed("model m\n"
                    "input %x : f32[2,3,2]\n"
                    "const @w : f32[2,2] = {1, 0.5, -2, 0.25}\n"
                    "%y : f32[2,3,2] = matmul %x, @w\n"
                    "output %y\n");
  Calibration c = ranges(f, -1, 1);
  Scheme s = scheme_default();
  Graph *g = quantize_graph(arena, f, &s, &c, NULL);
  assert_non_null(g);
  assert_int_equal(type_named(g, "w.q")->q->axis, 1);
  PassOptions passes = {.allow = PASS_requant};
  assert_true(passes_run(g, &passes, NULL));
  assert_int_equal(count(g, OP_dequantize), 1);
  assert_int_equal(graph_find(g, "y.q")->def->kind, OP_matmul);
}

/* Weights alone: no ranges are asked for. */
static void test_short_floats(void **state) {
  (void)state;
  LayerScheme s = {WEIGHTS_bf16, ACTIVATIONS_f32, .per_tensor = false};
  Graph *g = layer_as(s, NULL);
  assert_int_equal(type_named(g, "w.q")->dtype, DT_bf16);
  assert_int_equal(count(g, OP_cast), 1);
  assert_int_equal(count(g, OP_quantize), 0);
}

/* The bytes' range is taken at run time: no ranges, and nearly the result of
 * the floats. */
static void test_dynamic(void **state) {
  (void)state;
  LayerScheme s = {WEIGHTS_i8, ACTIVATIONS_dynamic, .per_tensor = false};
  Graph *g = layer_as(s, NULL);
  assert_int_equal(count(g, OP_matmul), 1);
  assert_int_equal(count(g, OP_fully_connected), 0);
  assert_int_equal(type_named(g, "y")->dtype, DT_f32);
  const float x[] = {1, 0.5f, -1, 0.25f};
  const void *in[] = {x};
  float y[2];
  void *out[] = {y};
  Executor *e = interp_new(g, NULL, NULL);
  assert_true(e->run(e, in, out));
  e->free(e);
  assert_float_equal(y[0], 0.5f, 0.02);
  assert_float_equal(y[1], 0, 0);
}

/* ---- what rounding does on average ---- */

/* What x held: 3 in one channel, 6 in the other. */
static void see_x(Calibration *c, const Value *x) {
  float seen[4 * 4 * 2];
  for (int i = 0; i < 4 * 4 * 2; i++)
    seen[i] = i % 2 ? 6 : 3;
  for (int i = 0; i < c->tensors.n; i++)
    if (strcmp(c->tensors.v[i].name, "x") == 0) {
      c->tensors.v[i] = stats_new(arena, "x", x->type, 1);
      stats_observe(&c->tensors.v[i], seen);
    }
}

/* Biases take back what rounded weights make of the means that were seen;
 * of windows of 3 with a border of 1 a quarter lies outside at either end. */
static void test_corrected_bias(void **state) {
  (void)state;
  Graph *f = parsed("model m\n"
                    "input %x : f32[1,4,4,2]\n"
                    "const @w : f32[1,3,3,2] = {0.1, -0.7, 0.23, 0.41, 0.3, "
                    "0.9, -0.77, 0.1, 0.35, 0.6, 0.2, 0.11, -0.13, 0.33, 0.9, "
                    "1, 0.6, 0.07}\n"
                    "const @b : f32[2] = {1, -3}\n"
                    "%y : f32[1,4,4,2] = depthwise_conv2d %x, @w, @b "
                    "{ pad=[1,1,1,1] }\n"
                    "output %y\n");
  const float *w = graph_find(f, "w")->init->data;
  for (int corrects = 0; corrects < 2; corrects++) {
    Calibration c = ranges(f, -30, 30);
    see_x(&c, f->inputs.v[0]);
    Scheme s = scheme_default();
    s.base.weights = WEIGHTS_i4;
    s.corrects_biases = corrects;
    Graph *g = quantize_graph(arena, f, &s, &c, NULL);
    const Value *q = graph_find(g, "w.q"), *b = graph_find(g, "b.q");
    assert_true(q && b);
    double want[2] = {1, -3};
    for (int i = 0; i < 18 && corrects; i++) {
      double level = element_real(DT_i4, q->init->data, i);
      double off = (double)w[i] - (double)q->type->q->scale[i % 2] * level;
      double inside = (i / 6 == 1 ? 1 : 0.75) * (i / 2 % 3 == 1 ? 1 : 0.75);
      want[i % 2] += off * inside * (i % 2 ? 6 : 3);
    }
    const int32_t *bias = b->init->data;
    for (int o = 0; o < 2; o++)
      assert_float_equal((float)bias[o] * b->type->q->scale[o], want[o], 0.05);
    assert_true(!corrects || fabs(want[0] - 1) > 0.2);
  }
}

/* ---- recurrences ---- */

/* A layer whose result is the model's, behind a reshape, is no step. */
static void test_no_recurrence(void **state) {
  (void)state;
  Graph *f = parsed("model m\n"
                    "input %x : f32[1,1,4]\n"
                    "const @w : f32[2,4] = {1, -2, 0.5, 0, 0.25, 1, -0.5, 3}\n"
                    "%h : f32[1,1,2] = fully_connected %x, @w\n"
                    "%y : f32[1,2] = reshape %h\n"
                    "output %y\n");
  Calibration c = ranges(f, -1, 1);
  Scheme s = scheme_default();
  Graph *g = quantize_graph(arena, f, &s, &c, NULL);
  assert_int_equal(type_named(g, "h.q")->dtype, DT_i8);
}

/* Three steps of h = tanh(w x + h): 16 bits; the layer behind them: 8. */
static void test_recurrence(void **state) {
  (void)state;
  Graph *f = parsed("model m\n"
                    "input %x : f32[1,4]\n"
                    "const @w : f32[4,4] = splat 0.25\n"
                    "%a : f32[1,4] = fully_connected %x, @w\n"
                    "%b : f32[1,4] = tanh %a\n"
                    "%c : f32[1,4] = fully_connected %b, @w\n"
                    "%d : f32[1,4] = add %c, %a\n"
                    "%e : f32[1,4] = tanh %d\n"
                    "%g : f32[1,4] = fully_connected %e, @w\n"
                    "const @v : f32[2,4] = splat 0.5\n"
                    "%y : f32[1,2] = fully_connected %g, @v\n"
                    "output %y\n");
  Calibration c = ranges(f, -1, 1);
  Scheme s = scheme_default();
  Graph *g = quantize_graph(arena, f, &s, &c, NULL);
  assert_non_null(g);
  assert_int_equal(type_named(g, "d.q")->dtype, DT_i16);
  assert_int_equal(type_named(g, "g.q")->dtype, DT_i16);
  assert_int_equal(type_named(g, "y.q")->dtype, DT_i8);
  PassOptions passes = {.allow = PASS_requant};
  assert_true(passes_run(g, &passes, NULL));
  assert_int_equal(count(g, OP_dequantize), 3); /* of y, and before tanh */
}

static void test_no_range(void **state) {
  (void)state;
  Calibration c = {0};
  Scheme s = scheme_default();
  Graph *f = parsed(layer);
  assert_null(quantize_graph(arena, f, &s, &c, NULL));
  assert_int_equal(diag_error_count(diag), 2);
}

/* ---- mixed precision ---- */

/* The worst layers get more bits. */
static void test_spared(void **state) {
  (void)state;
  Graph *f = parsed("model m\n"
                    "input %x : f32[1,2]\n"
                    "const @w : f32[2,2] = {1, 0.5, -2, 0.25}\n"
                    "%h : f32[1,2] = fully_connected %x, @w\n"
                    "const @v : f32[2,2] = {0.3, 0.7, -0.9, 0.2}\n"
                    "%y : f32[1,2] = fully_connected %h, @v\n"
                    "output %y\n");
  LayerErrors errors = {0};
  ARRAY_PUSH(arena, &errors, ((LayerError){"y", 0.5}));
  ARRAY_PUSH(arena, &errors, ((LayerError){"h", 0.25}));
  Scheme s = scheme_default();
  scheme_spare(arena, &s, f, &errors, 1);
  assert_int_equal(s.rows.n, 1);
  assert_string_equal(s.rows.v[0].layer, "y");
  assert_int_equal(s.rows.v[0].scheme.activations, ACTIVATIONS_i16);
  s = scheme_default();
  s.base.weights = WEIGHTS_i4;
  scheme_spare(arena, &s, f, &errors, 2);
  assert_int_equal(s.rows.v[1].scheme.weights, WEIGHTS_i8);
  assert_int_equal(s.rows.v[1].scheme.activations, ACTIVATIONS_i8);
}

/* ---- codebooks ---- */

static void test_codebook(void **state) {
  (void)state;
  float x[] = {-100, -101, -99, 0, 0.4f, 50, 52, 120}, ones[8];
  for (int i = 0; i < 8; i++)
    ones[i] = 1;
  int8_t book[8];
  assert_int_equal(codebook_find(x, ones, 8, 4, book), 4);
  const int8_t expected[] = {-100, 0, 51, 120};
  assert_memory_equal(book, expected, 4);
  assert_int_equal(codebook_index(book, 4, 30), 2);
  assert_int_equal(codebook_index(book, 4, -127), 0);
  /* what weighs more draws its number to itself; equal ones are one */
  ones[7] = 1000;
  assert_int_equal(codebook_find(x + 5, ones + 5, 3, 1, book), 1);
  assert_int_equal(book[0], 120);
  assert_int_equal(codebook_find(x + 3, ones, 2, 4, book), 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_layer, setup, teardown),
      cmocka_unit_test_setup_teardown(test_large_bias, setup, teardown),
      cmocka_unit_test_setup_teardown(test_joined, setup, teardown),
      cmocka_unit_test_setup_teardown(test_normalization, setup, teardown),
      cmocka_unit_test_setup_teardown(test_table, setup, teardown),
      cmocka_unit_test_setup_teardown(test_keep_float, setup, teardown),
      cmocka_unit_test_setup_teardown(test_forms, setup, teardown),
      cmocka_unit_test_setup_teardown(test_codes, setup, teardown),
      cmocka_unit_test_setup_teardown(test_groups, setup, teardown),
      cmocka_unit_test_setup_teardown(test_columns, setup, teardown),
      cmocka_unit_test_setup_teardown(test_short_floats, setup, teardown),
      cmocka_unit_test_setup_teardown(test_dynamic, setup, teardown),
      cmocka_unit_test_setup_teardown(test_corrected_bias, setup, teardown),
      cmocka_unit_test_setup_teardown(test_no_recurrence, setup, teardown),
      cmocka_unit_test_setup_teardown(test_recurrence, setup, teardown),
      cmocka_unit_test_setup_teardown(test_spared, setup, teardown),
      cmocka_unit_test_setup_teardown(test_no_range, setup, teardown),
      cmocka_unit_test_setup_teardown(test_codebook, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
