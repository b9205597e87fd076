/* The T_MAP ops on plain types:
 *
 *   y[i] = f(a[ia(i)], b[ib(i)])
 *
 * where an index of a dimension of 1 stays 0 (numpy's broadcasting). The
 * functions are map.def's, made once for each of the four types that are
 * computed in. */
#include "ir/ops/map.h"

#include <math.h>
#include <string.h>

#include "ir/element.h"
#include "ir/integer.h"
#include "ir/map.h"
#include "ir/scalar.h"

/* One function of every row for each T, e.g. map_add_f32; a NaN's payload and
 * a zero's sign are the hardware's. */
#define MAP_Q MAP
#define A ((uint64_t)a)
#define B ((uint64_t)b)
#define WRAP(e) ((uint64_t)(e))

#define T float
#define FN(x) scalar_##x##_f32
#define MAP(op, types, result, f, i)                                           \
  static T map_##op##_f32(T a, T b, T p) {                                     \
    (void)a, (void)b, (void)p;                                                 \
    return (T)(f);                                                             \
  }
#include "ir/map.def"
#undef T
#undef FN
#undef MAP

#define T double
#define FN(x) scalar_##x##_f64
#define MAP(op, types, result, f, i)                                           \
  static T map_##op##_f64(T a, T b, T p) {                                     \
    (void)a, (void)b, (void)p;                                                 \
    return (T)(f);                                                             \
  }
#include "ir/map.def"
#undef T
#undef FN
#undef MAP

#define T int64_t
#define FN(x) integer_##x##_s64
#define MAP(op, types, result, f, i)                                           \
  static T map_##op##_s64(T a, T b, T p) {                                     \
    (void)a, (void)b, (void)p;                                                 \
    return (T)(i);                                                             \
  }
#include "ir/map.def"
#undef T
#undef FN
#undef MAP

#define T uint64_t
#define FN(x) integer_##x##_u64
#define MAP(op, types, result, f, i)                                           \
  static T map_##op##_u64(T a, T b, T p) {                                     \
    (void)a, (void)b, (void)p;                                                 \
    return (T)(i);                                                             \
  }
#include "ir/map.def"
#undef T
#undef FN
#undef MAP

#define MAP(op, types, result, f, i)                                           \
  [OP_##op] = {map_##op##_f32, map_##op##_f64, map_##op##_s64, map_##op##_u64},
static const MapFunctions functions[OP_COUNT] = {
#include "ir/map.def"
};
#undef MAP

const MapFunctions *map_functions(OpKind k) { return &functions[k]; }

/* y[i] = call of every element; x[1] is x[0] for unary ops. */
#define LOOP(T, f)                                                             \
  do {                                                                         \
    const T *const *x = (const T *const *)operand;                             \
    T *y = result, p = (T)parameter;                                           \
    for (int64_t k = 0; k < count; k++)                                        \
      y[k] = f(x[0][at[0][k]], x[1][at[1][k]], p);                             \
  } while (0)

static void map_loop(const Eval *e, Compute c, const void *const operand[2],
                     const int64_t *const at[2], void *result) {
  const MapFunctions *f = &functions[e->op->kind];
  int64_t count = type_count(eval_out_type(e));
  float parameter = map_parameter(e->op);
  switch (c) {
  case COMPUTE_f32:
    LOOP(float, f->f32);
    break;
  case COMPUTE_f64:
    LOOP(double, f->f64);
    break;
  case COMPUTE_s64:
    LOOP(int64_t, f->s64);
    break;
  case COMPUTE_u64:
    LOOP(uint64_t, f->u64);
    break;
  }
}

/* The fused activation of add, sub and mul, on floats. */
static void map_act(const Eval *e, void *y) {
  static const ActAttrs none = {ACT_none};
  bool has_act =
      e->op->kind == OP_add || e->op->kind == OP_sub || e->op->kind == OP_mul;
  Act act = (has_act ? e->op->attrs.act : none).act;
  int64_t count = type_count(eval_out_type(e));
  if (act == ACT_none)
    return;
  if (eval_out_type(e)->dtype == DT_f64)
    for (int64_t k = 0; k < count; k++)
      ((double *)y)[k] = eval_act_f64(act, ((double *)y)[k]);
  else
    for (int64_t k = 0; k < count; k++)
      ((float *)y)[k] = eval_act(act, ((float *)y)[k]);
}

void eval_map(const Eval *e) {
  Compute c = dtype_compute(eval_in_type(e, 0)->dtype);
  const void *operand[2];
  const int64_t *at[2];
  for (int i = 0; i < 2; i++) {
    int from = i < e->op->nin ? i : 0;
    operand[i] = i == from ? eval_wide(e, i) : operand[from];
    at[i] = i == from ? eval_index_map(e, i) : at[from];
  }
  int64_t count = type_count(eval_out_type(e));
  void *y = ARENA_ARRAY(e->scratch, uint64_t, count);
  map_loop(e, c, operand, at, y);
  map_act(e, y);
  eval_narrow(e, c, y);
}

#undef MAP_Q
#define MAP_Q(op, types, result, f, i)
#define MAP(op, types, result, f, i)                                           \
  void eval_##op(const Eval *e) { eval_map(e); }
#include "ir/map.def"
#undef MAP
#undef MAP_Q

/* --- select ------------------------------------------------------------ */

void eval_select(const Eval *e) {
  const uint8_t *c = e->in[0];
  const int64_t *at[3];
  for (int i = 0; i < 3; i++)
    at[i] = eval_index_map(e, i);
  int64_t count = type_count(eval_out_type(e));
  eval_clear(e);
  for (int64_t k = 0; k < count; k++) {
    int i = c[at[0][k]] & 1 ? 1 : 2;
    eval_copy(e, 0, k, i, at[i][k], 1);
  }
}
