/* compress/prune: which units go together, that the redundant one goes, what
 * is solved for, and the zeros of each pattern, on small networks whose
 * weights are drawn. */
#include "tests/unit/fixture.h"

#include <math.h>
#include <string.h>

#include "compress/prune/prune.h"
#include "ir/text.h"
#include "passes/pass.h"
#include "passes/ties.h"

enum { SAMPLES = 64 };

static uint64_t random_state;

static float draw(void) {
  return (float)(test_random(&random_state) >> 40) / (float)(1 << 23) - 1;
}

static Executor *make_interpreter(Engine *e, const Graph *g) {
  (void)e;
  return interp_new(g, NULL, NULL);
}

static Engine interpreter = {make_interpreter};

/* ---- networks ---- */

/* Text with "const @NAME : f32[...] = drawn" lines filled in. */
static Graph *network(const char *text) {
  Str s = str_new(arena);
  while (*text) {
    const char *end = strchr(text, '\n'), *at = strstr(text, " = drawn");
    int64_t n = 1;
    for (const char *c = text; at && at < end && c < at; c++)
      if (c[0] == '[' || c[0] == ',')
        n *= strtol(c + 1, NULL, 10);
    bool drawn = at && at < end;
    str_add_bytes(&s, text, (size_t)((drawn ? at : end) - text));
    for (int64_t i = 0; drawn && i < n; i++)
      str_printf(&s, "%s%.6f", i ? ", " : " = {", (double)draw());
    str_add(&s, drawn ? "}\n" : "\n");
    text = end + 1;
  }
  Graph *g = graph_parse(arena, diag, "test", str_cstr(&s), s.n);
  PassOptions passes = {.allow = PASS_reassoc};
  if (!g || !passes_run(g, &passes, NULL)) {
    diag_print(diag, stderr);
    fail_msg("the network is wrong");
  }
  return g;
}

/* `between`: every second one is of a size that no other has. */
static Feed feed_of(const Graph *g, int64_t samples, bool between) {
  static const char *const from = "drawn";
  NdArray *x = ARENA_NEW(arena, NdArray);
  Feed f = {0};
  int64_t each = type_count(g->inputs.v[0]->type), n = samples * each;
  float *data = ARENA_ARRAY(arena, float, n);
  for (int64_t i = 0; i < n; i++)
    data[i] = between && i / each % 2 ? 1000 : draw();
  *x = (NdArray){.type = ELEM_f32, .rank = 1, .dim = {n}, .data = data};
  assert_true(nd_set_bytes(x) && feed_open(diag, g, x, &from, &f));
  return f;
}

static Graph *pruned(const Graph *g, const PruneOptions *o, PruneReport *r) {
  Feed f = feed_of(g, SAMPLES, false);
  Graph *p = prune_graph(arena, g, o, &interpreter, &f, r);
  if (!p)
    diag_print(diag, stderr);
  assert_non_null(p);
  assert_true(graph_verify(p));
  return p;
}

/* Channels of a value, or of what is left of it. */
static int64_t channels(const Graph *g, const char *name) {
  const Value *v = graph_find(g, name);
  if (!v)
    v = graph_find(g, arena_printf(arena, "%s/kept", name));
  assert_non_null(v);
  return v->type->dim[v->type->rank - 1];
}

#define RESIDUAL                                                               \
  "model residual rounding=onnx\n"                                             \
  "input %x : f32[1,4,4,3]\n"                                                  \
  "const @w0 : f32[8,3,3,3] = drawn\n"                                         \
  "const @b0 : f32[8] = drawn\n"                                               \
  "%stem : f32[1,4,4,8] = conv2d %x, @w0, @b0 { pad=[1,1,1,1], act=relu }\n"   \
  "const @w1 : f32[6,1,1,8] = drawn\n"                                         \
  "%inner : f32[1,4,4,6] = conv2d %stem, @w1 { act=relu }\n"                   \
  "const @w2 : f32[8,1,1,6] = drawn\n"                                         \
  "%block : f32[1,4,4,8] = conv2d %inner, @w2\n"                               \
  "%sum : f32[1,4,4,8] = add %stem, %block { act=relu }\n"                     \
  "const @wd : f32[1,3,3,8] = drawn\n"                                         \
  "%dw : f32[1,4,4,8] = depthwise_conv2d %sum, @wd { pad=[1,1,1,1] }\n"        \
  "%join : f32[1,4,4,14] = concat %dw, %inner { axis=3 }\n"                    \
  "%flat : f32[1,224] = reshape %join\n"                                       \
  "const @w3 : f32[5,224] = drawn\n"                                           \
  "%y : f32[1,5] = fully_connected %flat, @w3\n"                               \
  "output %y\n"

/* ---- ties ---- */

static const TiedLayer *layer_named(const Ties *t, const char *name) {
  for (int i = 0; i < t->layers.n; i++)
    if (strcmp(t->layers.v[i].op->out[0]->name, name) == 0)
      return &t->layers.v[i];
  fail_msg("no layer %s", name);
  return NULL;
}

static void test_ties(void **state) {
  (void)state;
  const Ties *t = ties_find(arena, network(RESIDUAL));
  const TiedLayer *stem = layer_named(t, "stem"), *in = layer_named(t, "inner");
  const TiedLayer *block = layer_named(t, "block"), *dw = layer_named(t, "dw");
  const TiedLayer *y = layer_named(t, "y");
  for (int64_t c = 0; c < 8; c++) {
    int64_t class_ = ties_output(t, stem, c);
    assert_true(class_ == ties_output(t, block, c)); /* through the sum */
    assert_true(class_ == ties_output(t, dw, c));
    assert_true(class_ == ties_column(t, in, 0, c));
    for (int64_t pixel = 0; pixel < 16; pixel++) /* through join and row */
      assert_true(class_ == ties_column(t, y, 0, pixel * 14 + c));
    assert_false(t->held[class_]);
    assert_true(c == 0 || class_ != ties_output(t, stem, 0));
  }
  for (int64_t c = 0; c < 6; c++)
    assert_true(ties_output(t, in, c) == ties_column(t, y, 0, 8 + c));
  assert_true(t->held[ties_output(t, y, 0)]);
  assert_true(t->held[ties_column(t, stem, 0, 0)]);
}

/* Channels in the same place of each group go together. */
static void test_groups(void **state) {
  (void)state;
  const Ties *t = ties_find(
      arena, network("model groups rounding=onnx\n"
                     "input %x : f32[1,1,1,2]\n"
                     "const @w0 : f32[6,1,1,2] = drawn\n"
                     "%a : f32[1,1,1,6] = conv2d %x, @w0\n"
                     "const @w1 : f32[4,1,1,3] = drawn\n"
                     "%b : f32[1,1,1,4] = conv2d %a, @w1 { act=relu }\n"
                     "const @w2 : f32[2,1,1,4] = drawn\n"
                     "%y : f32[1,1,1,2] = conv2d %b, @w2\n"
                     "output %y\n"));
  const TiedLayer *a = layer_named(t, "a"), *b = layer_named(t, "b");
  assert_true(ties_output(t, a, 1) == ties_output(t, a, 4));
  assert_true(ties_output(t, a, 1) != ties_output(t, a, 2));
  assert_true(ties_output(t, b, 0) == ties_output(t, b, 2));
  assert_true(ties_output(t, b, 0) != ties_output(t, b, 1));
}

/* ---- units ---- */

static void test_half_of_each(void **state) {
  (void)state;
  PruneOptions o = {METHOD_l1, SCOPE_layer, GOAL_units, 0.5, .reconstruct = 1};
  PruneReport r;
  Graph *p = pruned(network(RESIDUAL), &o, &r);
  assert_int_equal(channels(p, "stem"), 4);
  assert_int_equal(channels(p, "block"), 4);
  assert_int_equal(channels(p, "dw"), 4);
  assert_int_equal(channels(p, "inner"), 3);
  assert_int_equal(channels(p, "join"), 7);
  assert_int_equal(r.units, 14);
  assert_int_equal(r.gone, 7);
  assert_int_equal(r.rows.v[0].before.channels, 8);
  assert_int_equal(r.rows.v[0].after.channels, 4);
}

/* What was made for one amount stays when another one is tried. */
static void test_two_amounts(void **state) {
  (void)state;
  Graph *g = network(RESIDUAL);
  PruneOptions o = {METHOD_obs, SCOPE_layer, GOAL_units, .reconstruct = true};
  PruneReport r;
  Feed f = feed_of(g, SAMPLES, false);
  float before[4 * 27];
  Pruner *p = prune_open(arena, g, &o, &interpreter, &f);
  assert_non_null(p);
  Graph *half = prune_to(p, arena, 0.5, &r);
  assert_int_equal(channels(half, "stem"), 4);
  const float *w = half->first->in[1]->init->data;
  memcpy(before, w, sizeof before);
  assert_int_equal(channels(prune_to(p, arena, 0.25, &r), "stem"), 6);
  assert_int_equal(r.gone, 4);
  prune_close(p);
  assert_memory_equal(before, w, sizeof before);
}

/* ---- shared weights ---- */

/* @w1 is what two layers have. */
#define SHARED                                                                 \
  "model shared rounding=onnx\n"                                               \
  "input %x : f32[1,4,4,3]\n"                                                  \
  "const @w0 : f32[8,1,1,3] = drawn\n"                                         \
  "%a : f32[1,4,4,8] = conv2d %x, @w0 { act=relu }\n"                          \
  "const @w1 : f32[8,1,1,8] = drawn\n"                                         \
  "%b : f32[1,4,4,8] = conv2d %a, @w1 { act=relu }\n"                          \
  "%c : f32[1,4,4,8] = conv2d %b, @w1 { act=relu }\n"                          \
  "const @w2 : f32[6,1,1,8] = drawn\n"                                         \
  "%d : f32[1,4,4,6] = conv2d %c, @w2 { act=relu }\n"                          \
  "const @w3 : f32[4,1,1,6] = drawn\n"                                         \
  "%y : f32[1,4,4,4] = conv2d %d, @w3\n"                                       \
  "output %y\n"

static void test_shared_weights_stay(void **state) {
  (void)state;
  PruneOptions o = {METHOD_obs, SCOPE_scan,     GOAL_units,
                    0.5,        {.part = 0.25}, .reconstruct = true};
  PruneReport r;
  Graph *g = network(SHARED);
  Graph *p = pruned(g, &o, &r);
  const Value *was = graph_find(g, "b")->def->in[1];
  const Value *w = graph_find(p, "b")->def->in[1];
  assert_ptr_equal(w, graph_find(p, "c")->def->in[1]);
  assert_memory_equal(w->init->data, was->init->data, 64 * sizeof(float));
  assert_int_equal(channels(p, "d"), 3);
  assert_int_equal(r.units, 6);
  for (int i = 0; i < r.rows.n; i++) {
    const PruneRow *row = &r.rows.v[i];
    bool shares = *row->name == 'b' || *row->name == 'c';
    assert_int_equal(shares, row->remark != NULL);
    assert_int_equal(*row->name == 'b' ? 64 : 0, shares * row->after.params);
    assert_int_equal(*row->name == 'b' ? 64 : 0, shares * row->model.params);
  }
}

/* Of more samples than a layer wants, some are looked at: every second of
 * those here, where those between are noise. */
static void test_samples_are_bounded(void **state) {
  (void)state;
  enum { WANTED = 12000 };
  Graph *g = network("model dense rounding=onnx\n"
                     "input %x : f32[1,2]\n"
                     "const @w0 : f32[4,2] = drawn\n"
                     "%a : f32[1,4] = fully_connected %x, @w0 { act=relu }\n"
                     "const @w1 : f32[1,4] = drawn\n"
                     "%y : f32[1,1] = fully_connected %a, @w1\n"
                     "output %y\n");
  PruneOptions o = {METHOD_obs, SCOPE_layer, GOAL_units, 0.5,
                    .reconstruct = true};
  PruneReport half, all;
  uint64_t from = random_state;
  Feed f = feed_of(g, WANTED, false);
  random_state = from;
  Feed twice = feed_of(g, 2 * WANTED, true);
  Graph *a = prune_graph(arena, g, &o, &interpreter, &f, &half);
  Graph *b = prune_graph(arena, g, &o, &interpreter, &twice, &all);
  assert_true(a && b);
  const Value *wa = graph_find(a, "y")->def->in[1];
  const Value *wb = graph_find(b, "y")->def->in[1];
  assert_int_equal(type_count(wa->type), 2);
  assert_memory_equal(wa->init->data, wb->init->data, 2 * sizeof(float));
}

/* ---- heads ---- */

/* The last convolution is also solved for what the model returns: layer by
 * layer alone the outputs change by 0.89 %, and without a sum by 1.14 %. */
#define HEAD(sum, from)                                                        \
  "model head rounding=onnx\n"                                                 \
  "input %x : f32[1,2,2,3]\n"                                                  \
  "const @w0 : f32[12,1,1,3] = drawn\n"                                        \
  "%a : f32[1,2,2,12] = conv2d %x, @w0 { act=relu }\n"                         \
  "const @w1 : f32[10,1,1,12] = drawn\n"                                       \
  "%b : f32[1,2,2,10] = conv2d %a, @w1 { act=relu }\n"                         \
  "const @w2 : f32[12,1,1,10] = drawn\n"                                       \
  "%c : f32[1,2,2,12] = conv2d %b, @w2 " sum                                   \
  "%m : f32[1,1,1,12] = mean %" from " { axes=[1,2] }\n"                       \
  "%r : f32[1,12] = reshape %m\n"                                              \
  "const @w3 : f32[5,12] = drawn\n"                                            \
  "%y : f32[1,5] = fully_connected %r, @w3\n"                                  \
  "output %y\n"

static double head_error(const char *text) {
  PruneOptions o = {METHOD_obs, SCOPE_layer, GOAL_units, 0.3,
                    .reconstruct = true};
  PruneReport r;
  Graph *g = network(text);
  Feed f = feed_of(g, 400, false);
  assert_non_null(prune_graph(arena, g, &o, &interpreter, &f, &r));
  return r.error;
}

static void test_head_is_solved_together(void **state) {
  (void)state;
  assert_true(
      head_error(HEAD("\n%s : f32[1,2,2,12] = add %a, %c { act=relu }\n",
                      "s")) < 0.0084);
  assert_true(head_error(HEAD(" { act=relu }\n", "c")) < 0.009);
}

/* Every method with every scope reaches a goal. */
static void test_methods(void **state) {
  (void)state;
  Graph *g = network(RESIDUAL);
  for (int m = 0; m < METHOD_COUNT; m++)
    for (int s = 0; s < SCOPE_COUNT; s++) {
      PruneOptions o = {(PruneMethod)m, (PruneScope)s, GOAL_params, 0.3,
                        .reconstruct = true};
      PruneReport r;
      int64_t was = 0, is = 0;
      pruned(g, &o, &r);
      for (int i = 0; i < r.rows.n; i++) {
        was += r.rows.v[i].before.params;
        is += r.rows.v[i].after.params;
      }
      if (10 * is > 7 * was || 10 * is < 3 * was)
        fail_msg("%s, scope %d: %d of %d parameters",
                 prune_method_name((PruneMethod)m), s, (int)is, (int)was);
    }
}

/* Of four channels a, b, a + b and a small one of its own, one of the first
 * three is spared, and nothing is lost; by magnitude the small one would go. */
#define DEPENDENT                                                              \
  "model dependent rounding=onnx\n"                                            \
  "input %x : f32[1,3,3,3]\n"                                                  \
  "const @w0 : f32[4,1,1,3] = {1, 2, 3, -2, 1, 0.5, -1, 3, 3.5, "              \
  "0.4, -0.7, 0.3}\n"                                                          \
  "const @b0 : f32[4] = {0.5, -1, -0.5, 0.2}\n"                                \
  "%a : f32[1,3,3,4] = conv2d %x, @w0, @b0\n"                                  \
  "const @w1 : f32[3,2,2,4] = drawn\n"                                         \
  "%y : f32[1,2,2,3] = conv2d %a, @w1\n"                                       \
  "output %y\n"

static void test_redundant_goes(void **state) {
  (void)state;
  Graph *g = network(DEPENDENT);
  PruneOptions o = {METHOD_obs, SCOPE_global, GOAL_units, 0.25,
                    .reconstruct = true};
  PruneReport r;
  assert_int_equal(channels(pruned(g, &o, &r), "a"), 3);
  o.method = METHOD_l1;
  pruned(g, &o, &r);
  assert_true(r.error > 1e-4);
  o.method = METHOD_obs;
  o.reconstruct = false;
  pruned(g, &o, &r);
  assert_true(r.error > 1e-3);
}

/* A unit that is never far from the others' midst goes, not the small one. */
static void test_median(void **state) {
  (void)state;
  Graph *g = network("model median rounding=onnx\n"
                     "input %x : f32[1,1,1,2]\n"
                     "const @w0 : f32[4,1,1,2] = {5, 5, 6, 5, 5, 7, 0.1, 0}\n"
                     "%a : f32[1,1,1,4] = conv2d %x, @w0 { act=relu }\n"
                     "const @w1 : f32[2,1,1,4] = drawn\n"
                     "%y : f32[1,1,1,2] = conv2d %a, @w1\n"
                     "output %y\n");
  PruneOptions o = {METHOD_fpgm, SCOPE_layer, GOAL_units, 0.25,
                    .reconstruct = false};
  PruneReport r;
  Graph *p = pruned(g, &o, &r);
  const float *w = p->first->in[1]->init->data;
  assert_int_equal(channels(p, "a"), 3);
  assert_true(w[0] == 6 && w[2] == 5 && w[3] == 7 && w[4] == 0.1f);
}

/* Of two units one fires for few samples. */
static void test_fires_below(void **state) {
  (void)state;
  Graph *g = network("model fires rounding=onnx\n"
                     "input %x : f32[1,1,1,2]\n"
                     "const @w0 : f32[2,1,1,2] = {1, 0, 0, 1}\n"
                     "const @b0 : f32[2] = {0.5, -0.9}\n"
                     "%a : f32[1,1,1,2] = conv2d %x, @w0, @b0 { act=relu }\n"
                     "const @w1 : f32[2,1,1,2] = drawn\n"
                     "%y : f32[1,1,1,2] = conv2d %a, @w1\n"
                     "output %y\n");
  PruneOptions o = {METHOD_fires, SCOPE_layer, GOAL_threshold, 0.2,
                    .reconstruct = false};
  PruneReport r;
  Graph *p = pruned(g, &o, &r);
  assert_int_equal(channels(p, "a"), 1);
  assert_true(((const float *)p->first->in[1]->init->data)[0] == 1);
}

/* Two heads of three: rows of the queries, keys and values, columns behind. */
static void test_heads(void **state) {
  (void)state;
  Graph *g = network("model heads rounding=onnx\n"
                     "input %x : f32[1,5,4]\n"
                     "const @wq : f32[6,4] = drawn\n"
                     "const @wk : f32[6,4] = drawn\n"
                     "const @wv : f32[6,4] = drawn\n"
                     "const @wo : f32[4,6] = drawn\n"
                     "%q : f32[1,5,6] = fully_connected %x, @wq\n"
                     "%k : f32[1,5,6] = fully_connected %x, @wk\n"
                     "%v : f32[1,5,6] = fully_connected %x, @wv\n"
                     "%q4 : f32[1,5,3,2] = reshape %q\n"
                     "%k4 : f32[1,5,3,2] = reshape %k\n"
                     "%v4 : f32[1,5,3,2] = reshape %v\n"
                     "%qh : f32[1,3,5,2] = transpose %q4 { perm=[0,2,1,3] }\n"
                     "%kh : f32[1,3,2,5] = transpose %k4 { perm=[0,2,3,1] }\n"
                     "%vh : f32[1,3,5,2] = transpose %v4 { perm=[0,2,1,3] }\n"
                     "%s : f32[1,3,5,5] = matmul %qh, %kh\n"
                     "%p : f32[1,3,5,5] = softmax %s\n"
                     "%o : f32[1,3,5,2] = matmul %p, %vh\n"
                     "%t : f32[1,5,3,2] = transpose %o { perm=[0,2,1,3] }\n"
                     "%r : f32[1,5,6] = reshape %t\n"
                     "%y : f32[1,5,4] = fully_connected %r, @wo\n"
                     "output %y\n");
  PruneOptions o = {METHOD_obs, SCOPE_layer, GOAL_units, 0.3,
                    .reconstruct = true};
  PruneReport r;
  Graph *p = pruned(g, &o, &r);
  assert_int_equal(r.units, 3);
  assert_int_equal(r.gone, 1);
  assert_int_equal(channels(p, "q"), 4);
  assert_int_equal(channels(p, "k"), 4);
  assert_int_equal(channels(p, "v"), 4);
  assert_int_equal(channels(p, "r"), 4);
  assert_int_equal(channels(p, "s"), 5);
}

/* ---- zeros ---- */

static const float *weights_of(const Graph *g, const char *name) {
  return graph_find(g, name)->def->in[1]->init->data;
}

static const PruneOptions two_of_four = {.zeros = {.part = 0.5, .n = 2, .m = 4},
                                         .reconstruct = true};

static void test_n_of_m(void **state) {
  (void)state;
  PruneReport r;
  Graph *p = pruned(network(RESIDUAL), &two_of_four, &r);
  const float *w = weights_of(p, "inner"); /* [6,1,1,8] */
  for (int i = 0; i < 48; i += 4) {
    int zeros = 0;
    for (int k = 0; k < 4; k++)
      zeros += w[i + k] == 0;
    assert_int_equal(zeros, 2);
  }
}

static void test_blocks(void **state) {
  (void)state;
  PruneOptions o = {.zeros = {.part = 0.5, .rows = 2, .cols = 4},
                    .reconstruct = true};
  PruneReport r;
  Graph *p = pruned(network(RESIDUAL), &o, &r);
  const float *w = weights_of(p, "inner");
  int zeros = 0;
  for (int row = 0; row < 6; row += 2)
    for (int i = 0; i < 8; i += 4) {
      bool gone = w[row * 8 + i] == 0;
      zeros += gone;
      for (int k = 0; k < 8; k++)
        assert_int_equal(w[(row + k / 4) * 8 + i + k % 4] == 0, gone);
    }
  assert_in_range(zeros, 1, 5);
}

/* Solving for the rest loses less than leaving it as it was. */
static void test_zeros_are_made_up_for(void **state) {
  (void)state;
  PruneOptions o = {.zeros = {.part = 0.6}, .reconstruct = true};
  PruneReport solved, left;
  Graph *g = network(RESIDUAL);
  pruned(g, &o, &solved);
  o.reconstruct = false;
  pruned(g, &o, &left);
  int64_t params = 0, zeros = 0;
  for (int i = 0; i < left.rows.n; i++) {
    params += left.rows.v[i].after.params;
    zeros += left.rows.v[i].after.zeros;
  }
  assert_true(fabs((double)zeros / (double)params - 0.6) < 0.05);
  assert_true(solved.error < 0.7 * left.error);
}

/* Channels and weights at once: the part is of what stays. */
static void test_units_and_zeros(void **state) {
  (void)state;
  PruneOptions o = {
      METHOD_obs,         SCOPE_layer, GOAL_units, 0.5, .zeros = {.part = 0.5},
      .reconstruct = true};
  PruneReport r;
  pruned(network(RESIDUAL), &o, &r);
  int64_t params = 0, zeros = 0;
  for (int i = 0; i < r.rows.n; i++) {
    params += r.rows.v[i].after.params;
    zeros += r.rows.v[i].after.zeros;
  }
  assert_int_equal(r.gone, 7);
  assert_true(fabs((double)zeros / (double)params - 0.5) < 0.08);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup_seed, teardown)

static int setup_seed(void **state) {
  random_state = 12345;
  return setup(state);
}

int main(void) {
  const struct CMUnitTest tests[] = {TEST(test_ties),
                                     TEST(test_groups),
                                     TEST(test_half_of_each),
                                     TEST(test_two_amounts),
                                     TEST(test_shared_weights_stay),
                                     TEST(test_samples_are_bounded),
                                     TEST(test_head_is_solved_together),
                                     TEST(test_methods),
                                     TEST(test_redundant_goes),
                                     TEST(test_median),
                                     TEST(test_fires_below),
                                     TEST(test_heads),
                                     TEST(test_n_of_m),
                                     TEST(test_blocks),
                                     TEST(test_zeros_are_made_up_for),
                                     TEST(test_units_and_zeros)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
