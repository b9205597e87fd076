/* The operations of scalar_steps.h in C; expanded for float and double. Bits
 * is as wide as Real, Sign the signed integer of that width. */

static Real S(constant)(Cx c, double x) {
  (void)c;
  return (Real)x;
}
static Bits S(constant_bits)(Cx c, int64_t x) {
  (void)c;
  return (Bits)x;
}

static Bits S(bits)(Cx c, Real a) {
  Bits b;
  (void)c;
  memcpy(&b, &a, sizeof b);
  return b;
}
static Real S(real)(Cx c, Bits b) {
  Real a;
  (void)c;
  memcpy(&a, &b, sizeof a);
  return a;
}

#define OPERATION1(Result, name, A, result)                                    \
  static Result S(name)(Cx c, A a) {                                           \
    (void)c;                                                                   \
    return result;                                                             \
  }
#define OPERATION2(Result, name, A, B, result)                                 \
  static Result S(name)(Cx c, A a, B b) {                                      \
    (void)c;                                                                   \
    return result;                                                             \
  }
/* clang-format off */
OPERATION2(Real, add, Real, Real, a + b)
OPERATION2(Real, sub, Real, Real, a - b)
OPERATION2(Real, mul, Real, Real, a * b)
OPERATION2(Real, div, Real, Real, a / b)
OPERATION2(Mask, lt, Real, Real, a < b)
OPERATION2(Mask, eq, Real, Real, a == b)
OPERATION1(Mask, is_nan, Real, a != a)
OPERATION2(Mask, either, Mask, Mask, a || b)
OPERATION2(Mask, both, Mask, Mask, a && b)
OPERATION1(Mask, not_, Mask, !a)
OPERATION2(Bits, iadd, Bits, Bits, a + b)
OPERATION2(Bits, isub, Bits, Bits, a - b)
OPERATION2(Bits, imul, Bits, Bits, a * b)
OPERATION2(Bits, iand, Bits, Bits, a & b)
OPERATION2(Bits, ior, Bits, Bits, a | b)
OPERATION2(Bits, ixor, Bits, Bits, a ^ b)
OPERATION2(Bits, shl, Bits, Bits, a << b)
OPERATION2(Bits, shr, Bits, Bits, a >> b)
OPERATION2(Bits, sar, Bits, Bits, (Bits)((Sign)a >> b))
OPERATION2(Mask, ilt, Bits, Bits, a < b)
OPERATION2(Mask, ieq, Bits, Bits, a == b)
/* clang-format on */
#undef OPERATION1
#undef OPERATION2

static Real S(fma)(Cx c, Real a, Real b, Real d) {
  (void)c;
  return FUSED(a, b, d);
}
static Real S(sqrt)(Cx c, Real a) {
  (void)c;
  return ROOT(a);
}
static Real S(pick)(Cx c, Mask m, Real a, Real b) {
  (void)c;
  return m ? a : b;
}
static Bits S(pick_bits)(Cx c, Mask m, Bits a, Bits b) {
  (void)c;
  return m ? a : b;
}

/* Where m holds, the nout results become those of f. */
static void S(rare)(Cx c, Mask m, void (*f)(Cx, const Real *, Real *),
                    const Real *in, int nin, Real *out, int nout) {
  (void)nin, (void)nout;
  if (m)
    f(c, in, out);
}

/* While more holds, the n values of the state take a turn. */
static void S(repeat)(Cx c, Bits *state, int n, Mask (*more)(Cx, const Bits *),
                      void (*turn)(Cx, Bits *)) {
  (void)n;
  while (more(c, state))
    turn(c, state);
}
