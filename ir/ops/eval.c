/* Widening, storing and indexing for the eval_ functions. */
#include "ir/ops/eval.h"

#include <assert.h>
#include <string.h>

#include "ir/element.h"

const Type *eval_in_type(const Eval *e, int i) { return e->op->in[i]->type; }

const Type *eval_out_type(const Eval *e) { return e->op->out[0]->type; }

bool eval_is_float(const Eval *e) {
  return dtype_is_float(eval_out_type(e)->dtype);
}

#define WIDEN(T)                                                               \
  for (int64_t i = 0; i < n; i++)                                              \
    y[i] = (int32_t)((const T *)data)[i];                                      \
  return

static void widen(DType dtype, const void *data, int64_t n, int32_t *y) {
  switch ((int)dtype) {
  case DT_i8:
    WIDEN(int8_t);
  case DT_u8:
    WIDEN(uint8_t);
  case DT_i16:
    WIDEN(int16_t);
  case DT_i32:
    WIDEN(int32_t);
  default:
    assert(0 && "ops compute on i8, u8, i16 and i32 only");
  }
}

int32_t *eval_ints(const Eval *e, int i) {
  const Type *t = eval_in_type(e, i);
  int64_t n = type_count(t);
  int32_t *y = ARENA_ARRAY(e->scratch, int32_t, n);
  widen(t->dtype, e->in[i], n, y);
  return y;
}

int32_t *eval_ints_centred(const Eval *e, int i, int32_t zero_point) {
  int32_t *y = eval_ints(e, i);
  int64_t n = type_count(eval_in_type(e, i));
  for (int64_t k = 0; k < n; k++)
    y[k] -= zero_point;
  return y;
}

#define NARROW(T)                                                              \
  for (int64_t i = 0; i < n; i++)                                              \
    ((T *)data)[i] = (T)y[i];                                                  \
  return

void eval_store(const Eval *e, const int32_t *y) {
  const Type *t = eval_out_type(e);
  int64_t n = type_count(t);
  void *data = e->out[0];
  switch ((int)t->dtype) {
  case DT_i8:
    NARROW(int8_t);
  case DT_u8:
    NARROW(uint8_t);
  case DT_i16:
    NARROW(int16_t);
  default:
    assert(0 && "ops store i8, u8 and i16 only");
  }
}

void eval_strides(const Type *t, int64_t stride[MAX_RANK]) {
  int64_t s = 1;
  for (int d = t->rank - 1; d >= 0; d--) {
    stride[d] = s;
    s *= t->dim[d];
  }
}

bool eval_next(const Type *t, int64_t index[MAX_RANK]) {
  for (int d = t->rank - 1; d >= 0; d--) {
    if (++index[d] < t->dim[d])
      return true;
    index[d] = 0;
  }
  return false;
}

void eval_clear(const Eval *e) {
  for (int j = 0; j < e->op->nout; j++)
    memset(e->out[j], 0, (size_t)type_bytes(e->op->out[j]->type));
}

void eval_copy(const Eval *e, int j, int64_t to, int i, int64_t from,
               int64_t n) {
  DType t = eval_in_type(e, i)->dtype;
  int64_t bytes = dtype_bits(t) / 8;
  if (bytes > 0) {
    memcpy((char *)e->out[j] + to * bytes,
           (const char *)e->in[i] + from * bytes, (size_t)(n * bytes));
    return;
  }
  for (int64_t k = 0; k < n; k++)
    element_store(t, e->out[j], to + k, element_load(t, e->in[i], from + k));
}

double eval_act_f64(Act act, double x) {
  switch (act) {
  case ACT_relu:
    return x > 0 ? x : 0;
  case ACT_relu6:
    return x < 0 ? 0 : x > 6 ? 6 : x;
  case ACT_relu_n1_1:
    return x < -1 ? -1 : x > 1 ? 1 : x;
  case ACT_relu_0_1:
    return x < 0 ? 0 : x > 1 ? 1 : x;
  case ACT_none:
  case ACT_COUNT:
    break;
  }
  return x;
}

float eval_act(Act act, float x) { return (float)eval_act_f64(act, (double)x); }

int64_t *eval_bias(const Eval *e, int64_t channels) {
  int64_t *bias = ARENA_ARRAY(e->scratch, int64_t, channels);
  const Value *v = op_in(e->op, 2);
  if (!v)
    return bias;
  const int32_t *narrow = e->in[2];
  const int64_t *wide = e->in[2];
  for (int64_t c = 0; c < channels; c++)
    bias[c] = v->type->dtype == DT_i64   ? wide[c]
              : v->type->dtype == DT_f32 ? requant_bias(e->op, c)
                                         : narrow[c];
  return bias;
}

const float *eval_bias_float(const Eval *e, int64_t channels) {
  return op_in(e->op, 2) ? e->in[2] : ARENA_ARRAY(e->scratch, float, channels);
}

Requant *eval_requants(const Eval *e, int64_t channels) {
  Requant *r = ARENA_ARRAY(e->scratch, Requant, channels);
  for (int64_t c = 0; c < channels; c++)
    r[c] = requant_of(e->op, c);
  return r;
}
