/* Operators that make tensors out of shapes and numbers. */
#include "frontend/tflite/build.h"

static Value *int_list(TflOp *o, int n, const int64_t *v) {
  int32_t list[MAX_RANK];
  for (int i = 0; i < n; i++)
    list[i] = (int32_t)v[i]; /* dims of a file are i32 */
  return t_cast(o, t_ints(o, n, list), o->out[0]->dtype);
}

bool import_shape(TflOp *o) {
  const Type *x = o->in[0]->type;
  if (x->rank == 0)
    return op_refuse(o, "the shape of a scalar has no elements");
  return t_done(o, int_list(o, x->rank, x->dim));
}

bool import_rank(TflOp *o) {
  int64_t rank = o->in[0]->type->rank;
  return t_done(o, t_reshape(o, int_list(o, 1, &rank), (Dims){0}));
}

/* The shape, a number. */
bool import_fill(TflOp *o) {
  Ints shape;
  Value *x = o->in[1];
  if (!op_ints(o, 0, "the shape", &shape) ||
      !op_check_shape(o, shape.n, shape.v, "the shape"))
    return false;
  if (type_count(x->type) != 1)
    return op_invalid(o, "the value is not one element");
  Value *v = t_reshape(o, x, (Dims){0});
  return t_done(o, t_broadcast(o, v, t_type_dims(o->out[0])));
}

bool import_zeros_like(TflOp *o) {
  Value *zero = t_number(o, o->in[0]->type->dtype, 0);
  return t_done(o, t_broadcast(o, zero, t_dims(o->in[0])));
}

/* Start, limit, delta: integers. */
bool import_range(TflOp *o) {
  int64_t start, limit, delta;
  if (!op_int(o, 0, "start", &start) || !op_int(o, 1, "limit", &limit) ||
      !op_int(o, 2, "delta", &delta))
    return false;
  int64_t span = delta > 0 ? limit - start : start - limit;
  int64_t step = delta > 0 ? delta : -delta;
  int64_t n = step ? (span + step - 1) / step : 0;
  if (n < 1 || n > 1 << 20 || start != (int32_t)start ||
      limit != (int32_t)limit || delta != (int32_t)delta)
    return op_refuse(o, "a range of %lld numbers from %lld is not supported",
                     (long long)n, (long long)start);
  int32_t *v = ARENA_ARRAY(o->im->arena, int32_t, n);
  for (int64_t i = 0; i < n; i++)
    v[i] = (int32_t)(start + i * delta);
  return t_done(o, t_cast(o, t_ints(o, n, v), o->out[0]->dtype));
}
