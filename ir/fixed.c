/* The fixed-point sequences of fixed.h, in 32-bit steps with a saturating
 * rounding doubling high multiply ("high product") after each. */
#include "ir/fixed.h"

#include <math.h>

static int32_t saturate(int64_t x) {
  return (int32_t)(x < INT32_MIN ? INT32_MIN : x > INT32_MAX ? INT32_MAX : x);
}

static int32_t high(int32_t a, int32_t b) {
  return saturating_rounding_doubling_high_mul(a, b);
}

static int32_t shift_left(int32_t x, int bits) {
  return saturate((int64_t)x * (INT64_C(1) << bits));
}

/* e^a for a in [-1/4, 0), Q0.31: Taylor's series around -1/8, to the fourth
 * power of t = a + 1/8. */
static int32_t exp_quarter(int32_t a) {
  static const int32_t exp_minus_eighth = 1895147668, third = 715827883;
  int32_t t = a + (1 << 28);
  int32_t t2 = high(t, t), t3 = high(t2, t), t4 = high(t2, t2);
  int32_t t4_4 = rounding_divide_by_pot(t4, 2);
  int32_t tail = high(t4_4 + t3, third) + t2; /* (t^4/4 + t^3)/3 + t^2 */
  int32_t series = t + rounding_divide_by_pot(tail, 1);
  return exp_minus_eighth + high(exp_minus_eighth, series);
}

/* x = -r + q with q a multiple of 1/4 below and r in (0, 1/4]: e^-r by
 * series, then a factor e^-(2^i) for every bit of q. */
int32_t fixed_exp_negative(int32_t x) {
  /* e^-(2^i), i = -2 ... 4, Q0.31 */
  static const int32_t factor[] = {1672461947, 1302514674, 790015084, 290630308,
                                   39332535,   720401,     242};
  enum { QUARTER = 1 << 24, FACTORS = sizeof factor / sizeof *factor };
  if (x == 0)
    return INT32_MAX;
  int32_t r = (x & (QUARTER - 1)) - QUARTER;
  int32_t y = exp_quarter(shift_left(r, 5));
  int32_t q = (int32_t)((uint32_t)r - (uint32_t)x);
  for (int i = 0; i < FACTORS; i++)
    if (q >> (24 + i) & 1)
      y = high(y, factor[i]);
  return y;
}

/* Newton's iteration for 1 / h, h = (1 + x) / 2, in Q2.29 from the start
 * 48/17 - 32/17 h. */
int32_t fixed_one_over_one_plus(int32_t x) {
  static const int32_t c48_17 = 1515870810, c32_17 = 1010580540;
  int32_t h = (int32_t)(((int64_t)x + INT32_MAX + 1) / 2);
  int32_t y = c48_17 + high(h, -c32_17);
  for (int i = 0; i < 3; i++) {
    int32_t error = (1 << 29) - high(h, y);
    y = saturate((int64_t)y + shift_left(high(y, error), 2));
  }
  return shift_left(y, 1);
}

/* x 4^pairs in [2^27, 2^29), of which h is half, in Q3.28: Newton's iteration
 * for 1 / sqrt(h) from 1, times sqrt(1/2). */
int32_t fixed_rsqrt(int32_t x, int bits) {
  static const int32_t half_three = 3 << 27, half_sqrt2 = 1518500250;
  if (x <= 1)
    return multiply_by_quantized_multiplier(1, INT32_MAX, bits);
  int pairs = 0;
  while (x < 1 << 27) {
    x *= 4;
    pairs++;
  }
  int32_t h = x >> 1, half_h = rounding_divide_by_pot(h, 1), y = 1 << 28;
  for (int i = 0; i < 5; i++) {
    int32_t cube = shift_left(high(high(y, y), y), 6);
    y = shift_left(high(half_three, y) - high(half_h, cube), 3);
  }
  y = high(y, half_sqrt2);
  int shift = 11 - pairs;
  if (shift < 0) {
    y = (int32_t)((uint32_t)y << -shift);
    shift = 0;
  }
  return multiply_by_quantized_multiplier(1, y, bits - shift);
}

/* --- add, sub ---------------------------------------------------------- */

static Requant double_step(double real) {
  Requant r = {
      .kind = RQ_double, .real = real, .lo = INT32_MIN, .hi = INT32_MAX};
  quantize_multiplier(real, &r.multiplier, &r.shift);
  return r;
}

AddStep add_step_of(const Op *op) {
  const Type *y = op->out[0]->type;
  float sa = type_scale(op->in[0]->type), sb = type_scale(op->in[1]->type);
  AddStep s = {.left = y->dtype == DT_i16 ? 15 : 20,
               .subtract = op->kind == OP_sub};
  double twice_max = 2 * (double)(sa > sb ? sa : sb);
  double unit = (double)((float)(1 << s.left) * type_scale(y));
  s.in[0] = double_step((double)sa / twice_max);
  s.in[1] = double_step((double)sb / twice_max);
  s.out = double_step(twice_max / unit);
  s.out.zero_point = type_zero_point(y);
  act_range(op->attrs.act.act, y, &s.out.lo, &s.out.hi);
  for (int i = 0; i < 2; i++)
    s.zero[i] = type_zero_point(op->in[i]->type);
  return s;
}

int32_t add_step_apply(const AddStep *s, int32_t a, int32_t b) {
  int64_t unit = INT64_C(1) << s->left;
  int64_t ra = requant_apply(&s->in[0], ((int64_t)a - s->zero[0]) * unit);
  int64_t rb = requant_apply(&s->in[1], ((int64_t)b - s->zero[1]) * unit);
  return requant_apply(&s->out, s->subtract ? ra - rb : ra + rb);
}

/* --- softmax ----------------------------------------------------------- */

SoftmaxStep softmax_step_of(const Op *op) {
  const Type *y = op->out[0]->type;
  SoftmaxStep s = {.out_bits = dtype_bits(y->dtype),
                   .out_min = (int32_t)dtype_min(y->dtype)};
  double beta = (double)op->attrs.softmax.beta;
  double real = beta * (double)type_scale(op->in[0]->type) * 0x1p26;
  if (real > 0x1p31 - 1)
    real = 0x1p31 - 1;
  quantize_multiplier(real, &s.multiplier, &s.shift);
  double reach = ldexp(31 * 0x1p26, s.shift > 0 ? -s.shift : 0);
  s.diff_min = -(int32_t)floor(reach);
  return s;
}

int32_t softmax_exp(const SoftmaxStep *s, int32_t d) {
  if (d < s->diff_min)
    return 0;
  return fixed_exp_negative(
      multiply_by_quantized_multiplier(d, s->multiplier, s->shift));
}

SoftmaxScale softmax_scale(const SoftmaxStep *s, int32_t total) {
  int headroom = 0; /* leading zeros */
  while (headroom < 32 && !((uint32_t)total << headroom >> 31))
    headroom++;
  uint32_t fraction = ((uint32_t)total << headroom) - (UINT32_C(1) << 31);
  SoftmaxScale scale = {fixed_one_over_one_plus((int32_t)fraction),
                        12 - headroom + 31 - s->out_bits};
  return scale.shift <= 31 ? scale : (SoftmaxScale){0, 31};
}

int32_t softmax_output(const SoftmaxStep *s, int32_t e, SoftmaxScale scale) {
  int32_t y = rounding_divide_by_pot(high(scale.multiplier, e), scale.shift);
  int32_t max = (int32_t)((INT64_C(1) << s->out_bits) - 1);
  return (y > max ? max : y < 0 ? 0 : y) + s->out_min;
}
