/* Batch normalization again: what a layer's results were on average, and how
 * far they spread, is brought back by a factor and a shift of each output. The
 * re-estimation of a network's batch norm statistics (X. Sun et al.: Hybrid
 * 8-bit Floating Point Training and Inference, NeurIPS 2019; I. Hubara et al.:
 * Accurate Post Training Quantization with Small Calibration Sets, ICML 2021,
 * section 3.4) where they are folded into the layers already:
 *
 *   y = W x + b of mean m and deviation s became y' = W' x' + b' of m', s'
 *   y'' = (s / s') (y' - m') + m
 *
 * W' takes the factor where it is in floats, or where each output has a scale
 * of its own; else the shift alone is made good. */
#include <math.h>

#include "compress/recover/grid.h"
#include "compress/recover/step.h"
#include "compress/recover/stored.h"

static const double most = 1.5; /* of a factor, and 1 / most the least */

static bool takes_factors(const Layer *l) {
  const QuantParams *q = l->weight->type->q;
  if (value_use_count(l->op->graph, l->weight) != 1)
    return false;
  return q ? q->nscale == l->outputs && !q->block
           : l->weight->type->dtype == DT_f32;
}

static double factor_of(const Model *m, const Outputs *out, int64_t o) {
  double was = m->out.deviation[o], is = out->deviation[o];
  return was > 0 && is > 0 ? fmin(fmax(was / is, 1 / most), most) : 1;
}

/* Floats, times their output's factor. */
static void scale_weights(Layer *l, const double *factor) {
  Arena *a = l->op->graph->arena;
  const float *from = l->weight->init->data;
  float *to = ARENA_ARRAY(a, float, l->outputs * l->k);
  for (int64_t o = 0; o < l->outputs; o++)
    for (int64_t j = 0; j < l->k; j++) {
      int64_t at = layer_at(l, o, j);
      to[at] = (float)((double)from[at] * factor[o]);
    }
  layer_set_weight(l, l->weight->type, to);
}

/* Factors become those of scales that there are. */
static void scale_scales(Layer *l, double *factor) {
  Arena *a = l->op->graph->arena;
  const Type *t = l->weight->type;
  QuantParams q = *t->q;
  float *scale = ARENA_ARRAY(a, float, q.nscale);
  Grid grid = grid_of(l);
  for (int64_t o = 0; o < l->outputs; o++) {
    scale[o] = grid_near(&grid, (double)q.scale[o] * factor[o]);
    factor[o] = (double)scale[o] / (double)q.scale[o];
  }
  q.scale = scale;
  layer_set_weight(l, type_with_dtype(a, t, t->dtype, &q),
                   l->weight->init->data);
}

bool recover_norm(const Model *m, Layer *l, const Outputs *out) {
  if (!layer_takes_bias(l))
    return false;
  Arena *a = arena_new();
  bool scales = takes_factors(l);
  double *factor = ARENA_ARRAY(a, double, l->outputs);
  double *b = arena_dup(a, m->b, (size_t)m->biases * sizeof *b);
  for (int64_t o = 0; o < l->outputs; o++)
    factor[o] = scales ? factor_of(m, out, o) : 1;
  if (scales && l->weight->type->q)
    scale_scales(l, factor);
  else if (scales)
    scale_weights(l, factor);
  for (int64_t i = 0; i < m->biases; i++) {
    int64_t o = i % l->outputs;
    b[i] += m->out.mean[o] - factor[o] * out->mean[o];
  }
  layer_set_biases(l, b, m->biases);
  arena_free(a);
  return true;
}
