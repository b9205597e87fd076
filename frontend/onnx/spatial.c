/* The attributes of operators with windows, and moving channels. */
#include "frontend/onnx/spatial.h"

bool spatial_ints(Node *n, const char *name, int k, int64_t min, int64_t absent,
                  int64_t *out) {
  Ints v = attr_ints(n, name);
  if (n->bad || (v.v && v.n && v.n != k))
    return !n->bad &&
           node_invalid(n, "%s has %d numbers, expected %d", name, v.n, k);
  for (int i = 0; i < k; i++) {
    out[i] = v.n ? v.v[i] : absent;
    if (out[i] < min || out[i] > INT32_MAX)
      return node_invalid(n, "%s is %lld, must be at least %lld", name,
                          (long long)out[i], (long long)min);
  }
  return true;
}

int64_t spatial_reach(const Spatial *s, int i) {
  return mul_saturating(s->kernel[i] - 1, s->dilation[i]);
}

static bool read_kernel(Node *n, const Value *w, Spatial *s) {
  bool given = attr_has(n, "kernel_shape");
  if (!w && !given)
    return node_invalid(n, "kernel_shape is missing");
  if (given && !spatial_ints(n, "kernel_shape", s->n, 1, 1, s->kernel))
    return false;
  if (w && w->type->rank != s->n + 2)
    return node_invalid(n, "the weight has %d dimensions, the input %d",
                        w->type->rank, s->n + 2);
  for (int i = 0; w && i < s->n; i++) {
    if (given && s->kernel[i] != w->type->dim[2 + i])
      return node_invalid(n, "kernel_shape is not that of the weight");
    s->kernel[i] = w->type->dim[2 + i];
  }
  return true;
}

bool spatial_window(Node *n, const Value *x, const Value *w, Spatial *s) {
  *s = (Spatial){0};
  if (n->bad)
    return false;
  if (x->type->rank < 3)
    return node_invalid(n, "an input of rank %d has no spatial dimensions",
                        x->type->rank);
  s->n = x->type->rank - 2;
  for (int i = 0; i < s->n; i++)
    s->in[i] = x->type->dim[2 + i];
  if (!read_kernel(n, w, s) ||
      !spatial_ints(n, "strides", s->n, 1, 1, s->stride) ||
      !spatial_ints(n, "dilations", s->n, 1, 1, s->dilation))
    return false;
  for (int i = 0; i < s->n; i++)
    if (spatial_reach(s, i) > INT32_MAX)
      return node_invalid(n, "the window is too large");
  return true;
}

AutoPad spatial_auto_pad(Node *n) {
  static const char *const names[] = {"NOTSET", "SAME_UPPER", "SAME_LOWER",
                                      "VALID", NULL};
  return (AutoPad)attr_choice(n, "auto_pad", names);
}

bool spatial_pads(Node *n, Spatial *s) {
  int64_t pads[2 * MAX_SPATIAL];
  if (!spatial_ints(n, "pads", 2 * s->n, 0, 0, pads))
    return false;
  for (int i = 0; i < s->n; i++) {
    s->before[i] = pads[i];
    s->declared[i] = pads[s->n + i];
  }
  return true;
}

static void pad_same(Spatial *s, int i, bool upper) {
  s->out[i] = (s->in[i] - 1) / s->stride[i] + 1;
  int64_t all =
      (s->out[i] - 1) * s->stride[i] + spatial_reach(s, i) + 1 - s->in[i];
  all = all < 0 ? 0 : all;
  s->before[i] = upper ? all / 2 : all - all / 2;
  s->declared[i] = s->after[i] = all - s->before[i];
}

/* A window that ceil_mode adds must begin before the padding at the end. */
static bool pad_explicit(Node *n, Spatial *s, int i, bool ceil_mode) {
  int64_t padded = s->in[i] + s->before[i] + s->declared[i];
  int64_t reach = spatial_reach(s, i), stride = s->stride[i];
  if (reach >= padded)
    return node_invalid(n,
                        "a window of %lld (dilation %lld) is larger than the "
                        "padded input's %lld",
                        (long long)s->kernel[i], (long long)s->dilation[i],
                        (long long)padded);
  int64_t steps = padded - reach - 1;
  s->out[i] = (steps + (ceil_mode ? stride - 1 : 0)) / stride + 1;
  s->after[i] = s->declared[i];
  if (!ceil_mode)
    return true;
  if ((s->out[i] - 1) * stride >= s->in[i] + s->before[i])
    s->out[i]--;
  int64_t end = (s->out[i] - 1) * stride + reach + 1;
  s->after[i] = end - s->in[i] - s->before[i];
  s->after[i] = s->after[i] < 0 ? 0 : s->after[i];
  return true;
}

bool spatial_read(Node *n, const Value *x, const Value *w, bool ceil_mode,
                  Spatial *s) {
  AutoPad pad = spatial_auto_pad(n);
  if (!spatial_window(n, x, w, s) || !spatial_pads(n, s))
    return false;
  for (int i = 0; i < s->n; i++) {
    if (pad != PAD_NOTSET)
      s->before[i] = s->declared[i] = 0;
    if (pad == PAD_UPPER || pad == PAD_LOWER)
      pad_same(s, i, pad == PAD_UPPER);
    else if (!pad_explicit(n, s, i, ceil_mode && pad == PAD_NOTSET))
      return false;
  }
  return true;
}

/* --- channels ---------------------------------------------------------- */

Value *b_channels_last(Node *n, Value *x) {
  int perm[MAX_RANK] = {0};
  if (n->bad)
    return NULL;
  int rank = x->type->rank;
  for (int i = 1; i < rank; i++)
    perm[i] = i + 1 < rank ? i + 1 : 1;
  return b_transpose(n, x, perm);
}

Value *b_channels_first(Node *n, Value *x) {
  int perm[MAX_RANK] = {0};
  if (n->bad)
    return NULL;
  int rank = x->type->rank;
  for (int i = 1; i < rank; i++)
    perm[i] = i == 1 ? rank - 1 : i - 1;
  return b_transpose(n, x, perm);
}

Value *b_widen(Node *n, Value *x) {
  if (n->bad || !x)
    return NULL;
  DType t = x->type->dtype;
  return t == DT_f16 || t == DT_bf16 ? b_cast(n, x, DT_f32) : x;
}
