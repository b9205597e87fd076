/* ir/graph.h: building, names, use lists, edits, cloning, op tables. */
#include "tests/testing.h"

#include <string.h>

#include "ir/attrs.h"
#include "ir/graph.h"
#include "ir/text.h"

static Arena *arena;
static Diag *diag;
static Graph *graph;
static const Type *type;

static int setup(void **state) {
  (void)state;
  arena = arena_new();
  diag = diag_new(arena);
  graph = graph_new(arena, diag, "test");
  type = type_new(arena, DT_f32, 1, (int64_t[]){4}, NULL);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  arena_free(arena);
  return 0;
}

static Value *op(Op *before, OpKind kind, Value *a, Value *b,
                 const char *name) {
  Value *in[] = {a, b};
  return graph_op(graph, before, kind, NULL, b ? 2 : 1, in, 1, &type, &name,
                  (Loc){0})
      ->out[0];
}

static void assert_sound(void) {
  bool ok = graph_verify(graph);
  if (!ok)
    diag_print(diag, stderr);
  assert_true(ok);
}

static const char *printed(const Graph *g) {
  Str s = str_new(arena);
  graph_print(&s, g, TEXT_INLINE, NULL, NULL);
  return str_cstr(&s);
}

static void tables(void **state) {
  (void)state;
  for (int k = 0; k < OP_COUNT; k++) {
    const OpInfo *info = op_info((OpKind)k);
    assert_int_equal(op_find(info->name), k);
    Attrs a = attrs_default((OpKind)k), b = a;
    assert_true(attrs_equal((OpKind)k, &a, &b));
    int n;
    const AttrField *f = attr_fields((OpKind)k, &n);
    for (int i = 0; i < n; i++) {
      *(char *)attr_at(&b, &f[i]) ^= 1;
      assert_false(attrs_equal((OpKind)k, &a, &b));
      b = a;
    }
  }
  assert_int_equal(op_find("convolve"), OP_COUNT);
  for (int i = 0; i < ACT_COUNT; i++)
    assert_int_equal(act_find(act_name((Act)i)), i);
  assert_int_equal(act_find("gelu"), ACT_COUNT);
  for (int i = 0; i < ROUND_COUNT; i++)
    assert_int_equal(rounding_find(rounding_name((Rounding)i)), i);
  assert_int_equal(rounding_find(""), ROUND_COUNT);
  Attrs conv = attrs_default(OP_conv2d);
  assert_int_equal(conv.conv.stride.v[1], 1);
  assert_int_equal(conv.conv.pad.v[3], 0);
  assert_int_equal(attrs_default(OP_strided_slice).slice.stride.v[7], 1);
  assert_true(attrs_default(OP_softmax).softmax.beta == 1);
}

static void names_are_unique(void **state) {
  (void)state;
  Value *a = graph_input(graph, "x", type), *b = graph_input(graph, "x", type);
  Value *c = graph_input(graph, "x_1", type);
  Value *d = graph_input(graph, "x", type);
  Value *e = graph_input(graph, NULL, type), *f = graph_input(graph, "", type);
  assert_string_equal(a->name, "x");
  assert_string_equal(b->name, "x_1");
  assert_string_equal(c->name, "x_1_1");
  assert_string_equal(d->name, "x_2");
  assert_string_equal(e->name, "4");
  assert_string_equal(f->name, "5");
  assert_ptr_equal(graph_find(graph, "x_2"), d);
  assert_null(graph_find(graph, "y"));
}

/* A table of names that was searched name by name would take minutes. */
static void many_equal_names(void **state) {
  (void)state;
  Value *v = NULL;
  for (int i = 0; i < 100000; i++)
    v = graph_input(graph, "x", type);
  assert_string_equal(v->name, "x_99999");
}

static void order_and_uses(void **state) {
  (void)state;
  Value *x = graph_input(graph, "x", type);
  Value *b = op(NULL, OP_add, x, x, "b");
  Value *a = op(b->def, OP_relu, x, NULL, "a");
  graph_output(graph, b);
  assert_ptr_equal(graph->first, a->def);
  assert_ptr_equal(graph->last, b->def);
  assert_int_equal(graph->nop, 2);
  assert_int_equal(x->uses.n, 3);
  op_set_input(b->def, 1, a);
  assert_int_equal(x->uses.n, 2);
  assert_ptr_equal(x->uses.v[0].op, b->def);
  assert_int_equal(x->uses.v[0].index, 0);
  op_set_input(b->def, 1, a);
  assert_int_equal(a->uses.n, 1);
  graph_number(graph);
  assert_int_equal(a->def->index, 0);
  assert_int_equal(b->def->index, 1);
  assert_ptr_equal(op_in(b->def, 1), a);
  assert_null(op_in(b->def, 2));
  assert_sound();
}

static void replace_uses(void **state) {
  (void)state;
  Value *x = graph_input(graph, "x", type);
  Value *h = graph_state(graph, "h", type, NULL);
  Value *a = op(NULL, OP_relu, x, NULL, "a");
  Value *b = op(NULL, OP_relu, a, NULL, "b");
  Value *c = op(NULL, OP_add, b, h, "c");
  graph_output(graph, b);
  graph_output(graph, c);
  graph_set_state_out(graph, h, b);
  assert_int_equal(value_use_count(graph, b), 3);
  graph_replace_uses(graph, b, a);
  assert_int_equal(value_use_count(graph, b), 0);
  assert_int_equal(value_use_count(graph, a), 4);
  assert_ptr_equal(graph->outputs.v[0], a);
  assert_ptr_equal(graph->states.v[0].out, a);
  assert_string_equal(a->name, "b"); /* the output keeps its name */
  assert_string_equal(b->name, "a");
  assert_ptr_equal(graph_find(graph, "b"), a);
  graph_remove_op(graph, b->def);
  assert_int_equal(graph->nop, 2);
  assert_null(graph_find(graph, "a"));
  assert_sound();
}

/* An input, a constant or another output must not lose its own name. */
static void replace_keeps_public_names(void **state) {
  (void)state;
  Value *x = graph_input(graph, "x", type);
  Value *a = op(NULL, OP_relu, x, NULL, "a");
  Value *b = op(NULL, OP_relu, a, NULL, "b");
  graph_output(graph, a);
  graph_output(graph, b);
  graph_replace_uses(graph, b, a);
  assert_string_equal(a->name, "a");
  graph_replace_uses(graph, a, x);
  assert_string_equal(x->name, "x");
  assert_ptr_equal(graph->outputs.v[1], x);
  graph_replace_uses(graph, x, x);
  assert_int_equal(x->uses.n, 2); /* of a and of what was b */
}

static void constants(void **state) {
  (void)state;
  static const float data[4] = {1, 2, 3, 4};
  Value *k = graph_const(graph, "k", type, data);
  Value *k2 = graph_const(graph, "k2", type, data);
  Value *h = graph_state(graph, "h", type, k);
  graph_set_state_out(graph, h, h);
  graph_output(graph, h);
  assert_int_equal(value_use_count(graph, k), 1);
  graph_replace_uses(graph, k, k2);
  assert_ptr_equal(graph->states.v[0].init, k2);
  graph_remove_value(graph, k);
  assert_null(graph->values.v[k->id]);
  assert_sound();
}

static void cloning(void **state) {
  (void)state;
  static const float data[4] = {1, 2, 3, 4};
  Value *x = graph_input(graph, "x", type);
  Value *k = graph_const(graph, "k", type, data);
  Value *h = graph_state(graph, "h", type, k);
  Value *dead = op(NULL, OP_relu, x, NULL, "dead");
  Value *a = op(NULL, OP_add, x, k, "a");
  Value *b = op(NULL, OP_mul, a, h, "b");
  b->def->rounding = ROUND_onnx;
  graph_output(graph, b);
  graph_set_state_out(graph, h, a);
  graph_remove_op(graph, dead->def);
  const char *before = printed(graph);
  Arena *other = arena_new();
  Graph *c = graph_clone(other, graph);
  assert_string_equal(printed(c), before);
  assert_true(graph_verify(c));
  assert_ptr_equal(c->values.v[k->id]->init->data, data);
  assert_null(c->values.v[dead->id]);
  assert_int_equal(c->values.v[x->id]->uses.n, 1);
  assert_ptr_equal(c->last->graph, c);
  arena_free(other);
  assert_sound();
}

/* Removal asserts on users; what is left must be as if never built. */
static void remove_all(void **state) {
  (void)state;
  Value *x = graph_input(graph, "x", type), *v = x;
  for (int i = 0; i < 100; i++)
    v = op(NULL, OP_relu, v, NULL, "r");
  while (graph->last)
    graph_remove_op(graph, graph->last);
  assert_null(graph->first);
  assert_int_equal(graph->nop, 0);
  assert_int_equal(x->uses.n, 0);
  graph_output(graph, x);
  assert_string_equal(printed(graph), "model test rounding=tflite\n"
                                      "input %x : f32[4]\noutput %x\n");
}

static Value *typed(int rank, const int64_t *dim, bool is_const) {
  const Type *t =
      type_new(arena, DT_i8, rank, dim, quant_per_tensor(arena, 1, 0, DT_i8));
  return is_const ? graph_const(graph, NULL, t, "")
                  : graph_input(graph, NULL, t);
}

static Op *linear(OpKind kind, Value *x, Value *w, Value *like) {
  Value *in[] = {x, w};
  return graph_op(graph, NULL, kind, NULL, 2, in, 1, &like->type, NULL,
                  (Loc){0});
}

static void costs(void **state) {
  (void)state;
  Value *x = typed(4, (int64_t[]){1, 8, 8, 4}, false);
  Value *w = typed(4, (int64_t[]){6, 3, 3, 2}, true);
  Value *y = typed(4, (int64_t[]){1, 6, 6, 6}, false);
  Op *conv = linear(OP_conv2d, x, w, y);
  assert_int_equal(op_macs(conv), 6 * 6 * 6 * 3 * 3 * 2);
  assert_int_equal(op_weight_bytes(conv), 6 * 3 * 3 * 2);
  Value *dw = typed(4, (int64_t[]){1, 3, 3, 8}, true);
  Value *dy = typed(4, (int64_t[]){1, 6, 6, 8}, false);
  assert_int_equal(op_macs(linear(OP_depthwise_conv2d, x, dw, dy)),
                   6 * 6 * 8 * 3 * 3);
  Value *fw = typed(2, (int64_t[]){10, 64}, false);
  Value *fy = typed(2, (int64_t[]){4, 10}, false);
  Op *fc = linear(OP_fully_connected, x, fw, fy);
  assert_int_equal(op_macs(fc), 4 * 10 * 64);
  assert_int_equal(op_weight_bytes(fc), 0); /* not constant */
  Op *add = linear(OP_add, x, w, x);
  assert_int_equal(op_macs(add) + op_weight_bytes(add), 0);
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(tables),           TEST(names_are_unique),
      TEST(many_equal_names), TEST(order_and_uses),
      TEST(replace_uses),     TEST(replace_keeps_public_names),
      TEST(constants),        TEST(cloning),
      TEST(remove_all),       TEST(costs),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
