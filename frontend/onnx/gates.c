/* The activation functions of recurrent operators, by name. */
#include <string.h>

#include "frontend/onnx/recurrent.h"

typedef Value *Apply(Node *n, const Gate *g, Value *x);

/* alpha and beta: whether it has such a parameter, and its default. */
struct GateFn {
  const char *name;
  Apply *apply;
  bool has_alpha, has_beta;
  double alpha, beta;
};

static Value *logistic(Node *n, const Gate *g, Value *x) {
  (void)g;
  return b_unary(n, OP_logistic, x);
}

static Value *hyperbolic(Node *n, const Gate *g, Value *x) {
  (void)g;
  return b_unary(n, OP_tanh, x);
}

static Value *relu(Node *n, const Gate *g, Value *x) {
  (void)g;
  return b_unary(n, OP_relu, x);
}

static Value *affine(Node *n, const Gate *g, Value *x) {
  return b_binary_k(n, OP_add, b_binary_k(n, OP_mul, x, g->alpha), g->beta);
}

static Value *leaky(Node *n, const Gate *g, Value *x) {
  Value *below = b_binary_k(n, OP_mul, x, g->alpha);
  return b_select(n, b_binary_k(n, OP_less, x, 0), below, x);
}

static Value *thresholded(Node *n, const Gate *g, Value *x) {
  Value *zero = b_binary_k(n, OP_mul, x, 0);
  return b_select(n, b_binary_k(n, OP_less, x, g->alpha), zero, x);
}

static Value *scaled_tanh(Node *n, const Gate *g, Value *x) {
  Value *t = b_unary(n, OP_tanh, b_binary_k(n, OP_mul, x, g->beta));
  return b_binary_k(n, OP_mul, t, g->alpha);
}

static Value *hard_sigmoid(Node *n, const Gate *g, Value *x) {
  return b_clamp(n, affine(n, g, x), 0, 1);
}

static Value *elu(Node *n, const Gate *g, Value *x) {
  Value *e = b_binary_k(n, OP_add, b_unary(n, OP_exp, x), -1);
  Value *below = b_binary_k(n, OP_mul, e, g->alpha);
  return b_select(n, b_binary_k(n, OP_less, x, 0), below, x);
}

static Value *softsign(Node *n, const Gate *g, Value *x) {
  (void)g;
  Value *d = b_binary_k(n, OP_add, b_unary(n, OP_abs, x), 1);
  return b_binary(n, OP_div, x, d);
}

/* max(x, 0) + log(1 + e^-|x|) */
static Value *softplus(Node *n, const Gate *g, Value *x) {
  (void)g;
  Value *e = b_unary(n, OP_exp, b_unary(n, OP_neg, b_unary(n, OP_abs, x)));
  Value *l = b_unary(n, OP_log, b_binary_k(n, OP_add, e, 1));
  return b_binary(n, OP_add, b_binary_k(n, OP_max, x, 0), l);
}

/* clang-format off */
static const GateFn functions[] = {
    {"Sigmoid",         logistic,     false, false, 0,    0},
    {"Tanh",            hyperbolic,   false, false, 0,    0},
    {"Relu",            relu,         false, false, 0,    0},
    {"Affine",          affine,       true,  true,  1,    0},
    {"LeakyRelu",       leaky,        true,  false, 0.01, 0},
    {"ThresholdedRelu", thresholded,  true,  false, 1,    0},
    {"ScaledTanh",      scaled_tanh,  true,  true,  1,    1},
    {"HardSigmoid",     hard_sigmoid, true,  true,  0.2,  0.5},
    {"Elu",             elu,          true,  false, 1,    0},
    {"Softsign",        softsign,     false, false, 0,    0},
    {"Softplus",        softplus,     false, false, 0,    0},
};
/* clang-format on */

/* Names are spelled in any case. */
static bool same_name(const char *a, const char *b) {
  for (; *a && (*a | 0x20) == (*b | 0x20); a++)
    b++;
  return !*a && !*b;
}

static const GateFn *find(Node *n, const char *name) {
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
    if (same_name(functions[i].name, name))
      return &functions[i];
  node_refuse(n, "activation '%.40s' is not supported", name);
  return NULL;
}

/* The next of a list of parameters, for functions that have one. */
static double take(Floats list, int *at, bool has, double absent) {
  return has && *at < list.n ? (double)list.v[(*at)++] : absent;
}

bool gates_read(Node *n, int count, const char *const *defaults, int ndefault,
                Gate *out) {
  Strings names = attr_strings(n, "activations");
  Floats alpha = attr_floats(n, "activation_alpha");
  Floats beta = attr_floats(n, "activation_beta");
  double clip = (double)attr_float(n, "clip", 0);
  int a = 0, b = 0;
  if (names.n && names.n != count)
    return node_invalid(n, "%d activations, expected %d", names.n, count);
  for (int i = 0; i < count && !n->bad; i++) {
    const GateFn *f = find(n, names.n ? names.v[i] : defaults[i % ndefault]);
    if (!f)
      return false;
    out[i] = (Gate){f, take(alpha, &a, f->has_alpha, f->alpha),
                    take(beta, &b, f->has_beta, f->beta), clip};
  }
  return !n->bad;
}

Value *gate_apply(Node *n, const Gate *g, Value *x) {
  if (g->clip > 0)
    x = b_clamp(n, x, -g->clip, g->clip);
  return n->bad ? NULL : g->fn->apply(n, g, x);
}
