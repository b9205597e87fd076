/* Conv and CausalConvWithState. ONNX has channels first, the IR has them
 * last, for one to two spatial dimensions:
 *
 *   x [N, C, H, W] -> [N, H, W, C]        1-D: [N, C, W] -> [N, 1, W, C]
 *   w [M, C / g, kh, kw] -> [M, kh, kw, C / g], or [1, kh, kw, M] where
 *   every channel is a group (depthwise)
 *
 * More dimensions: the sum over the first one's kernel of convolutions
 * without it, each on the slices of the input that its tap sees, which are
 * folded into the batch. */
#include "frontend/onnx/spatial.h"

static bool is_depthwise(const Conv *c) {
  return c->group > 1 && c->group == c->x->type->dim[1] && !c->x_zero &&
         !c->w_zero && c->dtype != DT_i32;
}

/* A reshape that leaves the first dimension, and scales along it, alone. */
static Value *unsqueeze(Node *n, Value *x, int axis) {
  if (n->bad || !x->type->q || x->type->q->axis != 0)
    return b_unsqueeze(n, x, axis);
  return b_op1(n, OP_reshape, NULL, 1, &x,
               b_like(n, x, dims_insert(dims_of(x), axis, 1)));
}

/* One or two spatial dimensions; x channels first or last. */
static Value *conv_flat(Node *n, const Conv *c, Value *x, Value *w,
                        Value *bias) {
  const Spatial *s = &c->s;
  bool depthwise = is_depthwise(c);
  if (n->bad)
    return NULL;
  int64_t channels = w->type->dim[0];
  if (s->n == 1) {
    x = unsqueeze(n, x, 1);
    w = unsqueeze(n, w, 2);
  }
  static const int to_depthwise[] = {1, 2, 3, 0};
  w = depthwise ? b_transpose(n, w, to_depthwise) : b_channels_last(n, w);
  Attrs a = attrs_default(OP_conv2d);
  Dims d = {4, {n->bad ? 0 : x->type->dim[0], 1, 1, channels}};
  for (int i = 0; i < s->n; i++) {
    int at = 2 - s->n + i; /* of height and width */
    a.conv.stride.v[at] = s->stride[i];
    a.conv.dilation.v[at] = s->dilation[i];
    a.conv.pad.v[2 * at] = s->before[i];
    a.conv.pad.v[2 * at + 1] = s->after[i];
    d.v[1 + at] = s->out[i];
  }
  const Type *t = type_new(n->im->arena, c->dtype, d.rank, d.v, c->q);
  Value *in[] = {x, w, bias, c->x_zero, c->w_zero};
  int nin = c->w_zero ? 5 : c->x_zero ? 4 : bias ? 3 : 2;
  Value *y =
      b_op1(n, depthwise ? OP_depthwise_conv2d : OP_conv2d, &a, nin, in, t);
  if (n->bad || s->n == 2)
    return y;
  Dims line = {3, {d.v[0], d.v[2], d.v[3]}};
  return b_reshape(n, y, line);
}

/* What tap k of the first spatial dimension sees of x [N, D, .., C], which
 * is padded: [N * out, .., C]. */
static Value *tap_slices(Node *n, const Spatial *s, Value *x, int64_t k) {
  if (n->bad)
    return NULL;
  Dims d = dims_of(x);
  int64_t begin[MAX_RANK] = {0}, stride[MAX_RANK];
  for (int i = 0; i < MAX_RANK; i++)
    stride[i] = 1;
  begin[1] = k * s->dilation[0];
  stride[1] = s->stride[0];
  d.v[1] = s->out[0];
  x = b_slice(n, x, begin, d, stride);
  Dims folded = dims_reduce(d, 2, false);
  folded.v[0] = d.v[0] * d.v[1];
  return b_reshape(n, x, folded);
}

/* w [M, I, K, ..] at k: [M, I, ..] */
static Value *tap_weights(Node *n, Value *w, int64_t k) {
  return b_squeeze(n, b_slice1(n, w, 2, k, 1), 1u << 2);
}

static Spatial without_first(const Spatial *s) {
  Spatial r = {.n = s->n - 1};
  for (int i = 0; i < r.n; i++) {
    r.in[i] = s->in[i + 1];
    r.kernel[i] = s->kernel[i + 1];
    r.stride[i] = s->stride[i + 1];
    r.dilation[i] = s->dilation[i + 1];
    r.before[i] = s->before[i + 1];
    r.after[i] = s->after[i + 1];
    r.out[i] = s->out[i + 1];
  }
  return r;
}

/* Three spatial dimensions: x [N, D, H, W, C] -> [N, D, H, W, M]. */
static Value *conv_deep(Node *n, const Conv *c, Value *x, Value *w,
                        Value *bias) {
  const Spatial *s = &c->s;
  Conv inner = *c;
  inner.s = without_first(s);
  int64_t before[MAX_RANK] = {0}, after[MAX_RANK] = {0};
  before[1] = s->before[0];
  after[1] = s->after[0];
  x = b_pad(n, x, before, after, 0);
  Value *sum = NULL;
  for (int64_t k = 0; k < s->kernel[0] && !n->bad; k++) {
    Value *y = conv_flat(n, &inner, tap_slices(n, s, x, k),
                         tap_weights(n, w, k), k ? NULL : bias);
    sum = k ? b_binary(n, OP_add, sum, y) : y;
  }
  if (n->bad)
    return NULL;
  Dims d = {2, {x->type->dim[0], s->out[0]}};
  for (int i = 1; i < sum->type->rank; i++)
    d.v[d.rank++] = sum->type->dim[i];
  return b_reshape(n, sum, d);
}

static bool check_groups(Node *n, const Conv *c) {
  int64_t channels = c->x->type->dim[1], group = c->group;
  const int64_t *w = c->w->type->dim;
  if (group < 1 || channels % group || w[0] % group || w[1] != channels / group)
    return node_invalid(n,
                        "%lld channels and a weight of %s do not go with "
                        "%lld groups",
                        (long long)channels, dims_text(n, dims_of(c->w)),
                        (long long)group);
  if (c->s.n > 3)
    return node_refuse(n, "%d spatial dimensions are not supported", c->s.n);
  if (c->s.n == 3 && (c->q || c->x_zero || c->w_zero))
    return node_refuse(n, "quantized values in 3 spatial dimensions are not "
                          "supported");
  return true;
}

Value *b_conv(Node *n, const Conv *c) {
  if (n->bad || !check_groups(n, c))
    return NULL;
  Value *x = b_channels_last(n, c->x);
  Value *y = c->s.n == 3 ? conv_deep(n, c, x, c->w, c->bias)
                         : conv_flat(n, c, x, c->w, c->bias);
  return b_channels_first(n, y);
}

static Value *conv_float(Node *n, Value *x, Value *w, Value *bias,
                         int64_t group, const Spatial *s) {
  if (n->bad)
    return NULL;
  DType t = x->type->dtype;
  Conv c = {.x = b_widen(n, b_plain(n, x)),
            .w = b_widen(n, b_plain(n, w)),
            .bias = bias ? b_widen(n, b_plain(n, bias)) : NULL,
            .group = group,
            .s = *s,
            .dtype = DT_f32};
  return b_cast(n, b_conv(n, &c), t);
}

void onnx_conv(Node *n) {
  Spatial s;
  Value *x = node_in(n, 0), *w = node_in(n, 1);
  int64_t group = attr_int(n, "group", 1);
  if (spatial_read(n, x, w, false, &s))
    node_out(n, 0, conv_float(n, x, w, node_in(n, 2), group, &s));
}

/* Depthwise, of one dimension; the k - 1 values before the input are the
 * state, which moves on. */
void onnx_causal_conv_with_state(Node *n) {
  static const char *const acts[] = {"none", "silu", "swish", NULL};
  Value *x = node_in(n, 0), *w = node_in(n, 1), *past = node_in(n, 3);
  bool swish = attr_choice(n, "activation", acts) != 0;
  if (x->type->rank != 3 || w->type->rank != 3) {
    node_refuse(n, "only one spatial dimension is supported");
    return;
  }
  int64_t keep = w->type->dim[2] - 1;
  Dims d = {3, {x->type->dim[0], x->type->dim[1], keep}};
  if (!past)
    past = b_fill(n, x->type->dtype, d, 0);
  Value *both[] = {past, x};
  Value *all = keep ? b_concat(n, 2, 2, both) : x;
  if (n->bad)
    return;
  Spatial s = {.n = 1,
               .in = {all->type->dim[2]},
               .kernel = {keep + 1},
               .stride = {1},
               .dilation = {1},
               .out = {all->type->dim[2] - keep}};
  Value *y = conv_float(n, all, w, node_in(n, 2), x->type->dim[1], &s);
  if (swish)
    y = b_binary(n, OP_mul, y, b_unary(n, OP_logistic, y));
  node_out(n, 0, y);
  if (node_has_out(n, 1))
    node_out(n, 1, b_slice1(n, all, 2, s.out[0], keep));
}
