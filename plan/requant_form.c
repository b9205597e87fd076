/* Choosing the arithmetic of a requantization.
 *
 * A spec is monotone in acc, hence fixed by its thresholds: T_k is the
 * smallest acc with spec(acc) >= k. Every form below is monotone too, so it
 * equals the spec on a range exactly when it agrees at T_k and T_k - 1 for
 * every k inside the range, and at the range's two ends. Constants are not
 * guessed but solved for: each threshold bounds the additive constant from
 * both sides, the intersection of the bounds is a window, and a constant
 * from its middle is then checked with the very operations that code will
 * execute. */
#include "plan/requant_form.h"

#include <math.h>
#include <string.h>

/* Thresholds of one channel inside its range: acc[i] is T_(first + i). */
typedef struct Steps {
  int n;
  int32_t first;
  int64_t acc[256];
} Steps;

/* requant_threshold, but starting from where the real factor puts it. */
static int64_t threshold_near(const Requant *r, double factor, int32_t y,
                              AccRange in) {
  double zero = r->zero_point + (double)r->bias;
  double guess = ((double)y - zero - 0.5) / factor;
  if (!(guess > (double)in.lo) || !(guess < (double)in.hi))
    return requant_threshold(r, y, in.lo, in.hi);
  int64_t t = (int64_t)guess;
  for (int turn = 0; turn < 8; turn++) {
    if (t > in.lo && requant_apply(r, t - 1) >= y)
      t--;
    else if (t <= in.hi && requant_apply(r, t) < y)
      t++;
    else
      return t;
  }
  return requant_threshold(r, y, in.lo, in.hi);
}

static double spec_factor(const Requant *r) {
  if (r->kind == RQ_double || r->kind == RQ_single)
    return ldexp((double)r->multiplier, r->shift - 31);
  return r->real;
}

static void find_steps(Steps *s, const Requant *r, AccRange in) {
  int32_t bottom = requant_apply(r, in.lo), top = requant_apply(r, in.hi);
  double factor = spec_factor(r);
  s->first = bottom + 1;
  s->n = 0;
  for (int32_t y = bottom + 1; y <= top; y++)
    s->acc[s->n++] = threshold_near(r, factor, y, in);
}

static int32_t clamp32(int64_t y, int32_t lo, int32_t hi) {
  return y < lo ? lo : y > hi ? hi : (int32_t)y;
}

static int64_t apply_bits(float a, float b, int32_t start, int64_t acc) {
  int64_t sum = start + acc;
  sum = sum < RQ_BITS_LEAST ? RQ_BITS_LEAST : sum;
  uint32_t bits = (uint32_t)(sum > RQ_BITS_MOST ? RQ_BITS_MOST : sum);
  float x;
  memcpy(&x, &bits, sizeof x);
  x = fmaf(x, a, b);
  memcpy(&bits, &x, sizeof x);
  return (int64_t)bits - RQ_BITS;
}

/* The float form, in the operations that code executes. */
static int64_t apply_f32(float a, float b, int64_t acc) {
  float x = (float)acc;
  float y = fmaf(x, a, copysignf(b, x));
  if (y < -1e6f || y > 1e6f) /* far outside any clamp */
    return y < 0 ? -1000000 : 1000000;
  return (int64_t)y;
}

static int64_t apply_even(float a, float b, int64_t acc) {
  float product = (float)acc * a;
  float sum = product + b;
  if (sum < -0x1p22f || sum > 0x1p22f) /* far outside any clamp */
    return sum < 0 ? -(1 << 22) : 1 << 22;
  return llrintf(sum);
}

static int64_t apply_high(const RequantPlan *p, int c, int64_t acc) {
  int64_t high = (acc + p->start[c]) * p->multiplier[c] >> 32;
  return (high + p->add[c]) >> (p->single_shift - 32);
}

static int64_t apply_single(int32_t m, int64_t offset, int shift, int64_t acc) {
  return (acc * m + offset) >> shift;
}

static int32_t apply_table(const int32_t *t, int n, int32_t lo, int64_t acc) {
  int32_t y = lo;
  for (int i = 0; i < n; i++)
    y += acc >= t[i];
  return y;
}

int32_t requant_plan_apply(const RequantPlan *p, int channel, int64_t acc) {
  int c = p->channels == 1 ? 0 : channel;
  int64_t y = 0;
  switch (p->form) {
  case RF_bits:
    y = apply_bits(p->a[c], p->b[c], p->start[c], acc);
    break;
  case RF_f32:
    y = apply_f32(p->a[c], p->b[c], acc) + p->zero_point;
    break;
  case RF_even:
    y = apply_even(p->a[c], p->b ? p->b[c] : 0, acc) + p->zero_point;
    break;
  case RF_double:
    y = (int64_t)multiply_by_quantized_multiplier(
            (int32_t)acc, p->multiplier[c], p->shift[c]) +
        p->zero_point;
    break;
  case RF_high:
    y = apply_high(p, c, acc);
    break;
  case RF_single:
    y = apply_single(p->multiplier[c], p->offset[c], p->single_shift, acc);
    break;
  case RF_table: {
    int n = p->hi - p->lo;
    return apply_table(p->threshold + (int64_t)c * n, n, p->lo, acc);
  }
  case RF_COUNT:
    break;
  }
  return clamp32(y, p->lo, p->hi);
}

/* Does the plan's form agree with the spec on the whole range? */
static bool agrees(const RequantPlan *p, int c, const Requant *r, AccRange in,
                   const Steps *s) {
  if (requant_plan_apply(p, c, in.lo) != requant_apply(r, in.lo) ||
      requant_plan_apply(p, c, in.hi) != requant_apply(r, in.hi))
    return false;
  for (int i = 0; i < s->n; i++) {
    int32_t y = s->first + i;
    if (requant_plan_apply(p, c, s->acc[i]) < y ||
        requant_plan_apply(p, c, s->acc[i] - 1) >= y)
      return false;
  }
  return true;
}

static float next_factor(float a0, int turn) {
  int32_t bits;
  memcpy(&bits, &a0, sizeof bits);
  bits += turn % 2 ? (turn + 1) / 2 : -(turn / 2);
  memcpy(&a0, &bits, sizeof a0);
  return a0;
}

/* Window of the sum of all that is constant, for a given a: a threshold T of
 * k says  T a + s >= k - 1/2  and  (T - 1) a + s < k - 1/2. */
static bool window_bits(double a, const Steps *s, double *lo, double *hi) {
  *lo = -32768;
  *hi = 32768;
  for (int i = 0; i < s->n; i++) {
    double from = s->first + i - 0.5 - (double)s->acc[i] * a, to = from + a;
    *lo = from > *lo ? from : *lo;
    *hi = to < *hi ? to : *hi;
  }
  return *lo < *hi;
}

static bool fits_bits(const RequantPlan *p, int c, AccRange in) {
  int64_t lo = apply_bits(p->a[c], p->b[c], p->start[c], in.lo);
  int64_t hi = apply_bits(p->a[c], p->b[c], p->start[c], in.hi);
  return lo >= INT16_MIN && hi <= INT16_MAX && lo <= hi;
}

/* The least t >= 0 with lo <= a t mod m <= hi, or -1; 0 <= a, lo, hi < m,
 * lo <= hi. As in Euclid's algorithm: the multiples of a that pass m once
 * more each are a smaller problem of the same kind. */
static int64_t first_multiple(int64_t a, int64_t m, int64_t lo, int64_t hi) {
  if (!lo)
    return 0;
  if (!a)
    return -1;
  if (2 * a > m)
    return first_multiple(m - a, m, m - hi, m - lo);
  int64_t t = (lo + a - 1) / a;
  if (t * a <= hi)
    return t;
  int64_t turns = first_multiple((a - m % a) % a, a, lo % a, hi % a);
  return turns < 0 ? -1 : (lo + m * turns + a - 1) / a;
}

/* b is an integer, too coarse for the window. So start with d more: some d
 * has a fraction of a (one + d) inside it, and b makes the rest. In units of
 * a's last bit that is a search among the multiples of an integer. `need`:
 * these accumulators stay floats. */
static bool place_bits(RequantPlan *p, int c, AccRange need, double lo,
                       double hi) {
  const double one = 0x1.8p23;
  double a = (double)p->a[c], eighth = (hi - lo) / 8;
  int e;
  frexp(a, &e);
  e = 24 - e; /* a = mantissa / 2^e */
  if (e < 1 || e > 50)
    return false;
  int64_t m = INT64_C(1) << e, mantissa = (int64_t)ldexp(a, e);
  int64_t d = RQ_BITS_LEAST - RQ_BITS - need.lo;
  int64_t base = mantissa * (0xc00000 + d) & (m - 1);
  double whole = floor(lo);
  int64_t from = (int64_t)ldexp(lo + eighth - whole, e) - base;
  int64_t to = (int64_t)ldexp(hi - eighth - whole, e) - base;
  from &= m - 1;
  to &= m - 1;
  int64_t more = from > to ? 0 : first_multiple(mantissa, m, from, to);
  d += more;
  if (more < 0 || d > RQ_BITS_MOST - RQ_BITS - need.hi)
    return false;
  p->b[c] = (float)rint((lo + hi) / 2 - (a * (one + (double)d) - one));
  p->start[c] = RQ_BITS + (int32_t)d;
  return true;
}

/* Sums outside the floats are taken for the first or last of them; that far
 * off, all steps have been taken. */
static AccRange needed_range(AccRange in, const Steps *s, bool *limited) {
  enum { ROOM = 1 << 20 }; /* for d */
  if (in.hi - in.lo < RQ_BITS_MOST - RQ_BITS_LEAST - ROOM)
    return in;
  *limited = true;
  if (!s->n)
    return (AccRange){0, 0};
  return (AccRange){s->acc[0] - 1, s->acc[s->n - 1]};
}

static bool solve_bits(RequantPlan *p, int c, const Requant *r, AccRange in,
                       const Steps *s) {
  float a0 = (float)spec_factor(r);
  AccRange need = needed_range(in, s, &p->limited);
  if (in.lo < -(1 << 29) || in.hi > 1 << 29 || !(a0 > 0x1p-60f) || a0 >= 1)
    return false;
  for (int turn = 0; turn < 48; turn++) {
    double lo, hi;
    p->a[c] = next_factor(a0, turn);
    if (window_bits((double)p->a[c], s, &lo, &hi) &&
        place_bits(p, c, need, lo, hi) && fits_bits(p, c, in) &&
        agrees(p, c, r, in, s))
      return true;
  }
  return false;
}

/* Window of b for a given a. With k = y - zero_point, a threshold T says
 *   k >= 1:  fma(T, a, b) >= k      and fma(T - 1, a, b) < k
 *   k <= 0:  fma(T - 1, a, -b) <= k - 1 and fma(T, a, -b) > k - 1  */
static bool window_f32(float a, const Steps *s, int32_t zero_point, double *lo,
                       double *hi) {
  *lo = 0.25;
  *hi = 0.99;
  for (int i = 0; i < s->n; i++) {
    double k = (double)(s->first + i - zero_point);
    double at = (double)(float)s->acc[i] * (double)a;
    double before = (double)(float)(s->acc[i] - 1) * (double)a;
    double from = k >= 1 ? k - at : before - (k - 1);
    double to = k >= 1 ? k - before : at - (k - 1);
    *lo = from > *lo ? from : *lo;
    *hi = to < *hi ? to : *hi;
  }
  return *lo < *hi;
}

static bool solve_f32(RequantPlan *p, int c, const Requant *r, AccRange in,
                      const Steps *s) {
  float a0 = (float)spec_factor(r);
  if ((double)a0 * (double)p->acc_max > 1e9) /* the conversion back */
    return false;
  float up = a0, down = a0;
  for (int turn = 0; turn < 24; turn++) {
    p->a[c] = turn % 2 ? up : down;
    double lo, hi;
    if (window_f32(p->a[c], s, p->zero_point, &lo, &hi)) {
      p->b[c] = (float)((lo + hi) / 2);
      if (lo <= 0.5 && 0.5 < hi)
        p->b[c] = 0.5f;
      if (agrees(p, c, r, in, s))
        return true;
      p->b[c] = (float)((lo + hi) / 2);
      if (agrees(p, c, r, in, s))
        return true;
    }
    if (turn % 2)
      down = nextafterf(down, 0);
    else
      up = nextafterf(up, INFINITY);
  }
  return false;
}

/* Adding a large number rounds where floats are integers, within 2^22; above
 * that the sum's bits go on to grow, below they would wrap. */
static bool solve_even(RequantPlan *p, int c, const Requant *r) {
  p->zero_point = r->zero_point;
  p->a[c] = (float)r->real;
  if (r->kind == RQ_f32_sum)
    p->b[c] = r->bias;
  if ((double)p->acc_max * r->real + fabs((double)r->bias) >= 0x1p22)
    p->limited = true;
  return r->kind == RQ_f32_even || r->kind == RQ_f32_sum;
}

/* Window of the offset for multiplier m, without the zero point:
 *   k 2^s - T m <= c < k 2^s - (T - 1) m */
static bool window_single(const RequantPlan *p, const Steps *s, int64_t m,
                          int64_t *lo, int64_t *hi) {
  int64_t one = INT64_C(1) << p->single_shift;
  *lo = -one;
  *hi = 2 * one;
  for (int i = 0; i < s->n; i++) {
    int64_t k = (int64_t)(s->first + i - p->zero_point) * one;
    int64_t from = k - s->acc[i] * m, to = from + m;
    *lo = from > *lo ? from : *lo;
    *hi = to < *hi ? to : *hi;
  }
  return m >= 1 && m <= INT32_MAX && *lo < *hi;
}

/* The offset of RF_single. */
static bool place_single(RequantPlan *p, int c, int64_t lo, int64_t hi) {
  int64_t half = INT64_C(1) << (p->single_shift - 1);
  int64_t offset = lo <= half && half < hi ? half : lo + (hi - lo) / 2;
  p->offset[c] = offset + p->zero_point * half * 2;
  return true;
}

/* The offset of RF_high is start * m + add * 2^32: the first start whose
 * product lies in the window modulo 2^32. */
static bool place_high(RequantPlan *p, int c, int64_t lo, int64_t hi) {
  enum { MOST = 1 << 20 }; /* keeps sums far from the ends of a word */
  const int64_t one = INT64_C(1) << 32, m = p->multiplier[c];
  int64_t from = lo & (one - 1), to = (hi - 1) & (one - 1);
  int64_t start = from > to ? 0 : first_multiple(m, one, from, to);
  if (start < 0 || start > MOST || p->acc_max > INT32_MAX - MOST)
    return false;
  int64_t add = (lo - start * m + one - 1) >> 32;
  add += p->zero_point * (INT64_C(1) << (p->single_shift - 32));
  p->start[c] = (int32_t)start;
  p->add[c] = (int32_t)add;
  return add > -(1 << 29) && add < 1 << 29;
}

static bool solve_single(RequantPlan *p, int c, const Requant *r, AccRange in,
                         const Steps *s) {
  int64_t m0 = llrint(ldexp(spec_factor(r), p->single_shift));
  for (int turn = 0; turn < 17; turn++) {
    int64_t m = m0 + (turn % 2 ? (turn + 1) / 2 : -(turn / 2)), lo, hi;
    if (!window_single(p, s, m, &lo, &hi))
      continue;
    p->multiplier[c] = (int32_t)m;
    bool placed = p->form == RF_high ? place_high(p, c, lo, hi)
                                     : place_single(p, c, lo, hi);
    if (placed && agrees(p, c, r, in, s))
      return true;
  }
  return false;
}

static bool solve_double(RequantPlan *p, int c, const Requant *r) {
  p->multiplier[c] = r->multiplier;
  p->shift[c] = r->shift;
  return r->kind == RQ_double;
}

static bool solve_table(RequantPlan *p, int c, const Requant *r, AccRange in) {
  int n = p->hi - p->lo;
  for (int i = 0; i < n; i++) {
    int64_t t = requant_threshold(r, p->lo + 1 + i, in.lo, in.hi);
    p->threshold[(int64_t)c * n + i] = t > INT32_MAX ? INT32_MAX : (int32_t)t;
  }
  return true;
}

/* The shift that keeps every multiplier below 2^31, or 0 when the products
 * of some channel would not fit 64 bits or the shift drops below 32. */
static int common_shift(int channels, const Requant *spec,
                        const AccRange *range) {
  int shift = 46;
  for (int c = 0; c < channels; c++) {
    int e;
    frexp(spec_factor(&spec[c]), &e);
    if (31 - e - 1 < shift)
      shift = 31 - e - 1;
    int64_t most = range[c].hi > -range[c].lo ? range[c].hi : -range[c].lo;
    if (most > INT32_MAX)
      return 0;
  }
  return shift >= 32 ? shift : 0;
}

static void alloc_form(Arena *a, RequantPlan *p) {
  size_t n = (size_t)p->channels;
  if (p->form == RF_bits)
    p->start = ARENA_ARRAY(a, int32_t, n);
  switch (p->form) {
  case RF_bits:
  case RF_f32:
  case RF_even:
    p->a = ARENA_ARRAY(a, float, n);
    p->b = ARENA_ARRAY(a, float, n);
    break;
  case RF_double:
    p->multiplier = ARENA_ARRAY(a, int32_t, n);
    p->shift = ARENA_ARRAY(a, int32_t, n);
    break;
  case RF_high:
    p->multiplier = ARENA_ARRAY(a, int32_t, n);
    p->start = ARENA_ARRAY(a, int32_t, n);
    p->add = ARENA_ARRAY(a, int32_t, n);
    break;
  case RF_single:
    p->multiplier = ARENA_ARRAY(a, int32_t, n);
    p->offset = ARENA_ARRAY(a, int64_t, n);
    break;
  case RF_table:
    p->threshold = ARENA_ARRAY(a, int32_t, n *(size_t)(p->hi - p->lo));
    break;
  case RF_COUNT:
    break;
  }
}

static bool solve(RequantPlan *p, int c, const Requant *r, AccRange in,
                  const Steps *s) {
  switch (p->form) {
  case RF_bits:
    return solve_bits(p, c, r, in, s);
  case RF_f32:
    return solve_f32(p, c, r, in, s);
  case RF_even:
    return solve_even(p, c, r);
  case RF_double:
    return solve_double(p, c, r);
  case RF_high:
  case RF_single:
    return solve_single(p, c, r, in, s);
  case RF_table:
    return solve_table(p, c, r, in);
  case RF_COUNT:
    break;
  }
  return false;
}

static int64_t largest_acc(int channels, const AccRange *range) {
  int64_t most = 0;
  for (int c = 0; c < channels; c++) {
    most = range[c].hi > most ? range[c].hi : most;
    most = -range[c].lo > most ? -range[c].lo : most;
  }
  return most;
}

static bool any_bias(int channels, const Requant *spec) {
  for (int c = 0; c < channels; c++)
    if (spec[c].bias != 0.0f)
      return true;
  return false;
}

RequantPlan requant_plan(Arena *a, int channels, const Requant *spec,
                         const AccRange *range, unsigned allowed) {
  static const RequantForm order[] = {RF_bits,   RF_even,   RF_f32,  RF_high,
                                      RF_single, RF_double, RF_even, RF_table};
  enum { SOFT = 6 }; /* place of the second RF_even */
  RequantPlan p = {.channels = channels,
                   .lo = spec[0].lo,
                   .hi = spec[0].hi,
                   .acc_max = largest_acc(channels, range)};
  allowed |= 1u << RF_table;
  Arena *scratch = arena_new();
  Steps *steps = ARENA_ARRAY(scratch, Steps, channels);
  for (int c = 0; c < channels; c++)
    find_steps(&steps[c], &spec[c], range[c]);
  p.single_shift = common_shift(channels, spec, range);
  if (!p.single_shift)
    allowed &= ~(1u << RF_single | 1u << RF_high);
  for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
    p.form = order[i];
    p.limited = false;
    p.zero_point = spec[0].zero_point + (int32_t)lrintf(spec[0].bias);
    if (!(allowed & (1u << p.form)) && !(i == SOFT && allowed & RF_SOFT_EVEN))
      continue;
    alloc_form(a, &p);
    int c = 0;
    while (c < channels && solve(&p, c, &spec[c], range[c], &steps[c]))
      c++;
    if (c == channels)
      break;
  }
  if (p.form == RF_even && !any_bias(channels, spec))
    p.b = NULL;
  arena_free(scratch);
  return p;
}

int32_t requant_plan_start(const RequantPlan *p, int channel) {
  bool has = p->form == RF_bits || p->form == RF_high;
  return has ? p->start[p->channels == 1 ? 0 : channel] : 0;
}

const char *requant_form_name(RequantForm f) {
  static const char *const name[RF_COUNT] = {"bits", "f32",    "even", "double",
                                             "high", "single", "table"};
  return name[f];
}
