/* NAME_STACK_BYTES held to the stack that a run takes, on every target and at
 * every level of optimization. */
#include "ir/text.h"
#include "tests/kernels/painted.h"

static const char model[] =
    "model net rounding=tflite\n"
    "input %x : i8[1,9,11,5] q(0.05, -3)\n"
    "const @w : i8[19,3,3,5] q(0.01, 0) = splat 3\n"
    "const @wd : i8[1,3,3,19] q(0.01, 0) = splat 5\n"
    "const @wf : i8[7,19] q(0.01, 0) = splat -4\n"
    "%c : i8[1,9,11,19] q(0.1, 4) = conv2d %x, @w { pad=[1,1,1,1] }\n"
    "%d : i8[1,9,11,19] q(0.2, 4) = depthwise_conv2d %c, @wd"
    " { pad=[1,1,1,1] }\n"
    "%a : i8[1,9,11,19] q(0.3, -5) = add %c, %d\n"
    "%m : i8[1,19] q(0.3, -5) = mean %a { axes=[1,2] }\n"
    "%f : i8[1,7] q(0.2, 1) = fully_connected %m, @wf\n"
    "%s : i8[1,7] q(0.00390625, -128) = softmax %f\n"
    "output %s\n";

static void check_target(const Target *t, const CodegenOptions *opt) {
  Arena *a = arena_new();
  Diag *d = diag_new(a);
  Graph *g = graph_parse(a, d, "net.kiln", model, strlen(model));
  assert_non_null(g);
  Painted p = painted_run(g, t, opt);
  if (!p.ran)
    print_message("%s: no emulator\n", t->name);
  else if (!painted_holds(&p))
    fail_msg("%s: bound %lld, used %lld", t->name, (long long)p.bound,
             (long long)p.used);
  arena_free(a);
}

static void check_all(const CodegenOptions *opt) {
  for (int i = 0; i < target_count; i++) {
    const Target *t = &target_table[i];
    bool here =
        t->runner && (strcmp(t->runner, "host") != 0 || target_runs_here(t));
    if (here)
      check_target(t, opt);
    else
      print_message("%s: cannot run here\n", t->name);
  }
}

static void test_speed(void **state) {
  (void)state;
  check_all(&(CodegenOptions){.opt_level = 2});
}

static void test_size(void **state) {
  (void)state;
  check_all(&(CodegenOptions){.opt_level = 2, .for_size = true});
}

static void test_unoptimized(void **state) {
  (void)state;
  check_all(&(CodegenOptions){.opt_level = 0});
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_speed),
      cmocka_unit_test(test_size),
      cmocka_unit_test(test_unoptimized),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
