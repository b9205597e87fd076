/* plan/requant_form.h: every form against the spec, at every threshold, on
 * both sides of it, at the ends of the range and at random accumulators. */
#include "tests/testing.h"

#include "plan/requant_form.h"

static uint64_t seed = 1;

static int64_t pick(int64_t lo, int64_t hi) {
  return lo + (int64_t)(test_random(&seed) % (uint64_t)(hi - lo + 1));
}

enum { CHANNELS = 6 };

typedef struct Case {
  Requant spec[CHANNELS];
  AccRange range[CHANNELS];
} Case;

/* Factors from 2^-14 to above 1, zero points and clamps anywhere. */
static Case random_case(RequantKind kind) {
  Case c;
  int32_t zero = (int32_t)pick(-128, 127);
  int32_t lo = (int32_t)pick(-128, 100), hi = (int32_t)pick(lo, 127);
  if (pick(0, 2) == 0) /* as behind a ReLU */
    lo = zero < hi ? zero : hi;
  double base = 1.0 / (double)pick(1, pick(0, 3) ? 16000 : 2);
  for (int i = 0; i < CHANNELS; i++) {
    Requant *r = &c.spec[i];
    *r = (Requant){.kind = kind, .zero_point = zero, .lo = lo, .hi = hi};
    r->real = base * (double)pick(100, 199) / 100;
    quantize_multiplier(r->real, &r->multiplier, &r->shift);
    c.range[i].lo = -pick(1, pick(0, 1) ? 4000 : 40000000);
    c.range[i].hi = pick(1, pick(0, 1) ? 4000 : 40000000);
  }
  return c;
}

static void same(const RequantPlan *p, const Case *c, int ch, int64_t acc) {
  if (acc < c->range[ch].lo || acc > c->range[ch].hi)
    return;
  int32_t want = requant_apply(&c->spec[ch], acc);
  int32_t got = requant_plan_apply(p, ch, acc);
  if (want != got)
    fail_msg("form %s, channel %d: %d at %lld, the spec has %d",
             requant_form_name(p->form), ch, got, (long long)acc, want);
}

static void check_channel(const RequantPlan *p, const Case *c, int ch) {
  const Requant *r = &c->spec[ch];
  AccRange in = c->range[ch];
  for (int32_t y = r->lo + 1; y <= r->hi; y++) {
    int64_t t = requant_threshold(r, y, in.lo, in.hi);
    for (int64_t d = -2; d <= 1; d++)
      same(p, c, ch, t + d);
  }
  for (int i = 0; i < 200; i++)
    same(p, c, ch, pick(in.lo, in.hi));
  same(p, c, ch, in.lo);
  same(p, c, ch, in.hi);
}

/* How often each form was taken when it alone was allowed. */
static int check_form(RequantKind kind, RequantForm form, int cases) {
  int taken = 0;
  for (int i = 0; i < cases; i++) {
    Arena *a = arena_new();
    Case c = random_case(kind);
    RequantPlan p = requant_plan(a, CHANNELS, c.spec, c.range, 1u << form);
    for (int ch = 0; ch < CHANNELS; ch++)
      check_channel(&p, &c, ch);
    taken += p.form == form;
    arena_free(a);
  }
  return taken;
}

static void forms_equal_the_spec(void **state) {
  (void)state;
  static const RequantKind kinds[] = {RQ_double, RQ_f64_away, RQ_f32_even,
                                      RQ_f32_sum, RQ_single};
  for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
    for (int form = 0; form < RF_COUNT; form++)
      check_form(kinds[k], (RequantForm)form, 150);
}

/* The cheap forms are worth having only if they are nearly always found. */
static void cheap_forms_are_found(void **state) {
  (void)state;
  assert_in_range(check_form(RQ_double, RF_f32, 300), 190, 300);
  assert_in_range(check_form(RQ_double, RF_bits, 300), 5, 300);
  assert_in_range(check_form(RQ_double, RF_high, 300), 150, 300);
  assert_in_range(check_form(RQ_f64_away, RF_single, 300), 150, 300);
  assert_int_equal(check_form(RQ_double, RF_double, 100), 100);
  assert_int_equal(check_form(RQ_f32_even, RF_table, 50), 50);
  assert_int_equal(check_form(RQ_f32_even, RF_even, 100), 100);
  assert_int_equal(check_form(RQ_f32_sum, RF_even, 100), 100);
}

/* Allowed together, the cheapest that fits all channels is taken. */
static void cheapest_comes_first(void **state) {
  (void)state;
  Arena *a = arena_new();
  Requant r = {.kind = RQ_double,
               .real = 0.0123,
               .zero_point = -128,
               .lo = -128,
               .hi = 127};
  quantize_multiplier(r.real, &r.multiplier, &r.shift);
  AccRange in = {-30000, 30000};
  unsigned all = 1u << RF_f32 | 1u << RF_double | 1u << RF_single;
  assert_int_equal(requant_plan(a, 1, &r, &in, all | 1u << RF_bits).form,
                   RF_bits);
  r.zero_point = 0; /* halves go away from it on both sides */
  assert_int_equal(requant_plan(a, 1, &r, &in, all).form, RF_f32);
  r.zero_point = r.lo;
  all &= ~(1u << RF_f32);
  assert_int_equal(requant_plan(a, 1, &r, &in, all | 1u << RF_high).form,
                   RF_high);
  assert_int_equal(requant_plan(a, 1, &r, &in, all).form, RF_single);
  assert_int_equal(requant_plan(a, 1, &r, &in, 1u << RF_double).form,
                   RF_double);
  assert_int_equal(requant_plan(a, 1, &r, &in, 0).form, RF_table);
  arena_free(a);
}

/* Channels of one zero point, whose outputs take `least` to `most` sums to go
 * through all bytes, of ranges from -reach to reach. */
static Case long_case(int32_t zero, int64_t least, int64_t most,
                      int64_t reach) {
  Case c = {0};
  for (int ch = 0; ch < CHANNELS; ch++) {
    Requant *r = &c.spec[ch];
    *r = (Requant){.zero_point = zero, .lo = -128, .hi = 127};
    r->real = 255.0 / (double)pick(least, most);
    quantize_multiplier(r->real, &r->multiplier, &r->shift);
    c.range[ch] = (AccRange){-reach, reach};
  }
  return c;
}

/* A long range of sums has more steps than a float's slope can meet, and
 * halves that go away from zero two lines: neither is lost. */
static void bits_are_widened(void **state) {
  (void)state;
  int patched = 0, split = 0;
  for (int i = 0; i < 40; i++) {
    Arena *a = arena_new();
    int32_t zero = i % 2 ? -128 : (int32_t)pick(-60, 60);
    Case c = long_case(zero, 200000, 700000, 2000000);
    RequantPlan p = requant_plan(a, CHANNELS, c.spec, c.range, 1u << RF_bits);
    assert_int_equal(p.form, RF_bits);
    for (int ch = 0; ch < CHANNELS; ch++)
      check_channel(&p, &c, ch);
    patched += p.patches > 0;
    split += p.split != NULL;
    assert_true(p.split || zero == -128);
    arena_free(a);
  }
  assert_in_range(patched, 10, 40);
  assert_in_range(split, 20, 40);
}

/* Longer still: some channels need many patches, which lists may hold; as many
 * as there are stand in front. Unless they are allowed, none are made. */
static void patches_by_lists(void **state) {
  (void)state;
  int listed = 0;
  for (int i = 0; i < 20; i++) {
    Arena *a = arena_new();
    int32_t zero = i % 2 ? -128 : (int32_t)pick(-60, 60);
    Case c = long_case(zero, 500000, 1500000, 3000000);
    unsigned forms = 1u << RF_bits | RF_LISTED;
    RequantPlan p = requant_plan(a, CHANNELS, c.spec, c.range, forms);
    assert_true(!p.listed || p.form == RF_bits);
    for (int ch = 0; ch < CHANNELS; ch++) {
      check_channel(&p, &c, ch);
      for (int k = 1; p.listed && k < p.patches; k++)
        assert_true(!p.patch[k][ch] || p.patch[k - 1][ch]);
    }
    listed += p.listed;
    p = requant_plan(a, CHANNELS, c.spec, c.range, 1u << RF_bits);
    assert_false(p.listed);
    p = requant_plan(a, CHANNELS, c.spec, c.range, RF_QUICK_DOUBLE);
    assert_int_equal(p.form, RF_double);
    arena_free(a);
  }
  assert_in_range(listed, 8, 20);
}

/* A channel whose output is the clamp for all sums has no step to meet, and
 * may not get one: it has the form of the others. */
static void outputs_that_never_change(void **state) {
  (void)state;
  Arena *a = arena_new();
  Case c = {0};
  static const AccRange ranges[] = {{-158036, 829}, {-200000, 300000}};
  for (int ch = 0; ch < 2; ch++) {
    c.spec[ch] = (Requant){.multiplier = 1788310538,
                           .shift = -11,
                           .zero_point = 0,
                           .lo = 0,
                           .hi = 255};
    c.range[ch] = ranges[ch];
  }
  RequantPlan p =
      requant_plan(a, 2, c.spec, c.range, 1u << RF_bits | 1u << RF_double);
  assert_int_equal(p.form, RF_bits);
  for (int ch = 0; ch < 2; ch++)
    check_channel(&p, &c, ch);
  arena_free(a);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(bits_are_widened),
      cmocka_unit_test(patches_by_lists),
      cmocka_unit_test(outputs_that_never_change),
      cmocka_unit_test(forms_equal_the_spec),
      cmocka_unit_test(cheap_forms_are_found),
      cmocka_unit_test(cheapest_comes_first),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
