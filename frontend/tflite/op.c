/* What all TFLite operators share: looking up the row, reading operands and
 * options, reporting, emitting. */
#include <assert.h>
#include <string.h>

#include "frontend/tflite/import.h"

/* --- reporting --------------------------------------------------------- */

bool op_refuse(TflOp *o, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  const char *why = arena_vprintf(o->im->arena, fmt, ap);
  va_end(ap);
  return diag_error(o->im->diag, E0302, o->loc, "%s", why);
}

bool op_invalid(TflOp *o, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  const char *why = arena_vprintf(o->im->arena, fmt, ap);
  va_end(ap);
  return diag_error(o->im->diag, E0201, o->loc, "%s", why);
}

/* --- constant operands and options ------------------------------------- */

static int64_t element(const Fb *fb, const Type *type, FbVec v, size_t i) {
  return type->dtype == DT_i64 ? fb_vec_i64(fb, v, i) : fb_vec_i32(fb, v, i);
}

/* What shape arithmetic has computed. */
static bool known_ints(TflOp *o, const Value *v, const char *what, Ints *out) {
  int64_t n = type_count(v->type);
  if (n > 2 * MAX_RANK)
    return op_invalid(o, "%s has %lld elements", what, (long long)n);
  out->n = (int)n;
  for (int i = 0; i < out->n; i++)
    out->v[i] = v->type->dtype == DT_i64 ? ((const int64_t *)v->init->data)[i]
                                         : ((const int32_t *)v->init->data)[i];
  return true;
}

static bool is_known(const Tensor *t) {
  const Value *v = t->produced ? t->value : NULL;
  return v && v->init && (v->type->dtype == DT_i32 || v->type->dtype == DT_i64);
}

bool op_ints(TflOp *o, int operand, const char *what, Ints *out) {
  Import *im = o->im;
  Tensor *t = o->tin[operand];
  if (is_known(t))
    return known_ints(o, t->value, what, out);
  const Type *type = tensor_type(im, t, o->loc);
  if (!type)
    return false;
  FbVec v = tensor_bytes(im, t);
  int64_t n = type_count(type);
  if (im->fb.bad)
    return false;
  if (t->produced || (!v.n && n))
    return diag_error(im->diag, E0303, o->loc,
                      "%s ('%.80s') must be a constant", what,
                      tensor_name(im, t));
  if (type->dtype != DT_i32 && type->dtype != DT_i64)
    return op_invalid(o, "%s must be integers, not %s", what,
                      dtype_name(type->dtype));
  if (n > 2 * MAX_RANK)
    return op_invalid(o, "%s has %lld elements", what, (long long)n);
  if (v.n != (size_t)type_bytes(type))
    return fb_corrupt(&im->fb, v.pos, tensor_name(im, t),
                      "%zu bytes of data for a tensor of %lld", v.n,
                      (long long)type_bytes(type));
  out->n = (int)n;
  for (int i = 0; i < out->n; i++)
    out->v[i] = element(&im->fb, type, v, (size_t)i);
  return true;
}

bool op_int(TflOp *o, int operand, const char *what, int64_t *out) {
  Ints all;
  if (!op_ints(o, operand, what, &all))
    return false;
  if (all.n != 1)
    return op_invalid(o, "%s must be one integer, not %d", what, all.n);
  *out = all.v[0];
  return true;
}

bool op_axis(TflOp *o, int64_t *axis, int rank) {
  if (*axis < -rank || *axis >= rank)
    return op_invalid(o, "axis %lld of a tensor of rank %d", (long long)*axis,
                      rank);
  *axis += *axis < 0 ? rank : 0;
  return true;
}

bool op_act(TflOp *o, const FbField *f, Act *out) {
  static const struct {
    const char *name;
    Act act;
  } rows[] = {{"NONE", ACT_none},
              {"RELU", ACT_relu},
              {"RELU_N1_TO_1", ACT_relu_n1_1},
              {"RELU6", ACT_relu6},
              {"TANH", ACT_COUNT},
              {"SIGN_BIT", ACT_COUNT}};
  unsigned code = fb_u8(&o->im->fb, o->options, f);
  if (code >= sizeof rows / sizeof *rows)
    return op_invalid(o, "fused activation %u does not exist", code);
  *out = rows[code].act;
  return *out != ACT_COUNT ||
         op_refuse(o, "fused activation %s is not supported", rows[code].name);
}

/* --- emitting ---------------------------------------------------------- */

/* A shape that the file leaves open is the one that the op gives. */
static bool settle(TflOp *o, Op *op) {
  Import *im = o->im;
  if (o->nout > 1 || !tensor_is_open(im, o->tout[0]))
    return true;
  if (!op_settle_shape(op)) {
    graph_remove_op(im->graph, op);
    return false;
  }
  o->out[0] = o->tout[0]->type = op->out[0]->type;
  return true;
}

bool op_emit(TflOp *o, OpKind kind, const Attrs *attrs, int nin,
             Value *const *in) {
  Import *im = o->im;
  const char **names = ARENA_ARRAY(im->arena, const char *, o->nout);
  for (int i = 0; i < o->nout; i++)
    names[i] = tensor_name(im, o->tout[i]);
  Op *op = graph_op(im->graph, NULL, kind, attrs, nin, in, o->nout, o->out,
                    names, o->loc);
  if (!settle(o, op))
    return false;
  Value **out = ARENA_ARRAY(im->arena, Value *, o->nout);
  memcpy(out, op->out, (size_t)o->nout * sizeof *out);
  bool ok = op_fold_shapes(im->graph, op, out);
  for (int i = 0; i < o->nout; i++)
    o->tout[i]->value = out[i];
  return ok;
}

Value *op_emit_inner(TflOp *o, OpKind kind, const Attrs *attrs,
                     Value *const *in, int nin, const Type *type,
                     const char *suffix) {
  Import *im = o->im;
  const char *name =
      arena_printf(im->arena, "%s/%s", tensor_name(im, o->tout[0]), suffix);
  Value *out;
  Op *op =
      graph_op(im->graph, NULL, kind, attrs, nin, in, 1, &type, &name, o->loc);
  out = op->out[0];
  return op_fold_shapes(im->graph, op, &out) ? out : NULL;
}

bool op_emit_reshape(TflOp *o, Value *x) {
  return op_emit(o, OP_reshape, NULL, 1, &x);
}

static const char *shape_text(TflOp *o, int rank, const int64_t *dim) {
  Str s = str_new(o->im->arena);
  str_add(&s, "[");
  for (int i = 0; i < rank; i++)
    str_printf(&s, "%s%lld", i ? "," : "", (long long)dim[i]);
  str_add(&s, "]");
  return str_cstr(&s);
}

/* All dimensions known, and no more elements than any tensor may have. */
static bool is_complete(int rank, const int64_t *dim) {
  int64_t count = 1;
  for (int i = 0; i < rank; i++) {
    if (dim[i] <= 0 || dim[i] > INT32_MAX / 8 / count)
      return false;
    count *= dim[i];
  }
  return rank > 0 && rank <= MAX_RANK;
}

bool op_check_shape(TflOp *o, int rank, const int64_t *dim, const char *what) {
  const Type *t = o->out[0];
  bool same = t->rank == rank;
  for (int i = 0; same && i < rank; i++)
    same = t->dim[i] == dim[i];
  bool open = !t->rank || tensor_is_open(o->im, o->tout[0]);
  if (!same && open && is_complete(rank, dim)) {
    o->out[0] = type_with_shape(o->im->arena, t, rank, dim);
    o->tout[0]->type = o->out[0];
    return true;
  }
  return same ||
         op_invalid(o, "%s gives shape %s, the output tensor has %s", what,
                    shape_text(o, rank, dim), shape_text(o, t->rank, t->dim));
}

/* --- reading one operator ---------------------------------------------- */

typedef struct OpCode {
  int64_t builtin;
  int version;
  const char *name; /* "CONV_2D" or the name of a custom operator */
} OpCode;

/* Old files have codes up to 126 in an 8-bit field; 127 there says that the
 * 32-bit field counts. Files of both kinds exist: the larger one is right. */
static int64_t builtin_code(Fb *fb, FbTable t) {
  int old = fb_i8(fb, t, TFL_F(OperatorCode, deprecated_builtin_code));
  int32_t code = fb_i32(fb, t, TFL_F(OperatorCode, builtin_code), 0);
  return old > code ? old : code;
}

static const char *custom_name(Import *im, FbTable t) {
  FbVec s = fb_vec(&im->fb, t, TFL_F(OperatorCode, custom_code), 1);
  size_t n = s.n < 100 ? s.n : 100;
  const char *text = n ? (const char *)im->fb.data + s.pos : "";
  return arena_printf(im->arena, "CUSTOM %.*s", (int)n, text);
}

static bool read_opcode(Import *im, FbTable op, OpCode *out) {
  Fb *fb = &im->fb;
  uint32_t index = fb_u32(fb, op, TFL_F(Operator, opcode_index));
  if (!fb->bad && index >= im->opcodes.n)
    fb_corrupt(fb, op.pos, "Operator.opcode_index", "operator code %u of %zu",
               index, im->opcodes.n);
  if (fb->bad)
    return false;
  FbTable t =
      fb_vec_table(fb, im->opcodes, index, TFL_F(Model, operator_codes));
  out->builtin = builtin_code(fb, t);
  out->version = fb_i32(fb, t, TFL_F(OperatorCode, version), 1);
  out->name = out->builtin == TFL_CUSTOM ? custom_name(im, t)
                                         : tfl_builtin_name(out->builtin);
  if (!out->name)
    out->name =
        arena_printf(im->arena, "BUILTIN_%lld", (long long)out->builtin);
  return !fb->bad;
}

static bool read_tensor_list(Import *im, FbTable op, const FbField *f, int *n,
                             Tensor ***out) {
  FbVec v = fb_vec(&im->fb, op, f, 4);
  if (im->fb.bad || !import_spend(im, v.n))
    return false;
  *n = (int)v.n;
  *out = ARENA_ARRAY(im->arena, Tensor *, v.n);
  for (int i = 0; i < *n; i++) {
    int32_t index = fb_vec_i32(&im->fb, v, (size_t)i);
    bool absent = index == -1 && f == TFL_F(Operator, inputs);
    if (!absent && !((*out)[i] = import_tensor(im, index, f->name)))
      return false;
  }
  return true;
}

/* The letter of operand i; 0 when there is no such operand. */
static char operand_letter(const char *spec, int i) {
  for (; *spec; spec++, i--)
    if (*spec == '+' || i == 0)
      return *spec;
  return 0;
}

static bool operand_optional(char letter) {
  return letter == 'b' || letter == 'o';
}

/* Presence only; `in` is filled after that. */
static bool check_arity(TflOp *o) {
  const char *spec = o->row->operands;
  int least = 0;
  while (spec[least] && !operand_optional(spec[least]))
    least++;
  if (o->nin < least || (o->nin && !operand_letter(spec, o->nin - 1)))
    return op_invalid(o, "%d operands", o->nin);
  for (int i = 0; i < o->nin; i++)
    if (!o->tin[i] && !operand_optional(operand_letter(spec, i)))
      return op_invalid(o, "operand %d is absent", i);
  if (o->row->nout ? o->nout != o->row->nout : o->nout < 1)
    return op_invalid(o, "%d outputs", o->nout);
  return true;
}

static bool read_values(TflOp *o) {
  Import *im = o->im;
  bool ok = true;
  o->in = ARENA_ARRAY(im->arena, Value *, o->nin);
  for (int i = 0; i < o->nin; i++) {
    char letter = operand_letter(o->row->operands, i);
    if (!o->tin[i] || letter == 'k' || letter == 'o')
      continue;
    o->in[i] = tensor_value(im, o->tin[i], o->loc);
    ok = ok && o->in[i];
  }
  o->out = ARENA_ARRAY(im->arena, const Type *, o->nout);
  for (int i = 0; i < o->nout; i++) {
    o->out[i] = tensor_value_type(im, o->tout[i], o->loc);
    ok = ok && o->out[i];
  }
  return ok;
}

static bool read_options(TflOp *o, FbTable op) {
  Fb *fb = &o->im->fb;
  if (o->row->options == TFL_OPTIONS_ANY)
    return true;
  unsigned type = fb_u8(fb, op, TFL_F(Operator, builtin_options_type));
  if (type && type != (unsigned)o->row->options)
    return op_invalid(o, "has the options of another operator (%u)", type);
  if (type)
    o->options = fb_table(fb, op, TFL_F(Operator, builtin_options));
  return !fb->bad;
}

/* --- refusing ---------------------------------------------------------- */

static bool refuse_unknown(TflOp *o, const OpCode *code) {
  static const struct {
    TflBuiltin builtin;
    const char *hint;
  } hints[] = {
      {TFL_CUSTOM, "only builtin operators can be compiled; convert without "
                   "custom operators"},
      {TFL_IF, "control flow cannot be compiled; export one branch"},
      {TFL_WHILE, "control flow cannot be compiled; convert with unrolled "
                  "recurrent layers"},
      {TFL_CALL_ONCE, "resource variables cannot be compiled; freeze the "
                      "model before it is converted"},
  };
  Diag *d = o->im->diag;
  diag_error(d, E0301, o->loc, "operator %s is not supported", code->name);
  for (size_t i = 0; i < sizeof hints / sizeof *hints; i++)
    if ((int64_t)hints[i].builtin == code->builtin)
      diag_hint(d, "%s", hints[i].hint);
  return false;
}

static bool check_version(TflOp *o, const OpCode *code) {
  const TflRow *r = o->row;
  if (code->version >= r->min && code->version <= r->max)
    return true;
  op_refuse(o, "version %d of %s is not supported", code->version, code->name);
  diag_hint(o->im->diag, "versions %d to %d are", r->min, r->max);
  return false;
}

/* Rounding tflm is for operators whose bytes in TFLite Micro are known, and
 * for those that only move elements. */
static bool check_rounding(TflOp *o) {
  static const OpKind known[] = {
      OP_conv2d,     OP_depthwise_conv2d, OP_fully_connected, OP_add,
      OP_avg_pool2d, OP_max_pool2d,       OP_softmax};
  Rounding rounding = o->im->graph->rounding;
  if (rounding != ROUND_tflm || op_info(o->row->ir)->traits & T_MOVE)
    return true;
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (known[i] == o->row->ir)
      return true;
  op_refuse(o, "%s has no defined bytes with rounding %s",
            op_info(o->row->ir)->name, rounding_name(rounding));
  diag_hint(o->im->diag, "import with rounding %s",
            rounding_name(ROUND_tflite));
  return false;
}

/* --- the operators in order -------------------------------------------- */

static bool claim_outputs(TflOp *o) {
  for (int i = 0; i < o->nout; i++) {
    Tensor *t = o->tout[i];
    if (t->produced || tensor_bytes(o->im, t).n)
      return op_invalid(o,
                        "tensor '%.80s' is written twice, or is a constant "
                        "or an input",
                        tensor_name(o->im, t));
    t->produced = true;
  }
  return !o->im->fb.bad;
}

static bool import_op(TflOp *o, FbTable op, const OpCode *code) {
  if (!claim_outputs(o))
    return false;
  if (!o->row)
    return refuse_unknown(o, code);
  while (o->nin && !o->tin[o->nin - 1])
    o->nin--; /* absent operands at the end are as good as none */
  return check_version(o, code) && check_rounding(o) && check_arity(o) &&
         read_options(o, op) && read_values(o) && o->row->types(o) &&
         o->row->import(o);
}

static Loc op_loc(Import *im, size_t index, const OpCode *code,
                  const TflOp *o) {
  const char *what =
      o->nout ? arena_printf(im->arena, "op %zu %s '%.80s'", index, code->name,
                             tensor_name(im, o->tout[0]))
              : arena_printf(im->arena, "op %zu %s", index, code->name);
  return (Loc){.file = im->fb.file, .what = what};
}

void import_ops(Import *im, FbTable subgraph) {
  Fb *fb = &im->fb;
  const FbField *f = TFL_F(SubGraph, operators);
  FbVec ops = fb_vec(fb, subgraph, f, 4);
  for (size_t i = 0; i < ops.n && !fb->bad; i++) {
    FbTable op = fb_vec_table(fb, ops, i, f);
    OpCode code;
    TflOp o = {.im = im};
    if (!read_opcode(im, op, &code) ||
        !read_tensor_list(im, op, TFL_F(Operator, inputs), &o.nin, &o.tin) ||
        !read_tensor_list(im, op, TFL_F(Operator, outputs), &o.nout, &o.tout))
      return;
    o.first_id = im->graph->values.n;
    o.row = tfl_row(code.builtin);
    o.loc = op_loc(im, i, &code, &o);
    import_op(&o, op, &code);
  }
}
