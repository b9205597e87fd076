/* prune-channels on trained networks: how much must go, and that the compiled
 * object answers as that of the whole network does, byte for byte in integers,
 * within 1e-5 of the range in floats, on images of the data sets. */
#include "tests/testing.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

#include "codegen/codegen.h"
#include "frontend/frontend.h"
#include "passes/pass.h"
#include "plan/pruning.h"
#include "support/file.h"

#define PART_OF_RANGE 1e-5

typedef struct Network {
  const char *model, *images; /* of ../shared */
  int side, count;            /* of an image; how many are looked at */
  int64_t macs, weight_bytes; /* at most; 0: any */
  int left[5];                /* channels of the first conv2ds; 0: any */
} Network;

static const Network networks[] = {
    {"mlperf-tiny/vww_96_int8.tflite",
     "vww-coco-val128/rgb_96.bin",
     96,
     128,
     3733073,
     29286,
     {0}},
    {"frameworks/torch_vgg_cifar10_channels40_zero.onnx",
     "cifar10-test1000/cifar10_test1000.bin",
     32,
     32,
     0,
     0,
     {10, 14, 19, 29, 38}},
    {"frameworks/torch_vgg_cifar10_channels40_const.onnx",
     "cifar10-test1000/cifar10_test1000.bin",
     32,
     32,
     0,
     0,
     {10, 14, 19, 29, 38}},
    {"pruned/vww_96_pruned40.onnx",
     "vww-coco-val128/rgb_96.bin",
     96,
     4,
     7333784,
     818200,
     {0}},
    {"pruned/ic_cifar10_pruned_2of4.onnx",
     "cifar10-test1000/cifar10_test1000.bin",
     32,
     32,
     0,
     0,
     {0}},
};

typedef struct Ready {
  Graph *g;
  Executor *object;
} Ready;

static const char *path(Arena *a, const char *folder, const char *name) {
  return arena_printf(a, "%s/%s/%s", shared_dir(), folder, name);
}

static Ready ready(Arena *a, Diag *d, const Network *n, const char *disable) {
  ImportOptions import = {.rounding = ROUND_COUNT};
  PassOptions passes = {.disable = disable, .verify_each = true};
  PlanOptions plan = {0};
  CodegenOptions codegen = {.opt_level = 1};
  Ready r = {.g = model_load(a, d, path(a, "models", n->model), &import)};
  const Target *t = target_find(a, d, "host", NULL, NULL, NULL);
  Emitted e;
  if (!r.g || !passes_run(r.g, &passes, NULL))
    return (Ready){0};
  Plan *p = plan_new(a, r.g, t, &plan);
  if (p && codegen_emit(p, &codegen, EMIT_object, &e))
    r.object = jit_new(p, &e);
  return r;
}

static void check_figures(const Network *n, const Graph *g) {
  LayerCost before, after;
  int conv = 0;
  pruning_total(g, &before, &after);
  printf("%s: %lld of %lld MACs, %lld of %lld bytes of weights\n", n->model,
         (long long)after.macs, (long long)before.macs,
         (long long)after.weight_bytes, (long long)before.weight_bytes);
  assert_true(!n->macs || after.macs <= n->macs);
  assert_true(!n->weight_bytes || after.weight_bytes <= n->weight_bytes);
  for (const Op *op = g->first; op; op = op->next)
    if (op->kind == OP_conv2d && conv < 5 && n->left[conv])
      assert_true(op->out[0]->type->dim[3] <= n->left[conv++]);
  assert_true(!n->left[0] || conv == 5);
}

/* An image as the model takes it: bytes less 128, or NCHW from 0 to 1. */
static const void *image(Arena *a, const Type *t, const uint8_t *rgb,
                         int64_t side) {
  int64_t count = type_count(t), pixels = side * side;
  assert_int_equal(count, 3 * pixels);
  uint8_t *bytes = ARENA_ARRAY(a, uint8_t, count);
  float *reals = ARENA_ARRAY(a, float, count);
  for (int64_t i = 0; i < count; i++) {
    bytes[i] = rgb[i] ^ 0x80;
    reals[i % 3 * pixels + i / 3] = (float)rgb[i] / 255;
  }
  return t->dtype == DT_f32 ? (const void *)reals : bytes;
}

static void check_reals(const float *want, const float *got, int64_t n) {
  float lo = want[0], hi = want[0];
  for (int64_t i = 0; i < n; i++) {
    lo = fminf(lo, want[i]);
    hi = fmaxf(hi, want[i]);
  }
  for (int64_t i = 0; i < n; i++)
    if (!(fabsf(want[i] - got[i]) <= PART_OF_RANGE * (double)(hi - lo)))
      fail_msg("element %d: %g instead of %g", (int)i, (double)got[i],
               (double)want[i]);
}

static void check_image(Arena *a, const Ready *whole, const Ready *pruned,
                        const uint8_t *rgb, int64_t side) {
  const Type *y = whole->g->outputs.v[0]->type;
  const void *in = image(a, whole->g->inputs.v[0]->type, rgb, side);
  void *want = arena_alloc(a, (size_t)type_bytes(y));
  void *got = arena_alloc(a, (size_t)type_bytes(y));
  assert_true(whole->object->run(whole->object, &in, &want));
  assert_true(pruned->object->run(pruned->object, &in, &got));
  if (y->dtype == DT_f32)
    check_reals(want, got, type_count(y));
  else
    assert_memory_equal(want, got, (size_t)type_bytes(y));
}

static void check_network(const Network *n) {
  Arena *a = arena_new();
  Diag *d = diag_new(a);
  MappedFile images;
  Ready pruned = ready(a, d, n, NULL);
  Ready whole = ready(a, d, n, "prune-channels,prune-channels-float");
  if (!whole.object || !pruned.object ||
      !file_map(path(a, "data", n->images), &images, d)) {
    diag_print(d, stderr);
    fail_msg("%s cannot be run", n->model);
  }
  check_figures(n, pruned.g);
  for (int64_t i = 0; i < n->count; i++)
    check_image(a, &whole, &pruned,
                (const uint8_t *)images.data + i * 3 * n->side * n->side,
                n->side);
  whole.object->free(whole.object);
  pruned.object->free(pruned.object);
  arena_free(a);
}

static void test_networks(void **state) {
  (void)state;
  if (access(shared_dir(), R_OK) != 0)
    skip();
  for (size_t i = 0; i < sizeof networks / sizeof *networks; i++)
    check_network(&networks[i]);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_networks)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
