/* What prune-channels reads of convolutions and dense layers. */
#include "ir/element.h"
#include "passes/prune/channels.h"

/* Padding, or a window that reaches outside: some taps may read none of x. */
static bool sees_padding(const Op *op) {
  for (int i = 0; i < 4; i++)
    if (op->attrs.conv.pad.v[i])
      return true;
  return false;
}

/* 8 bits with biases in the accumulator's unit, or floats. */
static bool has_form(const Op *op) {
  const Value *b = op_in(op, 2);
  const Type *x = op->in[0]->type, *w = op->in[1]->type;
  if (op->in[0]->init || !op->in[1]->init || (b && !b->init) || op_in(op, 3) ||
      op_in(op, 4) || (w->q && w->q->codebook))
    return false;
  if (x->dtype == DT_f32)
    return w->dtype == DT_f32 && (!b || b->type->dtype == DT_f32);
  return type_is_q8(x) && type_is_q8(op->out[0]->type) &&
         (w->dtype == DT_i8 || w->dtype == DT_u8) &&
         (!b || b->type->dtype == DT_i32);
}

static void conv_dims(Linear *l) {
  const Type *x = l->x, *w = l->w;
  l->depthwise = l->op->kind == OP_depthwise_conv2d;
  l->outputs = l->depthwise ? w->dim[3] : w->dim[0];
  l->inputs = l->depthwise ? 1 : w->dim[3];
  l->taps = w->dim[1] * w->dim[2];
  l->group = l->outputs / (x->dim[3] / l->inputs);
  l->pads = sees_padding(l->op);
}

bool linear_of(const Op *op, Linear *l) {
  if ((op->kind != OP_conv2d && op->kind != OP_depthwise_conv2d &&
       op->kind != OP_fully_connected) ||
      !has_form(op))
    return false;
  *l = (Linear){.op = op, .x = op->in[0]->type, .w = op->in[1]->type};
  l->zero = type_zero_point(l->x);
  l->taps = 1;
  if (op->kind == OP_fully_connected) {
    l->outputs = l->group = l->w->dim[0];
    l->inputs = l->w->dim[1];
  } else {
    conv_dims(l);
  }
  return true;
}

int64_t linear_channel(const Linear *l, int64_t o, int64_t i) {
  return o / l->group * l->inputs + i;
}

int64_t linear_at(const Linear *l, int64_t o, int64_t tap, int64_t i) {
  return l->depthwise ? tap * l->outputs + o
                      : (o * l->taps + tap) * l->inputs + i;
}

static uint64_t weight_bits(const Linear *l, int64_t at) {
  return element_load(l->w->dtype, l->op->in[1]->init->data, at);
}

int64_t linear_int(const Linear *l, int64_t o, int64_t at) {
  uint64_t bits = weight_bits(l, at);
  int64_t w = dtype_is_signed(l->w->dtype) ? element_to_int(l->w->dtype, bits)
                                           : (int64_t)bits;
  return w - type_channel_zero_point(l->w, o);
}

double linear_float(const Linear *l, int64_t at) {
  return element_to_double(l->w->dtype, weight_bits(l, at));
}

bool linear_is_zero(const Linear *l, int64_t o, int64_t at) {
  return dtype_is_float(l->w->dtype) ? linear_float(l, at) == 0
                                     : linear_int(l, o, at) == 0;
}

bool linear_takes(const Linear *l, const Channel *x) {
  if (!x->constant)
    return false;
  if (dtype_is_float(l->x->dtype))
    return element_to_double(l->x->dtype, x->bits) == 0;
  return !l->pads || x->lo == l->zero;
}

int64_t linear_bias_int(const Linear *l, int64_t o) {
  const Value *b = op_in(l->op, 2);
  return b ? element_to_int(b->type->dtype,
                            element_load(b->type->dtype, b->init->data, o))
           : 0;
}

float linear_bias_float(const Linear *l, int64_t o) {
  const Value *b = op_in(l->op, 2);
  return b ? (float)element_to_double(
                 b->type->dtype, element_load(b->type->dtype, b->init->data, o))
           : 0;
}
