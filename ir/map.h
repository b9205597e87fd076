/* The T_MAP ops on plain types, from map.def: what they take, make, and
 * compute in. select and cast have no row there: they take several types. */
#ifndef KILN_IR_MAP_H
#define KILN_IR_MAP_H

#include "ir/graph.h"

/* What the elements of a type are computed in; f16 and bf16 are stored forms
 * of f32. */
typedef enum Compute {
  COMPUTE_f32,
  COMPUTE_f64,
  COMPUTE_s64,
  COMPUTE_u64 /* unsigned integers and bool */
} Compute;
Compute dtype_compute(DType t);

typedef struct MapInfo {
  bool takes_float, takes_signed, takes_unsigned, takes_bool;
  bool makes_bool; /* else the inputs' type */
} MapInfo;
/* The row of k, NULL where there is none. */
const MapInfo *map_info(OpKind k);

/* What p is in map.def: leaky_relu's alpha; 1 for mod with fmod, else 0; of
 * is_inf the sign that is looked for, 0 for both, NaN for none; else 0. */
float map_parameter(const Op *op);

/* True when no input and no output of op is quantized. */
bool op_is_plain(const Op *op);

#endif
