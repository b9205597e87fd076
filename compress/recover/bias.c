/* Bias correction from data. M. Nagel et al.: Data-Free Quantization Through
 * Weight Equalization and Bias Correction, ICCV 2019, section 4.2 and appendix
 * D, with samples in the place of assumptions.
 *
 * A layer W x + b that has become W' x' + b' is off by W' x' - W x on average,
 * which a bias takes back. As both are linear, the means of what they read
 * are all that it takes:
 *
 *   b' = b + W mean(x) - W' mean(x')
 */
#include "compress/recover/step.h"

static double product(const float *w, const double *x, int64_t k) {
  double sum = 0;
  for (int64_t j = 0; j < k; j++)
    sum += (double)w[j] * x[j];
  return sum;
}

bool recover_bias(const Model *m, Layer *l, const float *w,
                  const double *mean) {
  int64_t k = l->k;
  if (!layer_takes_bias(l))
    return false;
  Arena *a = arena_new();
  double *b = arena_dup(a, m->b, (size_t)m->biases * sizeof *b);
  for (int64_t i = 0; i < m->biases; i++) {
    int64_t o = i % l->outputs, g = layer_group(l, o);
    b[i] += product(m->w + o * k, m->mean + g * k, k) -
            product(w + o * k, mean + g * k, k);
  }
  layer_set_biases(l, b, m->biases);
  arena_free(a);
  return true;
}
