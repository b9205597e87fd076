/* Pooling. Windows over one or two spatial dimensions of floats or quantized
 * values become pools of the IR, channels last; all others windows over the
 * dimensions as they are.
 *
 *   AveragePool  windows of x, divided by windows of ones of its shape (known
 *                at compile time), where the padding that counts is padded to
 *                x first
 *   LpPool       (sum |x|^p)^(1/p) */
#include "frontend/onnx/spatial.h"

/* --- windows ----------------------------------------------------------- */

/* A window op on [N, C, ..], or on [1, 1, ..]. */
static Value *window(Node *n, OpKind kind, Value *x, const Spatial *s) {
  if (n->bad)
    return NULL;
  Attrs a = attrs_default(kind);
  WindowAttrs *w = &a.window;
  Dims d = dims_of(x);
  IntList *lists[] = {&w->window, &w->stride, &w->dilation, &w->before,
                      &w->after};
  for (int i = 0; i < 5; i++)
    lists[i]->n = d.rank;
  for (int i = 0; i < d.rank; i++) {
    bool in = i >= 2;
    w->window.v[i] = in ? s->kernel[i - 2] : 1;
    w->stride.v[i] = in ? s->stride[i - 2] : 1;
    w->dilation.v[i] = in ? s->dilation[i - 2] : 1;
    w->before.v[i] = in ? s->before[i - 2] : 0;
    w->after.v[i] = in ? s->after[i - 2] : 0;
    d.v[i] = in ? s->out[i - 2] : d.v[i];
  }
  const Type *t =
      kind == OP_window_argmax ? b_type(n, DT_i64, d) : b_like(n, x, d);
  return b_op1(n, kind, &a, 1, &x, t);
}

bool pool_is_flat(const Value *x, const Spatial *s) {
  const Type *t = x->type;
  if (s->n > 2 || !(t->dtype == DT_f32 || type_is_q8(t)))
    return false;
  for (int i = 0; i < s->n; i++)
    if ((s->dilation[i] != 1 && s->kernel[i] != 1) ||
        s->before[i] >= s->kernel[i] || s->after[i] >= s->kernel[i])
      return false;
  return true;
}

/* max_pool2d or avg_pool2d. */
Value *b_pool_flat(Node *n, OpKind kind, Value *x, const QuantParams *q,
                   const Spatial *s) {
  Attrs a = attrs_default(kind);
  x = b_channels_last(n, x);
  if (s->n == 1)
    x = b_unsqueeze(n, x, 1);
  if (n->bad)
    return NULL;
  Dims d = dims_of(x);
  for (int i = 0; i < s->n; i++) {
    int at = 2 - s->n + i;
    a.pool.window.v[at] = s->kernel[i];
    a.pool.stride.v[at] = s->stride[i];
    a.pool.pad.v[2 * at] = s->before[i];
    a.pool.pad.v[2 * at + 1] = s->after[i];
    d.v[1 + at] = s->out[i];
  }
  const Type *t = b_like(n, x, d);
  if (q)
    t = type_with_dtype(n->im->arena, t, t->dtype, q);
  Value *y = b_op1(n, kind, &a, 1, &x, t);
  if (s->n == 1)
    y = b_squeeze(n, y, 1u << 1);
  return b_channels_first(n, y);
}

/* --- maximum ----------------------------------------------------------- */

static int64_t plane_of(const Spatial *s) {
  int64_t plane = 1;
  for (int i = 0; i < s->n; i++)
    plane *= s->in[i];
  return plane;
}

/* Indices that count the spatial dimensions in reverse. */
static Value *column_order(Node *n, Value *index, const Spatial *s) {
  int64_t plane = plane_of(s), row = plane, column = 1;
  Value *in = b_binary_k(n, OP_mod, index, (double)plane);
  Value *sum = b_binary(n, OP_sub, index, in);
  for (int i = 0; i < s->n; i++) {
    row /= s->in[i];
    Value *at = b_binary_k(n, OP_mod, b_binary_k(n, OP_div, in, (double)row),
                           (double)s->in[i]);
    sum = b_binary(n, OP_add, sum, b_binary_k(n, OP_mul, at, (double)column));
    column *= s->in[i];
  }
  return sum;
}

void onnx_max_pool(Node *n) {
  Spatial s;
  Value *x = node_in(n, 0);
  bool ceil_mode = attr_bool(n, "ceil_mode", false);
  bool columns = attr_bool(n, "storage_order", false);
  if (!spatial_read(n, x, NULL, ceil_mode, &s))
    return;
  node_out(n, 0,
           pool_is_flat(x, &s) ? b_pool_flat(n, OP_max_pool2d, x, NULL, &s)
                               : window(n, OP_window_max, x, &s));
  if (!node_has_out(n, 1))
    return;
  Value *index = window(n, OP_window_argmax, x, &s);
  node_out(n, 1, columns ? column_order(n, index, &s) : index);
}

/* The extent that windows of these sizes are taken from. */
static bool unpooled(Node *n, const Value *x, Spatial *s) {
  if (!spatial_window(n, x, NULL, s) || !spatial_pads(n, s))
    return false;
  for (int i = 0; i < s->n; i++) {
    int64_t all = mul_saturating(s->in[i] - 1, s->stride[i]);
    s->out[i] = all > INT32_MAX
                    ? 0
                    : all + s->kernel[i] - s->before[i] - s->declared[i];
    if (s->out[i] < 1)
      return node_invalid(n, "the output's dimensions are out of range");
  }
  return true;
}

/* Grown at the ends to the output's shape. */
static Value *grow(Node *n, Value *y, Ints shape) {
  int64_t none[MAX_RANK] = {0}, after[MAX_RANK] = {0};
  if (n->bad)
    return NULL;
  if (shape.n != y->type->rank) {
    node_invalid(n, "output_shape has %d numbers", shape.n);
    return NULL;
  }
  for (int i = 0; i < shape.n; i++) {
    after[i] = shape.v[i] - y->type->dim[i];
    if (after[i] < 0 || after[i] > INT32_MAX) {
      node_invalid(n, "output_shape is smaller than what is unpooled");
      return NULL;
    }
  }
  return b_pad(n, y, none, after, 0);
}

void onnx_max_unpool(Node *n) {
  Spatial s;
  Value *x = b_plain(n, node_in(n, 0)), *index = node_in(n, 1);
  if (!unpooled(n, x, &s))
    return;
  Dims d = dims_of(x), flat = {1, {type_count(x->type)}};
  for (int i = 0; i < s.n; i++)
    d.v[i + 2] = s.out[i];
  Dims all = {1, {dims_count(d)}};
  Attrs a = attrs_default(OP_scatter_elements);
  Value *in[] = {b_fill(n, x->type->dtype, all, 0), b_reshape(n, index, flat),
                 b_reshape(n, x, flat)};
  Value *y =
      b_op1(n, OP_scatter_elements, &a, 3, in, b_type(n, x->type->dtype, all));
  y = b_reshape(n, y, d);
  if (node_in(n, 2))
    y = grow(n, y, const_ints(n, node_in(n, 2), "output_shape"));
  node_out(n, 0, y);
}

/* --- average ----------------------------------------------------------- */

/* How many elements of the input each window has: [1, 1, ..]. */
static Value *counts(Node *n, DType t, const Spatial *s) {
  Dims d = {s->n + 2, {1, 1}};
  for (int i = 0; i < s->n; i++)
    d.v[i + 2] = s->in[i];
  return window(n, OP_window_sum, b_fill(n, t, d, 1), s);
}

Value *b_pool_pads(Node *n, Value *x, int64_t value, Spatial *s) {
  int64_t before[MAX_RANK] = {0}, after[MAX_RANK] = {0};
  for (int i = 0; i < s->n; i++) {
    int64_t over = s->after[i] - s->declared[i];
    before[i + 2] = s->before[i];
    after[i + 2] = s->declared[i];
    s->in[i] += s->before[i] + s->declared[i];
    s->before[i] = s->declared[i] = 0;
    s->after[i] = over > 0 ? over : 0;
  }
  return b_pad(n, x, before, after, value);
}

Value *b_average_pool(Node *n, Value *x, bool with_pads, Spatial *s) {
  if (with_pads)
    x = b_pool_pads(n, x, 0, s);
  if (n->bad)
    return NULL;
  if (pool_is_flat(x, s))
    return b_pool_flat(n, OP_avg_pool2d, x, NULL, s);
  DType t = x->type->dtype;
  x = b_widen(n, x);
  Value *sum = window(n, OP_window_sum, x, s);
  Value *y =
      b_binary(n, OP_div, sum, counts(n, n->bad ? t : x->type->dtype, s));
  return b_cast(n, y, t);
}

void onnx_average_pool(Node *n) {
  Spatial s;
  Value *x = b_plain(n, node_in(n, 0));
  bool ceil_mode = attr_bool(n, "ceil_mode", false);
  bool with_pads = attr_bool(n, "count_include_pad", false);
  if (spatial_read(n, x, NULL, ceil_mode, &s))
    node_out(n, 0, b_average_pool(n, x, with_pads, &s));
}

/* --- norms ------------------------------------------------------------- */

static Value *power(Node *n, Value *x, double p) {
  Value *a = b_unary(n, OP_abs, x);
  if (p == 1)
    return a;
  return p == 2 ? b_binary(n, OP_mul, x, x) : b_binary_k(n, OP_pow, a, p);
}

static Value *root(Node *n, Value *x, double p) {
  if (p == 1)
    return x;
  return p == 2 ? b_unary(n, OP_sqrt, x) : b_binary_k(n, OP_pow, x, 1 / p);
}

void onnx_lp_pool(Node *n) {
  Spatial s;
  Value *x = node_in(n, 0);
  DType t = x->type->dtype;
  bool ceil_mode = attr_bool(n, "ceil_mode", false);
  double p = (double)attr_int(n, "p", 2);
  if (!spatial_read(n, x, NULL, ceil_mode, &s))
    return;
  Value *sum = window(n, OP_window_sum, power(n, b_widen(n, x), p), &s);
  node_out(n, 0, b_cast(n, root(n, sum, p), t));
}

/* --- over all ---------------------------------------------------------- */

static unsigned spatial_axes(Node *n, const Value *x) {
  if (x->type->rank < 3)
    node_invalid(n, "an input of rank %d has no spatial dimensions",
                 x->type->rank);
  return ((1u << x->type->rank) - 1) & ~3u;
}

void onnx_global_average_pool(Node *n) {
  Value *x = b_plain(n, node_in(n, 0));
  node_out(n, 0, b_mean(n, x, spatial_axes(n, node_in(n, 0)), true));
}

void onnx_global_max_pool(Node *n) {
  Value *x = b_plain(n, node_in(n, 0));
  node_out(n, 0,
           b_reduce(n, OP_reduce_max, x, spatial_axes(n, node_in(n, 0)), true));
}

void onnx_global_lp_pool(Node *n) {
  Value *x = node_in(n, 0);
  DType t = x->type->dtype;
  double p = (double)attr_int(n, "p", 2);
  unsigned axes = spatial_axes(n, x);
  Value *sum =
      b_reduce(n, OP_reduce_sum, power(n, b_widen(n, x), p), axes, true);
  node_out(n, 0, b_cast(n, root(n, sum, p), t));
}
