/* conv2d(pad(x)) -> conv2d(x) with larger pads. A convolution takes what lies
 * outside of its input as the zero point, so a pad by the zero point, in
 * height and width only, is the same; not where the zero point is an operand.
 * max_pool2d takes nothing there, which
 * a pad by the smallest stored value equals. avg_pool2d does not count its
 * padding, but would count a pad's: left alone. */
#include "passes/rewrite.h"

/* The pad that makes op's input, if only op reads it and it is NHWC padded
 * in H and W. */
static Op *spatial_pad(const Graph *g, const Op *op) {
  Op *pad = rewrite_only_def(g, op->in[0], OP_pad);
  if (!pad || op->in[0]->type->rank != 4)
    return NULL;
  const PadAttrs *a = &pad->attrs.pad;
  for (int i = 0; i < 4; i += 3)
    if (a->before.v[i] || a->after.v[i])
      return NULL;
  return pad;
}

/* {top, bottom, left, right} of op's own pads and the pad's. */
static Int4 sum(const Int4 *own, const PadAttrs *a) {
  Int4 s = *own;
  for (int axis = 0; axis < 2; axis++) {
    s.v[2 * axis] += a->before.v[axis + 1];
    s.v[2 * axis + 1] += a->after.v[axis + 1];
  }
  return s;
}

static bool fuse_conv(Graph *g, Op *op) {
  const Op *pad = spatial_pad(g, op);
  if (!pad || op_in(op, 3) ||
      pad->attrs.pad.value != type_zero_point(pad->in[0]->type))
    return false;
  op->attrs.conv.pad = sum(&op->attrs.conv.pad, &pad->attrs.pad);
  op_set_input(op, 0, pad->in[0]);
  return true;
}

/* Every window must keep an element of x. */
static bool fits_window(const Int4 *pads, const Int2 *window) {
  for (int i = 0; i < 4; i++)
    if (pads->v[i] >= window->v[i / 2])
      return false;
  return true;
}

static bool fuse_max_pool(Graph *g, Op *op) {
  PoolAttrs *a = &op->attrs.pool;
  const Op *pad = spatial_pad(g, op);
  if (!pad || !type_is_q8(pad->in[0]->type) ||
      pad->attrs.pad.value != dtype_min(pad->in[0]->type->dtype))
    return false;
  Int4 pads = sum(&a->pad, &pad->attrs.pad);
  if (!fits_window(&pads, &a->window))
    return false;
  a->pad = pads;
  op_set_input(op, 0, pad->in[0]);
  return true;
}

static const Rule rules[] = {
    {OP_conv2d, fuse_conv, "pads fused"},
    {OP_depthwise_conv2d, fuse_conv, "pads fused"},
    {OP_max_pool2d, fuse_max_pool, "pads fused"},
};

bool pass_fuse_pad(Graph *g, PassCtx *c) {
  rewrite_graph(g, c, rules, sizeof rules / sizeof *rules);
  return true;
}
