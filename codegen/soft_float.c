/* Single precision on cores without a float unit, as LLVM assembly on
 * integers (IEEE 754, round to nearest even, subnormals kept; every NaN that
 * is made is 0x7fc00000). Names that begin with __aeabi_ take and give
 * floats as their bits in integer registers (Run-time ABI for the Arm
 * Architecture); the C names take floats as the target passes them, and
 * serve also cores whose unit lacks an instruction, such as rounding on
 * Armv7E-M.
 *
 * One routine does the rounding (soft_round) and one the addition
 * (soft_sum). a + b is fma(a, 1, b) and a * b is fma(a, b, -0), which is
 * small and exact; sums of products call fma themselves. */
#include "codegen/emit.h"

#include <string.h>

/* clang-format off */

/* The float nearest to sig * 2^q with the sign bit `sign`; sig is not 0 and
 * its lowest bit may stand for any bits below. It is normalized to 64 bits,
 * of which 24, or fewer below the least exponent, stay; the carry of
 * rounding runs into the exponent, as it should. */
static const char round_text[] =
    "declare i64 @llvm.ctlz.i64(i64, i1)\n"
    "define i32 @^0(i32 %sign, i32 %q, i64 %sig) {\n"
    "  %z = call i64 @llvm.ctlz.i64(i64 %sig, i1 true)\n"
    "  %n = shl i64 %sig, %z\n"
    "  %z32 = trunc i64 %z to i32\n"
    "  %q1 = sub i32 %q, %z32\n"
    "  %e = add i32 %q1, 190\n"
    "  %below = sub i32 1, %e\n"
    "  %tiny = icmp sgt i32 %below, 0\n"
    "  %more0 = select i1 %tiny, i32 %below, i32 0\n"
    "  %far = icmp ugt i32 %more0, 31\n"
    "  %more = select i1 %far, i32 31, i32 %more0\n"
    "  %tail = and i64 %n, 255\n"
    "  %rest = icmp ne i64 %tail, 0\n"
    "  %sticky = zext i1 %rest to i64\n"
    "  %n56 = lshr i64 %n, 8\n"
    "  %m = or i64 %n56, %sticky\n"
    "  %s32 = add i32 %more, 32\n"
    "  %s = zext i32 %s32 to i64\n"
    "  %kept = lshr i64 %m, %s\n"
    "  %odd = and i64 %kept, 1\n"
    "  %s1 = sub i64 %s, 1\n"
    "  %half = shl i64 1, %s1\n"
    "  %under = sub i64 %half, 1\n"
    "  %m1 = add i64 %m, %under\n"
    "  %m2 = add i64 %m1, %odd\n"
    "  %r = lshr i64 %m2, %s\n"
    "  %frac = trunc i64 %r to i32\n"
    "  %e1 = sub i32 %e, 1\n"
    "  %ez = select i1 %tiny, i32 0, i32 %e1\n"
    "  %eb = shl i32 %ez, 23\n"
    "  %bits = add i32 %eb, %frac\n"
    "  %huge = icmp sgt i32 %e, 254\n"
    "  %mag = select i1 %huge, i32 2139095040, i32 %bits\n"
    "  %y = or i32 %mag, %sign\n"
    "  ret i32 %y\n"
    "}\n";

/* A finite magnitude x > 0 as m * 2^q with 2^23 <= m < 2^24: m in the low
 * word, q in the high one. */
static const char parts_text[] =
    "declare i32 @llvm.ctlz.i32(i32, i1)\n"
    "define i64 @^0(i32 %x) {\n"
    "  %e = lshr i32 %x, 23\n"
    "  %f = and i32 %x, 8388607\n"
    "  %tiny = icmp eq i32 %e, 0\n"
    "  %z = call i32 @llvm.ctlz.i32(i32 %f, i1 false)\n"
    "  %up = sub i32 %z, 8\n"
    "  %ft = shl i32 %f, %up\n"
    "  %et = sub i32 1, %up\n"
    "  %fn = or i32 %f, 8388608\n"
    "  %m = select i1 %tiny, i32 %ft, i32 %fn\n"
    "  %e1 = select i1 %tiny, i32 %et, i32 %e\n"
    "  %q = sub i32 %e1, 150\n"
    "  %mw = zext i32 %m to i64\n"
    "  %qw = zext i32 %q to i64\n"
    "  %qs = shl i64 %qw, 32\n"
    "  %y = or i64 %qs, %mw\n"
    "  ret i64 %y\n"
    "}\n";
#define PARTS_OF(x, m, q)                                                      \
  "  %" m "_ = call i64 @soft_parts(i32 " x ")\n"                              \
  "  %" m " = and i64 %" m "_, 4294967295\n"                                   \
  "  %" m "h = lshr i64 %" m "_, 32\n"                                         \
  "  %" q " = trunc i64 %" m "h to i32\n"

/* x * 2^qx + y * 2^qy, of signs sx and sy, rounded. 2^60 <= x, y < 2^62, and
 * their lowest 14 bits are 0: of the one that is shifted down bits are lost
 * only where the difference keeps 59 bits, so that one bit can stand for
 * them. */
static const char sum_text[] =
    "declare i32 @soft_round(i32, i32, i64)\n"
    "define i32 @^0(i32 %sx, i32 %qx, i64 %x, i32 %sy, i32 %qy, i64 %y) {\n"
    "  %d = sub i32 %qx, %qy\n"
    "  %up = icmp sge i32 %d, 0\n"
    "  %dn = sub i32 0, %d\n"
    "  %da = select i1 %up, i32 %d, i32 %dn\n"
    "  %far = icmp ugt i32 %da, 63\n"
    "  %dist32 = select i1 %far, i32 63, i32 %da\n"
    "  %dist = zext i32 %dist32 to i64\n"
    "  %q = select i1 %up, i32 %qx, i32 %qy\n"
    "  %b = select i1 %up, i64 %x, i64 %y\n"
    "  %s = select i1 %up, i64 %y, i64 %x\n"
    "  %sb = select i1 %up, i32 %sx, i32 %sy\n"
    "  %ss = select i1 %up, i32 %sy, i32 %sx\n"
    "  %low = lshr i64 %s, %dist\n"
    "  %back = shl i64 %low, %dist\n"
    "  %lost = icmp ne i64 %back, %s\n"
    "  %sticky = zext i1 %lost to i64\n"
    "  %j = or i64 %low, %sticky\n"
    "  %same = icmp eq i32 %sb, %ss\n"
    "  %sum = add i64 %b, %j\n"
    "  %diff = sub i64 %b, %j\n"
    "  %turn = icmp slt i64 %diff, 0\n"
    "  %neg = sub i64 0, %diff\n"
    "  %abs = select i1 %turn, i64 %neg, i64 %diff\n"
    "  %sd = select i1 %turn, i32 %ss, i32 %sb\n"
    "  %m = select i1 %same, i64 %sum, i64 %abs\n"
    "  %sign = select i1 %same, i32 %sb, i32 %sd\n"
    "  %zero = icmp eq i64 %m, 0\n"
    "  br i1 %zero, label %none, label %some\n"
    "none:\n"
    "  ret i32 0\n"
    "some:\n"
    "  %r = call i32 @soft_round(i32 %sign, i32 %q, i64 %m)\n"
    "  ret i32 %r\n"
    "}\n";

/* The magnitude of %x as %mx, and whether it is 0, infinite or NaN. */
#define MAGNITUDE(x)                                                           \
  "  %m" x " = and i32 %" x ", 2147483647\n"                                   \
  "  %d" x " = sub i32 %m" x ", 1\n"                                           \
  "  %odd" x " = icmp ugt i32 %d" x ", 2139095038\n"
#define IS_NAN(x) "  %nan" x " = icmp ugt i32 %m" x ", 2139095040\n"
#define IS_INF(x) "  %inf" x " = icmp eq i32 %m" x ", 2139095040\n"
#define IS_ZERO(x) "  %zero" x " = icmp eq i32 %m" x ", 0\n"
#define RETURN_BITS(x)                                                         \
  "  %f" x " = bitcast i32 %" x " to float\n"                                  \
  "  ret float %f" x "\n"
#define RETURN_NAN "  ret float 0x7FF8000000000000\n"

static const char fma_text[] =
    "declare i64 @soft_parts(i32)\n"
    "declare i32 @soft_round(i32, i32, i64)\n"
    "declare i32 @soft_sum(i32, i32, i64, i32, i32, i64)\n"
    "define float @^0(float %fa, float %fb, float %fc) {\n"
    "  %a = bitcast float %fa to i32\n"
    "  %b = bitcast float %fb to i32\n"
    "  %c = bitcast float %fc to i32\n"
    MAGNITUDE("a") MAGNITUDE("b") MAGNITUDE("c")
    "  %sx = xor i32 %a, %b\n"
    "  %sp = and i32 %sx, -2147483648\n"
    "  %sc = and i32 %c, -2147483648\n"
    "  %oddab = or i1 %odda, %oddb\n"
    "  br i1 %oddab, label %odd, label %product\n"
    "product:\n"
    PARTS_OF("%ma", "xa", "qa") PARTS_OF("%mb", "xb", "qb")
    "  %p = mul i64 %xa, %xb\n"
    "  %qp = add i32 %qa, %qb\n"
    IS_ZERO("c")
    "  br i1 %zeroc, label %alone, label %addend\n"
    "alone:\n"
    "  %r0 = call i32 @soft_round(i32 %sp, i32 %qp, i64 %p)\n"
    RETURN_BITS("r0")
    "addend:\n"
    "  br i1 %oddc, label %itself, label %sum\n"
    "sum:\n"
    PARTS_OF("%mc", "xc", "qc")
    "  %ps = shl i64 %p, 14\n"
    "  %qps = sub i32 %qp, 14\n"
    "  %cs = shl i64 %xc, 37\n"
    "  %qcs = sub i32 %qc, 37\n"
    "  %r1 = call i32 @soft_sum(i32 %sp, i32 %qps, i64 %ps,"
    " i32 %sc, i32 %qcs, i64 %cs)\n"
    RETURN_BITS("r1")
    "odd:\n"
    IS_NAN("a") IS_NAN("b") IS_INF("a") IS_INF("b") IS_ZERO("a") IS_ZERO("b")
    "  %nanab = or i1 %nana, %nanb\n"
    "  %infab = or i1 %infa, %infb\n"
    "  %zeroab = or i1 %zeroa, %zerob\n"
    "  %never = and i1 %infab, %zeroab\n"
    "  %bad = or i1 %nanab, %never\n"
    "  br i1 %bad, label %nan, label %good\n"
    "nan:\n" RETURN_NAN
    "good:\n"
    "  br i1 %infab, label %infinite, label %zero\n"
    "infinite:\n"
    "  %against = icmp ne i32 %sp, %sc\n"
    IS_INF("c") IS_NAN("c")
    "  %undone = and i1 %against, %infc\n"
    "  %bad2 = or i1 %undone, %nanc\n"
    "  %inf = or i32 %sp, 2139095040\n"
    "  %r2 = select i1 %bad2, i32 2143289344, i32 %inf\n"
    RETURN_BITS("r2")
    "zero:\n"
    "  %mc1 = icmp eq i32 %mc, 0\n"
    "  br i1 %mc1, label %zeros, label %itself\n"
    "zeros:\n"
    "  %r3 = and i32 %sp, %c\n"
    RETURN_BITS("r3")
    "itself:\n"
    "  %nanc2 = icmp ugt i32 %mc, 2139095040\n"
    "  %r4 = select i1 %nanc2, i32 2143289344, i32 %c\n"
    RETURN_BITS("r4")
    "}\n";

#define BY_FMA(a, b, c)                                                        \
  "declare float @fmaf(float, float, float)\n"                                 \
  "define i32 @^0(i32 %x, i32 %y) {\n"                                         \
  "  %fx = bitcast i32 %x to float\n"                                          \
  "  %fy = bitcast i32 %y to float\n"                                          \
  "  %r = call float @fmaf(float " a ", float " b ", float " c ")\n"           \
  "  %bits = bitcast float %r to i32\n"                                        \
  "  ret i32 %bits\n"                                                          \
  "}\n"
static const char add_text[] = BY_FMA("%fx", "1.0", "%fy");
static const char sub_text[] = BY_FMA("%fy", "-1.0", "%fx");
static const char mul_text[] = BY_FMA("%fx", "%fy", "-0.0");

/* 32 bits of quotient after the point, and whether there are more. */
static const char div_text[] =
    "declare i64 @soft_parts(i32)\n"
    "declare i32 @soft_round(i32, i32, i64)\n"
    "define i32 @^0(i32 %a, i32 %b) {\n"
    MAGNITUDE("a") MAGNITUDE("b")
    "  %sx = xor i32 %a, %b\n"
    "  %sign = and i32 %sx, -2147483648\n"
    "  %odd = or i1 %odda, %oddb\n"
    "  br i1 %odd, label %special, label %divide\n"
    "divide:\n"
    PARTS_OF("%ma", "xa", "qa") PARTS_OF("%mb", "xb", "qb")
    "  %n = shl i64 %xa, 32\n"
    "  %quot = udiv i64 %n, %xb\n"
    "  %part = mul i64 %quot, %xb\n"
    "  %more = icmp ne i64 %part, %n\n"
    "  %sticky = zext i1 %more to i64\n"
    "  %twice = shl i64 %quot, 1\n"
    "  %sig = or i64 %twice, %sticky\n"
    "  %qd = sub i32 %qa, %qb\n"
    "  %q = sub i32 %qd, 33\n"
    "  %r = call i32 @soft_round(i32 %sign, i32 %q, i64 %sig)\n"
    "  ret i32 %r\n"
    "special:\n"
    IS_NAN("a") IS_NAN("b") IS_INF("a") IS_INF("b") IS_ZERO("a") IS_ZERO("b")
    "  %infs = and i1 %infa, %infb\n"
    "  %zeros = and i1 %zeroa, %zerob\n"
    "  %nans = or i1 %nana, %nanb\n"
    "  %none = or i1 %infs, %zeros\n"
    "  %bad = or i1 %nans, %none\n"
    "  %big = or i1 %infa, %zerob\n"
    "  %mag = select i1 %big, i32 2139095040, i32 0\n"
    "  %value = or i32 %mag, %sign\n"
    "  %y = select i1 %bad, i32 2143289344, i32 %value\n"
    "  ret i32 %y\n"
    "}\n";

/* With an even exponent, the integer root of 61 bits, a bit a turn. */
static const char sqrt_text[] =
    "declare i64 @soft_parts(i32)\n"
    "declare i32 @soft_round(i32, i32, i64)\n"
    "define float @^0(float %fx) {\n"
    "entry:\n"
    "  %x = bitcast float %fx to i32\n"
    MAGNITUDE("x")
    "  %minus = icmp slt i32 %x, 0\n"
    "  %odd = or i1 %oddx, %minus\n"
    "  br i1 %odd, label %special, label %normal\n"
    "normal:\n"
    PARTS_OF("%mx", "m", "q")
    "  %parity = and i32 %q, 1\n"
    "  %up = zext i32 %parity to i64\n"
    "  %m1 = shl i64 %m, %up\n"
    "  %m36 = shl i64 %m1, 36\n"
    "  %qe = sub i32 %q, %parity\n"
    "  br label %loop\n"
    "loop:\n"
    "  %rest = phi i64 [ %m36, %normal ], [ %rest1, %loop ]\n"
    "  %root = phi i64 [ 0, %normal ], [ %root1, %loop ]\n"
    "  %bit = phi i64 [ 1152921504606846976, %normal ], [ %bit1, %loop ]\n"
    "  %try = add i64 %root, %bit\n"
    "  %fits = icmp uge i64 %rest, %try\n"
    "  %less = sub i64 %rest, %try\n"
    "  %rest1 = select i1 %fits, i64 %less, i64 %rest\n"
    "  %half = lshr i64 %root, 1\n"
    "  %with = add i64 %half, %bit\n"
    "  %root1 = select i1 %fits, i64 %with, i64 %half\n"
    "  %bit1 = lshr i64 %bit, 2\n"
    "  %end = icmp eq i64 %bit1, 0\n"
    "  br i1 %end, label %done, label %loop\n"
    "done:\n"
    "  %more = icmp ne i64 %rest1, 0\n"
    "  %sticky = zext i1 %more to i64\n"
    "  %twice = shl i64 %root1, 1\n"
    "  %sig = or i64 %twice, %sticky\n"
    "  %q36 = sub i32 %qe, 36\n"
    "  %qh = ashr i32 %q36, 1\n"
    "  %q1 = sub i32 %qh, 1\n"
    "  %r = call i32 @soft_round(i32 0, i32 %q1, i64 %sig)\n"
    RETURN_BITS("r")
    "special:\n"
    IS_ZERO("x")
    "  %inf = icmp eq i32 %x, 2139095040\n"
    "  %same = or i1 %zerox, %inf\n"
    "  %y = select i1 %same, i32 %x, i32 2143289344\n"
    RETURN_BITS("y")
    "}\n";

/* -1, 0 or 1 as a is less than, equal to or greater than b; 2 where either
 * is a NaN. Keys are magnitudes with the sign applied: -0 and 0 are one. */
#define KEY(x)                                                                 \
  "  %n" x " = sub i32 0, %m" x "\n"                                           \
  "  %s" x " = icmp slt i32 %" x ", 0\n"                                       \
  "  %k" x " = select i1 %s" x ", i32 %n" x ", i32 %m" x "\n"
static const char order_text[] =
    "define i32 @^0(i32 %a, i32 %b) {\n"
    "  %ma = and i32 %a, 2147483647\n"
    "  %mb = and i32 %b, 2147483647\n"
    IS_NAN("a") IS_NAN("b") KEY("a") KEY("b")
    "  %less = icmp slt i32 %ka, %kb\n"
    "  %more = icmp sgt i32 %ka, %kb\n"
    "  %nan = or i1 %nana, %nanb\n"
    "  %up = zext i1 %more to i32\n"
    "  %r0 = select i1 %less, i32 -1, i32 %up\n"
    "  %r = select i1 %nan, i32 2, i32 %r0\n"
    "  ret i32 %r\n"
    "}\n";
#define COMPARE(how)                                                           \
  "declare i32 @soft_order(i32, i32)\n"                                        \
  "define i32 @^0(i32 %a, i32 %b) {\n"                                         \
  "  %o = call i32 @soft_order(i32 %a, i32 %b)\n"                              \
  "  %c = icmp " how "\n"                                                      \
  "  %r = zext i1 %c to i32\n"                                                 \
  "  ret i32 %r\n"                                                             \
  "}\n"
static const char eq_text[] = COMPARE("eq i32 %o, 0");
static const char lt_text[] = COMPARE("eq i32 %o, -1");
static const char le_text[] = COMPARE("sle i32 %o, 0");
static const char ge_text[] = COMPARE("ult i32 %o, 2");
static const char gt_text[] = COMPARE("eq i32 %o, 1");
static const char un_text[] = COMPARE("eq i32 %o, 2");

/* Toward 0; what does not fit gives the low bits. */
static const char trunc_text[] =
    "declare i64 @soft_parts(i32)\n"
    "define i64 @^0(i32 %x) {\n"
    "  %mx = and i32 %x, 2147483647\n"
    "  %one = icmp uge i32 %mx, 1065353216\n"
    "  br i1 %one, label %some, label %none\n"
    "none:\n"
    "  ret i64 0\n"
    "some:\n"
    PARTS_OF("%mx", "m", "q")
    "  %down = sub i32 0, %q\n"
    "  %small = icmp slt i32 %q, 0\n"
    "  %s0 = select i1 %small, i32 %down, i32 %q\n"
    "  %s1 = and i32 %s0, 63\n"
    "  %s = zext i32 %s1 to i64\n"
    "  %lo = lshr i64 %m, %s\n"
    "  %hi = shl i64 %m, %s\n"
    "  %abs = select i1 %small, i64 %lo, i64 %hi\n"
    "  %neg = sub i64 0, %abs\n"
    "  %minus = icmp slt i32 %x, 0\n"
    "  %r = select i1 %minus, i64 %neg, i64 %abs\n"
    "  ret i64 %r\n"
    "}\n";
static const char to_i32_text[] =
    "declare i64 @soft_trunc(i32)\n"
    "define i32 @^0(i32 %x) {\n"
    "  %w = call i64 @soft_trunc(i32 %x)\n"
    "  %r = trunc i64 %w to i32\n"
    "  ret i32 %r\n"
    "}\n";
static const char to_i64_text[] =
    "declare i64 @soft_trunc(i32)\n"
    "define i64 @^0(i32 %x) {\n"
    "  %r = call i64 @soft_trunc(i32 %x)\n"
    "  ret i64 %r\n"
    "}\n";

#define FROM_INTEGER(T, widen, sign, magnitude)                                \
  "declare i32 @soft_round(i32, i32, i64)\n"                                   \
  "define i32 @^0(" T " %x) {\n"                                               \
  "  %zero = icmp eq " T " %x, 0\n"                                            \
  "  br i1 %zero, label %none, label %some\n"                                  \
  "none:\n"                                                                    \
  "  ret i32 0\n"                                                              \
  "some:\n"                                                                    \
  widen sign magnitude                                                         \
  "  %r = call i32 @soft_round(i32 %sign, i32 0, i64 %abs)\n"                  \
  "  ret i32 %r\n"                                                             \
  "}\n"
#define SIGN_OF_W                                                              \
  "  %minus = icmp slt i64 %w, 0\n"                                            \
  "  %neg = sub i64 0, %w\n"                                                   \
  "  %sign = select i1 %minus, i32 -2147483648, i32 0\n"
#define NO_SIGN "  %sign = add i32 0, 0\n"
#define ABS_OF_W "  %abs = select i1 %minus, i64 %neg, i64 %w\n"
static const char from_i32_text[] =
    FROM_INTEGER("i32", "  %w = sext i32 %x to i64\n", SIGN_OF_W, ABS_OF_W);
static const char from_u32_text[] =
    FROM_INTEGER("i32", "", NO_SIGN, "  %abs = zext i32 %x to i64\n");
static const char from_i64_text[] =
    FROM_INTEGER("i64", "  %w = add i64 %x, 0\n", SIGN_OF_W, ABS_OF_W);
static const char from_u64_text[] =
    FROM_INTEGER("i64", "", NO_SIGN, "  %abs = add i64 %x, 0\n");

/* To a whole number: from 1 on, `bump` is added to the bits, its carry moves
 * the exponent, and the bits below 1 go; below 1 it is `small` with x's sign.
 * %mask covers the bits below 1, %minus says whether x < 0. */
#define WHOLE(bump, small)                                                     \
  "define float @^0(float %fx) {\n"                                            \
  "  %x = bitcast float %fx to i32\n"                                          \
  "  %mx = and i32 %x, 2147483647\n"                                           \
  "  %sign = and i32 %x, -2147483648\n"                                        \
  "  %minus = icmp slt i32 %x, 0\n"                                            \
  "  %done = icmp uge i32 %mx, 1258291200\n"                                   \
  "  br i1 %done, label %whole, label %part\n"                                 \
  "whole:\n"                                                                   \
  "  ret float %fx\n"                                                          \
  "part:\n"                                                                    \
  "  %big = icmp uge i32 %mx, 1065353216\n"                                    \
  "  br i1 %big, label %large, label %fraction\n"                              \
  "large:\n"                                                                   \
  "  %eb = lshr i32 %mx, 23\n"                                                 \
  "  %e = sub i32 %eb, 127\n"                                                  \
  "  %mask = lshr i32 8388607, %e\n"                                           \
  bump                                                                         \
  "  %keep = xor i32 %mask, -1\n"                                              \
  "  %moved = add i32 %x, %bump\n"                                             \
  "  %r0 = and i32 %moved, %keep\n"                                            \
  RETURN_BITS("r0")                                                            \
  "fraction:\n"                                                                \
  small                                                                        \
  "  %r1 = or i32 %small, %sign\n"                                             \
  RETURN_BITS("r1")                                                            \
  "}\n"
static const char floor_text[] =
    WHOLE("  %bump = select i1 %minus, i32 %mask, i32 0\n",
          "  %some = icmp ne i32 %mx, 0\n"
          "  %down = and i1 %some, %minus\n"
          "  %small = select i1 %down, i32 1065353216, i32 0\n");
static const char ceil_text[] =
    WHOLE("  %bump = select i1 %minus, i32 0, i32 %mask\n",
          "  %plus = xor i1 %minus, true\n"
          "  %some = icmp ne i32 %mx, 0\n"
          "  %up = and i1 %some, %plus\n"
          "  %small = select i1 %up, i32 1065353216, i32 0\n");
static const char whole_text[] =
    WHOLE("  %bump = add i32 0, 0\n", "  %small = add i32 0, 0\n");
/* Half of the last unit less one, and one more where that unit is odd; at
 * 1.0 its bit is the lowest of the exponent, which is odd, too. */
static const char even_text[] =
    WHOLE("  %unit = add i32 %mask, 1\n"
          "  %half = lshr i32 %unit, 1\n"
          "  %under = sub i32 %half, 1\n"
          "  %in = and i32 %x, %unit\n"
          "  %set = icmp ne i32 %in, 0\n"
          "  %odd = zext i1 %set to i32\n"
          "  %bump = add i32 %under, %odd\n",
          "  %over = icmp ugt i32 %mx, 1056964608\n"
          "  %small = select i1 %over, i32 1065353216, i32 0\n");

static const struct {
  const char *name, *text;
} routines[] = {
  {"soft_round", round_text},
  {"soft_parts", parts_text},
  {"soft_sum", sum_text},
  {"soft_order", order_text},
  {"soft_trunc", trunc_text},
  {"fmaf", fma_text},
  {"sqrtf", sqrt_text},
  {"floorf", floor_text},
  {"ceilf", ceil_text},
  {"truncf", whole_text},
  {"rintf", even_text},
  {"nearbyintf", even_text},
  {"roundevenf", even_text},
  {"__aeabi_fadd", add_text},
  {"__aeabi_fsub", sub_text},
  {"__aeabi_fmul", mul_text},
  {"__aeabi_fdiv", div_text},
  {"__aeabi_fcmpeq", eq_text},
  {"__aeabi_fcmplt", lt_text},
  {"__aeabi_fcmple", le_text},
  {"__aeabi_fcmpge", ge_text},
  {"__aeabi_fcmpgt", gt_text},
  {"__aeabi_fcmpun", un_text},
  {"__aeabi_f2iz", to_i32_text},
  {"__aeabi_f2uiz", to_i32_text},
  {"__aeabi_f2lz", to_i64_text},
  {"__aeabi_f2ulz", to_i64_text},
  {"__aeabi_i2f", from_i32_text},
  {"__aeabi_ui2f", from_u32_text},
  {"__aeabi_l2f", from_i64_text},
  {"__aeabi_ul2f", from_u64_text},
};
/* clang-format on */

const char *soft_float_text(const char *name) {
  for (size_t i = 0; i < sizeof routines / sizeof *routines; i++)
    if (strcmp(routines[i].name, name) == 0)
      return routines[i].text;
  return NULL;
}
