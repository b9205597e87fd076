/* The reader of protobuf's wire format: what it reads, and that whatever is
 * wrong with a file is one error and nothing from then on. */
#include "tests/testing.h"

#include "frontend/onnx/wire.h"
#include "tests/onnx_builder.h"

typedef struct Message {
  PbInt number;
  PbFloat ratio;
  PbBytes text;
  PbSpans parts;
  PbNums list, words;
} Message;

static const PbField fields[] = {
    {PK_Int, 1, PB_VARINT, "number", offsetof(Message, number)},
    {PK_Float, 2, PB_VARINT, "ratio", offsetof(Message, ratio)},
    {PK_Bytes, 3, PB_VARINT, "text", offsetof(Message, text)},
    {PK_Spans, 4, PB_VARINT, "parts", offsetof(Message, parts)},
    {PK_Nums, 5, PB_VARINT, "list", offsetof(Message, list)},
    {PK_Nums, 6, PB_FIXED32, "words", offsetof(Message, words)},
};

enum { FIELDS = sizeof fields / sizeof *fields };

typedef struct File {
  Arena *arena;
  uint8_t *data; /* exactly the bytes, so that sanitizers see overruns */
  Pb pb;
  Message m;
} File;

static bool file_read(File *f, const void *data, size_t bytes) {
  *f = (File){.arena = arena_new(), .data = malloc(bytes ? bytes : 1)};
  if (bytes)
    memcpy(f->data, data, bytes);
  f->pb = (Pb){.data = f->data,
               .bytes = bytes,
               .arena = f->arena,
               .diag = diag_new(f->arena),
               .file = "t.bin"};
  return pb_read(&f->pb, (PbSpan){0, bytes}, "it", fields, FIELDS, &f->m);
}

static void file_free(File *f) {
  free(f->data);
  arena_free(f->arena);
}

static Str sample(Arena *a) {
  Str m = str_new(a), packed = str_new(a);
  pw_int(&m, 1, 7);
  pw_int(&m, 1, -2); /* the last one counts */
  pw_float(&m, 2, 0.5f);
  pw_text(&m, 3, "abc");
  pw_text(&m, 4, "");
  pw_text(&m, 4, "xy");
  pw_int(&m, 5, 300);
  pw_varint(&packed, 1);
  pw_varint(&packed, 128);
  pw_message(&m, 5, &packed);
  pw_float(&m, 6, 2);
  pw_bytes(&m, 6, (const uint32_t[]){5, 6}, 8);
  pw_int(&m, 99, 3); /* unknown fields are passed over */
  pw_text(&m, 98, "unknown");
  return m;
}

static uint64_t next(Pb *pb, PbCursor *c) {
  uint64_t bits = 0;
  assert_true(pb_next(pb, c, &bits));
  return bits;
}

static void test_reads(void **state) {
  (void)state;
  Arena *a = arena_new();
  Str s = sample(a);
  File f;
  uint64_t end;
  assert_true(file_read(&f, s.s, s.n));
  assert_true(f.m.number.has);
  assert_int_equal(f.m.number.v, -2);
  assert_true(f.m.ratio == 0.5f);
  assert_memory_equal(f.data + f.m.text.pos, "abc", f.m.text.n);
  assert_int_equal(f.m.parts.n, 2);
  assert_int_equal(f.m.parts.v[0].n, 0);
  assert_int_equal(f.m.parts.v[1].n, 2);
  PbCursor list = {.nums = &f.m.list}, words = {.nums = &f.m.words};
  assert_int_equal(next(&f.pb, &list), 300);
  assert_int_equal(next(&f.pb, &list), 1);
  assert_int_equal(next(&f.pb, &list), 128);
  assert_false(pb_next(&f.pb, &list, &end));
  assert_int_equal(next(&f.pb, &words), 0x40000000);
  assert_int_equal(next(&f.pb, &words), 5);
  assert_int_equal(next(&f.pb, &words), 6);
  assert_false(pb_next(&f.pb, &words, &end));
  assert_false(f.pb.bad);
  file_free(&f);
  arena_free(a);
}

/* Cut off between fields a message is whole; anywhere else it is not. */
static void test_truncation(void **state) {
  (void)state;
  Arena *a = arena_new();
  Str s = sample(a);
  int whole = 0;
  for (size_t n = 0; n < s.n; n++) {
    File f;
    bool ok = file_read(&f, s.s, n);
    assert_int_equal(diag_error_count(f.pb.diag), !ok);
    whole += ok;
    file_free(&f);
  }
  assert_int_equal(whole, 12);
  arena_free(a);
}

static void test_refuses(void **state) {
  (void)state;
  static const struct {
    const char *bytes;
    size_t n;
    const char *message;
  } bad[] = {
      {"\x08", 1, "reading it at byte 0: a number does not end"},
      {"\x08\x80", 2, "a number does not end"},
      {"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12,
       "a number does not end"},
      {"\x15\1\2\3", 4, "it ends behind what it lies in"},
      {"\x1a\5ab", 4, "it ends behind what it lies in"},
      {"\x1a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11,
       "it ends behind what it lies in"},
      {"\x1a\x80", 2, "a length does not end"},
      {"\0\0", 2, "not the beginning of a field"},
      {"\x0b", 1, "a field of unknown form"},
      {"\x0f", 1, "a field of unknown form"},
      {"\x0a\1a", 3, "reading number at byte 0: a field of wire type 2"},
      {"\x18\1", 2, "reading text at byte 0: a field of wire type 0"},
  };
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    File f;
    char *text = NULL;
    size_t n = 0;
    assert_false(file_read(&f, bad[i].bytes, bad[i].n));
    FILE *out = open_memstream(&text, &n);
    diag_print(f.pb.diag, out);
    fclose(out);
    if (!strstr(text, bad[i].message))
      fail_msg("expected '%s', got '%s'", bad[i].message, text);
    assert_int_equal(diag_error_count(f.pb.diag), 1);
    free(text);
    file_free(&f);
  }
}

/* Packed numbers of which the last one does not end. */
static void test_cut_numbers(void **state) {
  (void)state;
  static const char *const bytes[] = {"\x2a\2\1\x80", "\x32\6\1\1\1\1\2\2"};
  for (int i = 0; i < 2; i++) {
    File f;
    uint64_t bits;
    assert_true(file_read(&f, bytes[i], strlen(bytes[i])));
    PbCursor c = {.nums = i ? &f.m.words : &f.m.list};
    assert_true(pb_next(&f.pb, &c, &bits));
    assert_false(pb_next(&f.pb, &c, &bits));
    assert_true(f.pb.bad);
    assert_false(pb_next(&f.pb, &c, &bits));
    assert_int_equal(diag_error_count(f.pb.diag), 1);
    file_free(&f);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_reads),
      cmocka_unit_test(test_truncation),
      cmocka_unit_test(test_refuses),
      cmocka_unit_test(test_cut_numbers),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
