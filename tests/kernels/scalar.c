/* The functions of ir/scalar.def: objects against the interpreter over bit
 * patterns that step through all floats, in vectors and in scalars. */
#include "tests/kernels/check.h"

/* A count that is no multiple of any vector's; the step is odd, so that the
 * samples of a run and the low bits all differ. */
enum { COUNT = 20011, BY = 71549 };

static const OpKind kinds[] = {
#define SCALAR1(name) OP_##name,
#define SCALAR2(name)
#include "ir/scalar.def"
#undef SCALAR1
#undef SCALAR2
    OP_pow, OP_mod};
enum { KINDS = sizeof kinds / sizeof *kinds };

static Op *function(Check *c, OpKind k, const Type *t) {
  Attrs at = attrs_default(k);
  at.mod.fmod = k == OP_mod;
  Value *in[2] = {graph_input(c->graph, "a", t)};
  int n = op_info(k)->nin_min;
  if (n == 2)
    in[1] = graph_input(c->graph, "b", t);
  return graph_op(c->graph, NULL, k, &at, n, in, 1, &t, NULL, (Loc){0});
}

static void fill(uint32_t *bits, uint32_t from, uint32_t by) {
  for (int i = 0; i < CHECK_SAMPLES * COUNT; i++)
    bits[i] = from + (uint32_t)i * by;
}

static void one_function(const char *target, int i) {
  Check c = check_new(target);
  const Type *t = type_new(c.arena, DT_f32, 1, (int64_t[]){COUNT}, NULL);
  Op *op = function(&c, kinds[i], t);
  graph_output(c.graph, op->out[0]);
  size_t bytes = CHECK_SAMPLES * COUNT * sizeof(uint32_t);
  uint32_t *a = arena_alloc(c.arena, bytes), *b = arena_alloc(c.arena, bytes);
  void *want = arena_alloc(c.arena, bytes), *got = arena_alloc(c.arena, bytes);
  fill(a, 0, BY);
  fill(b, 0x30000000, 0x9e3779b9u);
  const void *in[] = {a, b};
  assert_true(check_run_here(interp_new(c.graph, NULL, NULL), false, c.graph,
                             in, want));
  PlanOptions po = {0};
  Plan *p = plan_new(c.arena, c.graph, c.target, &po);
  Emitted e = {0};
  CodegenOptions co = {.opt_level = 2};
  if (!p || !codegen_emit(p, &co, EMIT_object, &e))
    check_fail(&c, "does not compile", i);
  if (!check_run_object(&c, p, &e, in, got))
    check_fail(&c, "does not run", i);
  check_output(&c, p, i, want, got, (int64_t)bytes);
  arena_free(c.arena);
}

/* Those that promise the interpreter's bits. */
static void test_exact(void **state) {
  (void)state;
  static const char *const targets[] = {"x86-64-avx512vnni", "x86-64-v3",
                                        "aarch64", "cortex-m4", "riscv64"};
  check_targets(targets, 5, KINDS, one_function);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_exact),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
