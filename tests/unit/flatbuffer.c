/* The cursor over flatbuffers: what it reads, and that whatever is wrong
 * with a file is one error and absent values from then on. */
#include "tests/testing.h"

#include <string.h>

#include "frontend/tflite/fb.h"
#include "support/str.h"

static const FbField f0 = {0, "T.a"}, f1 = {1, "T.b"}, f2 = {2, "T.c"},
                     f9 = {9, "T.j"};

/* Byte 0: root offset 20; 4: "TEST"; 8: vtable {10 bytes, table 12, fields
 * at 4, 8, absent}; 20: table {vtable 12 back, i32 -7, offset 4 to a vector};
 * 32: the vector {2, 5, 6}. */
static const uint8_t good[] = {
    20, 0, 0, 0, 'T', 'E', 'S', 'T', 10, 0,    12,   0,    4,    0, 8,
    0,  0, 0, 0, 0,   12,  0,   0,   0,  0xf9, 0xff, 0xff, 0xff, 4, 0,
    0,  0, 2, 0, 0,   0,   5,   0,   0,  0,    6,    0,    0,    0};

typedef struct File {
  Arena *arena;
  uint8_t *data; /* exactly the bytes, so that sanitizers see overruns */
  Fb fb;
} File;

static File file_new(size_t bytes) {
  File f = {.arena = arena_new(), .data = malloc(bytes ? bytes : 1)};
  memcpy(f.data, good, bytes);
  f.fb = (Fb){.data = f.data,
              .bytes = bytes,
              .diag = diag_new(f.arena),
              .file = "t.bin"};
  return f;
}

static void file_free(File *f) {
  free(f->data);
  arena_free(f->arena);
}

static void test_reads(void **state) {
  (void)state;
  File f = file_new(sizeof good);
  FbTable t = fb_root(&f.fb, "root");
  assert_int_equal(t.pos, 20);
  assert_int_equal(fb_i32(&f.fb, t, &f0, 1), -7);
  assert_int_equal(fb_i8(&f.fb, t, &f0), -7);
  assert_int_equal(fb_u8(&f.fb, t, &f0), 0xf9);
  FbVec v = fb_vec(&f.fb, t, &f1, 4);
  assert_int_equal(v.n, 2);
  assert_int_equal(fb_vec_i32(&f.fb, v, 1), 6);
  assert_false(fb_has(&f.fb, t, &f2));
  assert_int_equal(fb_i32(&f.fb, t, &f9, 42), 42);
  assert_int_equal(fb_vec(&f.fb, t, &f2, 4).n, 0);
  assert_int_equal(fb_table(&f.fb, t, &f9).pos, 0);
  assert_int_equal(fb_i32(&f.fb, (FbTable){0}, &f0, 3), 3);
  assert_false(f.fb.bad);
  file_free(&f);
}

/* Reads all there is to read. */
static void read_everything(File *f) {
  FbTable t = fb_root(&f->fb, "root");
  fb_i32(&f->fb, t, &f0, 0);
  FbVec v = fb_vec(&f->fb, t, &f1, 4);
  for (size_t i = 0; i < v.n; i++)
    fb_vec_i32(&f->fb, v, i);
  FbVec tables = fb_vec(&f->fb, t, &f1, 4);
  for (size_t i = 0; i < tables.n && !f->fb.bad; i++)
    fb_i32(&f->fb, fb_vec_table(&f->fb, tables, i, &f1), &f0, 0);
}

static void expect_one_error(File *f) {
  assert_true(f->fb.bad);
  assert_int_equal(diag_error_count(f->fb.diag), 1);
  assert_int_equal(diag_exit_status(f->fb.diag), EXIT_BAD_MODEL);
}

static void test_truncation(void **state) {
  (void)state;
  for (size_t n = 0; n < sizeof good; n++) {
    File f = file_new(n);
    read_everything(&f);
    expect_one_error(&f);
    file_free(&f);
  }
}

/* Every value of every byte: at most one error, no overrun. */
static void test_every_byte(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof good; i++)
    for (int x = 0; x < 256; x++) {
      File f = file_new(sizeof good);
      f.data[i] = (uint8_t)x;
      read_everything(&f);
      assert_int_equal(diag_error_count(f.fb.diag), f.fb.bad);
      file_free(&f);
    }
}

typedef struct Damage {
  const char *message;
  size_t at;
  uint8_t bytes[4];
} Damage;

static const Damage damages[] = {
    {"offset 0 leads out of the file", 0, {0, 0, 0, 0}},
    {"offset 4294967295 leads out of the file", 0, {255, 255, 255, 255}},
    {"vtable is outside of the file", 20, {255, 255, 255, 127}},
    {"vtable is outside of the file", 20, {0, 0, 0, 128}},
    {"a vtable of 3 bytes", 8, {3, 0, 12, 0}},
    {"a vtable of 11 bytes", 8, {11, 0, 12, 0}},
    {"a vtable of 2 bytes", 8, {2, 0, 12, 0}},
    {"a table of 3 bytes", 8, {10, 0, 3, 0}},
    {"65534 bytes needed", 8, {254, 255, 12, 0}},
    {"65535 bytes needed", 8, {10, 0, 255, 255}},
    {"field at byte 3 of a table of 12 bytes", 12, {3, 0, 8, 0}},
    {"field at byte 9 of a table of 12 bytes", 12, {4, 0, 9, 0}},
    {"offset 3 leads out of the file", 28, {3, 0, 0, 0}},
    {"offset 128 leads out of the file", 28, {128, 0, 0, 0}},
    {"17179869180 bytes needed", 32, {255, 255, 255, 255}},
    {"12 bytes needed", 32, {3, 0, 0, 0}},
};

static void test_messages(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
    File f = file_new(sizeof good);
    memcpy(f.data + damages[i].at, damages[i].bytes, 4);
    FbTable t = fb_root(&f.fb, "root");
    fb_i32(&f.fb, t, &f0, 0);
    fb_vec(&f.fb, t, &f1, 4);
    char *text;
    size_t n;
    FILE *out = open_memstream(&text, &n);
    diag_print(f.fb.diag, out);
    fclose(out);
    if (!strstr(text, damages[i].message))
      fail_msg("expected '%s', got '%s'", damages[i].message, text);
    assert_non_null(strstr(text, "E0102"));
    expect_one_error(&f);
    assert_int_equal(fb_i32(&f.fb, t, &f0, 11), 11); /* absent from now on */
    free(text);
    file_free(&f);
  }
}

/* A vector of tables whose element leads back to the vector's owner: each
 * step is taken by the caller, so there is nothing to run away. */
static void test_cycle(void **state) {
  (void)state;
  File f = file_new(sizeof good);
  FbTable t = fb_root(&f.fb, "root");
  FbVec v = fb_vec(&f.fb, t, &f1, 4);
  memset(f.data + 36, 0, 8);
  FbTable self = fb_vec_table(&f.fb, v, 0, &f1);
  assert_int_equal(self.pos, 0); /* offsets only lead forward */
  expect_one_error(&f);
  file_free(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_reads),      cmocka_unit_test(test_truncation),
      cmocka_unit_test(test_every_byte), cmocka_unit_test(test_messages),
      cmocka_unit_test(test_cycle),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
