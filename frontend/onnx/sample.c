/* A sample is the sum over its neighbours, 1, 2 or 4 a dimension, of their
 * values times the product of a weight for each dimension:
 *
 *   nearest  1 at round(c)
 *   linear   1 - f, f at floor(c), f = c - floor(c)
 *   cubic    the kernel of A = -0.75 at floor(c) - 1 .. floor(c) + 2
 *
 * Neighbours outside have weight 0, or stand for one inside. */
#include "frontend/onnx/sample.h"

#include "frontend/onnx/index.h"
#include "frontend/onnx/spatial.h"

enum { MAX_TAPS = 4 };

typedef struct Taps {
  int n;
  Value *index[MAX_TAPS];  /* i64, of the dimension, inside of it */
  Value *weight[MAX_TAPS]; /* f32; NULL: 1 */
} Taps;

Value *b_sample_flat(Node *n, Value *x) {
  x = b_channels_last(n, b_widen(n, b_plain(n, x)));
  return n->bad ? NULL : b_matrix(n, x, x->type->rank - 1);
}

Value *b_sample_base(Node *n, Value *x, int axis, int rank) {
  Dims d = dims_of(x);
  int64_t image = 1;
  for (int i = 2; i < d.rank; i++)
    image = mul_saturating(image, d.v[i]);
  return b_binary_k(n, OP_mul, b_positions(n, DT_i64, d.v[0], axis, rank),
                    (double)image);
}

/* a * x + b */
static Value *axpb(Node *n, double a, Value *x, double b) {
  return b_binary_k(n, OP_add, b_binary_k(n, OP_mul, x, a), b);
}

static Value *mul(Node *n, Value *a, Value *b) {
  return b_binary(n, OP_mul, a, b);
}

/* ((A + 2) t - (A + 3)) t^2 + 1, for |t| <= 1 */
static Value *cubic_near(Node *n, Value *t) {
  return b_binary_k(n, OP_add, mul(n, mul(n, axpb(n, 1.25, t, -2.25), t), t),
                    1);
}

/* ((A t - 5 A) t + 8 A) t - 4 A, for 1 <= |t| <= 2 */
static Value *cubic_far(Node *n, Value *t) {
  Value *y = axpb(n, -0.75, t, 3.75);
  y = b_binary_k(n, OP_add, mul(n, y, t), -6);
  return b_binary_k(n, OP_add, mul(n, y, t), 3);
}

static void weigh(Node *n, SampleMode mode, Value *f, Taps *t) {
  if (mode == SAMPLE_linear) {
    t->weight[0] = b_k_binary(n, OP_sub, 1, f);
    t->weight[1] = f;
  } else if (mode == SAMPLE_cubic) {
    Value *g = b_k_binary(n, OP_sub, 1, f);
    t->weight[0] = cubic_far(n, b_binary_k(n, OP_add, f, 1));
    t->weight[1] = cubic_near(n, f);
    t->weight[2] = cubic_near(n, g);
    t->weight[3] = cubic_far(n, b_binary_k(n, OP_add, g, 1));
  }
}

/* i brought inside 0 .. extent - 1. */
static Value *inside(Node *n, SampleBorder border, Value *i, int64_t extent) {
  bool reflects = border == BORDER_reflect || border == BORDER_mirror;
  if (reflects && extent > 1) {
    int64_t period = border == BORDER_mirror ? 2 * extent - 2 : 2 * extent;
    int64_t turn = border == BORDER_mirror ? period : period - 1;
    i = b_binary_k(n, OP_mod, i, (double)period);
    i = b_binary(n, OP_min, i, b_k_binary(n, OP_sub, (double)turn, i));
  }
  return b_clamp(n, i, 0, (double)(extent - 1));
}

/* i where it is inside: 1, else 0. */
static Value *is_inside(Node *n, DType t, Value *i, int64_t extent) {
  Value *low = b_k_binary(n, OP_less_equal, 0, i);
  Value *high = b_binary_k(n, OP_less, i, (double)extent);
  return b_cast(n, b_binary(n, OP_and, low, high), t);
}

static Taps taps_of(Node *n, const Sampler *s, int d, Value *c) {
  static const int counts[] = {2, 1, 4};
  Taps t = {.n = counts[s->mode]};
  double extent = (double)s->dim[d];
  /* Only so far that casts to integers hold it; further is the same, but
   * where it is reflected. */
  bool reflects = s->border == BORDER_reflect || s->border == BORDER_mirror;
  c = b_cast(n, c, n->bad ? DT_f32 : s->flat->type->dtype);
  c = reflects ? b_clamp(n, c, -0x1p30, 0x1p30) : b_clamp(n, c, -3, extent + 2);
  if (n->bad)
    return t;
  Value *low = b_unary(n, s->mode == SAMPLE_nearest ? OP_round : OP_floor, c);
  weigh(n, s->mode, b_binary(n, OP_sub, c, low), &t);
  Value *first = b_cast(n, low, DT_i64);
  for (int i = 0; i < t.n; i++) {
    int step = s->mode == SAMPLE_cubic ? i - 1 : i;
    Value *at = step ? b_binary_k(n, OP_add, first, step) : first;
    t.index[i] = inside(n, s->border, at, s->dim[d]);
    if (s->border == BORDER_zeros) {
      Value *in = is_inside(n, c->type->dtype, at, s->dim[d]);
      t.weight[i] = t.weight[i] ? mul(n, t.weight[i], in) : in;
    }
  }
  return t;
}

/* What the neighbour at taps[d] of every dimension d contributes. */
static Value *neighbour(Node *n, const Sampler *s, const Taps *taps,
                        const int *at) {
  Value *index = NULL, *weight = NULL;
  for (int d = 0; d < s->k; d++) {
    Value *i = taps[d].index[at[d]], *w = taps[d].weight[at[d]];
    if (index)
      index = b_binary_k(n, OP_mul, index, (double)s->dim[d]);
    index = index ? b_binary(n, OP_add, index, i) : i;
    if (w)
      weight = weight ? mul(n, weight, w) : w;
  }
  Value *y = b_gather(n, s->flat, 0, b_binary(n, OP_add, index, s->base));
  if (n->bad || !weight)
    return y;
  return mul(n, y, b_unsqueeze(n, weight, weight->type->rank));
}

Value *b_sample(Node *n, const Sampler *s, Value *const *coord) {
  Taps taps[MAX_SAMPLED];
  int at[MAX_SAMPLED] = {0}, total = 1;
  for (int d = 0; d < s->k && !n->bad; d++) {
    taps[d] = taps_of(n, s, d, coord[d]);
    total *= taps[d].n;
  }
  Value *y = NULL;
  for (int i = 0; i < total && !n->bad; i++) {
    int rest = i;
    for (int d = s->k - 1; d >= 0; rest /= taps[d--].n)
      at[d] = rest % taps[d].n;
    Value *v = neighbour(n, s, taps, at);
    y = y ? b_binary(n, s->combine, y, v) : v;
  }
  return n->bad ? NULL : y;
}
