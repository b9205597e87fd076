/* Pictures: decoded, resized and cropped to numbers worked out by hand; files
 * that are damaged; folders and their labels. */
#include "tests/unit/fixture.h"

#include <string.h>
#include <sys/stat.h>

#include <jpeglib.h>
#include <png.h>

#include "dataset/image.h"
#include "support/file.h"

static char dir[32];

static int make_dir(void **state) {
  strcpy(dir, "/tmp/kiln-image-XXXXXX");
  return setup(state) || !mkdtemp(dir);
}

static int drop_dir(void **state) {
  char command[64];
  snprintf(command, sizeof command, "rm -rf '%s'", dir);
  return system(command) | teardown(state);
}

static const char *in_dir(const char *name) {
  return path_join(arena, dir, name);
}

static const char *write_bytes(const char *name, const void *data, size_t n) {
  const char *path = in_dir(name);
  assert_true(file_write(path, data, n, diag));
  return path;
}

/* ---- writing ---- */

static void png_add(png_structp z, png_bytep data, size_t n) {
  str_add_bytes(png_get_io_ptr(z), data, n);
}

/* `row` bytes a row. */
static Str png_of(int h, int w, int depth, int colour, bool interlaced,
                  const uint8_t *pixels, size_t row) {
  Str s = str_new(arena);
  png_structp z =
      png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
  png_infop info = png_create_info_struct(z);
  static const png_color palette[3] = {{1, 2, 3}, {4, 5, 6}, {7, 8, 9}};
  png_set_write_fn(z, &s, png_add, NULL);
  png_set_IHDR(z, info, (png_uint_32)w, (png_uint_32)h, depth, colour,
               interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  if (colour == PNG_COLOR_TYPE_PALETTE)
    png_set_PLTE(z, info, palette, 3);
  png_write_info(z, info);
  png_bytep *rows = ARENA_ARRAY(arena, png_bytep, h);
  for (int y = 0; y < h; y++)
    rows[y] = arena_dup(arena, pixels + (size_t)y * row, row);
  png_write_image(z, rows);
  png_write_end(z, info);
  png_destroy_write_struct(&z, &info);
  return s;
}

static Str jpeg_of(int h, int w, int channels, const uint8_t *pixels) {
  struct jpeg_compress_struct z;
  struct jpeg_error_mgr errors;
  unsigned char *out = NULL;
  unsigned long n = 0;
  z.err = jpeg_std_error(&errors);
  jpeg_create_compress(&z);
  jpeg_mem_dest(&z, &out, &n);
  z.image_height = (JDIMENSION)h;
  z.image_width = (JDIMENSION)w;
  z.input_components = channels;
  z.in_color_space = channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_set_defaults(&z);
  jpeg_set_quality(&z, 100, TRUE);
  jpeg_start_compress(&z, TRUE);
  for (int y = 0; y < h; y++) {
    JSAMPROW row =
        arena_dup(arena, pixels + y * w * channels, (size_t)(w * channels));
    jpeg_write_scanlines(&z, &row, 1);
  }
  jpeg_finish_compress(&z);
  jpeg_destroy_compress(&z);
  Str s = str_new(arena);
  str_add_bytes(&s, out, n);
  free(out);
  return s;
}

/* ---- reading ---- */

static void expect_image(const char *path, int64_t channels, const char *shape,
                         const uint8_t *want) {
  NdArray x;
  if (!image_read(arena, diag, path, channels, &x))
    fail_msg("%s", messages());
  assert_string_equal(nd_text(arena, &x), shape);
  assert_memory_equal(x.data, want, x.bytes);
}

static void expect_no_image(const char *path, const char *message) {
  NdArray x;
  assert_false(image_read(arena, diag, path, 3, &x));
  if (!strstr(messages(), message))
    fail_msg("expected '%s', got '%s'", message, messages());
}

static const char *write_png(int h, int w, int depth, int colour,
                             bool interlaced, const uint8_t *pixels,
                             size_t row) {
  Str s = png_of(h, w, depth, colour, interlaced, pixels, row);
  return write_bytes("x.png", s.s, s.n);
}

static const uint8_t rgb[12] = {255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 99, 199};

static void png_kinds(void **state) {
  (void)state;
  const char *path = write_png(2, 2, 8, PNG_COLOR_TYPE_RGB, true, rgb, 6);
  expect_image(path, 3, "u8[2,2,3]", rgb);
  static const uint8_t grey[4] = {76, 150, 29, 83};
  expect_image(path, 1, "u8[2,2,1]", grey);
  static const uint8_t rgba[8] = {1, 2, 3, 0, 4, 5, 6, 255};
  static const uint8_t opaque[6] = {1, 2, 3, 4, 5, 6};
  path = write_png(1, 2, 8, PNG_COLOR_TYPE_RGBA, false, rgba, 8);
  expect_image(path, 3, "u8[1,2,3]", opaque);
  static const uint8_t indices[1] = {0x90}; /* 2, 1, 0, of 2 bits */
  static const uint8_t looked_up[9] = {7, 8, 9, 4, 5, 6, 1, 2, 3};
  path = write_png(1, 3, 2, PNG_COLOR_TYPE_PALETTE, false, indices, 1);
  expect_image(path, 3, "u8[1,3,3]", looked_up);
  static const uint8_t words[4] = {0x12, 0xff, 0x12, 0x00};
  static const uint8_t bytes[2] = {0x13, 0x12};
  path = write_png(1, 2, 16, PNG_COLOR_TYPE_GRAY, false, words, 4);
  expect_image(path, 1, "u8[1,2,1]", bytes);
  static const uint8_t bits[1] = {0xa0};
  static const uint8_t spread[9] = {255, 255, 255, 0, 0, 0, 255, 255, 255};
  path = write_png(1, 3, 1, PNG_COLOR_TYPE_GRAY, false, bits, 1);
  expect_image(path, 3, "u8[1,3,3]", spread);
}

static void jpeg_kinds(void **state) {
  (void)state;
  uint8_t flat[8 * 8 * 3];
  memset(flat, 77, sizeof flat);
  Str s = jpeg_of(8, 8, 3, flat);
  expect_image(write_bytes("x.jpg", s.s, s.n), 3, "u8[8,8,3]", flat);
  s = jpeg_of(8, 8, 1, flat);
  expect_image(write_bytes("x.jpg", s.s, s.n), 1, "u8[8,8,1]", flat);
  expect_image(in_dir("x.jpg"), 3, "u8[8,8,3]", flat);
}

static void damaged(void **state) {
  (void)state;
  uint8_t noise[16 * 16 * 3];
  uint64_t random = 1;
  for (size_t i = 0; i < sizeof noise; i++)
    noise[i] = (uint8_t)test_random(&random);
  Str png = png_of(16, 16, 8, PNG_COLOR_TYPE_RGB, false, noise, 48);
  Str jpeg = jpeg_of(16, 16, 3, noise);
  expect_no_image(write_bytes("a", png.s, png.n / 2), "is cut off");
  expect_no_image(write_bytes("a", jpeg.s, jpeg.n / 2), "is cut off");
  expect_no_image(write_bytes("a", "BM", 2), "a: error E0701: neither JPEG");
  png.s[40] ^= 1;
  expect_no_image(write_bytes("a", png.s, png.n), "CRC error");
  /* a header that promises 2^31 - 1 pixels each way */
  static const uint8_t huge[] =
      "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\x7f\xff\xff\xff\x7f\xff\xff\xff\x08\x02"
      "\0\0\0";
  expect_no_image(write_bytes("a", huge, sizeof huge - 1), "E0701");
}

/* Whatever is cut off or changed: an answer, and no fault. */
static void fuzzed(void **state) {
  (void)state;
  uint8_t noise[8 * 8 * 3];
  uint64_t random = 7;
  for (size_t i = 0; i < sizeof noise; i++)
    noise[i] = (uint8_t)test_random(&random);
  const Str files[] = {png_of(8, 8, 8, PNG_COLOR_TYPE_RGB, true, noise, 24),
                       png_of(8, 8, 2, PNG_COLOR_TYPE_PALETTE, false, noise, 2),
                       jpeg_of(8, 8, 3, noise), jpeg_of(8, 8, 1, noise)};
  for (size_t k = 0; k < sizeof files / sizeof *files; k++)
    for (int round = 0; round < 400; round++) {
      Arena *a = arena_new();
      NdArray x;
      size_t n = files[k].n, at = test_random(&random) % n;
      char *copy = arena_dup(a, files[k].s, n);
      copy[at] = (char)test_random(&random);
      n = round % 4 ? n : at;
      image_read(a, diag_new(a), write_bytes("f", copy, n), 3, &x);
      arena_free(a);
    }
}

/* ---- sizes ---- */

static void expect_resized(const uint8_t *x, int64_t h, int64_t w,
                           ImageForm form, const char *shape,
                           const uint8_t *want) {
  NdArray in = {ELEM_u8, 3, {h, w, 1}, x, (size_t)(h * w)}, out;
  const char *why = image_fit(arena, &in, &form, &out);
  if (why)
    fail_msg("%s", why);
  assert_string_equal(nd_text(arena, &out), shape);
  assert_memory_equal(out.data, want, out.bytes);
}

static void sizes(void **state) {
  (void)state;
  static const uint8_t row[4] = {0, 100, 200, 40};
  /* twice as wide: three quarters of the nearer, a quarter of the other */
  static const uint8_t wide[8] = {0, 25, 75, 125, 175, 160, 80, 40};
  expect_resized(row, 1, 4, (ImageForm){.resize = {1, 8}}, "u8[1,8,1]", wide);
  expect_resized(row, 4, 1, (ImageForm){.resize = {8, 1}}, "u8[8,1,1]", wide);
  /* half as wide: weights 3 3 1 of 7 at an end, as many outside as inside */
  static const uint8_t half[2] = {71, 117};
  expect_resized(row, 1, 4, (ImageForm){.resize = {1, 2}}, "u8[1,2,1]", half);
  static const uint8_t six[6] = {1, 2, 3, 4, 5, 6};
  static const uint8_t middle[2] = {2, 5};
  expect_resized(six, 2, 3, (ImageForm){.crop = {2, 1}}, "u8[2,1,1]", middle);
  static const uint8_t first[1] = {2};
  expect_resized(six, 2, 3, (ImageForm){.crop = {1, 0}}, "u8[1,1,1]", first);
  /* the shorter side becomes 4, the other 6 */
  NdArray in = {ELEM_u8, 3, {2, 3, 1}, six, 6}, out;
  ImageForm form = {.resize = {4, 0}, .crop = {2, 6}};
  assert_null(image_fit(arena, &in, &form, &out));
  assert_string_equal(nd_text(arena, &out), "u8[2,6,1]");
  form.crop = (ImageSize){5, 0};
  assert_string_equal(image_fit(arena, &in, &form, &out),
                      "is 4 x 6 pixels for a crop of 5 x 5");
}

/* ---- folders ---- */

static void add_png(const char *name, int h, int w, uint8_t value) {
  uint8_t pixels[64];
  memset(pixels, value, sizeof pixels);
  Str s = png_of(h, w, 8, PNG_COLOR_TYPE_GRAY, false, pixels, (size_t)w);
  write_bytes(name, s.s, s.n);
}

static void folder(void **state) {
  (void)state;
  ImageList list;
  assert_false(images_list(arena, diag, dir, &list));
  assert_non_null(strstr(messages(), "has no pictures (.jpg, .jpeg, .png)"));
  add_png("b.png", 2, 2, 7);
  add_png("a10.PNG", 2, 2, 8);
  add_png("a2.png", 2, 2, 9);
  write_bytes("labels.csv", "x", 1);
  assert_true(images_list(arena, diag, dir, &list));
  assert_int_equal(list.names.n, 3);
  assert_string_equal(list.names.v[0], "a10.PNG");
  assert_string_equal(list.names.v[2], "b.png");
  assert_int_equal(list.labels.n, 0);
  static const int64_t which[2] = {0, 2};
  const ImageForm form = {.channels = 1};
  for (int64_t keep = 0; keep <= 8; keep += 4) {
    ImageStack s;
    assert_true(images_open(arena, diag, &list, which, 2, &form, keep, &s));
    assert_string_equal(nd_text(arena, &s.one), "u8[2,2,1]");
    assert_true((s.kept[0] != NULL) == (keep >= 4));
    assert_true((s.kept[1] != NULL) == (keep >= 8));
    assert_int_equal(images_get(&s, arena, 0)[3], 8);
    assert_int_equal(images_get(&s, arena, 1)[0], 7);
  }
  add_png("c.png", 2, 3, 1);
  write_bytes("d.png", "no", 2);
  assert_true(images_list(arena, diag, dir, &list));
  ImageStack all;
  assert_false(images_open(arena, diag, &list, NULL, 5, &form, 0, &all));
  assert_non_null(strstr(messages(), "c.png: error E0701: 2 x 3 pixels, but"));
  assert_non_null(strstr(messages(), "d.png: error E0701: neither"));
}

/* Between the first look and the feeding. */
static void a_picture_that_changes(void **state) {
  (void)state;
  ImageList list;
  ImageStack s;
  const ImageForm form = {.channels = 1};
  add_png("a.png", 2, 2, 7);
  assert_true(images_list(arena, diag, dir, &list));
  assert_true(images_open(arena, diag, &list, NULL, 1, &form, 0, &s));
  add_png("a.png", 3, 2, 7);
  assert_int_equal(images_get(&s, arena, 0)[3], 0);
  assert_non_null(strstr(messages(), "a.png: error E0701: the picture has"));
}

static void classes(void **state) {
  (void)state;
  ImageList list;
  assert_int_equal(mkdir(in_dir("dog"), 0777) | mkdir(in_dir("cat"), 0777), 0);
  add_png("dog/1.png", 1, 1, 1);
  add_png("dog/2.png", 1, 1, 2);
  add_png("cat/1.png", 1, 1, 3);
  assert_true(images_list(arena, diag, dir, &list));
  assert_int_equal(list.classes.n, 2);
  assert_string_equal(list.names.v[0], "cat/1.png");
  assert_int_equal(list.labels.n, 3);
  assert_int_equal(list.labels.v[0], 0);
  assert_int_equal(list.labels.v[2], 1);
}

static void expect_labels(const ImageList *list, const char *csv, int64_t a,
                          int64_t b) {
  const char *path = write_bytes("l.csv", csv, strlen(csv));
  Labels l;
  if (!images_labels(arena, diag, path, list, &l))
    fail_msg("%s", messages());
  assert_int_equal(l.n, 2);
  assert_int_equal(l.v[0], a);
  assert_int_equal(l.v[1], b);
}

static void labels(void **state) {
  (void)state;
  ImageList list = {.folder = "f"};
  ARRAY_PUSH(arena, &list.names, "a.png");
  ARRAY_PUSH(arena, &list.names, "b.png");
  expect_labels(&list, "name,class\nb.png,1\nx/a.png,2\nc.png,3\n", 2, 1);
  expect_labels(&list, "first,4\nsecond,5\n", 4, 5);
  Labels l;
  const char *path = write_bytes("l.csv", "b.png,1\n", 8);
  assert_false(images_labels(arena, diag, path, &list, &l));
  assert_non_null(strstr(messages(), "no line for 1 pictures; the first is "
                                     "f/a.png"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_dir, drop_dir)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(png_kinds),
      TEST(jpeg_kinds),
      TEST(damaged),
      TEST(fuzzed),
      TEST(sizes),
      TEST(folder),
      TEST(a_picture_that_changes),
      TEST(classes),
      TEST(labels),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
