/* STACK_BYTES of the networks of ../shared, integer and float, on every kind
 * of target that is emulated, held to the stack that they really take. */
#include "tests/kernels/painted.h"

#include "frontend/frontend.h"
#include "passes/pass.h"

enum { SKIPPED = 77 };

static const char *const models[] = {
    "mlperf-tiny/kws_ref_model.tflite",
    "mlperf-tiny/vww_96_int8.tflite",
    "mlperf-tiny/pretrainedResnet_quant.tflite",
    "mlperf-tiny/ad01_int8.tflite",
    "mlperf-tiny/str_ww_ref_model.tflite",
    "mlperf-tiny/ad01_fp32.tflite",
    "mlperf-tiny/kws_ref_model_float32.tflite",
    "mlp-and-text/hello_world_float.tflite",
    "frameworks/keras_dscnn_mnist_fp32.tflite",
    "audio-and-recurrent/micro_speech_quantized.tflite",
};

static const char *const targets[] = {"cortex-m0plus", "cortex-m3",
                                      "cortex-m4",     "cortex-m55",
                                      "cortex-a76",    "host"};

/* false: the bound does not hold, which is said. */
static bool check(const char *model, const char *target, bool for_size) {
  Arena *a = arena_new();
  Diag *d = diag_new(a);
  const char *path = arena_printf(a, "%s/models/%s", shared_dir(), model);
  Graph *g = model_load(a, d, path, &(ImportOptions){.rounding = ROUND_COUNT});
  const Target *t = target_find(a, d, target, NULL, NULL, NULL);
  if (!g || !t || !passes_run(g, &(PassOptions){0}, NULL)) {
    diag_print(d, stderr);
    arena_free(a);
    return false;
  }
  CodegenOptions opt = {.opt_level = 2, .for_size = for_size};
  Painted p = painted_run(g, t, &opt);
  bool ok = !p.ran || painted_holds(&p);
  printf("%s %s%s: bound %lld, used %lld%s\n", model, target,
         for_size ? " -Os" : "", (long long)p.bound, (long long)p.used,
         p.ran ? ok ? "" : ": WRONG" : ": not run");
  arena_free(a);
  return ok;
}

static void test_bounds(void **state) {
  (void)state;
  int wrong = 0;
  for (size_t m = 0; m < sizeof models / sizeof *models; m++)
    for (size_t t = 0; t < sizeof targets / sizeof *targets; t++)
      for (int size = 0; size < 2; size++)
        wrong += !check(models[m], targets[t], size);
  assert_int_equal(wrong, 0);
}

int main(void) {
  FILE *f = fopen(shared_dir(), "r");
  if (!f) {
    printf("%s is not there\n", shared_dir());
    return SKIPPED;
  }
  fclose(f);
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_bounds)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
