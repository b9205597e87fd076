/* Bias absorption. M. Nagel et al.: Data-Free Quantization Through Weight
 * Equalization and Bias Correction, ICCV 2019, section 4.1.3.
 *
 * Where y = relu(W1 x + b1) and what is clamped stays above c >= 0,
 *
 *   relu(W1 x + b1) = relu(W1 x + b1 - c) + c,  so that
 *   z = W2 y + b2   = W2 relu(W1 x + (b1 - c)) + (b2 + W2 c)
 *
 * and the range of y, which grew by the factors of equalization, shrinks by c.
 * Of samples: c[i] = max(0, mean - 3 deviations) of channel i before the relu;
 * the few values below make the difference. Taps in the padding would have to
 * see -c, so layers that pad take in nothing. */
#include <math.h>

#include "compress/recover/outputs.h"
#include "compress/recover/pairs.h"
#include "compress/recover/step.h"
#include "passes/rewrite.h"

/* What every channel of a's results can lose; false: nothing. */
static bool find_shifts(Arena *arena, const Fit *fit, const Walk *w,
                        const Layer *a, double *c) {
  FitInput in = {w, a->op->in[0]};
  Outputs y =
      outputs_of(arena, a, layer_weights(arena, a), fit_input, &in, fit->n);
  int64_t n;
  const double *b = layer_biases(arena, a, &n);
  bool some = false;
  if (n != a->outputs)
    return false;
  for (int64_t o = 0; o < n; o++) {
    c[o] = fmax(0, y.mean[o] + b[o] - 3 * y.deviation[o]);
    some |= c[o] > 0;
  }
  return some;
}

static void move_shifts(Arena *arena, Pair *p, const double *c) {
  int64_t n, m;
  double *b1 = layer_biases(arena, &p->a, &n);
  double *b2 = layer_biases(arena, &p->b, &m);
  const float *w2 = layer_weights(arena, &p->b);
  for (int64_t o = 0; o < n; o++)
    b1[o] -= c[o];
  for (int64_t i = 0; i < m; i++)
    for (int64_t j = 0, o = i % p->b.outputs; j < p->b.k; j++)
      b2[i] += (double)w2[o * p->b.k + j] * c[pair_channel(p, o, j)];
  layer_set_biases(&p->a, b1, n);
  layer_set_biases(&p->b, b2, m);
}

/* The biases of a layer may have moved since the pair was found. */
static void refresh(Pair *p) {
  (void)layer_of(p->a.op, &p->a);
  (void)layer_of(p->b.op, &p->b);
}

bool recover_absorb(const Fit *fit, Graph *g, int *changed) {
  Arena *a = arena_new();
  Pairs pairs = pairs_of(a, g);
  Walk *w = fit_walk(fit, g);
  bool ok = true;
  *changed = 0;
  for (int i = 0; i < pairs.all.n && ok; i++) {
    Pair *p = &pairs.all.v[i];
    double *c = ARENA_ARRAY(a, double, p->a.outputs);
    if (!p->may_shift)
      continue;
    refresh(p);
    ok = walk_to(w, p->a.op);
    if (ok && find_shifts(a, fit, w, &p->a, c)) {
      move_shifts(a, p, c);
      ++*changed;
    }
  }
  walk_free(w);
  arena_free(a);
  return ok;
}
