/* compress/prepare.h and ir/hash.h. */
#include "compress/prepare.h"

#include <string.h>

#include "ir/hash.h"
#include "ir/text.h"
#include "tests/unit/fixture.h"

static Graph *parse(const char *text) {
  Graph *g = graph_parse(arena, diag, "test.kiln", text, strlen(text));
  if (!g)
    diag_print(diag, stderr);
  assert_non_null(g);
  return g;
}

static const char *print(const Graph *g) {
  Str s = str_new(arena);
  graph_print(&s, g, TEXT_INLINE, NULL, NULL);
  return str_cstr(&s);
}

static Graph *reread(const Graph *g) { return parse(print(g)); }

static const char *const layers =
    "model m rounding=tflite\n"
    "input %x : f32[1,4,4,2]\n"
    "const @w : f32[3,1,1,2] = {1.5, 2.0, -3.0, 4.0, 5.0, 6.0}\n"
    "const @s : f32[3] = {0.5, 0.25, 2.0}\n"
    "const @t : f32[3] = {0.1, 0.2, 0.3}\n"
    "%c : f32[1,4,4,3] = conv2d %x, @w\n"
    "%m : f32[1,4,4,3] = mul %c, @s\n"
    "%a : f32[1,4,4,3] = add %m, @t\n"
    "%r : f32[1,4,4,3] = relu %a\n"
    "output %r\n";

static const PassOptions how = {.verify_each = true};

static void folds_a_layer_into_one(void **state) {
  (void)state;
  Graph *g = parse(layers);
  assert_true(prepare_float(g, &how));
  assert_int_equal(g->nop, 1);
  assert_int_equal(g->first->kind, OP_conv2d);
  assert_int_equal(g->first->attrs.conv.act, ACT_relu);
  assert_string_equal(g->first->out[0]->name, "r");
}

/* The relu moves over the transpose before it; its result's name says so. */
static void names_what_passes_make(void **state) {
  (void)state;
  static const char *const text =
      "model m\n"
      "input %x : f32[1,4,4,2]\n"
      "const @w : f32[2,1,1,2] = {1.5, 2.0, -3.0, 4.0}\n"
      "%7 : f32[1,4,4,2] = conv2d %x, @w\n"
      "%c : f32[1,4,4,2] = conv2d %7, @w loc(\"node 1 Conv 'l/1' (opset 9)\")\n"
      "%t : f32[1,2,4,4] = transpose %c { perm=[0,3,1,2] }\n"
      "%r : f32[1,2,4,4] = relu %t\n"
      "%u : f32[1,4,4,2] = transpose %r { perm=[0,2,3,1] }\n"
      "%d : f32[1,4,4,2] = conv2d %u, @w\n"
      "output %d\n";
  Graph *g = parse(text);
  assert_true(prepare_float(g, &how));
  assert_int_equal(g->nop, 3);
  assert_string_equal(g->first->out[0]->name, "7");
  assert_string_equal(g->first->next->out[0]->name, "r.nhwc");
}

static void leaves_what_is_prepared(void **state) {
  (void)state;
  Graph *g = parse(layers);
  assert_true(prepare_float(g, &how));
  uint64_t hash = graph_hash(g);
  g = reread(g);
  assert_true(graph_hash(g) == hash);
  assert_true(prepare_float(g, &how));
  assert_true(graph_hash(g) == hash);
}

static void hash_is_fixed(void **state) {
  (void)state;
  assert_int_equal(graph_hash(parse(layers)), 0x862ca51a49d00f7cu);
}

static void hash_survives_cloning_and_text(void **state) {
  (void)state;
  Graph *g = parse(layers);
  assert_true(graph_hash(graph_clone(arena, g)) == graph_hash(g));
  assert_true(graph_hash(reread(g)) == graph_hash(g));
}

static void hash_ignores_names_and_dead_ops(void **state) {
  (void)state;
  Graph *g = parse(layers);
  uint64_t hash = graph_hash(g);
  graph_rename(g, graph_find(g, "m"), "other");
  Value *x = graph_find(g, "x");
  const Type *t = x->type;
  graph_op(g, g->first, OP_relu, &(Attrs){0}, 1, &x, 1, &t, NULL, (Loc){0});
  assert_true(graph_hash(g) == hash);
}

/* Each line of `layers` in another form. */
static void hash_tells_graphs_apart(void **state) {
  (void)state;
  static const char *const changes[][2] = {
      {"5.0", "5.5"},
      {"conv2d %x, @w", "conv2d %x, @w { act=relu }"},
      {"mul %c, @s", "add %c, @s"},
      {"add %m, @t", "add %c, @t"},
      {"output %r", "output %a"},
      {"rounding=tflite", "rounding=onnx"},
      {"0.3", "-0.0"},
  };
  uint64_t hash = graph_hash(parse(layers));
  for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
    const char *at = strstr(layers, changes[i][0]);
    assert_non_null(at);
    char *text = arena_printf(arena, "%.*s%s%s", (int)(at - layers), layers,
                              changes[i][1], at + strlen(changes[i][0]));
    assert_true(graph_hash(parse(text)) != hash);
  }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(folds_a_layer_into_one),
      TEST(names_what_passes_make),
      TEST(leaves_what_is_prepared),
      TEST(hash_is_fixed),
      TEST(hash_survives_cloning_and_text),
      TEST(hash_ignores_names_and_dead_ops),
      TEST(hash_tells_graphs_apart),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
