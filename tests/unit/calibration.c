/* compress/calibration.h and tensor_stats.h: what is gathered, as text and in
 * parts. */
#include "compress/calibration.h"

#include <math.h>
#include <string.h>

#include "compress/calibration_private.h"
#include "ir/hash.h"
#include "ir/text.h"
#include "tests/unit/fixture.h"

/* ---- statistics ---- */

static int bin_of(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return (int)(bits >> 16);
}

static void counts_each_element(void **state) {
  (void)state;
  static const float x[2][8] = {
      {0.0f, -0.0f, 1.0f, 1.001f, -2.5f, 1e-40f, INFINITY, NAN},
      {3.0f, -1.0f, 4.0f, 1.0f, -5.0f, 9.0f, 2.0f, -6.0f}};
  const Type *type = type_new(arena, DT_f32, 2, (const int64_t[]){4, 2}, NULL);
  TensorStats t = stats_new(arena, "x", type, 2);
  stats_observe(&t, x[0]);
  stats_observe(&t, x[1]);
  assert_int_equal(t.elements, 8);
  assert_int_equal(t.nonfinite, 2);
  assert_int_equal(stats_count(&t), 14);
  assert_int_equal(stats_bin_count(&t, 0), 3);
  assert_int_equal(stats_bin_count(&t, bin_of(1.0f)), 3);
  assert_int_equal(stats_bin_count(&t, bin_of(-2.5f)), 1);
  assert_null(t.octave[stats_octave_of(true, 7)]);
  assert_float_equal(t.sample[0].lo, -2.5f, 0);
  assert_float_equal(t.sample[0].hi, 1.001f, 0);
  assert_float_equal(t.sample[1].lo, -6, 0);
  assert_float_equal(t.sample[1].hi, 9, 0);
  assert_float_equal(t.channel[0].range.lo, -5, 0);
  assert_float_equal(t.channel[1].range.lo, -6, 0);
  assert_float_equal(fixed_value(&t.channel[1].sum), 4.001f, 1e-6);
  assert_float_equal(stats_mean(&t), (-0.499 + 7) / 14, 1e-6);
}

/* More elements than lanes, in rows of 5 channels, against plain sums. */
static void sums_every_channel(void **state) {
  (void)state;
  enum { ROWS = 101, CHANNELS = 5 };
  static float x[ROWS * CHANNELS];
  double sum[CHANNELS] = {0}, squares = 0;
  uint64_t random = 3;
  for (int i = 0; i < ROWS * CHANNELS; i++) {
    x[i] = (float)((double)(int64_t)test_random(&random) * 0x1p-60);
    sum[i % CHANNELS] += (double)x[i];
    squares += (double)x[i] * (double)x[i];
  }
  const Type *type =
      type_new(arena, DT_f32, 2, (const int64_t[]){ROWS, CHANNELS}, NULL);
  TensorStats t = stats_new(arena, "x", type, 1);
  stats_observe(&t, x);
  for (int c = 0; c < CHANNELS; c++)
    assert_float_equal(fixed_value(&t.channel[c].sum), sum[c], 1e-9);
  assert_float_equal(stats_mean_square(&t), squares / (ROWS * CHANNELS), 1e-9);
}

static void bins_hold_their_reals(void **state) {
  (void)state;
  static const float x[] = {1, 1.007f, -3.99f, 0x1p-126f, 3e38f, -1e-20f};
  for (size_t i = 0; i < sizeof x / sizeof *x; i++) {
    double lo, hi;
    stats_bin(bin_of(x[i]), &lo, &hi);
    assert_true(lo <= (double)x[i] && (double)x[i] <= hi);
    assert_true(hi - lo <= fabs(lo) / 127);
  }
}

static void sums_are_exact(void **state) {
  (void)state;
  FixedSum a = {0}, b = {0};
  static const double x[] = {1e6, -1e-12, 0.1, -1e6, 1e300, -1e300, 1e-12};
  enum { TERMS = sizeof x / sizeof *x };
  for (int i = 0; i < TERMS; i++) {
    fixed_add(&a, x[i]);
    fixed_add(&b, x[TERMS - 1 - i]);
  }
  assert_int_equal(a.whole, b.whole);
  assert_int_equal(a.part, b.part);
  assert_float_equal(fixed_value(&a), 0.1, 1e-15);
}

/* ---- a model ---- */

static const char *const layers =
    "model small rounding=tflite\n"
    "input %x : f32[1,2,2,2]\n"
    "input %n : i8[2]\n"
    "const @w : f32[3,1,1,2] = {1.5, 2.0, -3.0, 4.0, 5.0, 6.0}\n"
    "%c : f32[1,2,2,3] = conv2d %x, @w\n"
    "%\"a \\\"name\\\"\" : f32[1,2,2,3] = logistic %c\n"
    "%m : f32[1,2,2,3] = mul %\"a \\\"name\\\"\", %c\n"
    "%i : i8[2] = relu %n\n"
    "output %m\n"
    "output %i\n";

enum { SAMPLES = 23 };

static Executor *interpreter(Engine *e, const Graph *g) {
  (void)e;
  return interp_new(g, NULL, NULL);
}

static Engine engine = {interpreter};

static Graph *parse_graph(const char *text) {
  Graph *g = graph_parse(arena, diag, "small.kiln", text, strlen(text));
  assert_non_null(g);
  return g;
}

static void open_feed(const Graph *g, Feed *f) {
  static float x[SAMPLES * 8];
  static int8_t n[SAMPLES * 2];
  static NdArray data[2];
  static const char *const from[] = {"x.npy", "n.npy"};
  uint64_t random = 5;
  for (int i = 0; i < SAMPLES * 8; i++)
    x[i] = (float)((double)(int64_t)test_random(&random) * 0x1p-62);
  data[0] = (NdArray){.type = ELEM_f32, .rank = 2, .data = x};
  data[0].dim[0] = SAMPLES;
  data[0].dim[1] = 8;
  data[1] = (NdArray){.type = ELEM_i8, .rank = 2, .data = n};
  data[1].dim[0] = SAMPLES;
  data[1].dim[1] = 2;
  assert_true(feed_open(diag, g, data, from, f));
}

static Calibration run(int64_t k, int64_t n, int64_t group_bytes) {
  Graph *g = parse_graph(layers);
  Feed f;
  Calibration c;
  open_feed(g, &f);
  assert_true(calibrate_in_groups(arena, g, &engine, &f, (Shard){k, n},
                                  group_bytes, NULL, &c));
  return c;
}

static const char *text_of(const Calibration *c) {
  Str s = str_new(arena);
  calibration_print(&s, c);
  return str_cstr(&s);
}

static bool parse(const char *text, Calibration *out) {
  return calibration_parse(arena, diag, "c.txt", text, strlen(text), out);
}

static void observes_every_float(void **state) {
  (void)state;
  static const char *const names[] = {"x", "c", "a \"name\"", "m"};
  Calibration c = run(1, 1, 1 << 20);
  assert_int_equal(c.tensors.n, 4);
  for (int i = 0; i < 4; i++) {
    assert_string_equal(c.tensors.v[i].name, names[i]);
    assert_int_equal(c.tensors.v[i].samples, SAMPLES);
    assert_ptr_equal(calibration_find(&c, names[i]), &c.tensors.v[i]);
  }
  Range logistic = stats_extent(&c.tensors.v[2]);
  assert_true(logistic.lo >= 0 && logistic.hi <= 1);
  assert_null(calibration_find(&c, "i"));
}

/* As many runs as there are values. */
static void groups_make_no_difference(void **state) {
  (void)state;
  Calibration whole = run(1, 1, 1 << 20), single = run(1, 1, 1);
  assert_string_equal(text_of(&whole), text_of(&single));
}

/* A sum over the samples, and what it was one sample before. */
static const char *const stream =
    "model stream\ninput %x : f32[1]\n"
    "state %sum : f32[1] -> %new\nstate %late : f32[1] -> %sum\n"
    "%new : f32[1] = add %sum, %x\n%y : f32[1] = add %new, %late\n"
    "output %y\n";

static Calibration run_stream(int64_t k, int64_t n) {
  static const float x[] = {1, 2, 4, -16, 32};
  const char *from = "x";
  NdArray data = {.type = ELEM_f32, .rank = 1, .dim = {5}, .data = x};
  Graph *g = parse_graph(stream);
  Feed f;
  Calibration c;
  assert_true(feed_open(diag, g, &data, &from, &f));
  assert_true(calibrate(arena, g, &engine, &f, (Shard){k, n}, NULL, &c));
  return c;
}

static void states_run_through_all_samples(void **state) {
  (void)state;
  static const float sums[] = {1, 3, 7, -9, 23};
  Calibration c = run_stream(1, 1);
  const TensorStats *sum = calibration_find(&c, "sum");
  const TensorStats *late = calibration_find(&c, "late");
  float before = 0;
  for (int i = 0; i < 5; i++) {
    assert_float_equal(sum->sample[i].hi, sums[i], 0);
    assert_float_equal(late->sample[i].hi, before, 0);
    before = sums[i];
  }
  Calibration parts[] = {run_stream(2, 2), run_stream(1, 2)}, out;
  assert_true(calibration_merge(arena, diag, parts, 2, &out));
  assert_string_equal(text_of(&out), text_of(&c));
}

static void refuses_what_has_no_floats(void **state) {
  (void)state;
  Graph *g = parse_graph("model m\ninput %x : i8[2]\n%y : i8[2] = relu %x\n"
                         "output %y\n");
  int8_t x[2] = {0};
  NdArray data = {.type = ELEM_i8, .rank = 1, .dim = {2}, .data = x};
  const char *from = "x";
  Feed f;
  Calibration c;
  assert_true(feed_open(diag, g, &data, &from, &f));
  assert_false(calibrate(arena, g, &engine, &f, (Shard){1, 1}, NULL, &c));
  assert_int_equal(diag_error_count(diag), 1);
}

/* ---- text ---- */

static void reads_what_it_prints(void **state) {
  (void)state;
  Calibration c = run(2, 3, 1 << 20), again;
  c.tensors.v[1].fixed = true;
  c.tensors.v[1].range = (Range){-1, 6};
  c.tensors.v[2].nonfinite = 2;
  int64_t moved = 2;
  for (int code = 1; moved; code++) {
    int64_t have = stats_bin_count(&c.tensors.v[2], code);
    int64_t n = have < moved ? have : moved;
    if (n)
      c.tensors.v[2].octave[code / STAT_OCTAVE][code % STAT_OCTAVE] -= n;
    moved -= n;
  }
  const char *text = text_of(&c);
  assert_non_null(strstr(text, "samples 1..22/3 of 23\n"));
  assert_non_null(strstr(text, "range \"c\" = [-1.0, 6.0]\n"));
  assert_non_null(strstr(text, "nonfinite 2\n"));
  if (!parse(text, &again))
    diag_print(diag, stderr);
  assert_int_equal(diag_error_count(diag), 0);
  assert_string_equal(text_of(&again), text);
  assert_true(calibration_check(diag, &again, parse_graph(layers)));
}

static void sums_survive_text(void **state) {
  (void)state;
  static const double sums[] = {0,    -0.25, 1,      -1,      -1e12,
                                1e12, 1e-18, -1e-18, 123.456, -123.456};
  Calibration c = run(1, 1, 1 << 20), again;
  for (size_t i = 0; i < sizeof sums / sizeof *sums; i++) {
    FixedSum *s = &c.tensors.v[0].channel[0].sum;
    *s = (FixedSum){0};
    fixed_add(s, sums[i]);
    assert_true(parse(text_of(&c), &again));
    const FixedSum *r = &again.tensors.v[0].channel[0].sum;
    assert_int_equal(r->whole, s->whole);
    assert_int_equal(r->part, s->part);
  }
}

static void lists_samples(void **state) {
  (void)state;
  static const struct {
    int64_t v[8], n;
    const char *text;
  } lists[] = {
      {{0}, 0, ""},
      {{4}, 1, "4"},
      {{0, 1}, 2, "0..1"},
      {{0, 2}, 2, "0 2"},
      {{0, 2, 4}, 3, "0..4/2"},
      {{0, 3, 4, 5, 9}, 5, "0 3..5 9"},
      {{1, 2, 5, 6}, 4, "1..2 5..6"},
  };
  for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
    Str s = str_new(arena);
    sample_list_print(&s, lists[i].v, lists[i].n);
    assert_string_equal(str_cstr(&s), lists[i].text);
  }
}

/* A file of ranges alone. */
static void takes_ranges_without_statistics(void **state) {
  (void)state;
  Calibration c;
  const char *text =
      arena_printf(arena,
                   "kiln-calibration 1 # by hand\nmodel \"small\" %016llx\n"
                   "samples of 1\nrange \"m\" = [-1, 6]\n",
                   (unsigned long long)graph_hash(parse_graph(layers)));
  assert_true(parse(text, &c));
  assert_true(calibration_check(diag, &c, parse_graph(layers)));
  assert_true(calibration_find(&c, "m")->fixed);
}

/* Text that takes the place of a piece of a good one, and what is said. */
static const struct {
  const char *piece, *with, *message;
} faults[] = {
    {"kiln-calibration 1", "kiln-calibration 2", "c.txt:1:18"},
    {"kiln-calibration", "model", "this is no calibration"},
    {"model \"small\"", "model small", "c.txt:2:7"},
    {"model \"small\" ", "model \"small\" 1", "16 hexadecimal digits"},
    {"model \"small\"", "#", "it lacks a line 'model'"},
    {"samples 0..22", "preprocess \"x\"\nsamples 0..22", "c.txt:3"},
    {"samples 0..22",
     "preprocess \"x\" \"\"\npreprocess \"x\" \"\"\nsamples 0..22",
     "input 'x' is there already"},
    {"samples 0..22 of 23", "samples 0..23 of 23", "integer in 0..22"},
    {"samples 0..22 of 23", "samples 0..22", "c.txt:3"},
    {"samples 0..22 of 23", "samples 0 5 3 of 23", "do not rise"},
    {"samples 0..22 of 23", "samples 0..21 of 23", "expected ']'"},
    {"samples 0..22 of 23", "samples 0..22 of 23\nsamples 1 of 2",
     "there are samples already"},
    {"tensor \"x\" 8", "tensor \"x\" 9", "its counts are not those"},
    {"tensor \"x\" 8", "tensor \"x\" 0", "c.txt:5:12"},
    {"tensor \"c\"", "tensor \"x\"", "tensor 'x' is there already"},
    {"\nlow [", "\nlow [nan ", "expected a finite number"},
    {"\nhigh [", "\nhihg [", "expected a statement"},
    {"\nzero ", "\nzero x", "expected an integer"},
    {"bins +2^", "bins 2^", "expected '+'"},
    {"bins +2^-1 ", "bins +2^-1 @127 1 1 ", "an octave has 128 bins"},
    {"bins +2^0 ", "bins +2^128 ", "integer in -126..127"},
    {"\nchannel ", "\nchannel 0 0 xyz 0\nchannel ", "a sum in hexadecimal"},
    {"\nchannel ", "\nchannel 0 0 1 1 1\nchannel ", "the line's end"},
    {"\ntensor \"x\"", "\nrange \"x\" = [2, 1]\ntensor \"x\"", "is no range"},
    {"\ntensor \"x\"", "\nrange \"x\" = [1\ntensor \"x\"", "expected ','"},
    {"\ntensor \"x\"",
     "\nrange \"x\" = [1, 2]\nrange \"x\" = [1, 2]\ntensor \"x\"",
     "line 5 gives it a range already"},
    {"\ntensor \"x\"", "\nzero 1\ntensor \"x\"", "belongs behind a tensor"},
};

static const char *said(void) {
  char *text = NULL;
  size_t n = 0;
  FILE *out = open_memstream(&text, &n);
  diag_print(diag, out);
  fclose(out);
  const char *copy = arena_strndup(arena, text, n);
  free(text);
  return copy;
}

static void tells_what_is_wrong(void **state) {
  (void)state;
  Calibration c = run(1, 1, 1 << 20), out;
  const char *good = text_of(&c);
  for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
    const char *at = strstr(good, faults[i].piece);
    if (!at)
      fail_msg("no '%s'", faults[i].piece);
    const char *bad =
        arena_printf(arena, "%.*s%s%s", (int)(at - good), good, faults[i].with,
                     at + strlen(faults[i].piece));
    diag = diag_new(arena);
    if (parse(bad, &out))
      fail_msg("'%s' is read", faults[i].with);
    if (!strstr(said(), faults[i].message) || !strstr(said(), "E0702"))
      fail_msg("'%s' is not in: %s", faults[i].message, said());
  }
}

/* A file cut off anywhere is an error or, at the end of a statement, less;
 * never more. */
static void survives_cutting_off(void **state) {
  (void)state;
  Calibration c = run(1, 8, 1 << 20), out;
  const char *good = text_of(&c);
  for (size_t n = 0; n < strlen(good); n += 3) {
    char *part = arena_strndup(arena, good, n);
    diag = diag_new(arena);
    if (parse(part, &out))
      assert_true(out.tensors.n < c.tensors.n || n + 2 > strlen(good) ||
                  good[n] != 0);
  }
}

static void refuses_other_models(void **state) {
  (void)state;
  Calibration c = run(1, 1, 1 << 20);
  c.file = "c.txt";
  c.tensors.v[0].name = "y";
  assert_false(calibration_check(diag, &c, parse_graph(layers)));
  assert_non_null(strstr(said(), "the model has no float tensor 'y'"));
  c.hash++;
  assert_false(calibration_check(diag, &c, parse_graph(layers)));
  assert_non_null(strstr(said(), "it is of another model"));
}

/* ---- parts ---- */

static bool merge(const Calibration *parts, int n, Calibration *out) {
  return calibration_merge(arena, diag, parts, n, out);
}

static void parts_merge_to_one_run(void **state) {
  (void)state;
  enum { PARTS = 16 };
  Calibration whole = run(1, 1, 1 << 20), parts[PARTS], out;
  for (int order = 0; order < 3; order++) {
    for (int i = 0; i < PARTS; i++) {
      int k = (i * 7 + order * 5) % PARTS;
      Calibration c = run(k + 1, PARTS, 1 << 20);
      assert_true(parse(text_of(&c), &parts[i]));
    }
    assert_true(merge(parts, PARTS, &out));
    assert_string_equal(text_of(&out), text_of(&whole));
  }
}

static void parts_of_parts_merge(void **state) {
  (void)state;
  Calibration whole = run(1, 1, 1 << 20), out;
  Calibration first[] = {run(2, 2, 1 << 20), run(3, 4, 1 << 20)};
  Calibration second[] = {run(1, 4, 1 << 20), {0}};
  assert_true(merge(first, 2, &second[1]));
  assert_non_null(strstr(said(), "6 of 23 samples are in no part: 0..20/4"));
  assert_true(merge(second, 2, &out));
  assert_string_equal(text_of(&out), text_of(&whole));
}

static void assert_merge_fails(const Calibration *parts, int n,
                               const char *message) {
  Calibration out;
  diag = diag_new(arena);
  assert_false(merge(parts, n, &out));
  if (!strstr(said(), message))
    fail_msg("'%s' is not in: %s", message, said());
}

static void refuses_parts_that_do_not_fit(void **state) {
  (void)state;
  Calibration parts[] = {run(1, 2, 1 << 20), run(2, 2, 1 << 20)};
  Calibration good = parts[1];
  parts[0].file = "a.txt";
  parts[1].hash++;
  assert_merge_fails(parts, 2, "it is of a model");
  parts[1] = good;
  parts[1].samples++;
  assert_merge_fails(parts, 2, "it is of 24 samples, a.txt of 23");
  parts[1] = run(1, 4, 1 << 20);
  assert_merge_fails(
      parts, 2,
      "6 of its samples are in other parts as well, such as sample 0 in a.txt");
  parts[1] = good;
  parts[1].tensors.n--;
  assert_merge_fails(parts, 2, "tensor 'm' is not in it");
}

static Graph *preprocessed(const char *spec) {
  Graph *g = parse_graph(layers);
  Preprocess p;
  assert_null(preprocess_parse(arena, spec, &p));
  g->inputs.v[0]->preprocess = preprocess_copy(arena, &p);
  return g;
}

static Calibration run_preprocessed(const char *spec, int64_t k) {
  Graph *g = preprocessed(spec);
  Feed f;
  Calibration c, read;
  open_feed(g, &f);
  assert_true(calibrate(arena, g, &engine, &f, (Shard){k, 2}, NULL, &c));
  assert_true(parse(text_of(&c), &read));
  return read;
}

/* A file says how its samples were preprocessed, and is for no others. */
static void preprocessing_has_to_be_the_same(void **state) {
  (void)state;
  Calibration parts[] = {run_preprocessed("scale=2", 1),
                         run_preprocessed("scale=2", 2)};
  Calibration out, plain = run(2, 2, 1 << 20);
  assert_non_null(strstr(text_of(&parts[0]), "\npreprocess \"x\" \"scale=2"));
  assert_true(merge(parts, 2, &out));
  assert_true(calibration_check(diag, &out, preprocessed("scale=2")));
  assert_false(calibration_check(diag, &out, parse_graph(layers)));
  assert_non_null(strstr(said(), "were preprocessed by \"scale=2"));
  parts[0].file = "a.txt";
  parts[1] = plain;
  assert_merge_fails(parts, 2, "are preprocessed by \"\", those of a.txt by");
  assert_false(calibration_check(diag, &plain, preprocessed("scale=2")));
}

/* Parts quantize, too, with a warning. */
static void tells_of_samples_that_are_missing(void **state) {
  (void)state;
  Calibration c = run(2, 3, 1 << 20);
  c.file = "c.txt";
  assert_true(calibration_check(diag, &c, parse_graph(layers)));
  assert_non_null(strstr(said(), "c.txt: warning: 15 of 23 samples are not in "
                                 "it: 0 2..3 5..6"));
}

static void ranges_of_parts_agree(void **state) {
  (void)state;
  Calibration parts[] = {run(1, 2, 1 << 20), run(2, 2, 1 << 20)}, out;
  parts[1].tensors.v[2].fixed = true;
  parts[1].tensors.v[2].range = (Range){0, 1};
  assert_true(merge(parts, 2, &out));
  assert_true(out.tensors.v[2].fixed);
  parts[0].tensors.v[2].fixed = true;
  parts[0].tensors.v[2].range = (Range){0, 2};
  assert_merge_fails(parts, 2, "is [0, 1], in another part it is [0, 2]");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(counts_each_element),
      TEST(sums_every_channel),
      TEST(bins_hold_their_reals),
      TEST(sums_are_exact),
      TEST(observes_every_float),
      TEST(groups_make_no_difference),
      TEST(states_run_through_all_samples),
      TEST(refuses_what_has_no_floats),
      TEST(reads_what_it_prints),
      TEST(sums_survive_text),
      TEST(lists_samples),
      TEST(takes_ranges_without_statistics),
      TEST(tells_what_is_wrong),
      TEST(survives_cutting_off),
      TEST(refuses_other_models),
      TEST(parts_merge_to_one_run),
      TEST(parts_of_parts_merge),
      TEST(refuses_parts_that_do_not_fit),
      TEST(preprocessing_has_to_be_the_same),
      TEST(tells_of_samples_that_are_missing),
      TEST(ranges_of_parts_agree),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
