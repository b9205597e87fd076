/* Ops of one element: logistic, tanh, relu, relu6, leaky_relu, quantize,
 * dequantize.
 *
 *   8-bit logistic, tanh: round(f(sx (x - zx)) * (1 / sy) + zy), all in float
 *     with f correctly rounded
 *   16-bit logistic, tanh: a 256-entry table, interpolated
 *   relu, relu6, quantize of integers: requant(x - zx) (requant_of)
 *   leaky_relu: the same with a factor of its own below zx
 *   quantize of f32: round half away of x / s, plus z
 *   dequantize: s (x - z)
 *
 * Under rounding=onnx all are float_unary (of 16 bits all but logistic and
 * tanh), quantize of f32 rounds
 * half to even, dequantize multiplies floats (float_step.h). On plain types
 * all but the last two are rows of map.def. */
#include <math.h>

#include "ir/element.h"
#include "ir/fixed16.h"
#include "ir/float_step.h"
#include "ir/ops/map.h"
#include "ir/real.h"

static int32_t clamp32(int64_t x, int32_t lo, int32_t hi) {
  return (int32_t)(x < lo ? lo : x > hi ? hi : x);
}

/* zero + the rounded value, clamped; NaN becomes the zero point. */
static int32_t store_float(float rounded, int32_t zero, int32_t lo,
                           int32_t hi) {
  if (isnan(rounded))
    return zero;
  float limit = 0x1p30f;
  float v = rounded < -limit ? -limit : rounded > limit ? limit : rounded;
  return clamp32((int64_t)v + zero, lo, hi);
}

static float logistic_float(float x) { return 1 / (1 + real_expf(-x)); }

/* --- logistic, tanh ---------------------------------------------------- */

static void map_table8(const Eval *e, float (*f)(float)) {
  const Type *xt = eval_in_type(e, 0), *yt = eval_out_type(e);
  int32_t zx = type_zero_point(xt), zy = type_zero_point(yt), lo, hi;
  float sx = type_scale(xt), inverse = 1 / type_scale(yt);
  act_range(ACT_none, yt, &lo, &hi);
  int32_t first = (int32_t)dtype_min(xt->dtype), table[256];
  for (int32_t i = 0; i < 256; i++) {
    float x = sx * (float)(first + i - zx);
    table[i] = store_float(roundf(f(x) * inverse), zy, lo, hi);
  }
  int32_t *v = eval_ints(e, 0);
  int64_t n = type_count(yt);
  for (int64_t i = 0; i < n; i++)
    v[i] = table[v[i] - first];
  eval_store(e, v);
}

static void map_table16(const Eval *e) {
  OpKind k = e->op->kind;
  Scale16 s = scale16_of(type_scale(eval_in_type(e, 0)), scale16_most(k));
  int32_t table[SIGMOID16_POINTS];
  sigmoid16_table(table);
  int32_t *v = eval_ints(e, 0);
  int64_t n = type_count(eval_out_type(e));
  for (int64_t i = 0; i < n; i++)
    v[i] = sigmoid16(k, table, scale16_apply(s, v[i]));
  eval_store(e, v);
}

/* Under rounding=onnx; and where float_step.h has the definition. */
static bool by_float(const Op *op) {
  bool has_table = op->kind == OP_logistic || op->kind == OP_tanh;
  return op->rounding == ROUND_onnx &&
         (type_is_q8(op->in[0]->type) || !has_table);
}

static void map_float16(const Eval *e) {
  int32_t *v = eval_ints(e, 0);
  int64_t n = type_count(eval_out_type(e));
  for (int64_t i = 0; i < n; i++)
    v[i] = float_unary(e->op, v[i]);
  eval_store(e, v);
}

static void map_float(const Eval *e) {
  if (!type_is_q8(eval_in_type(e, 0))) {
    map_float16(e);
    return;
  }
  int32_t *v = eval_ints(e, 0), table[256];
  int32_t first = (int32_t)dtype_min(eval_in_type(e, 0)->dtype);
  for (int32_t i = 0; i < 256; i++)
    table[i] = float_unary(e->op, first + i);
  int64_t n = type_count(eval_out_type(e));
  for (int64_t i = 0; i < n; i++)
    v[i] = table[v[i] - first];
  eval_store(e, v);
}

void eval_logistic(const Eval *e) {
  if (op_is_plain(e->op))
    eval_map(e);
  else if (by_float(e->op))
    map_float(e);
  else if (eval_out_type(e)->dtype == DT_i16)
    map_table16(e);
  else
    map_table8(e, logistic_float);
}

void eval_tanh(const Eval *e) {
  if (op_is_plain(e->op))
    eval_map(e);
  else if (by_float(e->op))
    map_float(e);
  else if (eval_out_type(e)->dtype == DT_i16)
    map_table16(e);
  else
    map_table8(e, real_tanhf);
}

/* --- piecewise linear -------------------------------------------------- */

/* y = below(x - zx) where that is negative, else above(x - zx). */
static void map_requant(const Eval *e, const Requant *below,
                        const Requant *above) {
  int32_t *v = eval_ints_centred(e, 0, type_zero_point(eval_in_type(e, 0)));
  int64_t n = type_count(eval_out_type(e));
  for (int64_t i = 0; i < n; i++)
    v[i] = requant_apply(v[i] < 0 ? below : above, v[i]);
  eval_store(e, v);
}

static void relu(const Eval *e) {
  if (op_is_plain(e->op)) {
    eval_map(e);
  } else if (by_float(e->op)) {
    map_float(e);
  } else {
    Requant r = requant_of(e->op, 0);
    map_requant(e, &r, &r);
  }
}

void eval_relu(const Eval *e) { relu(e); }
void eval_relu6(const Eval *e) { relu(e); }

static void leaky_int(const Eval *e) {
  Requant above = requant_of(e->op, 0), below = requant_below_zero(e->op);
  map_requant(e, &below, &above);
}

void eval_leaky_relu(const Eval *e) {
  if (op_is_plain(e->op))
    eval_map(e);
  else if (by_float(e->op))
    map_float(e);
  else
    leaky_int(e);
}

/* --- conversions ------------------------------------------------------- */

static void quantize_float(const Eval *e) {
  const Type *t = eval_out_type(e);
  const float *x = e->in[0];
  int64_t n = type_count(t);
  int32_t *y = ARENA_ARRAY(e->scratch, int32_t, n), lo, hi;
  act_range(ACT_none, t, &lo, &hi);
  for (int64_t i = 0; i < n; i++) {
    int64_t c = type_entry(t, i);
    if (e->op->rounding == ROUND_onnx) {
      y[i] = float_quantize(t, c, x[i]);
      continue;
    }
    float scaled = x[i] / type_channel_scale(t, c);
    y[i] = store_float(roundf(scaled), type_channel_zero_point(t, c), lo, hi);
  }
  eval_store(e, y);
}

void eval_quantize(const Eval *e) {
  if (dtype_is_float(eval_in_type(e, 0)->dtype)) {
    quantize_float(e);
    return;
  }
  if (by_float(e->op)) {
    map_float(e);
    return;
  }
  Requant r = requant_of(e->op, 0);
  map_requant(e, &r, &r);
}

void eval_dequantize(const Eval *e) {
  const Type *t = eval_in_type(e, 0);
  float *y = e->out[0];
  int64_t n = type_count(t);
  for (int64_t i = 0; i < n; i++) {
    int64_t c = type_entry(t, i);
    int32_t x = element_quantized(t, e->in[0], i);
    if (e->op->rounding == ROUND_onnx) {
      y[i] = float_dequantize(t, c, x);
      continue;
    }
    int64_t centred = (int64_t)x - type_channel_zero_point(t, c);
    y[i] = (float)((double)type_channel_scale(t, c) * (double)centred);
  }
}
