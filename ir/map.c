/* What map.def says of an op, as data. */
#include "ir/map.h"

#include <math.h>

/* Letters of map.def's types. */
enum { F = 1, S = 2, U = 4, B = 8, SAME = 0, BOOL = 1 };

#define MAP_Q MAP
#define MAP(op, types, result, f, i)                                           \
  [OP_##op] = {((types) & F) != 0, ((types) & S) != 0, ((types) & U) != 0,     \
               ((types) & B) != 0, (result) == BOOL},
static const MapInfo infos[OP_COUNT] = {
#include "ir/map.def"
};

const MapInfo *map_info(OpKind k) {
  const MapInfo *m = &infos[k];
  bool has_row = m->takes_float || m->takes_unsigned || m->takes_bool;
  return has_row ? m : NULL;
}

Compute dtype_compute(DType t) {
  if (t == DT_f64)
    return COMPUTE_f64;
  if (dtype_is_float(t))
    return COMPUTE_f32;
  return dtype_is_signed(t) ? COMPUTE_s64 : COMPUTE_u64;
}

static float infinity_sign(const IsInfAttrs *a) {
  if (!a->detect_negative && !a->detect_positive)
    return NAN;
  return (float)a->detect_positive - (float)a->detect_negative;
}

float map_parameter(const Op *op) {
  switch ((int)op->kind) {
  case OP_leaky_relu:
    return op->attrs.leaky.alpha;
  case OP_mod:
    return op->attrs.mod.fmod;
  case OP_is_inf:
    return infinity_sign(&op->attrs.is_inf);
  }
  return 0;
}

bool op_is_plain(const Op *op) {
  for (int i = 0; i < op->nin; i++)
    if (op->in[i] && op->in[i]->type->q)
      return false;
  for (int i = 0; i < op->nout; i++)
    if (op->out[i]->type->q)
      return false;
  return true;
}
