/* Tensors widened to what they are computed in (ir/map.h), for the ops on
 * plain types. */
#ifndef KILN_IR_OPS_MAP_H
#define KILN_IR_OPS_MAP_H

#include "ir/map.h"
#include "ir/ops/eval.h"

/* All elements of input i as float, double, int64_t or uint64_t, by
 * dtype_compute; the low bit of a bool. */
const void *eval_wide(const Eval *e, int i);
/* Stores output 0 from such an array: floats rounded to the output's type,
 * the low bits of integers, for bool whether a value is not 0. */
void eval_narrow(const Eval *e, Compute c, const void *y);

/* Index into input i for every element of output 0, by numpy's
 * broadcasting. */
const int64_t *eval_index_map(const Eval *e, int i);

/* The functions of an op of map.def; b is not looked at by unary ones. */
typedef struct MapFunctions {
  float (*f32)(float a, float b, float p);
  double (*f64)(double a, double b, double p);
  int64_t (*s64)(int64_t a, int64_t b, int64_t p);
  uint64_t (*u64)(uint64_t a, uint64_t b, uint64_t p);
} MapFunctions;
const MapFunctions *map_functions(OpKind k);

/* An op of map.def. */
void eval_map(const Eval *e);

#endif
