/* lut: the whole op becomes a table of what it makes of 256 patterns. */
#include "plan/kernels/lut.h"

#include "plan/kernel.h"
#include "plan/kernels/light.h"

/* Elements from which on it pays to have the table in registers. */
enum { LANES_PAY = 32 };

/* Does the target look up many bytes at once? */
static bool has_lanes(const Op *op, const Target *t) {
  return t->arch == ARCH_x86_64 && t->masks && type_is_q8(op->out[0]->type) &&
         type_count(op->out[0]->type) >= LANES_PAY;
}

/* add, sub or mul of one value, with itself or with a number. */
static bool is_of_one(const Op *op) {
  if (op->kind != OP_add && op->kind != OP_sub && op->kind != OP_mul)
    return false;
  const Value *x = op->in[0], *k = op->in[1];
  return type_is_q8(x->type) && type_is_q8(op->out[0]->type) && !x->init &&
         (x == k ||
          (k->init && type_is_q8(k->type) && type_count(k->type) == 1)) &&
         type_same_shape(x->type, op->out[0]->type);
}

bool match_lut(const Op *op, const Target *t) {
  if (op->kind == OP_lut)
    return true;
  if (has_lanes(op, t) && is_of_one(op))
    return true;
  if (!(op_info(op->kind)->traits & T_UNARY) || !type_is_q8(op->in[0]->type))
    return false;
  const Type *y = op->out[0]->type;
  return op->kind == OP_dequantize ? y->dtype == DT_f32 : type_is_q8(y);
}

double cost_lut(const Op *op, const Target *t) {
  return (has_lanes(op, t) ? 0.2 : 3) * (double)type_count(op->out[0]->type);
}

static int32_t stored_value(DType t, uint8_t pattern) {
  return t == DT_i8 ? (int8_t)pattern : pattern;
}

/* Is table[x] = clamp(x + add, lo, hi) for the extremes lo, hi it takes? */
static bool is_straight(LutParams *l, const uint8_t *table, DType in,
                        DType out) {
  for (int i = 0; i < 256; i++) {
    int32_t x = stored_value(in, (uint8_t)i);
    int32_t y = x + l->add;
    y = y < l->lo ? l->lo : y > l->hi ? l->hi : y;
    if (y != stored_value(out, table[i]))
      return false;
  }
  return true;
}

static bool find_straight(LutParams *l, const uint8_t *table, DType in,
                          DType out) {
  int first = in == DT_i8 ? 128 : 0; /* pattern of the lowest value */
  l->lo = stored_value(out, table[first]);
  l->hi = stored_value(out, table[first ^ 255]);
  for (l->add = -255; l->add <= 255; l->add++)
    if (is_straight(l, table, in, out))
      return true;
  l->add = 0;
  return false;
}

bool lut_is_straight(const Step *s) {
  LutParams l = {.add = 0};
  uint8_t table[256];
  if (s->out[0]->type->dtype == DT_f32)
    return false;
  stored_table(s, 0, table);
  return find_straight(&l, table, s->in[0]->type->dtype,
                       s->out[0]->type->dtype);
}

static bool is_identity(const LutParams *l, const Buffer *in) {
  int32_t min = stored_min(in);
  return l->add == 0 && l->lo == min && l->hi == min + 255;
}

/* Scalar cores look up faster than they clamp. */
static bool straight_pays(const LutParams *l, const Step *s, const Target *t) {
  return t->vector_bytes || is_identity(l, s->in[0]);
}

bool prepare_lut(Plan *p, Step *s) {
  static const char *const variants[] = {
      [1] = "table", [2] = "table16", [4] = "table32"};
  LutParams *l = ARENA_NEW(p->arena, LutParams);
  DType out = s->out[0]->type->dtype;
  l->elem_bytes = dtype_bits(out) / 8;
  uint8_t *table = arena_alloc(p->arena, 256 * (size_t)l->elem_bytes);
  stored_table(s, 0, table);
  s->params = l;
  if (l->elem_bytes == 1 &&
      find_straight(l, table, s->in[0]->type->dtype, out) &&
      straight_pays(l, s, p->target)) {
    set_variant(p, s, "straight", p->target->vector_bytes);
    return true;
  }
  l->table = plan_blob(p, s, "table", table, 256 * l->elem_bytes, 4);
  bool lanes = l->elem_bytes == 1 && has_lanes(s->op, p->target);
  set_variant(p, s, variants[l->elem_bytes],
              lanes ? p->target->vector_bytes : 0);
  return true;
}
