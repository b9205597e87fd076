/* plan/split.c: which steps are divided, by what, and that parts of them may
 * run at the same time; plan/split_check.c: what is wrong with others. */
#include "tests/unit/fixture.h"

#include <string.h>

#include "ir/text.h"
#include "plan/kernel.h"

#define Q " q(0.5, 3)"

/* A layer of 3x3 with pads, so with a copy; one in place behind it; 1x1 with
 * few outputs of many pixels, and with many of few; depthwise; images. */
static const struct {
  const char *text, *target;
  const char *by; /* of the last step, for two threads */
  int64_t units;
} cases[] = {
    {"input %x : i8[1,28,28,64]" Q "\n"
     "const @w : i8[64,3,3,64] q(0.01, 0) = splat 3\n"
     "%y : i8[1,28,28,64]" Q " = conv2d %x, @w { pad=[1,1,1,1] }\n",
     "x86-64-avx512vnni", "rows", 28},
    {"input %x : i8[1,28,28,64]" Q "\n"
     "const @w : i8[64,3,3,64] q(0.01, 0) = splat 3\n"
     "%y : i8[1,28,28,64]" Q " = conv2d %x, @w { pad=[1,1,1,1] }\n",
     "x86-64-v3", "rows", 2},
    {"input %x : i8[1,28,28,64]" Q "\n"
     "const @w : i8[64,3,3,64] q(0.01, 0) = splat 3\n"
     "%y : i8[1,28,28,64]" Q " = conv2d %x, @w { pad=[1,1,1,1] }\n",
     "x86-64-amx", "tiles", 28},
    {"input %x : i8[1,7,7,512]" Q "\n"
     "const @w : i8[512,3,3,512] q(0.01, 0) = splat 3\n"
     "%y : i8[1,7,7,512]" Q " = conv2d %x, @w { pad=[1,1,1,1] }\n",
     "x86-64-v3", "blocks", 32},
    {"input %x : i8[1,7,7,1024]" Q "\n"
     "const @w : i8[512,1,1,1024] q(0.01, 0) = splat 3\n"
     "%y : i8[1,7,7,512]" Q " = conv2d %x, @w\n",
     "x86-64-amx", "blocks", 16},
    {"input %x : i8[4,14,14,64]" Q "\n"
     "const @w : i8[64,3,3,64] q(0.01, 0) = splat 3\n"
     "%y : i8[4,14,14,64]" Q " = conv2d %x, @w { pad=[1,1,1,1] }\n",
     "x86-64-amx", "images", 4},
    /* 7 pairs of rows would be parted 4 to 3 */
    {"input %x : i8[1,14,14,512]" Q "\n"
     "const @w : i8[1,3,3,512] q(0.01, 0) = splat 3\n"
     "%y : i8[1,14,14,512]" Q " = depthwise_conv2d %x, @w { pad=[1,1,1,1] }\n",
     "x86-64-avx512vnni", "rows", 14},
    {"input %x : i8[1,56,56,64]" Q "\n"
     "%y : i8[1,28,28,64]" Q
     " = max_pool2d %x { window=[3,3], stride=[2,2], pad=[0,1,0,1] }\n",
     "x86-64-v3", "rows", 28},
    {"input %x : i8[12,128,128]" Q "\n"
     "%y : i8[12,128,128] q(0.00390625, -128) = softmax %x\n",
     "x86-64-avx512vnni", "rows", 96},
    {"input %x : i8[1,12,128,64]" Q "\n"
     "input %w : i8[1,12,64,128]" Q "\n"
     "%y : i8[1,12,128,128]" Q " = matmul %x, %w\n",
     "x86-64-avx512vnni", "images", 12},
    /* not worth it */
    {"input %x : i8[1,4,4,16]" Q "\n"
     "const @w : i8[1,3,3,16] q(0.01, 0) = splat 3\n"
     "%y : i8[1,4,4,16]" Q " = depthwise_conv2d %x, @w { pad=[1,1,1,1] }\n",
     "x86-64-avx512vnni", NULL, 0},
};
enum { CASES = sizeof cases / sizeof *cases };

static Plan *plan_for(int i, int threads) {
  const Target *t = target_find(arena, diag, cases[i].target, NULL, NULL, NULL);
  const char *text = arena_printf(
      arena, "model m rounding=tflite\n%soutput %%y\n", cases[i].text);
  Graph *g = graph_parse(arena, diag, "t.kiln", text, strlen(text));
  if (!g || !graph_verify(g))
    fail_msg("case %d: %s", i, messages());
  Plan *p = plan_new(arena, g, t, &(PlanOptions){.threads = threads});
  assert_non_null(p);
  return p;
}

static Step *last_step(const Plan *p) { return p->steps.v[p->steps.n - 1]; }

static void steps_are_split_as_pays(void **state) {
  (void)state;
  for (int i = 0; i < CASES; i++) {
    const Split *s = &last_step(plan_for(i, 2))->split;
    const char *by = s->parts ? split_axis_name(s->axis) : "none";
    if (strcmp(by, cases[i].by ? cases[i].by : "none") != 0 ||
        s->units != cases[i].units)
      fail_msg("case %d: %s, %lld units", i, by, (long long)s->units);
  }
}

static void parts_are_as_many_as_threads(void **state) {
  (void)state;
  for (int threads = 1; threads <= SPLIT_MOST; threads++)
    for (int i = 0; i < CASES; i++) {
      const Step *s = last_step(plan_for(i, threads));
      assert_true(s->split.parts <= threads);
      assert_true(split_holds(s));
    }
}

/* ---- what may not be ---- */

static void output_on_input(Step *s) { s->out[0]->place = s->in[0]->place; }
static void output_in_scratch(Step *s) {
  s->out[0]->place = PLACE_arena;
  s->out[0]->offset = s->scratch_offset + s->scratch_bytes - 1;
}
static void input_in_scratch(Step *s) {
  s->in[0]->place = PLACE_arena;
  s->in[0]->offset = s->scratch_offset;
}
static void too_few_units(Step *s) { s->split.units = s->split.parts - 1; }
static void own_too_short(Step *s) { s->split.part_bytes -= 64; }
static void own_between_lines(Step *s) {
  s->split.own_offset += 8;
  s->scratch_bytes += 64;
}
static void own_past_the_end(Step *s) { s->scratch_bytes -= 64; }
static void no_axis(Step *s) { s->split.axis = SPLIT_none; }

static void (*const faults[])(Step *s) = {
    output_on_input, output_in_scratch, input_in_scratch, too_few_units,
    own_too_short,   own_between_lines, own_past_the_end, no_axis};
enum { FAULTS = sizeof faults / sizeof *faults };

/* Case 6 has scratch of each part, and no copy. */
static void faults_are_found(void **state) {
  (void)state;
  for (int i = 0; i < FAULTS; i++) {
    Step *s = last_step(plan_for(6, 2));
    assert_true(s->split.part_bytes > 0);
    assert_true(split_holds(s));
    faults[i](s);
    if (split_holds(s))
      fail_msg("fault %d is not found", i);
  }
}

/* An operand that is copied before parts begin may lie under the output, one
 * of the tail only at its very place. */
static void places_that_are_shared(void **state) {
  (void)state;
  Step *s = last_step(plan_for(0, 2));
  assert_true(s->reads_first && s->split.stage_parts > 0);
  s->out[0]->place = s->in[0]->place;
  s->out[0]->offset = 128;
  assert_true(split_holds(s));
  s->split.stage_parts = 0;
  assert_false(split_holds(s));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(steps_are_split_as_pays, setup, teardown),
      cmocka_unit_test_setup_teardown(parts_are_as_many_as_threads, setup,
                                      teardown),
      cmocka_unit_test_setup_teardown(faults_are_found, setup, teardown),
      cmocka_unit_test_setup_teardown(places_that_are_shared, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
