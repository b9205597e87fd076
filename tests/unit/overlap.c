/* Kernel.overlap of the light kernels: how far an output may start before its
 * input, by hand. That results stay what they are when blocks lie so close is
 * the business of tests/kernels. */
#include "tests/testing.h"

#include <string.h>

#include "ir/text.h"
#include "plan/plan.h"

#define Q " q(0.5, 3)"

static const struct {
  const char *in, *op;
  int64_t distance;
} cases[] = {
    /* a window reaches one row and one pixel back */
    {"i8[1,8,8,4]" Q,
     "i8[1,8,8,4]" Q " = max_pool2d %x { window=[3,3], "
     "stride=[1,1], pad=[1,1,1,1] }",
     9 * 4},
    {"i8[1,8,8,4]" Q,
     "i8[1,4,4,4]" Q " = avg_pool2d %x { window=[2,2], "
     "stride=[2,2] }",
     0},
    {"f32[1,8,8,3]",
     "f32[1,8,8,3] = max_pool2d %x { window=[1,3], "
     "stride=[1,1], pad=[0,0,1,1] }",
     3 * 4},
    /* the second of two images that grow */
    {"i8[2,2,2,4]" Q,
     "i8[2,3,3,4]" Q " = max_pool2d %x { window=[2,2], "
     "stride=[1,1], pad=[1,1,1,1] }",
     (5 + 5) * 4},
    {"i8[1,8,8,4]" Q, "i8[1,4]" Q " = mean %x { axes=[1,2] }", 0},
    {"f32[5,7]", "f32[5] = reduce_max %x { axes=[1] }", 0},
    {"i8[16,10]" Q, "i64[16] = argmax %x { axis=1 }", 0},
    {"i8[16,2]" Q, "i64[16] = argmax %x { axis=1 }", 15 * (8 - 2)},
    {"i8[2,16]" Q, "i64[16] = argmax %x { axis=0 }", 15 * (8 - 1)},
    /* elements that grow lie at the far end */
    {"i8[64]" Q, "f32[64] = dequantize %x", 3 * 64},
    {"f32[64]", "i16[64] q(0.5, 0) = quantize %x", 0},
    {"i4[64]", "i8[64] = cast %x", 32},
    {"f32[8,16]", "f32[4,8] = strided_slice %x { begin=[0,0], stride=[2,2] }",
     0},
    {"f32[16]", "f32[16] = strided_slice %x { begin=[15], stride=[-1] }",
     15 * 4},
    {"f32[4,3]", "f32[3,4] = transpose %x { perm=[1,0] }", 6 * 4},
    /* the last of four rows is the input itself */
    {"f32[16]", "f32[4,16] = broadcast %x", 3 * 16 * 4},
    {"f32[4,1]", "f32[4,5] = broadcast %x", 4 * 4 * 4},
    {"i8[1,2,2,8]" Q, "i8[1,4,4,8]" Q " = resize_nearest %x", 12 * 8},
    {"i8[4]" Q, "i8[9]" Q " = pad %x { before=[2], after=[3], value=0 }",
     OVERLAP_NONE},
};
enum { CASES = sizeof cases / sizeof *cases };

static void distances_are_as_derived(void **state) {
  (void)state;
  for (int i = 0; i < CASES; i++) {
    Arena *a = arena_new();
    Diag *d = diag_new(a);
    char *text =
        arena_printf(a,
                     "model \"m\" rounding=tflite\ninput %%x : %s\n%%y : %s\n"
                     "output %%y\n",
                     cases[i].in, cases[i].op);
    Graph *g = graph_parse(a, d, "case", text, strlen(text));
    const Target *t = target_find(a, d, "cortex-m4", NULL, NULL, NULL);
    PlanOptions opt = {0};
    Plan *p = g ? plan_new(a, g, t, &opt) : NULL;
    if (!p)
      diag_print(d, stderr);
    assert_non_null(p);
    const Step *s = p->steps.v[0];
    if (s->kernel->overlap(s, 0) != cases[i].distance)
      fail_msg("%s: %lld", cases[i].op, (long long)s->kernel->overlap(s, 0));
    arena_free(a);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(distances_are_as_derived),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
