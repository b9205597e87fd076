/* support/diag.h: what is recorded, and both renderings of it. */
#include "tests/unit/fixture.h"

#include <json-c/json.h>
#include <string.h>

#include "support/diag.h"

/* What a renderer prints, in the arena. */
static const char *rendered(void (*print)(const Diag *d, FILE *out)) {
  FILE *out = tmpfile();
  assert_non_null(out);
  print(diag, out);
  size_t n = (size_t)ftell(out);
  rewind(out);
  char *text = arena_alloc(arena, n + 1);
  assert_int_equal(fread(text, 1, n, out), n);
  fclose(out);
  return text;
}

static void nothing(void **state) {
  (void)state;
  diag_hint(diag, "lost");
  diag_excerpt(diag, "lost");
  assert_int_equal(diag_error_count(diag), 0);
  assert_int_equal(diag_exit_status(diag), EXIT_OK);
  assert_string_equal(rendered(diag_print), "");
}

static void full_form(void **state) {
  (void)state;
  Loc loc = {.file = "model.tflite", .what = "op 3 CONV_2D 'conv/Relu'"};
  assert_false(diag_error(diag, E0302, loc, "conv2d: %d groups", 2));
  diag_excerpt(diag, "%%7 = conv2d %%6, @w3\n{...}");
  diag_hint(diag, "split the %s", "groups");
  assert_string_equal(rendered(diag_print),
                      "model.tflite: op 3 CONV_2D 'conv/Relu': error E0302: "
                      "conv2d: 2 groups\n"
                      "  %7 = conv2d %6, @w3\n"
                      "  {...}\n"
                      "hint: split the groups\n");
}

static void locations(void **state) {
  (void)state;
  diag_error(diag, E0103, (Loc){.file = "m.kiln", .line = 3, .col = 7}, "a");
  diag_warning(diag, (Loc){.file = "m.kiln", .line = 4}, "b");
  diag_note(diag, (Loc){.file = "m.kiln", .col = 9}, "c");
  diag_error(diag, E0001, (Loc){0}, "d");
  assert_string_equal(rendered(diag_print), "m.kiln:3:7: error E0103: a\n"
                                            "m.kiln:4: warning: b\n"
                                            "m.kiln: note: c\n"
                                            "kiln: error E0001: d\n");
}

/* A name in a model can't send escape sequences to the terminal. */
static void control_characters(void **state) {
  (void)state;
  diag_error(diag, E0301, (Loc){.file = "m", .what = "op '\x1b[2J\x7f'"},
             "caf\xc3\xa9\ttab\rnext\nline");
  assert_string_equal(rendered(diag_print),
                      "m: op '\\x1b[2J\\x7f': error E0301: "
                      "caf\xc3\xa9\ttab\\x0dnext\n  line\n");
}

static void counts(void **state) {
  (void)state;
  diag_warning(diag, (Loc){0}, "first");
  assert_int_equal(diag_exit_status(diag), EXIT_OK);
  diag_error(diag, E0302, (Loc){0}, "second");
  diag_error(diag, E0102, (Loc){0}, "third");
  diag_note(diag, (Loc){0}, "fourth");
  assert_int_equal(diag_error_count(diag), 2);
  assert_int_equal(diag_exit_status(diag), EXIT_UNSUPPORTED);
}

static void code_table(void **state) {
  (void)state;
  for (int c = 0; c < DIAG_CODE_COUNT; c++) {
    const char *name = diag_code_name((DiagCode)c);
    assert_int_equal(strlen(name), 5);
    assert_int_equal(diag_code_find(name), c);
    assert_true(*diag_code_title((DiagCode)c) != 0);
    assert_true(*diag_code_text((DiagCode)c) != 0);
    if (c)
      assert_true(strcmp(diag_code_name((DiagCode)(c - 1)), name) < 0);
  }
  assert_int_equal(diag_code_find("E9999"), DIAG_CODE_COUNT);
  assert_int_equal(diag_code_find(""), DIAG_CODE_COUNT);
}

static const char *member(json_object *o, const char *key) {
  json_object *value;
  assert_true(json_object_object_get_ex(o, key, &value));
  return json_object_get_string(value);
}

static void json(void **state) {
  (void)state;
  const char *nasty = "\"\\\b\f\n\r\t\x01/\x7f\xff\xc3\xa9";
  diag_error(diag, E0102, (Loc){.file = nasty, .what = "w", .line = 2},
             "message %s", nasty);
  diag_hint(diag, "h");
  diag_excerpt(diag, "x");
  diag_note(diag, (Loc){0}, "plain");
  json_object *list = json_tokener_parse(rendered(diag_print_json));
  assert_non_null(list);
  assert_int_equal(json_object_array_length(list), 2);
  json_object *e = json_object_array_get_idx(list, 0);
  assert_string_equal(member(e, "code"), "E0102");
  assert_string_equal(member(e, "level"), "error");
  assert_string_equal(member(e, "file"),
                      "\"\\\b\f\n\r\t\x01/\x7f\xef\xbf\xbd\xc3\xa9");
  assert_string_equal(member(e, "what"), "w");
  assert_string_equal(member(e, "line"), "2");
  assert_null(member(e, "col"));
  assert_int_equal(strncmp(member(e, "message"), "message \"", 9), 0);
  assert_string_equal(member(e, "excerpt"), "x");
  assert_string_equal(member(e, "hint"), "h");
  json_object *note = json_object_array_get_idx(list, 1);
  assert_null(member(note, "code"));
  assert_null(member(note, "file"));
  assert_string_equal(member(note, "level"), "note");
  json_object_put(list);
}

static void json_empty(void **state) {
  (void)state;
  json_object *list = json_tokener_parse(rendered(diag_print_json));
  assert_int_equal(json_object_array_length(list), 0);
  json_object_put(list);
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
  const struct CMUnitTest tests[] = {TEST(nothing),    TEST(full_form),
                                     TEST(locations),  TEST(counts),
                                     TEST(json),       TEST(control_characters),
                                     TEST(code_table), TEST(json_empty)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
