/* support/file.h: mapping, and writing all or nothing. */
#define _XOPEN_SOURCE 700 /* mkdtemp, symlink */

#include "tests/testing.h"

#include <dirent.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/file.h"

static Arena *arena;
static Diag *diag;
static const char *dir;

static int setup(void **state) {
  (void)state;
  arena = arena_new();
  diag = diag_new(arena);
  const char *base = getenv("TMPDIR");
  dir =
      mkdtemp(arena_printf(arena, "%s/kiln-file-XXXXXX", base ? base : "/tmp"));
  return dir ? 0 : -1;
}

/* Removes the files of the folder; returns how many there were. */
static int empty_folder(void) {
  int n = 0;
  DIR *entries = opendir(dir);
  for (struct dirent *e; (e = readdir(entries)) != NULL;) {
    if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
      continue;
    remove(path_join(arena, dir, e->d_name));
    n++;
  }
  closedir(entries);
  return n;
}

static int teardown(void **state) {
  (void)state;
  empty_folder();
  int failed = rmdir(dir);
  arena_free(arena);
  return failed;
}

static const char *in_dir(const char *name) {
  return path_join(arena, dir, name);
}

static void expect_content(const char *path, const char *want) {
  MappedFile f;
  assert_true(file_map(path, &f, diag));
  assert_int_equal(f.bytes, strlen(want));
  assert_memory_equal(f.data, want, f.bytes);
  file_unmap(&f);
  assert_int_equal(f.bytes, 0);
}

static void write_and_replace(void **state) {
  (void)state;
  const char *path = in_dir("model.o");
  assert_true(file_write(path, "first", 5, diag));
  expect_content(path, "first");
  assert_true(file_write(path, "second one", 10, diag));
  expect_content(path, "second one");
  assert_int_equal(empty_folder(), 1);
}

/* What is mapped stays what it was: the new file is another one. */
static void mapping_survives_replacement(void **state) {
  (void)state;
  const char *path = in_dir("m");
  MappedFile f;
  assert_true(file_write(path, "old", 3, diag));
  assert_true(file_map(path, &f, diag));
  assert_true(file_write(path, "new", 3, diag));
  assert_memory_equal(f.data, "old", 3);
  file_unmap(&f);
}

static void empty_file(void **state) {
  (void)state;
  MappedFile f;
  assert_true(file_write(in_dir("empty"), NULL, 0, diag));
  assert_true(file_map(in_dir("empty"), &f, diag));
  assert_int_equal(f.bytes, 0);
  assert_non_null(f.data);
  file_unmap(&f);
}

static void expect_unreadable(const char *path, int errors) {
  MappedFile f = {(const uint8_t *)"", 7};
  assert_false(file_map(path, &f, diag));
  assert_null(f.data);
  assert_int_equal(f.bytes, 0);
  assert_int_equal(diag_error_count(diag), errors);
}

static void unreadable(void **state) {
  (void)state;
  expect_unreadable(in_dir("missing"), 1);
  expect_unreadable(dir, 2);
  expect_unreadable("/dev/null", 3);
  assert_int_equal(mkfifo(in_dir("pipe"), 0600), 0);
  expect_unreadable(in_dir("pipe"), 4);
  assert_int_equal(diag_exit_status(diag), EXIT_USAGE);
}

static void unwritable(void **state) {
  (void)state;
  assert_false(file_write(in_dir("none/such"), "x", 1, diag));
  assert_false(file_write(dir, "x", 1, diag));
  assert_false(file_write("/dev/full", "x", 1, diag));
  assert_int_equal(diag_error_count(diag), 3);
  assert_int_equal(empty_folder(), 0);
}

/* A write that the system cuts off leaves the old file and nothing else. */
static void failing_write_keeps_old(void **state) {
  (void)state;
  enum { BYTES = 1 << 16 };
  const char *path = in_dir("model.o");
  assert_true(file_write(path, "precious", 8, diag));
  struct rlimit old, tight;
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
  tight = (struct rlimit){BYTES / 2, old.rlim_max};
  signal(SIGXFSZ, SIG_IGN);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
  bool written = file_write(path, arena_alloc(arena, BYTES), BYTES, diag);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
  assert_false(written);
  assert_int_equal(diag_error_count(diag), 1);
  expect_content(path, "precious");
  assert_int_equal(empty_folder(), 1);
}

static void through_symlink(void **state) {
  (void)state;
  assert_true(file_write(in_dir("real"), "a", 1, diag));
  assert_int_equal(symlink("real", in_dir("link")), 0);
  assert_true(file_write(in_dir("link"), "bb", 2, diag));
  expect_content(in_dir("real"), "bb");
  struct stat st;
  assert_int_equal(lstat(in_dir("link"), &st), 0);
  assert_true(S_ISLNK(st.st_mode));
}

static void devices_are_not_replaced(void **state) {
  (void)state;
  struct stat st;
  assert_true(file_write("/dev/null", "x", 1, diag));
  assert_int_equal(stat("/dev/null", &st), 0);
  assert_true(S_ISCHR(st.st_mode));
}

static void long_name(void **state) {
  (void)state;
  char name[256];
  memset(name, 'n', 255);
  name[255] = 0;
  assert_true(file_write(in_dir(name), "x", 1, diag));
  expect_content(in_dir(name), "x");
}

static void paths(void **state) {
  (void)state;
  assert_string_equal(path_join(arena, "a", "b"), "a/b");
  assert_string_equal(path_join(arena, "a/", "b"), "a/b");
  assert_string_equal(path_join(arena, "a", "/b"), "/b");
  assert_string_equal(path_join(arena, "", "b"), "b");
  assert_string_equal(path_dir(arena, "a/b/c"), "a/b");
  assert_string_equal(path_dir(arena, "a//b"), "a");
  assert_string_equal(path_dir(arena, "/b"), "/");
  assert_string_equal(path_dir(arena, "b"), ".");
  assert_string_equal(path_stem(arena, "a/kws.tflite"), "kws");
  assert_string_equal(path_stem(arena, "a.b/kws"), "kws");
  assert_string_equal(path_stem(arena, "kws.int8.tflite"), "kws.int8");
  assert_string_equal(path_stem(arena, ".hidden"), ".hidden");
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(write_and_replace), TEST(mapping_survives_replacement),
      TEST(empty_file),        TEST(unreadable),
      TEST(unwritable),        TEST(failing_write_keeps_old),
      TEST(through_symlink),   TEST(devices_are_not_replaced),
      TEST(long_name),         TEST(paths),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
