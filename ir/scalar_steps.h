/* Functions of floats as fixed sequences of IEEE operations, written once.
 * The file is expanded in ir/scalar.c with C's float and double, which is
 * what the interpreter computes, and in codegen/scalar.c with LLVM values,
 * scalars or vectors: the same steps, hence the same bits, wherever the
 * target multiplies and adds with one rounding.
 *
 * Whoever includes it defines the types
 *
 *   Real   a number                   Bits   its bits, an unsigned integer
 *   Mask   the result of a comparison
 *   Cx     whatever the operations need; `c` in every function; KONST(c)
 *          is the ScalarConstants of the precision
 *
 * and S(name), the name of a function in this precision, with the operations
 * below; scalar_angles.h and scalar_powers.h go on from here. There are no
 * branches but two: S(rare) for what few arguments need, S(while) for a loop
 * whose turns depend on the argument. */

/* clang-format off */
#define K(x) S(constant)(c, x)            /* Real; exact in the precision */
#define KB(x) S(constant_bits)(c, x)
#define ADD(a, b) S(add)(c, a, b)
#define SUB(a, b) S(sub)(c, a, b)
#define MUL(a, b) S(mul)(c, a, b)
#define DIV(a, b) S(div)(c, a, b)
#define FMA(a, b, d) S(fma)(c, a, b, d)   /* a * b + d */
#define SQRT(a) S(sqrt)(c, a)
#define LT(a, b) S(lt)(c, a, b)           /* false for NaN, as EQ */
#define EQ(a, b) S(eq)(c, a, b)
#define NAN_(a) S(is_nan)(c, a)
#define OR(m, n) S(either)(c, m, n)
#define AND(m, n) S(both)(c, m, n)
#define NOT(m) S(not_)(c, m)
#define PICK(m, a, b) S(pick)(c, m, a, b) /* m ? a : b */
#define PICKB(m, a, b) S(pick_bits)(c, m, a, b)
#define BITS(a) S(bits)(c, a)
#define REAL(a) S(real)(c, a)
#define IADD(a, b) S(iadd)(c, a, b)       /* integers wrap */
#define ISUB(a, b) S(isub)(c, a, b)
#define IMUL(a, b) S(imul)(c, a, b)
#define IAND(a, b) S(iand)(c, a, b)
#define IOR(a, b) S(ior)(c, a, b)
#define IXOR(a, b) S(ixor)(c, a, b)
#define SHL(a, n) S(shl)(c, a, n)         /* n: Bits, below the width */
#define SHR(a, n) S(shr)(c, a, n)
#define SAR(a, n) S(sar)(c, a, n)         /* fills with the sign */
#define ILT(a, b) S(ilt)(c, a, b)         /* unsigned */
#define IEQ(a, b) S(ieq)(c, a, b)
/* clang-format on */

/* ---- signs, bits, whole numbers ---- */

static Bits S(sign_bit)(Cx c) { return SHL(KB(1), KB(KONST(c)->width - 1)); }

static Bits S(sign_of)(Cx c, Real x) { return IAND(BITS(x), S(sign_bit)(c)); }

static Real S(abs)(Cx c, Real x) {
  return REAL(IXOR(BITS(x), S(sign_of)(c, x)));
}

static Real S(neg)(Cx c, Real x) { return REAL(IXOR(BITS(x), S(sign_bit)(c))); }

/* x >= 0 with the sign of s. */
static Real S(signed_as)(Cx c, Real x, Real s) {
  return REAL(IOR(BITS(x), S(sign_of)(c, s)));
}

static Real S(infinity)(Cx c) {
  int64_t ones = 2 * (int64_t)KONST(c)->bias + 1;
  return REAL(SHL(KB(ones), KB(KONST(c)->mantissa)));
}

static Mask S(is_finite)(Cx c, Real x) {
  return LT(S(abs)(c, x), S(infinity)(c));
}

/* The exponent field of |x|. */
static Bits S(exponent)(Cx c, Real x) {
  return SHR(BITS(S(abs)(c, x)), KB(KONST(c)->mantissa));
}

/* 2^n for a normal result. */
static Real S(power_of_two)(Cx c, Bits n) {
  return REAL(SHL(IADD(n, KB(KONST(c)->bias)), KB(KONST(c)->mantissa)));
}

/* x 2^n, rounded once; n as far as the square of what is normal. */
static Real S(scale)(Cx c, Real x, Bits n) {
  Bits half = SAR(n, KB(1));
  Real y = MUL(x, S(power_of_two)(c, half));
  return MUL(y, S(power_of_two)(c, ISUB(n, half)));
}

/* The nearest whole number, ties to even, of |x| < 2^(mantissa - 1); *n: the
 * same as an integer, of NaN anything. */
static Real S(nearest)(Cx c, Real x, Bits *n) {
  Real shifter = K(KONST(c)->shifter), shifted = ADD(x, shifter);
  *n = ISUB(BITS(shifted), BITS(shifter));
  return SUB(shifted, shifter);
}

/* n as a number, 0 <= n < 2^mantissa. */
static Real S(of_integer)(Cx c, Bits n) {
  Real one = S(power_of_two)(c, KB(KONST(c)->mantissa));
  return SUB(REAL(IOR(BITS(one), n)), one);
}

/* n as a number, -2^(mantissa - 1) < n < 2^(mantissa - 1). */
static Real S(of_signed)(Cx c, Bits n) {
  Real shifter = K(KONST(c)->shifter);
  return SUB(REAL(IADD(BITS(shifter), n)), shifter);
}

/* lo <= x <= hi, or NaN. */
static Real S(limit)(Cx c, Real x, double lo, double hi) {
  x = PICK(LT(x, K(lo)), K(lo), x);
  return PICK(LT(K(hi), x), K(hi), x);
}

static Real S(poly)(Cx c, const Poly *p, Real x) {
  Real y = K(p->c[0]);
  for (int i = 1; i < p->n; i++)
    y = FMA(y, x, K(p->c[i]));
  return y;
}

/* ---- round, floor, ceil ---- */

static Real S(round)(Cx c, Real x) {
  Real a = S(abs)(c, x), one = S(power_of_two)(c, KB(KONST(c)->mantissa));
  Real y = SUB(ADD(a, one), one);
  return PICK(LT(a, one), S(signed_as)(c, y, x), x);
}

static Real S(floor)(Cx c, Real x) {
  Real y = S(round)(c, x);
  return PICK(LT(x, y), SUB(y, K(1)), y);
}

/* Between -1 and 0 it is -0. */
static Real S(ceil)(Cx c, Real x) {
  Real y = S(round)(c, x), up = ADD(y, K(1));
  return PICK(LT(y, x), S(signed_as)(c, S(abs)(c, up), x), y);
}

/* ---- exp and its kin ----
 *
 * x = n ln 2 + r, |r| <= ln 2 / 2; e^x = 2^n (1 + q), q = r + r^2 P(r). */

typedef struct S(Exp) {
  Bits n;
  Real q;
} S(Exp);

static Real S(exp_tail)(Cx c, Real r) {
  return FMA(MUL(r, r), S(poly)(c, &KONST(c)->exp, r), r);
}

static S(Exp) S(exp_split)(Cx c, Real x) {
  S(Exp) e;
  const double *ln2 = KONST(c)->ln2;
  Real n = S(nearest)(c, MUL(x, K(KONST(c)->inv_ln2[0])), &e.n);
  Real r = FMA(n, K(-ln2[0]), x);
  e.q = S(exp_tail)(c, FMA(n, K(-ln2[1]), r));
  return e;
}

/* e^x 2^extra */
static Real S(exp_scaled)(Cx c, Real x, int64_t extra) {
  x = S(limit)(c, x, KONST(c)->exp_lo, KONST(c)->exp_hi + 1);
  S(Exp) e = S(exp_split)(c, x);
  return S(scale)(c, ADD(e.q, K(1)), IADD(e.n, KB(extra)));
}

static Real S(exp)(Cx c, Real x) { return S(exp_scaled)(c, x, 0); }

/* e^x - 1 of 0 <= x <= tanh_one * 2: 2^n q + (2^n - 1). */
static Real S(expm1)(Cx c, Real x) {
  S(Exp) e = S(exp_split)(c, x);
  Real two = S(power_of_two)(c, e.n);
  return FMA(two, e.q, SUB(two, K(1)));
}

/* Of e = exp(-|x|): 1 / (1 + e), or e / (1 + e) below 0. */
static Real S(logistic)(Cx c, Real x) {
  Real e = S(exp)(c, S(neg)(c, S(abs)(c, x)));
  Real top = PICK(LT(x, K(0)), e, K(1));
  return DIV(top, ADD(e, K(1)));
}

/* e / (e + 2), e = exp(2 |x|) - 1 */
static Real S(tanh)(Cx c, Real x) {
  Real a = S(limit)(c, S(abs)(c, x), 0, KONST(c)->tanh_one);
  Real e = S(expm1)(c, ADD(a, a));
  return S(signed_as)(c, DIV(e, ADD(e, K(2))), x);
}

/* Below 1 (e + e / (e + 1)) / 2, e = exp(|x|) - 1; else h - 1 / (4 h),
 * h = exp(|x|) / 2. */
static Real S(sinh)(Cx c, Real x) {
  Real a = S(abs)(c, x);
  Real e = S(expm1)(c, S(limit)(c, a, 0, 1));
  Real small = MUL(K(0.5), ADD(e, DIV(e, ADD(e, K(1)))));
  Real h = S(exp_scaled)(c, a, -1);
  Real large = SUB(h, DIV(K(0.25), h));
  return S(signed_as)(c, PICK(LT(a, K(1)), small, large), x);
}

static Real S(cosh)(Cx c, Real x) {
  Real h = S(exp_scaled)(c, S(abs)(c, x), -1);
  return ADD(h, DIV(K(0.25), h));
}

/* Up to 1 x + x P(x^2); then 1 - e^-t, t a polynomial. */
static Real S(erf)(Cx c, Real x) {
  const ScalarConstants *k = KONST(c);
  Real a = S(limit)(c, S(abs)(c, x), 0, k->erf_one);
  Real small = FMA(a, S(poly)(c, &k->erf, MUL(a, a)), a);
  Real t = S(poly)(c, &k->erf_tail, SUB(a, K(k->erf_mid)));
  Real large = SUB(K(1), S(exp)(c, S(neg)(c, t)));
  return S(signed_as)(c, PICK(LT(a, K(1)), small, large), x);
}

/* ---- log and its kin ----
 *
 * x = 2^e m, sqrt(1/2) <= m < sqrt(2), f = m - 1, s = f / (2 + f):
 * log(1 + f) = f - f^2/2 + s (f^2/2 + s^2 P(s^2)). */

/* *m and, as a number, e of x = 2^e m > 0, finite. */
static Real S(log_split)(Cx c, Real x, Real *m) {
  int64_t up = KONST(c)->mantissa + 2;
  Mask tiny = LT(x, S(power_of_two)(c, KB(1 - KONST(c)->bias)));
  x = PICK(tiny, MUL(x, S(power_of_two)(c, KB(up))), x);
  Bits root = BITS(K(0.70703125)), mantissa = KB(KONST(c)->mantissa);
  Bits e = SAR(ISUB(BITS(x), root), mantissa);
  *m = REAL(ISUB(BITS(x), SHL(e, mantissa)));
  return S(of_signed)(c, PICKB(tiny, ISUB(e, KB(up)), e));
}

/* log of 0, of what is less, infinite or NaN; else y. */
static Real S(log_special)(Cx c, Real x, Real y) {
  Real infinity = S(infinity)(c);
  y = PICK(LT(x, infinity), y, x);
  y = PICK(EQ(x, K(0)), S(neg)(c, infinity), y);
  return PICK(LT(x, K(0)), SUB(infinity, infinity), y);
}

/* log(x + *low), *low at most half a last place of x; NULL: 0. */
static Real S(log_sum)(Cx c, Real x, const Real *low) {
  const ScalarConstants *k = KONST(c);
  Real m, e = S(log_split)(c, x, &m);
  Real f = SUB(m, K(1)), s = DIV(f, ADD(f, K(2))), z = MUL(s, s);
  Real h = MUL(K(0.5), MUL(f, f));
  Real r = FMA(s, ADD(h, MUL(z, S(poly)(c, &k->log, z))), MUL(e, K(k->ln2[1])));
  if (low)
    r = ADD(r, DIV(*low, x));
  Real y = FMA(e, K(k->ln2[0]), SUB(f, SUB(h, r)));
  return S(log_special)(c, x, y);
}

static Real S(log)(Cx c, Real x) { return S(log_sum)(c, x, NULL); }

/* log(1 + x) of x >= 0 or NaN. */
static Real S(log1p)(Cx c, Real x) {
  Real u = ADD(x, K(1));
  Real low = PICK(LT(x, K(1)), SUB(x, SUB(u, K(1))), SUB(K(1), SUB(u, x)));
  return S(log_sum)(c, u, &low);
}

/* log(1 + a + a^2 / (1 + sqrt(a^2 + 1))); where a^2 + 1 = a^2, log(2 a). */
static Real S(asinh)(Cx c, Real x) {
  Real a = S(abs)(c, x);
  Mask many = LT(K(KONST(c)->many), a);
  Real z = MUL(a, a), root = SQRT(ADD(z, K(1)));
  Real t = ADD(a, DIV(z, ADD(root, K(1))));
  Real y = S(log1p)(c, PICK(many, SUB(a, K(1)), t));
  y = PICK(many, ADD(y, K(KONST(c)->log_2)), y);
  return S(signed_as)(c, y, x);
}

/* log(1 + t), t = (x - 1) + sqrt((x - 1)^2 + 2 (x - 1)) */
static Real S(acosh)(Cx c, Real x) {
  Mask many = LT(K(KONST(c)->many), x);
  Real d = SUB(x, K(1)), root = SQRT(FMA(d, d, ADD(d, d)));
  Real y = S(log1p)(c, PICK(many, d, ADD(d, root)));
  y = PICK(many, ADD(y, K(KONST(c)->log_2)), y);
  return PICK(LT(x, K(1)), SUB(S(infinity)(c), S(infinity)(c)), y);
}

/* log(1 + 2 a / (1 - a)) / 2 */
static Real S(atanh)(Cx c, Real x) {
  Real a = S(abs)(c, x), infinity = S(infinity)(c);
  Real y = S(log1p)(c, DIV(ADD(a, a), SUB(K(1), a)));
  y = S(signed_as)(c, MUL(K(0.5), y), x);
  return PICK(LT(K(1), a), SUB(infinity, infinity), y);
}
