/* ir/text.h: print -> parse -> print is the identity; errors say where. What
 * broken text does is in text_broken.c. */
#include "tests/unit/fixture.h"

#include <string.h>
#include <unistd.h>

#include "frontend/frontend.h"
#include "ir/attrs.h"
#include "ir/text.h"
#include "support/file.h"
#include "support/tensor_file.h"

static Graph *parse(const char *text) {
  return graph_parse(arena, diag, "t.kiln", text, strlen(text));
}

static const char *printed(const Graph *g) {
  Str s = str_new(arena);
  graph_print(&s, g, TEXT_INLINE, NULL, NULL);
  return str_cstr(&s);
}

static void assert_round_trip(const char *text) {
  Graph *g = parse(text);
  if (!g)
    diag_print(diag, stderr);
  assert_non_null(g);
  assert_string_equal(printed(g), text);
}

/* A model that has every op, attribute and form of type. */
static const char *every_op(void) {
  MappedFile f;
  assert_true(
      file_map(KILN_SOURCE_DIR "/tests/ir/inputs/every_op.kiln", &f, diag));
  char *text = arena_strndup(arena, (const char *)f.data, f.bytes);
  file_unmap(&f);
  return text;
}

static void round_trip_of_every_op(void **state) {
  (void)state;
  const char *text = every_op();
  assert_round_trip(text);
  Graph *g = parse(text);
  bool ok = graph_verify(g);
  if (!ok)
    diag_print(diag, stderr);
  assert_true(ok);
  assert_string_equal(printed(graph_clone(arena, g)), text);
}

static void every_row_is_there(void **state) {
  (void)state;
  const char *text = every_op();
  for (int k = 0; k < OP_COUNT; k++) {
    const char *name = op_info((OpKind)k)->name;
    if (!strstr(text, arena_printf(arena, " = %s %%", name)) &&
        !strstr(text, arena_printf(arena, " = %s @", name)))
      fail_msg("every_op.kiln has no %s", name);
    int n;
    const AttrField *f = attr_fields((OpKind)k, &n);
    for (int i = 0; i < n; i++)
      if (!strstr(text, arena_printf(arena, " %s=", f[i].name)))
        fail_msg("every_op.kiln never sets %s", f[i].name);
  }
}

/* What op_verify refuses is still text. */
static void any_attribute(void **state) {
  (void)state;
  assert_round_trip(
      "model m rounding=tflite\n"
      "input %x : f32[1]\n"
      "%1 : f32[1] = concat %x, _, %x { axis=-9223372036854775808, act=relu "
      "}\n"
      "%2 : f32[1] = softmax _, _, _ { beta=nan }\n"
      "%3 : f32[1] = relu\n"
      "%4 : f32[1] = transpose %x { perm=[8,7,6,5,4,3,2,1] } "
      "loc(\"\\\"\\\\\\x0a\")\n"
      "%5 : f32[1] = leaky_relu %x { alpha=-0.0 }\n");
}

static void awkward_names(void **state) {
  (void)state;
  assert_round_trip("model \"\" rounding=single\n"
                    "input %\"conv/Relu:0\" : f32[1]\n"
                    "input %\"a b\" : f32[1]\n"
                    "input %\"quote\\\"back\\\\slash\" : f32[1]\n"
                    "input %\"tab\\x09bell\\x07del\\x7f\" : f32[1]\n"
                    "input %\"h\xc3\xa9\xe2\x82\xac\" : f32[1]\n"
                    "input %\"->\" : f32[1]\n"
                    "input %- : f32[1]\n"
                    "input %_ : f32[1]\n"
                    "input %a.b-c$d_E : f32[1]\n"
                    "const @\"%x\" : f32[1] = {1.0}\n"
                    "%0 : f32[1] = add %_, @\"%x\"\n"
                    "output %\"->\"\n"
                    "output %-\n");
}

static void every_element_type(void **state) {
  (void)state;
  assert_round_trip(
      "model m rounding=tflite\n"
      "const @i4 : i4[3] = {-8, 7, -1}\n"
      "const @u4 : u4[3] = {0, 15, 8}\n"
      "const @i8 : i8[2] = {-128, 127}\n"
      "const @u8 : u8[2] = {0, 255}\n"
      "const @i16 : i16[2] = {-32768, 32767}\n"
      "const @u16 : u16[2] = {0, 65535}\n"
      "const @i32 : i32[2] = {-2147483648, 2147483647}\n"
      "const @u32 : u32[2] = {0, 4294967295}\n"
      "const @i64 : i64[2] = {-9223372036854775808, 9223372036854775807}\n"
      "const @u64 : u64[2] = {0, 18446744073709551615}\n"
      "const @f16 : f16[5] = {5.9604645e-08, 65504.0, -0.0, nan, 0xfc01}\n"
      "const @bf16 : bf16[4] = {3.3895314e+38, inf, 0.00390625, 0xffc0}\n"
      "const @f32 : f32[4] = {1e-45, -inf, nan, 0x7fc00001}\n"
      "const @f64 : f64[3] = {0.1, 5e-324, 0x7ff0000000000001}\n"
      "const @bool : bool[3] = {0, 1, 255}\n"
      "const @packed : i4[5] = splat -3\n"
      "const @nans : f32[2] = splat 0xffc00000\n"
      "const @empty : f32[0,7] = {}\n");
}

static void scalars_and_states(void **state) {
  (void)state;
  assert_round_trip("model m rounding=tflm\n"
                    "input %x : f32[]\n"
                    "const @one : f32[] = {1.0}\n"
                    "const @init : f32[] = {0.25}\n"
                    "state %s : f32[] = @init -> %t\n"
                    "state %u : f32[] -> @one\n"
                    "%t : f32[] = add %s, %x\n"
                    "output %t\n"
                    "output @one\n");
}

static void quantizations(void **state) {
  (void)state;
  assert_round_trip(
      "model m rounding=tflite\n"
      "input %a : i8[4] q(axis 0 block 2, {0.1, 0.2}, {-1, 1})\n"
      "input %b : i4[4] q(1e-10, 0, range -7..7, codebook {-128, 0, 127})\n"
      "input %c : u16[2] q(axis 0, {1e+10, 3.4028235e+38}, 65535)\n");
}

static void free_form(void **state) {
  (void)state;
  Graph *g = parse("# comment\r\n\n  # another\n"
                   "\tmodel m # rounding is tflite unless said\r\n"
                   "input %x:i8[2]q(0.5,0)# no blanks\n"
                   "const @c : i8[ 2 ] q( 0.5 , 0 ) = { 1 , # one\n"
                   "\n  -2 # } two,\n }\n"
                   "%y :i8[2] q(5e-1, 0)=add %x,@c{act=relu}loc(\"here\")\n"
                   "output %y, %x, @c");
  assert_non_null(g);
  assert_string_equal(printed(g), "model m rounding=tflite\n"
                                  "input %x : i8[2] q(0.5, 0)\n"
                                  "const @c : i8[2] q(0.5, 0) = {1, -2}\n"
                                  "%y : i8[2] q(0.5, 0) = add %x, @c "
                                  "{ act=relu } loc(\"here\")\n"
                                  "output %y\noutput %x\noutput @c\n");
  assert_int_equal(g->last->loc.line, 10);
  assert_string_equal(g->last->loc.what, "here");
}

/* Raw files: 64-byte aligned, found beside the text, back to the same text;
 * what lies at an odd offset is copied to where it is aligned. */
static void file_constants(void **state) {
  (void)state;
  char dir[] = "/tmp/kiln-text-XXXXXX";
  assert_non_null(mkdtemp(dir));
  const char *bin = path_join(arena, dir, "w.bin");
  const char *kiln = path_join(arena, dir, "m.kiln");
  Graph *g = parse("model m\nconst @a : i8[3] = {1, 2, 3}\n"
                   "const @b : f32[2] = {0.5, nan}\noutput @b\n");
  Str blob = str_new(arena), text = str_new(arena), again = str_new(arena);
  graph_print(&text, g, TEXT_FILE, "w.bin", &blob);
  assert_string_equal(str_cstr(&text),
                      "model m rounding=tflite\n"
                      "const @a : i8[3] = file \"w.bin\"+0\n"
                      "const @b : f32[2] = file \"w.bin\"+64\noutput @b\n");
  assert_int_equal(blob.n, 72);
  assert_true(file_write(bin, blob.s, blob.n, diag));
  Graph *h = graph_parse(arena, diag, kiln, text.s, text.n);
  assert_non_null(h);
  blob = str_new(arena);
  graph_print(&again, h, TEXT_FILE, "w.bin", &blob);
  assert_string_equal(str_cstr(&again), str_cstr(&text));
  assert_string_equal(printed(h), printed(g));
  const char *odd = "model m\nconst @b : f32[1] = file \"w.bin\"+61\n"
                    "output @b\n";
  h = graph_parse(arena, diag, kiln, odd, strlen(odd));
  assert_int_equal((uintptr_t)graph_find(h, "b")->init->data % 4, 0);
  const char *behind = "model m\nconst @b : f32[2] = file \"w.bin\"+65\n";
  assert_null(graph_parse(arena, diag, kiln, behind, strlen(behind)));
  unlink(bin);
  rmdir(dir);
}

/* Writes a .safetensors of one f32[2] named "w.x" and one u8[4] named "q". */
static void write_safetensors(const char *path) {
  static const char header[] =
      "{\"__metadata__\":{\"by\":\"hand\"},"
      "\"w.x\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
      "\"q\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[8,12]}}  ";
  static const float w[2] = {0.5f, -2};
  static const uint8_t q[4] = {1, 2, 3, 15};
  Str s = str_new(arena);
  uint64_t n = sizeof header - 1;
  str_add_bytes(&s, &n, sizeof n);
  str_add_bytes(&s, header, n);
  str_add_bytes(&s, w, sizeof w);
  str_add_bytes(&s, q, sizeof q);
  assert_true(file_write(path, s.s, s.n, diag));
}

/* Arrays of files, 4-bit ones packed; what does not fit is told. */
static void array_constants(void **state) {
  (void)state;
  char dir[] = "/tmp/kiln-text-XXXXXX";
  assert_non_null(mkdtemp(dir));
  const char *safe = path_join(arena, dir, "w.safetensors");
  const char *npy = path_join(arena, dir, "w.npy");
  const char *kiln = path_join(arena, dir, "m.kiln");
  static const int16_t numbers[3] = {7, -8, 9};
  const NdArray x = {ELEM_i16, 2, {1, 3}, numbers, sizeof numbers};
  write_safetensors(safe);
  assert_true(npy_write(diag, npy, &x));
  static const char text[] =
      "model m\n"
      "const @w : f32[2] = safetensors \"w.safetensors\" w.x # first\n"
      "const @q : u4[4] = safetensors \"w.safetensors\" \"q\"\n"
      "const @n : i16[1,3] q(0.5, 0) = npy \"w.npy\"\noutput @w\n";
  Graph *g = graph_parse(arena, diag, kiln, text, strlen(text));
  assert_non_null(g);
  assert_string_equal(printed(g), "model m rounding=tflite\n"
                                  "const @w : f32[2] = {0.5, -2.0}\n"
                                  "const @q : u4[4] = {1, 2, 3, 15}\n"
                                  "const @n : i16[1,3] q(0.5, 0) = {7, -8, 9}\n"
                                  "output @w\n");
  static const char *const bad[] = {
      "model m\nconst @w : f32[2] = safetensors \"w.safetensors\"\n",
      "model m\nconst @w : f32[2] = safetensors \"w.safetensors\" w\n",
      "model m\nconst @w : f32[1,2] = safetensors \"w.safetensors\" w.x\n",
      "model m\nconst @w : i16[3] = npy \"w.npy\"\n",
      "model m\nconst @w : u16[1,3] = npy \"w.npy\"\n",
      "model m\nconst @w : u8[4] = safetensors \"w.npy\" w\n"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    assert_null(graph_parse(arena, diag, kiln, bad[i], strlen(bad[i])));
  unlink(safe);
  unlink(npy);
  rmdir(dir);
}

static void elided(void **state) {
  (void)state;
  Graph *g = parse("model m\nconst @a : i8[3] = {1, 2, 3}\noutput @a\n");
  Str s = str_new(arena);
  graph_print(&s, g, TEXT_ELIDED, NULL, NULL);
  assert_string_equal(str_cstr(&s), "model m rounding=tflite\n"
                                    "const @a : i8[3] = elided\noutput @a\n");
  assert_null(parse(str_cstr(&s)));
}

static Graph *import(const char *text, Rounding r) {
  ImportOptions opt = {.rounding = r};
  const uint8_t *bytes = (const uint8_t *)text;
  if (!importer_text.match(bytes, strlen(text)))
    return NULL;
  return importer_text.import(arena, diag, "t.kiln", bytes, strlen(text), &opt);
}

static void importer(void **state) {
  (void)state;
  const char *text = "# x\n\n model m rounding=onnx\ninput %x : f32[1]\n"
                     "%y : f32[1] = relu %x { rounding=single }\noutput %y\n";
  Graph *g = import(text, ROUND_COUNT);
  assert_int_equal(g->rounding, ROUND_onnx);
  assert_int_equal(g->last->rounding, ROUND_single);
  g = import(text, ROUND_tflm);
  assert_int_equal(g->rounding, ROUND_tflm);
  assert_int_equal(g->last->rounding, ROUND_tflm);
  assert_null(import("models m\n", ROUND_COUNT));
  assert_null(import("", ROUND_COUNT));
  assert_null(import("# model m", ROUND_COUNT));
  assert_int_equal(diag_error_count(diag), 0);
  assert_null(import("model m\ninput %x : f32[0]\noutput %x\n", ROUND_COUNT));
  assert_int_equal(diag_exit_status(diag), EXIT_UNSUPPORTED);
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(round_trip_of_every_op),
      TEST(every_row_is_there),
      TEST(any_attribute),
      TEST(awkward_names),
      TEST(every_element_type),
      TEST(scalars_and_states),
      TEST(quantizations),
      TEST(free_form),
      TEST(file_constants),
      TEST(array_constants),
      TEST(elided),
      TEST(importer),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
