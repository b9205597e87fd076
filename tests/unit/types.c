/* ir/types.h: sizes, comparison, the text of a type; ir/element.h: single
 * elements and 16-bit floats. */
#include "tests/testing.h"

#include <math.h>
#include <string.h>

#include "ir/element.h"
#include "ir/types.h"

static Arena *arena;

static int setup(void **state) {
  (void)state;
  arena = arena_new();
  return 0;
}

static int teardown(void **state) {
  (void)state;
  arena_free(arena);
  return 0;
}

static const char *text_of(const Type *t) {
  Str s = str_new(arena);
  type_print(&s, t);
  return str_cstr(&s);
}

static void dtypes(void **state) {
  (void)state;
  for (int i = 0; i < DT_COUNT; i++)
    assert_int_equal(dtype_find(dtype_name((DType)i)), i);
  assert_int_equal(dtype_find("i9"), DT_COUNT);
  assert_int_equal(dtype_find(""), DT_COUNT);
  assert_int_equal(dtype_min(DT_i4), -8);
  assert_int_equal(dtype_max(DT_u4), 15);
  assert_int_equal(dtype_min(DT_i64), INT64_MIN);
  assert_int_equal(dtype_max(DT_i64), INT64_MAX);
  assert_int_equal(dtype_max(DT_u32), UINT32_MAX);
  assert_int_equal(dtype_min(DT_u8), 0);
  assert_true(dtype_is_integer(DT_u16) && !dtype_is_integer(DT_bool));
  assert_true(dtype_is_float(DT_bf16) && !dtype_is_float(DT_i32));
  assert_true(dtype_is_signed(DT_i4) && !dtype_is_signed(DT_u8));
}

static void sizes(void **state) {
  (void)state;
  int64_t d[] = {3, 5, 1};
  int64_t huge[] = {INT64_MAX, INT64_MAX, 2, 0};
  assert_int_equal(type_count(type_new(arena, DT_f32, 0, NULL, NULL)), 1);
  assert_int_equal(type_bytes(type_new(arena, DT_f32, 3, d, NULL)), 60);
  assert_int_equal(type_bytes(type_new(arena, DT_i4, 3, d, NULL)), 8);
  assert_int_equal(type_count(type_new(arena, DT_i8, 3, huge, NULL)),
                   INT64_MAX);
  assert_int_equal(type_bytes(type_new(arena, DT_f64, 1, huge, NULL)),
                   INT64_MAX);
  assert_int_equal(type_count(type_new(arena, DT_i8, 4, huge, NULL)), 0);
}

static void makers_copy(void **state) {
  (void)state;
  float scale[] = {0.5f, 0.25f};
  int32_t zero[] = {1, 2};
  int64_t d[] = {4, 2};
  QuantParams q = {.axis = 1,
                   .nscale = 2,
                   .scale = scale,
                   .zero_point = zero,
                   .qmin = -128,
                   .qmax = 127};
  const Type *t = type_new(arena, DT_i8, 2, d, &q);
  const Type *u = type_new(arena, DT_i8, 2, d, &q);
  assert_true(type_equal(t, u));
  scale[0] = 9;
  d[0] = 9;
  assert_true(type_scale(t) == 0.5f && t->dim[0] == 4);
  assert_true(type_channel_scale(t, 1) == 0.25f);
  assert_int_equal(type_channel_zero_point(t, 1), 2);
  assert_false(type_equal(t, type_new(arena, DT_i8, 2, d, &q)));
  const Type *flat = type_with_shape(arena, t, 1, (int64_t[]){8});
  assert_true(quant_equal(flat->q, t->q));
  assert_false(type_same_shape(flat, t));
  assert_null(type_with_dtype(arena, t, DT_f32, NULL)->q);
}

static void blocks(void **state) {
  (void)state;
  QuantParams q = {.axis = 1,
                   .block = 4,
                   .nscale = 8,
                   .scale = (float[]){1, 2, 3, 4, 5, 6, 7, 8},
                   .zero_point = (int32_t[]){3, 4, 5, 6, 7, 8, 9, 10}};
  const Type *t = type_new(arena, DT_i8, 3, (int64_t[]){2, 7, 2}, &q);
  assert_int_equal(type_entries(t), 8);
  static const int entry[] = {0, 1, 0, 1, 0, 1, 0, 1, 2, 3, 2, 3, 2, 3, 4, 5};
  for (int i = 0; i < 16; i++)
    assert_int_equal(type_entry(t, i), entry[i]);
  assert_int_equal(type_entry(t, 27), 7);
  assert_true(type_channel_scale(t, type_entry(t, 3)) == 2);
  assert_int_equal(type_channel_zero_point(t, 7), 10);
  t = type_new(arena, DT_i8, 3, (int64_t[]){2, 7, 2},
               quant_per_tensor(arena, 1, 0, DT_i8));
  assert_int_equal(type_entries(t), 1);
  assert_int_equal(type_entry(t, 20), 0);
}

static void predicates(void **state) {
  (void)state;
  const QuantParams *q = quant_per_tensor(arena, 0.5f, 3, DT_u8);
  assert_int_equal(q->qmin, 0);
  assert_int_equal(q->qmax, 255);
  assert_true(type_is_q8(type_new(arena, DT_u8, 0, NULL, q)));
  assert_false(type_is_q8(type_new(arena, DT_i16, 0, NULL, q)));
  assert_false(type_is_q8(type_new(arena, DT_u8, 0, NULL, NULL)));
  assert_true(type_is_quantized(type_new(arena, DT_i16, 0, NULL, q)));
  const Type *plain = type_new(arena, DT_f32, 0, NULL, NULL);
  assert_true(type_scale(plain) == 1 && type_zero_point(plain) == 0);
}

static void quantization_differs(void **state) {
  (void)state;
  float s[] = {1, 2};
  int32_t z[] = {0, 1};
  int8_t code[] = {1, 2};
  QuantParams base = {.axis = 0,
                      .nscale = 2,
                      .scale = s,
                      .zero_point = z,
                      .qmin = -8,
                      .qmax = 7,
                      .codebook = code,
                      .ncode = 2};
  QuantParams v[8];
  for (int i = 0; i < 8; i++)
    v[i] = base;
  v[0].axis = 1;
  v[1].block = 1;
  v[2].nscale = 1;
  v[3].scale = (float[]){1, 3};
  v[4].zero_point = (int32_t[]){0, 2};
  v[5].qmin = -7;
  v[6].codebook = NULL;
  v[7].codebook = (int8_t[]){1, 3};
  for (int i = 0; i < 8; i++)
    assert_false(quant_equal(&base, &v[i]));
  assert_false(quant_equal(&base, NULL));
  assert_true(quant_equal(NULL, NULL));
}

static void text(void **state) {
  (void)state;
  int64_t d[] = {2, 3};
  QuantParams q = {.axis = 0,
                   .nscale = 2,
                   .scale = (float[]){0.1f, 1},
                   .zero_point = (int32_t[]){5, 5},
                   .qmin = -127,
                   .qmax = 127};
  assert_string_equal(text_of(type_new(arena, DT_bool, 0, NULL, NULL)),
                      "bool[]");
  assert_string_equal(text_of(type_new(arena, DT_i8, 2, d, &q)),
                      "i8[2,3] q(axis 0, {0.1, 1.0}, 5, range -127..127)");
  q.qmin = -128;
  q.block = 1;
  q.zero_point = (int32_t[]){5, 6};
  q.codebook = (int8_t[]){-1, 1};
  q.ncode = 2;
  assert_string_equal(
      text_of(type_new(arena, DT_i8, 2, d, &q)),
      "i8[2,3] q(axis 0 block 1, {0.1, 1.0}, {5, 6}, codebook {-1, 1})");
}

static void packed_elements(void **state) {
  (void)state;
  uint8_t data[3] = {0};
  for (int i = 0; i < 5; i++)
    element_store(DT_i4, data, i, (uint64_t)(i - 3));
  assert_int_equal(data[0], 0xed); /* -3 low, -2 high */
  assert_int_equal(data[2], 0x01);
  for (int i = 0; i < 5; i++)
    assert_int_equal(element_to_int(DT_i4, element_load(DT_i4, data, i)),
                     i - 3);
  uint8_t wide[8];
  element_store(DT_u64, wide, 0, 0x0102030405060708u);
  assert_int_equal(wide[0], 8);
  assert_true(element_load(DT_u64, wide, 0) == 0x0102030405060708u);
}

/* Every 16-bit pattern that is no NaN survives the way to double and back. */
static void small_floats(void **state) {
  (void)state;
  DType formats[] = {DT_f16, DT_bf16};
  for (int f = 0; f < 2; f++)
    for (uint32_t bits = 0; bits < 0x10000; bits++) {
      double x = element_to_double(formats[f], bits);
      if (!isnan(x))
        assert_int_equal(element_from_double(formats[f], x), bits);
    }
  assert_true(element_to_double(DT_f16, 0x3c00) == 1);
  assert_true(element_to_double(DT_f16, 0x0001) == ldexp(1, -24));
  assert_true(element_to_double(DT_f16, 0x7bff) == 65504);
  assert_true(element_to_double(DT_bf16, 0x3f80) == 1);
  assert_int_equal(element_from_double(DT_f16, 65519), 0x7bff);
  assert_int_equal(element_from_double(DT_f16, 65520), 0x7c00);
  assert_int_equal(element_from_double(DT_f16, -1e300), 0xfc00);
  assert_int_equal(element_from_double(DT_f16, 1 + ldexp(1, -11)), 0x3c00);
  assert_int_equal(element_from_double(DT_f16, 1 + ldexp(3, -11)), 0x3c02);
  assert_int_equal(element_from_double(DT_f16, ldexp(1, -26)), 0);
  assert_int_equal(element_from_double(DT_f16, (double)NAN), 0x7e00);
  assert_int_equal(element_from_double(DT_bf16, (double)NAN), 0x7fc0);
  assert_int_equal(element_from_double(DT_f32, 0.5), 0x3f000000);
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(dtypes), TEST(sizes),           TEST(makers_copy),
      TEST(blocks), TEST(predicates),      TEST(quantization_differs),
      TEST(text),   TEST(packed_elements), TEST(small_floats),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
