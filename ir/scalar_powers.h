/* pow and the remainders: goes on from scalar_steps.h. */

/* ---- pow ----
 *
 * a^b = 2^(b log2 a), with log2 |a| and the product in two numbers, the
 * second what the first is short of. */

typedef struct S(Pair) {
  Real hi, lo;
} S(Pair);

/* hi + lo rounded, |hi| >= |lo|, and what that is short of. */
static S(Pair) S(pair)(Cx c, Real hi, Real lo) {
  S(Pair) p;
  p.hi = ADD(hi, lo);
  p.lo = SUB(lo, SUB(p.hi, hi));
  return p;
}

/* log(m) = 2 s + s^3 P(s^2) with s = f / (2 + f) in two numbers. */
static S(Pair) S(log_pair)(Cx c, Real m) {
  Real f = SUB(m, K(1)), t = ADD(f, K(2));
  Real t_low = SUB(f, SUB(t, K(2))), s = DIV(f, t), minus = S(neg)(c, s);
  Real s_low = DIV(FMA(minus, t_low, FMA(minus, t, f)), t);
  Real z = MUL(s, s), tail = MUL(s, MUL(z, S(poly)(c, &KONST(c)->log, z)));
  return S(pair)(c, ADD(s, s), ADD(ADD(s_low, s_low), tail));
}

/* log2 of a finite number above 0. */
static S(Pair) S(log2_pair)(Cx c, Real a) {
  const double *inv = KONST(c)->inv_ln2;
  Real m, e = S(log_split)(c, a, &m);
  S(Pair) l = S(log_pair)(c, m);
  Real h = MUL(l.hi, K(inv[0]));
  Real low = FMA(l.hi, K(inv[0]), S(neg)(c, h));
  low = FMA(l.hi, K(inv[1]), FMA(l.lo, K(inv[0]), low));
  S(Pair) y = S(pair)(c, e, h);
  y.lo = ADD(y.lo, low);
  return y;
}

/* 2^(y + low) */
static Real S(exp2_sum)(Cx c, Real y, Real low) {
  const ScalarConstants *k = KONST(c);
  Real x = S(limit)(c, y, k->two_lo, k->two_hi);
  low = PICK(EQ(x, y), low, K(0));
  Bits n;
  Real whole = S(nearest)(c, x, &n);
  Real r = MUL(ADD(SUB(x, whole), low), K(k->log_2));
  return S(scale)(c, ADD(S(exp_tail)(c, r), K(1)), n);
}

/* |a|^b of neither NaN. */
static Real S(pow_magnitude)(Cx c, Real a, Real b) {
  double most = KONST(c)->pow_most;
  Real infinity = S(infinity)(c);
  Mask zero = EQ(a, K(0)), infinite = EQ(a, infinity);
  Real limited = S(limit)(c, b, -most, most);
  S(Pair) l = S(log2_pair)(c, PICK(OR(zero, infinite), K(1), a));
  Real y = MUL(limited, l.hi);
  Real low = FMA(limited, l.hi, S(neg)(c, y));
  y = S(exp2_sum)(c, y, FMA(limited, l.lo, low));
  Mask up = LT(K(0), b);
  y = PICK(zero, PICK(up, K(0), infinity), y);
  return PICK(infinite, PICK(up, infinity, K(0)), y);
}

/* A negative base: NaN unless b is whole, and its sign where b is odd. */
static Real S(pow)(Cx c, Real a, Real b) {
  Real y = S(pow_magnitude)(c, S(abs)(c, a), b), infinity = S(infinity)(c);
  Real half = MUL(b, K(0.5));
  Mask whole = EQ(S(round)(c, b), b);
  Mask odd = AND(whole, NOT(EQ(S(round)(c, half), half)));
  odd = AND(odd, S(is_finite)(c, b));
  y = PICK(odd, S(signed_as)(c, y, a), y);
  Mask negative = AND(LT(a, K(0)), LT(S(neg)(c, infinity), a));
  y = PICK(AND(negative, NOT(whole)), SUB(infinity, infinity), y);
  y = PICK(OR(NAN_(a), NAN_(b)), ADD(a, b), y);
  return PICK(OR(EQ(a, K(1)), EQ(b, K(0))), K(1), y);
}

/* ---- remainders ----
 *
 * Long division of the significands, bit by bit: state is the remainder, the
 * dividend's bits still to come, the divisor and how many bits there are. */

enum { S(FMOD_STATE) = 4 };

static Mask S(fmod_more)(Cx c, const Bits *s) { return NOT(IEQ(s[3], KB(0))); }

static void S(fmod_turn)(Cx c, Bits *s) {
  Bits r = IOR(SHL(s[0], KB(1)), SHR(s[1], KB(KONST(c)->width - 1)));
  s[0] = PICKB(ILT(r, s[2]), r, ISUB(r, s[2]));
  s[1] = SHL(s[1], KB(1));
  s[3] = ISUB(s[3], KB(1));
}

/* |x| = significand 2^(exponent - bias - mantissa) */
static Bits S(significand)(Cx c, Real x, Bits *exponent) {
  Bits unit = SHL(KB(1), KB(KONST(c)->mantissa)), e = S(exponent)(c, x);
  Mask subnormal = IEQ(e, KB(0));
  Bits m = IAND(BITS(x), ISUB(unit, KB(1)));
  *exponent = PICKB(subnormal, KB(1), e);
  return PICKB(subnormal, m, IOR(m, unit));
}

/* m 2^e, exact. */
static Real S(compose)(Cx c, Bits m, Bits e) {
  Bits half = KB(KONST(c)->width / 2);
  Bits ones = ISUB(SHL(KB(1), half), KB(1));
  Real hi = S(of_integer)(c, SHR(m, half));
  Real lo = S(of_integer)(c, IAND(m, ones));
  Real y = ADD(MUL(hi, S(power_of_two)(c, half)), lo);
  return S(scale)(c, y, e);
}

static Real S(fmod)(Cx c, Real a, Real b) {
  const ScalarConstants *k = KONST(c);
  Bits ea, eb, ma = S(significand)(c, a, &ea), mb = S(significand)(c, b, &eb);
  Real x = S(abs)(c, a), y = S(abs)(c, b);
  Mask defined = AND(S(is_finite)(c, a), LT(K(0), y));
  Mask divides = AND(AND(defined, S(is_finite)(c, b)), NOT(LT(x, y)));
  Bits count = IADD(ISUB(ea, eb), KB(k->mantissa + 1));
  Bits state[S(FMOD_STATE)] = {KB(0), SHL(ma, KB(k->width - k->mantissa - 1)),
                               mb, PICKB(divides, count, KB(0))};
  S(repeat)(c, state, S(FMOD_STATE), S(fmod_more), S(fmod_turn));
  Bits e = ISUB(eb, KB(k->bias + k->mantissa));
  Real r = PICK(divides, S(compose)(c, state[0], e), x);
  Real nan = SUB(S(infinity)(c), S(infinity)(c));
  r = PICK(AND(defined, NOT(NAN_(b))), S(signed_as)(c, r, a), nan);
  return r;
}

static Real S(mod)(Cx c, Real a, Real b) {
  Real r = S(fmod)(c, a, b);
  Bits differ = IXOR(S(sign_of)(c, r), S(sign_of)(c, b));
  Mask corrects = AND(NOT(IEQ(differ, KB(0))), NOT(EQ(r, K(0))));
  return PICK(corrects, ADD(r, b), r);
}
