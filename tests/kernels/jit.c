/* codegen/jit.c: executors side by side and one after the other, each with
 * its own state; every value of a keep_all plan against the interpreter. */
#include "tests/kernels/net.h"

static const char model[] =
    "model net rounding=tflite\n"
    "input %x : i8[1,4,5,6] q(0.05, -3)\n"
    "const @w : i8[9,3,3,6] q(0.01, 0) = splat 3\n"
    "const @k : i8[9] q(0.1, 4) = {1, 2, 3, 4, 5, 6, 7, 8, 9}\n"
    "state %old : i8[1,4,5,9] q(0.1, 4) -> %new\n"
    "%c : i8[1,4,5,9] q(0.1, 4) = conv2d %x, @w { pad=[1,1,1,1] }\n"
    "%v : i8[20,9] q(0.1, 4) = reshape %c\n"
    "%b : i8[20,9] q(0.1, 4) = add %v, @k\n"
    "%r : i8[1,4,5,9] q(0.1, 4) = reshape %b\n"
    "%new : i8[1,4,5,9] q(0.1, 4) = add %r, %old\n"
    "%m : i8[1,9] q(0.1, 4) = mean %new { axes=[1,2] }\n"
    "output %new\n"
    "output %m\n";

enum { IN = 4 * 5 * 6, OUT = 4 * 5 * 9, OUT2 = 9, RUNS = 3 };

static Net build(void) {
  Net n = net_new(model, "host", NULL, &(PlanOptions){.keep_all = true},
                  &(CodegenOptions){.opt_level = 2});
  net_runs_here(&n);
  return n;
}

static void fill(uint8_t *x, int seed) {
  for (int i = 0; i < IN; i++)
    x[i] = (uint8_t)(i * 29 + seed * 53);
}

static void run(Executor *e, int seed, uint8_t *y, uint8_t *m) {
  uint8_t x[IN];
  fill(x, seed);
  assert_true(e->run(e, (const void *[]){x}, (void *[]){y, m}));
}

/* Two objects and an interpreter each, in turns. */
static void test_side_by_side(void **state) {
  (void)state;
  Net n = build();
  Executor *jit[2], *interp[2];
  uint8_t got[OUT], want[OUT], got2[OUT2], want2[OUT2];
  for (int i = 0; i < 2; i++) {
    jit[i] = jit_new(n.plan, &n.emitted);
    interp[i] = interp_new(n.graph, NULL, NULL);
    assert_non_null(jit[i]);
  }
  for (int r = 0; r < RUNS; r++)
    for (int i = 0; i < 2; i++) {
      run(jit[i], r + i, got, got2);
      run(interp[i], r + i, want, want2);
      assert_memory_equal(got, want, OUT);
      assert_memory_equal(got2, want2, OUT2);
    }
  jit[0]->free(jit[0]);
  jit[1]->reset(jit[1]);
  interp[1]->reset(interp[1]);
  run(jit[1], 9, got, got2);
  run(interp[1], 9, want, want2);
  assert_memory_equal(got, want, OUT);
  jit[1]->free(jit[1]);
  for (int i = 0; i < 2; i++)
    interp[i]->free(interp[i]);
  arena_free(n.arena);
}

static void compare(void *ctx, const Op *op, void *const *out) {
  for (int i = 0; i < op->nout; i++) {
    const void *bytes = jit_value(ctx, op->out[i]);
    assert_non_null(bytes);
    assert_memory_equal(bytes, out[i], (size_t)type_bytes(op->out[i]->type));
  }
}

/* Also values that the target stores with the other sign. */
static void test_values(void **state) {
  (void)state;
  Net n = build();
  Executor *jit = jit_new(n.plan, &n.emitted);
  assert_non_null(jit);
  Executor *interp = interp_new(n.graph, compare, jit);
  uint8_t y[OUT], m[OUT2], x[IN];
  fill(x, 1);
  assert_true(jit->run(jit, (const void *[]){x}, (void *[]){y, m}));
  uint8_t y2[OUT], m2[OUT2];
  run(interp, 1, y2, m2);
  jit->free(jit);
  interp->free(interp);
  arena_free(n.arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_side_by_side),
      cmocka_unit_test(test_values),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
