/* Networks of ../shared for a machine with AMX, its tiles emulated: every layer
 * that tiles can compute is theirs, and the outputs are the interpreter's. */
#include "codegen/codegen.h"
#include "frontend/frontend.h"
#include "passes/pass.h"
#include "tests/testing.h"

#include <stdio.h>
#include <string.h>

enum { SKIPPED = 77, LEAST_LAYERS = 3 };

static const char *const models[] = {
    "mlperf-tiny/kws_ref_model.tflite",
    "mlperf-tiny/vww_96_int8.tflite",
    "mlperf-tiny/pretrainedResnet_quant.tflite",
    "mlperf-tiny/ad01_int8.tflite",
    "imagenet/tf2_mobilenet_v2_1.0_224_ptq.tflite",
};

static Target emulated(Arena *a, Diag *d) {
  Target t = *target_find(a, d, "x86-64-amx", NULL, NULL, NULL);
  t.tiles = TILES_emulated;
  t.features = "-prefer-256-bit";
  t.needs = &cpu_x86_avx512vnni;
  return t;
}

static int layers_in_tiles(const Plan *p) {
  int n = 0;
  for (int i = 0; i < p->steps.n; i++)
    n += p->steps.v[i]->kernel == &kernel_table[K_conv_tiles];
  return n;
}

static void **buffers(Arena *a, Value *const *v, int n) {
  void **list = ARENA_ARRAY(a, void *, n);
  uint64_t random = 7;
  for (int i = 0; i < n; i++) {
    int64_t bytes = type_bytes(v[i]->type);
    uint8_t *x = arena_alloc(a, (size_t)bytes);
    for (int64_t b = 0; b < bytes; b++)
      x[b] = (uint8_t)test_random(&random);
    list[i] = x;
  }
  return list;
}

static void **run(Arena *a, const Graph *g, Executor *e, void **in) {
  void **out = buffers(a, g->outputs.v, g->outputs.n);
  assert_non_null(e);
  assert_true(e->run(e, (const void *const *)in, out));
  e->free(e);
  return out;
}

static void check(const char *model) {
  Arena *a = arena_new();
  Diag *d = diag_new(a);
  Target t = emulated(a, d);
  const char *path = arena_printf(a, "%s/models/%s", shared_dir(), model);
  Graph *g = model_load(a, d, path, &(ImportOptions){.rounding = ROUND_COUNT});
  assert_non_null(g);
  assert_true(passes_run(g, &(PassOptions){0}, NULL));
  Plan *p = plan_new(a, g, &t, &(PlanOptions){0});
  Emitted e;
  assert_non_null(p);
  assert_true(
      codegen_emit(p, &(CodegenOptions){.opt_level = 2}, EMIT_object, &e));
  void **in = buffers(a, g->inputs.v, g->inputs.n);
  void **want = run(a, g, interp_new(g, NULL, NULL), in);
  void **got = run(a, g, jit_new(p, &e), in);
  for (int i = 0; i < g->outputs.n; i++)
    assert_memory_equal(got[i], want[i],
                        (size_t)type_bytes(g->outputs.v[i]->type));
  printf("%s: %d of %d steps in tiles\n", model, layers_in_tiles(p),
         p->steps.n);
  assert_true(layers_in_tiles(p) >= LEAST_LAYERS);
  arena_free(a);
}

static void test_models(void **state) {
  (void)state;
  for (size_t m = 0; m < sizeof models / sizeof *models; m++)
    check(models[m]);
}

int main(void) {
  Arena *a = arena_new();
  Target t = emulated(a, diag_new(a));
  bool here = target_runs_here(&t);
  FILE *f = fopen(shared_dir(), "r");
  arena_free(a);
  if (!f || !here)
    return SKIPPED;
  fclose(f);
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_models)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
