/* plan/target.h: rows that hold together, refinements as gcc means them,
 * refusals that say what would have been right. */
#include "tests/unit/fixture.h"

#include <string.h>

#include "plan/requant_form.h"
#include "plan/target.h"

static const Target *find(const char *preset, const char *mcpu,
                          const char *mfpu, const char *mfloat_abi) {
  return target_find(arena, diag, preset, mcpu, mfpu, mfloat_abi);
}

static void refused(const Target *t, const char *why) {
  assert_null(t);
  assert_int_equal(diag_exit_status(diag), EXIT_UNSUPPORTED);
  if (!strstr(messages(), why))
    fail_msg("'%s' is not in:\n%s", why, messages());
  diag = diag_new(arena);
}

static int is_power_of_two(int x) { return x > 0 && (x & (x - 1)) == 0; }

static void rows_hold_together(void **state) {
  (void)state;
  assert_true(target_count >= 15);
  for (int i = 0; i < target_count; i++) {
    const Target *t = &target_table[i];
    assert_ptr_equal(find(t->name, NULL, NULL, NULL), t);
    assert_non_null(t->triple);
    assert_non_null(t->cpu);
    assert_non_null(t->features);
    assert_non_null(t->abi);
    assert_non_null(t->gcc);
    assert_non_null(t->summary);
    assert_true(t->pointer_bits == 32 || t->pointer_bits == 64);
    assert_true(is_power_of_two(t->simd_align));
    assert_true(t->simd_align >= t->vector_bytes);
    assert_true(t->conv_pixels > 0 && t->conv_vectors > 0);
    assert_true(t->requant & 1u << RF_double);
    assert_true(t->requant & 1u << RF_table);
    assert_true(!(t->requant & 1u << RF_single) || t->mul64);
    assert_true(!(t->requant & 1u << RF_f32) || t->fpu);
    int has_vectors = t->dot != DOT_scalar && t->dot != DOT_smlad;
    assert_int_equal(t->vector_bytes > 0, has_vectors);
    assert_int_equal(t->act, t->dot == DOT_vpdpbusd ? ACT_SIGN_unsigned
                                                    : ACT_SIGN_signed);
  }
}

static void names_differ(void **state) {
  (void)state;
  for (int i = 0; i < target_count; i++)
    for (int k = 0; k < i; k++)
      assert_string_not_equal(target_table[i].name, target_table[k].name);
}

static void host_is_a_row_that_runs(void **state) {
  (void)state;
  const Target *t = target_host();
  if (!t) {
    refused(find("host", NULL, NULL, NULL), "runs on this machine");
    skip();
  }
  assert_true(target_runs_here(t));
  assert_ptr_equal(find("host", NULL, NULL, NULL), t);
  assert_ptr_equal(find(NULL, NULL, NULL, NULL), t);
  for (int i = 0; i < target_count; i++)
    if (target_table[i].arch != t->arch)
      assert_false(target_runs_here(&target_table[i]));
}

static void cores_refine_presets(void **state) {
  (void)state;
  const Target *t = find(NULL, "cortex-m4", NULL, NULL);
  assert_string_equal(t->triple, "thumbv7em-unknown-none-eabihf");
  assert_int_equal(t->dot, DOT_smlad);
  t = find("cortex-m55", "cortex-m85", NULL, NULL);
  assert_string_equal(t->name, "cortex-m85");
  assert_string_equal(t->cpu, "cortex-m85");
  assert_string_equal(t->gcc, "-mcpu=cortex-m85 -mthumb -mfloat-abi=hard");
  t = find(NULL, "cortex-m23", NULL, NULL);
  assert_string_equal(t->triple, "thumbv8m.base-unknown-none-eabi");
  assert_false(t->mul64);
  t = find("aarch64", "cortex-a55", NULL, NULL);
  assert_int_equal(t->dot, DOT_sdot);
  t = find(NULL, "apple-m2", NULL, NULL);
  assert_string_equal(t->cpu, "apple-m2");
  assert_int_equal(t->dot, DOT_smmla);
  t = find("armv7-neon", "cortex-a7", "neon-vfpv4", NULL);
  assert_string_equal(t->gcc,
                      "-mcpu=cortex-a7 -mfpu=neon-vfpv4 -mfloat-abi=hard");
  assert_string_equal(t->features, "+neon,+vfp4");
  assert_int_equal(diag_error_count(diag), 0);
}

static void soft_float_has_no_float_registers(void **state) {
  (void)state;
  const Target *t = find("cortex-m4", NULL, NULL, "soft");
  assert_string_equal(t->triple, "thumbv7em-unknown-none-eabi");
  assert_string_equal(t->gcc, "-mcpu=cortex-m4 -mthumb -mfloat-abi=soft");
  assert_string_equal(t->features, "+soft-float,-fpregs");
  assert_false(t->fpu);
  assert_int_equal(t->dot, DOT_smlad);
  t = find("cortex-m55", NULL, NULL, "soft");
  assert_int_equal(t->vector_bytes, 0);
  assert_int_equal(t->dot, DOT_smlad);
  t = find("armv7-neon", NULL, NULL, "soft");
  assert_string_equal(t->triple, "armv7-unknown-linux-gnueabi");
  assert_int_equal(t->dot, DOT_scalar);
  t = find("cortex-m0plus", NULL, NULL, "soft");
  assert_string_equal(t->triple, "thumbv6m-unknown-none-eabi");
  assert_string_equal(t->features, "");
  assert_int_equal(diag_error_count(diag), 0);
}

static void softfp_changes_the_convention_only(void **state) {
  (void)state;
  const Target *t = find("cortex-m4", NULL, NULL, "softfp");
  assert_string_equal(t->triple, "thumbv7em-unknown-none-eabi");
  assert_string_equal(
      t->gcc, "-mcpu=cortex-m4 -mthumb -mfpu=fpv4-sp-d16 -mfloat-abi=softfp");
  assert_true(t->fpu);
  assert_int_equal(diag_error_count(diag), 0);
}

static void fpus_refine_cores(void **state) {
  (void)state;
  const Target *t = find("cortex-m7", NULL, "fpv5-sp-d16", NULL);
  assert_string_equal(t->features, "-vfp2sp,+fp-armv8d16sp");
  assert_true(t->fpu);
  t = find("cortex-m4", NULL, "none", NULL);
  assert_false(t->fpu);
  assert_string_equal(t->triple, "thumbv7em-unknown-none-eabi");
  assert_string_equal(t->gcc, "-mcpu=cortex-m4 -mthumb -mfloat-abi=soft");
  t = find("cortex-m55", NULL, "none", NULL);
  assert_int_equal(t->dot, DOT_vmladava); /* MVE-I needs no FPU */
  assert_int_equal(diag_error_count(diag), 0);
}

static void refusals_say_what_there_is(void **state) {
  (void)state;
  refused(find("cortex-m99", NULL, NULL, NULL), "cortex-m33");
  refused(find("", NULL, NULL, NULL), "one of: host x86-64 x86-64-v2");
  refused(find("arm64-apple-darwin", NULL, NULL, NULL), "Mach-O");
  refused(find("x86_64-pc-windows-msvc", NULL, NULL, NULL), "COFF");
  refused(find("cortex-m4", "cortex-z1", NULL, NULL), "cortex-m7");
  refused(find("aarch64", "cortex-m4", NULL, NULL), "cortex-a76");
  refused(find("x86-64-v3", "haswell", NULL, NULL), "does not apply");
  refused(find("aarch64", NULL, "neon", NULL), "does not apply");
  refused(find("riscv64", NULL, NULL, "soft"), "does not apply");
  refused(find("cortex-m4", NULL, "neon", NULL), "fpv4-sp-d16");
  refused(find("armv7-neon", NULL, "fpv5-d16", NULL), "neon-vfpv4");
  refused(find("cortex-m4", NULL, NULL, "firm"), "soft softfp hard");
  refused(find("cortex-m3", NULL, NULL, "hard"), "no floating-point unit");
  refused(find("cortex-m3", NULL, "fpv4-sp-d16", NULL),
          "no floating-point unit");
  refused(find("cortex-m4", NULL, "none", "hard"), "-mfpu=none");
}

/* ---- tiers ---- */

static const Target *pick(const char *target, const char *list) {
  return target_pick_tiers(arena, diag, find(target, NULL, NULL, NULL), list);
}

static void families_have_their_rows(void **state) {
  (void)state;
  const Target *t = pick("x86-64", NULL);
  assert_string_equal(t->name, "x86-64");
  assert_true(t->ntiers > 2);
  for (int i = 0; i < t->ntiers; i++) {
    const Target *row = t->tiers[i].row;
    assert_ptr_equal(find(row->name, NULL, NULL, NULL), row);
    assert_string_equal(row->triple, t->triple);
    assert_true(row->simd_align >= t->simd_align);
    assert_int_equal(row->ntiers, 0);
  }
  assert_string_equal(t->cpu, t->tiers[0].row->cpu);
  t = pick("x86-64", "avx512vnni,x86-64-v2"); /* in the family's order */
  assert_int_equal(t->ntiers, 2);
  assert_string_equal(t->tiers[0].name, "v2");
  assert_string_equal(t->tiers[1].row->name, "x86-64-avx512vnni");
  assert_int_equal(pick("x86-64", "v2")->ntiers, 1);
  assert_null(target_family(arena, "cortex-m4"));
  assert_int_equal(pick("aarch64", NULL)->ntiers, 0); /* the row */
  assert_string_equal(pick("aarch64", "dotprod,neon")->tiers[0].row->name,
                      "aarch64");
}

static void tiers_are_refused(void **state) {
  (void)state;
  refused(pick("x86-64", "v2,v9"), "'v9' is no tier of x86-64");
  refused(pick("x86-64", "v2,"), "some of: v2 v3");
  refused(pick("x86-64", "v2,cortex-m4"), "but a target of its own");
  refused(pick("x86-64", "v2,v3,x86-64-v3"), "'v3' is named twice");
  refused(pick("x86-64", "avx512vnni"), "--target=x86-64-avx512vnni");
  refused(pick("cortex-m4", "v2"), "cortex-m4 has no tiers");
  refused(pick("x86-64-v3", "v2"), "--target= one of: x86-64 aarch64");
  refused(pick("aarch64", "neon,v3"), "some of: neon dotprod i8mm");
}

static void best_tier_is_the_host(void **state) {
  (void)state;
  const Target *t = pick("x86-64", NULL), *best = target_best_tier(t);
  if (!target_runs_here(t)) {
    assert_null(best);
    skip();
  }
  assert_ptr_equal(best, target_host());
  assert_ptr_equal(target_best_tier(pick("x86-64", "v2")),
                   find("x86-64-v2", NULL, NULL, NULL));
}

/* What a row asks is what its base asks, and more. */
static void needs_can_be_asked(void **state) {
  (void)state;
  for (int i = 0; i < target_count; i++)
    for (const CpuNeeds *n = target_table[i].needs; n; n = n->base) {
      assert_true(n->need[0].bits);
      for (int k = 0; k < CPU_MOST_NEEDS && n->need[k].bits; k++) {
        const CpuSource *s = &cpu_sources[n->need[k].word];
        assert_true(n->need[k].least);
        assert_int_equal(s->reader == CPU_BY_mrs, s->name != NULL);
        assert_int_equal(s->reader == CPU_BY_mrs,
                         target_table[i].arch == ARCH_aarch64);
      }
    }
}

static void dots_have_groups(void **state) {
  (void)state;
  assert_int_equal(dot_group(DOT_scalar), 1);
  assert_int_equal(dot_group(DOT_pmaddwd), 2);
  assert_int_equal(dot_group(DOT_vpdpbusd), 4);
  assert_int_equal(dot_group(DOT_vmladava), 16);
  assert_string_equal(dot_name(DOT_sdot), "sdot");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(rows_hold_together),
      TEST(names_differ),
      TEST(host_is_a_row_that_runs),
      TEST(cores_refine_presets),
      TEST(soft_float_has_no_float_registers),
      TEST(softfp_changes_the_convention_only),
      TEST(fpus_refine_cores),
      TEST(refusals_say_what_there_is),
      TEST(families_have_their_rows),
      TEST(tiers_are_refused),
      TEST(best_tier_is_the_host),
      TEST(needs_can_be_asked),
      TEST(dots_have_groups),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
