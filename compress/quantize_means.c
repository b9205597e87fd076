/* Each weight is rounded to what is nearest, and what is left adds up: where
 * few weights read inputs that are far from zero, as those of a depthwise
 * layer behind a relu6 do, a channel moves as a whole. A bias takes that back,
 *
 *   b'[o] = b[o] + sum over j of (w - w')[o][j] mean(x[j]),
 *
 * with the means that calibration saw, at no further cost: the first half of
 * the bias correction of M. Nagel et al., "Data-Free Quantization Through
 * Weight Equalization and Bias Correction", ICCV 2019 (section 4.2). Of a
 * window that reaches over an edge, what lies outside is 0. */
#include "compress/quantize_means.h"

#include "compress/recover/layer.h"

/* The part of the windows along axis d whose tap lies inside. */
static double part_inside(const Layer *l, int d, int64_t tap) {
  const ConvAttrs *a = &l->op->attrs.conv;
  int64_t in = l->op->in[0]->type->dim[d + 1];
  int64_t out = l->op->out[0]->type->dim[d + 1], inside = 0;
  int64_t at = tap * a->dilation.v[d] - a->pad.v[2 * d];
  for (int64_t i = 0; i < out; i++, at += a->stride.v[d])
    inside += at >= 0 && at < in;
  return (double)inside / (double)out;
}

static double channel_mean(const TensorStats *x, int64_t c) {
  double n = (double)(x->samples * (x->elements / x->channels));
  return fixed_value(&x->channel[c % x->channels].sum) / n;
}

/* [groups][k] of what the layer reads. */
static double *means_read(Arena *a, const Layer *l, const TensorStats *x) {
  double *mean = ARENA_ARRAY(a, double, l->groups * l->k);
  for (int64_t i = 0; i < l->groups * l->k; i++) {
    int64_t j = i % l->k, tap = j / l->depth;
    mean[i] = channel_mean(x, i / l->k * l->depth + j % l->depth);
    if (!l->has_window)
      continue;
    int64_t width = l->weight->type->dim[2];
    mean[i] *= part_inside(l, 0, tap / width) * part_inside(l, 1, tap % width);
  }
  return mean;
}

/* What the weights w lose on average when they become `stored`. */
static double loss(const Layer *l, int64_t o, const float *w,
                   const float *stored, const double *mean) {
  double sum = 0;
  mean += layer_group(l, o) * l->k;
  for (int64_t j = o * l->k; j < (o + 1) * l->k; j++, mean++)
    sum += ((double)w[j] - (double)stored[j]) * *mean;
  return sum;
}

static bool has_means(const TensorStats *x) {
  return x && x->samples && !x->nonfinite;
}

const float *bias_corrected(Arena *a, Op *op, Value *stored,
                            const TensorStats *x) {
  Layer l;
  const Value *bias = op->in[2];
  const float *from = bias->init->data;
  if (!has_means(x) || !layer_of(op, &l) || !l.bias ||
      type_count(bias->type) != l.outputs)
    return from;
  Layer after = l;
  after.weight = stored;
  const float *w = layer_weights(a, &l), *v = layer_weights(a, &after);
  const double *mean = means_read(a, &l, x);
  float *b = ARENA_ARRAY(a, float, l.outputs);
  for (int64_t o = 0; o < l.outputs; o++)
    b[o] = (float)((double)from[o] + loss(&l, o, w, v, mean));
  return b;
}
