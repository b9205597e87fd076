/* ConvTranspose. The weight [C, M / g, kh, kw] becomes [M, kh, kw, C / g].
 * Three spatial dimensions: zeros go between and around the input's slices
 * of the first one, so that the rest is a sum over its kernel, as for Conv:
 *
 *   y[d] = sum_k spread(x0[d + K' - k * dilation], w[k]),  K' the reach */
#include "frontend/onnx/spatial.h"

/* Without any cut-off. Saturates far above what an output may have. */
static int64_t total_extent(const Spatial *s, int i, int64_t extra) {
  const int64_t limit = (int64_t)1 << 48;
  int64_t apart = mul_saturating(s->stride[i], s->in[i] - 1);
  return (apart < limit ? apart : limit) + extra + spatial_reach(s, i) + 1;
}

/* As much as the input spread out, but never more than there is. */
static int64_t same_extent(const Spatial *s, int i, int64_t all) {
  int64_t want = mul_saturating(s->in[i], s->stride[i]);
  return want < all ? want : all;
}

/* The cut-off that makes the output `want`, more of it in front unless
 * `upper`. */
static void cut_to(Spatial *s, int i, int64_t want, int64_t extra, bool upper) {
  int64_t cut = total_extent(s, i, extra) - want;
  cut = cut < 0 ? 0 : cut;
  s->before[i] = upper ? cut / 2 : cut - cut / 2;
  s->out[i] = want;
}

static bool read_spread(Node *n, const Value *x, const Value *w, Spatial *s) {
  AutoPad pad = spatial_auto_pad(n);
  int64_t extra[MAX_SPATIAL], want[MAX_SPATIAL];
  bool given = attr_has(n, "output_shape");
  if (!spatial_window(n, x, w, s) || !spatial_pads(n, s) ||
      !spatial_ints(n, "output_padding", s->n, 0, 0, extra))
    return false;
  Ints shape = attr_ints(n, "output_shape");
  if (given && shape.n == s->n + 2) /* with N and C, in older files */
    for (int i = 0; i < s->n; i++)
      want[i] = shape.v[i + 2];
  else if (given && !spatial_ints(n, "output_shape", s->n, 1, 1, want))
    return false;
  for (int i = 0; i < s->n; i++) {
    int64_t all = total_extent(s, i, extra[i]);
    if (given)
      cut_to(s, i, want[i], extra[i], pad == PAD_UPPER);
    else if (pad == PAD_UPPER || pad == PAD_LOWER)
      cut_to(s, i, same_extent(s, i, all), extra[i], pad == PAD_UPPER);
    else if (pad == PAD_VALID)
      s->before[i] = 0, s->out[i] = all;
    else
      s->out[i] = all - s->before[i] - s->declared[i];
    if (s->out[i] < 1 || s->out[i] > INT32_MAX)
      return node_invalid(n, "the output has %lld elements along axis %d",
                          (long long)s->out[i], i + 2);
  }
  return true;
}

/* [C, M / g, ..] -> [M, C / g, ..] */
static Value *swap_channels(Node *n, Value *w, int64_t group) {
  if (n->bad)
    return NULL;
  Dims d = dims_of(w), split = dims_insert(d, 1, d.v[0] / group);
  split.v[0] = group;
  Value *y = b_swap(n, b_reshape(n, w, split), 1, 2);
  int64_t c = d.v[0] / group;
  d.v[0] = d.v[1] * group;
  d.v[1] = c;
  return b_reshape(n, y, d);
}

/* x [N, H, W, C] or [N, W, C], w [M, C / g, ..]; the last `k` spatial
 * dimensions of s. */
static Value *spread_flat(Node *n, const Spatial *s, int k, Value *x, Value *w,
                          Value *bias) {
  if (n->bad)
    return NULL;
  if (k == 1) {
    x = b_unsqueeze(n, x, 1);
    w = b_unsqueeze(n, w, 2);
  }
  w = b_channels_last(n, w);
  if (n->bad)
    return NULL;
  Attrs a = attrs_default(OP_conv_transpose2d);
  Dims d = {4, {x->type->dim[0], 1, 1, w->type->dim[0]}};
  for (int i = 0; i < k; i++) {
    int at = 2 - k + i, from = s->n - k + i;
    a.conv_transpose.stride.v[at] = s->stride[from];
    a.conv_transpose.dilation.v[at] = s->dilation[from];
    a.conv_transpose.pad.v[at] = s->before[from];
    d.v[1 + at] = s->out[from];
  }
  Value *in[] = {x, w, bias};
  Value *y =
      b_op1(n, OP_conv_transpose2d, &a, bias ? 3 : 2, in, b_type(n, DT_f32, d));
  Dims line = {3, {d.v[0], d.v[2], d.v[3]}};
  return k == 1 ? b_reshape(n, y, line) : y;
}

/* x [N, D, ..] with zeros between and around the slices of D, so that
 * output slice d of tap k is slice d + reach - k * dilation. */
static Value *spread_slices(Node *n, const Spatial *s, Value *x) {
  if (n->bad)
    return NULL;
  int64_t none[MAX_RANK] = {0}, pad[MAX_RANK] = {0};
  int64_t reach = spatial_reach(s, 0);
  Dims d = dims_of(x), split = dims_insert(d, 2, 1);
  pad[2] = s->stride[0] - 1;
  x = b_pad(n, b_reshape(n, x, split), none, pad, 0);
  d.v[1] *= s->stride[0];
  x = b_reshape(n, x, d);
  int64_t front = reach - s->before[0], need = s->out[0] + reach;
  int64_t begin = front < 0 ? -front : 0;
  front = front < 0 ? 0 : front;
  int64_t back = need - front - (d.v[1] - begin);
  int64_t lead[MAX_RANK] = {0}, tail[MAX_RANK] = {0};
  lead[1] = front;
  tail[1] = back < 0 ? 0 : back;
  return b_slice1(n, b_pad(n, x, lead, tail, 0), 1, begin, need);
}

/* x [N, D, H, W, C] */
static Value *spread_deep(Node *n, const Spatial *s, Value *x, Value *w,
                          Value *bias) {
  Value *sum = NULL, *all = spread_slices(n, s, x);
  int64_t reach = spatial_reach(s, 0);
  for (int64_t k = 0; k < s->kernel[0] && !n->bad; k++) {
    Value *part = b_slice1(n, all, 1, reach - k * s->dilation[0], s->out[0]);
    Dims d = dims_reduce(dims_of(part), 1, false);
    d.v[0] *= n->bad ? 1 : x->type->dim[0];
    Value *y = spread_flat(n, s, 2, b_reshape(n, part, d),
                           b_squeeze(n, b_slice1(n, w, 2, k, 1), 1u << 2),
                           k ? NULL : bias);
    sum = k ? b_binary(n, OP_add, sum, y) : y;
  }
  if (n->bad)
    return NULL;
  Dims d = dims_insert(dims_of(sum), 1, s->out[0]);
  d.v[0] = x->type->dim[0];
  return b_reshape(n, sum, d);
}

void onnx_conv_transpose(Node *n) {
  Spatial s;
  Value *x = node_in(n, 0), *w = node_in(n, 1), *bias = node_in(n, 2);
  DType t = x->type->dtype;
  int64_t group = attr_int(n, "group", 1);
  if (!read_spread(n, x, w, &s))
    return;
  if (group < 1 || x->type->dim[1] % group ||
      w->type->dim[0] != x->type->dim[1])
    node_invalid(n,
                 "an input of %s and a weight of %s do not go with %lld "
                 "groups",
                 dims_text(n, dims_of(x)), dims_text(n, dims_of(w)),
                 (long long)group);
  if (s.n > 3)
    node_refuse(n, "%d spatial dimensions are not supported", s.n);
  x = b_channels_last(n, b_widen(n, b_plain(n, x)));
  w = swap_channels(n, b_widen(n, b_plain(n, w)), group);
  bias = bias ? b_widen(n, b_plain(n, bias)) : NULL;
  Value *y = s.n == 3 ? spread_deep(n, &s, x, w, bias)
                      : spread_flat(n, &s, s.n, x, w, bias);
  node_out(n, 0, b_cast(n, b_channels_first(n, y), t));
}
