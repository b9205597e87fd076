/* codegen/check.c and the object readers below it: broken promises are
 * caught in ELF of both widths and in wasm, damaged files are errors. */
#include "tests/testing.h"

#include "tests/kernels/hand.h"

static const char *const targets[] = {"x86-64-v2", "cortex-m4", "aarch64",
                                      "riscv64", "wasm32"};
enum { NTARGET = sizeof targets / sizeof *targets };

#define GOOD                                                                   \
  "@table = internal unnamed_addr constant [3 x i32] [i32 7, i32 8, i32 9]\n"  \
  "define internal i32 @m.step(i32 %i) noinline {\n"                           \
  "  %p = getelementptr i32, ptr @table, i32 %i\n"                             \
  "  %x = load i32, ptr %p\n"                                                  \
  "  ret i32 %x\n"                                                             \
  "}\n"                                                                        \
  "define i32 @m_run(ptr %in, ptr %out, ptr %arena) {\n"                       \
  "  %i = load i32, ptr %in\n"                                                 \
  "  %x = call i32 @m.step(i32 %i)\n"                                          \
  "  ret i32 %x\n"                                                             \
  "}\n"

/* What is wrong, in text and in the message; NULL: nothing. */
static const struct {
  const char *text, *message;
} objects[] = {
    {GOOD, NULL},
    {GOOD "define void @m_reset(ptr %state) {\n  ret void\n}\n", NULL},
    {GOOD "declare void @puts()\n"
          "define void @m_reset(ptr %state) {\n"
          "  call void @puts()\n  ret void\n}\n",
     "undefined symbol 'puts'"},
    {GOOD "define void @m_runs() {\n  ret void\n}\n",
     "undocumented global 'm_runs'"},
    {GOOD "@weights = constant [2 x i32] [i32 1, i32 2]\n",
     "undocumented global 'weights'"},
    {GOOD "@counter = internal global i32 5\n"
          "define void @m_reset(ptr %state) {\n"
          "  store volatile i32 1, ptr @counter\n  ret void\n}\n",
     "writable section"},
    {GOOD "@counter = internal global i32 0\n"
          "define void @m_reset(ptr %state) {\n"
          "  store volatile i32 1, ptr @counter\n  ret void\n}\n",
     "writable section"},
    {GOOD "define internal void @start() {\n  ret void\n}\n"
          "@llvm.global_ctors = appending global [1 x { i32, ptr, ptr }]"
          " [{ i32, ptr, ptr } { i32 65535, ptr @start, ptr null }]\n",
     "constructors"},
    {"define internal void @m_run() {\n  ret void\n}\n", "lacks m_run"},
};
enum { NOBJECT = sizeof objects / sizeof *objects };

static char *printed(Arena *a, const Diag *d) {
  char *text = NULL;
  size_t n = 0;
  FILE *f = open_memstream(&text, &n);
  diag_print(d, f);
  fclose(f);
  char *copy = arena_strdup(a, text);
  free(text);
  return copy;
}

static Plan *empty_plan(Arena *a, const char *target) {
  return hand_plan(hand_graph(a), hand_target(target), NULL, NULL);
}

static void test_promises(void **state) {
  (void)state;
  for (int t = 0; t < NTARGET; t++)
    for (int i = 0; i < NOBJECT; i++) {
      Arena *a = arena_new();
      Plan *p = empty_plan(a, targets[t]);
      ObjectFile o;
      Bytes object = hand_object(a, p->target, objects[i].text, p->diag);
      assert_true(object_read(a, object, &o, p->diag));
      bool good = object_check(&o, p, false);
      const char *said = printed(a, p->diag);
      if (good != !objects[i].message ||
          (!good && !strstr(said, objects[i].message)))
        fail_msg("%s, object %d: %s", targets[t], i, said);
      arena_free(a);
    }
}

/* Sizes and calls, as the report and the stack bound use them. */
static void test_contents(void **state) {
  (void)state;
  for (int t = 0; t < NTARGET; t++) {
    Arena *a = arena_new();
    Plan *p = empty_plan(a, targets[t]);
    ObjectFile o;
    Bytes object = hand_object(a, p->target,
                               "define internal i32 @m.step(i32 %i) noinline "
                               "section \".text.m.step\" {\n  ret i32 %i\n}\n"
                               "define i32 @m_run(i32 %i) section "
                               "\".text.m_run\" {\n"
                               "  %x = call i32 @m.step(i32 %i)\n"
                               "  %y = add i32 %x, 1\n  ret i32 %y\n}\n",
                               p->diag);
    assert_true(object_read(a, object, &o, p->diag));
    int run = object_find(&o, "m_run"), step = object_find(&o, "m.step");
    assert_true(run >= 0 && step >= 0 && run != step);
    assert_int_equal(o.sections.v[run].kind, OBJ_CODE);
    assert_true(o.sections.v[step].bytes > 0);
    int calls = 0;
    for (int i = 0; i < o.edges.n; i++)
      calls += o.edges.v[i].from == run && o.edges.v[i].to == step;
    assert_int_equal(calls, 1);
    Frames frames = {.arena = a};
    ARRAY_PUSH(a, &frames.list, ((Frame){"m_run", 16}));
    ARRAY_PUSH(a, &frames.list, ((Frame){"m.step", 40}));
    int64_t pushed = p->target->arch == ARCH_x86_64 ? 16 : 0;
    ObjectSizes sizes = {0};
    assert_true(
        stack_measure(&o, &frames, p->target, "m_run", a, p->diag, &sizes));
    assert_int_equal(sizes.stack_bytes, 56 + pushed);
    assert_int_equal(sizes.functions.n, 2);
    for (int i = 0; i < 2; i++) {
      const FunctionSize *f = &sizes.functions.v[i];
      bool entry = strcmp(f->symbol, "m_run") == 0;
      assert_int_equal(f->stack_bytes, (entry ? 16 : 40) + pushed / 2);
      assert_int_equal(f->code_bytes, o.sections.v[entry ? run : step].bytes);
      assert_true(f->deepest);
    }
    arena_free(a);
  }
}

static void test_recursion(void **state) {
  (void)state;
  Arena *a = arena_new();
  Plan *p = empty_plan(a, "cortex-m4");
  ObjectFile o;
  Bytes object = hand_object(
      a, p->target,
      "define i32 @m_run(i32 %i) section \".text.m_run\" {\n"
      "  %x = call i32 @m.step(i32 %i)\n  %y = add i32 %x, 1\n"
      "  ret i32 %y\n}\n"
      "define internal i32 @m.step(i32 %i) noinline section \".text.m\" {\n"
      "  %x = call i32 @m_run(i32 %i)\n  %y = add i32 %x, 1\n"
      "  ret i32 %y\n}\n",
      p->diag);
  assert_true(object_read(a, object, &o, p->diag));
  Frames frames = {.arena = a};
  ObjectSizes sizes = {0};
  assert_false(
      stack_measure(&o, &frames, p->target, "m_run", a, p->diag, &sizes));
  assert_int_equal(diag_exit_status(p->diag), EXIT_INTERNAL);
  arena_free(a);
}

/* Reads a copy that ends where the file does, so that a sanitizer sees any
 * byte read beyond it. The result does not matter. */
static void read_damaged(const char *data, size_t bytes) {
  Arena *a = arena_new();
  char *copy = malloc(bytes ? bytes : 1);
  memcpy(copy, data, bytes);
  ObjectFile o;
  object_read(a, (Bytes){copy, bytes}, &o, diag_new(a));
  free(copy);
  arena_free(a);
}

static void test_damage(void **state) {
  (void)state;
  uint64_t random = 3;
  for (int t = 0; t < NTARGET; t++) {
    Arena *a = arena_new();
    Plan *p = empty_plan(a, targets[t]);
    Bytes good = hand_object(a, p->target, GOOD, p->diag);
    char *bad = arena_dup(a, good.data, good.bytes);
    for (size_t n = 0; n < good.bytes; n += 7)
      read_damaged(good.data, n);
    for (int i = 0; i < 2000; i++) {
      size_t at = test_random(&random) % good.bytes;
      bad[at] = (char)test_random(&random);
      read_damaged(bad, good.bytes);
      bad[at] = good.data[at];
    }
    arena_free(a);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_promises),
      cmocka_unit_test(test_contents),
      cmocka_unit_test(test_recursion),
      cmocka_unit_test(test_damage),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
