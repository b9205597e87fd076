/* add, sub, mul with numpy's broadcasting:
 *
 *   y[i] = f(a[ia(i)], b[ib(i)])
 *
 * where an index of a dimension of 1 stays 0. Quantized add and sub are
 * AddStep (fixed.h); mul is requant((a - za) * (b - zb)). */
#include "ir/fixed.h"
#include "ir/ops/eval.h"

/* (count of y) Index into operand i for every output element. */
static int64_t *operand_index(const Eval *e, int i) {
  const Type *x = eval_in_type(e, i), *y = eval_out_type(e);
  int64_t stride[MAX_RANK], step[MAX_RANK] = {0};
  eval_strides(x, stride);
  for (int d = 0; d < x->rank; d++)
    if (x->dim[d] != 1)
      step[d + y->rank - x->rank] = stride[d];
  int64_t count = type_count(y), index[MAX_RANK] = {0};
  int64_t *at = ARENA_ARRAY(e->scratch, int64_t, count);
  for (int64_t k = 0; k < count; k++) {
    for (int d = 0; d < y->rank; d++)
      at[k] += index[d] * step[d];
    eval_next(y, index);
  }
  return at;
}

static void add_int(const Eval *e) {
  AddStep s = add_step_of(e->op);
  const int32_t *a = eval_ints(e, 0), *b = eval_ints(e, 1);
  const int64_t *ia = operand_index(e, 0), *ib = operand_index(e, 1);
  int64_t count = type_count(eval_out_type(e));
  int32_t *y = ARENA_ARRAY(e->scratch, int32_t, count);
  for (int64_t k = 0; k < count; k++)
    y[k] = add_step_apply(&s, a[ia[k]], b[ib[k]]);
  eval_store(e, y);
}

static void mul_int(const Eval *e) {
  Requant r = requant_of(e->op, 0);
  const int32_t *a =
      eval_ints_centred(e, 0, type_zero_point(eval_in_type(e, 0)));
  const int32_t *b =
      eval_ints_centred(e, 1, type_zero_point(eval_in_type(e, 1)));
  const int64_t *ia = operand_index(e, 0), *ib = operand_index(e, 1);
  int64_t count = type_count(eval_out_type(e));
  int32_t *y = ARENA_ARRAY(e->scratch, int32_t, count);
  for (int64_t k = 0; k < count; k++)
    y[k] = requant_apply(&r, (int64_t)a[ia[k]] * b[ib[k]]);
  eval_store(e, y);
}

static float add_float(float a, float b) { return a + b; }
static float sub_float(float a, float b) { return a - b; }
static float mul_float(float a, float b) { return a * b; }

static void binary_float(const Eval *e, float (*f)(float, float)) {
  const float *a = e->in[0], *b = e->in[1];
  const int64_t *ia = operand_index(e, 0), *ib = operand_index(e, 1);
  int64_t count = type_count(eval_out_type(e));
  float *y = e->out[0];
  for (int64_t k = 0; k < count; k++)
    y[k] = eval_act(e->op->attrs.act.act, f(a[ia[k]], b[ib[k]]));
}

void eval_add(const Eval *e) {
  if (eval_is_float(e))
    binary_float(e, add_float);
  else
    add_int(e);
}

void eval_sub(const Eval *e) {
  if (eval_is_float(e))
    binary_float(e, sub_float);
  else
    add_int(e);
}

void eval_mul(const Eval *e) {
  if (eval_is_float(e))
    binary_float(e, mul_float);
  else
    mul_int(e);
}
