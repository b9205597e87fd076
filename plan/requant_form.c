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
#include "plan/requant_solve.h"

#include <math.h>
#include <string.h>

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

double requant_factor(const Requant *r) {
  if (r->kind == RQ_double || r->kind == RQ_single)
    return ldexp((double)r->multiplier, r->shift - 31);
  return r->real;
}

static void find_steps(Steps *s, const Requant *r, AccRange in) {
  int32_t bottom = requant_apply(r, in.lo), top = requant_apply(r, in.hi);
  double factor = requant_factor(r);
  s->first = bottom + 1;
  s->n = 0;
  for (int32_t y = bottom + 1; y <= top; y++)
    s->acc[s->n++] = threshold_near(r, factor, y, in);
}

static int32_t clamp32(int64_t y, int32_t lo, int32_t hi) {
  return y < lo ? lo : y > hi ? hi : (int32_t)y;
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
    y = bits_apply(p, c, acc);
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

bool requant_agrees(const RequantPlan *p, int c, const Requant *r, AccRange in,
                    const Steps *s) {
  if (requant_plan_apply(p, c, in.lo) != requant_apply(r, in.lo) ||
      requant_plan_apply(p, c, in.hi) != requant_apply(r, in.hi))
    return false;
  for (int i = 1; p->split && i >= 0; i--) { /* where two lines meet */
    int64_t acc = p->split[c] - p->start[c] - i;
    if (acc >= in.lo && acc <= in.hi &&
        requant_plan_apply(p, c, acc) != requant_apply(r, acc))
      return false;
  }
  for (int i = 0; i < s->n; i++) {
    int32_t y = s->first + i;
    if (requant_plan_apply(p, c, s->acc[i]) < y ||
        requant_plan_apply(p, c, s->acc[i] - 1) >= y)
      return false;
  }
  return true;
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
  float a0 = (float)requant_factor(r);
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
      if (requant_agrees(p, c, r, in, s))
        return true;
      p->b[c] = (float)((lo + hi) / 2);
      if (requant_agrees(p, c, r, in, s))
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
  int64_t m0 = llrint(ldexp(requant_factor(r), p->single_shift));
  for (int turn = 0; turn < 17; turn++) {
    int64_t m = m0 + (turn % 2 ? (turn + 1) / 2 : -(turn / 2)), lo, hi;
    if (!window_single(p, s, m, &lo, &hi))
      continue;
    p->multiplier[c] = (int32_t)m;
    bool placed = p->form == RF_high ? place_high(p, c, lo, hi)
                                     : place_single(p, c, lo, hi);
    if (placed && requant_agrees(p, c, r, in, s))
      return true;
  }
  return false;
}

/* Where shifting left does not leave 32 bits. */
static bool solve_double(RequantPlan *p, int c, const Requant *r, AccRange in) {
  int left = r->shift > 0 ? r->shift : 0;
  p->multiplier[c] = r->multiplier;
  p->shift[c] = r->shift;
  return r->kind == RQ_double && in.lo >= INT32_MIN >> left &&
         in.hi <= INT32_MAX >> left;
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
    frexp(requant_factor(&spec[c]), &e);
    if (31 - e - 1 < shift)
      shift = 31 - e - 1;
    int64_t most = range[c].hi > -range[c].lo ? range[c].hi : -range[c].lo;
    if (most > INT32_MAX)
      return 0;
  }
  return shift >= 32 ? shift : 0;
}

/* A form to try. */
typedef struct Try {
  RequantForm form;
  int patches; /* RF_bits: so many, and ... */
  bool split;  /* ... two lines */
  unsigned by; /* allowed by this alone; 0: by the form's own bit */
  int listed;  /* RF_LISTED: patches of a vector, on average, that are worth it
                  at most */
} Try;

static void alloc_bits(Arena *a, RequantPlan *p, const Try *t) {
  size_t n = (size_t)p->channels;
  p->start = ARENA_ARRAY(a, int32_t, n);
  p->patches = t->patches;
  p->listed = t->listed > 0;
  for (int i = 0; i < t->patches; i++)
    p->patch[i] = ARENA_ARRAY(a, int32_t, n);
  if (t->split) {
    p->split = ARENA_ARRAY(a, int32_t, n);
    p->below = ARENA_ARRAY(a, int32_t, n);
    p->turn = ARENA_ARRAY(a, int32_t, n);
  }
}

static void alloc_form(Arena *a, RequantPlan *p, const Try *t) {
  size_t n = (size_t)p->channels;
  p->patches = 0;
  p->listed = false;
  p->split = p->below = p->turn = NULL;
  if (p->form == RF_bits)
    alloc_bits(a, p, t);
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
    return bits_solve(p, c, r, in, s);
  case RF_f32:
    return solve_f32(p, c, r, in, s);
  case RF_even:
    return solve_even(p, c, r);
  case RF_double:
    return solve_double(p, c, r, in);
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

/* Forms by what they cost in instructions, the cheapest first. */
static const Try tries[] = {
    {RF_bits, 0, false, 0, 0},
    {RF_double, 0, false, RF_QUICK_DOUBLE, 0},
    {RF_even, 0, false, 0, 0},
    {RF_bits, RQ_MOST_PATCHES, false, RF_LISTED, 2},
    {RF_bits, 1, false, 0, 0},
    {RF_bits, 0, true, 0, 0},
    {RF_bits, RQ_MOST_PATCHES, true, RF_LISTED, 5},
    {RF_f32, 0, false, 0, 0},
    {RF_bits, 2, false, 0, 0},
    {RF_bits, 1, true, 0, 0},
    {RF_bits, 3, false, 0, 0},
    {RF_bits, 2, true, 0, 0},
    {RF_high, 0, false, 0, 0},
    {RF_single, 0, false, 0, 0},
    {RF_bits, 3, true, 0, 0},
    {RF_bits, 4, true, 0, 0},
    {RF_double, 0, false, 0, 0},
    {RF_even, 0, false, RF_SOFT_EVEN, 0},
    {RF_table, 0, false, 0, 0},
};

static bool is_allowed(const Try *t, unsigned allowed) {
  return allowed & (t->by ? t->by : 1u << t->form);
}

/* Patches that vectors of 16 channels go over, on average; most of a channel
 * each. */
static double mean_patches(const RequantPlan *p) {
  enum { VECTOR = 16 };
  int sum = 0;
  for (int from = 0; from < p->channels; from += VECTOR) {
    int most = 0;
    for (int c = from; c < from + VECTOR && c < p->channels; c++)
      while (most < p->patches && p->patch[most][c])
        most++;
    sum += most;
  }
  return (double)(sum * VECTOR) / p->channels;
}

/* Solves for all channels. */
static bool solve_all(RequantPlan *p, const Requant *spec,
                      const AccRange *range, const Steps *steps) {
  for (int c = 0; c < p->channels; c++)
    if (!solve(p, c, &spec[c], range[c], &steps[c]))
      return false;
  return true;
}

RequantPlan requant_plan(Arena *a, int channels, const Requant *spec,
                         const AccRange *range, unsigned allowed) {
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
  for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
    p.form = tries[i].form;
    p.limited = false;
    p.zero_point = spec[0].zero_point + (int32_t)lrintf(spec[0].bias);
    if (!is_allowed(&tries[i], allowed))
      continue;
    alloc_form(a, &p, &tries[i]);
    if (solve_all(&p, spec, range, steps) &&
        (!p.listed || mean_patches(&p) <= tries[i].listed))
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
