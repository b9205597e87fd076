/* Private to frontend/onnx: reading images between their elements, at
 * coordinates known at run time. */
#ifndef KILN_FRONTEND_ONNX_SAMPLE_H
#define KILN_FRONTEND_ONNX_SAMPLE_H

#include "frontend/onnx/build.h"

typedef enum SampleMode {
  SAMPLE_linear,
  SAMPLE_nearest,
  SAMPLE_cubic
} SampleMode;

typedef enum SampleBorder {
  BORDER_zeros,
  BORDER_edge,
  BORDER_reflect, /* around the outer elements' edges */
  BORDER_mirror   /* around the outer elements themselves */
} SampleBorder;

enum { MAX_SAMPLED = 3 };

typedef struct Sampler {
  Value *flat; /* [N * D1 * .. * Dk, C], f32 or f64 */
  int k;
  int64_t dim[MAX_SAMPLED];
  Value *base; /* i64: index of the image's first element; broadcasts to the
                  coordinates */
  SampleMode mode;
  SampleBorder border;
  OpKind combine; /* of what the neighbours contribute: add, or max */
} Sampler;

/* x [N, C, D1, ..] as `flat`. */
Value *b_sample_flat(Node *n, Value *x);
/* base for coordinates whose dimension `axis` of `rank` is N. */
Value *b_sample_base(Node *n, Value *x, int axis, int rank);
/* coord: (k) floats of one shape S, in elements. Gives [S, C]. */
Value *b_sample(Node *n, const Sampler *s, Value *const *coord);

#endif
