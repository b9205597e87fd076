/* support/str.h: building, exact floats, well-formed UTF-8. */
#include "tests/testing.h"

#include <math.h>
#include <string.h>

#include "support/str.h"

typedef struct Fixture {
  Arena *a;
  Str s;
} Fixture;

static int setup(void **state) {
  static Fixture f;
  f.a = arena_new();
  f.s = str_new(f.a);
  *state = &f;
  return 0;
}

static int teardown(void **state) {
  Fixture *f = *state;
  arena_free(f->a);
  return 0;
}

static void empty(void **state) {
  Fixture *f = *state;
  assert_string_equal(str_cstr(&f->s), "");
  str_add(&f->s, "");
  assert_string_equal(f->s.s, "");
  str_add_bytes(&f->s, NULL, 0);
  assert_int_equal(f->s.n, 0);
}

static void growth(void **state) {
  Fixture *f = *state;
  for (int i = 0; i < 10000; i++)
    str_printf(&f->s, "%05d,", i);
  assert_int_equal(f->s.n, 60000);
  assert_int_equal(strlen(f->s.s), 60000);
  for (int i = 0; i < 10000; i++)
    assert_int_equal(atoi(f->s.s + 6 * i), i);
}

/* Every length around the first capacities, so that the terminator just
 * fits or just doesn't. */
static void boundaries(void **state) {
  Fixture *f = *state;
  for (int n = 0; n < 200; n++) {
    Str s = str_new(f->a);
    str_printf(&s, "%*s", n, "");
    str_printf(&s, "%s", "ab");
    str_add_bytes(&s, "c\0d", 3);
    assert_int_equal(s.n, n + 5);
    assert_memory_equal(s.s + n, "abc\0d", 6);
  }
}

static const char *float_text(Fixture *f, float x) {
  Str s = str_new(f->a);
  str_add_float(&s, x);
  return str_cstr(&s);
}

static const char *double_text(Fixture *f, double x) {
  Str s = str_new(f->a);
  str_add_double(&s, x);
  return str_cstr(&s);
}

static void float_forms(void **state) {
  Fixture *f = *state;
  assert_string_equal(float_text(f, 0.0f), "0.0");
  assert_string_equal(float_text(f, -0.0f), "-0.0");
  assert_string_equal(float_text(f, 1.0f), "1.0");
  assert_string_equal(float_text(f, -83.0f), "-83.0");
  assert_string_equal(float_text(f, 0.1f), "0.1");
  assert_string_equal(float_text(f, 0.58470291f), "0.5847029");
  assert_string_equal(float_text(f, 1e10f), "1e+10");
  assert_string_equal(float_text(f, 16777216.0f), "16777216.0");
  assert_string_equal(float_text(f, INFINITY), "inf");
  assert_string_equal(float_text(f, -INFINITY), "-inf");
  assert_string_equal(float_text(f, NAN), "nan");
  assert_string_equal(float_text(f, -NAN), "nan");
  assert_string_equal(double_text(f, 0.1), "0.1");
  assert_string_equal(double_text(f, 3.0), "3.0");
  assert_string_equal(double_text(f, 1.0 / 3), "0.3333333333333333");
  assert_string_equal(double_text(f, -INFINITY), "-inf");
}

static void check_float(Fixture *f, uint32_t bits) {
  float x, back;
  memcpy(&x, &bits, sizeof x);
  const char *text = float_text(f, x);
  if (isnan(x)) {
    assert_string_equal(text, "nan");
    return;
  }
  back = strtof(text, NULL);
  assert_memory_equal(&back, &x, sizeof x);
  assert_true(strpbrk(text, ".ein") != NULL);
}

static void check_double(Fixture *f, uint64_t bits) {
  double x, back;
  memcpy(&x, &bits, sizeof x);
  const char *text = double_text(f, x);
  if (isnan(x)) {
    assert_string_equal(text, "nan");
    return;
  }
  back = strtod(text, NULL);
  assert_memory_equal(&back, &x, sizeof x);
  assert_true(strpbrk(text, ".ein") != NULL);
}

static void round_trip(void **state) {
  Fixture *f = *state;
  static const uint32_t edges[] = {0x00000001, 0x007fffff, 0x00800000,
                                   0x7f7fffff, 0x3f7fffff, 0x3f800001,
                                   0x80000001, 0x4b7fffff, 0x7fc00001};
  for (size_t i = 0; i < sizeof edges / sizeof *edges; i++)
    check_float(f, edges[i]);
  check_double(f, 1);
  check_double(f, 0x7fefffffffffffffu);
  uint64_t random = 0x9e3779b97f4a7c15u;
  for (int i = 0; i < 100000; i++) {
    uint64_t bits = test_random(&random);
    check_float(f, (uint32_t)(bits >> 32));
    if (i % 4 == 0)
      check_double(f, bits);
  }
}

/* No shorter decimal reads back. */
static void shortest(void **state) {
  Fixture *f = *state;
  uint64_t random = 7;
  for (int i = 0; i < 20000; i++) {
    float x = (float)((test_random(&random) >> 40) + 1) * 0x1p-30f;
    int digits = 0;
    for (const char *c = float_text(f, x); *c && *c != 'e'; c++)
      digits += *c >= '0' && *c <= '9' && (digits || *c != '0');
    assert_in_range(digits, 1, 9);
    char shorter[512];
    snprintf(shorter, sizeof shorter, "%.*g", digits - 1, (double)x);
    assert_true(digits == 1 || strtof(shorter, NULL) != x);
  }
}

static const char *utf8_text(Fixture *f, const char *s) {
  Str out = str_new(f->a);
  str_add_utf8(&out, s);
  return str_cstr(&out);
}

#define BAD "\xef\xbf\xbd"

static void utf8(void **state) {
  Fixture *f = *state;
  static const char *const same[] = {"",
                                     "conv/Relu",
                                     "\xc3\xa9",
                                     "\xe2\x82\xac",
                                     "\xf0\x9f\x94\xa5",
                                     "\xed\x9f\xbf",
                                     "\xf4\x8f\xbf\xbf"};
  for (size_t i = 0; i < sizeof same / sizeof *same; i++)
    assert_string_equal(utf8_text(f, same[i]), same[i]);
  static const char *const broken[][2] = {
      {"a\xff", "a" BAD},
      {"\xc0\x80", BAD BAD},         /* overlong */
      {"\xe0\x80\x80", BAD BAD BAD}, /* overlong */
      {"\xed\xa0\x80", BAD BAD BAD}, /* surrogate */
      {"\xf4\x90\x80\x80", BAD BAD BAD BAD},
      {"\xe2\x82", BAD BAD}, /* ends early */
      {"\xe2\x82z", BAD BAD "z"},
      {"\x80x", BAD "x"},
  };
  for (size_t i = 0; i < sizeof broken / sizeof *broken; i++)
    assert_string_equal(utf8_text(f, broken[i][0]), broken[i][1]);
}

static const char *grouped(Fixture *f, int64_t x) {
  Str s = str_new(f->a);
  str_add_grouped(&s, x);
  return str_cstr(&s);
}

static void groups(void **state) {
  Fixture *f = *state;
  assert_string_equal(grouped(f, 0), "0");
  assert_string_equal(grouped(f, 999), "999");
  assert_string_equal(grouped(f, 1000), "1,000");
  assert_string_equal(grouped(f, 1234567), "1,234,567");
  assert_string_equal(grouped(f, -123456), "-123,456");
  assert_string_equal(grouped(f, INT64_MIN), "-9,223,372,036,854,775,808");
}

static const char *clipped(Fixture *f, const char *text, size_t width) {
  Str s = str_new(f->a);
  str_add_clipped(&s, text, width);
  return str_cstr(&s);
}

static void clips(void **state) {
  Fixture *f = *state;
  assert_string_equal(clipped(f, "", 0), "");
  assert_string_equal(clipped(f, "conv", 4), "conv");
  assert_string_equal(clipped(f, "conv1", 4), "conv...");
  assert_string_equal(clipped(f, "a\xe2\x82\xac", 4), "a\xe2\x82\xac");
  assert_string_equal(clipped(f, "a\xe2\x82\xac", 3), "a...");
  assert_string_equal(clipped(f, "a\xe2\x82\xac", 1), "a...");
}

static void prefixes(void **state) {
  (void)state;
  assert_true(str_has_prefix("--passes=a", "--passes="));
  assert_false(str_has_prefix("--pass", "--passes="));
  assert_true(str_has_prefix("x", ""));
  assert_true(str_has_suffix("kws.tflite", ".tflite"));
  assert_false(str_has_suffix("lite", ".tflite"));
  assert_true(str_has_suffix("", ""));
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(empty),    TEST(growth),     TEST(boundaries), TEST(float_forms),
      TEST(shortest), TEST(utf8),       TEST(prefixes),   TEST(groups),
      TEST(clips),    TEST(round_trip),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
