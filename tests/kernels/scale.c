/* The kernel of quantize and dequantize with any axis: types, odd sizes, zero
 * points at the ends of the range, ties, infinities and NaN. */
#include "tests/kernels/light.h"

static const QuantParams *random_params(Check *c, Random *r, DType t, int axis,
                                        int64_t n) {
  QuantParams *q = ARENA_NEW(c->arena, QuantParams);
  float *scale = ARENA_ARRAY(c->arena, float, n);
  int32_t *zero = ARENA_ARRAY(c->arena, int32_t, n);
  bool power = random_below(r, 2); /* makes ties */
  for (int64_t i = 0; i < n; i++) {
    scale[i] = power ? 0.25f : random_scale(r);
    zero[i] = t == DT_i32 || t == DT_i16
                  ? 0
                  : random_in(r, (int)dtype_min(t), (int)dtype_max(t));
  }
  *q = (QuantParams){.axis = axis,
                     .nscale = (int)n,
                     .scale = scale,
                     .zero_point = zero,
                     .qmin = dtype_min(t),
                     .qmax = dtype_max(t)};
  return q;
}

static void one_case(const char *target, int seed) {
  static const DType types[] = {DT_i8, DT_u8, DT_i16, DT_i32};
  Random r = {(uint32_t)seed * 7919u + 31};
  Check c = check_new(target);
  bool narrows = seed % 2;
  DType t = types[random_below(&r, narrows ? 3 : 4)];
  if (t == DT_i32)
    c.graph->rounding = ROUND_onnx;
  c.any_bits = seed % 3 == 0;
  int64_t dim[3];
  for (int d = 0; d < 3; d++)
    dim[d] = random_in(&r, 1, d == 2 ? 70 : 9);
  int axis = random_in(&r, -1, 2);
  const QuantParams *q =
      random_params(&c, &r, t, axis, axis < 0 ? 1 : dim[axis]);
  const Type *whole = type_new(c.arena, t, 3, dim, q);
  const Type *real = type_new(c.arena, DT_f32, 3, dim, NULL);
  OpKind k = narrows ? OP_quantize : OP_dequantize;
  Attrs at = attrs_default(k);
  Value *x = random_input(&c, &r, "x", narrows ? real : whole);
  give(&c, &r, add_op(&c, k, &at, 1, &x, narrows ? whole : real));
  check_finish(&c, &r, seed);
}

int main(void) { return check_everywhere((Everywhere){one_case, 200, 60, 60}); }
