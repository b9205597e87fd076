/* binary: the shapes, and the search for the cheapest arithmetic.
 *
 * add and sub of 8-bit values are functions of 65 536 pairs only. Their
 * definition (two roundings each for a, b and the sum) is nearly the plane
 * a * sa/sy + b * sb/sy + const, cut into steps; so integer coefficients are
 * searched near the real ones whose plane, shifted down, gives the same byte
 * for every pair. That is checked on all pairs. Where no plane does, the
 * definition is spelled out, or (rounding=onnx without fused multiply-add)
 * looked up. */
#include "plan/kernels/binary.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ir/fixed.h"
#include "ir/float_step.h"
#include "plan/kernel.h"

static bool is_binary(OpKind k) {
  return k == OP_add || k == OP_sub || k == OP_mul;
}

bool match_binary(const Op *op, const Target *t) {
  (void)t;
  return is_binary(op->kind) && type_is_q8(op->in[0]->type) &&
         type_is_q8(op->in[1]->type) && type_is_q8(op->out[0]->type);
}

double cost_binary(const Op *op, const Target *t) {
  double n = (double)type_count(op->out[0]->type);
  return t->vector_bytes ? 16 * n / t->vector_bytes : 10 * n;
}

int64_t overlap_binary(const Step *s, int input) {
  return type_count(s->in[input]->type) == type_count(s->out[0]->type)
             ? 0
             : OVERLAP_NONE;
}

/* ---- shapes ---- */

static int64_t dim_of(const Type *t, int rank, int d) {
  int at = d - (rank - t->rank);
  return at < 0 ? 1 : t->dim[at];
}

static void operand_strides(const Type *t, const Type *y, int64_t *stride) {
  int64_t step = 1;
  for (int d = y->rank - 1; d >= 0; d--) {
    int64_t n = dim_of(t, y->rank, d);
    stride[d] = n == 1 ? 0 : step;
    step *= n;
  }
}

/* Can dimension d of the operand run on through the next, of n elements? */
static bool merges(const int64_t *stride, int d, int64_t next, int64_t n) {
  return stride[d] == next * n;
}

static void merge_shapes(BinaryParams *b, const Step *s) {
  const Type *y = s->made->type;
  int64_t full[2][MAX_RANK];
  for (int i = 0; i < 2; i++)
    operand_strides(s->in[i]->type, y, full[i]);
  b->ndim = 0;
  for (int d = 0; d < y->rank; d++) {
    if (y->dim[d] == 1)
      continue;
    int last = b->ndim - 1;
    int64_t n = y->dim[d];
    if (b->ndim && merges(b->stride[0], last, full[0][d], n) &&
        merges(b->stride[1], last, full[1][d], n)) {
      b->dim[last] *= n;
    } else {
      last = b->ndim++;
      b->dim[last] = n;
    }
    b->stride[0][last] = full[0][d];
    b->stride[1][last] = full[1][d];
  }
  if (b->ndim == 0)
    b->dim[b->ndim++] = 1;
}

/* ---- the plane ---- */

typedef struct Plane {
  const uint8_t *y; /* (256, 256) results less lo, by a - min, b - min */
  int32_t min[2];
  double slope[2], base; /* y ~ a slope[0] + b slope[1] + base */
} Plane;

/* The window of c for given multipliers, over the pairs listed. */
static bool plane_offset(BinaryParams *b, const Plane *p, const int *pair,
                         int n) {
  int64_t lo = INT64_MIN, hi = INT64_MAX, unit = INT64_C(1) << b->k;
  for (int i = 0; i < n; i++) {
    int64_t x = (int64_t)(pair[i] / 256 + p->min[0]) * b->m[0] +
                (int64_t)(pair[i] % 256 + p->min[1]) * b->m[1];
    int32_t y = b->lo + p->y[pair[i]];
    if (y > b->lo && y * unit - x > lo)
      lo = y * unit - x;
    if (y < b->hi && (y + 1) * unit - x < hi)
      hi = (y + 1) * unit - x;
  }
  if (lo >= hi || lo < INT32_MIN || hi > INT32_MAX)
    return false;
  b->c = (int32_t)(lo + (hi - lo) / 2);
  return true;
}

static bool plane_holds(const BinaryParams *b, const Plane *p) {
  for (int i = 0; i < 65536; i++) {
    int64_t v = (int64_t)(i / 256 + p->min[0]) * b->m[0] +
                (int64_t)(i % 256 + p->min[1]) * b->m[1] + b->c;
    if (v < INT32_MIN || v > INT32_MAX)
      return false;
    int64_t y = v >> b->k;
    y = y < b->lo ? b->lo : y > b->hi ? b->hi : y;
    if (y != b->lo + p->y[i])
      return false;
  }
  return true;
}

enum { NEAR_MAX = 4096, REACH = 8 };

/* Pairs whose real value lies near a step: those that decide. */
static int near_pairs(const Plane *p, const BinaryParams *b, int *pair) {
  double eps = ldexp(256 * 4 * (REACH + 1), -b->k);
  int n = 0;
  for (int i = 0; i < 65536 && n < NEAR_MAX; i++) {
    double v = (i / 256 + p->min[0]) * p->slope[0] +
               (i % 256 + p->min[1]) * p->slope[1] + p->base;
    if (v > b->lo - 1 && v < b->hi + 2 && fabs(v - round(v)) < eps)
      pair[n++] = i;
  }
  return n;
}

/* The largest shift under which every pair's sum stays in 32 bits; negative
 * when there is none. */
static int plane_shift(const Plane *p) {
  double most = fabs(p->base);
  for (int i = 0; i < 2; i++)
    most += fabs(p->slope[i]) * (p->min[i] ? 128 : 255);
  int k = 0;
  while (k < 29 && ldexp(most + 2, k + 1) < 0x1p31)
    k++;
  return most < 0x1p29 ? k : -1;
}

/* Multipliers in rings around the nearest ones. */
static bool search_plane(BinaryParams *b, const Plane *p) {
  int pair[NEAR_MAX];
  b->k = plane_shift(p);
  if (b->k < 0)
    return false;
  int n = near_pairs(p, b, pair);
  int64_t m0 = llround(ldexp(p->slope[0], b->k));
  int64_t m1 = llround(ldexp(p->slope[1], b->k));
  bool found = false;
  for (int ring = 0; ring <= REACH && !found; ring++)
    for (int i = -ring; i <= ring && !found; i++)
      for (int j = -ring; j <= ring && !found; j++) {
        if (abs(i) != ring && abs(j) != ring)
          continue;
        b->m[0] = (int32_t)(m0 + i);
        b->m[1] = (int32_t)(m1 + j);
        found = plane_offset(b, p, pair, n) && plane_holds(b, p);
      }
  return found;
}

static double factor(const Requant *r) {
  return ldexp((double)r->multiplier, r->shift - 31);
}

/* What the definition gives for all pairs of stored values, less lo. */
static uint8_t *all_pairs(Arena *a, const Step *s, const BinaryParams *b) {
  AddStep fixed = add_step_of(s->op);
  FloatAdd real = float_add_of(s->op);
  bool onnx = s->op->rounding == ROUND_onnx;
  uint8_t *y = arena_alloc(a, 65536);
  int32_t from[2];
  for (int i = 0; i < 2; i++)
    from[i] = stored_min(s->in[i]) - stored_delta(s->in[i]);
  for (int v = 0; v < 65536; v++) {
    int32_t p = from[0] + v / 256, q = from[1] + v % 256;
    int32_t sum =
        onnx ? float_add_apply(&real, p, q) : add_step_apply(&fixed, p, q);
    y[v] = (uint8_t)(sum + stored_delta(s->made) - b->lo);
  }
  return y;
}

static void set_slopes(Plane *plane, const Step *s, const BinaryParams *b) {
  AddStep a = add_step_of(s->op);
  FloatAdd f = float_add_of(s->op);
  double unit = ldexp(factor(&a.out), a.left);
  for (int i = 0; i < 2; i++)
    plane->slope[i] = s->op->rounding == ROUND_onnx ? (double)f.ratio[i]
                      : i && a.subtract             ? -factor(&a.in[i]) * unit
                                                    : factor(&a.in[i]) * unit;
  int32_t zero = type_zero_point(s->made->type);
  plane->base =
      zero + 0.5 - b->zero[0] * plane->slope[0] - b->zero[1] * plane->slope[1];
}

static bool find_plane(BinaryParams *b, const Step *s) {
  Plane plane = {.min = {stored_min(s->in[0]), stored_min(s->in[1])}};
  set_slopes(&plane, s, b);
  Arena *scratch = arena_new();
  plane.y = all_pairs(scratch, s, b);
  bool found = search_plane(b, &plane);
  arena_free(scratch);
  return found;
}

/* ---- the definition, spelled out ---- */

static const Blob *product_table(Plan *p, Step *s, const AddStep *a,
                                 const BinaryParams *b, int i) {
  int32_t *t = ARENA_ARRAY(p->arena, int32_t, 256);
  for (int v = 0; v < 256; v++) {
    int32_t x = s->in[i]->type->dtype == DT_i8 ? (int8_t)v : v;
    t[v] = requant_apply(&a->in[i], (int64_t)(x - b->zero[i]) * (1 << a->left));
  }
  return plan_blob(p, s, i ? "products_b" : "products_a", t, 1024, 4);
}

static void spell_out(Plan *p, Step *s, BinaryParams *b, const AddStep *a,
                      const Requant *out) {
  bool narrow = !p->target->vector_bytes && !p->target->mul64;
  b->form = narrow ? BINARY_table : BINARY_double;
  for (int i = 0; i < 2 && narrow; i++)
    b->table[i] = product_table(p, s, a, b, i);
  int64_t most = INT64_C(256) << a->left; /* each is at most half of it */
  b->sum = sum_step(p, s, out, 0, -most, most);
}

/* In float, the model's values and not the stored ones; or the table of all
 * pairs by their stored patterns. */
static void spell_out_float(Plan *p, Step *s, BinaryParams *b) {
  FloatAdd f = float_add_of(s->op);
  for (int i = 0; i < 2; i++) {
    b->ratio[i] = f.ratio[i];
    b->delta[i] = stored_delta(s->in[i]);
  }
  b->base = f.base;
  b->out_delta = stored_delta(s->made);
  b->form = p->target->fma ? BINARY_float : BINARY_pairs;
  if (b->form == BINARY_float)
    return;
  const uint8_t *pairs = all_pairs(p->arena, s, b);
  uint8_t *t = arena_alloc(p->arena, 65536);
  for (int v = 0; v < 65536; v++) {
    int at = 0;
    for (int i = 0; i < 2; i++) {
      int pattern = i ? v % 256 : v / 256;
      bool is_signed = s->in[i]->type->dtype == DT_i8;
      at = at * 256 + (is_signed ? pattern ^ 128 : pattern);
    }
    t[v] = (uint8_t)(pairs[at] + b->lo);
  }
  b->table[0] = plan_blob(p, s, "pairs", t, 65536, 1);
}

static void prepare_add(Plan *p, Step *s, BinaryParams *b) {
  AddStep a = add_step_of(s->op);
  Requant out = stored_requant(&a.out, s->made);
  b->lo = out.lo;
  b->hi = out.hi;
  b->left = a.left;
  b->subtract = a.subtract;
  b->in[0] = a.in[0];
  b->in[1] = a.in[1];
  b->form = BINARY_plane;
  if (find_plane(b, s))
    return;
  if (s->op->rounding == ROUND_onnx)
    spell_out_float(p, s, b);
  else
    spell_out(p, s, b, &a, &out);
}

static void prepare_mul(Plan *p, Step *s, BinaryParams *b) {
  Requant r = requant_of(s->op, 0);
  Requant out = stored_requant(&r, s->made);
  b->form = BINARY_mul;
  b->sum = sum_step(p, s, &out, 0, -255 * 255, 255 * 255);
}

static bool has_sum_step(BinaryForm f) {
  return f == BINARY_double || f == BINARY_table || f == BINARY_mul;
}

bool prepare_binary(Plan *p, Step *s) {
  static const char *const name[] = {
      [BINARY_plane] = "plane", [BINARY_double] = "double",
      [BINARY_table] = "table", [BINARY_mul] = "mul",
      [BINARY_float] = "float", [BINARY_pairs] = "pairs",
  };
  BinaryParams *b = ARENA_NEW(p->arena, BinaryParams);
  b->out_type = s->made->type->dtype;
  merge_shapes(b, s);
  for (int i = 0; i < 2; i++) {
    b->zero[i] = type_zero_point(s->in[i]->type);
    if (s->in[i]->place == PLACE_const)
      plan_const_blob(p, s->in[i]);
  }
  if (s->op->kind == OP_mul)
    prepare_mul(p, s, b);
  else
    prepare_add(p, s, b);
  s->params = b;
  s->tail_overlap = 0; /* in ascending order */
  if (has_sum_step(b->form) && !b->sum.is_linear)
    s->note = requant_form_name(b->sum.rq.form);
  const char *op = op_info(s->op->kind)->name;
  if (b->form != BINARY_mul)
    op = arena_printf(p->arena, "%s_%s", op, name[b->form]);
  bool scalar = b->form == BINARY_table || b->form == BINARY_pairs;
  set_variant(p, s, op, scalar ? 0 : p->target->vector_bytes);
  return true;
}
