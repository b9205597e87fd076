/* scale: which conversions single operations do exactly, and their tables.
 * Elements go in ascending order, whatever the axis, so it runs in place. */
#include "plan/kernels/scale.h"

#include "ir/requant.h"
#include "plan/kernel.h"
#include "plan/kernels/light.h"
#include "plan/kernels/map.h"

/* The side that is quantized. */
static const Type *quantized(const Op *op) {
  return op->kind == OP_quantize ? op->out[0]->type : op->in[0]->type;
}

static bool zeros_are_zero(const Type *t) {
  for (int i = 0; i < t->q->nscale; i++)
    if (t->q->zero_point[i])
      return false;
  return true;
}

/* x - zero is exact in a float for 16 bits; 32 bits need one rounding only,
 * which is not what rounding=tflite does. */
static bool converts(const Op *op, const Type *t) {
  switch (t->dtype) {
  case DT_i8:
  case DT_u8:
  case DT_i16:
    return true;
  case DT_i32:
    return op->kind == OP_dequantize && op->rounding == ROUND_onnx &&
           zeros_are_zero(t);
  default:
    return false;
  }
}

bool match_scale(const Op *op, const Target *t) {
  (void)t;
  if ((op->kind != OP_quantize && op->kind != OP_dequantize) ||
      (op->kind == OP_quantize && op->in[0]->type->dtype != DT_f32))
    return false;
  const Type *q = quantized(op);
  return q->q && !q->q->block && !q->q->codebook && converts(op, q);
}

double cost_scale(const Op *op, const Target *t) {
  double each = t->fpu ? 24 : 200;
  return each * (double)type_count(op->out[0]->type);
}

static void split_axis(ScaleParams *q, const Type *t) {
  q->outer = q->channels = q->inner = 1;
  int axis = t->q->nscale > 1 ? t->q->axis : -1;
  for (int d = 0; d < t->rank; d++)
    *(d < axis ? &q->outer : d == axis ? &q->channels : &q->inner) *= t->dim[d];
}

/* Zero points in stored units. */
static void make_tables(Plan *p, Step *s, ScaleParams *q, const Type *t,
                        int32_t delta) {
  float *scale = ARENA_ARRAY(p->arena, float, q->channels);
  int32_t *zero = ARENA_ARRAY(p->arena, int32_t, q->channels);
  for (int64_t c = 0; c < q->channels; c++) {
    scale[c] = type_channel_scale(t, c);
    zero[c] = type_channel_zero_point(t, c) + delta;
  }
  q->scale = scale;
  q->zero = zero;
  if (q->channels == 1)
    return;
  int align = p->target->simd_align;
  q->scales = plan_blob(p, s, "scales", scale, q->channels * 4, align);
  q->zeros = plan_blob(p, s, "zeros", zero, q->channels * 4, align);
}

bool prepare_scale(Plan *p, Step *s) {
  ScaleParams *q = ARENA_NEW(p->arena, ScaleParams);
  const Type *t = quantized(s->op);
  bool narrows = s->op->kind == OP_quantize;
  int32_t delta = stored_delta(narrows ? s->out[0] : s->in[0]);
  split_axis(q, t);
  make_tables(p, s, q, t, delta);
  act_range(ACT_none, t, &q->lo, &q->hi);
  q->lo += delta;
  q->hi += delta;
  q->even = s->op->rounding == ROUND_onnx;
  DType f32 = DT_f32;
  q->lanes = plain_lanes(p->target, &f32, 1);
  if (s->in[0]->place == PLACE_const)
    plan_const_blob(p, s->in[0]);
  s->params = q;
  set_variant(p, s, "scale", q->lanes ? p->target->vector_bytes : 0);
  return true;
}
