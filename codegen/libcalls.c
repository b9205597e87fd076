/* Routines that instruction selection calls where the core lacks the
 * instruction, as LLVM assembly, so that an object never leans on libgcc:
 * block moves everywhere, 64-bit multiply and shifts and all division on
 * small Arm cores (names and contracts: Run-time ABI for the Arm
 * Architecture), floats by soft_float.c. codegen/emit.c links in those that an
 * object misses, as internal functions.
 *
 * A body may use only operations that its core has, or that another routine
 * here stands for (idiv divides unsigned, which on Armv6-M is a call of
 * uidiv); a ring would be found by stack_depth. Holes: ^0 the name, ^1 the
 * type of size_t. */
#include "codegen/emit.h"

#include <string.h>

/* clang-format off */

/* Forward, byte by byte. */
#define COPY_BODY                                                              \
  "entry:\n"                                                                   \
  "  %none = icmp eq ^1 %n, 0\n"                                               \
  "  br i1 %none, label %done, label %loop\n"                                  \
  "loop:\n"                                                                    \
  "  %i = phi ^1 [ 0, %entry ], [ %j, %loop ]\n"                               \
  "  %p = getelementptr i8, ptr %s, ^1 %i\n"                                   \
  "  %q = getelementptr i8, ptr %d, ^1 %i\n"                                   \
  "  %x = load i8, ptr %p\n"                                                   \
  "  store i8 %x, ptr %q\n"                                                    \
  "  %j = add nuw ^1 %i, 1\n"                                                  \
  "  %more = icmp ult ^1 %j, %n\n"                                             \
  "  br i1 %more, label %loop, label %done\n"                                  \
  "done:\n"

/* Upwards or downwards, whichever reads each byte before it is overwritten. */
#define MOVE_BODY                                                              \
  "entry:\n"                                                                   \
  "  %none = icmp eq ^1 %n, 0\n"                                               \
  "  %up = icmp ult ptr %d, %s\n"                                              \
  "  %last = sub ^1 %n, 1\n"                                                   \
  "  %first = select i1 %up, ^1 0, ^1 %last\n"                                 \
  "  %step = select i1 %up, ^1 1, ^1 -1\n"                                     \
  "  br i1 %none, label %done, label %loop\n"                                  \
  "loop:\n"                                                                    \
  "  %i = phi ^1 [ %first, %entry ], [ %j, %loop ]\n"                          \
  "  %left = phi ^1 [ %n, %entry ], [ %rest, %loop ]\n"                        \
  "  %p = getelementptr i8, ptr %s, ^1 %i\n"                                   \
  "  %q = getelementptr i8, ptr %d, ^1 %i\n"                                   \
  "  %x = load i8, ptr %p\n"                                                   \
  "  store i8 %x, ptr %q\n"                                                    \
  "  %j = add ^1 %i, %step\n"                                                  \
  "  %rest = sub ^1 %left, 1\n"                                                \
  "  %end = icmp eq ^1 %rest, 0\n"                                             \
  "  br i1 %end, label %done, label %loop\n"                                   \
  "done:\n"

#define FILL_BODY                                                              \
  "entry:\n"                                                                   \
  "  %x = trunc i32 %c to i8\n"                                                \
  "  %none = icmp eq ^1 %n, 0\n"                                               \
  "  br i1 %none, label %done, label %loop\n"                                  \
  "loop:\n"                                                                    \
  "  %i = phi ^1 [ 0, %entry ], [ %j, %loop ]\n"                               \
  "  %q = getelementptr i8, ptr %d, ^1 %i\n"                                   \
  "  store i8 %x, ptr %q\n"                                                    \
  "  %j = add nuw ^1 %i, 1\n"                                                  \
  "  %more = icmp ult ^1 %j, %n\n"                                             \
  "  br i1 %more, label %loop, label %done\n"                                  \
  "done:\n"

static const char memcpy_text[] =
    "define ptr @^0(ptr %d, ptr %s, ^1 %n) {\n" COPY_BODY "  ret ptr %d\n}\n";
static const char memmove_text[] =
    "define ptr @^0(ptr %d, ptr %s, ^1 %n) {\n" MOVE_BODY "  ret ptr %d\n}\n";
static const char memset_text[] =
    "define ptr @^0(ptr %d, i32 %c, ^1 %n) {\n" FILL_BODY "  ret ptr %d\n}\n";
static const char aeabi_memcpy_text[] =
    "define void @^0(ptr %d, ptr %s, ^1 %n) {\n" COPY_BODY "  ret void\n}\n";
static const char aeabi_memmove_text[] =
    "define void @^0(ptr %d, ptr %s, ^1 %n) {\n" MOVE_BODY "  ret void\n}\n";
static const char aeabi_memset_text[] =
    "define void @^0(ptr %d, ^1 %n, i32 %c) {\n" FILL_BODY "  ret void\n}\n";
static const char aeabi_memclr_text[] =
    "define void @^0(ptr %d, ^1 %n) {\n"
    "start:\n  %c = add i32 0, 0\n  br label %entry\n"
    FILL_BODY "  ret void\n}\n";

/* a and b in halves: al * bl in four 16-bit products, whose sums fit 32
 * bits, plus (ah * bl + al * bh) << 32. */
static const char lmul_text[] =
    "define i64 @^0(i64 %a, i64 %b) {\n"
    "  %al = trunc i64 %a to i32\n"
    "  %bl = trunc i64 %b to i32\n"
    "  %as = lshr i64 %a, 32\n"
    "  %bs = lshr i64 %b, 32\n"
    "  %ah = trunc i64 %as to i32\n"
    "  %bh = trunc i64 %bs to i32\n"
    "  %a0 = and i32 %al, 65535\n"
    "  %a1 = lshr i32 %al, 16\n"
    "  %b0 = and i32 %bl, 65535\n"
    "  %b1 = lshr i32 %bl, 16\n"
    "  %p00 = mul i32 %a0, %b0\n"
    "  %p01 = mul i32 %a0, %b1\n"
    "  %p10 = mul i32 %a1, %b0\n"
    "  %p11 = mul i32 %a1, %b1\n"
    "  %c0 = lshr i32 %p00, 16\n"
    "  %m0 = add i32 %p10, %c0\n"
    "  %m0l = and i32 %m0, 65535\n"
    "  %m0h = lshr i32 %m0, 16\n"
    "  %m1 = add i32 %m0l, %p01\n"
    "  %m1h = lshr i32 %m1, 16\n"
    "  %top = shl i32 %m1, 16\n"
    "  %bottom = and i32 %p00, 65535\n"
    "  %lo = or i32 %top, %bottom\n"
    "  %x0 = mul i32 %ah, %bl\n"
    "  %x1 = mul i32 %al, %bh\n"
    "  %h0 = add i32 %p11, %m0h\n"
    "  %h1 = add i32 %h0, %m1h\n"
    "  %h2 = add i32 %h1, %x0\n"
    "  %hi = add i32 %h2, %x1\n"
    "  %lw = zext i32 %lo to i64\n"
    "  %hw = zext i32 %hi to i64\n"
    "  %hs = shl i64 %hw, 32\n"
    "  %r = or i64 %hs, %lw\n"
    "  ret i64 %r\n"
    "}\n";

/* Shifts by s in 0..63 over halves: t = s mod 32 moves bits inside of the
 * halves and across (in two shifts: t may be 0), s >= 32 moves the halves. */
#define SHIFT_HEAD                                                             \
  "define i64 @^0(i64 %x, i32 %s) {\n"                                         \
  "  %lo = trunc i64 %x to i32\n"                                              \
  "  %up = lshr i64 %x, 32\n"                                                  \
  "  %hi = trunc i64 %up to i32\n"                                             \
  "  %t = and i32 %s, 31\n"                                                    \
  "  %u = xor i32 %t, 31\n"                                                    \
  "  %bit = and i32 %s, 32\n"                                                  \
  "  %far = icmp ne i32 %bit, 0\n"
#define SHIFT_TAIL                                                             \
  "  %lw = zext i32 %rl to i64\n"                                              \
  "  %hw = zext i32 %rh to i64\n"                                              \
  "  %hs = shl i64 %hw, 32\n"                                                  \
  "  %r = or i64 %hs, %lw\n"                                                   \
  "  ret i64 %r\n"                                                             \
  "}\n"
#define SHIFT_RIGHT(how, fill)                                                 \
  SHIFT_HEAD                                                                   \
  "  %high = " how " i32 %hi, %t\n"                                            \
  "  %low = lshr i32 %lo, %t\n"                                                \
  "  %twice = shl i32 %hi, 1\n"                                                \
  "  %cross = shl i32 %twice, %u\n"                                            \
  "  %both = or i32 %low, %cross\n"                                            \
  "  %fill = " fill "\n"                                                       \
  "  %rl = select i1 %far, i32 %high, i32 %both\n"                             \
  "  %rh = select i1 %far, i32 %fill, i32 %high\n" SHIFT_TAIL

static const char llsl_text[] =
    SHIFT_HEAD
    "  %low = shl i32 %lo, %t\n"
    "  %high = shl i32 %hi, %t\n"
    "  %half = lshr i32 %lo, 1\n"
    "  %cross = lshr i32 %half, %u\n"
    "  %both = or i32 %high, %cross\n"
    "  %rl = select i1 %far, i32 0, i32 %low\n"
    "  %rh = select i1 %far, i32 %low, i32 %both\n" SHIFT_TAIL;
static const char llsr_text[] = SHIFT_RIGHT("lshr", "add i32 0, 0");
static const char lasr_text[] = SHIFT_RIGHT("ashr", "ashr i32 %hi, 31");

/* Restoring division, one bit a turn; quotient bits enter n at the bottom
 * while its own leave at the top. The bit that the remainder loses stands
 * for a remainder above any divisor. Division by 0 gives all ones. */
#define DIVIDE(T, BITS, TOP)                                                   \
  "entry:\n"                                                                   \
  "  br label %loop\n"                                                         \
  "loop:\n"                                                                    \
  "  %x = phi " T " [ %n, %entry ], [ %q, %loop ]\n"                           \
  "  %r = phi " T " [ 0, %entry ], [ %rem, %loop ]\n"                          \
  "  %left = phi i32 [ " BITS ", %entry ], [ %rest, %loop ]\n"                 \
  "  %top = lshr " T " %x, " TOP "\n"                                          \
  "  %r2 = shl " T " %r, 1\n"                                                  \
  "  %r1 = or " T " %r2, %top\n"                                               \
  "  %lost = icmp slt " T " %r, 0\n"                                           \
  "  %fits = icmp uge " T " %r1, %d\n"                                         \
  "  %take = or i1 %lost, %fits\n"                                             \
  "  %less = sub " T " %r1, %d\n"                                              \
  "  %rem = select i1 %take, " T " %less, " T " %r1\n"                         \
  "  %bit = zext i1 %take to " T "\n"                                          \
  "  %x2 = shl " T " %x, 1\n"                                                  \
  "  %q = or " T " %x2, %bit\n"                                                \
  "  %rest = sub i32 %left, 1\n"                                               \
  "  %end = icmp eq i32 %rest, 0\n"                                            \
  "  br i1 %end, label %done, label %loop\n"                                   \
  "done:\n"

/* Two words as r0 and r1. */
#define RETURN_PAIR                                                            \
  "  %ql = zext i32 %q to i64\n"                                               \
  "  %rw = zext i32 %rem to i64\n"                                             \
  "  %rh = shl i64 %rw, 32\n"                                                  \
  "  %both = or i64 %rh, %ql\n"                                                \
  "  ret i64 %both\n}\n"

static const char uidiv_text[] =
    "define i32 @^0(i32 %n, i32 %d) {\n" DIVIDE("i32", "32", "31")
    "  ret i32 %q\n}\n";
static const char uidivmod_text[] =
    "define i64 @^0(i32 %n, i32 %d) {\n" DIVIDE("i32", "32", "31") RETURN_PAIR;
static const char uldivmod_text[] =
    "define { i64, i64 } @^0(i64 %n, i64 %d) {\n" DIVIDE("i64", "64", "63")
    "  %a = insertvalue { i64, i64 } poison, i64 %q, 0\n"
    "  %b = insertvalue { i64, i64 } %a, i64 %rem, 1\n"
    "  ret { i64, i64 } %b\n}\n";

/* The quotient of magnitudes, then the sign; the remainder has that of n. */
#define SIGNED(T, TOP)                                                         \
  "  %ns = ashr " T " %n, " TOP "\n"                                           \
  "  %ds = ashr " T " %d, " TOP "\n"                                           \
  "  %nx = xor " T " %n, %ns\n"                                                \
  "  %dx = xor " T " %d, %ds\n"                                                \
  "  %na = sub " T " %nx, %ns\n"                                               \
  "  %da = sub " T " %dx, %ds\n"                                               \
  "  %qa = udiv " T " %na, %da\n"                                              \
  "  %qs = xor " T " %ns, %ds\n"                                               \
  "  %qx = xor " T " %qa, %qs\n"                                               \
  "  %q = sub " T " %qx, %qs\n"
#define REMAINDER(T)                                                           \
  "  %part = mul " T " %q, %d\n"                                               \
  "  %rem = sub " T " %n, %part\n"

static const char idiv_text[] =
    "define i32 @^0(i32 %n, i32 %d) {\n" SIGNED("i32", "31")
    "  ret i32 %q\n}\n";
static const char idivmod_text[] =
    "define i64 @^0(i32 %n, i32 %d) {\n" SIGNED("i32", "31") REMAINDER("i32")
    RETURN_PAIR;
static const char ldivmod_text[] =
    "define { i64, i64 } @^0(i64 %n, i64 %d) {\n" SIGNED("i64", "63")
    REMAINDER("i64")
    "  %a = insertvalue { i64, i64 } poison, i64 %q, 0\n"
    "  %b = insertvalue { i64, i64 } %a, i64 %rem, 1\n"
    "  ret { i64, i64 } %b\n}\n";

/* By halves: where the upper bits of the window are none, the lower ones are
 * moved up and counted; 32 for 0. */
#define CLZ_STEP(from, to, bits, limit)                                        \
  "  %few" bits " = icmp ult i32 %x" from ", " limit "\n"                     \
  "  %up" bits " = shl i32 %x" from ", " bits "\n"                            \
  "  %x" to " = select i1 %few" bits ", i32 %up" bits ", i32 %x" from "\n"    \
  "  %by" bits " = select i1 %few" bits ", i32 " bits ", i32 0\n"             \
  "  %n" to " = add i32 %n" from ", %by" bits "\n"
static const char clz_text[] =
    "define i32 @^0(i32 %x0) {\n"
    "  %n0 = add i32 0, 0\n"
    CLZ_STEP("0", "1", "16", "65536")
    CLZ_STEP("1", "2", "8", "16777216")
    CLZ_STEP("2", "3", "4", "268435456")
    CLZ_STEP("3", "4", "2", "1073741824")
    CLZ_STEP("4", "5", "1", "2147483648")
    "  %zero = icmp eq i32 %x0, 0\n"
    "  %r = select i1 %zero, i32 32, i32 %n5\n"
    "  ret i32 %r\n"
    "}\n";

/* Those with a digit may rely on that alignment; bytes serve them too. */
#define ALIGNED(name, text) {name, text}, {name "4", text}, {name "8", text}

static const struct {
  const char *name, *text;
} routines[] = {
  {"memcpy", memcpy_text},
  {"memmove", memmove_text},
  {"memset", memset_text},
  ALIGNED("__aeabi_memcpy", aeabi_memcpy_text),
  ALIGNED("__aeabi_memmove", aeabi_memmove_text),
  ALIGNED("__aeabi_memset", aeabi_memset_text),
  ALIGNED("__aeabi_memclr", aeabi_memclr_text),
  {"__clzsi2", clz_text},
  {"__aeabi_lmul", lmul_text},
  {"__aeabi_llsl", llsl_text},
  {"__aeabi_llsr", llsr_text},
  {"__aeabi_lasr", lasr_text},
  {"__aeabi_uidiv", uidiv_text},
  {"__aeabi_uidivmod", uidivmod_text},
  {"__aeabi_idiv", idiv_text},
  {"__aeabi_idivmod", idivmod_text},
  {"__aeabi_uldivmod", uldivmod_text},
  {"__aeabi_ldivmod", ldivmod_text},
};
/* clang-format on */

static const char *routine_text(const char *name) {
  for (size_t i = 0; i < sizeof routines / sizeof *routines; i++)
    if (strcmp(routines[i].name, name) == 0)
      return routines[i].text;
  return soft_float_text(name);
}

const char *libcall_text(Arena *a, const Target *t, const char *name) {
  const char *const holes[] = {name, t->pointer_bits == 64 ? "i64" : "i32"};
  const char *text = routine_text(name);
  if (!text)
    return NULL;
  Str s = str_new(a);
  template_add(&s, text, holes);
  return str_cstr(&s);
}
