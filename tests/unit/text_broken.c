/* Text that is not a model: each error has its place, one mistake is told
 * once, and nothing crashes or fails silently. Also that time stays
 * proportional to the text. */
#include "tests/unit/fixture.h"

#include <string.h>
#include <time.h>

#include "ir/text.h"
#include "support/file.h"

static const char *diagnostics(const Diag *d) {
  FILE *out = tmpfile();
  diag_print(d, out);
  size_t n = (size_t)ftell(out);
  rewind(out);
  char *text = arena_alloc(arena, n + 1);
  assert_int_equal(fread(text, 1, n, out), n);
  fclose(out);
  return text;
}

/* `lines` behind "model m\n" and an input %x, lines 1 and 2. */
static const char *errors_of(const char *lines) {
  Diag *d = diag_new(arena);
  const char *text =
      arena_printf(arena, "model m\ninput %%x : f32[4]\n%s", lines);
  assert_null(graph_parse(arena, d, "t.kiln", text, strlen(text)));
  assert_int_not_equal(diag_exit_status(d), EXIT_OK);
  return diagnostics(d);
}

typedef struct Case {
  const char *lines, *error;
} Case;

/* clang-format off */
static const Case cases[] = {
  {"foo", "3:1: error E0103: expected input, const, state, output or"},
  {"model m", "3:1: error E0103: expected input"},
  {"input x : f32[4]", "3:7: error E0103: expected %name or @name"},
  {"input @x : f32[4]", "3:7: error E0103: expected % here"},
  {"input % : f32[4]", "3:8: error E0103: expected a name"},
  {"input %\"\" : f32[4]", "3:7: error E0103: a name must not be empty"},
  {"input %\"a", "3:8: error E0103: the quote is not closed on this line"},
  {"input %\"\\n\" : f32[4]", "3:9: error E0103: expected \\\", \\\\ or \\xHH"},
  {"input %\"\\x00\" : f32[4]", "3:9: error E0103: expected \\\""},
  {"input %\"\\x4", "3:9: error E0103: expected \\\""},
  {"input %x : f32[4]", "3:7: error E0103: x is defined twice"},
  {"input %y f32[4]", "3:10: error E0103: expected ':'"},
  {"input %y : f31[4]", "3:12: error E0103: expected a type"},
  {"input %y : f32", "3:15: error E0103: expected '['"},
  {"input %y : f32[-1]", "3:16: error E0103: expected an integer in 0.."},
  {"input %y : f32[4", "3:17: error E0103: expected ']'"},
  {"input %y : f32[4,]", "3:18: error E0103: expected an integer"},
  {"input %y : f32[1,1,1,1,1,1,1,1,1]", "3:32: error E0103: more than 8 dim"},
  {"input %y : f32[4] 7", "3:19: error E0103: expected the end of the line"},
  {"input %y : i8[4] q", "3:18: error E0103: expected the end"},
  {"input %y : i8[4] q(0.5)", "3:23: error E0103: expected ','"},
  {"input %y : i8[4] q(x, 0)", "3:20: error E0103: expected a number"},
  {"input %y : i8[4] q(1e999, 0)", "3:20: error E0103: expected a number"},
  {"input %y : i8[4] q(0x1p3, 0)", "3:20: error E0103: expected a number"},
  {"input %y : i8[4] q(1, 2147483648)", "3:23: error E0103: expected an int"},
  {"input %y : i8[4] q(1, 0, foo)", "3:26: error E0103: expected range or"},
  {"input %y : i8[4] q(1, 0, range 1)", "3:33: error E0103: expected '..'"},
  {"input %y : i8[4] q(1, 0", "3:24: error E0103: expected ')'"},
  {"input %y : i8[4] q(1, 0, codebook {})", "3:36: error E0103: the list is"},
  {"input %y : i8[4] q(axis 0, {}, 0)", "3:29: error E0103: 0 scales"},
  {"input %y : i8[4] q(axis 9, {1}, 0)", "3:25: error E0103: expected an int"},
  {"input %y : i8[4] q(axis 0, {1, 2}, {3})", "3:36: error E0103: 1 zero po"},
  {"input %y : i8[4] q(axis 0, {1 2}, 3)", "3:31: error E0103: expected '}'"},
  {"const @c : i8[2]", "3:17: error E0103: expected '='"},
  {"const @c : i8[2] = 3", "3:20: error E0103: expected {...}, splat, file, npy"},
  {"const @c : i8[2] = elided", "3:20: error E0103: the constant was left"},
  {"const @c : i8[2] = {1}", "3:21: error E0103: the list has 1 elements, th"},
  {"const @c : i8[2] = {1,\n2,\n3}", "3:21: error E0103: the list has 3"},
  {"const @c : i8[2] = {1,\n128}", "4:1: error E0103: expected an integer in"},
  {"const @c : u64[1] = {18446744073709551616}", "3:22: error E0103: expected"},
  {"const @c : i64[1] = {9223372036854775808}", "3:22: error E0103: expected"},
  {"const @c : i8[2] = {1, 2", "3:25: error E0103: expected '}'"},
  {"const @c : i8[1] = {}", "3:21: error E0103: the list has 0 elements"},
  {"const @c : i8[2] = splat", "3:25: error E0103: expected an integer in -1"},
  {"const @c : f16[1] = {0x12345}", "3:22: error E0103: expected 0x and at m"},
  {"const @c : f32[1] = {0x}", "3:22: error E0103: expected 0x and at most 8"},
  {"const @c : i8[1073741824] = splat 1", "3:35: error E0103: a splat has at"},
  {"const @c : i8[2] = file x", "3:25: error E0103: expected '\"'"},
  {"const @c : i8[2] = file \"nowhere.bin\"", "hint: t.kiln names it in line 3"},
  {"const @c : i8[2] = file \"../x\"", "3:25: error E0103: '../x' is not in"},
  {"const @c : i8[2] = file \"/x\"", "3:25: error E0103: '/x' is not in"},
  {"const @c : i8[2] = npy \"x/../../y\"", "is not inside of the text's"},
  {"const @c : i8[2] = npz \"nowhere.npz\" w", "hint: t.kiln names it in"},
  {"const @c : i8[2] = safetensors w", "3:32: error E0103: expected '\"'"},
  {"const @c : i8[2] = file \"x\"+-1", "3:29: error E0103: expected an int"},
  {"state %s : f32[4]", "3:18: error E0103: expected '->'"},
  {"state %s : f32[4] -> %n", "3:22: error E0103: %n is not defined"},
  {"state %s : f32[4] -> @x", "3:22: error E0103: x is a variable, write %x"},
  {"%y = relu %x", "3:4: error E0103: expected ':'"},
  {"%y : f32[4] relu %x", "3:13: error E0103: expected '='"},
  {"%y : f32[4] = rely %x", "3:15: error E0103: expected an operator"},
  {"%y : f32[4] = relu %z", "3:20: error E0103: %z is not defined"},
  {"%y : f32[4] = relu %y", "3:20: error E0103: %y is not defined"},
  {"%y : f32[4] = relu @x", "3:20: error E0103: x is a variable, write %x"},
  {"%y : f32[4] = relu %x,", "3:23: error E0103: expected %name or @name"},
  {"%y : f32[4] = relu %x { act=relu }", "3:25: error E0103: relu has no such"},
  {"%y : f32[4] = add %x, %x { act=max }", "3:32: error E0103: expected none"},
  {"%y : f32[4] = add %x, %x { act }", "3:32: error E0103: expected '='"},
  {"%y : f32[4] = add %x, %x { act=relu", "3:36: error E0103: expected '}'"},
  {"%y : f32[4] = mean %x { axes=0 }", "3:30: error E0103: expected '['"},
  {"%y : f32[4] = conv2d %x { pad=[0,0] }", "3:31: error E0103: fewer than 4"},
  {"%y : f32[4] = conv2d %x { stride=[1,1,1] }", "3:34: error E0103: more th"},
  {"%y : f32[4] = resize_nearest %x { align_corners=1 }", "3:49: error E0103: "
   "expected true or false"},
  {"%y : f32[4] = relu %x { rounding=up }", "3:34: error E0103: expected tfl"},
  {"%y : f32[4] = relu %x loc(1)", "3:27: error E0103: expected '\"'"},
  {"%y : f32[4], %y : f32[4] = split %x", "y is defined twice"},
  {"output", "3:7: error E0103: expected %name or @name"},
  {"output %x %x", "3:11: error E0103: expected the end of the line"},
  {"\xff\xfe", "3:1: error E0103: expected input"},
};
/* clang-format on */

static void each_error_has_its_place(void **state) {
  (void)state;
  int wrong = 0;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const char *text = errors_of(cases[i].lines);
    if (strstr(text, cases[i].error))
      continue;
    wrong++;
    print_error("%s\ngives\n%sinstead of %s\n\n", cases[i].lines, text,
                cases[i].error);
  }
  assert_int_equal(wrong, 0);
}

static void model_line(void **state) {
  (void)state;
  static const char *const bad[] = {
      "",      "\n# nothing\n",         "input %x : f32[1]",
      "model", "model m rounding=none", "model m m",
      "modelm"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    Diag *d = diag_new(arena);
    assert_null(graph_parse(arena, d, "t", bad[i], strlen(bad[i])));
    assert_int_equal(diag_error_count(d), 1);
  }
}

/* Values whose definition failed cause no further errors, lists that failed
 * are passed as a whole, and the lines behind are read. */
static void recovery(void **state) {
  (void)state;
  const char *text = errors_of("input %a : f31[1]\n"
                               "const @c : i8[4] = {1, x,\n  2,\n-3\n}\n"
                               "%b : f32[1] = nothing %a\n"
                               "%d : f32[1] = add %b, @c\n"
                               "%e : f31[1], %f : f32[1] = split %d\n"
                               "%g : f32[1] = add %e, %h\n"
                               "output %g\n");
  static const char *const places[] = {"3:", "4:", "8:", "10:", "11:"};
  const char *at = text;
  for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
    at = strstr(at, arena_printf(arena, "t.kiln:%s", places[i]));
    assert_non_null(at);
    at++;
  }
  assert_null(strstr(at, "t.kiln:"));
}

static void caret(void **state) {
  (void)state;
  const char *text = errors_of("\tinput %\"\xc3\xa9\" : x8[1] # caf\xc3\xa9\n");
  assert_string_equal(text, "t.kiln:3:16: error E0103: expected a type, such "
                            "as i8[1,4]\n"
                            "  \tinput %\"\xc3\xa9\" : x8[1] # caf\xc3\xa9\n"
                            "  \t             ^\n");
}

static void too_many_errors(void **state) {
  (void)state;
  Str s = str_new(arena);
  for (int i = 0; i < 1000; i++)
    str_add(&s, "nonsense\n");
  const char *text = errors_of(str_cstr(&s));
  assert_non_null(strstr(text, "too many errors"));
  assert_null(strstr(text, "t.kiln:25:"));
}

static MappedFile every_op(void) {
  MappedFile f;
  assert_true(
      file_map(KILN_SOURCE_DIR "/tests/ir/inputs/every_op.kiln", &f, diag));
  return f;
}

/* Parses a copy that ends where its allocation ends; a graph or an error,
 * never neither; what is accepted prints, reads and prints the same. */
static void parse_hostile(const char *text, size_t n) {
  Arena *a = arena_new();
  Diag *d = diag_new(a);
  char *copy = malloc(n ? n : 1);
  assert_non_null(copy);
  memcpy(copy, text, n);
  Graph *g = graph_parse(a, d, "t.kiln", copy, n);
  assert_true(g ? diag_error_count(d) == 0 : diag_error_count(d) > 0);
  if (g) {
    Str once = str_new(a), twice = str_new(a);
    graph_print(&once, g, TEXT_INLINE, NULL, NULL);
    Graph *h = graph_parse(a, d, "t.kiln", once.s, once.n);
    assert_non_null(h);
    graph_print(&twice, h, TEXT_INLINE, NULL, NULL);
    assert_string_equal(once.s, twice.s);
    bool ok = graph_verify(g);
    assert_true(ok == (diag_error_count(d) == 0));
    for (Op *op = g->first; ok && op; op = op->next)
      assert_true(op_macs(op) >= 0 && op_weight_bytes(op) >= 0);
  }
  free(copy);
  arena_free(a);
}

static void truncations(void **state) {
  (void)state;
  MappedFile f = every_op();
  for (size_t n = 0; n < f.bytes; n += 7)
    parse_hostile((const char *)f.data, n);
  file_unmap(&f);
}

static void mutations(void **state) {
  (void)state;
  static const char alphabet[] = "0123456789-.,:={}[]()%@#\"\\_ \n\0xqaf";
  MappedFile f = every_op();
  char *text = arena_dup(arena, f.data, f.bytes);
  uint64_t seed = 42;
  for (int i = 0; i < 1000; i++) {
    size_t at = test_random(&seed) % f.bytes;
    uint64_t r = test_random(&seed);
    text[at] =
        r & 1 ? (char)(r >> 8) : alphabet[(r >> 8) % (sizeof alphabet - 1)];
    parse_hostile(text, f.bytes);
    text[at] = (char)f.data[at];
  }
  file_unmap(&f);
}

/* Swaps of whole lines: definitions behind uses, operands of other types. */
static void swapped_words(void **state) {
  (void)state;
  MappedFile f = every_op();
  uint64_t seed = 7;
  for (int i = 0; i < 300; i++) {
    char *text = arena_dup(arena, f.data, f.bytes);
    size_t n = 1 + test_random(&seed) % 40;
    size_t from = test_random(&seed) % (f.bytes - n);
    size_t to = test_random(&seed) % (f.bytes - n);
    memmove(text + to, f.data + from, n);
    parse_hostile(text, f.bytes);
  }
  file_unmap(&f);
}

static double seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* 4 MB of elements, with and without line breaks. A parser that looked at
 * the line's beginning per element would not come back. */
static void big_constant(void **state) {
  (void)state;
  enum { COUNT = 1 << 20 };
  double start = seconds();
  for (int breaks = 0; breaks < 2; breaks++) {
    Str s = str_new(arena);
    str_printf(&s, "model m\nconst @c : i8[%d] = {-1", COUNT);
    for (int i = 1; i < COUNT; i++)
      str_add(&s, breaks ? ",\n-1" : ", -1");
    str_add(&s, "}\noutput @c\n");
    Graph *g = graph_parse(arena, diag, "t", s.s, s.n);
    assert_non_null(g);
    assert_true(graph_verify(g));
  }
  assert_true(seconds() - start < 20);
}

static void many_values(void **state) {
  (void)state;
  Str s = str_new(arena);
  str_add(&s, "model m\ninput %0 : f32[1]\n");
  for (int i = 1; i <= 50000; i++)
    str_printf(&s, "%%%d : f32[1] = relu %%%d\n", i, i - 1);
  str_add(&s, "output %50000\n");
  double start = seconds();
  Graph *g = graph_parse(arena, diag, "t", s.s, s.n);
  assert_non_null(g);
  assert_true(graph_verify(g));
  assert_true(seconds() - start < 20);
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(each_error_has_its_place),
      TEST(model_line),
      TEST(recovery),
      TEST(caret),
      TEST(too_many_errors),
      TEST(truncations),
      TEST(mutations),
      TEST(swapped_words),
      TEST(big_constant),
      TEST(many_values),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
