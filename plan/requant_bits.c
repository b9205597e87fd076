/* RF_bits: the accumulator is a float's mantissa, and one fma with a float
 * that large rounds to integers: three instructions less than any form that
 * converts. With x = one + start + acc, one = 1.5 * 2^23, in reals
 *
 *   one + y = round(a x + b),  so  y = round(a acc + s),
 *   s = a (one + d) + b - one,  d = start less one's bits
 *
 * a threshold T of k wants  T a + s >= k - 1/2  and  (T - 1) a + s < k - 1/2:
 * bounds of s from both sides, for a given a.
 *
 * Two things widen what this can be. Where a has too few bits for a long
 * range, the line passes a threshold or two just too late: a patch adds one to
 * the very accumulator where that is so. And accumulators below a split get a
 * line of their own, by something added to them before and to their result:
 * a shorter range for each, and the two that rules make which round half away
 * from zero. */
#include "plan/requant_solve.h"

#include <math.h>
#include <string.h>

static const double one = 0x1.8p23;
enum { FACTORS = 48, SIDES = 2 };

/* An accumulator's bits behind the limits and the patches. */
static int64_t patched(const RequantPlan *p, int c, int64_t acc) {
  int64_t x = p->start[c] + acc;
  x = x < RQ_BITS_LEAST ? RQ_BITS_LEAST : x;
  x = x > RQ_BITS_MOST ? RQ_BITS_MOST : x;
  for (int i = 0; i < p->patches; i++)
    x += x == p->patch[i][c];
  return x;
}

int64_t bits_apply(const RequantPlan *p, int c, int64_t acc) {
  int64_t x = patched(p, c, acc);
  bool below = p->split && x < p->split[c];
  uint32_t bits = (uint32_t)(x + (below ? p->below[c] : 0));
  float y;
  memcpy(&y, &bits, sizeof y);
  y = fmaf(y, p->a[c], p->b[c]);
  memcpy(&bits, &y, sizeof y);
  return (int64_t)bits - RQ_BITS + (below ? p->turn[c] : 0);
}

/* ---- windows of s ---- */

/* Of one side: the largest lower bounds in falling order, and the least upper
 * one. */
typedef struct Bounds {
  double from[RQ_MOST_PATCHES + 1], to;
} Bounds;

typedef struct Window {
  double lo, hi;
} Window;

static void add_from(Bounds *b, double from) {
  for (int i = 0; i <= RQ_MOST_PATCHES; i++)
    if (from > b->from[i]) {
      double rest = b->from[i];
      b->from[i] = from;
      from = rest;
    }
}

/* Up to the last accumulator there is no step but those. */
static void bound_ends(Bounds *b, double a, const Steps *s, AccRange in,
                       int64_t split, const Requant *r) {
  int32_t below = s->first - 1, last = below + s->n;
  double to = last + 0.5 - (double)in.hi * a;
  double from = below - 0.5 - (double)in.lo * a;
  if (last < r->hi && to < b[in.hi < split].to)
    b[in.hi < split].to = to;
  if (below > r->lo)
    add_from(&b[in.lo < split], from);
}

/* `split`: the first accumulator of the upper side; s is never further than
 * one from the zero point. */
static void find_bounds(Bounds *b, double a, const Steps *s, int64_t split,
                        int32_t zero_point) {
  for (int side = 0; side < SIDES; side++) {
    b[side].to = zero_point + 1;
    for (int i = 0; i <= RQ_MOST_PATCHES; i++)
      b[side].from[i] = zero_point - 1;
  }
  for (int i = 0; i < s->n; i++) {
    int64_t t = s->acc[i];
    double from = s->first + i - 0.5 - (double)t * a, to = from + a;
    Bounds *at = &b[t < split], *before = &b[t - 1 < split];
    add_from(at, from);
    before->to = to < before->to ? to : before->to;
  }
}

/* Where all but n thresholds are met in time, and those one step late. */
static bool window_of(const Bounds *b, double a, int n, Window *w) {
  double late = b->from[0] - a;
  w->lo = b->from[n] > late ? b->from[n] : late;
  w->hi = b->to;
  return w->lo < w->hi;
}

/* ---- constants ---- */

int64_t first_multiple(int64_t a, int64_t m, int64_t lo, int64_t hi) {
  /* As in Euclid's algorithm: the multiples of a that pass m once more each
   * are a smaller problem of the same kind. */
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

/* The least t >= 0 that puts a (base + t) into the window, up to an integer;
 * -1: none. Nothing near its ends is taken. In units of a's last bit it is a
 * search among the multiples of an integer. */
static int64_t steps_into(double a, int64_t base, Window w) {
  double eighth = (w.hi - w.lo) / 8, whole = floor(w.lo);
  int e;
  frexp(a, &e);
  e = 24 - e; /* a = mantissa / 2^e */
  if (e < 1 || e > 50)
    return -1;
  int64_t m = INT64_C(1) << e, mantissa = (int64_t)ldexp(a, e);
  int64_t has = (mantissa * base) & (m - 1);
  int64_t from = ((int64_t)ldexp(w.lo + eighth - whole, e) - has) & (m - 1);
  int64_t to = ((int64_t)ldexp(w.hi - eighth - whole, e) - has) & (m - 1);
  return from > to ? 0 : first_multiple(mantissa, m, from, to);
}

/* b is an integer, too coarse for the window. So start with d more: some d
 * has a fraction of a (one + d) inside it, and b makes the rest. `need`:
 * these accumulators stay floats. */
static bool place_start(RequantPlan *p, int c, AccRange need, Window w) {
  double a = (double)p->a[c];
  int64_t d = RQ_BITS_LEAST - RQ_BITS - need.lo;
  int64_t more = steps_into(a, (int64_t)one + d, w);
  d += more;
  if (more < 0 || d > RQ_BITS_MOST - RQ_BITS - need.hi)
    return false;
  p->b[c] = (float)rint((w.lo + w.hi) / 2 - (a * (one + (double)d) - one));
  p->start[c] = RQ_BITS + (int32_t)d;
  return true;
}

/* The same for the line below the split: `below` more moves s by a fraction,
 * `turn` by an integer. */
static bool place_below(RequantPlan *p, int c, Window w) {
  double a = (double)p->a[c];
  double s =
      a * (one + (double)(p->start[c] - RQ_BITS)) + (double)p->b[c] - one;
  Window rest = {w.lo - s, w.hi - s};
  int64_t more = steps_into(a, 0, rest);
  if (more < 0 || more > RQ_BITS_MOST - p->split[c])
    return false;
  double turn = rint((rest.lo + rest.hi) / 2 - a * (double)more);
  p->below[c] = (int32_t)more;
  p->turn[c] = (int32_t)turn;
  return fabs(turn) < 0x1p20;
}

/* Adds one where the line is late; at most so often. */
static bool place_patches(RequantPlan *p, int c, const Steps *s, int most) {
  int n = 0, room = p->patches;
  for (int i = 0; i < room; i++)
    p->patch[i][c] = 0; /* no float's bits here */
  p->patches = 0;
  for (int i = 0; i < s->n && n <= most; i++) {
    if (bits_apply(p, c, s->acc[i]) >= s->first + i)
      continue;
    int32_t bits = p->start[c] + (int32_t)s->acc[i];
    if (bits == RQ_BITS_LEAST || bits == RQ_BITS_MOST)
      n = most; /* sums that are limited become these */
    if (n < most)
      p->patch[n][c] = bits;
    n++;
  }
  p->patches = room;
  return n <= most;
}

/* ---- all of it ---- */

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

/* Half of a word is what is packed. */
static bool fits_half(const RequantPlan *p, int c, AccRange in) {
  int64_t lo = bits_apply(p, c, in.lo), hi = bits_apply(p, c, in.hi);
  return lo >= INT16_MIN && hi <= INT16_MAX && lo <= hi;
}

static float near_factor(float a0, int turn) {
  int32_t bits;
  memcpy(&bits, &a0, sizeof bits);
  bits += turn % 2 ? (turn + 1) / 2 : -(turn / 2);
  memcpy(&a0, &bits, sizeof a0);
  return a0;
}

/* Halves go away from zero, else the longest range is cut. */
static int64_t split_of(const RequantPlan *p, const Requant *r,
                        const Steps *s) {
  if (!p->split)
    return INT64_MIN;
  return r->lo < r->zero_point || !s->n ? 0 : s->acc[s->n / 2];
}

/* With `above` patches at most, and n below the split. */
static bool place(RequantPlan *p, int c, const Bounds *b, int above, int n,
                  AccRange need, int64_t split) {
  double a = (double)p->a[c];
  Window w;
  if (!window_of(&b[0], a, above, &w) || !place_start(p, c, need, w))
    return false;
  if (!p->split)
    return true;
  p->split[c] = p->start[c] + (int32_t)split;
  return window_of(&b[1], a, n, &w) && place_below(p, c, w);
}

/* With `most` patches at most. */
static bool solve_with(RequantPlan *p, int c, const Requant *r, AccRange in,
                       const Steps *s, int most) {
  float a0 = (float)requant_factor(r);
  AccRange need = needed_range(in, s, &p->limited);
  int64_t split = split_of(p, r, s);
  for (int turn = 0; turn < FACTORS; turn++) {
    Bounds b[SIDES];
    p->a[c] = near_factor(a0, turn);
    find_bounds(b, (double)p->a[c], s, split, r->zero_point);
    bound_ends(b, (double)p->a[c], s, in, split, r);
    for (int n = 0; n <= (p->split ? most : 0); n++)
      if (place(p, c, b, most - n, n, need, split) &&
          place_patches(p, c, s, most) && fits_half(p, c, in) &&
          requant_agrees(p, c, r, in, s))
        return true;
  }
  return false;
}

bool bits_solve(RequantPlan *p, int c, const Requant *r, AccRange in,
                const Steps *s) {
  double a = requant_factor(r);
  if (in.lo < -(1 << 29) || in.hi > 1 << 29 || !(a > 0x1p-60) || (float)a >= 1)
    return false;
  for (int most = 0; most <= p->patches; most++)
    if (solve_with(p, c, r, in, s, most))
      return true;
  return false;
}
