/* Arrays and labels in files: what is read, what round-trips, and what is
 * said about files that are damaged or of another type. */
#include "tests/testing.h"

#include <string.h>
#include <unistd.h>
#include <zip.h>
#include <zlib.h>

#include "dataset/data_set.h"
#include "support/file.h"
#include "support/str.h"

typedef struct Run {
  Arena *arena;
  Diag *diag;
  char dir[64];
} Run;

static int setup(void **state) {
  static Run r;
  r.arena = arena_new();
  r.diag = diag_new(r.arena);
  strcpy(r.dir, "/tmp/kiln-dataset-XXXXXX");
  *state = &r;
  return mkdtemp(r.dir) ? 0 : -1;
}

static int teardown(void **state) {
  Run *r = *state;
  char command[100];
  snprintf(command, sizeof command, "rm -rf '%s'", r->dir);
  int status = system(command);
  arena_free(r->arena);
  return status;
}

static const char *in_dir(Run *r, const char *name) {
  return path_join(r->arena, r->dir, name);
}

static const char *write_file(Run *r, const char *name, const void *data,
                              size_t bytes) {
  const char *path = in_dir(r, name);
  assert_true(file_write(path, data, bytes, r->diag));
  return path;
}

static const char *write_text(Run *r, const char *name, const char *text) {
  return write_file(r, name, text, strlen(text));
}

static const char *messages(Run *r) {
  char *text;
  size_t n;
  FILE *out = open_memstream(&text, &n);
  diag_print(r->diag, out);
  fclose(out);
  const char *copy = arena_strdup(r->arena, text);
  free(text);
  return copy;
}

static void expect_message(Run *r, const char *message) {
  const char *text = messages(r);
  if (!strstr(text, message))
    fail_msg("expected '%s', got '%s'", message, text);
}

static void expect_data(Run *r, const char *spec, const char *text,
                        double first, double last) {
  NdArray x;
  if (!data_read(r->arena, r->diag, spec, &x))
    fail_msg("%s", messages(r));
  assert_string_equal(nd_text(r->arena, &x), text);
  assert_true(nd_real(&x, 0) == first);
  assert_true(nd_real(&x, nd_count(&x) - 1) == last);
  assert_int_equal(x.bytes, (size_t)nd_count(&x) * elem_bytes(x.type));
}

static void expect_no_data(Run *r, const char *spec, const char *message) {
  NdArray x;
  assert_false(data_read(r->arena, r->diag, spec, &x));
  expect_message(r, message);
}

/* --- npy ---------------------------------------------------------------- */

static Str npy(Run *r, int version, const char *header, const void *data,
               size_t bytes) {
  Str s = str_new(r->arena);
  size_t n = strlen(header);
  uint8_t start[12] = {0x93, 'N',       'U', 'M', 'P', 'Y', (uint8_t)version,
                       0,    (uint8_t)n};
  str_add_bytes(&s, start, version == 1 ? 10 : 12);
  str_add(&s, header);
  str_add_bytes(&s, data, bytes);
  return s;
}

static const char *write_npy(Run *r, const char *name, int version,
                             const char *header, size_t bytes) {
  static const uint8_t data[64] = {1, 2, 3, 4};
  Str s = npy(r, version, header, data, bytes);
  return write_file(r, name, s.s, s.n);
}

static void test_npy_versions(void **state) {
  Run *r = *state;
  const char *h = "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 2)}";
  for (int v = 1; v <= 3; v++)
    expect_data(r, write_npy(r, "v.npy", v, h, 4), "u8[2,2]", 1, 4);
  expect_no_data(r, write_npy(r, "v.npy", 4, h, 4), "not a .npy file");
}

/* Any order of the keys, any quotes and spaces, scalars, one dimension. */
static void test_npy_headers(void **state) {
  Run *r = *state;
  expect_data(r,
              write_npy(r, "a.npy", 1,
                        "{ \"shape\" :(1,), 'fortran_order':False,"
                        "\"descr\":'<i2',}  \n",
                        2),
              "i16[1]", 513, 513);
  expect_data(r,
              write_npy(r, "b.npy", 1,
                        "{'descr':'|b1','fortran_order':False,'shape':()}", 1),
              "bool[]", 1, 1);
}

typedef struct BadNpy {
  const char *header, *message;
  size_t bytes;
} BadNpy;

static void test_npy_refused(void **state) {
  Run *r = *state;
  static const BadNpy bad[] = {
      {"{'descr':'>f4','fortran_order':False,'shape':(1,)}", "big-endian", 4},
      {"{'descr':'<f4','fortran_order':True,'shape':(1,)}", "Fortran", 4},
      {"{'descr':'<c8','fortran_order':False,'shape':(1,)}", "'<c8'", 2},
      {"{'descr':'|O','fortran_order':False,'shape':(1,)}", "understood", 8},
      {"{'descr':[('a','<f4')],'fortran_order':False,'shape':(1,)}",
       "understood", 4},
      {"{'descr':'<f4','shape':(1,)}", "understood", 4},
      {"{'descr':'<f4','fortran_order':False,'shape':(-1,)}", "understood", 4},
      {"{'descr':'<f4','fortran_order':False,'shape':(2,)}", "f32[2] does", 4},
      {"{'descr':'<f4','fortran_order':False,'shape':(1,)}", "f32[1] does", 5},
      {"{'descr':'<f4','fortran_order':False,"
       "'shape':(4294967296,4294967296)}",
       "does not have the 4 bytes", 4},
      {"{'descr':'<f4','fortran_order':False,"
       "'shape':(99999999999999999999,)}",
       "understood", 4},
      {"{'descr':'<f4','fortran_order':False,"
       "'shape':(1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1)}",
       "understood", 4},
      {"{'descr':'<f4','fortran_order':False,'shape':(1,)", "understood", 4},
      {"", "understood", 4},
  };
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    r->diag = diag_new(r->arena);
    expect_no_data(r, write_npy(r, "x.npy", 1, bad[i].header, bad[i].bytes),
                   bad[i].message);
  }
}

static void test_npy_cut_off(void **state) {
  Run *r = *state;
  const char *h = "{'descr':'<f4','fortran_order':False,'shape':(1,)}";
  Str s = npy(r, 2, h, "abcd", 4);
  for (size_t n = 0; n < s.n; n++) {
    NdArray x;
    assert_false(
        npy_read(r->arena, r->diag, write_file(r, "cut.npy", s.s, n), &x));
  }
}

static void test_npy_round_trip(void **state) {
  Run *r = *state;
  static const int64_t data[6] = {-1, 2, 3, 4, 5, 60};
  for (int t = 0; t < ELEM_COUNT; t++)
    for (int rank = 0; rank < 3; rank++) {
      NdArray x = {.type = (ElemType)t,
                   .rank = rank,
                   .dim = {2, 3},
                   .data = data},
              y;
      x.bytes = (size_t)nd_count(&x) * elem_bytes(x.type);
      const char *path = in_dir(r, "rt.npy");
      assert_true(npy_write(r->diag, path, &x));
      assert_true(data_read(r->arena, r->diag, path, &y));
      assert_string_equal(nd_text(r->arena, &y), nd_text(r->arena, &x));
      assert_memory_equal(y.data, data, x.bytes);
    }
}

/* --- npz ---------------------------------------------------------------- */

static void add_member(zip_t *z, const char *name, const Str *s) {
  zip_source_t *src = zip_source_buffer(z, s->s, s->n, 0);
  assert_true(zip_file_add(z, name, src, 0) >= 0);
}

static const char *write_npz(Run *r, const char *name, bool two) {
  const char *path = in_dir(r, name);
  const char *h = "{'descr':'|u1','fortran_order':False,'shape':(3,)}";
  Str a = npy(r, 1, h, "\1\2\3", 3), b = npy(r, 1, h, "\4\5\6", 3);
  zip_t *z = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, NULL);
  assert_non_null(z);
  add_member(z, "in/x.npy", &a);
  if (two)
    add_member(z, "a.npy", &b);
  assert_int_equal(zip_close(z), 0);
  return path;
}

static void test_npz(void **state) {
  Run *r = *state;
  Npz z;
  const char *path = write_npz(r, "two.npz", true);
  assert_true(npz_read(r->arena, r->diag, path, &z));
  assert_int_equal(z.n, 2);
  assert_string_equal(z.v[0].name, "in/x");
  assert_string_equal(z.v[1].name, "a");
  assert_true(nd_real(npz_find(&z, "a"), 0) == 4);
  assert_null(npz_find(&z, "b"));
  expect_data(r, arena_printf(r->arena, "%s:in/x", path), "u8[3]", 1, 3);
  expect_data(r, write_npz(r, "one.npz", false), "u8[3]", 1, 3);
  expect_no_data(r, path, "has 2 members");
  expect_no_data(r, arena_printf(r->arena, "%s:b", path), "no member 'b'");
  expect_message(r, "members are: in/x, a");
}

/* Cut off anywhere and changed anywhere: an array or an error. */
static void test_npz_damaged(void **state) {
  Run *r = *state;
  MappedFile f;
  Npz z;
  assert_true(file_map(write_npz(r, "ok.npz", true), &f, r->diag));
  uint8_t *copy = arena_dup(r->arena, f.data, f.bytes);
  for (size_t n = 0; n < f.bytes; n++)
    assert_false(
        npz_read(r->arena, r->diag, write_file(r, "d.npz", copy, n), &z));
  for (size_t n = 0; n < f.bytes; n++) {
    copy[n] ^= 0xff;
    int before = diag_error_count(r->diag);
    bool ok =
        npz_read(r->arena, r->diag, write_file(r, "d.npz", copy, f.bytes), &z);
    assert_int_equal(ok, diag_error_count(r->diag) == before);
    copy[n] ^= 0xff;
  }
  file_unmap(&f);
}

/* --- idx ---------------------------------------------------------------- */

static const char *write_gz(Run *r, const char *name, const void *data,
                            unsigned bytes) {
  const char *path = in_dir(r, name);
  gzFile f = gzopen(path, "wb");
  assert_true(f && gzwrite(f, data, bytes) == (int)bytes);
  assert_int_equal(gzclose(f), Z_OK);
  return path;
}

static void test_idx(void **state) {
  Run *r = *state;
  static const uint8_t u8[] = {0, 0, 8, 2, 0, 0, 0, 1, 0, 0, 0, 3, 7, 8, 9};
  static const uint8_t i16[] = {0, 0, 11, 1, 0, 0, 0, 2, 1, 2, 255, 254};
  expect_data(r, write_file(r, "a-ubyte", u8, sizeof u8), "u8[1,3]", 7, 9);
  expect_data(r, write_gz(r, "a.gz", u8, sizeof u8), "u8[1,3]", 7, 9);
  expect_data(r, write_file(r, "b", i16, sizeof i16), "i16[2]", 258, -2);
  for (size_t n = 0; n < sizeof u8; n++) {
    NdArray x;
    assert_false(idx_read(r->arena, r->diag, write_file(r, "c", u8, n), &x));
  }
}

static void test_gzip_damaged(void **state) {
  Run *r = *state;
  static uint8_t big[100012] = {0, 0, 8, 2, 0, 0, 0x27, 0x10, 0, 0, 0, 10};
  uint64_t seed = 1;
  MappedFile f;
  for (size_t i = 12; i < sizeof big; i++)
    big[i] = (uint8_t)(test_random(&seed) % 50);
  const char *path = write_gz(r, "big.gz", big, sizeof big);
  expect_data(r, path, "u8[10000,10]", big[12], big[sizeof big - 1]);
  assert_true(file_map(path, &f, r->diag));
  uint8_t *copy = arena_dup(r->arena, f.data, f.bytes);
  for (size_t n = 0; n < f.bytes; n += 997) {
    NdArray x;
    assert_false(
        idx_read(r->arena, r->diag, write_file(r, "d.gz", copy, n), &x));
  }
  file_unmap(&f);
}

/* --- raw ---------------------------------------------------------------- */

static void test_raw(void **state) {
  Run *r = *state;
  static const uint8_t bytes[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 255};
  const char *path = write_file(r, "x.bin", bytes, sizeof bytes);
  const struct {
    const char *what, *text;
    double last;
  } good[] = {{"u8[2,3]", "u8[2,2,3]", 255},
              {"i8[12]", "i8[1,12]", -1},
              {"uint16[3]", "u16[2,3]", 65291},
              {"u8", "u8[12]", 255}};
  for (size_t i = 0; i < sizeof good / sizeof *good; i++)
    expect_data(r, arena_printf(r->arena, "%s:%s", path, good[i].what),
                good[i].text, i == 2 ? 513 : 1, good[i].last);
  const struct {
    const char *what, *message;
  } bad[] = {{"", "neither .npy, .npz nor idx"},
             {":u8[5]", "no whole number of samples u8[5] of 5 bytes"},
             {":u9[5]", "'u9[5]' is no type and shape"},
             {":u8[5", "'u8[5' is no type"},
             {":u8[0]", "'u8[0]' is no type"},
             {":u8[]", "'u8[]' is no type"},
             {":u8[1,]", "'u8[1,]' is no type"},
             {":u8[1]x", "'u8[1]x' is no type"}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    expect_no_data(r, arena_printf(r->arena, "%s%s", path, bad[i].what),
                   bad[i].message);
  expect_no_data(r, in_dir(r, "nothing.npy"), "E0002");
}

/* --- labels ------------------------------------------------------------- */

static void expect_labels(Run *r, const char *spec, int64_t n, int64_t first,
                          int64_t last) {
  Labels l;
  if (!labels_read(r->arena, r->diag, spec, &l))
    fail_msg("%s", messages(r));
  assert_int_equal(l.n, n);
  assert_int_equal(l.v[0], first);
  assert_int_equal(l.v[n - 1], last);
}

static void expect_no_labels(Run *r, const char *spec, const char *message) {
  Labels l;
  assert_false(labels_read(r->arena, r->diag, spec, &l));
  expect_message(r, message);
}

static void test_csv(void **state) {
  Run *r = *state;
  const char *plain = write_text(r, "a.csv", "a,12,7\nb,12,2\r\n\nc,12,-1");
  expect_labels(r, plain, 3, 7, -1);
  expect_labels(r, arena_printf(r->arena, "%s:1", plain), 3, 12, 12);
  const char *header =
      write_text(r, "b.csv", "name,label\n\"x, \"\"y\"\"\", 3 \nz,\"4\"\n");
  expect_labels(r, header, 2, 3, 4);
  const char *text = write_text(r, "c.txt", "5\n6\n");
  expect_labels(r, arena_printf(r->arena, "%s:0", text), 2, 5, 6);
  expect_no_labels(r, arena_printf(r->arena, "%s:0", plain),
                   "a.csv:2: error E0701: column 0 is not an integer");
  expect_no_labels(r, arena_printf(r->arena, "%s:3", plain),
                   "a.csv:1: error E0701: column 3 does not exist");
  expect_no_labels(r, write_text(r, "d.csv", "label\n"), "has no labels");
  expect_no_labels(r, in_dir(r, "e.csv"), "E0002");
}

static void test_label_arrays(void **state) {
  Run *r = *state;
  const char *h = "{'descr':'|u1','fortran_order':False,'shape':(4, 1)}";
  expect_labels(r, write_npy(r, "l.npy", 1, h, 4), 4, 1, 4);
  h = "{'descr':'|u1','fortran_order':False,'shape':(2, 2)}";
  expect_no_labels(r, write_npy(r, "l.npy", 1, h, 4), "one label a sample");
  h = "{'descr':'<f4','fortran_order':False,'shape':(1,)}";
  expect_no_labels(r, write_npy(r, "l.npy", 1, h, 4), "not an integer");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_npy_versions, setup, teardown),
      cmocka_unit_test_setup_teardown(test_npy_headers, setup, teardown),
      cmocka_unit_test_setup_teardown(test_npy_refused, setup, teardown),
      cmocka_unit_test_setup_teardown(test_npy_cut_off, setup, teardown),
      cmocka_unit_test_setup_teardown(test_npy_round_trip, setup, teardown),
      cmocka_unit_test_setup_teardown(test_npz, setup, teardown),
      cmocka_unit_test_setup_teardown(test_npz_damaged, setup, teardown),
      cmocka_unit_test_setup_teardown(test_idx, setup, teardown),
      cmocka_unit_test_setup_teardown(test_gzip_damaged, setup, teardown),
      cmocka_unit_test_setup_teardown(test_raw, setup, teardown),
      cmocka_unit_test_setup_teardown(test_csv, setup, teardown),
      cmocka_unit_test_setup_teardown(test_label_arrays, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
