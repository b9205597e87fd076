/* sin, cos, tan and their inverses: goes on from scalar_steps.h. */

/* ---- angles ----
 *
 * |x| = n pi/2 + r, |r| <= pi/4. Up to trig_most n pi/2 is subtracted in four
 * parts; beyond, x 2/pi is multiplied out with the bits of 2/pi that matter
 * (Payne and Hanek 1983): with x = M 2^E, bits of more weight than 2^(1 - E)
 * add multiples of 4 to n and are left out. */

typedef struct S(Angle) {
  Bits n; /* modulo 4 */
  Real r;
} S(Angle);

/* The upper half of the product of two words. */
static Bits S(mul_high)(Cx c, Bits a, Bits b) {
  Bits half = KB(KONST(c)->width / 2);
  Bits ones = ISUB(SHL(KB(1), half), KB(1));
  Bits ah = SHR(a, half), al = IAND(a, ones);
  Bits bh = SHR(b, half), bl = IAND(b, ones);
  Bits middle = IADD(IMUL(ah, bl), SHR(IMUL(al, bl), half));
  Bits rest = IADD(IMUL(al, bh), IAND(middle, ones));
  return IADD(IADD(IMUL(ah, bh), SHR(middle, half)), SHR(rest, half));
}

/* Word i of a zero word and the bits of 2/pi. */
static Bits S(two_over_pi)(Cx c, int i) {
  const uint32_t *w = KONST(c)->two_over_pi;
  if (i == 0)
    return KB(0);
  if (KONST(c)->width == 32)
    return KB(w[i - 1]);
  return IOR(SHL(KB(w[2 * i - 2]), KB(32)), KB(w[2 * i - 1]));
}

/* Word `at` + i of these. */
static Bits S(window_word)(Cx c, Bits at, int i) {
  Bits y = S(two_over_pi)(c, i);
  for (int k = 1; k < KONST(c)->nwindow; k++)
    y = PICKB(IEQ(at, KB(k)), S(two_over_pi)(c, i + k), y);
  return y;
}

/* Three words from bit `from` of them on. */
static void S(window)(Cx c, Bits from, Bits word[3]) {
  int width = KONST(c)->width, log_width = width == 32 ? 5 : 6;
  Bits at = SHR(from, KB(log_width)), low = IAND(from, KB(width - 1));
  Bits rest = ISUB(KB(width - 1), low);
  Bits next = S(window_word)(c, at, 0);
  for (int i = 0; i < 3; i++) {
    Bits here = next;
    next = S(window_word)(c, at, i + 1);
    word[i] = IOR(SHL(here, low), SHR(SHR(next, KB(1)), rest));
  }
}

/* (hi, lo) / 2^width as a number, hi below 2^(width - 2). */
static Real S(of_fraction)(Cx c, Bits hi, Bits lo) {
  int64_t half = KONST(c)->width / 2;
  Bits ones = ISUB(SHL(KB(1), KB(half)), KB(1));
  Real unit = S(power_of_two)(c, KB(-half));
  Real y = S(of_integer)(c, IAND(lo, ones));
  y = FMA(y, unit, S(of_integer)(c, SHR(lo, KB(half))));
  y = FMA(y, unit, S(of_integer)(c, IAND(hi, ones)));
  y = FMA(y, unit, S(of_integer)(c, SHR(hi, KB(half))));
  return MUL(y, unit);
}

/* in[0] = |x| >= trig_most; out: r and, as bits, n. */
static void S(large_angle)(Cx c, const Real *in, Real *out) {
  const ScalarConstants *k = KONST(c);
  Bits mantissa = KB(k->mantissa), w[3];
  Bits unit = SHL(KB(1), mantissa);
  Bits m = IOR(IAND(BITS(in[0]), ISUB(unit, KB(1))), unit);
  Bits e = ISUB(S(exponent)(c, in[0]), KB(k->bias + k->mantissa));
  S(window)(c, IADD(e, KB(k->width - 2)), w);
  Bits carry = S(mul_high)(c, m, w[2]);
  Bits lo = IADD(IMUL(m, w[1]), carry);
  Bits hi = IADD(IMUL(m, w[0]), S(mul_high)(c, m, w[1]));
  hi = PICKB(ILT(lo, carry), IADD(hi, KB(1)), hi);
  Bits top = KB(k->width - 2);
  Bits n = SHR(IADD(hi, SHL(KB(1), KB(k->width - 3))), top);
  hi = ISUB(hi, SHL(n, top));
  Bits sign = IAND(hi, S(sign_bit)(c)), zero = KB(0);
  Bits minus = IADD(IXOR(hi, KB(-1)), PICKB(IEQ(lo, zero), KB(1), zero));
  Mask negative = NOT(IEQ(sign, zero));
  Real y = S(of_fraction)(c, PICKB(negative, minus, hi),
                          PICKB(negative, ISUB(zero, lo), lo));
  y = MUL(y, K(4));
  y = FMA(y, K(k->half_pi[0]), MUL(y, K(k->half_pi[1])));
  out[0] = REAL(IOR(BITS(y), sign));
  out[1] = REAL(n);
}

/* Of x >= 0. */
static S(Angle) S(angle)(Cx c, Real x) {
  const ScalarConstants *k = KONST(c);
  S(Angle) a;
  Real most = K(k->trig_most);
  Real near = PICK(LT(x, most), x, K(0));
  Real n = S(nearest)(c, MUL(near, K(1 / k->half_pi[0])), &a.n);
  for (int i = 0; i < 4; i++)
    near = FMA(n, K(-k->half_pi_parts[i]), near);
  Real out[2] = {near, REAL(a.n)};
  S(rare)(c, NOT(LT(x, most)), S(large_angle), &x, 1, out, 2);
  a.r = PICK(LT(x, S(infinity)(c)), out[0], SUB(x, x));
  a.n = BITS(out[1]);
  return a;
}

static Real S(sin_near)(Cx c, Real r) {
  Real z = MUL(r, r);
  return FMA(MUL(r, z), S(poly)(c, &KONST(c)->sin, z), r);
}

static Real S(cos_near)(Cx c, Real r) {
  Real z = MUL(r, r);
  Real tail = MUL(MUL(z, z), S(poly)(c, &KONST(c)->cos, z));
  return ADD(FMA(K(-0.5), z, K(1)), tail);
}

/* sin(r + n pi/2) */
static Real S(sin_of)(Cx c, S(Angle) a, Bits n) {
  Mask odd = IEQ(IAND(n, KB(1)), KB(1));
  Real y = PICK(odd, S(cos_near)(c, a.r), S(sin_near)(c, a.r));
  Bits sign = SHL(SHR(n, KB(1)), KB(KONST(c)->width - 1));
  return REAL(IXOR(BITS(y), sign));
}

static Real S(sin)(Cx c, Real x) {
  S(Angle) a = S(angle)(c, S(abs)(c, x));
  return REAL(IXOR(BITS(S(sin_of)(c, a, a.n)), S(sign_of)(c, x)));
}

static Real S(cos)(Cx c, Real x) {
  S(Angle) a = S(angle)(c, S(abs)(c, x));
  return S(sin_of)(c, a, IADD(a.n, KB(1)));
}

static Real S(tan)(Cx c, Real x) {
  S(Angle) a = S(angle)(c, S(abs)(c, x));
  Real s = S(sin_near)(c, a.r), t = S(cos_near)(c, a.r);
  Mask odd = IEQ(IAND(a.n, KB(1)), KB(1));
  Real y = DIV(PICK(odd, S(neg)(c, t), s), PICK(odd, s, t));
  return REAL(IXOR(BITS(y), S(sign_of)(c, x)));
}

/* Of |x| <= 1/2. */
static Real S(asin_near)(Cx c, Real x) {
  Real z = MUL(x, x);
  return FMA(MUL(x, z), S(poly)(c, &KONST(c)->asin, z), x);
}

/* Above 1/2, asin(a) = pi/2 - 2 asin(root), root = sqrt((1 - a) / 2). */
static Real S(asin_root)(Cx c, Real a) {
  return SQRT(MUL(K(0.5), SUB(K(1), a)));
}

static Real S(asin)(Cx c, Real x) {
  const double *half_pi = KONST(c)->half_pi;
  Real a = S(abs)(c, x), root = S(asin_root)(c, a);
  Mask near = LT(a, K(0.5));
  Real y = S(asin_near)(c, PICK(near, a, root));
  Real far = SUB(K(half_pi[0]), SUB(ADD(y, y), K(half_pi[1])));
  return S(signed_as)(c, PICK(near, y, far), x);
}

static Real S(acos)(Cx c, Real x) {
  const double *half_pi = KONST(c)->half_pi;
  Real a = S(abs)(c, x), root = S(asin_root)(c, a);
  Mask near = LT(a, K(0.5)), negative = LT(x, K(0));
  Real y = S(asin_near)(c, PICK(near, x, root));
  Real middle = SUB(K(half_pi[0]), SUB(y, K(half_pi[1])));
  Real twice = ADD(y, y);
  Real back = SUB(K(2 * half_pi[0]), SUB(twice, K(2 * half_pi[1])));
  return PICK(near, middle, PICK(negative, back, twice));
}

/* base + atan(top / bottom), with the angles 0, pi/4 and pi/2 as bases. */
static Real S(atan)(Cx c, Real x) {
  const ScalarConstants *k = KONST(c);
  Real a = S(abs)(c, x), quarter = K(k->half_pi[0] / 2);
  Mask beyond = LT(K(k->tan_pi_8), a), far = LT(K(k->tan_3pi_8), a);
  Real top = PICK(beyond, SUB(a, K(1)), a);
  Real bottom = PICK(beyond, ADD(a, K(1)), K(1));
  top = PICK(far, K(-1), top);
  bottom = PICK(far, a, bottom);
  Real base = PICK(far, K(k->half_pi[0]), PICK(beyond, quarter, K(0)));
  Real low =
      PICK(far, K(k->half_pi[1]), PICK(beyond, K(k->half_pi[1] / 2), K(0)));
  Real t = DIV(top, bottom), z = MUL(t, t);
  Real tail = FMA(MUL(t, z), S(poly)(c, &k->atan, z), low);
  return S(signed_as)(c, ADD(base, ADD(t, tail)), x);
}
