/* Ops that write where indices say (ir/ops/index.c), one update after the
 * other:
 *
 *   scatter_elements y = x; y[i with i[axis] = index[i]] = f(that, updates[i])
 *   scatter_nd       y = x; y[index[i, :], n] = f(that, updates[i, n])
 *
 * with f the update itself or the op add, mul, min or max of map.def. */
#include <string.h>

#include "ir/element.h"
#include "ir/ops/index.h"
#include "ir/ops/map.h"

/* (count of output 0) The bits of every element of x. */
static uint64_t *load_bits(const Eval *e) {
  const Type *t = eval_in_type(e, 0);
  int64_t n = type_count(t);
  uint64_t *y = ARENA_ARRAY(e->scratch, uint64_t, n);
  for (int64_t i = 0; i < n; i++)
    y[i] = element_load(t->dtype, e->in[0], i);
  return y;
}

static void scatter_move(const Eval *e, const Slices *s) {
  DType t = eval_out_type(e)->dtype;
  int64_t n = type_count(eval_out_type(e));
  uint64_t *y = load_bits(e);
  for (int64_t k = 0; k < s->n; k++)
    for (int64_t i = 0; i < s->elements; i++)
      y[s->at[k] + i] = element_load(t, e->in[2], k * s->elements + i);
  eval_clear(e);
  for (int64_t i = 0; i < n; i++)
    element_store(t, e->out[0], i, y[i]);
}

static const MapFunctions *function_of(Reduction r) {
  static const OpKind kinds[REDUCTION_COUNT] = {
      [REDUCTION_none] = OP_COUNT, /* scatter_move */
      [REDUCTION_add] = OP_add,    [REDUCTION_mul] = OP_mul,
      [REDUCTION_min] = OP_min,    [REDUCTION_max] = OP_max,
  };
  return map_functions(kinds[r]);
}

/* What a step leaves in memory; integers wrap just as well at the end. */
static float stored_f32(DType t, float x) {
  return t == DT_f32
             ? x
             : (float)element_to_double(t, element_from_double(t, (double)x));
}
static double stored_f64(DType t, double x) { return (void)t, x; }
static int64_t stored_s64(DType t, int64_t x) { return (void)t, x; }
static uint64_t stored_u64(DType t, uint64_t x) { return (void)t, x; }

#define REDUCE(name)                                                           \
  do {                                                                         \
    for (int64_t k = 0; k < s->n; k++)                                         \
      for (int64_t i = 0; i < s->elements; i++) {                              \
        int64_t at = s->at[k] + i;                                             \
        y.name[at] = stored_##name(                                            \
            t, f->name(y.name[at], u.name[k * s->elements + i], 0));           \
      }                                                                        \
  } while (0)

static void scatter_reduce(const Eval *e, const Slices *s, Reduction r) {
  const MapFunctions *f = function_of(r);
  DType t = eval_out_type(e)->dtype;
  Compute c = dtype_compute(t);
  size_t bytes = c == COMPUTE_f32 ? sizeof(float) : sizeof(uint64_t);
  size_t n = (size_t)type_count(eval_out_type(e));
  union {
    const void *all;
    const float *f32;
    const double *f64;
    const int64_t *s64;
    const uint64_t *u64;
  } u = {eval_wide(e, 2)};
  union {
    void *all;
    float *f32;
    double *f64;
    int64_t *s64;
    uint64_t *u64;
  } y = {arena_dup(e->scratch, eval_wide(e, 0), n * bytes)};
  switch (c) {
  case COMPUTE_f32:
    REDUCE(f32);
    break;
  case COMPUTE_f64:
    REDUCE(f64);
    break;
  case COMPUTE_s64:
    REDUCE(s64);
    break;
  case COMPUTE_u64:
    REDUCE(u64);
    break;
  }
  eval_narrow(e, c, y.all);
}

static void scatter(const Eval *e, Slices s, Reduction r) {
  if (r == REDUCTION_none)
    scatter_move(e, &s);
  else
    scatter_reduce(e, &s, r);
}

void eval_scatter_elements(const Eval *e) {
  const ScatterAttrs *a = &e->op->attrs.scatter;
  scatter(e, slices_of_elements(e, a->axis), a->reduction);
}

void eval_scatter_nd(const Eval *e) {
  scatter(e, slices_of_vectors(e, 0), e->op->attrs.scatter_nd.reduction);
}
