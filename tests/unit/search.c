/* compress/search.h on a small network, run by the interpreter; bytes of flash
 * are those of the weights as they are written. */
#include "compress/search.h"

#include <math.h>
#include <string.h>

#include "compress/prepare.h"
#include "ir/text.h"
#include "tests/unit/fixture.h"

enum { SAMPLES = 48, INPUTS = 6 * 6 * 2, HIDDEN = 8, CLASSES = 3 };

/* Weights that are no multiples of anything. */
static float noise(uint32_t *seed) {
  *seed = *seed * 1664525u + 1013904223u;
  return (float)(*seed >> 8) / (float)(1 << 23) - 1.0f;
}

static const float *noises(int64_t n, uint32_t seed) {
  float *x = ARENA_ARRAY(arena, float, n);
  for (int64_t i = 0; i < n; i++)
    x[i] = noise(&seed);
  return x;
}

static Value *weights(Graph *g, const char *name, int rank, const int64_t *dim,
                      uint32_t seed) {
  const Type *t = type_new(arena, DT_f32, rank, dim, NULL);
  return graph_const(g, name, t, noises(type_count(t), seed));
}

static const char *const network =
    "model m rounding=onnx\n"
    "input %x : f32[1,6,6,2]\n"
    "const @w1 : f32[8,3,3,2] = splat 1\n"
    "const @w2 : f32[3,128] = splat 1\n"
    "%a : f32[1,4,4,8] = conv2d %x, @w1 { act=relu }\n"
    "%f : f32[1,128] = reshape %a\n"
    "%y : f32[1,3] = fully_connected %f, @w2\n"
    "output %y\n";

static Graph *model(void) {
  static const int64_t first[] = {HIDDEN, 3, 3, 2}, last[] = {CLASSES, 128};
  Graph *g = graph_parse(arena, diag, "m.kiln", network, strlen(network));
  assert_non_null(g);
  graph_replace_uses(g, graph_find(g, "w1"), weights(g, "u1", 4, first, 1));
  graph_replace_uses(g, graph_find(g, "w2"), weights(g, "u2", 2, last, 2));
  assert_true(prepare_float(g, &(PassOptions){0}));
  return g;
}

static Executor *interpret(Engine *e, const Graph *g) {
  (void)e;
  return interp_new(g, NULL, NULL);
}

/* Bytes of 8 bits a weight that is not zero, and a bit for each. */
static int64_t masked_bytes(const Graph *g) {
  int64_t bits = 0;
  for (int i = 0; i < g->values.n; i++) {
    const Value *v = g->values.v[i];
    if (!v || !v->init || !value_use_count(g, v) || !v->type->q ||
        v->type->dtype != DT_i8)
      continue;
    for (int64_t k = 0; k < type_count(v->type); k++)
      bits += ((const int8_t *)v->init->data)[k] ? 9 : 1;
  }
  return bits ? (bits + 7) / 8 : INT64_MAX;
}

/* Flash as the weights have it, so that it needs no compiler. */
static bool weigh(Gauge *gauge, const Graph *g, Figures *out) {
  (void)gauge;
  *out = (Figures){0};
  figures_count(g, out);
  for (const Op *op = g->first; op; op = op->next)
    out->macs += op_macs(op);
  out->flash = (out->weight_bits + 7) / 8;
  int64_t masked = masked_bytes(g);
  out->flash = masked < out->flash ? masked : out->flash;
  return true;
}

/* RAM, too: all integers at once. */
static bool weigh_values(Gauge *gauge, const Graph *g, Figures *out) {
  bool ok = weigh(gauge, g, out);
  for (int i = 0; i < g->values.n; i++) {
    const Value *v = g->values.v[i];
    if (v && !v->init && v->type->q)
      out->ram += type_bytes(v->type);
  }
  return ok;
}

static Engine engine = {interpret};
static Gauge gauge = {weigh};
static const PassOptions passes = {0};

static Feed feed_of(const Graph *g) {
  NdArray *x = ARENA_NEW(arena, NdArray);
  *x = (NdArray){.type = ELEM_f32, .rank = 2, .dim = {SAMPLES, INPUTS}};
  assert_true(nd_set_bytes(x));
  x->data = noises(SAMPLES * INPUTS, 3);
  const char *from = "noise";
  Feed f;
  assert_true(feed_open(diag, g, x, &from, &f));
  return f;
}

static Search search_of(const Graph *g, const Feed *f, double drop) {
  return (Search){.arena = arena,
                  .model = g,
                  .engine = &engine,
                  .gauge = &gauge,
                  .feed = f,
                  .passes = &passes,
                  .bound = {drop, INT64_MAX, INT64_MAX, INT64_MAX},
                  .uses = SEARCH_quantize | SEARCH_prune,
                  .metric = {.kind = METRIC_agreement},
                  .scored = f};
}

static void finds_a_small_form(void **state) {
  (void)state;
  Graph *g = model();
  Feed f = feed_of(g);
  Search s = search_of(g, &f, 0.1);
  assert_true(search_run(&s));
  const Candidate *best = &s.tried.v[s.best];
  assert_true(best->within && best->front && s.graph);
  assert_true(1 - best->figures.score <= 0.1);
  assert_true(best->figures.flash <= s.reference.flash / 4);
  for (int i = 0; i < s.tried.n; i++)
    assert_true(!s.tried.v[i].within ||
                s.tried.v[i].figures.flash >= best->figures.flash);
  search_free(&s);
}

static void the_front_is_what_nothing_beats(void **state) {
  (void)state;
  Graph *g = model();
  Feed f = feed_of(g);
  Search s = search_of(g, &f, 0.1);
  assert_true(search_run(&s));
  for (int i = 0; i < s.tried.n; i++)
    for (int k = 0; k < s.tried.n; k++) {
      const Figures *a = &s.tried.v[i].figures, *b = &s.tried.v[k].figures;
      bool beaten =
          b->score > a->score && b->flash < a->flash && b->macs <= a->macs;
      assert_false(s.tried.v[i].front && !s.tried.v[k].failed && beaten);
    }
  search_free(&s);
}

/* Nothing fits into a byte; the best is told of all the same. */
static void a_bound_that_nothing_keeps(void **state) {
  (void)state;
  Graph *g = model();
  Feed f = feed_of(g);
  Search s = search_of(g, &f, 0.1);
  s.bound.max_flash = 1;
  assert_false(search_run(&s));
  assert_int_equal(diag_exit_status(diag), EXIT_ACCURACY);
  assert_true(s.best >= 0 && s.graph && !s.tried.v[s.best].within);
  search_free(&s);
}

static bool is_tried(const Search *s, const char *part) {
  for (int i = 0; i < s->tried.n; i++)
    if (strstr(s->tried.v[i].recipe.name, part))
      return true;
  return false;
}

/* Where 2 bits are too few, one of the two layers has more. */
static void mixes_forms(void **state) {
  (void)state;
  Graph *g = model();
  Feed f = feed_of(g);
  Search s = search_of(g, &f, 0.01);
  s.uses = SEARCH_quantize;
  s.metric = (MetricSpec){.kind = METRIC_cos};
  assert_true(search_run(&s));
  assert_false(is_tried(&s, "zeros"));
  for (int i = 0; i < s.tried.n; i++) {
    const Candidate *c = &s.tried.v[i];
    const char *with = strstr(c->recipe.name, "code4, recovered, 1 layer ");
    if (!with)
      continue;
    const LayerScheme *row = &c->recipe.scheme->rows.v[0].scheme;
    assert_int_equal(c->recipe.scheme->rows.n, 1);
    assert_int_equal(c->recipe.scheme->base.weights, WEIGHTS_code4);
    assert_string_equal(weight_form_name(row->weights), strrchr(with, ' ') + 1);
    assert_true(c->figures.flash < s.tried.v[i - 1].figures.flash * 2);
    assert_true(c->figures.flash > s.tried.v[i - 1].figures.flash);
    search_free(&s);
    return;
  }
  fail_msg("no mixture was tried");
}

/* Where bytes are too coarse, one of the two layers has activations of 16
 * bits. */
static void widens_what_is_felt(void **state) {
  (void)state;
  Graph *g = model();
  Feed f = feed_of(g);
  Search s = search_of(g, &f, 2e-5);
  s.uses = SEARCH_quantize;
  s.metric = (MetricSpec){.kind = METRIC_cos};
  s.gauge = &(Gauge){weigh_values};
  assert_true(search_run(&s));
  assert_true(is_tried(&s, "int8 x int16"));
  assert_true(is_tried(&s, "int8, recovered, 1 layer int16"));
  search_free(&s);
}

/* Half of the weights stay zero in the form that is made. */
static void tries_zeros(void **state) {
  (void)state;
  Graph *g = model();
  Feed f = feed_of(g);
  Search s = search_of(g, &f, 0.1);
  assert_true(search_run(&s));
  assert_true(is_tried(&s, "50 % zeros, int8"));
  for (int i = 0; i < s.tried.n; i++) {
    const Figures *x = &s.tried.v[i].figures;
    if (s.tried.v[i].recipe.zeros == 0.5)
      assert_true(x->flash <= x->weights * 6 / 8);
  }
  search_free(&s);
}

static void prunes_alone(void **state) {
  (void)state;
  Graph *g = model();
  Feed f = feed_of(g);
  Search s = search_of(g, &f, 0.5);
  s.uses = SEARCH_prune;
  assert_true(search_run(&s));
  assert_true(s.tried.v[s.best].figures.parameters < s.reference.parameters);
  for (int i = 0; i < s.tried.n; i++)
    assert_null(s.tried.v[i].recipe.scheme);
  search_free(&s);
}

static void repeats(void **state) {
  (void)state;
  Graph *g = model();
  Feed f = feed_of(g);
  Search a = search_of(g, &f, 0.1), b = a;
  assert_true(search_run(&a) && search_run(&b));
  assert_int_equal(a.tried.n, b.tried.n);
  for (int i = 0; i < a.tried.n; i++)
    assert_true(a.tried.v[i].figures.score == b.tried.v[i].figures.score &&
                a.tried.v[i].figures.flash == b.tried.v[i].figures.flash);
  search_free(&a);
  search_free(&b);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(finds_a_small_form),
      TEST(the_front_is_what_nothing_beats),
      TEST(a_bound_that_nothing_keeps),
      TEST(mixes_forms),
      TEST(widens_what_is_felt),
      TEST(tries_zeros),
      TEST(prunes_alone),
      TEST(repeats),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
