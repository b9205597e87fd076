/* Dynamic-range quantization: i8 weights under float activations. LiteRT's
 * kernels quantize the activations at run time, multiply bytes, and scale
 * the sums; here that is written out, so that the products are integer ops:
 *
 *   conv2d, one scale           per batch:  s = max|x| / 127, z = 0
 *   conv2d, a scale a channel   per batch:  lo = min(x, 0), hi = max(x, 0),
 *   and depthwise                           s = (hi - lo) / 255,
 *                                           z = round(-128 - lo / s)
 *   fully_connected             per row: the one or the other, as the option
 *                               asymmetric_quantize_inputs says
 *
 *   q = clamp(round(z + x / s)), half away from zero
 *   y = act(sum((q - z) * w) * s * s_w + bias)
 *
 * Ranges of 0 count as the smallest one below: x is 0 then, and so is y's
 * sum. */
#include "frontend/tflite/build.h"

static const double smallest_range = 1e-30;
enum { MOST_IMAGES = 64 }; /* each has its own ops */

typedef struct Quantized {
  Value *q;     /* i8[rows, columns] */
  Value *scale; /* f32[rows, 1] */
  Value *zero;  /* i8[rows, 1]; NULL: 0 */
} Quantized;

/* Rounded half away from zero: half a step out, and truncated. */
static Value *to_byte(TflOp *o, Value *x, double lo) {
  Value *half = t_binary_k(o, OP_mul, t_unary(o, OP_sign, x), 0.5);
  return t_cast(o, t_clamp(o, t_binary(o, OP_add, x, half), lo, 127), DT_i8);
}

/* x: f32[rows, columns] */
static Quantized quantize_symmetric(TflOp *o, Value *x) {
  Value *top = t_reduce(o, OP_reduce_max, t_unary(o, OP_abs, x), 2, true);
  Value *range = t_binary_k(o, OP_max, top, smallest_range);
  Value *scaled = t_binary(o, OP_mul, x, t_k_binary(o, OP_div, 127, range));
  return (Quantized){to_byte(o, scaled, -127),
                     t_binary_k(o, OP_div, range, 127), NULL};
}

static Quantized quantize_asymmetric(TflOp *o, Value *x) {
  Value *lo = t_binary_k(o, OP_min, t_reduce(o, OP_reduce_min, x, 2, true), 0);
  Value *hi = t_binary_k(o, OP_max, t_reduce(o, OP_reduce_max, x, 2, true), 0);
  Value *range =
      t_binary_k(o, OP_max, t_binary(o, OP_sub, hi, lo), smallest_range);
  Value *scale = t_binary_k(o, OP_div, range, 255);
  Value *at = t_k_binary(o, OP_sub, -128, t_binary(o, OP_div, lo, scale));
  Value *zero = to_byte(o, at, -128);
  Value *inverse = t_k_binary(o, OP_div, 1, scale);
  Value *scaled = t_binary(o, OP_add, t_cast(o, zero, DT_f32),
                           t_binary(o, OP_mul, x, inverse));
  return (Quantized){to_byte(o, scaled, -128), scale, zero};
}

static Value *folded(TflOp *o, Value *v) {
  return v && v->def ? op_fold(o->im->graph, v) : v;
}

/* The stored bytes, in another shape. */
static Value *stored(TflOp *o, const Value *w, Dims d) {
  return t_const(o, t_type(o, w->type->dtype, d), w->init->data);
}

/* Sums to reals: [.., channels]. */
static Value *rescale(TflOp *o, Value *sums, Value *scale, Act act) {
  const QuantParams *q = o->in[1]->type->q;
  Dims d = {q->nscale > 1, {q->nscale}};
  Value *factor = t_binary(o, OP_mul, scale, t_floats(o, d, q->scale));
  Value *y = t_binary(o, OP_mul, t_cast(o, sums, DT_f32), factor);
  if (o->nin > 2 && o->in[2])
    y = t_binary(o, OP_add, y, o->in[2]);
  return t_act(o, y, act);
}

bool import_hybrid_dense(TflOp *o, Act act, bool asymmetric) {
  Value *x = o->in[0], *w = o->in[1];
  int64_t count = type_count(x->type);
  if (w->type->rank != 2 || count % w->type->dim[1])
    return op_invalid(o, "the weight has rank %d, the input %lld elements",
                      w->type->rank, (long long)count);
  Dims rows = {2, {count / w->type->dim[1], w->type->dim[1]}};
  Value *flat = t_reshape(o, x, rows);
  Quantized q =
      asymmetric ? quantize_asymmetric(o, flat) : quantize_symmetric(o, flat);
  Value *k = folded(o, t_transpose_last(o, stored(o, w, t_dims(w))));
  Value *sums = t_matmul(o, q.q, k, q.zero);
  return t_done_rows(o, rescale(o, sums, q.scale, act));
}

bool op_is_hybrid(const TflOp *o) {
  return o->in[0]->type->dtype == DT_f32 && o->in[1]->type->dtype == DT_i8;
}

/* One image, w: i8 OHWI. */
static Value *conv_image(TflOp *o, Value *x, Value *w, const Attrs *attrs,
                         Act act, bool asymmetric) {
  Dims d = t_dims(x), row = {2, {1, type_count(x->type)}}, y;
  Value *flat = t_reshape(o, x, row);
  Quantized q =
      asymmetric ? quantize_asymmetric(o, flat) : quantize_symmetric(o, flat);
  Value *image = t_reshape(o, q.q, d);
  Value *zero = q.zero ? t_reshape(o, q.zero, (Dims){1, {1}}) : NULL;
  y = t_type_dims(o->out[0]);
  y.v[0] = 1;
  Value *sums = t_op(o, OP_conv2d, attrs, zero ? 4 : 2,
                     (Value *[]){image, w, NULL, zero}, t_type(o, DT_i32, y));
  return rescale(o, sums, q.scale, act);
}

/* Depthwise weights 1HWM are those of a grouped convolution, M HW 1. */
static Value *grouped_weight(TflOp *o, const Value *w) {
  const int64_t *d = w->type->dim;
  Dims split = {4, {d[1], d[2], d[3], 1}};
  return folded(o,
                t_transpose(o, stored(o, w, split), (const int[]){2, 0, 1, 3}));
}

bool import_hybrid_conv(TflOp *o, const Attrs *attrs) {
  Value *x = o->in[0], *w = o->in[1];
  bool depthwise = o->row->ir == OP_depthwise_conv2d;
  bool asymmetric = depthwise || w->type->q->nscale > 1;
  Attrs a = *attrs;
  Act act = a.conv.act;
  a.conv.act = ACT_none;
  Value *k = depthwise ? grouped_weight(o, w) : stored(o, w, t_dims(w));
  int64_t n = x->type->dim[0], begin[4] = {0};
  if (n > MOST_IMAGES)
    return op_refuse(o, "a batch of %lld with i8 weights is not supported",
                     (long long)n);
  Dims one = t_dims(x);
  one.v[0] = 1;
  Value **y = ARENA_ARRAY(o->im->arena, Value *, n);
  for (int64_t i = 0; i < n && k; i++) {
    begin[0] = i;
    Value *image = n == 1 ? x : t_slice(o, x, begin, one, NULL);
    y[i] = image ? conv_image(o, image, k, &a, act, asymmetric) : NULL;
    if (!y[i])
      return false;
  }
  return k && t_done(o, t_concat(o, 0, (int)n, y));
}
