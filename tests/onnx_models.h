/* What tests of the ONNX importer share: building a model, importing it. */
#ifndef KILN_TESTS_ONNX_MODELS_H
#define KILN_TESTS_ONNX_MODELS_H

#include "tests/testing.h"

#include "frontend/frontend.h"
#include "ir/text.h"
#include "tests/onnx_builder.h"

typedef struct Run {
  Arena *arena;
  Diag *diag;
  Ob model;
  ImportOptions opt;
  ImportWants wants;
  const char *file;
  uint8_t *data; /* exactly the file's bytes */
  size_t bytes;
  Graph *graph; /* NULL: refused */
} Run;

static inline Run run_new(void) {
  Arena *a = arena_new();
  return (Run){.arena = a,
               .model = ob_new(a, 18),
               .opt = {.rounding = ROUND_COUNT},
               .file = "m.onnx"};
}

/* May be called again, with other options. */
static inline bool run_import(Run *r) {
  Str s = ob_model(&r->model);
  free(r->data);
  r->data = malloc(s.n);
  r->bytes = s.n;
  memcpy(r->data, s.s, s.n);
  r->diag = diag_new(r->arena);
  r->wants = (ImportWants){0};
  r->opt.wants = &r->wants;
  r->graph = importer_onnx.import(r->arena, r->diag, r->file, r->data, r->bytes,
                                  &r->opt);
  assert_true(!r->graph == (diag_error_count(r->diag) > 0));
  return r->graph;
}

static inline const char *run_messages(Run *r) {
  char *text;
  size_t n;
  FILE *out = open_memstream(&text, &n);
  diag_print(r->diag, out);
  fclose(out);
  const char *copy = arena_strdup(r->arena, text);
  free(text);
  return copy;
}

static inline void run_expect_error(Run *r, const char *message) {
  assert_false(run_import(r));
  if (!strstr(run_messages(r), message))
    fail_msg("expected '%s', got\n%s", message, run_messages(r));
}

/* The graph's text has that in it. */
static inline void run_expect(Run *r, const char *text) {
  if (!run_import(r))
    fail_msg("expected '%s', got\n%s", text, run_messages(r));
  Str s = str_new(r->arena);
  graph_print(&s, r->graph, TEXT_INLINE, NULL, NULL);
  if (!strstr(str_cstr(&s), text))
    fail_msg("expected '%s' in\n%s", text, str_cstr(&s));
}

static inline void run_free(Run *r) {
  free(r->data);
  arena_free(r->arena);
}

/* --- models -------------------------------------------------------------- */

#define LIST(...)                                                              \
  (const int64_t[]) { __VA_ARGS__ }
#define INTS(b, name, ...)                                                     \
  ob_ints(b, name, sizeof LIST(__VA_ARGS__) / sizeof(int64_t),                 \
          LIST(__VA_ARGS__))

/* x flattened, by arithmetic on its shape. */
static inline void build_flatten(Ob *b) {
  INTS(b, "zero", 0);
  INTS(b, "one", 1);
  INTS(b, "rest", -1);
  ob_input(b, "x", OB_FLOAT, "2 3 4");
  ob_op(b, "Shape", "x", "shape");
  ob_op(b, "Slice", "shape zero one", "batch");
  Str concat = ob_node(b->arena, "Concat", "batch rest", "target");
  ob_attr_int(&concat, "axis", 0);
  ob_add(b, &concat);
  ob_op(b, "Reshape", "x target", "y");
  ob_output(b, "y");
}

/* Two(x) = Scale(Scale(x)), Scale(x) = LeakyRelu(x, alpha = its own). */
static inline void build_functions(Ob *b) {
  Arena *a = b->arena;
  Str opset = str_new(a), mine = str_new(a), scale = str_new(a),
      two = str_new(a), alpha = str_new(a), def = str_new(a);
  pw_int(&opset, 2, 18);
  pw_text(&mine, 1, "mine");
  pw_int(&mine, 2, 1);
  Str node = ob_node(a, "LeakyRelu", "a", "b");
  pw_text(&alpha, 1, "alpha");
  pw_text(&alpha, 21, "slope");
  pw_int(&alpha, 20, 1);
  pw_message(&node, 5, &alpha);
  pw_text(&def, 1, "slope");
  pw_float(&def, 2, 0.25f);
  pw_int(&def, 20, 1);
  pw_text(&scale, 1, "Scale");
  pw_text(&scale, 4, "a");
  pw_text(&scale, 5, "b");
  pw_message(&scale, 7, &node);
  pw_message(&scale, 9, &opset);
  pw_text(&scale, 10, "mine");
  pw_message(&scale, 11, &def);
  Str first = ob_node(a, "Scale", "p", "q"),
      second = ob_node(a, "Scale", "q", "r");
  pw_text(&first, 7, "mine");
  pw_text(&second, 7, "mine");
  ob_attr_float(&second, "slope", 0.5f);
  pw_text(&two, 1, "Two");
  pw_text(&two, 4, "p");
  pw_text(&two, 5, "r");
  pw_message(&two, 7, &first);
  pw_message(&two, 7, &second);
  pw_message(&two, 9, &mine);
  pw_text(&two, 10, "mine");
  pw_message(&b->functions, 25, &two);
  pw_message(&b->functions, 25, &scale);
  Str call = ob_node(a, "Two", "x", "y");
  pw_text(&call, 7, "mine");
  ob_input(b, "x", OB_FLOAT, "4");
  ob_add(b, &call);
  ob_output(b, "y");
}

/* A GraphProto of one node on the outer x. */
static inline Str branch(Ob *b, const char *op) {
  Str g = str_new(b->arena), out = str_new(b->arena);
  Str node = ob_node(b->arena, op, "x", "z");
  pw_message(&g, 1, &node);
  pw_text(&out, 1, "z");
  pw_message(&g, 12, &out);
  return g;
}

/* y = size of x < 5 ? Neg(x) : Abs(x) */
static inline void build_if(Ob *b) {
  Str yes = branch(b, "Neg"), no = branch(b, "Abs");
  ob_input(b, "x", OB_FLOAT, "2 2");
  INTS(b, "five", 5);
  ob_op(b, "Size", "x", "size");
  ob_op(b, "Less", "size five", "is_small");
  Str node = ob_node(b->arena, "If", "is_small", "y");
  ob_attr_graph(&node, "then_branch", &yes);
  ob_attr_graph(&node, "else_branch", &no);
  ob_add(b, &node);
  ob_output(b, "y");
}

/* Every operator of a kind that has much to check, on one another's
 * outputs. */
static inline void build_chain(Ob *b) {
  static const float weights[] = {1, 2, 3, 4, 5, 6};
  Arena *a = b->arena;
  ob_input(b, "x", OB_FLOAT, "N 3 4");
  ob_raw(b, "w", OB_FLOAT, 2, LIST(2, 3), weights, sizeof weights);
  INTS(b, "axes", 1, -1);
  INTS(b, "pads", 0, 1, 1, 2);
  INTS(b, "times", 2, 1, 3);
  INTS(b, "sizes", 1, 3);
  Str perm = ob_node(a, "Transpose", "x", "t");
  ob_attr_ints(&perm, "perm", 3, LIST(0, 2, 1));
  ob_add(b, &perm);
  Str pad = ob_node(a, "Pad", "x pads _ axes", "p");
  ob_attr_text(&pad, "mode", "reflect");
  ob_add(b, &pad);
  Str split = ob_node(a, "Split", "t sizes", "s0 s1");
  ob_attr_int(&split, "axis", 1);
  ob_add(b, &split);
  Str soft = ob_node(a, "Softmax", "s1", "m");
  ob_attr_int(&soft, "axis", 1);
  ob_add(b, &soft);
  ob_op(b, "Tile", "m times", "tiled");
  ob_op(b, "Gelu", "s0", "g");
  ob_op(b, "ReduceLogSumExp", "p axes", "l");
  ob_op(b, "Relu", "w", "v");
  ob_output(b, "tiled");
  ob_output(b, "l");
  ob_output(b, "s0");
  ob_output(b, "v");
}

/* An LSTM of two directions over 3 steps, and what follows it. */
static inline void build_lstm(Ob *b) {
  static const float ones[2 * 8 * 2] = {1};
  ob_input(b, "x", OB_FLOAT, "3 1 2");
  ob_raw(b, "w", OB_FLOAT, 3, LIST(2, 8, 2), ones, sizeof ones);
  INTS(b, "flat", 3, 4);
  Str lstm = ob_node(b->arena, "LSTM", "x w w", "y h");
  ob_attr_text(&lstm, "direction", "bidirectional");
  ob_attr_int(&lstm, "hidden_size", 2);
  ob_attr_float(&lstm, "clip", 3);
  ob_add(b, &lstm);
  ob_op(b, "Reshape", "y flat", "z");
  Str cast = ob_node(b->arena, "Cast", "z", "c");
  ob_attr_int(&cast, "to", OB_INT32);
  ob_add(b, &cast);
  ob_output(b, "c");
  ob_output(b, "h");
}

/* Three rounds of a = a + x, all of them kept. */
static inline void build_loop(Ob *b) {
  Arena *a = b->arena;
  Str body = str_new(a);
  Str same = ob_node(a, "Identity", "c", "d");
  Str add = ob_node(a, "Add", "p x", "q");
  Str keep = ob_node(a, "Identity", "q", "kept");
  pw_message(&body, 1, &same);
  pw_message(&body, 1, &add);
  pw_message(&body, 1, &keep);
  const char *in[] = {"i", "c", "p"}, *outs[] = {"d", "q", "kept"};
  for (int i = 0; i < 3; i++) {
    Str v = ob_value_info(a, in[i], OB_FLOAT, "4");
    Str w = ob_value_info(a, outs[i], OB_FLOAT, "4");
    pw_message(&body, 11, &v);
    pw_message(&body, 12, &w);
  }
  ob_input(b, "x", OB_FLOAT, "4");
  INTS(b, "three", 3);
  Str loop = ob_node(a, "Loop", "three _ x", "last all");
  ob_attr_graph(&loop, "body", &body);
  ob_add(b, &loop);
  ob_output(b, "last");
  ob_output(b, "all");
}

#endif
