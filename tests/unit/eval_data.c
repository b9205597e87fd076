/* ir/exec.h: products of two activations, windows, and the ops that move
 * elements by indices, on cases worked out by hand. */
#include "tests/eval_case.h"

static void matmuls(void **state) {
  (void)state;
  static const Case cases[] = {
      /* [[1,2],[3,4]] [[5,6],[7,8]] */
      {"const @a : f32[2,2] = {1.0, 2.0, 3.0, 4.0}\n"
       "const @b : f32[2,2] = {5.0, 6.0, 7.0, 8.0}\n"
       "%y : f32[2,2] = matmul @a, @b" Y,
       4,
       {19, 22, 43, 50}},
      /* a has two batches, b three: all six */
      {"const @a : f64[2,1,1,2] = {1.0, 2.0, 3.0, 4.0}\n"
       "const @b : f64[3,2,1] = {1.0, 0.0, 0.0, 1.0, 1.0, 1.0}\n"
       "%y : f64[2,3,1,1] = matmul @a, @b" Y,
       6,
       {1, 2, 3, 3, 4, 7}},
      /* fma: 1 + 2^-12 squared, minus what its product rounds to */
      {"const @a : f32[1,2] = {-1.0, 1.0002441}\n"
       "const @b : f32[2,1] = {1.0004883, 1.0002441}\n"
       "%y : f32[1,1] = matmul @a, @b" Y,
       1,
       {5.9604644775390625e-08}},
      {"const @a : f16[1,2] = {2048.0, 1.0}\n"
       "const @b : f16[2,1] = {1.0, 3.0}\n"
       "%y : f16[1,1] = matmul @a, @b" Y,
       1,
       {2052}}, /* 2051, rounded once */
      {"const @a : i32[1,2] = {2147483647, 2}\n"
       "const @b : i32[2,1] = {2, 1}\n"
       "%y : i32[1,1] = matmul @a, @b" Y,
       1,
       {0}},
      {"const @a : u8[1,2] = {255, 255}\n"
       "const @b : i8[2,1] = {-128, -128}\n"
       "%y : i32[1,1] = matmul @a, @b" Y,
       1,
       {-65280}},
      /* zero points per row of a and per column of b */
      {"const @a : u8[2,2] = {1, 2, 3, 4}\n"
       "const @b : u8[2,2] = {5, 6, 7, 8}\n"
       "const @za : u8[2,1] = {1, 3}\n"
       "const @zb : u8[2] = {5, 8}\n"
       "%y : i32[2,2] = matmul @a, @b, @za, @zb" Y,
       4,
       {2, 0, 2, 0}},
      {"const @a : u8[1,2] = {1, 2}\n"
       "const @b : i8[2,1] = {3, 4}\n"
       "const @zb : i8[] = {1}\n"
       "%y : i32[1,1] = matmul @a, @b, _, @zb" Y,
       1,
       {8}},
      /* (3 - 1) * 3 * 0.5 = 3, (3 - 1) * (5 - 1) * 0.25 = 2, plus 10 */
      {"const @a : u8[1,1] q(1.0, 1) = {3}\n"
       "const @b : i8[1,2] q(axis 1, {0.5, 0.25}, {0, 1}) = {3, 5}\n"
       "%y : u8[1,2] q(1.0, 10) = matmul @a, @b { rounding=onnx }" Y,
       2,
       {13, 12}},
  };
  RUN(cases);
}

#define SUM_X "const @x : u8[1,1,3,1] = {10, 20, 30}\n"
#define SUM_W "const @w : i8[2,1,2,1] = {1, 2, -1, 1}\n"

static void byte_convs(void **state) {
  (void)state;
  static const Case cases[] = {
      {SUM_X SUM_W "%y : i32[1,1,2,2] = conv2d @x, @w" Y, 4, {50, 10, 80, 10}},
      /* padding is the zero point: (12-10, 20-10), then (20, 30), (30, pad) */
      {SUM_X SUM_W "const @z : u8[] = {10}\n"
                   "const @zw : i8[2] = {1, -1}\n"
                   "%y : i32[1,1,3,2] = conv2d @x, @w, _, @z, @zw "
                   "{ pad=[0,0,0,1] }" Y,
       6,
       {10, 20, 20, 40, 0, 0}},
      {SUM_X SUM_W "const @b : i32[2] = {100, 2147483647}\n"
                   "%y : i32[1,1,2,2] = conv2d @x, @w, @b" Y,
       4,
       {150, -2147483639, 180, -2147483639}},
  };
  RUN(cases);
}

static void transposed_convs(void **state) {
  (void)state;
  static const Case cases[] = {
      /* each element of x three wide, two apart */
      {"const @x : f32[1,1,2,1] = {1.0, 10.0}\n"
       "const @w : f32[1,1,3,1] = {1.0, 2.0, 3.0}\n"
       "const @b : f32[1] = {0.5}\n"
       "%y : f32[1,1,6,1] = conv_transpose2d @x, @w, @b { stride=[1,2] }" Y,
       6,
       {1.5, 2.5, 13.5, 20.5, 30.5, 0.5}},
      /* the same without its first column, taps two apart */
      {"const @x : f32[1,1,2,1] = {1.0, -10.0}\n"
       "const @w : f32[1,1,2,1] = {1.0, 2.0}\n"
       "%y : f32[1,1,3,1] = conv_transpose2d @x, @w "
       "{ dilation=[1,2], pad=[0,1], act=relu }" Y,
       3,
       {0, 2, 0}},
      /* two groups of one channel, two outputs each */
      {"const @x : f32[1,1,1,2] = {1.0, 10.0}\n"
       "const @w : f32[4,1,1,1] = {1.0, 2.0, 3.0, 4.0}\n"
       "%y : f32[1,1,1,4] = conv_transpose2d @x, @w" Y,
       4,
       {1, 2, 30, 40}},
      /* rows: 2x1 by 2x1 */
      {"const @x : f32[1,2,1,1] = {1.0, 10.0}\n"
       "const @w : f32[1,2,1,1] = {1.0, 2.0}\n"
       "%y : f32[1,3,1,1] = conv_transpose2d @x, @w" Y,
       3,
       {1, 12, 20}},
  };
  RUN(cases);
}

static void windows(void **state) {
  (void)state;
  static const Case cases[] = {
      {"const @x : f32[2,3] = {1.0, 2.0, 3.0, 4.0, 5.0, 6.0}\n"
       "%y : f32[1,2] = window_sum @x { window=[2,2] }" Y,
       2,
       {12, 16}},
      {"const @x : f32[5] = {1.0, 2.0, 3.0, 4.0, 5.0}\n"
       "%y : f32[3] = window_sum @x { window=[2], stride=[2], dilation=[2],"
       " before=[1], after=[1] }" Y,
       3,
       {2, 6, 4}},
      /* as large as they get: padding takes no time */
      {"const @x : f32[1,1,2] = {1.0, 2.0}\n"
       "%y : f32[1,1,2] = window_sum @x "
       "{ window=[2147483647,2147483647,2147483646], "
       "before=[2147483646,2147483646,2147483645] }" Y,
       2,
       {1, 3}},
      {"const @x : u8[3] = {200, 100, 1}\n"
       "%y : u8[2] = window_sum @x { window=[2] }" Y,
       2,
       {44, 101}},
      {"const @x : f32[3] = {-1.0, nan, -3.0}\n"
       "%y : f32[5] = window_max @x { window=[2], before=[2], after=[1] }" Y,
       5,
       {-INFINITY, -1, NAN, NAN, -3}},
      {"const @x : i8[3] q(0.5, 1) = {-128, -7, 5}\n"
       "%y : i8[4] q(0.5, 1) = window_max @x { window=[2], before=[2] }" Y,
       4,
       {-128, -128, -7, 5}},
      /* the first of equals, an index of all of x */
      {"const @x : i32[2,3] = {1, 3, 3, 2, 2, 2}\n"
       "%y : i64[2,2] = window_argmax @x { window=[1,2] }" Y,
       4,
       {1, 1, 3, 4}},
      {"const @x : f32[4] = {5.0, nan, 7.0, -inf}\n"
       "%y : i64[4] = window_argmax @x { window=[2], after=[1] }" Y,
       4,
       {1, 1, 2, 3}},
  };
  RUN(cases);
}

#define X23 "const @x : i32[2,3] = {10, 11, 12, 20, 21, 22}\n"

static void gathers(void **state) {
  (void)state;
  static const Case cases[] = {
      /* -1 is the last; what is outside is the nearest */
      {X23 "const @i : i64[4] = {2, -1, 9, -9}\n"
           "%y : i32[2,4] = gather @x, @i { axis=1 }" Y,
       8,
       {12, 12, 12, 10, 22, 22, 22, 20}},
      {X23 "const @i : i32[1,2] = {1, 0}\n"
           "%y : i32[1,2,3] = gather @x, @i" Y,
       6,
       {20, 21, 22, 10, 11, 12}},
      {X23 "const @i : i64[] = {1}\n"
           "%y : i32[2] = gather @x, @i { axis=1 }" Y,
       2,
       {11, 21}},
      {"const @x : u4[4] = {1, 2, 3, 15}\n"
       "const @i : i64[3] = {3, 0, 2}\n"
       "%y : u4[3] = gather @x, @i" Y,
       3,
       {15, 1, 3}},
      {X23 "const @i : i64[2,2] = {0, -1, 2, 0}\n"
           "%y : i32[2,2] = gather_elements @x, @i { axis=1 }" Y,
       4,
       {10, 12, 22, 20}},
      {X23 "const @i : i64[1,3] = {1, 0, 1}\n"
           "%y : i32[1,3] = gather_elements @x, @i" Y,
       3,
       {20, 11, 22}},
      {X23 "const @i : i64[2,2] = {0, 1, 1, -1}\n"
           "%y : i32[2] = gather_nd @x, @i" Y,
       2,
       {11, 22}},
      {X23 "const @i : i64[1,1] = {1}\n"
           "%y : i32[1,3] = gather_nd @x, @i" Y,
       3,
       {20, 21, 22}},
      {X23 "const @i : i64[2,1] = {1, 2}\n"
           "%y : i32[2] = gather_nd @x, @i { batch_dims=1 }" Y,
       2,
       {11, 22}},
  };
  RUN(cases);
}

/* Entry i of the table is 3 i: for i8 it begins at -128. */
static void tables(void **state) {
  (void)state;
  Arena *a = arena_new();
  Str s = str_new(a);
  str_add(&s, "const @t : u16[256] = {0");
  for (int i = 1; i < 256; i++)
    str_printf(&s, ", %d", 3 * i);
  str_add(&s, "}\n%y : u16[3] = lut @x, @t" Y);
  const char *rest = str_cstr(&s);
  Case cases[] = {
      {arena_printf(a, "const @x : i8[3] q(1.0, 5) = {-128, 0, 127}\n%s", rest),
       3,
       {0, 384, 765}},
      {arena_printf(a, "const @x : u8[3] = {0, 1, 255}\n%s", rest),
       3,
       {0, 3, 765}},
  };
  RUN(cases);
  arena_free(a);
}

static void scatters(void **state) {
  (void)state;
  static const Case cases[] = {
      /* of two updates of one element the last stays */
      {X23 "const @i : i64[2,2] = {0, 0, -1, 1}\n"
           "const @u : i32[2,2] = {1, 2, 3, 4}\n"
           "%y : i32[2,3] = scatter_elements @x, @i, @u { axis=1 }" Y,
       6,
       {2, 11, 12, 20, 4, 3}},
      {X23 "const @i : i64[2,3] = {0, 0, 1, 0, 0, 1}\n"
           "const @u : i32[2,3] = {1, 2, 3, 4, 5, 6}\n"
           "%y : i32[2,3] = scatter_elements @x, @i, @u "
           "{ reduction=add }" Y,
       6,
       {15, 18, 12, 20, 21, 31}},
      {"const @x : f32[3] = {1.0, 2.0, 3.0}\n"
       "const @i : i32[3] = {1, 1, 2}\n"
       "const @u : f32[3] = {5.0, 7.0, nan}\n"
       "%y : f32[3] = scatter_elements @x, @i, @u { reduction=max }" Y,
       3,
       {1, 7, NAN}},
      {"const @x : i8[2] = {100, -5}\n"
       "const @i : i32[2] = {0, 1}\n"
       "const @u : i8[2] = {100, -9}\n"
       "%y : i8[2] = scatter_elements @x, @i, @u { reduction=add }" Y,
       2,
       {-56, -14}},
      {X23 "const @i : i64[1,1] = {-1}\n"
           "const @u : i32[1,3] = {1, 2, 3}\n"
           "%y : i32[2,3] = scatter_nd @x, @i, @u" Y,
       6,
       {10, 11, 12, 1, 2, 3}},
      {X23 "const @i : i64[2,2] = {0, 1, 0, 1}\n"
           "const @u : i32[2] = {2, 3}\n"
           "%y : i32[2,3] = scatter_nd @x, @i, @u { reduction=mul }" Y,
       6,
       {10, 66, 12, 20, 21, 22}},
      {X23 "const @i : i64[2,2] = {0, 1, 1, 0}\n"
           "const @u : i32[2] = {2, 30}\n"
           "%y : i32[2,3] = scatter_nd @x, @i, @u { reduction=min }" Y,
       6,
       {10, 2, 12, 20, 21, 22}},
      {"const @x : u4[4] = {1, 2, 3, 15}\n"
       "const @i : i64[2,1] = {3, 0}\n"
       "const @u : u4[2] = {7, 9}\n"
       "%y : u4[4] = scatter_nd @x, @i, @u" Y,
       4,
       {9, 2, 3, 7}},
      /* f16 is rounded after each step: 2048 + 1 stays, twice */
      {"const @x : f16[1] = {2048.0}\n"
       "const @i : i64[2,1] = {0, 0}\n"
       "const @u : f16[2] = {1.0, 1.0}\n"
       "%y : f16[1] = scatter_nd @x, @i, @u { reduction=add }" Y,
       1,
       {2048}},
  };
  RUN(cases);
}

static void selections(void **state) {
  (void)state;
  static const Case cases[] = {
      {"const @x : f32[5] = {1.0, 3.0, nan, 3.0, 2.0}\n"
       "%y : f32[4], %i : i64[4] = topk @x" Y,
       4,
       {NAN, 3, 3, 2}},
      {"const @x : f32[5] = {1.0, 3.0, nan, 3.0, 2.0}\n"
       "%v : f32[4], %y : i64[4] = topk @x" Y,
       4,
       {2, 1, 3, 4}},
      {"const @x : f32[5] = {1.0, 3.0, nan, 3.0, 2.0}\n"
       "%v : f32[5], %y : i64[5] = topk @x { largest=false }" Y,
       5,
       {0, 4, 1, 3, 2}},
      {X23 "%y : i32[1,3], %i : i64[1,3] = topk @x" Y, 3, {20, 21, 22}},
      {X23 "%v : i32[2,2], %y : i64[2,2] = topk @x { axis=1 }" Y,
       4,
       {2, 1, 2, 1}},
      {X23 "%y : i32[2,2,3] = broadcast @x" Y,
       12,
       {10, 11, 12, 20, 21, 22, 10, 11, 12, 20, 21, 22}},
      {"const @x : i32[2,1] = {10, 20}\n"
       "%y : i32[2,2] = broadcast @x" Y,
       4,
       {10, 10, 20, 20}},
      {"const @x : u4[] = {9}\n"
       "%y : u4[3] = broadcast @x" Y,
       3,
       {9, 9, 9}},
  };
  RUN(cases);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(matmuls),          cmocka_unit_test(byte_convs),
      cmocka_unit_test(transposed_convs), cmocka_unit_test(windows),
      cmocka_unit_test(gathers),          cmocka_unit_test(tables),
      cmocka_unit_test(scatters),         cmocka_unit_test(selections),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
