/* Stored units, tables of one-operand ops, linear step functions: light.h. */
#include "plan/kernels/light.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "ir/exec.h"

int32_t stored_delta(const Buffer *b) {
  if (!buffer_flipped(b))
    return 0;
  return b->type->dtype == DT_u8 ? 128 : -128;
}

int32_t stored_min(const Buffer *b) {
  return b->type->dtype == DT_u8 ? 0 : -128;
}

Requant stored_requant(const Requant *r, const Buffer *out) {
  Requant s = *r;
  int32_t by = stored_delta(out);
  s.zero_point += by;
  s.lo += by;
  s.hi += by;
  return s;
}

/* ---- tables ---- */

/* What the op reads beside the patterns: a table, a number, or the patterns
 * once more. */
static int table_operands(const Op *op, int input, Value *patterns,
                          Value *number, Value *in[2]) {
  in[0] = patterns;
  if (op->nin != 2 || op->kind == OP_concat)
    return 1;
  in[1] = op->in[1];
  if (op->in[1] == op->in[input])
    in[1] = patterns;
  else if (op->kind != OP_lut)
    in[1] = number;
  return 2;
}

/* The op on 256 elements: same kind, attributes and element types. The
 * model's patterns go in, stored ones are what it is indexed by. */
void stored_table(const Step *s, int input, void *table) {
  const Op *op = s->op;
  Type x = *op->in[input]->type, y = *op->out[0]->type, one = {0};
  x.rank = y.rank = 1;
  x.dim[0] = y.dim[0] = 256;
  Value vx = {.type = &x}, vy = {.type = &y}, number = {.type = &one};
  Value *in[2], *out[] = {&vy};
  Op probe = *op;
  probe.nin = table_operands(op, input, &vx, &number, in);
  probe.nout = 1;
  probe.in = in;
  probe.out = out;
  if (op->kind == OP_concat)
    probe.attrs.axis.axis = 0;
  uint8_t patterns[256];
  int flip = buffer_flipped(s->in[input]) ? 0x80 : 0;
  for (int i = 0; i < 256; i++)
    patterns[i] = (uint8_t)(i ^ flip);
  const void *operands[] = {patterns, patterns};
  if (probe.nin == 2 && in[1] != &vx) {
    one = *op->in[1]->type;
    one.rank = op->kind == OP_lut ? one.rank : 0;
    operands[1] = op->in[1]->init->data;
  }
  op_eval(&probe, operands, &table);
  if (!buffer_flipped(s->out[0]))
    return;
  uint8_t *bytes = table;
  for (int i = 0; i < 256; i++)
    bytes[i] ^= 0x80;
}

/* ---- linear step functions ---- */

int32_t linear_step_apply(const LinearStep *s, int64_t acc) {
  int64_t y = (acc * s->m + s->c) >> s->k;
  return (int32_t)(y < s->lo ? s->lo : y > s->hi ? s->hi : y);
}

/* Thresholds: acc[i] is the smallest accumulator with f >= first + i. */
typedef struct Thresholds {
  int32_t first;
  int n;
  int64_t acc[256];
} Thresholds;

static int64_t threshold(const StepSpec *s, int32_t y, int64_t from) {
  int64_t lo = from, hi = s->hi;
  while (lo < hi) {
    int64_t mid = lo + (hi - lo) / 2;
    if (s->f(s->ctx, mid) >= y)
      hi = mid;
    else
      lo = mid + 1;
  }
  return lo;
}

static bool is_threshold(const StepSpec *s, int32_t y, int64_t acc) {
  return acc > s->lo && acc <= s->hi && s->f(s->ctx, acc) >= y &&
         s->f(s->ctx, acc - 1) < y;
}

/* Looked for where the one before it and the slope put it, first. */
static int64_t next_threshold(const StepSpec *s, int32_t y, int64_t from,
                              int64_t pace) {
  for (int64_t at = from + pace - 1; at <= from + pace + 1; at++)
    if (is_threshold(s, y, at))
      return at;
  return threshold(s, y, from);
}

static void find_thresholds(Thresholds *t, const StepSpec *s) {
  t->first = s->f(s->ctx, s->lo) + 1;
  t->n = s->f(s->ctx, s->hi) - t->first + 1;
  assert(t->n <= 255);
  int64_t from = s->lo, pace = s->slope > 0x1p-32 ? llround(1 / s->slope) : 0;
  for (int i = 0; i < t->n; i++)
    t->acc[i] = from = next_threshold(s, t->first + i, from, pace);
}

/* Window of c for a multiplier: for every threshold T of y
 *   y 2^k - T m <= c < y 2^k - (T - 1) m */
static bool solve_offset(LinearStep *l, const Thresholds *t) {
  int64_t lo = INT64_MIN, hi = INT64_MAX;
  for (int i = 0; i < t->n; i++) {
    int64_t from =
        (int64_t)(t->first + i) * (INT64_C(1) << l->k) - t->acc[i] * l->m;
    int64_t to = from + l->m;
    lo = from > lo ? from : lo;
    hi = to < hi ? to : hi;
  }
  l->c = lo + (hi - lo) / 2;
  return lo < hi;
}

static bool fits(const LinearStep *l, int64_t acc) {
  int64_t x = acc * l->m, sum = x + l->c;
  return l->wide || (x >= INT32_MIN && x <= INT32_MAX && sum >= INT32_MIN &&
                     sum <= INT32_MAX);
}

/* The largest shift that leaves room for the product, the multiplier and
 * the offset; negative when there is none. */
static int largest_shift(const StepSpec *s, bool wide) {
  double most = fmax(fabs((double)s->lo), fabs((double)s->hi));
  double room = wide ? 0x1p61 : 0x1p31;
  int k = 0;
  while (k < 60 && most * s->slope * ldexp(2, k + 1) + ldexp(256, k + 1) < room)
    k++;
  while (k > 0 && s->slope * ldexp(1, k) >= 0x1p31 - 16)
    k--;
  return s->slope * ldexp(1, k) < 0x1p31 - 16 ? k : -1;
}

/* A function that takes one value only. */
static bool constant_step(LinearStep *l, const StepSpec *s) {
  int32_t y = s->f(s->ctx, s->lo);
  *l = (LinearStep){.c = y, .lo = y, .hi = y};
  return true;
}

static bool try_multiplier(LinearStep *l, const StepSpec *s,
                           const Thresholds *t, int64_t m) {
  if (m < 1 || m > INT32_MAX)
    return false;
  l->m = (int32_t)m;
  if (!solve_offset(l, t) || !fits(l, s->lo) || !fits(l, s->hi))
    return false;
  l->lo = t->first - 1;
  l->hi = l->lo + t->n;
  l->clamps = (s->lo * l->m + l->c) >> l->k < l->lo ||
              (s->hi * l->m + l->c) >> l->k > l->hi;
  return true;
}

bool linear_step(LinearStep *out, const StepSpec *spec, bool wide, int k_max) {
  Thresholds t;
  find_thresholds(&t, spec);
  if (!t.n)
    return constant_step(out, spec);
  int most = largest_shift(spec, wide) + 1;
  most = most < k_max ? most : k_max;
  for (int k = most; k >= 0 && k > most - 3; k--) {
    LinearStep l = {.wide = wide, .k = k};
    int64_t m = llround(spec->slope * ldexp(1, k));
    for (int i = 0; i < 33; i++)
      if (try_multiplier(&l, spec, &t, m + (i % 2 ? (i + 1) / 2 : -(i / 2)))) {
        *out = l;
        return true;
      }
  }
  return false;
}

/* ---- sums ---- */

typedef struct OffsetSpec {
  const Requant *r;
  int32_t offset;
} OffsetSpec;

static int32_t offset_requant(const void *ctx, int64_t acc) {
  const OffsetSpec *o = ctx;
  return requant_apply(o->r, acc + o->offset);
}

/* The double rounding spelled out has no saturation after its left shift. */
static unsigned allowed_forms(const Target *t, const Requant *r,
                              const AccRange *range) {
  int left = r->shift > 0 ? r->shift : 0;
  int64_t most = range->hi > -range->lo ? range->hi : -range->lo;
  bool overflows = most >> (30 - left) != 0;
  return overflows ? target_requant_forms(t) & ~(1u << RF_double)
                   : target_requant_forms(t);
}

static double requant_slope(const Requant *r) {
  return r->kind == RQ_f64_away || r->kind == RQ_f32_even ||
                 r->kind == RQ_f32_sum
             ? r->real
             : ldexp((double)r->multiplier, r->shift - 31);
}

SumStep sum_step(Plan *p, Step *s, const Requant *spec, int32_t offset,
                 int64_t lo, int64_t hi) {
  OffsetSpec ctx = {spec, offset};
  StepSpec step = {offset_requant, &ctx, requant_slope(spec), lo, hi};
  SumStep out = {.offset = offset};
  out.is_linear = linear_step(&out.linear, &step, false, SHIFT_ANY);
  if (out.is_linear)
    return out;
  AccRange range = {lo + offset, hi + offset};
  out.rq = requant_plan(p->arena, 1, spec, &range,
                        allowed_forms(p->target, spec, &range));
  out.rt = requant_tables(p, s, &out.rq, 1);
  return out;
}

/* ---- names ---- */

int byte_lanes(const Target *t) {
  if (!t->vector_bytes)
    return 0;
  return t->dot == DOT_vmladava ? t->vector_bytes / 4 : 16;
}

/* 255 signed or 257 unsigned bytes fit 16 bits. */
int sum_bits(const Target *t, int64_t n) {
  return n <= 255 && t->dot != DOT_vmladava ? 16 : 32;
}

void set_variant(Plan *p, Step *s, const char *form, int vector_bytes) {
  DType t = s->in[0]->type->dtype;
  const char *type = t == DT_i8 ? "qs8" : t == DT_u8 ? "qu8" : dtype_name(t);
  s->vector_bytes = vector_bytes;
  s->variant = vector_bytes ? arena_printf(p->arena, "%s_%s_v%d", type, form,
                                           vector_bytes * 8)
                            : arena_printf(p->arena, "%s_%s", type, form);
}
