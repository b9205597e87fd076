/* plan/fuse.h: which ops become tails of which steps, and why others do not.
 * Models in text form; what the code then computes is held to the
 * interpreter by tests/kernels/fused.c. */
#include "tests/unit/fixture.h"

#include <string.h>

#include "ir/text.h"
#include "plan/conv.h"

#define Q " q(0.5, 3)"
#define MAP "i8[1,8,8,4]" Q
#define HALF "i8[1,4,4,4]" Q
#define PAD " { pad=[1,1,1,1] }"
#define BY2 " { window=[2,2], stride=[2,2] }"

/* A 1x1 convolution's weights, in front of every case. */
#define HEAD                                                                   \
  "model \"m\" rounding=tflite\n"                                              \
  "input %x : " MAP "\n"                                                       \
  "const @w : i8[4,1,1,4] q(axis 0, {1.0, 1.0, 1.0, 1.0}, 0) = splat 1\n"      \
  "const @k : i8[4,3,3,4] q(axis 0, {1.0, 1.0, 1.0, 1.0}, 0) = splat 1\n"      \
  "const @dw : i8[1,1,1,4] q(axis 3, {1.0, 1.0, 1.0, 1.0}, 0) = splat 1\n"     \
  "const @fw : i8[4,4] q(0.5, 0) = splat 1\n"                                  \
  "const @one : i8[1]" Q " = {7}\n"                                            \
  "const @each : i8[4]" Q " = {1, 2, 3, 4}\n"

/* The same in floats. */
#define REAL                                                                   \
  "model \"m\" rounding=tflite\n"                                              \
  "input %x : f32[1,8,8,4]\n"                                                  \
  "const @w : f32[4,1,1,4] = splat 1\n"                                        \
  "const @dw : f32[1,1,1,4] = splat 1\n"

/* What the steps are, one after another; and why one of them is alone. */
typedef struct Case {
  const char *ops, *steps, *alone;
} Case;

static const Case cases[] = {
    /* the skip may be either operand, and several ops follow each other */
    {"%a : " MAP " = conv2d %x, @w\n"
     "%b : " MAP " = add %a, %x\n"
     "output %b\n",
     "conv2d+add", NULL},
    {"%a : " MAP " = depthwise_conv2d %x, @dw\n"
     "%b : " MAP " = sub %x, %a\n"
     "%c : " MAP " = mul %b, %x\n"
     "output %c\n",
     "depthwise_conv2d+sub+mul", NULL},
    {"%a : " MAP " = conv2d %x, @w\n"
     "%b : " MAP " = tanh %a\n"
     "%c : " MAP " = add %b, @one\n"
     "output %c\n",
     "conv2d+tanh+add", NULL},
    {"%a : " MAP " = add %x, %x\n"
     "%b : " MAP " = logistic %a\n"
     "output %b\n",
     "add+logistic", NULL},
    /* of two convolutions the later one, as the other's map is there then */
    {"%a : " MAP " = conv2d %x, @w\n"
     "%b : " MAP " = conv2d %a, @w\n"
     "%s : " MAP " = conv2d %x, @w\n"
     "%c : " MAP " = add %b, %s\n"
     "output %c\n",
     "conv2d conv2d conv2d+add", NULL},
    /* a skip under another shape */
    {"%a : " MAP " = conv2d %x, @w\n"
     "%r : i8[256]" Q " = tanh %flat\n"
     "%s : " MAP " = reshape %r\n"
     "%b : " MAP " = conv2d %a, @w\n"
     "%c : " MAP " = add %s, %b\n"
     "output %c\n",
     "conv2d tanh conv2d+add", NULL},
    /* one that is put together of what is there */
    {"%p : i8[1,4,8,4]" Q " = tanh %half\n"
     "%q : i8[1,4,8,4]" Q " = logistic %half\n"
     "%s : " MAP " = concat %p, %q { axis=1 }\n"
     "%b : " MAP " = conv2d %x, @w\n"
     "%c : " MAP " = add %s, %b\n"
     "output %c\n",
     "tanh logistic conv2d+add", NULL},
    /* what others read has to be stored */
    {"%a : " MAP " = conv2d %x, @w\n"
     "%b : " MAP " = add %a, %x\n"
     "output %a, %b\n",
     "conv2d add", "the model returns what it reads"},
    {"%a : " MAP " = conv2d %x, @w\n"
     "%b : " MAP " = add %a, %a\n"
     "output %b\n",
     "conv2d add", "what it reads has other readers"},
    {"state %s : " MAP " -> %a\n"
     "%a : " MAP " = conv2d %x, @w\n"
     "%b : " MAP " = add %a, %x\n"
     "output %b\n",
     "conv2d add", "what it reads has other readers"},
    {"%a : " MAP " = conv2d %x, @w\n"
     "%t : " MAP " = transpose %x { perm=[0,2,1,3] }\n"
     "%b : " MAP " = add %a, %t\n"
     "output %b\n",
     "conv2d transpose add", "its other operand is computed later"},
    {"%a : " MAP " = conv2d %x, @w\n"
     "%b : " MAP " = add %a, @each\n"
     "output %b\n",
     "conv2d add", "its other operand is repeated over the result"},
    {"%a : i8[1,4]" Q " = fully_connected %row, @fw\n"
     "%b : " MAP " = add %a, %x\n"
     "output %b\n",
     "fully_connected add", "what it reads is repeated over the result"},
    {"state %s : " MAP " -> %b\n"
     "%a : " MAP " = conv2d %s, @w\n"
     "%b : " MAP " = add %a, %x\n"
     "output %x\n",
     "reshape conv2d add", "its result is state, which others may still read"},
    {"%a : " MAP " = conv2d %x, @w\n"
     "%b : i8[1,8,8,4] q(0.25, 0) = add %a, %x\n"
     "%c : f32[1,8,8,4] = dequantize %b\n"
     "output %c\n",
     "conv2d+add dequantize", "the kernel before it takes no such tail"},
    {"%a : " MAP " = max_pool2d %x { window=[1,1] }\n"
     "%b : " MAP " = add %a, %x\n"
     "output %b\n",
     "max_pool2d add", NULL},
    /* a maximum over windows that tile the map */
    {"%a : " MAP " = conv2d %x, @k" PAD "\n"
     "%b : " HALF " = max_pool2d %a" BY2 "\n"
     "output %b\n",
     "conv2d+max_pool2d", NULL},
    {"%a : " MAP " = conv2d %x, @k" PAD "\n"
     "%b : " HALF " = max_pool2d %a" BY2 "\n"
     "%c : " HALF " = tanh %b\n"
     "output %c\n",
     "conv2d+max_pool2d tanh",
     "a maximum over windows ends the tail before it"},
    {"%a : " MAP " = conv2d %x, @k" PAD "\n"
     "%b : " HALF " = max_pool2d %a" BY2 "\n"
     "output %a, %b\n",
     "conv2d max_pool2d", "the model returns what it reads"},
    {"%a : " MAP " = conv2d %x, @k" PAD "\n"
     "%t : " MAP " = add %a, %x\n"
     "%b : " HALF " = max_pool2d %t" BY2 "\n"
     "output %b\n",
     "conv2d+add max_pool2d",
     "what is before it takes no maximum over windows"},
    {"%a : " MAP " = depthwise_conv2d %x, @dw\n"
     "%b : " HALF " = max_pool2d %a" BY2 "\n"
     "output %b\n",
     "depthwise_conv2d max_pool2d",
     "what is before it takes no maximum over windows"},
    {"%a : " MAP " = conv2d %x, @w\n"
     "%b : " HALF " = max_pool2d %a" BY2 "\n"
     "output %b\n",
     "conv2d max_pool2d", "the convolution before it knows no rows"},
    {"%a : " MAP " = conv2d %x, @k" PAD "\n"
     "%b : " HALF " = max_pool2d %a { window=[3,3], stride=[2,2], "
     "pad=[0,1,0,1] }\n"
     "output %b\n",
     "conv2d max_pool2d", "its windows do not tile what it reads"},
    {"%a : " MAP " = conv2d %x, @k" PAD "\n"
     "%b : " HALF " = max_pool2d %a { window=[2,2], stride=[2,2], act=relu }\n"
     "output %b\n",
     "conv2d max_pool2d", "it changes what it takes the maximum of"},
    {"%a : " MAP " = conv2d %x, @k" PAD "\n"
     "%b : " HALF " = avg_pool2d %a" BY2 "\n"
     "output %b\n",
     "conv2d avg_pool2d", NULL},
    {"%a : " MAP " = add %x, %x\n"
     "%b : " MAP " = add %a, %x\n"
     "%c : " MAP " = add %b, %x\n"
     "%d : " MAP " = add %c, %x\n"
     "%e : " MAP " = add %d, %x\n"
     "%f : " MAP " = add %e, %x\n"
     "output %f\n",
     "add+add+add+add+add add", "the tail before it is long enough"},
};
enum { NCASE = sizeof cases / sizeof *cases };

static const Case real_cases[] = {
    {"%a : f32[1,8,8,4] = conv2d %x, @w\n"
     "%b : f32[1,8,8,4] = add %x, %a { act=relu }\n"
     "%c : f32[1,8,8,4] = depthwise_conv2d %b, @dw\n"
     "%d : f32[1,8,8,4] = mul %c, %x\n"
     "%e : f32[1,8,8,4] = leaky_relu %d { alpha=0.1 }\n"
     "output %e\n",
     "conv2d+add depthwise_conv2d+mul+leaky_relu", NULL},
    {"%a : f32[1,8,8,4] = conv2d %x, @w\n"
     "%b : f32[1,8,8,4] = tanh %a\n"
     "output %b\n",
     "conv2d tanh", "the function is too long for every vector of a tile"},
};
enum { NREAL = sizeof real_cases / sizeof *real_cases };

static Plan *plan_of(const Case *c, const char *target, bool keep_all) {
  Str text = str_new(arena);
  str_add(&text, strstr(c->ops, "f32[1,8,8,4] = conv") ? REAL : HEAD);
  if (strstr(c->ops, "%flat"))
    str_add(&text, "input %flat : i8[256]" Q "\n");
  if (strstr(c->ops, "%half"))
    str_add(&text, "input %half : i8[1,4,8,4]" Q "\n");
  if (strstr(c->ops, "%row"))
    str_add(&text, "input %row : i8[1,4]" Q "\n");
  str_add(&text, c->ops);
  Graph *g = graph_parse(arena, diag, "t.kiln", str_cstr(&text), text.n);
  if (!g || !graph_verify(g))
    diag_print(diag, stderr);
  assert_int_equal(diag_error_count(diag), 0);
  const Target *t = target_find(arena, diag, target, NULL, NULL, NULL);
  Plan *p = plan_new(arena, g, t, &(PlanOptions){.keep_all = keep_all});
  assert_non_null(p);
  return p;
}

static const char *steps_of(const Plan *p) {
  Str s = str_new(arena);
  for (int i = 0; i < p->steps.n; i++)
    str_printf(&s, "%s%s", i ? " " : "", step_op_name(arena, p->steps.v[i]));
  return str_cstr(&s);
}

static const char *alone_of(const Plan *p) {
  const char *why = NULL;
  for (int i = 0; i < p->steps.n; i++)
    if (p->steps.v[i]->alone)
      why = p->steps.v[i]->alone;
  return why;
}

static void assert_steps(const Case *c, const char *target) {
  const Plan *p = plan_of(c, target, false);
  const char *alone = alone_of(p);
  assert_string_equal(steps_of(p), c->steps);
  assert_string_equal(alone ? alone : "", c->alone ? c->alone : "");
}

static void what_is_fused(void **state) {
  (void)state;
  for (int i = 0; i < NCASE; i++)
    assert_steps(&cases[i], "cortex-m4");
  for (int i = 0; i < NREAL; i++) {
    assert_steps(&real_cases[i], "cortex-m4");
    assert_steps(&real_cases[i], "x86-64-v3");
  }
}

/* Layer by layer every value is in memory. */
static void nothing_is_fused_when_all_is_kept(void **state) {
  (void)state;
  for (int i = 0; i < NCASE; i++) {
    const Plan *p = plan_of(&cases[i], "cortex-m4", true);
    assert_null(strchr(steps_of(p), '+'));
    assert_null(alone_of(p));
  }
}

/* Tables stay out of vectors; what is a clamp does not. */
static void vectors_do_not_look_up(void **state) {
  (void)state;
  const Case c = {"%a : " MAP " = conv2d %x, @w\n"
                  "%b : i8[1,8,8,4] q(0.01, 3) = tanh %a\n"
                  "%c : " MAP " = conv2d %b, @w\n"
                  "%d : " MAP " = relu %c\n"
                  "output %d\n",
                  NULL, NULL};
  const Plan *p = plan_of(&c, "x86-64-v3", false);
  assert_string_equal(steps_of(p), "conv2d tanh conv2d+relu");
  assert_string_equal(alone_of(p), "tables are not looked up in vectors");
  p = plan_of(&c, "cortex-m4", false);
  assert_string_equal(steps_of(p), "conv2d+tanh conv2d+relu");
}

/* What is pooled lies over the convolution's input: of its rows of 32 bytes
 * the first is unread, and no pooled row ahead of it. */
static void maxima_lie_over_inputs(void **state) {
  (void)state;
  const Case c = {"%s : " MAP " = tanh %x\n"
                  "%a : " MAP " = conv2d %s, @k" PAD "\n"
                  "%b : " HALF " = max_pool2d %a" BY2 "\n"
                  "%c : " HALF " = transpose %b { perm=[0,2,1,3] }\n"
                  "output %c\n",
                  NULL, NULL};
  const Plan *p = plan_of(&c, "cortex-m4", false);
  const Step *s = p->steps.v[1];
  assert_string_equal(steps_of(p), "tanh conv2d+max_pool2d transpose");
  assert_int_equal(step_overlap(s, 0), 4 * 4);
  assert_int_equal(p->arena_bytes, 8 * 8 * 4 + 4 * 4 + s->scratch_bytes);
}

/* The sum of a residual block lies where the skip did; that of a tile that
 * overlaps the one before may not. */
static void sums_lie_over_skips(void **state) {
  (void)state;
  const Case c = {"%s : " MAP " = tanh %x\n"
                  "%a : " MAP " = conv2d %x, @w\n"
                  "%b : " MAP " = add %a, %s\n"
                  "%c : " MAP " = transpose %b { perm=[0,2,1,3] }\n"
                  "output %c\n",
                  NULL, NULL};
  const Plan *p = plan_of(&c, "armv7-neon", false);
  const Step *s = p->steps.v[1];
  const ConvParams *tile = s->params;
  assert_true(tile->g.ow % tile->pixels); /* 64 by, say, 6 */
  assert_true(step_overlap(s, s->op->nin + 1) == OVERLAP_NONE);
  p = plan_of(&c, "cortex-m4", false);
  s = p->steps.v[1];
  assert_string_equal(steps_of(p), "tanh conv2d+add transpose");
  assert_int_equal(s->nin, s->op->nin + 2);
  assert_null(s->in[s->op->nin]);
  assert_true(step_overlap(s, s->op->nin + 1) == OVERLAP_SAME);
  assert_int_equal(s->in[s->op->nin + 1]->offset, s->out[0]->offset);
}

/* A depthwise layer in bands before the 1x1 convolution that alone reads it:
 * the map has no bytes, and the output follows the rows of the input. */
static void depthwise_layers_become_fronts(void **state) {
  (void)state;
#define DW                                                                     \
  "const @d3 : i8[1,3,3,4] q(axis 3, {1.0, 1.0, 1.0, 1.0}, 0) = splat 1\n"     \
  "%s : " MAP " = max_pool2d %x { window=[1,1] }\n"                            \
  "%a : " MAP " = depthwise_conv2d %s, @d3 { pad=[1,1,1,1] }\n"
  const Case alone = {DW "%b : " MAP " = conv2d %a, @w\n"
                         "output %a, %b\n",
                      NULL, NULL};
  const Case c = {DW "%b : " MAP " = conv2d %a, @w\n"
                     "%c : " MAP " = max_pool2d %b { window=[1,1] }\n"
                     "output %c\n",
                  NULL, NULL};
#undef DW
  const char *vnni = "x86-64-avx512vnni";
  assert_string_equal(steps_of(plan_of(&alone, vnni, false)),
                      "max_pool2d depthwise_conv2d conv2d");
  assert_string_equal(steps_of(plan_of(&c, vnni, true)),
                      "max_pool2d depthwise_conv2d conv2d max_pool2d");
  const Plan *p = plan_of(&c, vnni, false);
  assert_string_equal(steps_of(p),
                      "max_pool2d depthwise_conv2d+conv2d max_pool2d");
  const Step *s = p->steps.v[1];
  int64_t row = 8 * 4;
  assert_true(s->front->out[0]->first < 0);
  assert_int_equal(s->scratch_bytes, s->band_offset + s->band_rows * row);
  /* the next band's first row is the last but one that is written */
  assert_int_equal(step_overlap(s, 0), row);
  assert_int_equal(step_macs(s), 64 * 4 * 9 + 64 * 16);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(what_is_fused, setup, teardown),
      cmocka_unit_test_setup_teardown(nothing_is_fused_when_all_is_kept, setup,
                                      teardown),
      cmocka_unit_test_setup_teardown(vectors_do_not_look_up, setup, teardown),
      cmocka_unit_test_setup_teardown(maxima_lie_over_inputs, setup, teardown),
      cmocka_unit_test_setup_teardown(sums_lie_over_skips, setup, teardown),
      cmocka_unit_test_setup_teardown(depthwise_layers_become_fronts, setup,
                                      teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
