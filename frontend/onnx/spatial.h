/* Private to frontend/onnx: what operators with windows over the spatial
 * dimensions of [N, C, D1, .., Dk] share: their attributes, and convolution
 * itself. */
#ifndef KILN_FRONTEND_ONNX_SPATIAL_H
#define KILN_FRONTEND_ONNX_SPATIAL_H

#include "frontend/onnx/build.h"

enum { MAX_SPATIAL = MAX_RANK - 2 };

/* One entry a spatial dimension. */
typedef struct Spatial {
  int n;
  int64_t in[MAX_SPATIAL], kernel[MAX_SPATIAL], stride[MAX_SPATIAL];
  int64_t dilation[MAX_SPATIAL], before[MAX_SPATIAL];
  int64_t declared[MAX_SPATIAL]; /* padding at the end, as attributes say */
  int64_t after[MAX_SPATIAL];    /* the same, with what ceil_mode adds */
  int64_t out[MAX_SPATIAL];
} Spatial;

/* kernel_shape, strides, dilations, pads, auto_pad of a node on x. `w`: the
 * weight that the kernel's shape comes from, NULL: the attribute. False:
 * reported. */
bool spatial_read(Node *n, const Value *x, const Value *w, bool ceil_mode,
                  Spatial *s);
/* The same, but for pads, auto_pad and what follows from them: these are
 * left 0. */
bool spatial_window(Node *n, const Value *x, const Value *w, Spatial *s);
/* NOTSET, SAME_UPPER, SAME_LOWER, VALID. */
typedef enum AutoPad { PAD_NOTSET, PAD_UPPER, PAD_LOWER, PAD_VALID } AutoPad;
AutoPad spatial_auto_pad(Node *n);
/* pads -> before, declared. */
bool spatial_pads(Node *n, Spatial *s);
/* How far a window reaches from its first element on: (kernel - 1) *
 * dilation. */
int64_t spatial_reach(const Spatial *s, int i);
/* k numbers from 1 (`min`) on, or `absent` in every place. */
bool spatial_ints(Node *n, const char *name, int k, int64_t min, int64_t absent,
                  int64_t *out);

/* [N, C, ..] <-> [N, .., C] */
Value *b_channels_last(Node *n, Value *x);
Value *b_channels_first(Node *n, Value *x);
/* f16 and bf16 as f32, in which they are computed. */
Value *b_widen(Node *n, Value *x);

/* A convolution with operands as ONNX lays them out: x [N, C, ..], w
 * [M, C / group, ..], bias [M] or NULL; zero points of plain bytes (sums of
 * i32 then) or NULL. */
typedef struct Conv {
  Value *x, *w, *bias, *x_zero, *w_zero;
  int64_t group;
  Spatial s;
  DType dtype;          /* of the output */
  const QuantParams *q; /* of the output; for more than two spatial
                           dimensions NULL */
} Conv;
Value *b_conv(Node *n, const Conv *c);

/* max_pool2d or avg_pool2d over one or two spatial dimensions, to values of
 * x's type with parameters q (NULL: x's); x fits pool_is_flat. */
bool pool_is_flat(const Value *x, const Spatial *s);
Value *b_pool_flat(Node *n, OpKind kind, Value *x, const QuantParams *q,
                   const Spatial *s);
/* The average of floats; s as spatial_read left it. */
Value *b_average_pool(Node *n, Value *x, bool with_pads, Spatial *s);
/* Puts the padding that attributes ask for around x; its stored value. */
Value *b_pool_pads(Node *n, Value *x, int64_t value, Spatial *s);

#endif
