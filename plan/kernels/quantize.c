/* quantize: finds the 255 thresholds of the reference among the floats, by
 * bisection over their bit patterns, all in one go. */
#include "plan/kernels/quantize.h"

#include <math.h>
#include <string.h>

#include "ir/exec.h"
#include "plan/kernel.h"
#include "plan/kernels/light.h"

enum { STEPS = 255, KEY_INF = 0x7f800000 };

bool match_quantize(const Op *op, const Target *t) {
  (void)t;
  return op->kind == OP_quantize && op->in[0]->type->dtype == DT_f32 &&
         type_is_q8(op->out[0]->type);
}

double cost_quantize(const Op *op, const Target *t) {
  double each = t->fpu ? 20 : 48;
  return each * (double)type_count(op->out[0]->type);
}

/* Integers in the order of the floats, and back. */
static float float_of_key(int32_t key) {
  int32_t bits = key < 0 ? key ^ INT32_MAX : key;
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

/* The reference on 255 keys, as model values. */
static void eval_keys(const Op *op, const int32_t *key, int32_t *y) {
  Type tx = *op->in[0]->type, ty = *op->out[0]->type;
  tx.rank = ty.rank = 1;
  tx.dim[0] = ty.dim[0] = STEPS;
  Value vx = {.type = &tx}, vy = {.type = &ty};
  Value *in[] = {&vx}, *out[] = {&vy};
  Op probe = *op;
  probe.in = in;
  probe.out = out;
  float x[STEPS];
  uint8_t bytes[STEPS];
  for (int i = 0; i < STEPS; i++)
    x[i] = float_of_key(key[i]);
  op_eval(&probe, (const void *const[]){x}, (void *const[]){bytes});
  for (int i = 0; i < STEPS; i++)
    y[i] = ty.dtype == DT_i8 ? (int8_t)bytes[i] : bytes[i];
}

/* t[i]: the smallest key whose value is above min + i; KEY_INF + 1 where
 * even infinity is not. */
static void find_keys(const Op *op, int32_t min, int32_t *t) {
  int64_t lo[STEPS], hi[STEPS];
  for (int i = 0; i < STEPS; i++) {
    lo[i] = -(int64_t)KEY_INF - 1; /* minus infinity */
    hi[i] = (int64_t)KEY_INF + 1;
  }
  for (int turn = 0; turn < 33; turn++) {
    int32_t y[STEPS];
    for (int i = 0; i < STEPS; i++)
      t[i] = (int32_t)(lo[i] + (hi[i] - lo[i]) / 2);
    eval_keys(op, t, y);
    for (int i = 0; i < STEPS; i++)
      if (lo[i] >= hi[i])
        continue;
      else if (y[i] > min + i)
        hi[i] = t[i];
      else
        lo[i] = (int64_t)t[i] + 1;
  }
  for (int i = 0; i < STEPS; i++)
    t[i] = (int32_t)hi[i];
}

/* The division form in C, in model units. */
static int32_t by_division(const QuantizeParams *q, int32_t zero, int32_t lo,
                           int32_t hi, float x) {
  float v = x / q->scale;
  v = q->even ? rintf(v) : v + copysignf(q->half, v);
  float least = (float)(lo - zero), most = (float)(hi - zero);
  v = v > least ? v : least;
  v = v < most ? v : most;
  return (int32_t)v + zero;
}

/* Both are monotone: they are equal when they agree at every threshold and
 * just below it, and at the ends. */
static bool division_agrees(const QuantizeParams *q, const Requant *model,
                            int32_t min, const int32_t *t) {
  for (int i = -1; i < STEPS; i++) {
    int32_t key = i < 0 ? -KEY_INF - 1 : t[i];
    if (key > KEY_INF)
      return by_division(q, model->zero_point, model->lo, model->hi,
                         INFINITY) == min + i;
    int32_t y = by_division(q, model->zero_point, model->lo, model->hi,
                            float_of_key(key));
    if (y < min + 1 + i)
      return false;
    if (i < 0 || key == -KEY_INF - 1)
      continue;
    y = by_division(q, model->zero_point, model->lo, model->hi,
                    float_of_key(key - 1));
    if (y > min + i)
      return false;
  }
  return true;
}

bool prepare_quantize(Plan *p, Step *s) {
  QuantizeParams *q = ARENA_NEW(p->arena, QuantizeParams);
  const Type *y = s->op->out[0]->type;
  Requant model = {.zero_point = type_zero_point(y)};
  act_range(ACT_none, y, &model.lo, &model.hi);
  Requant stored = stored_requant(&model, s->out[0]);
  q->zero_point = stored.zero_point;
  q->lo = stored.lo;
  q->hi = stored.hi;
  q->scale = type_scale(y);
  q->even = s->op->rounding == ROUND_onnx;
  q->half = 0x1.fffffep-2f; /* the float below 1/2 */
  int32_t *t = ARENA_ARRAY(p->arena, int32_t, STEPS);
  int32_t min = (int32_t)dtype_min(y->dtype);
  find_keys(s->op, min, t);
  q->by_division = p->target->fpu && division_agrees(q, &model, min, t);
  s->params = q;
  if (q->by_division) {
    set_variant(p, s, "divide", p->target->vector_bytes);
    return true;
  }
  q->threshold =
      plan_blob(p, s, "thresholds", t, STEPS * (int64_t)sizeof *t, 4);
  set_variant(p, s, "search", 0);
  return true;
}
