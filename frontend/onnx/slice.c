/* Slice, whose bounds are an attribute in old versions. */
#include "frontend/onnx/build.h"

typedef struct Bounds {
  Ints begin, end, axes, step;
} Bounds;

static int64_t clamp(int64_t x, int64_t lo, int64_t hi) {
  return x < lo ? lo : x > hi ? hi : x;
}

/* One axis by Python's rules; false: nothing is left. */
static bool slice_axis(int64_t extent, int64_t begin, int64_t end, int64_t step,
                       int64_t *first, int64_t *count) {
  int64_t lo = step < 0 ? -1 : 0, hi = step < 0 ? extent - 1 : extent;
  begin = clamp(begin < 0 ? begin + extent : begin, step < 0 ? lo : 0, hi);
  end = clamp(end < 0 ? end + extent : end, lo, hi);
  int64_t length = step < 0 ? begin - end : end - begin;
  uint64_t by = step < 0 ? 0 - (uint64_t)step : (uint64_t)step;
  *first = begin;
  *count = length <= 0 ? 0 : (int64_t)(((uint64_t)length - 1) / by) + 1;
  return *count > 0;
}

static void slice(Node *n, const Bounds *b) {
  Value *x = node_in(n, 0);
  Dims d = dims_of(x);
  int64_t begin[MAX_RANK] = {0}, stride[MAX_RANK];
  bool any = true;
  for (int i = 0; i < MAX_RANK; i++)
    stride[i] = 1;
  if (b->begin.n != b->end.n || (b->axes.v && b->axes.n != b->begin.n) ||
      (b->step.v && b->step.n != b->begin.n))
    node_invalid(n, "%d starts, %d ends, %d axes, %d steps", b->begin.n,
                 b->end.n, b->axes.n, b->step.n);
  for (int i = 0; i < b->begin.n && !n->bad; i++) {
    int k = axis_of(n, b->axes.v ? b->axes.v[i] : i, d.rank);
    stride[k] = b->step.v ? b->step.v[i] : 1;
    if (!stride[k])
      node_invalid(n, "a step is 0");
    if (n->bad)
      return;
    any &= slice_axis(x->type->dim[k], b->begin.v[i], b->end.v[i], stride[k],
                      &begin[k], &d.v[k]);
  }
  for (int i = 0; i < d.rank && !any; i++) /* a shape without elements */
    begin[i] = 0;
  node_out(n, 0, b_slice(n, x, begin, d, stride));
}

void onnx_slice_1(Node *n) {
  Bounds b = {.begin = attr_ints(n, "starts"),
              .end = attr_ints(n, "ends"),
              .axes = attr_ints(n, "axes")};
  if (!n->bad)
    slice(n, &b);
}

void onnx_slice(Node *n) {
  Bounds b = {.begin = const_ints(n, node_in(n, 1), "the starts"),
              .end = const_ints(n, node_in(n, 2), "the ends"),
              .axes = const_ints(n, node_in(n, 3), "the axes"),
              .step = const_ints(n, node_in(n, 4), "the steps")};
  if (!n->bad)
    slice(n, &b);
}
