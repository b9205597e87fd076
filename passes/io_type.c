#include "passes/io_type.h"

static bool is_real(const Type *t) { return t->dtype == DT_f32 || t->q; }

static bool is_done(const Type *t, DType dtype) {
  return !is_real(t) || t->dtype == dtype;
}

static bool refuse(const Graph *g, const char *kind, const Value *v,
                   const char *why) {
  diag_error(g->diag, E0302, (Loc){.file = g->file}, "%s %s %s", kind, v->name,
             why);
  diag_hint(g->diag, "--io-type=float leaves floats as they are");
  return false;
}

static Value *convert(Graph *g, Op *before, OpKind kind, Value *x,
                      const Type *t) {
  return graph_op(g, before, kind, NULL, 1, &x, 1, &t, NULL, (Loc){0})->out[0];
}

/* The same values with the other signedness. */
static const Type *flipped(Graph *g, const Type *t) {
  DType dtype = t->dtype == DT_i8 ? DT_u8 : DT_i8;
  int move = dtype == DT_u8 ? 128 : -128;
  return type_with_dtype(g->arena, t, dtype,
                         quant_per_tensor(g->arena, type_scale(t),
                                          type_zero_point(t) + move, dtype));
}

static bool keeps_elements(const Op *op) {
  return op->kind == OP_transpose || op->kind == OP_reshape;
}

/* ---- inputs ---- */

/* Gives input v the type t and what read it `kind` of that. */
static void convert_input(Graph *g, Value *v, OpKind kind, const Type *t) {
  const Type *was = v->type;
  graph_set_type(g, v, t);
  Value *inside = convert(g, g->first, kind, v, was);
  graph_replace_uses(g, v, inside);
  op_set_input(inside->def, 0, v);
}

/* The only quantize that v ends in, through transposes and reshapes. */
static Op *quantize_behind(const Graph *g, Value *v) {
  while (v->uses.n == 1 && value_use_count(g, v) == 1) {
    Op *op = v->uses.v[0].op;
    if (op->kind == OP_quantize && type_is_q8(op->out[0]->type))
      return op;
    if (!keeps_elements(op))
      return NULL;
    v = op->out[0];
  }
  return NULL;
}

/* Takes the quantize away: everything in front of it is of its type. */
static void lift_quantize(Graph *g, Op *quantize, Value *input) {
  const Type *t = quantize->out[0]->type;
  for (Value *v = quantize->in[0];; v = v->def->in[0]) {
    graph_set_type(g, v, type_with_dtype(g->arena, v->type, t->dtype, t->q));
    if (v == input)
      break;
  }
  graph_replace_uses(g, quantize->out[0], quantize->in[0]);
  graph_remove_op(g, quantize);
}

static bool set_input(Graph *g, Value *v, DType dtype) {
  if (is_done(v->type, dtype))
    return true;
  if (v->type->dtype == DT_f32) {
    Op *quantize = quantize_behind(g, v);
    if (!quantize)
      return refuse(g, "input", v, "is not quantized by what reads it");
    lift_quantize(g, quantize, v);
  }
  if (v->type->dtype == dtype)
    return true;
  if (!type_is_q8(v->type))
    return refuse(g, "input", v, "is not of 8 bits");
  const Type *t = dtype == DT_f32
                      ? type_with_dtype(g->arena, v->type, DT_f32, NULL)
                      : flipped(g, v->type);
  convert_input(g, v, OP_quantize, t);
  return true;
}

/* ---- outputs ---- */

static void set_output_value(Graph *g, int i, Value *v) {
  Value *old = g->outputs.v[i];
  g->outputs.v[i] = v;
  graph_swap_names(g, old, v);
}

/* The dequantize that v comes from, through transposes and reshapes that
 * nothing else reads. */
static Op *dequantize_before(const Graph *g, const Value *v) {
  while (v->def && value_use_count(g, v) == 1) {
    if (v->def->kind == OP_dequantize && type_is_q8(v->def->in[0]->type))
      return v->def;
    if (!keeps_elements(v->def))
      return NULL;
    v = v->def->in[0];
  }
  return NULL;
}

/* Takes the dequantize away: everything behind it is of its operand's type. */
static void drop_dequantize(Graph *g, int i, Op *dequantize) {
  Value *x = dequantize->in[0], *out = g->outputs.v[i];
  if (out->def == dequantize) {
    set_output_value(g, i, x);
  } else {
    for (Value *v = out; v->def != dequantize; v = v->def->in[0])
      graph_set_type(
          g, v, type_with_dtype(g->arena, v->type, x->type->dtype, x->type->q));
    graph_replace_uses(g, dequantize->out[0], x);
  }
  graph_remove_op(g, dequantize);
}

static bool set_output(Graph *g, int i, DType dtype) {
  Value *v = g->outputs.v[i];
  if (is_done(v->type, dtype))
    return true;
  if (v->type->dtype == DT_f32) {
    Op *dequantize = dequantize_before(g, v);
    if (!dequantize)
      return refuse(g, "output", v, "is not dequantized from 8 bits");
    drop_dequantize(g, i, dequantize);
    v = g->outputs.v[i];
  }
  if (v->type->dtype == dtype)
    return true;
  if (!type_is_q8(v->type))
    return refuse(g, "output", v, "is not of 8 bits");
  bool to_float = dtype == DT_f32;
  const Type *t = to_float ? type_with_dtype(g->arena, v->type, DT_f32, NULL)
                           : flipped(g, v->type);
  set_output_value(
      g, i, convert(g, NULL, to_float ? OP_dequantize : OP_quantize, v, t));
  return true;
}

bool graph_set_io_type(Graph *g, DType dtype) {
  bool ok = true;
  for (int i = 0; i < g->inputs.n; i++)
    ok &= set_input(g, g->inputs.v[i], dtype);
  for (int i = 0; i < g->outputs.n; i++)
    ok &= set_output(g, i, dtype);
  return ok && graph_verify(g);
}
