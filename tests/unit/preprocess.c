/* What is said of preprocessing: read, printed, kept with a graph, refused. */
#include "tests/unit/fixture.h"

#include <string.h>

#include "ir/text.h"

static Preprocess parse(const char *spec) {
  Preprocess p;
  const char *why = preprocess_parse(arena, spec, &p);
  if (why)
    fail_msg("%s: %s", spec, why);
  return p;
}

static const char *printed(const Preprocess *p) {
  Str s = str_new(arena);
  preprocess_print(&s, p);
  return str_cstr(&s);
}

static void settings(void **state) {
  (void)state;
  Preprocess p = parse("scale=1/255 mean=0.4914,0.4822,.4465 std=0.247 "
                       "layout=nchw order=bgr resize=256 crop=224x192");
  assert_true(p.scale == 1.0 / 255);
  assert_int_equal(p.mean.n, 3);
  assert_true(p.mean.v[2] == 0.4465);
  assert_int_equal(p.std.n, 1);
  assert_int_equal(p.layout, LAYOUT_nchw);
  assert_int_equal(p.order, ORDER_bgr);
  assert_int_equal(p.resize.h, 256);
  assert_int_equal(p.resize.w, 0);
  assert_int_equal(p.crop.w, 192);
  assert_string_equal(printed(&p),
                      "{ resize=256, crop=224x192, order=bgr, "
                      "scale=0.00392156862745098, mean=[0.4914,0.4822,0.4465], "
                      "std=[0.247], layout=nchw }");
  p = parse("  ");
  assert_true(preprocess_equal(&p, &preprocess_none));
  assert_string_equal(printed(&p), "{ }");
}

static void refused(void **state) {
  (void)state;
  static const char *const cases[][2] = {
      {"scale", "'scale' is not NAME=VALUE"},
      {"size=3", "'size' is none of resize, crop, order, scale, mean, std, "
                 "layout"},
      {"scale=0", "scale: '0' is no number other than 0"},
      {"scale=1/0", "scale: '1/0' is no"},
      {"scale=nan", "scale: 'nan' is no"},
      {"scale=0x10", "scale: '0x10' is no"},
      {"scale=1e999", "scale: '1e999' is no"},
      {"mean=1,,2", "mean: '1,,2' are no numbers"},
      {"mean=", "mean: '' are no numbers"},
      {"std=1,0", "std: 0 is divided by"},
      {"layout=chwn", "layout: 'chwn' is neither nhwc nor nchw"},
      {"crop=0", "crop: '0' is neither pixels"},
      {"crop=8x", "crop: '8x' is neither pixels"},
      {"resize=99999", "resize: '99999' is neither pixels"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    Preprocess p;
    const char *why = preprocess_parse(arena, cases[i][0], &p);
    if (!why || !strstr(why, cases[i][1]))
      fail_msg("%s: '%s'", cases[i][0], why ? why : "taken");
  }
}

static void misfits(void **state) {
  (void)state;
  static const struct {
    const char *spec;
    int rank;
    int64_t dim[4];
    const char *why; /* NULL: fits */
  } cases[] = {
      {"mean=1,2,3", 4, {1, 8, 8, 3}, NULL},
      {"mean=1,2,3 layout=nchw", 4, {1, 3, 8, 8}, NULL},
      {"mean=1,2,3", 4, {1, 3, 8, 8}, "mean has 3 numbers, the input 8 ch"},
      {"std=1,2", 2, {1, 3}, "std has 2 numbers, the input 3 channels"},
      {"mean=1", 0, {0}, NULL},
      {"order=bgr", 4, {1, 8, 8, 1}, "order=bgr is for 3 channels"},
      {"layout=nchw", 2, {1, 3}, "layout=nchw is for inputs of at least 3"},
      {"crop=8", 3, {8, 8, 3}, "resize and crop are for images"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    Preprocess p = parse(cases[i].spec);
    const Type *t = type_new(arena, DT_f32, cases[i].rank, cases[i].dim, NULL);
    const char *why = preprocess_misfit(arena, &p, t);
    if (!why != !cases[i].why || (why && !strstr(why, cases[i].why)))
      fail_msg("%s: '%s'", cases[i].spec, why ? why : "fits");
  }
}

static Graph *parse_graph(const char *text) {
  return graph_parse(arena, diag, "m.kiln", text, strlen(text));
}

static const char *printed_graph(const Graph *g) {
  Str s = str_new(arena);
  graph_print(&s, g, TEXT_INLINE, NULL, NULL);
  return str_cstr(&s);
}

static void text_round_trip(void **state) {
  (void)state;
  static const char text[] =
      "model m rounding=onnx\n"
      "input %a : f32[1,3,8,8] preprocess { scale=0.00392156862745098, "
      "mean=[0.4914,0.4822,0.4465], std=[0.247,0.2435,0.2616], layout=nchw }\n"
      "input %b : i8[1,9] q(0.5, 1) preprocess { }\n"
      "output %a\n";
  Graph *g = parse_graph(text);
  assert_non_null(g);
  assert_string_equal(printed_graph(g), text);
  Arena *other = arena_new();
  const Graph *c = graph_clone(other, g);
  assert_true(c->inputs.v[0]->preprocess->mean.v !=
              g->inputs.v[0]->preprocess->mean.v);
  assert_true(
      preprocess_equal(c->inputs.v[0]->preprocess, g->inputs.v[0]->preprocess));
  arena_free(other);
}

static void text_free_form(void **state) {
  (void)state;
  Graph *g = parse_graph("model m\n"
                         "input %a:f32[2]preprocess{scale=1/4,mean=[ 1 , 2 ]} "
                         "# two\noutput %a\n");
  assert_non_null(g);
  assert_string_equal(printed(g->inputs.v[0]->preprocess),
                      "{ scale=0.25, mean=[1.0,2.0] }");
}

static void text_errors(void **state) {
  (void)state;
  static const char *const cases[] = {
      "input %a : f32[2] preprocess\n",
      "input %a : f32[2] preprocess { scale }\n",
      "input %a : f32[2] preprocess { scale=0 }\n",
      "input %a : f32[2] preprocess { mean=[1,2 }\n",
      "input %a : f32[2] preprocess { scale=2 mean=[1] }\n",
      "input %a : f32[2] preprocess { mean=[1,2,3] }\n",
      "input %a : f32[2] preprocess { scale=2",
      "input %a : f32[2] preprocess { = }\n",
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const char *text = arena_printf(arena, "model m\n%s", cases[i]);
    if (parse_graph(text))
      fail_msg("taken: %s", cases[i]);
  }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(settings),        TEST(refused),        TEST(misfits),
      TEST(text_round_trip), TEST(text_free_form), TEST(text_errors),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
