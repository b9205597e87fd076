/* codegen/header.c: what it writes is compiled as C99, C11 and C++11 with all
 * warnings on and then used: sizes, struct layout, quantization against the
 * formula. Names that would end the comment don't. */
#include "tests/testing.h"

#include "codegen/process.h"
#include "support/file.h"
#include "tests/kernels/hand.h"

static const char *const warnings =
    "-pedantic -Wall -Wextra -Wconversion -Wshadow -Wundef -Werror";

/* (language flags, compiler) */
static const struct {
  const char *compiler, *standard;
} languages[] = {{"cc", "-std=c99"},
                 {"cc", "-std=c11"},
                 {"c++", "-xc++ -std=c++11"},
                 {"c++", "-xc++ -std=c++17"}};

static const ObjectSizes sizes = {.code_bytes = 100,
                                  .rodata_bytes = 20,
                                  .flash_bytes = 120,
                                  .stack_bytes = 77};

static const char user[] =
    "#include \"m.h\"\n"
    "#include \"m.h\"\n"
    "#include <math.h>\n"
    "#include <stdio.h>\n"
    "static M_DECLARE_ARENA(arena);\n"
    "static M_DECLARE_STATE(memory);\n"
    "int m_run(const m_in *in, const m_out *out, void *where) {\n"
    "  return in->x && in->y && in->state == memory && out->z && where ? 0 : "
    "1;\n"
    "}\n"
    "void m_reset(void *state) { *(unsigned char *)state = 1; }\n"
    "static int bad;\n"
    "static void check(int ok, int line) {\n"
    "  if (!ok) { bad = 1; printf(\"line %d\\n\", line); }\n"
    "}\n"
    "#define CHECK(x) check((x) ? 1 : 0, __LINE__)\n"
    "static int reference(float x, float scale, int zero, int lo, int hi) {\n"
    "  double q = (double)roundf(x / scale) + zero;\n"
    "  return q < lo ? lo : q > hi ? hi : (int)q;\n"
    "}\n"
    "int main(void) {\n"
    "  static const int8_t x[M_X_COUNT] = {0};\n"
    "  static const float y[M_Y_COUNT] = {0};\n"
    "  static uint8_t z[M_Z_COUNT];\n"
    "  m_in in = {0, 0, 0};\n"
    "  m_out out = {0};\n"
    "  int i;\n"
    "  CHECK(M_ARENA_BYTES == 1000 && sizeof arena == 1000);\n"
    "  CHECK(((uintptr_t)arena & (M_ARENA_ALIGN - 1)) == 0);\n"
    "  CHECK(((uintptr_t)memory & (M_ARENA_ALIGN - 1)) == 0);\n"
    "  CHECK(M_STACK_BYTES == 77 && M_STATE_BYTES == 64);\n"
    "  CHECK(M_X_RANK == 2 && M_X_DIM0 == 1 && M_X_DIM1 == 10);\n"
    "  CHECK(M_X_ZERO == -3 && M_Z_ZERO == 7 && M_Y_RANK == 1);\n"
    "  CHECK(M_X_SCALE > 0.0499f && M_X_SCALE < 0.0501f);\n"
    "  in.x = x; in.y = y; in.state = memory; out.z = z;\n"
    "  CHECK(m_run(&in, &out, arena) == 0);\n"
    "  m_reset(memory);\n"
    "  for (i = -40000; i < 40000; i++) {\n"
    "    const float v = (float)i * 0.0005f;\n"
    "    CHECK(m_quantize_x(v) == reference(v, M_X_SCALE, -3, -128, 127));\n"
    "  }\n"
    "  for (i = -300; i <= 300; i++) {\n"
    "    const float half = ((float)i + 0.5f) * M_X_SCALE;\n"
    "    CHECK(m_quantize_x(half) == reference(half, M_X_SCALE, -3, -128, "
    "127));\n"
    "  }\n"
    "  CHECK(m_quantize_x(1e30f) == 127 && m_quantize_x(-1e30f) == -128);\n"
    "  CHECK(m_quantize_x(0.0f) == -3);\n"
    "  CHECK(m_dequantize_z(7) < 1e-9f && m_dequantize_z(9) > 0.9f);\n"
    "  return bad;\n"
    "}\n";

static Plan *plan_of(Arena *a) {
  static const char *in_name[] = {"x", "y"}, *out_name[] = {"z"};
  int64_t two[] = {1, 10}, one[] = {5};
  Graph *g = hand_graph(a);
  g->name = "model";
  graph_input(
      g, "*/ #error x /* \\\n ?\?/ \xff",
      type_new(a, DT_i8, 2, two, quant_per_tensor(a, 0.05f, -3, DT_i8)));
  graph_input(g, "y", type_new(a, DT_f32, 1, one, NULL));
  graph_output(g, graph_input(g, "serving/z:0",
                              type_new(a, DT_u8, 1, one,
                                       quant_per_tensor(a, 0.5f, 7, DT_u8))));
  g->inputs.n = 2;
  Plan *p = hand_plan(g, hand_target("x86-64-avx512vnni"), in_name, out_name);
  p->arena_bytes = 1000;
  p->state_bytes = 64;
  return p;
}

static int shell(Arena *a, const char *dir, const char *command) {
  static const char *const names[] = {"sh", NULL};
  const char *argv[] = {tool_find(a, names, "/bin"), "-c", command, NULL};
  Process p = {.argv = argv, .dir = dir, .out = "said", .timeout_s = 120};
  return process_run(&p);
}

static bool has_tool(Arena *a, const char *name) {
  const char *const names[] = {name, NULL};
  return tool_find(a, names, NULL) != NULL;
}

static void write_text(Arena *a, const char *dir, const char *name,
                       const char *text, size_t n) {
  FILE *f = fopen(path_join(a, dir, name), "wb");
  assert_non_null(f);
  assert_int_equal(fwrite(text, 1, n, f), n);
  fclose(f);
}

static void test_languages(void **state) {
  (void)state;
  Arena *a = arena_new();
  Plan *p = plan_of(a);
  Str s = str_new(a);
  header_write(&s, p, &sizes);
  const char *dir = temp_dir_new(a, p->diag);
  assert_non_null(dir);
  write_text(a, dir, "m.h", str_cstr(&s), s.n);
  write_text(a, dir, "user.c", user, strlen(user));
  for (size_t i = 0; i < sizeof languages / sizeof *languages; i++) {
    if (!has_tool(a, languages[i].compiler)) {
      print_message("no %s\n", languages[i].compiler);
      continue;
    }
    const char *command = arena_printf(
        a, "%s %s %s -o user user.c -lm 2>&1 && ./user || { cat m.h; exit 1; }",
        languages[i].compiler, languages[i].standard, warnings);
    if (shell(a, dir, command) != 0)
      fail_msg("%s %s, see %s", languages[i].compiler, languages[i].standard,
               dir);
  }
  temp_dir_free(dir);
  arena_free(a);
}

/* A plain model has no state in its interface. */
static void test_stateless(void **state) {
  (void)state;
  Arena *a = arena_new();
  Plan *p = plan_of(a);
  p->state_bytes = 0;
  Str s = str_new(a);
  header_write(&s, p, &sizes);
  assert_null(strstr(str_cstr(&s), "void *state"));
  assert_null(strstr(str_cstr(&s), "_reset"));
  assert_non_null(strstr(str_cstr(&s), "#define M_STATE_BYTES 0\n"));
  assert_non_null(strstr(str_cstr(&s), "'serving/z:0' in the model"));
  arena_free(a);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_languages),
      cmocka_unit_test(test_stateless),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
