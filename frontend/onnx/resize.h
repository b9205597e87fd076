/* Private to frontend/onnx: resizing one axis, which is how all of Resize is
 * done. */
#ifndef KILN_FRONTEND_ONNX_RESIZE_H
#define KILN_FRONTEND_ONNX_RESIZE_H

#include "frontend/onnx/build.h"

/* How an output coordinate becomes one of the input. */
typedef enum ResizeCoord {
  COORD_half_pixel,
  COORD_half_pixel_symmetric,
  COORD_pytorch_half_pixel,
  COORD_align_corners,
  COORD_asymmetric,
  COORD_tf_crop_and_resize,
  COORD_tf_half_pixel_for_nn
} ResizeCoord;

typedef enum ResizeMode {
  RESIZE_nearest,
  RESIZE_linear,
  RESIZE_cubic
} ResizeMode;

typedef enum ResizeRound {
  NEAREST_prefer_floor,
  NEAREST_prefer_ceil,
  NEAREST_floor,
  NEAREST_ceil,
  NEAREST_simple /* opset 10: down, but up where the axis shrinks */
} ResizeRound;

typedef struct Resize {
  ResizeMode mode;
  ResizeCoord coord;
  ResizeRound round;
  float cubic_a;
  bool exclude_outside, antialias;
  float extrapolation;
} Resize;

typedef struct ResizeAxis {
  int64_t in, out;
  float scale;  /* out / in, as given */
  float length; /* out, or in * scale where the scale is given */
  float roi[2]; /* begin and end, for tf_crop_and_resize */
} ResizeAxis;

/* Where each output coordinate reads: weights of `taps` input coordinates,
 * which are inside of the input. */
typedef struct ResizeTable {
  int64_t taps;
  int64_t *index; /* (out, taps) */
  float *weight;  /* (out, taps) */
  bool *outside;  /* (out) gets the extrapolation value; NULL: none does */
} ResizeTable;
/* How many taps that takes. */
int64_t resize_taps(const Resize *r, const ResizeAxis *x);
ResizeTable resize_table(Arena *a, const Resize *r, const ResizeAxis *x);

#endif
