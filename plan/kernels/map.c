/* map: shapes and lanes. */
#include "plan/kernels/map.h"

#include "ir/map.h"
#include "plan/kernel.h"
#include "plan/kernels/light.h"

bool plain_fits(const Target *t, DType type) {
  return dtype_bits(type) >= 8 && (type != DT_f64 || t->f64);
}

/* Conversions between doubles and 64-bit integers on 32-bit cores. */
static bool is_wide_cast(const Op *op, const Target *t) {
  DType x = op->in[0]->type->dtype, y = op->out[0]->type->dtype;
  bool wide = (dtype_is_integer(x) && dtype_bits(x) == 64) ||
              (dtype_is_integer(y) && dtype_bits(y) == 64);
  return op->kind == OP_cast && t->arch == ARCH_arm && wide &&
         (x == DT_f64 || y == DT_f64);
}

bool match_map(const Op *op, const Target *t) {
  bool is_map = map_info(op->kind) && op_is_plain(op);
  if (!is_map && op->kind != OP_select && op->kind != OP_cast)
    return false;
  if (is_wide_cast(op, t))
    return false;
  for (int i = 0; i < op->nin; i++)
    if (!plain_fits(t, op->in[i]->type->dtype))
      return false;
  return plain_fits(t, op->out[0]->type->dtype);
}

bool match_nibbles(const Op *op, const Target *t) {
  if (op->kind != OP_cast || !op_is_plain(op))
    return false;
  DType x = op->in[0]->type->dtype, y = op->out[0]->type->dtype;
  return (dtype_bits(x) == 4 || dtype_bits(y) == 4) &&
         (dtype_bits(x) == 4 || plain_fits(t, x)) &&
         (dtype_bits(y) == 4 || plain_fits(t, y));
}

/* In place, too: the byte that holds elements i and i + 1 is read once more
 * after i was written. Where elements grow the ends are flush, and what is
 * written of i lies below that byte for every i but the last one, which has
 * no i + 1. */
bool prepare_nibbles(Plan *p, Step *s) {
  if (s->in[0]->place == PLACE_const)
    plan_const_blob(p, s->in[0]);
  set_variant(p, s, "nibbles", 0);
  return true;
}

double cost_map(const Op *op, const Target *t) {
  double n = (double)type_count(op->out[0]->type);
  return t->vector_bytes ? 16 * n / t->vector_bytes : 10 * n;
}

/* Elements of an operand of the output's size are read in its order. */
int64_t overlap_map(const Step *s, int input) {
  return type_count(s->in[input]->type) == type_count(s->out[0]->type)
             ? overlap_in_place(s, input)
             : OVERLAP_NONE;
}

/* Bytes of an element where it is computed: f16 and bf16 are widened. */
static int computed_bytes(DType t) {
  int bytes = dtype_bits(t) / 8;
  return dtype_is_float(t) && bytes < 4 ? 4 : bytes;
}

int plain_lanes(const Target *t, const DType *types, int n) {
  int widest = 1;
  bool any_float = false;
  for (int i = 0; i < n; i++) {
    int bytes = computed_bytes(types[i]);
    widest = bytes > widest ? bytes : widest;
    any_float |= dtype_is_float(types[i]);
  }
  if (any_float && (t->flushes || !t->fpu))
    return 0;
  if (t->dot != DOT_vmladava)
    return t->vector_bytes / widest;
  return widest > 4 ? 0 : t->vector_bytes / 4;
}

/* ---- shapes ---- */

static void operand_strides(const Type *t, const Type *y, int64_t *stride) {
  int64_t step = 1;
  for (int d = y->rank - 1; d >= 0; d--) {
    int at = d - (y->rank - t->rank);
    int64_t n = at < 0 ? 1 : t->dim[at];
    stride[d] = n == 1 ? 0 : step;
    step *= n;
  }
}

/* Can the last dimension of all operands run on through dimension d of y? */
static bool merges(const MapParams *m, int64_t full[][MAX_RANK], int d,
                   int64_t n) {
  for (int i = 0; i < m->nin; i++)
    if (m->stride[i][m->ndim - 1] != full[i][d] * n)
      return false;
  return m->ndim > 0;
}

void map_shapes(MapParams *m, const Op *op) {
  const Type *y = op->out[0]->type;
  int64_t full[MAP_OPERANDS][MAX_RANK];
  for (int i = 0; i < m->nin; i++)
    operand_strides(op->in[i]->type, y, full[i]);
  for (int d = 0; d < y->rank; d++) {
    if (y->dim[d] == 1)
      continue;
    if (m->ndim && merges(m, full, d, y->dim[d]))
      m->dim[m->ndim - 1] *= y->dim[d];
    else
      m->dim[m->ndim++] = y->dim[d];
    for (int i = 0; i < m->nin; i++)
      m->stride[i][m->ndim - 1] = full[i][d];
  }
  if (m->ndim == 0)
    m->dim[m->ndim++] = 1;
}

bool prepare_map(Plan *p, Step *s) {
  MapParams *m = ARENA_NEW(p->arena, MapParams);
  DType types[MAP_OPERANDS + 1];
  m->nin = s->op->nin;
  map_shapes(m, s->op);
  for (int i = 0; i < m->nin; i++) {
    types[i] = s->in[i]->type->dtype;
    if (s->in[i]->place == PLACE_const)
      plan_const_blob(p, s->in[i]);
  }
  types[m->nin] = s->out[0]->type->dtype;
  m->lanes = plain_lanes(p->target, types, m->nin + 1);
  s->params = m;
  s->tail_overlap = 0; /* in ascending order */
  set_variant(p, s, "map", m->lanes ? p->target->vector_bytes : 0);
  return true;
}
