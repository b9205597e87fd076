/* codegen/soft_float.c against the float unit of this machine: each routine
 * called here on many patterns, and under qemu, where instruction selection
 * makes the calls, on fewer. NaNs are all one. */
#include "tests/testing.h"

#include <math.h>

#include "tests/kernels/hand.h"

#include <llvm-c/Linker.h>

enum { NHERE = 60000, NTHERE = 1500 };

/* One operation: what it is called (in the ABI on integers or in that of C),
 * how IR says it, the letter of its result (f float, i i32, l i64, b i1),
 * and what it should be, as bits. false: not defined. */
typedef bool Expect(uint32_t a, uint32_t b, uint32_t c, uint64_t *bits);
typedef struct Row {
  const char *name, *call, *native;
  char result, called;
  Expect *expect;
} Row;

static float f_of(uint32_t bits) {
  float f;
  memcpy(&f, &bits, sizeof f);
  return f;
}

static uint32_t bits_of(float f) {
  uint32_t bits;
  memcpy(&bits, &f, sizeof bits);
  return f != f ? 0x7fc00000 : bits;
}

#define EXPECT(name, value)                                                    \
  static bool expect_##name(uint32_t ia, uint32_t ib, uint32_t ic,             \
                            uint64_t *bits) {                                  \
    float a = f_of(ia), b = f_of(ib), c = f_of(ic);                            \
    (void)a, (void)b, (void)c, (void)ib, (void)ic;                             \
    *bits = (uint64_t)(value);                                                 \
    return true;                                                               \
  }
#define EXPECT_IN(name, range, value)                                          \
  static bool expect_##name(uint32_t ia, uint32_t ib, uint32_t ic,             \
                            uint64_t *bits) {                                  \
    float a = f_of(ia);                                                        \
    (void)ib, (void)ic;                                                        \
    bool in = range;                                                           \
    *bits = in ? (uint64_t)(value) : 0;                                        \
    return in;                                                                 \
  }
EXPECT(fma, bits_of(fmaf(a, b, c)))
EXPECT(add, bits_of(a + b))
EXPECT(sub, bits_of(a - b))
EXPECT(mul, bits_of(a *b))
EXPECT(div, bits_of(a / b))
EXPECT(sqrt, bits_of(sqrtf(a)))
EXPECT(floor, bits_of(floorf(a)))
EXPECT(ceil, bits_of(ceilf(a)))
EXPECT(trunc, bits_of(truncf(a)))
EXPECT(rint, bits_of(rintf(a)))
EXPECT(eq, a == b)
EXPECT(lt, a < b)
EXPECT(le, a <= b)
EXPECT(ge, a >= b)
EXPECT(gt, a > b)
EXPECT(un, a != a || b != b)
EXPECT(from_i32, bits_of((float)(int32_t)ia))
EXPECT(from_u32, bits_of((float)ia))
EXPECT(from_i64, bits_of((float)(int64_t)((uint64_t)ia << 32 | ib)))
EXPECT(from_u64, bits_of((float)((uint64_t)ia << 32 | ib)))
EXPECT_IN(i32, fabsf(a) < 0x1p31f, (int32_t)a)
EXPECT_IN(u32, a > -1 && a < 0x1p32f, (uint32_t)a)
EXPECT_IN(i64, fabsf(a) < 0x1p63f, (int64_t)a)
EXPECT_IN(u64, a > -1 && a < 0x1p64f, (uint64_t)a)

#define AEABI2(name, native, result, expect)                                   \
  {"__aeabi_" name,                                                            \
   "call i32 @__aeabi_" name "(i32 %a, i32 %b)",                               \
   native " float %fa, %fb",                                                   \
   result,                                                                     \
   'i',                                                                        \
   expect}
#define TO(name, native, T, letter, expect)                                    \
  {"__aeabi_" name,                                                            \
   "call " T " @__aeabi_" name "(i32 %a)",                                     \
   native " float %fa to " T,                                                  \
   letter,                                                                     \
   letter,                                                                     \
   expect}
#define FROM(name, native, T, x, expect)                                       \
  {"__aeabi_" name,                                                            \
   "call i32 @__aeabi_" name "(" T " " x ")",                                  \
   native " " T " " x " to float",                                             \
   'f',                                                                        \
   'i',                                                                        \
   expect}
#define C1(name, native, expect)                                               \
  {name "f",                                                                   \
   "call float @" name "f(float %fa)",                                         \
   "call float @llvm." native ".f32(float %fa)",                               \
   'f',                                                                        \
   'f',                                                                        \
   expect}
static const Row rows[] = {
    {"fmaf", "call float @fmaf(float %fa, float %fb, float %fc)",
     "call float @llvm.fma.f32(float %fa, float %fb, float %fc)", 'f', 'f',
     expect_fma},
    AEABI2("fadd", "fadd", 'f', expect_add),
    AEABI2("fsub", "fsub", 'f', expect_sub),
    AEABI2("fmul", "fmul", 'f', expect_mul),
    AEABI2("fdiv", "fdiv", 'f', expect_div),
    C1("sqrt", "sqrt", expect_sqrt),
    C1("floor", "floor", expect_floor),
    C1("ceil", "ceil", expect_ceil),
    C1("trunc", "trunc", expect_trunc),
    C1("rint", "rint", expect_rint),
    C1("nearbyint", "nearbyint", expect_rint),
    C1("roundeven", "roundeven", expect_rint),
    AEABI2("fcmpeq", "fcmp oeq", 'b', expect_eq),
    AEABI2("fcmplt", "fcmp olt", 'b', expect_lt),
    AEABI2("fcmple", "fcmp ole", 'b', expect_le),
    AEABI2("fcmpge", "fcmp oge", 'b', expect_ge),
    AEABI2("fcmpgt", "fcmp ogt", 'b', expect_gt),
    AEABI2("fcmpun", "fcmp uno", 'b', expect_un),
    TO("f2iz", "fptosi", "i32", 'i', expect_i32),
    TO("f2uiz", "fptoui", "i32", 'i', expect_u32),
    TO("f2lz", "fptosi", "i64", 'l', expect_i64),
    TO("f2ulz", "fptoui", "i64", 'l', expect_u64),
    FROM("i2f", "sitofp", "i32", "%a", expect_from_i32),
    FROM("ui2f", "uitofp", "i32", "%a", expect_from_u32),
    FROM("l2f", "sitofp", "i64", "%w", expect_from_i64),
    FROM("ul2f", "uitofp", "i64", "%w", expect_from_u64),
};
enum { NROW = (int)(sizeof rows / sizeof *rows) };

static const char declarations[] =
    "declare float @llvm.fma.f32(float, float, float)\n"
    "declare float @llvm.sqrt.f32(float)\n"
    "declare float @llvm.floor.f32(float)\n"
    "declare float @llvm.ceil.f32(float)\n"
    "declare float @llvm.trunc.f32(float)\n"
    "declare float @llvm.rint.f32(float)\n"
    "declare float @llvm.nearbyint.f32(float)\n"
    "declare float @llvm.roundeven.f32(float)\n";

/* in[0] is i32[n][3], out[0] is i64[n]. */
static const char head[] =
    "define i32 @m_run(ptr %in, ptr %out, ptr %arena) {\n"
    "entry:\n"
    "  %x = load ptr, ptr %in\n"
    "  %o = load ptr, ptr %out\n"
    "  br label %loop\n"
    "loop:\n"
    "  %i = phi i32 [ 0, %entry ], [ %i2, %loop ]\n"
    "  %k = mul i32 %i, 3\n"
    "  %pa = getelementptr i32, ptr %x, i32 %k\n"
    "  %pb = getelementptr i32, ptr %pa, i32 1\n"
    "  %pc = getelementptr i32, ptr %pa, i32 2\n"
    "  %a = load i32, ptr %pa\n"
    "  %b = load i32, ptr %pb\n"
    "  %c = load i32, ptr %pc\n"
    "  %fa = bitcast i32 %a to float\n"
    "  %fb = bitcast i32 %b to float\n"
    "  %fc = bitcast i32 %c to float\n"
    "  %aw = zext i32 %a to i64\n"
    "  %bw = zext i32 %b to i64\n"
    "  %as = shl i64 %aw, 32\n"
    "  %w = or i64 %as, %bw\n";

static const char *widening(char result) {
  switch (result) {
  case 'f':
    return "  %v = bitcast float %r to i32\n  %y = zext i32 %v to i64\n";
  case 'i':
    return "  %y = zext i32 %r to i64\n";
  case 'b':
    return "  %y = zext i1 %r to i64\n";
  default:
    return "  %y = add i64 %r, 0\n";
  }
}

/* The declaration that goes with a call: its text with types only. */
static void declare(Str *s, const Row *r) {
  const char *at = r->call + strlen("call ");
  str_add(s, "declare ");
  for (bool skip = false; *at; at++) {
    skip = (skip || (*at == ' ' && at[1] == '%')) && *at != ',' && *at != ')';
    if (!skip)
      str_add_bytes(s, at, 1);
  }
  str_add(s, "\n");
}

static const char *row_text(Arena *a, const Row *r, bool native, int n) {
  Str s = str_new(a);
  str_add(&s, declarations);
  if (!native)
    declare(&s, r);
  str_add(&s, head);
  str_printf(&s, "  %%r = %s\n", native ? r->native : r->call);
  str_add(&s, widening(native ? r->result : r->called));
  str_printf(&s,
             "  %%po = getelementptr i64, ptr %%o, i32 %%i\n"
             "  store i64 %%y, ptr %%po\n"
             "  %%i2 = add i32 %%i, 1\n"
             "  %%more = icmp ult i32 %%i2, %d\n"
             "  br i1 %%more, label %%loop, label %%done\n"
             "done:\n"
             "  ret i32 0\n"
             "}\n",
             n);
  return str_cstr(&s);
}

/* Bit patterns of every kind, near each other in one case of four so that
 * sums cancel; the last line's are ties of a product. */
static uint32_t pattern(uint64_t *random) {
  static const uint32_t edge[] = {
      0,          1,          0x7fffff,   0x800000,   0x3f800000, 0x4b000000,
      0x7f7fffff, 0x7f800000, 0x7fc00000, 0x3f000000, 0x4b800000, 0x3effffff};
  uint32_t x = (uint32_t)test_random(random);
  switch (test_random(random) % 8) {
  case 0:
    x = edge[x % (sizeof edge / sizeof *edge)] | (x & 0x80000000);
    break;
  case 1:
    x &= 0x80ffffff;
    break;
  case 2:
    x &= 0xfffff000;
    break;
  case 3:
  case 4:
    x = (x & 0x83ffffff) | 0x3c000000;
    break;
  default:
    break;
  }
  return x;
}

static void fill(uint32_t *x, int n) {
  uint64_t random = 11;
  for (int i = 0; i < n; i++, x += 3) {
    for (int k = 0; k < 3; k++)
      x[k] = pattern(&random);
    if (i % 4 == 1)
      x[1] = (x[0] ^ 0x80000000) + (uint32_t)test_random(&random) % 5;
    if (i % 8 == 2)
      x[2] = bits_of(-f_of(x[0]) * f_of(x[1]));
  }
}

static Plan *row_plan(Arena *a, const Target *t, int n) {
  static const char *in_name[] = {"x"}, *out_name[] = {"y"};
  Graph *g = hand_graph(a);
  graph_input(g, "x", type_new(a, DT_i32, 2, (int64_t[]){n, 3}, NULL));
  graph_output(
      g, graph_input(g, "y", type_new(a, DT_i64, 1, (int64_t[]){n}, NULL)));
  g->inputs.n = 1; /* y is only written */
  return hand_plan(g, t, in_name, out_name);
}

/* Module by module: the text, then each routine that the object misses. */
typedef struct Linked {
  Plan *plan;
  LLVMTargetMachineRef tm;
  LLVMContextRef ctx;
  LLVMModuleRef mod;
} Linked;

static void link_text(Linked *l, const char *text) {
  Plan *p = l->plan;
  LLVMModuleRef m = machine_parse(l->tm, l->ctx, p->target, "m", text, p->diag);
  if (!m)
    diag_print(p->diag, stderr);
  assert_non_null(m);
  for (Val f = LLVMGetFirstFunction(m); f; f = LLVMGetNextFunction(f))
    if (LLVMCountBasicBlocks(f))
      function_attributes(l->ctx, p->target, false, f);
  assert_false(LLVMLinkModules2(l->mod, m));
}

static bool link_missing(Linked *l, Bytes object) {
  Plan *p = l->plan;
  ObjectFile o = {0};
  bool any = false;
  assert_true(object_read(p->arena, object, &o, p->diag));
  for (int i = 0; i < o.symbols.n; i++) {
    const ObjSymbol *s = &o.symbols.v[i];
    if (s->section != OBJ_UNDEFINED || is_linker_symbol(p->target, s->name))
      continue;
    const char *text = libcall_text(p->arena, p->target, s->name);
    if (!text)
      fail_msg("%s: '%s' is missing", p->target->name, s->name);
    link_text(l, text);
    any = true;
  }
  return any;
}

static Emitted linked_object(Plan *p, const char *text) {
  Linked l = {.plan = p, .tm = machine_new(p->target, 2, p->diag)};
  l.ctx = LLVMContextCreate();
  l.mod = machine_module(l.tm, l.ctx, p->target, "m");
  link_text(&l, text);
  Emitted e = {0};
  do
    assert_true(machine_emit(l.tm, LLVMCloneModule(l.mod), LLVMObjectFile,
                             p->arena, p->diag, &e.object));
  while (link_missing(&l, e.object));
  LLVMDisposeModule(l.mod);
  LLVMContextDispose(l.ctx);
  LLVMDisposeTargetMachine(l.tm);
  return e;
}

static void compare(const Row *r, const Target *t, const uint32_t *x,
                    const uint64_t *y, int n) {
  for (int i = 0; i < n; i++, x += 3) {
    uint64_t want, got = y[i];
    if (!r->expect(x[0], x[1], x[2], &want))
      continue;
    if (r->result == 'f')
      got = bits_of(f_of((uint32_t)got));
    if (r->result == 'i')
      want = (uint32_t)want;
    if (got != want)
      fail_msg("%s: %s of %08x %08x %08x: %llx, not %llx", t->name, r->name,
               x[0], x[1], x[2], (unsigned long long)got,
               (unsigned long long)want);
  }
}

static void test_here(void **state) {
  (void)state;
  static uint32_t x[3 * NHERE];
  static uint64_t y[NHERE];
  fill(x, NHERE);
  for (int k = 0; k < NROW; k++) {
    Arena *a = arena_new();
    Plan *p = row_plan(a, hand_target("x86-64-v3"), NHERE);
    Emitted e = linked_object(p, row_text(a, &rows[k], false, NHERE));
    Executor *run = jit_new(p, &e);
    assert_non_null(run);
    assert_true(run->run(run, (const void *[]){x}, (void *[]){y}));
    run->free(run);
    compare(&rows[k], p->target, x, y, NHERE);
    arena_free(a);
  }
}

/* Skips the test where qemu or ld.lld is missing. */
static void check_there(const char *target, bool (*takes)(const Row *)) {
  static uint32_t x[3 * NTHERE];
  static uint64_t y[NTHERE];
  fill(x, NTHERE);
  for (int k = 0; k < NROW; k++) {
    if (!takes(&rows[k]))
      continue;
    Arena *a = arena_new();
    Plan *p = row_plan(a, hand_target(target), NTHERE);
    Emitted e = linked_object(p, row_text(a, &rows[k], true, NTHERE));
    bool ok = qemu_run(p, &e, 1, (const void *[]){x}, (void *[]){y}, NULL, NULL,
                       NULL);
    if (!ok)
      diag_print(p->diag, stderr);
    if (!ok && diag_exit_status(p->diag) == EXIT_USAGE)
      skip();
    assert_true(ok);
    compare(&rows[k], p->target, x, y, NTHERE);
    arena_free(a);
  }
}

static bool takes_all(const Row *r) {
  (void)r;
  return true;
}

static bool takes_whole(const Row *r) {
  return r->expect == expect_floor || r->expect == expect_ceil ||
         r->expect == expect_trunc || r->expect == expect_rint;
}

static void test_cortex_m0plus(void **state) {
  (void)state;
  check_there("cortex-m0plus", takes_all);
}

static void test_cortex_m3(void **state) {
  (void)state;
  check_there("cortex-m3", takes_all);
}

static void test_cortex_m4(void **state) {
  (void)state;
  check_there("cortex-m4", takes_whole);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_here),
      cmocka_unit_test(test_cortex_m0plus),
      cmocka_unit_test(test_cortex_m3),
      cmocka_unit_test(test_cortex_m4),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
