/* ir/blocks.h: scales that are small multiples of their channel's, found again
 * from the floats, and bytes that are the same real numbers. */
#include "ir/blocks.h"

#include "ir/element.h"
#include "tests/unit/fixture.h"

/* i8[2,5] in blocks of 2 along the inputs: three scales each. */
static const Type *two_rows(const float *scale) {
  QuantParams q = {.axis = 1,
                   .block = 2,
                   .nscale = 6,
                   .scale = scale,
                   .zero_point = (int32_t[]){0, 0, 0, 0, 1, 0},
                   .qmin = -8,
                   .qmax = 7};
  return type_new(arena, DT_i8, 2, (int64_t[]){2, 5}, &q);
}

static const int8_t levels[] = {1, -8, 7, 0, 3, -8, 2, -3, 7, -1};

static void rows(void **state) {
  (void)state;
  const float u = 0x1.2345p-5f, v = 0x1.9p-9f;
  const Type *t = two_rows((float[]){2 * u, 15 * u, u, 9 * v, 6 * v, 3 * v});
  assert_int_equal(type_entries(t), 6);
  assert_int_equal(type_entry(t, 4), 2);
  assert_int_equal(type_entry(t, 5), 3);
  const float *unit = blocks_units(arena, t);
  assert_true(unit[0] == u && unit[1] == 3 * v); /* the largest there is */
  const int8_t *bytes;
  const Type *b = blocks_as_bytes(arena, t, levels, &bytes);
  assert_non_null(b);
  assert_int_equal(b->q->axis, 0);
  static const int8_t want[] = {2, -16, 105, 0, 3, -24, 6, -8, 12, -1};
  assert_memory_equal(bytes, want, sizeof want);
  for (int i = 0; i < 10; i++) {
    float real = (float)(levels[i] - t->q->zero_point[type_entry(t, i)]) *
                 t->q->scale[type_entry(t, i)];
    assert_true((float)bytes[i] * b->q->scale[i / 5] == real);
  }
}

static void refused(void **state) {
  (void)state;
  const int8_t *bytes;
  static const float unlike[] = {0.1f, 0.3f, 0.7f, 1, 1, 1},
                     large[] = {1, 19, 1, 1, 1, 1},
                     apart[] = {1e-20f, 1e20f, 1e-20f, 1, 1, 1};
  assert_null(blocks_as_bytes(arena, two_rows(unlike), levels, &bytes));
  assert_null(blocks_as_bytes(arena, two_rows(large), levels, &bytes));
  assert_null(blocks_as_bytes(arena, two_rows(apart), levels, &bytes));
  assert_true(blocks_units(arena, two_rows(apart))[0] == 0);
  QuantParams q = {.axis = 0,
                   .block = 2,
                   .nscale = 1,
                   .scale = (float[]){1},
                   .zero_point = (int32_t[]){0}};
  const Type *line = type_new(arena, DT_i8, 1, (int64_t[]){2}, &q);
  assert_null(blocks_as_bytes(arena, line, levels, &bytes));
}

/* Blocks along dimension 0: channels are the last. */
static void columns(void **state) {
  (void)state;
  QuantParams q = {.axis = 0,
                   .block = 4,
                   .nscale = 4,
                   .scale = (float[]){1, 3, 0.5f, 9},
                   .zero_point = (int32_t[]){0, 0, 0, 0},
                   .qmin = -8,
                   .qmax = 7};
  const Type *t = type_new(arena, DT_i4, 2, (int64_t[]){5, 2}, &q);
  uint8_t data[5] = {0};
  for (int i = 0; i < 10; i++)
    element_store(DT_i4, data, i, (uint64_t)levels[i]);
  assert_int_equal(type_entry(t, 7), 1);
  assert_int_equal(type_entry(t, 9), 3);
  const int8_t *bytes;
  const Type *b = blocks_as_bytes(arena, t, data, &bytes);
  assert_non_null(b);
  assert_int_equal(b->q->axis, 1);
  assert_true(b->q->scale[0] == 0.5f && b->q->scale[1] == 3);
  static const int8_t want[] = {2, -8, 14, 0, 6, -8, 4, -3, 7, -3};
  assert_memory_equal(bytes, want, sizeof want);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(rows, setup, teardown),
      cmocka_unit_test_setup_teardown(refused, setup, teardown),
      cmocka_unit_test_setup_teardown(columns, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
