/* Shapes and types of quantized elementwise ops, pools, softmax and
 * conversions. */
#include <math.h>

#include "ir/infer_map.h"

static bool infer_binary(const Op *op, Shape *out) {
  if (op_is_plain(op))
    return infer_map(op, out);
  bool ok = check_form(op, 2) != FORM_bad;
  return shape_broadcast(op, out) && ok;
}

bool infer_add(const Op *op, Shape *out) { return infer_binary(op, out); }
bool infer_sub(const Op *op, Shape *out) { return infer_binary(op, out); }
bool infer_mul(const Op *op, Shape *out) { return infer_binary(op, out); }

static bool infer_unary(const Op *op, Shape *out) {
  if (op_is_plain(op))
    return infer_map(op, out);
  *out = shape_of(op->in[0]);
  return check_form(op, 1) != FORM_bad;
}

bool infer_relu(const Op *op, Shape *out) { return infer_unary(op, out); }
bool infer_relu6(const Op *op, Shape *out) { return infer_unary(op, out); }
bool infer_leaky_relu(const Op *op, Shape *out) { return infer_unary(op, out); }

/* The output parameters that TFLite's kernels are written for. */
static bool check_fixed_output(const Op *op, double scale, int32_t zero) {
  const Type *t = op->out[0]->type;
  if (fabs((double)type_scale(t) - scale) <= 1e-3 * scale &&
      type_zero_point(t) == zero)
    return true;
  return op_error(op, E0202, "%s: expected scale 1/%d and zero point %d",
                  value_text(op, op->out[0]), (int)(1 / scale), (int)zero);
}

/* logistic and tanh on 16 bits are tables of a fixed output scale. */
static bool infer_sigmoidal(const Op *op, Shape *out) {
  if (op_is_plain(op))
    return infer_map(op, out);
  *out = shape_of(op->in[0]);
  Form form = check_form(op, 1);
  if (form == FORM_q16)
    return check_fixed_output(op, 1.0 / 32768, 0);
  return form != FORM_bad;
}

bool infer_logistic(const Op *op, Shape *out) {
  return infer_sigmoidal(op, out);
}
bool infer_tanh(const Op *op, Shape *out) { return infer_sigmoidal(op, out); }

bool infer_softmax(const Op *op, Shape *out) {
  *out = shape_of(op->in[0]);
  if (out->rank == 0)
    return op_error(op, E0201, "the input is a scalar");
  if (op->attrs.softmax.beta <= 0)
    return op_error(op, E0201, "beta must be positive");
  switch (check_float_form(op, 1)) {
  case FORM_q8:
    return check_fixed_output(op, 1.0 / 256,
                              op->out[0]->type->dtype == DT_i8 ? -128 : 0);
  case FORM_q16:
    return check_fixed_output(op, 1.0 / 32768, 0);
  case FORM_f32:
    return true;
  case FORM_bad:
    break;
  }
  return false;
}

/* Pads below the window's size keep at least one element of the input under
 * every window, so that the average has something to divide by. */
static bool pool_extent(const Op *op, int axis, int64_t *out) {
  const PoolAttrs *a = &op->attrs.pool;
  int64_t n = op->in[0]->type->dim[1 + axis], k = a->window.v[axis];
  int64_t lo = a->pad.v[2 * axis], hi = a->pad.v[2 * axis + 1];
  if (lo >= k || hi >= k)
    return op_error(op, E0201, "pads %lld and %lld of a window of %lld",
                    (long long)lo, (long long)hi, (long long)k);
  if (n + lo + hi < k)
    return op_error(op, E0201,
                    "a window of %lld is larger than the padded input's %lld",
                    (long long)k, (long long)(n + lo + hi));
  *out = (n + lo + hi - k) / a->stride.v[axis] + 1;
  return true;
}

static bool infer_pool(const Op *op, Shape *out) {
  const PoolAttrs *a = &op->attrs.pool;
  if (!check_rank(op, op->in[0], 4) ||
      !check_min(op, "window", a->window.v, 2, 1) ||
      !check_min(op, "stride", a->stride.v, 2, 1) ||
      !check_min(op, "pad", a->pad.v, 4, 0))
    return false;
  *out = shape_of(op->in[0]);
  bool rescales = op->kind == OP_avg_pool2d && op->rounding == ROUND_onnx &&
                  type_is_quantized(op->in[0]->type);
  bool ok = check_form(op, 1) != FORM_bad &&
            (rescales || check_same_element(op, op->in[0], op->out[0]));
  ok &= pool_extent(op, 0, &out->dim[1]);
  return pool_extent(op, 1, &out->dim[2]) && ok;
}

bool infer_avg_pool2d(const Op *op, Shape *out) { return infer_pool(op, out); }
bool infer_max_pool2d(const Op *op, Shape *out) { return infer_pool(op, out); }

static bool is_storable(DType t) {
  return t == DT_i8 || t == DT_u8 || t == DT_i16;
}

/* f32 -> any parameters of i8, u8 or i16; or one set of parameters to
 * another. */
bool infer_quantize(const Op *op, Shape *out) {
  const Type *x = op->in[0]->type, *y = op->out[0]->type;
  *out = shape_of(op->in[0]);
  if (x->dtype != DT_f32)
    return check_form(op, 1) != FORM_bad;
  if (!is_storable(y->dtype))
    return op_error(op, E0201, "%s: expected i8, u8 or i16",
                    value_text(op, op->out[0]));
  if (!y->q || y->q->codebook || y->q->block)
    return op_error(op, E0202,
                    "%s: expected scales and zero points, not of blocks",
                    value_text(op, op->out[0]));
  return true;
}

static bool is_nibble(DType t) { return t == DT_i4 || t == DT_u4; }

/* i4, u4, blocks and indices of a codebook are of constants. */
bool infer_dequantize(const Op *op, Shape *out) {
  const Type *x = op->in[0]->type;
  *out = shape_of(op->in[0]);
  if (op->out[0]->type->dtype != DT_f32)
    return op_error(op, E0201, "%s: expected f32", value_text(op, op->out[0]));
  if (!is_storable(x->dtype) && x->dtype != DT_i32 && !is_nibble(x->dtype))
    return op_error(op, E0201, "%s: expected i4, u4, i8, u8, i16 or i32",
                    value_text(op, op->in[0]));
  if (!x->q)
    return op_error(op, E0202, "%s: expected scales and zero points",
                    value_text(op, op->in[0]));
  if ((is_nibble(x->dtype) || x->q->codebook || x->q->block) &&
      !op->in[0]->init)
    return op_error(op, E0202, "%s: %s are read of constants only",
                    value_text(op, op->in[0]),
                    x->q->codebook ? "codebooks"
                    : x->q->block  ? "blocks"
                                   : "4 bits");
  return true;
}
