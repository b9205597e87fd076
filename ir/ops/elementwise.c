/* Quantized add, sub and mul with numpy's broadcasting: add and sub are
 * AddStep (fixed.h), under rounding=onnx FloatAdd (float_step.h), mul is
 * requant((a - za) * (b - zb)); under rounding=onnx all three of 16 bits are
 * float_pair_apply. On plain types they are rows of map.def. */
#include "ir/fixed.h"
#include "ir/float_step.h"
#include "ir/ops/map.h"

static void pair_float(const Eval *e) {
  const int32_t *a = eval_ints(e, 0), *b = eval_ints(e, 1);
  const int64_t *ia = eval_index_map(e, 0), *ib = eval_index_map(e, 1);
  int64_t count = type_count(eval_out_type(e));
  int32_t *y = ARENA_ARRAY(e->scratch, int32_t, count);
  for (int64_t k = 0; k < count; k++)
    y[k] = float_pair_apply(e->op, a[ia[k]], b[ib[k]]);
  eval_store(e, y);
}

static void add_int(const Eval *e) {
  AddStep s = add_step_of(e->op);
  FloatAdd f = float_add_of(e->op);
  bool onnx = e->op->rounding == ROUND_onnx;
  const int32_t *a = eval_ints(e, 0), *b = eval_ints(e, 1);
  const int64_t *ia = eval_index_map(e, 0), *ib = eval_index_map(e, 1);
  int64_t count = type_count(eval_out_type(e));
  int32_t *y = ARENA_ARRAY(e->scratch, int32_t, count);
  for (int64_t k = 0; k < count; k++)
    y[k] = onnx ? float_add_apply(&f, a[ia[k]], b[ib[k]])
                : add_step_apply(&s, a[ia[k]], b[ib[k]]);
  eval_store(e, y);
}

static void mul_int(const Eval *e) {
  Requant r = requant_of(e->op, 0);
  const int32_t *a =
      eval_ints_centred(e, 0, type_zero_point(eval_in_type(e, 0)));
  const int32_t *b =
      eval_ints_centred(e, 1, type_zero_point(eval_in_type(e, 1)));
  const int64_t *ia = eval_index_map(e, 0), *ib = eval_index_map(e, 1);
  int64_t count = type_count(eval_out_type(e));
  int32_t *y = ARENA_ARRAY(e->scratch, int32_t, count);
  for (int64_t k = 0; k < count; k++)
    y[k] = requant_apply(&r, (int64_t)a[ia[k]] * b[ib[k]]);
  eval_store(e, y);
}

void eval_add(const Eval *e) {
  if (op_is_plain(e->op))
    eval_map(e);
  else if (float_is_pair(e->op))
    pair_float(e);
  else
    add_int(e);
}

void eval_sub(const Eval *e) { eval_add(e); }

void eval_mul(const Eval *e) {
  if (op_is_plain(e->op))
    eval_map(e);
  else if (float_is_pair(e->op))
    pair_float(e);
  else
    mul_int(e);
}
