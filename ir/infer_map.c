/* Shapes and types of the T_MAP ops on plain types, of cast, bitcast and
 * select. */
#include "ir/infer_map.h"

bool shape_broadcast(const Op *op, Shape *out) {
  *out = (Shape){0};
  for (int i = 0; i < op->nin; i++)
    if (op->in[i]->type->rank > out->rank)
      out->rank = op->in[i]->type->rank;
  for (int d = 0; d < out->rank; d++)
    out->dim[d] = 1;
  for (int i = 0; i < op->nin; i++) {
    const Type *t = op->in[i]->type;
    for (int d = 0; d < t->rank; d++) {
      int64_t *y = &out->dim[out->rank - t->rank + d];
      if (t->dim[d] != 1 && *y != 1 && t->dim[d] != *y)
        return op_error(op, E0201, "%s and %s do not broadcast",
                        value_text(op, op->in[0]), value_text(op, op->in[i]));
      *y = *y == 1 ? t->dim[d] : *y;
    }
  }
  return true;
}

static bool takes(const MapInfo *m, DType t) {
  if (t == DT_bool)
    return m->takes_bool;
  if (dtype_is_float(t))
    return m->takes_float;
  if (dtype_bits(t) < 8)
    return false;
  return dtype_is_signed(t) ? m->takes_signed : m->takes_unsigned;
}

/* What m takes, in words. */
static const char *taken(const MapInfo *m) {
  if (m->takes_unsigned)
    return m->takes_float ? "floats or integers of 8 bits and more"
                          : "integers of 8 bits and more";
  if (m->takes_signed)
    return "floats or signed integers of 8 bits and more";
  return m->takes_float ? "floats" : "bool";
}

bool check_plain(const Op *op) {
  for (int i = 0; i < op->nin + op->nout; i++) {
    const Value *v = i < op->nin ? op->in[i] : op->out[i - op->nin];
    if (v && v->type->q)
      return op_error(op, E0202, "%s must not be quantized", value_text(op, v));
  }
  return true;
}

bool check_dtype(const Op *op, const Value *v, DType t) {
  return v->type->dtype == t || op_error(op, E0201, "%s: expected %s",
                                         value_text(op, v), dtype_name(t));
}

Form check_float_form(const Op *op, int n) {
  DType t = op->out[0]->type->dtype;
  if (!dtype_is_float(t))
    return check_form(op, n);
  for (int i = 0; i < n; i++)
    if (op->in[i]->type->dtype != t) {
      op_error(op, E0201, "%s does not go with %s", value_text(op, op->in[i]),
               value_text(op, op->out[0]));
      return FORM_bad;
    }
  return FORM_f32;
}

/* A fused activation is for floats only: integers are clamped by an op. */
static bool check_act(const Op *op, DType t) {
  bool has_act = op->kind == OP_add || op->kind == OP_sub || op->kind == OP_mul;
  return !has_act || op->attrs.act.act == ACT_none || dtype_is_float(t) ||
         op_error(op, E0201, "takes no activation on plain integers");
}

bool infer_map(const Op *op, Shape *out) {
  const MapInfo *m = map_info(op->kind);
  DType t = op->in[0]->type->dtype;
  if (!check_plain(op))
    return false;
  if (!takes(m, t))
    return op_error(op, E0201, "%s: expected %s", value_text(op, op->in[0]),
                    taken(m));
  bool ok = check_act(op, t);
  for (int i = 1; i < op->nin; i++)
    ok &= check_dtype(op, op->in[i], t);
  ok &= check_dtype(op, op->out[0], m->makes_bool ? DT_bool : t);
  return shape_broadcast(op, out) && ok;
}

#define MAP_Q(op, types, result, f, i)
#define MAP(op, types, result, f, i)                                           \
  bool infer_##op(const Op *o, Shape *out) { return infer_map(o, out); }
#include "ir/map.def"
#undef MAP
#undef MAP_Q

/* Elements of any type are chosen from, not computed. */
bool infer_select(const Op *op, Shape *out) {
  bool ok = check_dtype(op, op->in[0], DT_bool);
  ok &= check_same_element(op, op->in[1], op->out[0]);
  ok &= check_same_element(op, op->in[2], op->out[0]);
  const QuantParams *q = op->out[0]->type->q;
  if (q && q->axis >= 0)
    ok = op_error(op, E0202, "%s: expected one scale and zero point",
                  value_text(op, op->out[0]));
  return shape_broadcast(op, out) && ok;
}

bool infer_cast(const Op *op, Shape *out) {
  *out = shape_of(op->in[0]);
  return check_plain(op);
}

/* The bits' meaning changes with the type: quantization may come and go. */
bool infer_bitcast(const Op *op, Shape *out) {
  DType x = op->in[0]->type->dtype, y = op->out[0]->type->dtype;
  *out = shape_of(op->in[0]);
  if (x == DT_bool || y == DT_bool || dtype_bits(x) != dtype_bits(y))
    return op_error(op, E0201, "%s and %s differ in the size of an element",
                    value_text(op, op->in[0]), value_text(op, op->out[0]));
  return true;
}
