/* KWS_STACK_BYTES against the stack that a run really takes: the harness
 * paints it and looks how deep the paint is gone. The bound must hold, and
 * be tight up to alignment and a routine that no case of the data reaches. */
#include "ir/text.h"
#include "tests/kernels/hand.h"
#include "tests/testing.h"

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

enum { IN_BYTES = 9 * 11 * 5, OUT_BYTES = 7, SLACK = 64 };

static void check_target(const Target *t, const CodegenOptions *opt) {
  Arena *a = arena_new();
  Diag *d = diag_new(a);
  Graph *g = graph_parse(a, d, "net.kiln", model, strlen(model));
  assert_non_null(g);
  Plan *p = plan_new(a, g, t, &(PlanOptions){.for_size = opt->for_size});
  Emitted e;
  uint8_t x[IN_BYTES], y[OUT_BYTES];
  for (int i = 0; i < IN_BYTES; i++)
    x[i] = (uint8_t)(i * 29);
  int64_t used = 0;
  bool ok = p && codegen_emit(p, opt, EMIT_object, &e) &&
            qemu_run(p, &e, 1, (const void *[]){x}, (void *[]){y}, NULL, &used);
  if (!ok && diag_exit_status(d) == EXIT_USAGE) {
    print_message("%s: no emulator\n", t->name);
  } else if (!ok) {
    diag_print(d, stderr);
    fail_msg("%s", t->name);
  } else if (used > e.sizes.stack_bytes || used + SLACK < e.sizes.stack_bytes) {
    fail_msg("%s: bound %lld, used %lld", t->name,
             (long long)e.sizes.stack_bytes, (long long)used);
  }
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
