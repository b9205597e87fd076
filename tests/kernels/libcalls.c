/* codegen/libcalls.c under qemu on a core that has none of the operations:
 * instruction selection itself makes the calls, so that their registers are
 * tested too. Expected values come from C on the host. */
#include "tests/testing.h"

#include "tests/kernels/hand.h"

enum { NCASE = 600, NRESULT = 12 };

static const char *const arithmetic[] = {"__aeabi_lmul",
                                         "__aeabi_llsl",
                                         "__aeabi_llsr",
                                         "__aeabi_lasr",
                                         "__aeabi_uidiv",
                                         "__aeabi_uidivmod",
                                         "__aeabi_idiv",
                                         "__aeabi_idivmod",
                                         "__aeabi_uldivmod",
                                         "__aeabi_ldivmod",
                                         NULL};
static const char *const blocks[] = {
    "memcpy",          "memmove",         "memset",         "__aeabi_memcpy4",
    "__aeabi_memmove", "__aeabi_memset8", "__aeabi_memclr", NULL};

/* One line an operation; in[0] and in[1] are i64[NCASE], out[0] has NRESULT
 * results a case. */
static const char arithmetic_run[] =
    "define i32 @m_run(ptr %in, ptr %out, ptr %arena) {\n"
    "entry:\n"
    "  %as = load ptr, ptr %in\n"
    "  %at = getelementptr ptr, ptr %in, i32 1\n"
    "  %bs = load ptr, ptr %at\n"
    "  %o = load ptr, ptr %out\n"
    "  br label %loop\n"
    "loop:\n"
    "  %i = phi i32 [ 0, %entry ], [ %i2, %loop ]\n"
    "  %pa = getelementptr i64, ptr %as, i32 %i\n"
    "  %pb = getelementptr i64, ptr %bs, i32 %i\n"
    "  %a = load i64, ptr %pa, align 1\n"
    "  %b = load i64, ptr %pb, align 1\n"
    "  %s = and i64 %b, 63\n"
    "  %x = trunc i64 %a to i32\n"
    "  %y = trunc i64 %b to i32\n"
    "  %r0 = mul i64 %a, %b\n"
    "  %r1 = shl i64 %a, %s\n"
    "  %r2 = lshr i64 %a, %s\n"
    "  %r3 = ashr i64 %a, %s\n"
    "  %q4 = udiv i32 %x, %y\n"
    "  %q5 = urem i32 %x, %y\n"
    "  %q6 = sdiv i32 %x, %y\n"
    "  %q7 = srem i32 %x, %y\n"
    "  %r4 = zext i32 %q4 to i64\n"
    "  %r5 = zext i32 %q5 to i64\n"
    "  %r6 = sext i32 %q6 to i64\n"
    "  %r7 = sext i32 %q7 to i64\n"
    "  %r8 = udiv i64 %a, %b\n"
    "  %r9 = urem i64 %a, %b\n"
    "  %r10 = sdiv i64 %a, %b\n"
    "  %r11 = srem i64 %a, %b\n"
    "  %k = mul i32 %i, 12\n";
static const char arithmetic_end[] = "  %i2 = add i32 %i, 1\n"
                                     "  %more = icmp ult i32 %i2, 600\n"
                                     "  br i1 %more, label %loop, label %done\n"
                                     "done:\n"
                                     "  ret i32 0\n"
                                     "}\n";

static const char *arithmetic_text(Arena *a, const Target *t) {
  Str s = str_new(a);
  for (const char *const *name = arithmetic; *name; name++)
    str_add(&s, libcall_text(a, t, *name));
  str_add(&s, arithmetic_run);
  for (int i = 0; i < NRESULT; i++)
    str_printf(&s,
               "  %%k%d = add i32 %%k, %d\n"
               "  %%p%d = getelementptr i64, ptr %%o, i32 %%k%d\n"
               "  store i64 %%r%d, ptr %%p%d, align 1\n",
               i, i, i, i, i, i);
  str_add(&s, arithmetic_end);
  return str_cstr(&s);
}

/* Numbers of every magnitude, with many bits alike. */
static int64_t interesting(uint64_t *random) {
  uint64_t x = test_random(random) >> (test_random(random) % 64);
  if (test_random(random) % 4 == 0)
    x = ~x;
  if (test_random(random) % 8 == 0)
    x = (uint64_t)1 << test_random(random) % 64;
  return (int64_t)(x - test_random(random) % 2);
}

static bool defined(int64_t a, int64_t b) {
  int32_t x = (int32_t)a, y = (int32_t)b;
  return y != 0 && b != 0 && !(a == INT64_MIN && b == -1) &&
         !(x == INT32_MIN && y == -1);
}

static void expected(int64_t a, int64_t b, int64_t *r) {
  uint64_t ua = (uint64_t)a, ub = (uint64_t)b;
  int32_t x = (int32_t)a, y = (int32_t)b;
  int s = (int)(b & 63);
  r[0] = (int64_t)(ua * ub);
  r[1] = (int64_t)(ua << s);
  r[2] = (int64_t)(ua >> s);
  r[3] = a >> s;
  r[4] = (uint32_t)x / (uint32_t)y;
  r[5] = (uint32_t)x % (uint32_t)y;
  r[6] = x / y;
  r[7] = x % y;
  r[8] = (int64_t)(ua / ub);
  r[9] = (int64_t)(ua % ub);
  r[10] = a / b;
  r[11] = a % b;
}

static Plan *arithmetic_plan(Arena *a, const Target *t) {
  static const char *in_name[] = {"a", "b"}, *out_name[] = {"r"};
  int64_t n = NCASE, m = (int64_t)NCASE * NRESULT;
  Graph *g = hand_graph(a);
  graph_input(g, "a", type_new(a, DT_i64, 1, &n, NULL));
  graph_input(g, "b", type_new(a, DT_i64, 1, &n, NULL));
  graph_output(g, graph_input(g, "r", type_new(a, DT_i64, 1, &m, NULL)));
  g->inputs.n = 2; /* r is only written */
  return hand_plan(g, t, in_name, out_name);
}

/* Skips the test where qemu or ld.lld is missing. */
static void run_or_skip(const Plan *p, const Emitted *e, const void *const *in,
                        void *const *out, void *arena) {
  bool ok = qemu_run(p, e, 1, in, out, arena, NULL, NULL);
  if (!ok)
    diag_print(p->diag, stderr);
  if (!ok && diag_exit_status(p->diag) == EXIT_USAGE)
    skip();
  assert_true(ok);
}

static void no_symbol_undefined(Arena *a, Bytes object, Diag *d) {
  ObjectFile o;
  assert_true(object_read(a, object, &o, d));
  for (int i = 0; i < o.symbols.n; i++)
    assert_int_not_equal(o.symbols.v[i].section, OBJ_UNDEFINED);
}

static void test_arithmetic(void **state) {
  (void)state;
  static int64_t a[NCASE], b[NCASE], r[NCASE * NRESULT], want[NRESULT];
  uint64_t random = 7;
  for (int i = 0; i < NCASE; i++)
    do {
      a[i] = interesting(&random);
      b[i] = interesting(&random);
    } while (!defined(a[i], b[i]));
  Arena *arena = arena_new();
  const Target *t = hand_target("cortex-m0plus");
  Plan *p = arithmetic_plan(arena, t);
  Emitted e = {0};
  e.object = hand_object(arena, t, arithmetic_text(arena, t), p->diag);
  assert_int_not_equal(e.object.bytes, 0);
  no_symbol_undefined(arena, e.object, p->diag);
  run_or_skip(p, &e, (const void *[]){a, b}, (void *[]){r}, NULL);
  for (int i = 0; i < NCASE; i++) {
    expected(a[i], b[i], want);
    for (int k = 0; k < NRESULT; k++)
      assert_true(r[i * NRESULT + k] == want[k]);
  }
  arena_free(arena);
}

enum { BLOCK = 64, WORK = 512 };

static const char blocks_run[] =
    "define i32 @m_run(ptr %in, ptr %out, ptr %w) {\n"
    "  %x = load ptr, ptr %in\n"
    "  %w64 = getelementptr i8, ptr %w, i32 64\n"
    "  %w71 = getelementptr i8, ptr %w, i32 71\n"
    "  %w200 = getelementptr i8, ptr %w, i32 200\n"
    "  %w203 = getelementptr i8, ptr %w, i32 203\n"
    "  %w300 = getelementptr i8, ptr %w, i32 300\n"
    "  %w400 = getelementptr i8, ptr %w, i32 400\n"
    "  %w424 = getelementptr i8, ptr %w, i32 424\n"
    "  call ptr @memcpy(ptr %w, ptr %x, i32 64)\n"
    "  call void @__aeabi_memcpy4(ptr %w64, ptr %w, i32 64)\n"
    "  call ptr @memmove(ptr %w71, ptr %w64, i32 50)\n"
    "  call void @__aeabi_memcpy4(ptr %w200, ptr %x, i32 64)\n"
    "  call void @__aeabi_memmove(ptr %w200, ptr %w203, i32 60)\n"
    "  call ptr @memset(ptr %w300, i32 471, i32 33)\n"
    "  call void @__aeabi_memset8(ptr %w400, i32 20, i32 7)\n"
    "  call void @__aeabi_memclr(ptr %w424, i32 9)\n"
    "  call ptr @memset(ptr %w, i32 1, i32 0)\n"
    "  call ptr @memcpy(ptr %w, ptr %x, i32 0)\n"
    "  %y = load ptr, ptr %out\n"
    "  store i8 1, ptr %y\n"
    "  ret i32 0\n"
    "}\n";

static void blocks_in_c(const uint8_t *x, uint8_t *w) {
  memset(w, 0xa5, WORK);
  memcpy(w, x, BLOCK);
  memcpy(w + 64, w, BLOCK);
  memmove(w + 71, w + 64, 50);
  memcpy(w + 200, x, BLOCK);
  memmove(w + 200, w + 203, 60);
  memset(w + 300, 471 & 255, 33);
  memset(w + 400, 7, 20);
  memset(w + 424, 0, 9);
}

static void test_blocks(void **state) {
  (void)state;
  static const char *in_name[] = {"x"}, *out_name[] = {"y"};
  Arena *a = arena_new();
  const Target *t = hand_target("cortex-m0plus");
  int64_t n = BLOCK, one = 1;
  Graph *g = hand_graph(a);
  graph_input(g, "x", type_new(a, DT_u8, 1, &n, NULL));
  graph_output(g, graph_input(g, "y", type_new(a, DT_u8, 1, &one, NULL)));
  g->inputs.n = 1;
  Plan *p = hand_plan(g, t, in_name, out_name);
  p->arena_bytes = WORK;
  Str s = str_new(a);
  for (const char *const *name = blocks; *name; name++)
    str_add(&s, libcall_text(a, t, *name));
  str_add(&s, blocks_run);
  Emitted e = {0};
  e.object = hand_object(a, t, str_cstr(&s), p->diag);
  no_symbol_undefined(a, e.object, p->diag);
  uint8_t x[BLOCK], y[1], got[WORK], want[WORK];
  for (int i = 0; i < BLOCK; i++)
    x[i] = (uint8_t)(i * 37 + 1);
  run_or_skip(p, &e, (const void *[]){x}, (void *[]){y}, got);
  blocks_in_c(x, want);
  assert_memory_equal(got, want, WORK);
  arena_free(a);
}

static void test_unknown(void **state) {
  (void)state;
  Arena *a = arena_new();
  assert_null(libcall_text(a, hand_target("cortex-m0plus"), "malloc"));
  arena_free(a);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_arithmetic),
      cmocka_unit_test(test_blocks),
      cmocka_unit_test(test_unknown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
