/* Cross-layer equalization. M. Nagel, M. van Baalen, T. Blankevoort,
 * M. Welling: Data-Free Quantization Through Weight Equalization and Bias
 * Correction, ICCV 2019, section 4.1.
 *
 * For layers y = f(W1 x + b1), z = W2 y + b2 with f(s y) = s f(y), s > 0, and
 * any positive s[c] for channel c of y
 *
 *   W1[c] / s[c], b1[c] / s[c], W2[., c] s[c]
 *
 * compute the same z. With r1[c], r2[c] the largest magnitudes of W1[c] and
 * W2[., c], s = sqrt(r1 / r2) makes both sqrt(r1 r2), which lets the channel
 * of least range keep most of the grid of a whole tensor. Pairs that share a
 * layer change each other, so all are gone through again until little moves.
 *
 * A relu6 is not homogeneous. Where no sample gets to 6, it is made a relu,
 * which is the same on all of them. */
#include <math.h>

#include "compress/recover/pairs.h"
#include "compress/recover/step.h"
#include "passes/rewrite.h"

enum { ROUNDS = 40 };
static const double MOST = 1e4; /* of a factor, and 1 / MOST the least */

/* ---- relu6 ---- */

static bool is_relu6(Op *op) {
  const Act *act = rewrite_activation(op);
  return op->kind == OP_relu6 || (act && *act == ACT_relu6);
}

static bool reaches(const float *x, int64_t n, float bound) {
  for (int64_t i = 0; i < n; i++)
    if (x[i] >= bound)
      return true;
  return false;
}

/* The clamp at 6 goes. */
static void open_clamp(Graph *g, Op *op) {
  if (op->kind != OP_relu6) {
    *rewrite_activation(op) = ACT_relu;
    return;
  }
  Op *made = graph_op(g, op, OP_relu, NULL, 1, op->in, 1, &op->out[0]->type,
                      NULL, op->loc);
  graph_swap_names(g, op->out[0], made->out[0]);
  graph_replace_uses(g, op->out[0], made->out[0]);
  graph_remove_op(g, op);
}

static bool is_clamped(const Fit *fit, const Walk *w, const Value *v) {
  for (int64_t i = 0; i < fit->n; i++) {
    const float *x = walk_value(w, v, i);
    if (!x || reaches(x, type_count(v->type), 6))
      return true;
  }
  return false;
}

static bool has_relu6(const Graph *g) {
  for (Op *op = g->first; op; op = op->next)
    if (is_relu6(op) && op->out[0]->type->dtype == DT_f32)
      return true;
  return false;
}

static bool open_clamps(const Fit *fit, Graph *g) {
  if (!has_relu6(g))
    return true;
  Walk *w = fit_walk(fit, g);
  bool ok = true;
  ARRAY(Op *) open = {0};
  for (Op *op = g->first; op && ok; op = op->next) {
    if (!is_relu6(op) || op->out[0]->type->dtype != DT_f32)
      continue;
    ok = walk_to(w, op->next);
    if (ok && !is_clamped(fit, w, op->out[0]))
      ARRAY_PUSH(g->arena, &open, op);
  }
  walk_free(w);
  for (int i = 0; i < open.n; i++)
    open_clamp(g, open.v[i]);
  return ok;
}

/* ---- factors ---- */

/* A pair's weights while factors are found. */
typedef struct Weights {
  float *a, *b;   /* shared with the pairs that have the layer, too */
  double *factor; /* (channels) so far */
  double *r1, *r2;
} Weights;

static void find_ranges(const Pair *p, Weights *w) {
  for (int64_t c = 0; c < p->a.outputs; c++)
    w->r1[c] = w->r2[c] = 0;
  for (int64_t o = 0; o < p->a.outputs; o++)
    for (int64_t j = 0; j < p->a.k; j++)
      w->r1[o] = fmax(w->r1[o], fabs((double)w->a[o * p->a.k + j]));
  for (int64_t o = 0; o < p->b.outputs; o++)
    for (int64_t j = 0; j < p->b.k; j++) {
      double *r = &w->r2[pair_channel(p, o, j)];
      *r = fmax(*r, fabs((double)w->b[o * p->b.k + j]));
    }
}

/* What the channel is to be divided by; 1 where one side is nothing. */
static double factor_of(const Weights *w, int64_t c) {
  if (!(w->r1[c] > 0) || !(w->r2[c] > 0))
    return 1;
  double s = sqrt(w->r1[c] / w->r2[c]), all = s * w->factor[c];
  return all > MOST || all < 1 / MOST ? 1 : s;
}

/* Returns how far from 1 a factor was. */
static double scale_pair(const Pair *p, Weights *w) {
  double most = 0, *s = w->r1;
  find_ranges(p, w);
  for (int64_t c = 0; c < p->a.outputs; c++) {
    s[c] = factor_of(w, c);
    w->factor[c] *= s[c];
    most = fmax(most, fabs(s[c] - 1));
  }
  for (int64_t o = 0; o < p->a.outputs; o++)
    for (int64_t j = 0; j < p->a.k; j++)
      w->a[o * p->a.k + j] = (float)((double)w->a[o * p->a.k + j] / s[o]);
  for (int64_t o = 0; o < p->b.outputs; o++)
    for (int64_t j = 0; j < p->b.k; j++) {
      float *x = &w->b[o * p->b.k + j];
      *x = (float)((double)*x * s[pair_channel(p, o, j)]);
    }
  return most;
}

/* ---- the graph ---- */

/* The weights of layer l, which a pair before may have, too. */
static float *shared_weights(Arena *a, const Pairs *pairs, const Weights *w,
                             int n, const Layer *l) {
  for (int i = 0; i < n; i++) {
    if (pairs->all.v[i].a.op == l->op)
      return w[i].a;
    if (pairs->all.v[i].b.op == l->op)
      return w[i].b;
  }
  return layer_weights(a, l);
}

static void store_weights(const Layer *l, const float *w) {
  Layer now;
  (void)layer_of(l->op, &now);
  float *to = ARENA_ARRAY(l->op->graph->arena, float, l->outputs * l->k);
  for (int64_t o = 0; o < l->outputs; o++)
    for (int64_t j = 0; j < l->k; j++)
      to[layer_at(l, o, j)] = w[o * l->k + j];
  layer_set_weight(&now, now.weight->type, to);
}

static void store_pair(const Pair *p, const Weights *w) {
  Layer a;
  int64_t n;
  store_weights(&p->a, w->a);
  store_weights(&p->b, w->b);
  (void)layer_of(p->a.op, &a);
  if (!a.bias)
    return;
  double *b = layer_biases(a.op->graph->arena, &a, &n);
  for (int64_t i = 0; i < n; i++)
    b[i] /= w->factor[i % a.outputs];
  layer_set_biases(&a, b, n);
}

bool recover_equalize(const Fit *fit, Graph *g, int *changed) {
  if (!open_clamps(fit, g))
    return false;
  Arena *a = arena_new();
  Pairs pairs = pairs_of(a, g);
  int n = pairs.all.n;
  Weights *w = ARENA_ARRAY(a, Weights, n);
  for (int i = 0; i < n; i++) {
    const Pair *p = &pairs.all.v[i];
    int64_t channels = p->a.outputs;
    w[i].a = shared_weights(a, &pairs, w, i, &p->a);
    w[i].b = shared_weights(a, &pairs, w, i, &p->b);
    w[i].factor = ARENA_ARRAY(a, double, channels);
    w[i].r1 = ARENA_ARRAY(a, double, channels);
    w[i].r2 = ARENA_ARRAY(a, double, channels);
    for (int64_t c = 0; c < channels; c++)
      w[i].factor[c] = 1;
  }
  double moved = 1;
  for (int round = 0; round < ROUNDS && moved > 1e-3; round++) {
    moved = 0;
    for (int i = 0; i < n; i++)
      moved = fmax(moved, scale_pair(&pairs.all.v[i], &w[i]));
  }
  for (int i = 0; i < n; i++)
    store_pair(&pairs.all.v[i], &w[i]);
  *changed = n;
  arena_free(a);
  return true;
}
