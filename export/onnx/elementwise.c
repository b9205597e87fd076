/* Ops on one element of each operand. They take the layout of the first
 * operand that is computed; the others follow. */
#include "export/onnx/constant.h"
#include "export/onnx/exporter.h"

/* --- operands ---------------------------------------------------------- */

static bool is_smaller(const Value *v, int rank) {
  return v->type->rank < rank && type_count(v->type) > 1;
}

/* The layout to compute op in: what has fewer dimensions has them in order. */
static Perm perm_of_map(const Exporter *x, const Op *op) {
  int rank = op->out[0]->type->rank;
  const Value *first = NULL;
  for (int i = 0; i < op->nin; i++) {
    const Value *v = op->in[i];
    if (is_smaller(v, rank) && !v->init)
      return perm_identity(rank);
    if (!first && v->type->rank == rank && !form_is_lazy(v))
      first = v;
  }
  return first ? form_perm(x, first) : perm_identity(rank);
}

/* A constant that broadcasts, with all dimensions; its real numbers where it
 * is quantized, by one scale. */
static const char *widened(Exporter *x, const Op *op, int i, const Perm *p) {
  const Value *v = op->in[i];
  int64_t dim[MAX_RANK];
  int lead = p->n - v->type->rank;
  for (int d = 0; d < p->n; d++)
    dim[d] = d < lead ? 1 : v->type->dim[d - lead];
  const Type *t = type_with_shape(x->arena, v->type, p->n, dim);
  const char *name =
      form_word(x, op->out[0]->name, arena_printf(x->arena, "operand_%d", i));
  constant_add(x, name, t, v->init->data, p);
  if (!t->q)
    return name;
  const char *real = form_word(x, name, "real");
  dequantize_as(x, t, name, real);
  return real;
}

static const char *operand(Exporter *x, const Op *op, int i, const Perm *p,
                           bool real) {
  Value *v = op->in[i];
  Perm own = perm_identity(v->type->rank);
  if (v->type->rank == p->n)
    own = *p;
  else if (is_smaller(v, p->n) && !perm_is_identity(p))
    return widened(x, op, i, p);
  return real ? form_real(x, v, &own) : form_stored(x, v, &own);
}

static bool map_node(Exporter *x, const Op *op, int nattr, const Attr *attrs) {
  Perm p = perm_of_map(x, op);
  bool real = op->kind != OP_select; /* which moves elements only */
  const char *in[3];
  for (int i = 0; i < op->nin; i++)
    in[i] = operand(x, op, i, &p, real);
  return real ? result_node(x, op, &p, op->nin, in, nattr, attrs)
              : stored_node(x, op, &p, op->nin, in, nattr, attrs);
}

/* --- ops --------------------------------------------------------------- */

bool export_map(Exporter *x, const Op *op) { return map_node(x, op, 0, NULL); }

bool export_leaky_relu(Exporter *x, const Op *op) {
  Attr a = A_FLOAT("alpha", op->attrs.leaky.alpha);
  return map_node(x, op, 1, &a);
}

bool export_is_inf(Exporter *x, const Op *op) {
  const IsInfAttrs *of = &op->attrs.is_inf;
  Attr a[] = {A_INT("detect_negative", of->detect_negative),
              A_INT("detect_positive", of->detect_positive)};
  return map_node(x, op, 2, a);
}

bool export_mod(Exporter *x, const Op *op) {
  bool fmod = op->attrs.mod.fmod;
  if (!fmod && dtype_is_float(op->out[0]->type->dtype))
    return export_refuse(x, op, "ONNX has floats' remainder with fmod only");
  Attr a = A_INT("fmod", fmod);
  return map_node(x, op, 1, &a);
}

bool export_shift(Exporter *x, const Op *op) {
  if (dtype_is_signed(op->out[0]->type->dtype))
    return export_refuse(x, op, "ONNX shifts unsigned integers only");
  Attr a = A_STRING("direction", op->kind == OP_shift_left ? "LEFT" : "RIGHT");
  return map_node(x, op, 1, &a);
}

bool export_relu6(Exporter *x, const Op *op) {
  Perm p = form_perm(x, op->in[0]);
  const char *in = form_real(x, op->in[0], &p);
  Result r = result_begin(x, op->out[0], &p, ACT_none);
  const Type *t = op->in[0]->type;
  clip_node(x, t->q ? DT_f32 : t->dtype, 0, 6, in, r.name);
  result_end(x, &r);
  return true;
}

/* --- conversions ------------------------------------------------------- */

/* What saturates is brought into the range first, as far as floats have its
 * ends exactly. */
static const char *saturated(Exporter *x, const Op *op, const char *in) {
  DType from = op->in[0]->type->dtype, to = op->out[0]->type->dtype;
  if (!op->attrs.cast.saturate || !dtype_is_integer(to) ||
      dtype_bits(to) > 16 || from == DT_bool)
    return in;
  double lo = (double)dtype_min(to), hi = (double)dtype_max(to);
  if (dtype_is_integer(from)) {
    lo = lo > (double)dtype_min(from) ? lo : (double)dtype_min(from);
    hi = hi < (double)dtype_max(from) ? hi : (double)dtype_max(from);
  }
  const char *out = form_word(x, op->out[0]->name, "saturated");
  clip_node(x, from, lo, hi, in, out);
  return out;
}

bool export_cast(Exporter *x, const Op *op) {
  Perm p = form_perm(x, op->in[0]);
  const char *in = saturated(x, op, form_stored(x, op->in[0], &p));
  Attr to = A_INT("to", onnx_code(op->out[0]->type->dtype));
  return stored_node(x, op, &p, 1, &in, 1, &to);
}

bool export_quantize(Exporter *x, const Op *op) {
  Perm p = form_perm(x, op->in[0]);
  const char *in = form_real(x, op->in[0], &p);
  const char *name = form_name(x, op->out[0], &p);
  quantize_node(x, op->out[0], &p, in, name);
  form_bind(x, op->out[0], name, &p);
  return true;
}

bool export_dequantize(Exporter *x, const Op *op) {
  Perm p = form_perm(x, op->in[0]);
  const char *in = form_stored(x, op->in[0], &p);
  const char *name = form_name(x, op->out[0], &p);
  dequantize_node(x, op->in[0], &p, in, name);
  form_bind(x, op->out[0], name, &p);
  return true;
}

/* table[x - least x] */
bool export_lut(Exporter *x, const Op *op) {
  Value *v = op->in[0];
  const char *base = op->out[0]->name;
  Perm p = form_perm(x, v), flat = perm_identity(1);
  const char *byte = form_stored(x, v, &p);
  const char *wide = form_word(x, base, "wide");
  const char *index = form_word(x, base, "index");
  Attr to = A_INT("to", onnx_code(DT_i64));
  node(x, "Cast", 1, &byte, wide, 1, &to);
  const char *sum[] = {
      wide, tensor_int(x, base, "least", -dtype_min(v->type->dtype))};
  node(x, "Add", 2, sum, index, 0, NULL);
  const char *in[] = {form_stored(x, op->in[1], &flat), index};
  return stored_node(x, op, &p, 2, in, 0, NULL);
}
