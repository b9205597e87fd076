/* plan/proof.h: what sums can come to, on weights at their extremes, by
 * comparison with what inputs at their extremes really give; and that kernels
 * follow. */
#include "tests/unit/fixture.h"

#include <string.h>

#include "ir/text.h"
#include "plan/plan.h"
#include "plan/proof.h"

static Graph *parse(const char *text) {
  const char *model = arena_printf(arena, "model m rounding=tflite\n%s", text);
  Graph *g = graph_parse(arena, diag, "t.kiln", model, strlen(model));
  if (!g || !graph_verify(g))
    diag_print(diag, stderr);
  assert_int_equal(diag_error_count(diag), 0);
  return g;
}

static Proof proof(const char *text) {
  const Op *op = parse(text)->last;
  assert_true(proof_applies(op));
  return proof_of(op);
}

#define OUT "\noutput %y\n"
#define OUT_F "\noutput %%y\n" /* within a format */

/* Every |x - zx| of 255 on every |w| of 128: one byte each way. */
static void extreme_weights(void **state) {
  (void)state;
  Proof p = proof("input %x : i8[1,64] q(0.1, -128)\n"
                  "const @w : i8[2,64] q(0.1, 0) = splat -128\n"
                  "const @b : i32[2] = {7, -7}\n"
                  "%y : i8[1,2] q(1.0, 0) = fully_connected %x, @w, @b" OUT);
  assert_int_equal(p.channels, 2);
  assert_int_equal(p.sum.lo, -64 * 255 * 128 - 7);
  assert_int_equal(p.sum.hi, 7);
  assert_int_equal(p.bits, 22); /* -2 088 967 */
  /* 255 * -128 * 2 = -65 280 leaves 16 bits in each pair */
  assert_int_equal(p.pairs, 64);
  assert_int_equal(p.narrow_pairs, 0);
}

/* u8 weights at both ends of a zero point in between; signed inputs. */
static void unsigned_weights(void **state) {
  (void)state;
  Proof p = proof("input %x : u8[1,3] q(0.1, 100)\n"
                  "const @w : u8[1,3] q(0.1, 200) = {0, 255, 200}\n"
                  "%y : u8[1,1] q(1.0, 0) = fully_connected %x, @w" OUT);
  /* -200 and 55 times -100..155 */
  assert_int_equal(p.sum.lo, -200 * 155 + 55 * -100);
  assert_int_equal(p.sum.hi, -200 * -100 + 55 * 155);
  assert_int_equal(p.pairs, 2);
}

/* 255 (w0 + w1) <= 32767 up to w0 + w1 = 128; what is left over alone. */
static void pairs(void **state) {
  (void)state;
  Proof p = proof("input %x : i8[1,5] q(0.1, 3)\n"
                  "const @w : i8[3,5] q(0.1, 0) = {64, 64, 65, 64, 127,\n"
                  "  -64, -64, -64, -65, -128,  127, -128, 100, -127, 0}\n"
                  "%y : i8[1,3] q(1.0, 0) = fully_connected %x, @w" OUT);
  assert_int_equal(p.pairs, 9);
  assert_int_equal(p.narrow_pairs, 7);
}

/* Inputs that are never stored above 100 count as that. */
static void storage_range(void **state) {
  (void)state;
  Proof p = proof("input %x : i8[1,2] q(0.1, 0, range -100..100)\n"
                  "const @w : i8[1,2] q(0.1, 0) = {127, -127}\n"
                  "%y : i8[1,1] q(1.0, 0) = fully_connected %x, @w" OUT);
  assert_int_equal(p.sum.lo, -25400);
  assert_int_equal(p.sum.hi, 25400);
}

#define WIDE                                                                   \
  "input %%x : i16[1,1,1,1024] q(0.001, 0)\n"                                  \
  "const @w : i8[1,1,1,1024] q(0.1, 0) = splat %d\n"                           \
  "const @b : i64[1] = {5}\n"                                                  \
  "%%y : i16[1,1,1,1] q(0.001, 0) = conv2d %%x, @w, @b" OUT_F

/* 2^10 inputs of -2^15 times weights of 2^6 are -2^31 at the least. */
static void wide_activations(void **state) {
  (void)state;
  const Op *small = parse(arena_printf(arena, WIDE, 64))->last;
  const Op *large = parse(arena_printf(arena, WIDE, 65))->last;
  assert_true(proof_fits_i32(small));
  assert_false(proof_fits_i32(large));
  assert_int_equal(proof_of(small).bits, 32);
  assert_int_equal(proof_of(large).bits, 33);
  assert_int_equal(proof_of(small).pairs, 0);
}

#define CLAMP                                                                  \
  "input %%x : i8[1,1] q(1.0, 0)\n"                                            \
  "const @w : i8[2,1] q(1.0, 0) = {1, 2}\n"                                    \
  "%%y : i8[1,2] q(1.0, 0) = fully_connected %%x, @w %s" OUT_F

/* One weight of 1 in the scale of the input: -128..127 stays what it is, and
 * relu clamps below only. */
static void clamps(void **state) {
  (void)state;
  Proof p = proof(arena_printf(arena, CLAMP, ""));
  assert_int_equal(p.low_dead, 1);
  assert_int_equal(p.high_dead, 1);
  p = proof(arena_printf(arena, CLAMP, "{ act=relu }"));
  assert_int_equal(p.low_dead, 0);
  assert_int_equal(p.high_dead, 1);
}

static const char *kernel(const char *text) {
  PlanOptions opt = {0};
  const Target *t = target_find(arena, diag, "cortex-m4", NULL, NULL, NULL);
  Plan *p = plan_new(arena, parse(text), t, &opt);
  assert_non_null(p);
  return p->steps.v[0]->kernel->name;
}

#define BIASED                                                                 \
  "input %%x : i8[1,4,4,1] q(1.0, -128)\n"                                     \
  "const @w : i8[1,1,1,1] q(1.0, 0) = splat 100\n"                             \
  "const @b : i32[1] = {%d}\n"                                                 \
  "%%y : i8[1,4,4,1] q(1e7, 0) = conv2d %%x, @w, @b" OUT_F

/* The last sum that fits 32 bits, and the first that does not. */
static void kernels_follow(void **state) {
  (void)state;
  assert_string_not_equal(
      kernel(arena_printf(arena, BIASED, INT32_MAX - 25500)), "conv_wide");
  assert_string_equal(kernel(arena_printf(arena, BIASED, INT32_MAX - 25499)),
                      "conv_wide");
}

static void nothing_to_prove(void **state) {
  (void)state;
  assert_false(
      proof_applies(parse("input %x : f32[1,2]\nconst @w : f32[1,2] = {1, 2}\n"
                          "%y : f32[1,1] = fully_connected %x, @w" OUT)
                        ->last));
  assert_false(proof_applies(parse("input %x : i8[1,2] q(1.0, 0)\n"
                                   "%y : i8[1,2] q(1.0, 0) = relu %x" OUT)
                                 ->last));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(extreme_weights),
      cmocka_unit_test(unsigned_weights),
      cmocka_unit_test(pairs),
      cmocka_unit_test(storage_range),
      cmocka_unit_test(wide_activations),
      cmocka_unit_test(clamps),
      cmocka_unit_test(kernels_follow),
      cmocka_unit_test(nothing_to_prove),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
