/* Verification of one op: arity, attributes, element types, and the shape
 * that its row's infer_ function derives against the shape it has. The rows'
 * functions are in infer_linear.c (products, convolutions), infer_map.c
 * (elementwise, on plain types), infer_math.c (pools, conversions),
 * infer_reduce.c, infer_window.c, infer_move.c and infer_index.c. */
#include "ir/infer.h"

#include <math.h>
#include <string.h>

#include "ir/attrs.h"
#include "ir/text.h"
#include "ir/verify.h"

static InferFn *const infer_table[OP_COUNT] = {
#define OP(name, attrs, member, nmin, nmax, nout, traits, doc) infer_##name,
#include "ir/ops.def"
#undef OP
};

bool op_error(const Op *op, DiagCode code, const char *fmt, ...) {
  Arena *a = op->graph->arena;
  va_list ap;
  va_start(ap, fmt);
  char *message = arena_vprintf(a, fmt, ap);
  va_end(ap);
  Str line = str_new(a);
  op_print(&line, op);
  Diag *d = op->graph->diag;
  diag_error(d, code, op->loc, "%s: %s", op_info(op->kind)->name, message);
  diag_excerpt(d, "%s", str_cstr(&line));
  return false;
}

const char *value_text(const Op *op, const Value *v) {
  Str s = str_new(op->graph->arena);
  value_print(&s, v);
  str_add(&s, " : ");
  type_print(&s, v->type);
  return str_cstr(&s);
}

Shape shape_of(const Value *v) {
  Shape s = {.rank = v->type->rank};
  memcpy(s.dim, v->type->dim, sizeof s.dim);
  return s;
}

bool shape_equal(const Shape *a, const Shape *b) {
  return a->rank == b->rank &&
         memcmp(a->dim, b->dim, (size_t)a->rank * sizeof a->dim[0]) == 0;
}

static bool is_small_int(DType t) {
  return t == DT_i8 || t == DT_u8 || t == DT_i16;
}

static Form value_form(const Op *op, const Value *v) {
  const Type *t = v->type;
  if (t->dtype == DT_f32)
    return FORM_f32;
  if (!is_small_int(t->dtype))
    op_error(op, E0201, "%s: expected f32 or quantized i8, u8 or i16",
             value_text(op, v));
  else if (!t->q)
    op_error(op, E0202, "%s has no quantization", value_text(op, v));
  else if (t->q->axis >= 0 || t->q->codebook)
    op_error(op, E0202, "%s: expected one scale and zero point",
             value_text(op, v));
  else if (t->dtype == DT_i16 && t->q->zero_point[0] != 0)
    op_error(op, E0202, "%s: the zero point of i16 must be 0",
             value_text(op, v));
  else
    return t->dtype == DT_i16 ? FORM_q16 : FORM_q8;
  return FORM_bad;
}

/* Under rounding=onnx a layer and a conversion may have 8 bits on one side
 * and 16 on the other; they count as of 16 then. */
static bool may_mix(const Op *op) {
  switch ((int)op->kind) {
  case OP_conv2d:
  case OP_depthwise_conv2d:
  case OP_fully_connected:
  case OP_matmul:
  case OP_quantize:
    return op->rounding == ROUND_onnx;
  default:
    return false;
  }
}

static bool is_quantized_form(Form f) { return f == FORM_q8 || f == FORM_q16; }

Form check_form(const Op *op, int n) {
  Form form = value_form(op, op->out[0]);
  for (int i = 0; i < n; i++) {
    Form f = value_form(op, op->in[i]);
    if (may_mix(op) && is_quantized_form(f) && is_quantized_form(form))
      form = f = f == FORM_q16 ? f : form;
    if (f != FORM_bad && form != FORM_bad && f != form)
      op_error(op, E0201, "%s does not go with %s", value_text(op, op->in[i]),
               value_text(op, op->out[0]));
    if (f != form)
      form = FORM_bad;
  }
  return form;
}

bool check_rank(const Op *op, const Value *v, int rank) {
  return v->type->rank == rank ||
         op_error(op, E0201, "%s: expected rank %d", value_text(op, v), rank);
}

static bool quant_near(const QuantParams *a, const QuantParams *b) {
  if (quant_equal(a, b))
    return true;
  if (!a || !b || a->axis >= 0 || b->axis >= 0 || a->codebook || b->codebook)
    return false;
  return a->zero_point[0] == b->zero_point[0] &&
         fabsf(a->scale[0] - b->scale[0]) <= 1e-6f;
}

bool check_same_element(const Op *op, const Value *a, const Value *b) {
  if (a->type->dtype != b->type->dtype)
    return op_error(op, E0201, "%s and %s must have the same element type",
                    value_text(op, a), value_text(op, b));
  return quant_near(a->type->q, b->type->q) ||
         op_error(op, E0202, "%s and %s must have the same quantization",
                  value_text(op, a), value_text(op, b));
}

bool check_moved_element(const Op *op, int to) {
  const QuantParams *q = op->in[0]->type->q;
  if (!q || q->axis < 0)
    return check_same_element(op, op->in[0], op->out[0]);
  QuantParams moved = *q;
  moved.axis = to;
  Type t = *op->in[0]->type;
  t.q = &moved;
  Value x = *op->in[0];
  x.type = &t;
  return check_same_element(op, &x, op->out[0]);
}

bool check_min(const Op *op, const char *attr, const int64_t *v, int n,
               int64_t min) {
  for (int i = 0; i < n; i++)
    if (v[i] < min)
      return op_error(op, E0201, "%s is %lld, must be at least %lld", attr,
                      (long long)v[i], (long long)min);
  return true;
}

bool check_axis(const Op *op, int64_t axis, int rank) {
  return (axis >= 0 && axis < rank) ||
         op_error(op, E0201, "axis %lld is outside 0..%d", (long long)axis,
                  rank - 1);
}

static bool verify_arity(const Op *op) {
  const OpInfo *info = op_info(op->kind);
  if (op->nin < info->nin_min ||
      (info->nin_max >= 0 && op->nin > info->nin_max))
    return op_error(op, E0201, "has %d operands, expected %s%d", op->nin,
                    op->nin < info->nin_min ? "at least " : "at most ",
                    op->nin < info->nin_min ? info->nin_min : info->nin_max);
  if (info->nout >= 0 ? op->nout != info->nout : op->nout < 1)
    return op_error(op, E0201, "has %d outputs, expected %d", op->nout,
                    info->nout >= 0 ? info->nout : 1);
  for (int i = 0; i < op->nin; i++)
    if (!op->in[i] && (i < info->nin_min || info->nin_max < 0))
      return op_error(op, E0201, "operand %d is missing", i);
  return true;
}

/* Integers small enough for sums never to overflow, lists that fit, enum
 * constants that exist, finite floats. */
static bool verify_ints(const Op *op, const char *name, const int64_t *v,
                        int n) {
  for (int i = 0; i < n; i++)
    if (v[i] < INT32_MIN || v[i] > INT32_MAX)
      return op_error(op, E0201, "%s is out of range", name);
  return true;
}

static bool verify_attr(const Op *op, const AttrField *f) {
  const void *p = attr_at_const(&op->attrs, f);
  switch (f->type) {
  case AT_Int:
    return verify_ints(op, f->name, p, 1);
  case AT_Int2:
    return verify_ints(op, f->name, ((const Int2 *)p)->v, 2);
  case AT_Int4:
    return verify_ints(op, f->name, ((const Int4 *)p)->v, 4);
  case AT_IntList: {
    const IntList *l = p;
    if (l->n < 0 || l->n > MAX_RANK)
      return op_error(op, E0201, "%s has %d elements", f->name, l->n);
    return verify_ints(op, f->name, l->v, MAX_RANK);
  }
  case AT_Float:
    return isfinite(*(const Float *)p) ||
           op_error(op, E0201, "%s is not finite", f->name);
  case AT_Act:
    return *(const Act *)p < ACT_COUNT ||
           op_error(op, E0201, "unknown activation %d", (int)*(const Act *)p);
  case AT_Reduction:
    return *(const Reduction *)p < REDUCTION_COUNT ||
           op_error(op, E0201, "unknown reduction %d",
                    (int)*(const Reduction *)p);
  case AT_Word:
  case AT_Bool:
    return true;
  }
  return true;
}

static bool verify_attrs(const Op *op) {
  int n;
  const AttrField *f = attr_fields(op->kind, &n);
  bool ok = op->rounding < ROUND_COUNT ||
            op_error(op, E0201, "unknown rounding %d", (int)op->rounding);
  for (int i = 0; i < n; i++)
    ok &= verify_attr(op, &f[i]);
  return ok;
}

/* Outputs are reported here, where they are made; an unsound operand has
 * been reported where it was made. */
static bool verify_types(const Op *op) {
  bool ok = true;
  for (int i = 0; i < op->nout; i++) {
    const char *why;
    DiagCode code = type_fault(op->graph->arena, op->out[i]->type, &why);
    if (code != DIAG_CODE_COUNT)
      ok = op_error(op, code, "%s: %s", value_text(op, op->out[i]), why);
  }
  for (int i = 0; i < op->nin; i++)
    if (op->in[i] &&
        type_fault(op->graph->arena, op->in[i]->type, NULL) != DIAG_CODE_COUNT)
      return false;
  return ok;
}

static bool verify_shape(const Op *op, const Shape *want) {
  Shape have = shape_of(op->out[0]);
  if (shape_equal(&have, want))
    return true;
  int64_t none[MAX_RANK] = {0};
  Type t = {.dtype = op->out[0]->type->dtype, .rank = want->rank};
  memcpy(t.dim, want->rank ? want->dim : none, sizeof t.dim);
  Str s = str_new(op->graph->arena);
  type_print(&s, &t);
  return op_error(op, E0201, "%s must be %s", value_text(op, op->out[0]),
                  str_cstr(&s));
}

bool op_verify(const Op *op) {
  if (!verify_arity(op) || !verify_attrs(op) || !verify_types(op))
    return false;
  Shape out;
  return infer_table[op->kind](op, &out) && verify_shape(op, &out);
}

bool op_settle_shape(Op *op) {
  Shape out;
  if (!verify_arity(op) || !verify_attrs(op) || !verify_types(op) ||
      !infer_table[op->kind](op, &out))
    return false;
  Value *y = op->out[0];
  graph_set_type(op->graph, y,
                 type_with_shape(op->graph->arena, y->type, out.rank, out.dim));
  return verify_types(op);
}
