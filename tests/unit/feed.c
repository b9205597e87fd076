/* Samples as a model takes them: shapes, preprocessing, which are taken. */
#include "tests/unit/fixture.h"

#include <string.h>
#include <unistd.h>

#include "compress/feed.h"
#include "ir/text.h"
#include "support/file.h"

static Graph *parse(const char *inputs) {
  const char *text = arena_printf(arena, "model m rounding=onnx\n%s", inputs);
  Graph *g = graph_parse(arena, diag, "m.kiln", text, strlen(text));
  assert_non_null(g);
  return g;
}

static Feed open_bytes(const Graph *g, const NdArray *x) {
  static const char *from = "x.npy";
  Feed f;
  if (!feed_open(diag, g, x, &from, &f))
    fail_msg("%s", messages());
  return f;
}

static const uint8_t pixels[12] = {10, 20, 30, 40,  50,  60,
                                   70, 80, 90, 100, 110, 120};
/* Two pixels of RGB in a row, two samples. */
static const NdArray rgb = {ELEM_u8, 4, {2, 1, 2, 3}, pixels, sizeof pixels};

/* ((x / 10) - mean[c]) / std[c], blue first, in planes. */
static void preprocessed(void **state) {
  (void)state;
  Graph *g = parse("input %x : f32[1,3,1,2] preprocess { scale=1/10, "
                   "mean=[1,2,3], std=[1,2,4], order=bgr, layout=nchw }\n"
                   "output %x\n");
  static const float want[6] = {8, 11, 3, 4.5, 1, 1.75};
  float x[6];
  Feed f = open_bytes(g, &rgb);
  assert_int_equal(f.samples, 2);
  feed_sample(&f, 1, (void *[]){x});
  assert_memory_equal(x, want, sizeof x);
}

/* 10 (x / 10 - 1) / 4: half to even under rounding=onnx, then clamped. */
static void quantized(void **state) {
  (void)state;
  Graph *g = parse("input %x : i8[1,1,2,3] q(0.25, -2) preprocess "
                   "{ scale=0.1, mean=[1] }\noutput %x\n");
  static const int8_t want[6] = {-2, 2, 6, 10, 14, 18};
  int8_t x[6];
  Feed f = open_bytes(g, &rgb);
  feed_sample(&f, 0, (void *[]){x});
  assert_memory_equal(x, want, sizeof x);
}

static void without_values(void **state) {
  (void)state;
  Graph *g = parse("input %x : i8[1,3,1,2] q(0.5, 3) preprocess "
                   "{ layout=nchw }\noutput %x\n");
  static const int8_t want[6] = {-118, -88, -108, -78, -98, -68};
  int8_t x[6];
  Feed f = open_bytes(g, &rgb);
  feed_sample(&f, 0, (void *[]){x});
  assert_memory_equal(x, want, sizeof x);
}

static void other_types(void **state) {
  (void)state;
  Graph *g = parse("input %a : i64[3]\ninput %b : f16[2]\noutput %a\n");
  static const int32_t a[6] = {1, -2, 3, 4, 5, 6};
  static const float b[4] = {0.5f, -1, 2, 3};
  const NdArray data[2] = {{ELEM_i32, 1, {6}, a, sizeof a},
                           {ELEM_f32, 2, {2, 2}, b, sizeof b}};
  static const char *const from[] = {"a", "b"};
  Feed f;
  assert_true(feed_open(diag, g, data, from, &f));
  int64_t x[3];
  uint16_t y[2];
  feed_sample(&f, 0, (void *[]){x, y});
  assert_int_equal(x[1], -2);
  assert_int_equal(y[0], 0x3800);
  assert_int_equal(y[1], 0xbc00);
}

static void expect_refused(const char *input, const NdArray *x,
                           const char *message) {
  static const char *from = "x.npy";
  Feed f;
  Graph *g = parse(arena_printf(arena, "input %%x : %s\noutput %%x\n", input));
  assert_false(feed_open(diag, g, x, &from, &f));
  if (!strstr(messages(), message))
    fail_msg("expected '%s', got '%s'", message, messages());
}

static void shapes(void **state) {
  (void)state;
  expect_refused("f32[1,1,2,5]", &rgb,
                 "x.npy: error E0701: u8[2,1,2,3] does not hold samples "
                 "[1,1,2,5] (10 elements) of input 'x'");
  expect_refused("f32[1,3,1,2]", &rgb, "--preprocess \"layout=nchw\" moves");
  expect_refused("f32[1,2,3,1] preprocess { layout=nchw }", &rgb,
                 "without layout=nchw");
  static const float nan_[1] = {(float)(0.0 / 0.0)};
  const NdArray one = {ELEM_f32, 1, {1}, nan_, 4};
  expect_refused("i8[1]", &one, "element 0 is not a number");
  expect_refused("i4[2]", &one, "samples are not i4");
  open_bytes(parse("input %x : f32[6]\noutput %x\n"), &rgb); /* flat */
  open_bytes(parse("input %x : f32[2,1,3,1]\noutput %x\n"), &rgb);
}

/* ---- files ---- */

static char dir[32];

static const char *write_bytes(const char *name, const void *data, size_t n) {
  const char *path = path_join(arena, dir, name);
  assert_true(file_write(path, data, n, diag));
  return path;
}

static int make_dir(void **state) {
  strcpy(dir, "/tmp/kiln-feed-XXXXXX");
  return setup(state) || !mkdtemp(dir);
}

static int drop_dir(void **state) {
  char command[64];
  snprintf(command, sizeof command, "rm -rf '%s'", dir);
  return system(command) | teardown(state);
}

static void selection(void **state) {
  (void)state;
  Graph *g = parse("input %x : u8[1]\noutput %x\n");
  uint8_t bytes[100], x;
  for (int i = 0; i < 100; i++)
    bytes[i] = (uint8_t)i;
  const char *spec =
      arena_printf(arena, "%s:u8", write_bytes("x", bytes, sizeof bytes));
  Feed f;
  FeedPick pick = {.samples = 7};
  assert_true(feed_load(diag, g, &spec, 1, &pick, &f));
  assert_int_equal(f.samples, 7);
  assert_int_equal(f.total, 100);
  feed_sample(&f, 6, (void *[]){&x});
  assert_int_equal(x, 6);
  pick = (FeedPick){.first = 97, .samples = 5};
  assert_true(feed_load(diag, g, &spec, 1, &pick, &f));
  assert_int_equal(f.samples, 3);
  feed_sample(&f, 2, (void *[]){&x});
  assert_int_equal(x, 99);
  pick.first = 100;
  assert_false(feed_load(diag, g, &spec, 1, &pick, &f));
  pick = (FeedPick){.samples = 5, .random = true, .seed = 3};
  assert_true(feed_load(diag, g, &spec, 1, &pick, &f));
  for (int64_t s = 0, last = -1; s < 5; s++) {
    feed_sample(&f, s, (void *[]){&x});
    assert_int_equal(x, f.index[s]);
    assert_true(x > last);
    last = x;
  }
  const int64_t *first = f.index;
  assert_true(feed_load(diag, g, &spec, 1, &pick, &f));
  assert_memory_equal(first, f.index, 5 * sizeof *first);
  pick.seed = 4;
  assert_true(feed_load(diag, g, &spec, 1, &pick, &f));
  assert_memory_not_equal(first, f.index, 5 * sizeof *first);
  pick.samples = 1000;
  assert_true(feed_load(diag, g, &spec, 1, &pick, &f));
  assert_int_equal(f.samples, 100);
}

static void assignment(void **state) {
  (void)state;
  Graph *g = parse("input %a : u8[2]\ninput %\"b=c\" : u8[1]\noutput %a\n");
  const char *path = write_bytes("x", "abcdef", 6);
  const char *named = arena_printf(arena, "b=c=%s:u8", path);
  const char *plain = arena_printf(arena, "%s:u8[2]", path);
  const char *specs[3] = {named, plain, plain};
  const FeedPick all = {0};
  Feed f;
  uint8_t a[2], b[1];
  assert_false(feed_load(diag, g, specs, 2, &all, &f));
  assert_non_null(strstr(messages(), "6 samples, but 3 in"));
  assert_false(feed_load(diag, g, specs, 3, &all, &f));
  assert_non_null(strstr(messages(), "is one more than there are inputs"));
  assert_false(feed_load(diag, g, specs, 1, &all, &f));
  assert_non_null(strstr(messages(), "no --data for input 'a'"));
  specs[0] = arena_printf(arena, "b=c=%s:u8", write_bytes("y", "xyz", 3));
  assert_true(feed_load(diag, g, specs, 2, &all, &f));
  feed_sample(&f, 2, (void *[]){a, b});
  assert_memory_equal(a, "ef", 2);
  assert_int_equal(*b, 'z');
}

/* Arrays of pictures are cut to the input's size; those that have it are
 * left alone. */
static void arrays_resized(void **state) {
  (void)state;
  Graph *g = parse("input %x : u8[1,1,1,3] preprocess { crop=1 }\noutput %x\n");
  const char *spec = arena_printf(arena, "%s:u8[1,2,3]",
                                  write_bytes("x", pixels, sizeof pixels));
  const FeedPick all = {0}, one = {.samples = 1, .random = true, .seed = 1};
  Feed f;
  uint8_t x[3];
  assert_true(feed_load(diag, g, &spec, 1, &all, &f));
  assert_int_equal(f.samples, 2);
  feed_sample(&f, 1, (void *[]){x});
  assert_memory_equal(x, pixels + 6, 3);
  assert_true(feed_load(diag, g, &spec, 1, &one, &f));
  feed_sample(&f, 0, (void *[]){x});
  assert_memory_equal(x, pixels + 6 * f.index[0], 3);
  g = parse("input %x : u8[1,2,1,3] preprocess { crop=2x1, resize=9 }\n"
            "output %x\n");
  spec = arena_printf(arena, "%s:u8[2,1,3]", path_join(arena, dir, "x"));
  assert_true(feed_load(diag, g, &spec, 1, &all, &f));
  spec = arena_printf(arena, "%s:i8[1,2,3]", path_join(arena, dir, "x"));
  assert_false(feed_load(diag, g, &spec, 1, &all, &f));
  assert_non_null(strstr(messages(), "no pictures u8[n,h,w,3]"));
}

static void another_graph(void **state) {
  (void)state;
  Graph *g = parse("input %x : f32[1,3,1,2] preprocess { scale=1/10, "
                   "layout=nchw }\noutput %x\n");
  Graph *q = parse("input %y : i8[1,3,1,2] q(0.5, 0)\noutput %y\n");
  static const int8_t want[6] = {2, 8, 4, 10, 6, 12};
  int8_t x[6];
  Feed f = open_bytes(g, &rgb), h;
  assert_true(feed_for(diag, &f, q, &h));
  feed_sample(&h, 0, (void *[]){x});
  assert_memory_equal(x, want, sizeof x);
  Graph *other = parse("input %y : f32[1,2,1,3]\noutput %y\n");
  assert_false(feed_for(diag, &f, other, &h));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
#define FILES(f) cmocka_unit_test_setup_teardown(f, make_dir, drop_dir)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(preprocessed), TEST(quantized),       TEST(without_values),
      TEST(other_types),  TEST(shapes),          FILES(selection),
      FILES(assignment),  FILES(arrays_resized), TEST(another_graph),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
