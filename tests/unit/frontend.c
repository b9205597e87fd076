/* model_load: which importer takes a file, and what is said when none does. */
#include <string.h>
#include <unistd.h>

#include "support/file.h"
#include "tests/tflite_models.h"

typedef struct Dir {
  char path[64];
} Dir;

static int setup(void **state) {
  static Dir d;
  strcpy(d.path, "/tmp/kiln-frontend-XXXXXX");
  *state = &d;
  return mkdtemp(d.path) ? 0 : -1;
}

static int teardown(void **state) {
  char command[100];
  snprintf(command, sizeof command, "rm -rf '%s'", ((Dir *)*state)->path);
  return system(command);
}

static Graph *load(Run *r, const Dir *dir, const char *name, const void *data,
                   size_t bytes) {
  const char *path = path_join(r->arena, dir->path, name);
  assert_true(file_write(path, data, bytes, r->diag));
  return model_load(r->arena, r->diag, path, NULL);
}

/* The content decides, not the name. */
static void test_by_content(void **state) {
  Run r = run_new();
  relu(r.model);
  Str s = tb_model(r.model);
  Graph *g = load(&r, *state, "kws.bin", s.s, s.n);
  assert_non_null(g);
  assert_string_equal(g->name, "kws");
  run_free(&r);
}

static void test_unknown(void **state) {
  static const struct {
    const char *name, *data, *message;
  } bad[] = {
      {"m.tflite", "", "error E0101: the file is empty, cut off or not of"},
      {"m.tflite", "\1\0\0\0TFL2....", "not of format tflite"},
      {"m.onnx", "", "not of format onnx"},
      {"m.onnx", "\x08\x07\x12\x04", "error E0102: reading Model at byte 2"},
      {"m.pt", "PK\3\4....", "the format is not recognized"},
  };
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    Run r = run_new();
    assert_null(
        load(&r, *state, bad[i].name, bad[i].data, strlen(bad[i].data)));
    const char *text = run_messages(&r);
    if (!strstr(text, bad[i].message))
      fail_msg("expected '%s', got '%s'", bad[i].message, text);
    assert_int_equal(diag_exit_status(r.diag), EXIT_BAD_MODEL);
    run_free(&r);
  }
}

static void test_no_file(void **state) {
  const Dir *dir = *state;
  Run r = run_new();
  const char *path = path_join(r.arena, dir->path, "nothing.tflite");
  assert_null(model_load(r.arena, r.diag, path, NULL));
  assert_non_null(strstr(run_messages(&r), "error E0002"));
  run_free(&r);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_by_content),
      cmocka_unit_test(test_unknown),
      cmocka_unit_test(test_no_file),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
