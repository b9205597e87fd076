/* Convolutions, dense layers and pools. TFLite's SAME and VALID become the
 * explicit pads that its kernels compute. */
#include "frontend/tflite/build.h"

typedef struct Pads {
  int64_t before, after;
} Pads;

/* SAME: ceil(n / stride) outputs; an odd number of padding elements has the
 * extra one behind. Extents are below 2^31, so nothing overflows. */
static Pads same_pads(int64_t n, int64_t window, int64_t stride,
                      int64_t dilation) {
  int64_t outputs = (n + stride - 1) / stride;
  int64_t reach = (window - 1) * dilation + 1;
  int64_t total = (outputs - 1) * stride + reach - n;
  if (total <= 0)
    return (Pads){0};
  return (Pads){total / 2, total - total / 2};
}

int64_t op_same_pad(int64_t n, int64_t window, int64_t stride) {
  return same_pads(n, window, stride, 1).before;
}

/* The fields that convolutions and pools share. */
typedef struct WindowFields {
  const FbField *padding, *stride_h, *stride_w, *act;
} WindowFields;

static bool read_window(TflOp *o, const WindowFields *f, Int2 *stride,
                        Act *act) {
  Fb *fb = &o->im->fb;
  *stride = (Int2){{fb_i32(fb, o->options, f->stride_h, 0),
                    fb_i32(fb, o->options, f->stride_w, 0)}};
  if (fb->bad)
    return false;
  if (stride->v[0] < 1 || stride->v[1] < 1)
    return op_invalid(o, "stride %lld x %lld", (long long)stride->v[0],
                      (long long)stride->v[1]);
  return op_act(o, f->act, act);
}

static bool check_rank4(TflOp *o, int operand, const char *what) {
  int rank = o->in[operand]->type->rank;
  return rank == 4 || op_invalid(o, "%s has rank %d, not 4", what, rank);
}

static bool read_pads(TflOp *o, const FbField *f, Int2 window, Int2 stride,
                      Int2 dilation, Int4 *out) {
  int padding = fb_i8(&o->im->fb, o->options, f);
  const int64_t *n = o->in[0]->type->dim;
  if (padding < 0 || padding >= TFL_PADDING_COUNT)
    return op_invalid(o, "padding %d does not exist", padding);
  *out = (Int4){{0}};
  for (int i = 0; i < 2 && padding == TFL_SAME; i++) {
    Pads p = same_pads(n[1 + i], window.v[i], stride.v[i], dilation.v[i]);
    out->v[2 * i] = p.before;
    out->v[2 * i + 1] = p.after;
  }
  return true;
}

static bool import_conv(TflOp *o, const WindowFields *f,
                        const FbField *dilation_h, const FbField *dilation_w) {
  Fb *fb = &o->im->fb;
  Attrs a = attrs_default(o->row->ir);
  ConvAttrs *c = &a.conv;
  if (!check_rank4(o, 0, "the input") || !check_rank4(o, 1, "the weight") ||
      !read_window(o, f, &c->stride, &c->act))
    return false;
  c->dilation = (Int2){{fb_i32(fb, o->options, dilation_h, 1),
                        fb_i32(fb, o->options, dilation_w, 1)}};
  if (c->dilation.v[0] < 1 || c->dilation.v[1] < 1)
    return op_invalid(o, "dilation %lld x %lld", (long long)c->dilation.v[0],
                      (long long)c->dilation.v[1]);
  const int64_t *w = o->in[1]->type->dim;
  return read_pads(o, f->padding, (Int2){{w[1], w[2]}}, c->stride, c->dilation,
                   &c->pad) &&
         (op_is_hybrid(o) ? import_hybrid_conv(o, &a)
                          : op_emit(o, o->row->ir, &a, o->nin, o->in));
}

bool import_conv2d(TflOp *o) {
  WindowFields f = {TFL_F(Conv2DOptions, padding),
                    TFL_F(Conv2DOptions, stride_h),
                    TFL_F(Conv2DOptions, stride_w),
                    TFL_F(Conv2DOptions, fused_activation_function)};
  return import_conv(o, &f, TFL_F(Conv2DOptions, dilation_h_factor),
                     TFL_F(Conv2DOptions, dilation_w_factor));
}

/* The depth multiplier follows from the shapes; the option that repeats it
 * is not read, as in LiteRT. */
bool import_depthwise(TflOp *o) {
  WindowFields f = {TFL_F(DepthwiseConv2DOptions, padding),
                    TFL_F(DepthwiseConv2DOptions, stride_h),
                    TFL_F(DepthwiseConv2DOptions, stride_w),
                    TFL_F(DepthwiseConv2DOptions, fused_activation_function)};
  return import_conv(o, &f, TFL_F(DepthwiseConv2DOptions, dilation_h_factor),
                     TFL_F(DepthwiseConv2DOptions, dilation_w_factor));
}

static bool read_pool(TflOp *o, PoolAttrs *p) {
  Fb *fb = &o->im->fb;
  WindowFields f = {TFL_F(Pool2DOptions, padding),
                    TFL_F(Pool2DOptions, stride_h),
                    TFL_F(Pool2DOptions, stride_w),
                    TFL_F(Pool2DOptions, fused_activation_function)};
  p->window =
      (Int2){{fb_i32(fb, o->options, TFL_F(Pool2DOptions, filter_height), 0),
              fb_i32(fb, o->options, TFL_F(Pool2DOptions, filter_width), 0)}};
  if (!check_rank4(o, 0, "the input") ||
      !read_window(o, &f, &p->stride, &p->act))
    return false;
  if (p->window.v[0] < 1 || p->window.v[1] < 1)
    return op_invalid(o, "window %lld x %lld", (long long)p->window.v[0],
                      (long long)p->window.v[1]);
  return read_pads(o, f.padding, p->window, p->stride, (Int2){{1, 1}}, &p->pad);
}

bool import_pool(TflOp *o) {
  Attrs a = attrs_default(o->row->ir);
  return read_pool(o, &a.pool) && op_emit(o, o->row->ir, &a, 1, o->in);
}

/* The root of the mean of squares. */
bool import_l2_pool(TflOp *o) {
  Attrs a = attrs_default(OP_avg_pool2d);
  if (!read_pool(o, &a.pool))
    return false;
  Act act = a.pool.act;
  a.pool.act = ACT_none;
  Value *square = t_binary(o, OP_mul, o->in[0], o->in[0]);
  Value *mean = t_op(o, OP_avg_pool2d, &a, 1, &square, o->out[0]);
  return t_done(o, t_act(o, t_unary(o, OP_sqrt, mean), act));
}

/* keep_num_dims only decides the output's shape, which the file has. */
bool import_fully_connected(TflOp *o) {
  const FbField *format = TFL_F(FullyConnectedOptions, weights_format);
  if (fb_i8(&o->im->fb, o->options, format) != 0)
    return op_refuse(o, "shuffled weights are not supported");
  Attrs a = attrs_default(OP_fully_connected);
  if (!op_act(o, TFL_F(FullyConnectedOptions, fused_activation_function),
              &a.dense.act))
    return false;
  if (op_is_hybrid(o))
    return import_hybrid_dense(
        o, a.dense.act,
        fb_bool(&o->im->fb, o->options,
                TFL_F(FullyConnectedOptions, asymmetric_quantize_inputs)));
  if (o->out[0]->dtype == DT_f32 && !o->in[1]->init)
    return import_dense_product(o, a.dense.act);
  return op_emit(o, OP_fully_connected, &a, o->nin, o->in);
}
