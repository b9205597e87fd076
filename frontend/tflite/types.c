/* Which element types an operator's tensors may have together. What is
 * merely wrong (shapes, parameters) is left to the verifier of the IR; here
 * sound models that Kiln has no arithmetic for are refused. */
#include "frontend/tflite/import.h"

/* "(f32, i8, f32) -> f32" */
static const char *type_list(TflOp *o) {
  Str s = str_new(o->im->arena);
  const char *separator = "(";
  for (int i = 0; i < o->nin; i++)
    if (o->in[i]) {
      str_printf(&s, "%s%s", separator, dtype_name(o->in[i]->type->dtype));
      separator = ", ";
    }
  str_add(&s, ") ->");
  for (int i = 0; i < o->nout; i++)
    str_printf(&s, " %s", dtype_name(o->out[i]->dtype));
  return str_cstr(&s);
}

static bool refuse_types(TflOp *o) {
  return op_refuse(o, "element types %s are not supported", type_list(o));
}

/* Has arithmetic: floats, and small integers that stand for reals. */
static bool is_arithmetic(const Type *t) {
  if (t->dtype == DT_f32)
    return true;
  return t->q && (t->dtype == DT_i8 || t->dtype == DT_u8 || t->dtype == DT_i16);
}

/* x, weights, bias, y; DT_COUNT ends the biases. */
typedef struct MacTypes {
  DType x, w, bias[2];
} MacTypes;

static const MacTypes mac_types[] = {
    {DT_i8, DT_i8, {DT_i32, DT_COUNT}},
    {DT_u8, DT_u8, {DT_i32, DT_COUNT}},
    {DT_i16, DT_i8, {DT_i64, DT_i32}},
    {DT_f32, DT_f32, {DT_f32, DT_COUNT}},
};

static bool is_mac(const MacTypes *m, const Value *x, const Value *w,
                   const Value *b, const Type *y) {
  return x->type->dtype == m->x && y->dtype == m->x && w->type->dtype == m->w &&
         (!b || b->type->dtype == m->bias[0] || b->type->dtype == m->bias[1]);
}

static bool has_zero_point(const Type *t) {
  for (int i = 0; i < t->q->nscale; i++)
    if (t->q->zero_point[i])
      return true;
  return false;
}

/* LiteRT knows one scale for u8 weights, and reads zero points of i8 weights
 * only in fully_connected with one scale. */
static bool check_weights(TflOp *o) {
  const Type *w = o->in[1]->type;
  bool per_tensor = !w->q || w->q->axis < 0;
  if (w->dtype == DT_u8 && !per_tensor)
    return op_refuse(o, "u8 weights with a scale per channel are not "
                        "supported");
  bool ignored = !per_tensor || o->row->ir != OP_fully_connected;
  return w->dtype != DT_i8 || !ignored || !has_zero_point(w) ||
         op_refuse(o, "i8 weights with a zero point are not supported here");
}

/* Float but for the weights, which are constants. */
static bool is_hybrid(const TflOp *o) {
  const Value *w = o->in[1], *b = o->nin > 2 ? o->in[2] : NULL;
  return w->type->dtype == DT_i8 && w->type->q && w->init &&
         o->in[0]->type->dtype == DT_f32 && o->out[0]->dtype == DT_f32 &&
         (!b || b->type->dtype == DT_f32);
}

bool types_mac(TflOp *o) {
  const Value *x = o->in[0], *w = o->in[1];
  const Value *b = o->nin > 2 ? o->in[2] : NULL;
  for (size_t i = 0; i < sizeof mac_types / sizeof *mac_types; i++)
    if (is_mac(&mac_types[i], x, w, b, o->out[0]) && is_arithmetic(x->type) &&
        is_arithmetic(w->type) && is_arithmetic(o->out[0]))
      return check_weights(o);
  if (x->type->dtype != DT_f32 || dtype_is_float(w->type->dtype))
    return refuse_types(o);
  if (is_hybrid(o))
    return check_weights(o);
  op_refuse(o,
            "float activations with %s weights (dynamic-range "
            "quantization) are not supported",
            dtype_name(w->type->dtype));
  diag_hint(o->im->diag, "convert with full integer quantization (a "
                         "representative dataset), or without quantization");
  return false;
}

/* Every value operand and output has dtype t. */
static bool all_of(const TflOp *o, DType t) {
  for (int i = 0; i < o->nin; i++)
    if (o->in[i] && o->in[i]->type->dtype != t)
      return false;
  for (int i = 0; i < o->nout; i++)
    if (o->out[i]->dtype != t)
      return false;
  return true;
}

static bool all_arithmetic(const TflOp *o) {
  for (int i = 0; i < o->nin; i++)
    if (o->in[i] && !is_arithmetic(o->in[i]->type))
      return false;
  for (int i = 0; i < o->nout; i++)
    if (!is_arithmetic(o->out[i]))
      return false;
  return true;
}

bool types_same(TflOp *o) {
  if (!all_of(o, o->out[0]->dtype))
    return refuse_types(o);
  return all_arithmetic(o) ||
         op_refuse(o, "arithmetic on %s without quantization is not supported",
                   dtype_name(o->out[0]->dtype));
}

bool types_move(TflOp *o) {
  return all_of(o, o->out[0]->dtype) || refuse_types(o);
}

bool types_any(TflOp *o) {
  (void)o;
  return true;
}

bool types_float(TflOp *o) { return all_of(o, DT_f32) || refuse_types(o); }
bool types_float_i8(TflOp *o) {
  bool bytes = all_of(o, DT_i8) && all_arithmetic(o);
  return bytes || types_float(o);
}

bool types_bool(TflOp *o) { return all_of(o, DT_bool) || refuse_types(o); }

/* LiteRT's integer kernels read no parameters, but files may have some. */
static bool is_plain(const Type *t) {
  return !t->q || t->dtype == DT_i32 || t->dtype == DT_i64;
}

static bool inputs_plain(const TflOp *o) {
  DType t = o->in[0]->type->dtype;
  for (int i = 0; i < o->nin; i++)
    if (o->in[i] && (o->in[i]->type->dtype != t || !is_plain(o->in[i]->type)))
      return false;
  return true;
}

bool types_plain(TflOp *o) {
  return (all_of(o, o->in[0]->type->dtype) && inputs_plain(o) &&
          is_plain(o->out[0])) ||
         refuse_types(o);
}

bool types_arith(TflOp *o) {
  DType t = o->out[0]->dtype;
  return t == DT_i32 || t == DT_i64 ? types_plain(o) : types_same(o);
}

bool types_compare(TflOp *o) {
  return (inputs_plain(o) && o->out[0]->dtype == DT_bool) || refuse_types(o);
}

bool types_quantize(TflOp *o) {
  bool integer = dtype_is_integer(o->out[0]->dtype);
  return (integer && all_arithmetic(o)) || refuse_types(o);
}

bool types_dequantize(TflOp *o) {
  const Type *x = o->in[0]->type;
  if (x->dtype == DT_f16 && o->out[0]->dtype == DT_f32)
    return true;
  bool integer =
      x->q && dtype_is_integer(x->dtype) && dtype_bits(x->dtype) <= 32;
  return (integer && o->out[0]->dtype == DT_f32) || refuse_types(o);
}
